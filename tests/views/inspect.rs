//! `sockscope inspect`: everything about the few sockets that match.

use common::{Answer, Namespace, Run, Scene, row, sockets};
use serde_json::Value;

fn inspect(arguments: &[&str]) -> Answer {
    Run::new(&[&["inspect"], arguments].concat()).output()
}

fn json(arguments: &[&str]) -> Value {
    let told = Run::new(&[&["inspect", "--json"], arguments].concat()).json();
    assert_eq!(told["command"], "inspect");
    told
}

fn by_inode(truth: &common::Truth) -> String {
    format!("inode={}", truth.row.inode.unwrap())
}

#[test]
fn a_connection_is_told_with_its_other_end() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["established"]);
    let (client, server) = (scene.labelled("client"), scene.labelled("server"));
    let filter = by_inode(&client);
    let text = inspect(&[&filter]);
    assert_eq!((text.code(), text.stderr.as_str()), (0, ""));
    let ends = format!("{} -> {}", client.row.local, server.row.local);
    assert!(
        text.stdout
            .starts_with(&format!("tcp ESTABLISHED  {ends}\n")),
        "{text:?}"
    );
    let other = format!(
        "the other end: tcp ESTABLISHED  {} <- {}\n",
        server.row.local, client.row.local
    );
    assert!(text.stdout.contains(&other), "{text:?}");
    for group in [
        "who",
        "socket",
        "queues",
        "memory",
        "timers",
        "path",
        "congestion",
        "counters",
    ] {
        let label = format!("\n  {group} ");
        assert_eq!(
            text.stdout.matches(&label).count(),
            2,
            "{group} in {text:?}"
        );
    }
    let told = json(&[&filter]);
    let [socket] = sockets(&told).as_slice() else {
        panic!("one socket wanted: {told}")
    };
    assert_eq!(row(socket), client.row);
    assert_eq!(row(&socket["other_end"]), server.row);
    assert!(socket["other_end"].get("other_end").is_none());
    for end in [socket, &socket["other_end"]] {
        let info = &end["tcp_info"];
        assert!(info["rtt_us"].as_u64().unwrap() > 0, "{info}");
        assert!(info["mss_bytes"].as_u64().unwrap() > 500, "{info}");
        assert_eq!(info["congestion_state"], "open");
        assert!(end["memory"]["receive_limit_bytes"].as_u64().unwrap() > 0);
        assert!(end["options"]["congestion"].is_string(), "{end}");
        assert_eq!(end["processes"][0]["pid"], client.pid);
    }
}

#[test]
fn both_ends_that_match_are_told_once() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["established"]);
    let port = format!("port={}", scene.labelled("listener").port());
    let text = inspect(&[&port, "state=established"]).stdout;
    assert_eq!(text.matches("tcp ESTABLISHED").count(), 2, "{text}");
    assert_eq!(text.matches("the other end").count(), 1, "{text}");
    let told = json(&[&port, "state=established"]);
    assert_eq!(sockets(&told).len(), 2);
    for socket in sockets(&told) {
        assert_eq!(socket["other_end"]["local"], socket["peer"]);
    }
}

#[test]
fn each_kind_of_socket_shows_what_it_has() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["all"]);
    let _datagrams = Scene::start(&["udp-bound"]);
    let listener = inspect(&[&by_inode(&scene.labelled("listener"))]).stdout;
    assert!(
        listener.contains("connections wait for accept()"),
        "{listener}"
    );
    let waiting = inspect(&["state=time_wait"]).stdout;
    assert!(waiting.contains("in this state for"), "{waiting}");
    let datagram = inspect(&["protocol=udp"]).stdout;
    assert!(datagram.contains("unread 0 B of memory"), "{datagram}");
    for text in [&listener, &waiting, &datagram] {
        for absent in ["rtt", "congestion", "counters", "the other end"] {
            assert!(!text.contains(absent), "{absent} in {text}");
        }
    }
    for filter in ["state=listen", "state=time_wait", "protocol=udp"] {
        for socket in sockets(&json(&[filter])) {
            assert_eq!(socket["tcp_info"], Value::Null, "{socket}");
            assert!(socket.get("memory").is_some(), "{socket}");
        }
    }
}

#[test]
fn every_socket_has_the_same_keys() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [Scene::start(&["all"]), Scene::start(&["udp-connected"])];
    let told = json(&["family=ipv4"]);
    let keys = |socket: &Value| -> Vec<String> {
        let keys = socket.as_object().unwrap().keys();
        // Told where they are counted: a socket in TIME_WAIT has no such counter.
        keys.filter(|key| *key != "drops").cloned().collect()
    };
    let first = keys(&sockets(&told)[0]);
    for socket in sockets(&told) {
        assert_eq!(keys(socket), first, "{socket}");
    }
    let lines = inspect(&["family=ipv4", "--format", "ndjson"]).stdout;
    assert_eq!(lines.lines().count(), sockets(&told).len());
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line.get("tcp_info").is_some() && line.get("schema").is_some());
    }
    for format in ["plain", "csv"] {
        let rows = inspect(&["family=ipv4", "--format", format]).stdout;
        assert_eq!(rows.lines().count(), sockets(&told).len() + 1, "{format}");
    }
}

#[test]
fn many_are_cut_and_counted() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["listen", "--count", "12"]);
    let filter = format!("pid={}", scene.pid());
    let told = inspect(&[&filter, "--limit", "2"]);
    assert_eq!(told.stdout.matches("tcp LISTEN").count(), 2, "{told:?}");
    assert!(told.stdout.contains("10 more match"), "{told:?}");
    assert_eq!(sockets(&json(&[&filter, "--limit", "3"])).len(), 3);
    assert_eq!(sockets(&json(&[&filter])).len(), 12);
    let columns = inspect(&[&filter, "--columns", "lport,queue", "--sort", "lport"]);
    assert_eq!(columns.stdout.lines().count(), 13, "{columns:?}");
}

#[test]
fn nothing_matched_is_1_and_no_filter_is_wrong_usage() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let nothing = inspect(&["port=1"]);
    assert_eq!((nothing.code(), nothing.stdout.as_str()), (1, ""));
    assert_eq!(nothing.stderr, "sockscope: no socket matches\n");
    let wrong = inspect(&[]);
    assert_eq!((wrong.code(), wrong.stdout.as_str()), (2, ""));
    assert!(wrong.stderr.contains("hint: for example"), "{wrong:?}");
}

#[test]
fn a_shared_listener_and_a_stalled_peer_are_told_as_such() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _shared = Scene::start(&["reuseport", "--count", "3"]);
    let text = inspect(&["state=listen"]).stdout;
    assert_eq!(
        text.matches("one of 3 sockets that share it (group 1)")
            .count(),
        3,
        "{text}"
    );
    let _stalled = Scene::start(&["peer-not-reading"]);
    let text = inspect(&["state=established"]).stdout;
    assert!(text.contains("by the peer's window"), "{text}");
    assert!(text.contains("own window 0 B"), "the reader's side: {text}");
}
