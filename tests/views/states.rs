//! `states` and `proc`: the counts are the scene's, and they add up.

use common::{Namespace, Row, Scene, everything, json, row, rows, sockets, sockscope};
use serde_json::{Value, json as value};
use std::collections::BTreeSet;

/// Every state of TCP, zeros included.
const STATES: [&str; 12] = [
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
    "BOUND_INACTIVE",
];

#[test]
fn states_are_the_counts_of_the_scene() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scenes = [
        Scene::start(&["all"]),
        Scene::start(&["all", "--family", "6"]),
        Scene::start(&["unaccepted", "--count", "4"]),
        Scene::start(&["mapped"]),
    ];
    let _udp = [
        Scene::start(&["udp-bound", "--count", "3"]),
        Scene::start(&["udp-connected", "--count", "2"]),
    ];
    let truth: Vec<Row> = scenes.iter().flat_map(Scene::rows).collect();
    let answer = json(&["states", "--json"]);
    for state in STATES {
        let count = truth.iter().filter(|row| row.state == state).count();
        assert_eq!(answer["states"][state], count, "{state}");
    }
    assert_eq!(
        answer["states"].as_object().unwrap().len(),
        STATES.len(),
        "{answer}"
    );
    assert_eq!(answer["total"], truth.len());
    assert_eq!(answer["udp"], value!({"connected": 4, "unconnected": 3}));
}

#[test]
fn groups_add_up_whatever_they_are_by() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [
        Scene::start(&["all"]),
        Scene::start(&["mapped"]),
        Scene::start(&["unaccepted", "--count", "4"]),
        Scene::start(&["forked", "--count", "3"]),
        Scene::start(&["other-user"]),
        Scene::start(&["scm"]),
    ];
    for by in [
        "process",
        "user",
        "port",
        "peer",
        "state",
        "netns",
        "unit",
        "container",
    ] {
        let answer = json_of_states(by);
        let groups = answer["groups"].as_array().unwrap();
        let sum = |read: &dyn Fn(&Value) -> u64| groups.iter().map(read).sum::<u64>();
        assert_eq!(
            answer["total"],
            sum(&|group| group["total"].as_u64().unwrap()),
            "--by {by}"
        );
        for state in STATES {
            let count = |group: &Value| group["states"][state].as_u64().unwrap_or(0);
            assert_eq!(answer["states"][state], sum(&count), "--by {by}: {state}");
        }
        let keys: BTreeSet<String> = groups
            .iter()
            .map(|group| group["key"].to_string())
            .collect();
        assert_eq!(keys.len(), groups.len(), "--by {by}: a key twice");
    }
}

/// `states --by KEY --json`; an owner that refuses us may make it incomplete, which is no failure here.
fn json_of_states(by: &str) -> Value {
    let answer = sockscope(&["states", "--by", by, "--json"]);
    assert_eq!(answer.code(), 0, "{answer:?}");
    answer.json()
}

/// One listener and one connection held by four processes count once, under the lowest pid.
#[test]
fn a_shared_socket_counts_once() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["forked", "--count", "3"]);
    let answer = json_of_states("process");
    let groups = answer["groups"].as_array().unwrap();
    let lowest = scene
        .truths()
        .iter()
        .flat_map(|t| t.row.owners.clone())
        .map(|owner| owner.0)
        .min();
    assert_eq!(
        (groups.len(), &answer["total"]),
        (1, &value!(3)),
        "{answer}"
    );
    assert_eq!(
        groups[0]["key"]["pid"].as_u64(),
        lowest.map(u64::from),
        "{answer}"
    );
}

#[test]
fn one_process() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["forked", "--count", "2"]);
    let (_all, _udp) = (Scene::start(&["all"]), Scene::start(&["udp-bound"]));
    let child = u32::try_from(scene.extra("children")[0].as_u64().unwrap()).unwrap();
    for pid in [scene.pid(), child] {
        let holds = |row: &Row| row.owners.iter().any(|owner| owner.0 == pid);
        let wanted: Vec<Row> = scene.rows().into_iter().filter(holds).collect();
        assert_eq!(
            rows(&json(&["proc", &pid.to_string(), "--json"])),
            wanted,
            "pid {pid}"
        );
    }
    // By name: every scene in this namespace, and all that is owned there.
    let mut wanted: Vec<Row> = everything(&[])
        .iter()
        .map(row)
        .filter(|row| !row.owners.is_empty())
        .collect();
    wanted.sort();
    assert_eq!(rows(&json(&["proc", "scene", "--json"])), wanted);
    for nobody in ["no-such-name", "4194303"] {
        assert_eq!(
            sockscope(&["proc", nobody, "--json"]).code(),
            1,
            "proc {nobody}"
        );
    }
}

#[test]
fn listen_is_sorted_by_port() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [
        Scene::start(&["listen", "--count", "30"]),
        Scene::start(&["udp-bound", "--count", "30"]),
    ];
    let answer = json(&["listen", "--json"]);
    let ports: Vec<u64> = sockets(&answer)
        .iter()
        .map(|s| s["local"]["port"].as_u64().unwrap())
        .collect();
    assert_eq!(ports.len(), 60);
    assert!(ports.is_sorted(), "{ports:?}");
}

#[test]
fn without_owners_nothing_is_missing() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established"]);
    for command in ["listen", "conns", "states"] {
        let answer = json(&[command, "--json", "--no-owners", "--strict"]);
        assert_eq!(
            (&answer["complete"], &answer["problems"]),
            (&value!(true), &value!([]))
        );
        assert_eq!(answer["owners_from"], "none");
        for socket in answer["sockets"].as_array().into_iter().flatten() {
            assert_eq!(
                (&socket["owners"], &socket["owner_status"]),
                (&value!([]), &value!("not_asked"))
            );
        }
    }
}
