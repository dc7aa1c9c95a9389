//! `buildup` grouped, filtered, sorted and cut: the counts stay what they are.

use common::buildup::{all, buildup, counts, of_state, one, witnessed};
use common::witness::setting;
use common::{DEADLINE, Namespace, Scene, eventually, sockscope};
use serde_json::{Value, json as value};
use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};

/// What hurts comes first: TIME_WAIT and CLOSE_WAIT, the others after them.
#[test]
fn the_order_of_rows() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [
        Scene::start(&["all"]),
        Scene::start(&["all", "--family", "6"]),
        Scene::start(&["syn-recv", "--count", "50"]),
    ];
    let told = buildup(&[]);
    let main = |row: &Value| ["TIME_WAIT", "CLOSE_WAIT"].contains(&row["state"].as_str().unwrap());
    let order: Vec<bool> = all(&told).iter().map(main).collect();
    let firsts = order.iter().take_while(|is_main| **is_main).count();
    let mains = order.iter().filter(|is_main| **is_main).count();
    assert_eq!(firsts, mains, "{told}");
    if let Some(witnessed) = witnessed() {
        assert_eq!(counts(&told), witnessed);
    }
}

#[test]
fn grouped_otherwise_and_filtered() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scenes = [
        Scene::start(&["all"]),
        Scene::start(&["time-wait", "--count", "20"]),
        Scene::start(&["close-wait", "--count", "10"]),
    ];
    let plain = counts(&buildup(&[]));
    for key in ["process", "port", "peer", "state", "user", "netns"] {
        let told = buildup(&["--by", key]);
        assert_eq!(counts(&told), plain, "--by {key}");
    }
    let by_state = buildup(&["--by", "state"]);
    assert_eq!(all(&by_state).len(), plain.len(), "{by_state}");
    assert_eq!(sockscope(&["buildup", "--by", "weather"]).code(), 2);
    let port = scenes[2].labelled("listener").port();
    let told = buildup(&[&format!("lport = {port}")]);
    assert_eq!(
        counts(&told),
        BTreeMap::from([("CLOSE_WAIT".to_owned(), 10)])
    );
    let told = buildup(&["state = time_wait"]);
    assert_eq!(
        counts(&told),
        BTreeMap::from([("TIME_WAIT".to_owned(), 21)])
    );
    // A filter chooses rows; the limits stay what they are.
    assert_eq!(
        told["limits"]["tcp_max_tw_buckets"]["value"],
        setting("ipv4/tcp_max_tw_buckets")[0]
    );
    assert_eq!(buildup(&["lport = 1"])["buildup"], value!([]));
}

/// One row a destination, and a listener's own one, whatever else there is.
#[test]
fn time_wait_in_three_directions() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scenes = [
        Scene::start(&["time-wait", "--count", "30"]),
        Scene::start(&["time-wait", "--count", "20"]),
        Scene::start(&["time-wait", "--count", "10", "--server-first"]),
        Scene::start(&["time-wait", "--count", "5", "--family", "6"]),
    ];
    let ports: Vec<u16> = scenes
        .iter()
        .map(|scene| scene.labelled("listener").port())
        .collect();
    let told = buildup(&[]);
    let rows: Vec<_> = of_state(&told, "TIME_WAIT")
        .into_iter()
        .map(|row| (&row["count"], &row["local"]["port"], &row["peer"]["port"]))
        .collect();
    let (none, port) = (Value::Null, |nth: usize| value!(ports[nth]));
    // The most come first.
    assert_eq!(
        rows,
        [
            (&value!(30), &none, &port(0)),
            (&value!(20), &none, &port(1)),
            (&value!(10), &port(2), &none),
            (&value!(5), &none, &port(3)),
        ]
    );
    let six = buildup(&["-6"]);
    assert_eq!(one(&six, "TIME_WAIT")["count"], 5);
    let cut = buildup(&["--limit", "2"]);
    assert_eq!(all(&cut).len(), 2, "{cut}");
}

/// The listener is gone: nobody is named.
#[test]
fn time_wait_of_a_server_that_has_gone() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["time-wait", "--count", "9", "--server-first"]);
    let port = scene.labelled("listener").port();
    drop(scene);
    let told = buildup(&[]);
    let row = one(&told, "TIME_WAIT");
    assert_eq!(
        (&row["count"], &row["local"]["port"]),
        (&value!(9), &value!(port))
    );
    assert!(row["process"].is_null(), "{row}");
    assert_ne!(row["attribution"], "listener", "{row}");
}

/// Some were accepted and some wait for it: all are the one process's, some of them by its listener.
#[test]
fn accepted_and_waiting_of_one_process() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let clients: Vec<_> = (0..10).map(|_| TcpStream::connect(at).unwrap()).collect();
    let _accepted: Vec<_> = (0..7).map(|_| listener.accept().unwrap()).collect();
    drop(clients);
    let told = eventually("ten in CLOSE_WAIT", DEADLINE, || {
        let told = buildup(&["state = close_wait"]);
        (counts(&told) == BTreeMap::from([("CLOSE_WAIT".to_owned(), 10)])).then_some(told)
    });
    let mut rows: Vec<_> = all(&told)
        .iter()
        .map(|row| (row["attribution"].as_str().unwrap(), row["count"].as_u64()))
        .collect();
    rows.sort_unstable();
    assert_eq!(rows, [("listener", Some(3)), ("owner", Some(7))]);
    for row in all(&told) {
        assert_eq!(row["process"]["pid"], std::process::id(), "{row}");
    }
    // Together they are no better known than the least known of them, and no worse.
    let told = buildup(&["state = close_wait", "--by", "process"]);
    let row = one(&told, "CLOSE_WAIT");
    assert_eq!(row["count"], 10);
    assert_eq!(row["attribution"], "listener", "{row}");
    assert_eq!(row["process"]["pid"], std::process::id(), "{row}");
}

#[test]
fn wrong_words() {
    for arguments in [
        &["buildup", "--by", "weather"][..],
        &["buildup", "weather = 1"],
        &["buildup", "--for", "x"],
        &["buildup", "--limit", "x"],
    ] {
        let answer = sockscope(arguments);
        assert_eq!(answer.code(), 2, "{arguments:?}: {answer:?}");
        assert_eq!(answer.stdout, "", "{arguments:?}");
        assert!(!answer.stderr.is_empty(), "{arguments:?}");
    }
}
