//! The contract of JSON: every key with its type, in every answer.

use common::{Namespace, Run, Scene, json, problems_here, sockets, sockscope};
use serde_json::{Value, json as value};
use std::collections::BTreeSet;

/// One of each TCP state, UDP, listeners with several owners and with none, then no change any more.
fn quiet_scenes() -> Vec<Scene> {
    vec![
        Scene::start(&["all"]),
        Scene::start(&["forked", "--count", "2"]),
        Scene::start(&["udp-connected"]),
        Scene::start(&["unaccepted"]),
        Scene::start(&["udp-bound", "--family", "6"]),
    ]
}

/// The type of a value, with "?" for one that may be null.
fn is(value: &Value, kind: &str) -> bool {
    match kind.strip_suffix('?') {
        Some(_) if value.is_null() => true,
        Some(kind) => is(value, kind),
        None => match kind {
            "str" => value.is_string(),
            "int" => value.is_u64(),
            "bool" => value.is_boolean(),
            "array" => value.is_array(),
            _ => value.is_object(),
        },
    }
}

#[track_caller]
fn has(object: &Value, keys: &[(&str, &str)]) {
    for (key, kind) in keys {
        let value = object
            .get(key)
            .unwrap_or_else(|| panic!("no '{key}' in {object}"));
        assert!(is(value, kind), "'{key}' is no {kind} in {object}");
    }
}

const ENVELOPE: &[(&str, &str)] = &[
    ("schema", "str"),
    ("command", "str"),
    ("collected_at", "str"),
    ("host", "str"),
    ("collector", "str"),
    ("owners_from", "str"),
    ("complete", "bool"),
    ("problems", "array"),
];
const SOCKET: &[(&str, &str)] = &[
    ("protocol", "str"),
    ("family", "str"),
    ("state", "str"),
    ("local", "object"),
    ("peer", "object?"),
    ("role", "str?"),
    ("interface", "str?"),
    ("inode", "int?"),
    ("cookie", "str?"),
    ("netns", "int?"),
    ("uid", "int?"),
    ("user", "str?"),
    ("recv_q", "int?"),
    ("send_q", "int?"),
    ("accept_queue", "object?"),
    ("timer", "object?"),
    ("owners", "array"),
    ("owner_status", "str"),
];
const OWNER: &[(&str, &str)] = &[
    ("pid", "int"),
    ("fd", "int?"),
    ("via", "str"),
    ("comm", "str"),
    ("command", "str?"),
    ("uid", "int"),
    ("user", "str?"),
];

#[track_caller]
fn is_recent_utc(text: &Value) {
    let text = text.as_str().unwrap();
    assert!(text.ends_with('Z') && text.as_bytes()[10] == b'T', "{text}");
    let at: jiff::Timestamp = text.parse().unwrap();
    let age = jiff::Timestamp::now().duration_since(at).as_secs();
    assert!((0..60).contains(&age), "{text}");
}

#[track_caller]
fn is_a_socket(socket: &Value, netns: u64) {
    has(socket, SOCKET);
    has(&socket["local"], &[("address", "str"), ("port", "int")]);
    if !socket["peer"].is_null() {
        has(&socket["peer"], &[("address", "str"), ("port", "int")]);
    }
    if !socket["accept_queue"].is_null() {
        has(
            &socket["accept_queue"],
            &[("length", "int"), ("limit", "int?")],
        );
    }
    if !socket["timer"].is_null() {
        has(
            &socket["timer"],
            &[
                ("kind", "str"),
                ("expires_ms", "int"),
                ("retransmits", "int"),
            ],
        );
    }
    let listens = socket["state"] == "LISTEN";
    assert_eq!(socket["accept_queue"].is_null(), !listens, "{socket}");
    // Only a connection has bytes: of datagrams the kernel knows the memory.
    let has_bytes = socket["protocol"] == "tcp" && !socket["peer"].is_null();
    for queue in ["recv_q", "send_q"] {
        assert_eq!(socket[queue].is_u64(), has_bytes, "{socket}");
    }
    let cookie = socket["cookie"].as_str().unwrap();
    assert!(
        cookie.len() == 16
            && cookie
                .chars()
                .all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c)),
        "{socket}"
    );
    assert_eq!(socket["netns"], netns);
    for owner in socket["owners"].as_array().unwrap() {
        has(owner, OWNER);
    }
}

