//! `buildup`: what piles up, whose it is, towards whom, and how far the limits are.

use common::buildup::{all, buildup, counts, of_state, one, witnessed};
use common::witness::{file_limit, set, setting};
use common::{DEADLINE, NOBODY, Namespace, Run, Scene, eventually, problem_codes, sockscope};
use serde_json::{Value, json as value};
use std::collections::BTreeMap;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::thread::{sleep, spawn};
use std::time::Duration;

#[test]
fn nothing_piles_up() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established", "--count", "3"]);
    let told = buildup(&[]);
    assert_eq!(told["buildup"], value!([]));
    let limits = &told["limits"];
    for (name, path) in [
        ("tcp_max_tw_buckets", "ipv4/tcp_max_tw_buckets"),
        ("somaxconn", "core/somaxconn"),
    ] {
        assert_eq!(limits[name]["value"], setting(path)[0], "{limits}");
    }
    let range = setting("ipv4/ip_local_port_range");
    assert_eq!(limits["ip_local_port_range"]["value"], value!(range));
    assert_eq!(limits["tcp_max_tw_buckets"]["used"], 0);
    assert!(limits.get("tcp_max_orphans").is_some(), "{limits}");
}

#[test]
fn time_wait_towards_one_destination_is_one_row() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["time-wait", "--count", "300"]);
    let port = scene.labelled("listener").port();
    let told = buildup(&[]);
    assert_eq!(all(&told).len(), 1, "{told}");
    let row = one(&told, "TIME_WAIT");
    assert_eq!(row["count"], 300);
    assert_eq!(row["peer"], value!({"address": "127.0.0.1", "port": port}));
    assert!(row["local"]["port"].is_null(), "300 ports differ: {row}");
    assert!(row["process"].is_null(), "the kernel keeps none: {row}");
    assert_eq!(row["attribution"], "destination");
    assert!(row["oldest_ms"].as_u64().unwrap() < 60_000, "{row}");
    let limits = &told["limits"];
    assert_eq!(limits["tcp_max_tw_buckets"]["used"], 300);
    let ports = &limits["ip_local_port_range"];
    assert_eq!(ports["used"], 300, "{ports}");
    assert_eq!(
        ports["destination"],
        value!({"address": "127.0.0.1", "port": port})
    );
    let range = setting("ipv4/ip_local_port_range");
    assert_eq!(ports["usable"], range[1] - range[0] + 1);
    assert_eq!(ports["reserved"], 0);
}

/// The server closed first: the port is its own, and its listener says whose they were.
#[test]
fn time_wait_of_a_listener() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["time-wait", "--count", "300", "--server-first"]);
    let port = scene.labelled("listener").port();
    let told = buildup(&[]);
    assert_eq!(all(&told).len(), 1, "{told}");
    let row = one(&told, "TIME_WAIT");
    assert_eq!(row["count"], 300);
    assert_eq!(row["local"]["port"], port);
    assert!(row["peer"]["port"].is_null(), "{row}");
    assert_eq!(row["attribution"], "listener");
    assert_eq!(row["process"]["pid"], scene.pid());
    assert_eq!(row["process"]["comm"], "scene");
    // A listener's port is taken once: the ports of the range are free.
    assert_eq!(told["limits"]["ip_local_port_range"]["used"], 0);
}

/// Closed while it was looked at: the first look saw whose they were, and they are the same sockets.
#[test]
fn time_wait_that_was_seen_alive() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let row = eventually("a row by cookie", DEADLINE, || {
        let pairs: Vec<_> = (0..20)
            .map(|_| {
                let client = TcpStream::connect(at).unwrap();
                (client, listener.accept().unwrap().0)
            })
            .collect();
        let closer = spawn(move || {
            sleep(Duration::from_millis(500));
            for (client, server) in pairs {
                drop(client);
                drop(server);
            }
        });
        let told = buildup(&["--for", "1500ms"]);
        closer.join().unwrap();
        let rows = of_state(&told, "TIME_WAIT").into_iter();
        rows.filter(|row| row["attribution"] == "cookie")
            // Where both ends closed at once, the servers' rest, too, in a row of their own.
            .find(|row| row["count"] == 20 && row["peer"]["port"] == at.port())
            .cloned()
    });
    assert_eq!(row["process"]["pid"], std::process::id());
}

