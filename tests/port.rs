//! `port`: who holds it, what its connections do, what blocks it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "tests fail loudly"
)]

mod common;

use common::{Namespace, Scene, json, row, rows, sockets, sockscope};
use serde_json::{Value, json as value};
use std::collections::{BTreeMap, BTreeSet};

/// The entry of `port` for one protocol.
fn entry<'a>(answer: &'a Value, port: u16, protocol: &str) -> &'a Value {
    let is_it = |entry: &&Value| entry["port"] == port && entry["protocol"] == protocol;
    let mut found = answer["ports"].as_array().unwrap().iter().filter(is_it);
    let one = found
        .next()
        .unwrap_or_else(|| panic!("no {protocol} {port} in {answer}"));
    assert!(
        found.next().is_none(),
        "{protocol} {port} twice in {answer}"
    );
    one
}

/// `port PORT --json` and its exit code.
fn port(port: u16) -> (Value, i32) {
    let answer = sockscope(&["port", &port.to_string(), "--json"]);
    (answer.json(), answer.code())
}

/// Checks one entry but for `blocked_by`, whose reasons it returns.
fn check(entry: &Value, listeners: u64, by_state: Value, outbound: Value) -> BTreeSet<String> {
    assert_eq!(entry["listeners"], listeners, "{entry}");
    assert_eq!(entry["in_use"], by_state != value!({}), "{entry}");
    assert_eq!(entry["by_state"], by_state, "{entry}");
    assert_eq!(entry["outbound_by_state"], outbound, "{entry}");
    let blockers = entry["blocked_by"].as_array().unwrap();
    assert_eq!(blockers.is_empty(), by_state == value!({}), "{entry}");
    blockers
        .iter()
        .map(|blocker| blocker["reason"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_port_with_connections() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["established", "--count", "3"]);
    let number = scene.labelled("listener").port();
    let (answer, code) = port(number);
    assert_eq!(code, 0);
    let counts = (
        value!({"LISTEN": 1, "ESTABLISHED": 3}),
        value!({"ESTABLISHED": 3}),
    );
    let reasons = check(entry(&answer, number, "tcp"), 1, counts.0, counts.1);
    assert!(reasons.contains("listener"), "{reasons:?}");
    check(entry(&answer, number, "udp"), 0, value!({}), value!({}));
    assert_eq!(rows(&answer), scene.rows());
    let mut roles = BTreeMap::new();
    for socket in sockets(&answer) {
        *roles.entry(socket["role"].as_str().unwrap()).or_insert(0) += 1;
    }
    assert_eq!(
        roles,
        BTreeMap::from([("listener", 1), ("inbound", 3), ("outbound", 3)])
    );
}

/// Asked for the client's port, the same connection has its roles the other way round.
#[test]
fn the_asked_port_decides_the_role() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["established"]);
    let client = scene.labelled("client");
    let (answer, _) = port(client.port());
    check(
        entry(&answer, client.port(), "tcp"),
        0,
        value!({"ESTABLISHED": 1}),
        value!({"ESTABLISHED": 1}),
    );
    for socket in sockets(&answer) {
        let role = if row(socket).local == client.row.local {
            "inbound"
        } else {
            "outbound"
        };
        assert_eq!(socket["role"], role, "{socket}");
    }
}

#[test]
fn a_free_port() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["listen", "--port", "4001"]);
    let (answer, code) = port(4000);
    assert_eq!((code, sockets(&answer).len()), (1, 0));
    assert_eq!(answer["ports"].as_array().unwrap().len(), 2);
    for protocol in ["tcp", "udp"] {
        check(entry(&answer, 4000, protocol), 0, value!({}), value!({}));
    }
    assert_eq!(
        (&answer["problems"], &answer["complete"]),
        (&value!([]), &value!(true))
    );
}

#[test]
fn what_else_holds_a_port() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let cases: [(&[&str], &str, &str, u64, Value); 5] = [
        (&["bound"], "bound", "tcp", 0, value!({"BOUND_INACTIVE": 1})),
        (&["udp-bound"], "bound", "udp", 1, value!({"UNCONN": 1})),
        (
            &["udp-many", "--same-port", "--count", "4"],
            "bound",
            "udp",
            4,
            value!({"UNCONN": 4}),
        ),
        (
            &["reuseport", "--count", "4"],
            "listener",
            "tcp",
            4,
            value!({"LISTEN": 4}),
        ),
        (
            &["time-wait", "--server-first"],
            "listener",
            "tcp",
            1,
            value!({"LISTEN": 1, "TIME_WAIT": 1}),
        ),
    ];
    for (arguments, label, protocol, listeners, by_state) in cases {
        let scene = Scene::start(arguments);
        let number = scene.labelled(label).port();
        let (answer, code) = port(number);
        assert_eq!(code, 0, "{arguments:?}");
        check(
            entry(&answer, number, protocol),
            listeners,
            by_state,
            value!({}),
        );
        assert_eq!(rows(&answer), scene.rows(), "{arguments:?}");
    }
}

/// TIME_WAIT alone, when its server has gone: the restart problem.
#[test]
fn time_wait_alone_blocks_a_port() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["time-wait", "--server-first", "--count", "3"]);
    let number = scene.labelled("listener").port();
    drop(scene);
    let (answer, code) = port(number);
    assert_eq!(code, 0);
    let reasons = check(
        entry(&answer, number, "tcp"),
        0,
        value!({"TIME_WAIT": 3}),
        value!({}),
    );
    assert_eq!(reasons, BTreeSet::from(["time_wait".to_owned()]));
}

/// Only a peer has the port: nothing holds it here.
#[test]
fn a_port_that_only_a_peer_has() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect("127.0.0.1:4000").unwrap();
    let (answer, code) = port(4000);
    assert_eq!((code, sockets(&answer).len()), (0, 1));
    check(
        entry(&answer, 4000, "udp"),
        0,
        value!({}),
        value!({"ESTABLISHED": 1}),
    );
    check(entry(&answer, 4000, "tcp"), 0, value!({}), value!({}));
}

#[test]
fn lists_and_ranges() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [
        Scene::start(&["listen", "--port", "5000", "--count", "3"]),
        Scene::start(&["udp-bound", "--port", "5002", "--count", "2"]),
    ];
    let answer = json(&["port", "4990-5010,5500", "--json"]);
    let told: Vec<(u64, &str, bool)> = answer["ports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| {
            (
                e["port"].as_u64().unwrap(),
                e["protocol"].as_str().unwrap(),
                e["in_use"].as_bool().unwrap(),
            )
        })
        .collect();
    let mut wanted = vec![
        (5000, "tcp", true),
        (5001, "tcp", true),
        (5002, "tcp", true),
        (5002, "udp", true),
    ];
    wanted.extend([
        (5003, "udp", true),
        (5500, "tcp", false),
        (5500, "udp", false),
    ]);
    assert_eq!(told, wanted);
    assert_eq!(sockets(&answer).len(), 5);
    for wrong in ["70000", "65536", "5010-5000", "x", ""] {
        assert_eq!(
            sockscope(&["port", wrong, "--json"]).code(),
            2,
            "port {wrong:?}"
        );
    }
}
