//! `port`: who holds it, what its connections do, what blocks it.
#![allow(
    clippy::needless_pass_by_value,
    reason = "values made for one comparison"
)]

use common::{Namespace, Scene, json, rows, sockets, sockscope};
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

/// The client's port was borrowed: nobody came to it. Of its server it is the peer's.
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
        assert_eq!(socket["role"], "outbound", "{socket}");
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

/// A program and its children share two sockets: each is told once, in a line of its own.
#[test]
fn each_holder_is_told_once() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["shared", "--port=4600", "--count=3"]);
    let story = sockscope(&["port", "4600", "-t"]).stdout;
    let pids: BTreeSet<u32> = scene
        .truths()
        .iter()
        .flat_map(|truth| truth.row.owners.iter().map(|(pid, _)| *pid))
        .collect();
    assert_eq!(pids.len(), 4);
    for pid in pids {
        let line = format!("pid {pid} ");
        assert_eq!(story.matches(&line).count(), 1, "{story}");
    }
    let line = |word: &str| {
        let mut lines = story.lines().filter(|line| line.contains(word));
        let line = lines
            .next()
            .unwrap_or_else(|| panic!("no {word} in {story}"));
        assert!(lines.next().is_none(), "{word} twice in {story}");
        line
    };
    let addresses = line("listens on");
    assert!(
        addresses.contains("127.0.0.1:4600 and [::1]:4600"),
        "{story}"
    );
    let (first, second) = (scene.truths()[0].fd.unwrap(), scene.truths()[1].fd.unwrap());
    let words: Vec<_> = line("held by").split_whitespace().collect();
    let (pid, fds) = (scene.pid().to_string(), format!("{first},{second}"));
    let wanted = [
        "held", "by", "scene", "pid", &pid, "(master)", "fd", &fds, "user", "root",
    ];
    assert_eq!(words[..10], wanted, "{story}");
    assert_eq!(
        words[11..],
        ["shared", "--port=4600", "--count=3"],
        "{story}"
    );
    assert_eq!(story.matches("├─ scene").count(), 2, "{story}");
    assert_eq!(story.matches("└─ scene").count(), 1, "{story}");
    line("since");
    line("queue");
    // JSON has each socket with each holder, as ever.
    assert_eq!(rows(&json(&["port", "4600", "--json"])), scene.rows());
    // A limit keeps the story and says what it leaves out.
    let short = sockscope(&["port", "4600", "-t", "--limit", "2"]).stdout;
    assert!(short.contains("and 2 more processes hold it"), "{short}");
    assert_eq!(short.matches("  pid ").count(), 2, "{short}");
}

/// Sockets without a common holder are told apart.
#[test]
fn two_programs_on_one_port_are_two() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [
        Scene::start(&["listen", "--port=4600"]),
        Scene::start(&["listen", "--port=4600", "--address=127.0.0.2"]),
    ];
    let story = sockscope(&["port", "4600", "-t"]).stdout;
    assert!(story.contains("in use, by several sockets"), "{story}");
    assert_eq!(story.matches("listens on").count(), 2, "{story}");
    assert_eq!(story.matches("held by").count(), 2, "{story}");
    let short = sockscope(&["port", "4600", "-t", "--limit", "1"]).stdout;
    assert_eq!(short.matches("held by").count(), 1, "{short}");
    assert!(short.contains("and 1 more program holds it"), "{short}");
    let none = sockscope(&["port", "4600", "-t", "--limit", "0"]).stdout;
    for words in ["listens on", "127.0.0.1:4600", "held by", "2 programs"] {
        assert!(none.contains(words), "{words}: {none}");
    }
    // Rows in place of the story are announced.
    let sorted = sockscope(&["port", "4600", "-t", "--sort", "lport"]);
    assert!(
        sorted.stderr.contains("--sort lists the sockets"),
        "{sorted:?}"
    );
}