#[test]
fn close_wait_with_its_verdicts() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&[
        "close-wait",
        "--count",
        "30",
        "--eof-read",
        "12",
        "--unread",
        "8",
        "--limit",
        "500",
    ]);
    let port = scene.labelled("listener").port();
    let told = buildup(&[]);
    let row = one(&told, "CLOSE_WAIT");
    assert_eq!(row["count"], 30);
    assert_eq!(
        row["process"],
        value!({"pid": scene.pid(), "comm": "scene"})
    );
    assert_eq!(
        (&row["local"]["port"], &row["attribution"]),
        (&value!(port), &value!("owner"))
    );
    assert!(row["peer"]["port"].is_null(), "{row}");
    assert_eq!(row["peer"]["address"], "127.0.0.1");
    for fact in ["eof_read", "stopped_reading", "unread_fin"] {
        assert_eq!(row["verdicts"][fact], *scene.extra(fact), "{fact}: {row}");
    }
    assert!(!row["verdict"].as_str().unwrap().is_empty());
    assert_eq!(row["fd_limit"], 500);
    assert_eq!(file_limit(scene.pid()), 500);
    // Their far ends have no process any more.
    let other = one(&told, "FIN_WAIT2");
    assert_eq!(
        (&other["count"], &other["process"]),
        (&value!(30), &Value::Null)
    );
    assert_eq!(other["peer"]["port"], port);
    assert!(other["verdict"].is_null(), "{other}");
    let older = eventually("half a second", DEADLINE, || {
        let age = one(&buildup(&[]), "CLOSE_WAIT")["oldest_ms"].as_u64();
        age.filter(|age| *age >= 500)
    });
    assert!(older < 60_000, "{older}");
}

/// Each verdict alone, in three processes: three rows, each with a sentence of its own.
#[test]
fn close_wait_with_one_verdict() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scenes = [
        (
            "eof_read",
            Scene::start(&["close-wait", "--count", "5", "--eof-read", "5"]),
        ),
        (
            "stopped_reading",
            Scene::start(&["close-wait", "--count", "6", "--unread", "6"]),
        ),
        ("unread_fin", Scene::start(&["close-wait", "--count", "7"])),
    ];
    let told = buildup(&["state = close_wait"]);
    assert_eq!(all(&told).len(), 3, "{told}");
    let mut sentences = BTreeMap::new();
    for (verdict, scene) in &scenes {
        let mine = |row: &&Value| row["process"]["pid"] == scene.pid();
        let row = all(&told).iter().find(mine).unwrap();
        assert_eq!(row["verdicts"][verdict], row["count"], "{row}");
        sentences.insert(row["verdict"].as_str().unwrap().to_owned(), verdict);
    }
    assert_eq!(sentences.len(), 3, "{sentences:?}");
}

/// A program that has not called accept() could not read: it has not stopped reading.
#[test]
fn close_wait_before_accept() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.write_all(b"abc").unwrap();
    drop(client);
    eventually("a connection in CLOSE_WAIT", DEADLINE, || {
        (counts(&buildup(&[])).get("CLOSE_WAIT") == Some(&1)).then_some(())
    });
    for collector in ["netlink", "procfs"] {
        let told = buildup(&["--collector", collector]);
        let row = one(&told, "CLOSE_WAIT");
        assert_eq!(row["verdict"], "accept() not called yet", "{row}");
        assert_eq!(row["verdicts"]["unaccepted"], 1, "{row}");
        assert_eq!(row["verdicts"]["stopped_reading"], 0, "{row}");
    }
}

