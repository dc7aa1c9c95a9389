//! Tables that change or are long while they are read: nothing that was there the whole time is missed or doubled.

use common::{Namespace, Row, Scene, json, row, sockets, sockscope};
use serde_json::Value;
use std::collections::BTreeMap;

const ROUNDS: usize = 20;

/// One look with both commands; their rows by what identifies a socket with a file.
///
/// The exit code may be 0 only, and no cookie may come twice in one answer.
fn look() -> BTreeMap<(String, Option<u64>), Vec<Row>> {
    let mut found: BTreeMap<_, Vec<Row>> = BTreeMap::new();
    for command in ["listen", "conns"] {
        let answer = json(&[command, "--json"]);
        let mut cookies: Vec<&str> = sockets(&answer)
            .iter()
            .filter_map(|s| s["cookie"].as_str())
            .collect();
        let all = cookies.len();
        cookies.sort_unstable();
        cookies.dedup();
        assert_eq!(cookies.len(), all, "{command}: a cookie twice");
        assert!(explained(&answer), "{}", answer["problems"]);
        for row in sockets(&answer).iter().map(row) {
            found
                .entry((row.protocol.clone(), row.inode))
                .or_default()
                .push(row);
        }
    }
    found
}

/// Churn may cost the owners of sockets that came and went, which is said; tables are never inconsistent in silence.
fn explained(answer: &Value) -> bool {
    answer["complete"] == true || !answer["problems"].as_array().unwrap().is_empty()
}

/// Looks `rounds` times; each socket of the scenes is there exactly once, as it is.
fn always_there(rounds: usize, scenes: &[&Scene]) {
    let stable: Vec<Row> = scenes.iter().flat_map(|scene| scene.rows()).collect();
    for round in 0..rounds {
        let found = look();
        for wanted in &stable {
            let shown = found
                .get(&(wanted.protocol.clone(), wanted.inode))
                .map_or(&[][..], Vec::as_slice);
            assert_eq!(shown, std::slice::from_ref(wanted), "round {round}");
        }
    }
}

#[test]
fn stable_sockets_among_churn() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["churn", "--workers", "2", "--count", "60"]);
    always_there(ROUNDS, &[&scene]);
}

#[test]
fn stable_sockets_among_churn_of_ipv6() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let churn = Scene::start(&["churn", "--workers", "2", "--count", "10"]);
    let scene = Scene::start(&["established", "--count", "60", "--family", "6"]);
    always_there(10, &[&scene, &churn]);
}

/// A table of 64 buckets, as a small machine with many connections has it: the kernel visits a bucket in steps of 16
/// sockets, and what goes meanwhile hides another one.
#[test]
fn stable_connections_in_long_chains_among_churn() {
    let Some(_outer) = Namespace::enter() else {
        return;
    };
    // Linux 6.1. A namespace made from here has a table of its own.
    if std::fs::write("/proc/sys/net/ipv4/tcp_child_ehash_entries", "64").is_err() {
        common::skipped("this kernel has one table for all namespaces");
        return;
    }
    let _namespace = Namespace::enter().unwrap();
    let scene = Scene::start(&["established", "--count", "1500"]);
    let _churn = Scene::start(&["churn", "--workers", "2", "--count", "1"]);
    let mut stable: Vec<Row> = scene.rows();
    stable.retain(|row| row.state == "ESTABLISHED");
    for round in 0..20 {
        let answer = json(&["conns", "-t", "--json", "--no-owners"]);
        let mut found: BTreeMap<_, usize> = BTreeMap::new();
        for socket in sockets(&answer) {
            *found.entry(socket["inode"].as_u64()).or_default() += 1;
        }
        let there = |row: &&Row| found.get(&row.inode) == Some(&1);
        let count = stable.iter().filter(there).count();
        assert_eq!(count, stable.len(), "round {round}");
        assert!(explained(&answer), "{answer}");
    }
}

/// One bucket of the kernel's table that needs many messages, while the table changes.
#[test]
fn a_long_bucket_of_listeners() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["reuseport", "--count", "4000"]);
    let answer = json(&["listen", "--json"]);
    assert_eq!(common::rows(&answer), scene.rows());
    let _churn = Scene::start(&["churn", "--workers", "1", "--count", "1"]);
    always_there(3, &[&scene]);
}

#[test]
fn a_long_bucket_of_udp_sockets() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["udp-many", "--same-port", "--count", "4000"]);
    let answer = json(&["listen", "--json", "-u"]);
    assert_eq!(common::rows(&answer), scene.rows());
    let _churn = Scene::start(&["churn", "--workers", "1", "--count", "1"]);
    always_there(3, &[&scene]);
}

#[test]
fn many_sockets_of_each_state() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scenes = [
        Scene::start(&["established", "--count", "1500"]),
        Scene::start(&["time-wait", "--count", "500"]),
        Scene::start(&["close-wait", "--count", "500"]),
    ];
    let states = json(&["states", "--json"]);
    let truth: Vec<Row> = scenes.iter().flat_map(Scene::rows).collect();
    for state in [
        "ESTABLISHED",
        "TIME_WAIT",
        "CLOSE_WAIT",
        "FIN_WAIT2",
        "LISTEN",
    ] {
        assert_eq!(
            states["states"][state],
            truth.iter().filter(|row| row.state == state).count(),
            "{state}"
        );
    }
    assert_eq!(states["total"], truth.len());
}

/// `--strict` in quiet: complete, so 0.
#[test]
fn strict_is_satisfied_in_quiet() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["all"]);
    for command in ["listen", "conns", "states"] {
        let answer = sockscope(&[command, "--json", "--strict"]);
        let told = answer.json();
        let code = if told["complete"] == true { 0 } else { 3 };
        assert_eq!(answer.code(), code, "{command}: {told}");
        assert!(common::is_complete_here(&told), "{command}: {told}");
    }
}