/// What is held in another namespace is told where it is said that the port is free.
#[test]
fn a_port_that_is_held_elsewhere_is_free_here_only() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["two-namespaces", "--port", "4698"]);
    let answer = sockscope(&["port", "4698"]);
    assert_eq!(
        (answer.code(), answer.stderr.as_str()),
        (1, ""),
        "{answer:?}"
    );
    let mut lines = answer.stdout.lines();
    let line = lines.next().unwrap();
    assert!(lines.next().is_none(), "{answer:?}");
    assert!(
        line.starts_with("port 4698 is free here (tcp and udp); tcp held in "),
        "{line}"
    );
    assert!(
        line.contains("network namespace") && line.contains("sockscope port 4698"),
        "{line}"
    );
    // Without other listeners on it in the machine's namespaces, it is this one.
    let netns = format!("net:[{}]", scene.extra("netns_inode"));
    let one = line.contains("held in another network namespace");
    assert!(!one || line.contains(&netns), "{line}");
    let free = sockscope(&["port", "4699"]).stdout;
    assert!(free.starts_with("port 4699 is free"), "{free}");
    // So it is of a range, and where others look for it in vain.
    let range = sockscope(&["port", "4690-4698"]);
    assert!(
        range
            .stdout
            .starts_with("no port of that range is in use here"),
        "{range:?}"
    );
    assert!(
        range.stdout.contains("tcp held in ") && range.stdout.contains("sockscope port 4698"),
        "{range:?}"
    );
    for words in [
        &["port", "4690-4698", "--pids"][..],
        &["listen", "lport=4698"],
        &["listen", "lport=4698", "--pids"],
        &["conns", "lport=4698"],
        &["wait", "4698", "--listening", "--timeout=0"],
    ] {
        let answer = sockscope(words);
        assert_eq!(answer.code(), 1, "{words:?}: {answer:?}");
        let told = answer.of_host.concat();
        assert!(told.contains("tcp port 4698 is "), "{words:?}: {answer:?}");
        assert!(
            told.contains("sockscope port 4698"),
            "{words:?}: {answer:?}"
        );
    }
    // What a listener there would not match either is not held against anyone.
    let other = sockscope(&["conns", "lport=4698 state=established"]);
    assert_eq!(other.of_host, Vec::<String>::new(), "{other:?}");
}

/// `-4` and `-6` ask what serves a family, and what they find nothing of says where nobody looked.
#[test]
fn families_are_what_is_served() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [
        Scene::start(&["listen-v6", "--port=4600"]),
        Scene::start(&["listen-v6only", "--port=4601"]),
        Scene::start(&["listen", "--port=4602"]),
        Scene::start(&["holder", "--how=udp,dual", "--address=::", "--port=4603"]),
    ];
    let listening = |flags: &[&str]| -> Vec<u64> {
        let told = json(&[&["listen", "--json"], flags].concat());
        let ports = sockets(&told)
            .iter()
            .map(|s| s["local"]["port"].as_u64().unwrap());
        ports.collect()
    };
    assert_eq!(listening(&["-4"]), [4600, 4602, 4603]);
    assert_eq!(listening(&["-6"]), [4600, 4601, 4603]);
    assert_eq!(listening(&["-4", "-6"]), [4600, 4601, 4602, 4603]);
    // /proc/net does not tell who takes IPv6 only: whoever may serve IPv4 is told.
    assert_eq!(
        listening(&["-4", "--collector=procfs"]),
        [4600, 4601, 4602, 4603]
    );
    for (port, family, held) in [
        (4600, "-4", 1),
        (4601, "-4", 0),
        (4601, "-6", 1),
        (4602, "-6", 0),
    ] {
        let told = sockscope(&["port", &port.to_string(), family, "-t", "--json"]).json();
        let entry = entry(&told, port, "tcp");
        assert_eq!(sockets(&told).len(), held, "{port} {family}: {told}");
        assert_eq!(entry["in_use"], held > 0, "{port} {family}: {told}");
        let blockers = entry["blocked_by"].as_array().unwrap();
        assert_eq!(blockers.len(), held, "{port} {family}: {told}");
    }
    let free = sockscope(&["port", "4601", "-4"]).stdout;
    // Another namespace of the machine may hold it.
    assert!(free.starts_with("port 4601 is free"), "{free}");
    assert!(free.contains("(tcp and udp, IPv4 only)"), "{free}");
}

#[test]
fn nothing_found_says_what_was_looked_at() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["listen-v6only", "--port=4601"]);
    for (arguments, told) in [
        (
            &["listen", "-u"][..],
            "no UDP socket is bound here; TCP was not looked at (-u)",
        ),
        (
            &["listen", "-4"],
            "nothing is listening here; IPv6 was not looked at (-4)",
        ),
        (
            &["listen", "-w"],
            "there is no raw socket here; TCP and UDP were not looked at (-w)",
        ),
        (
            &["conns", "-u"],
            "there is no connected UDP socket here; TCP was not looked at (-u)",
        ),
        (
            &["conns", "-t", "lport=9"],
            "sockscope listen, or -a); UDP was not looked at (-t)",
        ),
        (
            &["inspect", "lport=4601", "-u"],
            "no socket matches; TCP was not looked at (-u)",
        ),
        (
            &["port", "4601", "-u", "--format=csv"],
            "holds the port here; TCP was not looked at (-u)",
        ),
        (
            &["port", "4601", "state=close_wait"],
            "no socket of the port matches",
        ),
        (
            &["wait", "4697", "-l", "-4", "--timeout=0"],
            "listening; IPv6 was not looked at (-4)",
        ),
    ] {
        let answer = sockscope(arguments);
        assert_eq!(answer.code(), 1, "{arguments:?}: {answer:?}");
        assert!(
            answer.stderr.trim_end().ends_with(told),
            "{arguments:?}: {answer:?}"
        );
    }
}