#[test]
fn json_is_the_contract() {
    let Some(namespace) = Namespace::enter() else {
        return;
    };
    let scenes = quiet_scenes();
    let port = scenes[1].labelled("listener").port().to_string();
    let mut statuses = BTreeSet::new();
    for (command, name) in [
        (&["listen"][..], "listen"),
        (&["conns"], "conns"),
        (&["port", &port], "port"),
        (&["proc", "scene"], "proc"),
        (&["states"], "states"),
        (&[], "overview"),
    ] {
        let answer = json(&[command, &["--json"]].concat());
        has(&answer, ENVELOPE);
        assert_eq!(
            (&answer["schema"], &answer["command"]),
            (&value!("sockscope/v1"), &value!(name))
        );
        assert_eq!(problems_here(&answer), [""; 0], "{answer}");
        assert_eq!(answer["complete"], true);
        is_recent_utc(&answer["collected_at"]);
        for socket in answer["sockets"].as_array().into_iter().flatten() {
            is_a_socket(socket, namespace.inode);
            statuses.insert(socket["owner_status"].as_str().unwrap().to_owned());
        }
        let lines = sockscope(&[command, &["--format=ndjson"]].concat()).stdout;
        assert!(lines.lines().count() > 0);
        for line in lines.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            has(
                &line,
                &[("schema", "str"), ("collected_at", "str"), ("host", "str")],
            );
            assert_eq!(
                (&line["schema"], &line["host"]),
                (&answer["schema"], &answer["host"])
            );
            is_recent_utc(&line["collected_at"]);
            if name != "states" {
                is_a_socket(&line, namespace.inode);
            }
        }
    }
    for status in ["found", "unaccepted", "orphaned", "timewait", "handshake"] {
        assert!(statuses.contains(status), "{status} in {statuses:?}");
    }
    let counts = json(&["states", "--json"]);
    has(
        &counts,
        &[
            ("total", "int"),
            ("states", "object"),
            ("groups", "array"),
            ("udp", "object"),
        ],
    );
    assert_eq!(
        counts["states"].as_object().unwrap().len(),
        12,
        "every state, zeros included"
    );
    has(
        &counts["udp"],
        &[("connected", "int"), ("unconnected", "int")],
    );
    let story = json(&["port", &port, "--json"]);
    let entries = story["ports"].as_array().unwrap();
    assert_eq!(entries.len(), 2, "tcp and udp, the free one too");
    for entry in entries {
        has(
            entry,
            &[
                ("port", "int"),
                ("protocol", "str"),
                ("in_use", "bool"),
                ("listeners", "int"),
                ("by_state", "object"),
                ("outbound_by_state", "object"),
                ("blocked_by", "array"),
            ],
        );
    }
}

#[test]
fn without_owners_the_answer_is_complete() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = quiet_scenes();
    for run in [
        Run::new(&["conns", "-a", "--json", "--no-owners", "--strict"]),
        Run::new(&["conns", "-a", "--json", "--no-owners", "--strict"]).user(common::NOBODY),
    ] {
        let answer = run.json();
        assert_eq!(
            (&answer["owners_from"], &answer["complete"]),
            (&value!("none"), &value!(true))
        );
        for socket in sockets(&answer) {
            assert_eq!(socket["owners"], value!([]));
            let status = socket["owner_status"].as_str().unwrap();
            let told_by_state = socket["inode"].is_null();
            assert_eq!(status == "not_asked", !told_by_state, "{socket}");
            assert_eq!(
                status == "timewait",
                socket["state"] == "TIME_WAIT",
                "{socket}"
            );
        }
    }
}