/// The other states, with a process where they have one, and with a destination where not.
#[test]
fn every_state_that_piles_up() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let cases = [
        (&["syn-recv", "--count", "3"][..], "SYN_RECV", "listener"),
        (&["fin-wait1", "--count", "4"], "FIN_WAIT1", "owner"),
        (
            &["fin-wait1", "--count", "5", "--orphan"],
            "FIN_WAIT1",
            "destination",
        ),
        (&["fin-wait2", "--count", "6"], "FIN_WAIT2", "owner"),
        (
            &["fin-wait2", "--count", "7", "--orphan"],
            "FIN_WAIT2",
            "destination",
        ),
        (&["last-ack", "--count", "8"], "LAST_ACK", "listener"),
        (&["last-ack", "--count", "9", "--held"], "LAST_ACK", "owner"),
        (&["closing", "--count", "2"], "CLOSING", "owner"),
    ];
    let scenes = cases.map(|(arguments, _, _)| Scene::start(arguments));
    let told = buildup(&[]);
    for (scene, (arguments, state, by)) in scenes.iter().zip(cases) {
        let port = scene.labelled("listener").port();
        let mine = |row: &&&Value| {
            [&row["local"], &row["peer"]]
                .iter()
                .any(|end| end["port"] == port)
        };
        let rows: Vec<&Value> = of_state(&told, state)
            .iter()
            .filter(mine)
            .copied()
            .collect();
        let truths = scene.rows();
        let count = truths.iter().filter(|row| row.state == state).count();
        let sum: u64 = rows.iter().map(|row| row["count"].as_u64().unwrap()).sum();
        assert_eq!(sum, count as u64, "{arguments:?}: {told}");
        let row = rows
            .first()
            .unwrap_or_else(|| panic!("{arguments:?}: {told}"));
        assert_eq!(row["attribution"], by, "{arguments:?}: {row}");
        if by != "destination" {
            assert_eq!(row["process"]["pid"], scene.pid(), "{arguments:?}: {row}");
        }
    }
    if let Some(witnessed) = witnessed() {
        assert_eq!(counts(&told), witnessed);
    }
}

#[test]
fn the_range_of_ports() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&[
        "port-range",
        "--range",
        "50",
        "--reserved",
        "10",
        "--count",
        "30",
    ]);
    let ports = buildup(&[])["limits"]["ip_local_port_range"].clone();
    for (name, wanted) in [
        ("value", scene.extra("range").clone()),
        ("used", value!(30)),
        ("usable", value!(40)),
        ("reserved", value!(10)),
    ] {
        assert_eq!(ports[name], wanted, "{name}: {ports}");
    }
}

/// /proc tells of the same sockets; ages it does not know are null.
#[test]
fn with_the_tables_of_proc() {
    let Some(namespace) = Namespace::enter() else {
        return;
    };
    set(&namespace, "ipv4/tcp_max_tw_buckets", "4321");
    let scene = Scene::start(&["close-wait", "--count", "9", "--unread", "4"]);
    let _more = Scene::start(&["time-wait", "--count", "15"]);
    let (netlink, told) = (buildup(&[]), buildup(&["--collector", "procfs"]));
    assert_eq!(counts(&told), counts(&netlink));
    let row = one(&told, "CLOSE_WAIT");
    assert_eq!(row["process"]["pid"], scene.pid());
    assert_eq!(row["verdicts"]["stopped_reading"], 4, "{row}");
    assert_eq!(row["verdicts"]["unread_fin"], 5, "{row}");
    assert!(row["oldest_ms"].is_null(), "/proc has no tcp_info: {row}");
    assert_eq!(told["limits"]["tcp_max_tw_buckets"]["value"], 4321);
}

#[test]
fn without_rights() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [
        Scene::start(&["close-wait", "--count", "9"]),
        Scene::start(&["time-wait", "--count", "15", "--server-first"]),
    ];
    let ours = counts(&buildup(&[]));
    let told = Run::new(&["buildup", "--json"]).user(NOBODY).json();
    assert_eq!(counts(&told), ours);
    assert_eq!(told["complete"], false);
    assert_eq!(problem_codes(&told), ["owners_denied"]);
    for row in all(&told) {
        assert!(row["process"].is_null(), "{row}");
        assert!(row.get("fd_limit").is_none_or(Value::is_null), "{row}");
    }
    // In the word that the lists have for it.
    let table = Run::new(&["buildup"]).user(NOBODY).output().stdout;
    assert!(table.contains("(denied)"), "{table}");
    assert!(!table.contains("(cannot be seen)"), "{table}");
    let bare = buildup(&["--no-owners"]);
    assert_eq!((counts(&bare), &bare["complete"]), (ours, &value!(true)));
}

/// Lines for machines: a header, and as many lines as rows.
#[test]
fn as_lines() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["all"]);
    let rows = all(&buildup(&[])).len();
    for (format, headers) in [("plain", 1), ("csv", 1), ("ndjson", 0)] {
        let answer = sockscope(&["buildup", "--format", format]);
        assert_eq!(answer.code(), 0, "{answer:?}");
        assert_eq!(answer.stdout.lines().count(), rows + headers, "{answer:?}");
    }
    let table = sockscope(&["buildup"]);
    for word in ["TIME_WAIT", "CLOSE_WAIT", "tcp_max_tw_buckets"] {
        assert!(table.stdout.contains(word), "{word}: {table:?}");
    }
}
