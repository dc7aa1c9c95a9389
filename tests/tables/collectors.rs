//! Three collectors, one truth: they agree on every field that each of them can know.

use common::quiet::{lost_fields, name, quiet_scenes, set, without_bound_only};
use common::{Namespace, Scene, json, problem_codes, rows, sockets};
use serde_json::{Value, json as value};

#[test]
fn netlink_and_procfs_agree() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = quiet_scenes();
    for command in ["listen", "conns"] {
        let full = json(&[command, "--json", "--collector", "netlink"]);
        let less = json(&[command, "--json", "--collector", "procfs"]);
        assert_eq!(
            (&full["collector"], &less["collector"]),
            (&value!("netlink"), &value!("procfs"))
        );
        assert_eq!(
            rows(&full),
            rows(&json(&[command, "--json"])),
            "auto is netlink"
        );
        assert_eq!(rows(&less), without_bound_only(rows(&full)), "{command}");
        let lost = lost_fields(&less, &full);
        let wanted: &[&str] = if command == "listen" {
            &[".accept_queue.limit", ".cookie", ".dual_stack"]
        } else {
            &[".cookie"]
        };
        assert_eq!(lost, set(wanted), "{command}");
        assert_eq!(full["complete"], true);
        // /proc/net/tcp does not show the bound-only sockets that `conns` asks for.
        assert_eq!(less["complete"], command == "listen");
        let problems: &[&str] = if command == "listen" {
            &["v6only_unknown"]
        } else {
            &["bound_only_unseen"]
        };
        assert_eq!(problem_codes(&less), problems, "{command}");
    }
}

/// netstat2 knows addresses, TCP states, inodes and owners, and none of the rest.
#[test]
fn netlink_and_netstat2_agree() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = quiet_scenes();
    for command in ["listen", "conns"] {
        let full = json(&[command, "-t", "--json", "--collector", "netlink"]);
        let less = json(&[command, "-t", "--json", "--collector", "netstat2"]);
        assert_eq!(less["collector"], "netstat2");
        let named = |answer: &Value| {
            let listed = |socket: &&Value| socket["state"] != "BOUND_INACTIVE";
            let mut all: Vec<_> = sockets(answer)
                .iter()
                .filter(listed)
                .map(|socket| format!("{} {} {}", name(socket), socket["state"], socket["role"]))
                .collect();
            all.sort();
            all
        };
        assert_eq!(named(&less), named(&full), "{command}");
        let lost = lost_fields(&less, &full);
        for kept in [
            ".protocol",
            ".family",
            ".state",
            ".local",
            ".peer",
            ".role",
            ".netns",
            ".owner_status",
        ] {
            assert!(!lost.contains(kept), "{command}: {kept} is lost");
        }
        assert!(
            lost.contains(".cookie") && !lost.contains(".owners"),
            "{command}: {lost:?}"
        );
    }
}

/// netstat2 does not tell connected UDP sockets from others: that is said. Nothing is left out of `listen`, but `conns`
/// has none of them.
#[test]
fn netstat2_says_that_it_does_not_know_udp() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["udp-connected"]);
    let answer = json(&["listen", "-u", "--json", "--collector", "netstat2"]);
    assert_eq!(
        (&answer["complete"], sockets(&answer).len()),
        (&value!(true), scene.truths().len())
    );
    assert_eq!(problem_codes(&answer), ["udp_state_unknown"]);
    let conns = ["conns", "-u", "--json", "--collector", "netstat2"];
    let answer = common::Run::new(&conns).output().json();
    assert_eq!(
        (&answer["complete"], sockets(&answer).len()),
        (&value!(false), 0)
    );
}
