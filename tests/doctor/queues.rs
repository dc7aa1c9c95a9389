//! `doctor` on queues of connections: before accept(), before the handshake is over; and on what it advises.
#![allow(unsafe_code, reason = "one calls listen() again")]

use common::doctor::{Diagnosis, number, rate, remedy};
use common::witness::set;
use common::{Namespace, Scene, sockscope};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

#[test]
fn accept_queues_by_their_share() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let cases = [
        // (waiting, limit, how bad over a while, how bad in one look)
        ("11", "10", Some("critical"), Some("warning")),
        ("10", "10", Some("warning"), None),
        ("7", "10", Some("warning"), None),
        ("6", "10", None, None),
    ];
    let scenes = cases.map(|(waiting, limit, _, _)| {
        Scene::start(&["unaccepted", "--count", waiting, "--backlog", limit])
    });
    let _empty = Scene::start(&["listen", "--backlog", "0"]);
    let over = Diagnosis::short();
    let once = Diagnosis::of(&["--for", "0"]);
    for (scene, (waiting, limit, then, now)) in scenes.iter().zip(cases) {
        let port = scene.labelled("listener").port();
        let told = |diagnosis: &Diagnosis| {
            let told = diagnosis.severity("accept-queue-full", "port", port);
            told.map(str::to_owned)
        };
        assert_eq!(told(&over).as_deref(), then, "{waiting} of {limit}");
        assert_eq!(told(&once).as_deref(), now, "{waiting} of {limit}, once");
    }
    assert_eq!(over.of_rule("accept-queue-full").len(), 3, "{}", over.told);
}

/// Which of the two limits an accept queue: the application's number, or the namespace's.
#[test]
fn the_knob_that_limits_the_accept_queue() {
    let Some(namespace) = Namespace::enter() else {
        return;
    };
    let by_application = Scene::start(&["accept-full", "--backlog", "4"]);
    set(&namespace, "core/somaxconn", "3");
    let by_sysctl = Scene::start(&["accept-full", "--backlog", "100"]);
    let diagnosis = Diagnosis::short();
    let about = |scene: &Scene| {
        let port = scene.labelled("listener").port();
        diagnosis.about("accept-queue-full", "port", port).unwrap()
    };
    let (first, second) = (about(&by_application), about(&by_sysctl));
    assert_eq!((number(first, "limit"), number(second, "limit")), (4, 3));
    assert!(remedy(second).contains("net.core.somaxconn"), "{second}");
    assert_eq!(number(second, "somaxconn"), 3);
}

/// The queue was full once, and connections were dropped; all that is over.
#[test]
fn old_drops_of_a_listener_are_news_at_most() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    // SAFETY: listen() takes no pointer, and the fd is alive.
    assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 1) }, 0);
    let waiting = [(); 2].map(|()| TcpStream::connect(at).unwrap());
    let dropped = TcpStream::connect_timeout(&at, Duration::from_millis(100));
    assert!(dropped.is_err(), "there was a third place");
    let accepted = [(); 2].map(|()| listener.accept().unwrap());
    let diagnosis = Diagnosis::short();
    assert_eq!(diagnosis.alarms(), Vec::<&Value>::new());
    if let Some(finding) = diagnosis.about("accept-queue-full", "port", at.port()) {
        assert_eq!(number(finding, "waiting"), 0, "{finding}");
        assert!(number(finding, "drops") >= 1, "{finding}");
    }
    drop((waiting, accepted));
}

#[test]
fn syn_queues() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&[
        "syn-recv",
        "--count",
        "17",
        "--backlog",
        "16",
        "--excess",
        "20",
    ]);
    let half = Scene::start(&["syn-recv", "--count", "8", "--backlog", "16"]);
    let wide = Scene::start(&["syn-recv", "--count", "20"]);
    let diagnosis = Diagnosis::of(&[]);
    let port = |scene: &Scene| scene.labelled("listener").port();
    let finding = diagnosis
        .about("syn-backlog-full", "port", port(&scene))
        .unwrap_or_else(|| panic!("none in {}", diagnosis.told));
    assert_ne!(finding["severity"], "info", "{finding}");
    assert_eq!(finding["subject"]["pid"], scene.pid());
    assert_eq!(
        (number(finding, "syn_recv"), number(finding, "limit")),
        (17, 16)
    );
    // The SYN of each client without a place comes again every second, and is answered by a cookie.
    assert!(rate(finding, "cookies_per_second") > 1.0, "{finding}");
    for scene in [half, wide] {
        let told = diagnosis.about("syn-backlog-full", "port", port(&scene));
        assert_eq!(told, None);
    }
}

/// One listener is full; another, whose SYN queue is, drops SYNs too, but nobody waits there to be accepted.
///
/// The counter of overflows is the namespace's: it must not make the second one a suspect.
#[test]
fn a_full_queue_throws_no_suspicion_on_others() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let full = Scene::start(&["accept-full", "--backlog", "4", "--count", "10"]);
    let other = Scene::start(&["syn-recv", "--count", "17", "--backlog", "16"]);
    let diagnosis = Diagnosis::of(&[]);
    let about = |scene: &Scene| {
        let port = scene.labelled("listener").port();
        diagnosis.severity("accept-queue-full", "port", port)
    };
    assert_eq!(about(&full), Some("critical"));
    assert!(
        matches!(about(&other), None | Some("info")),
        "{}",
        diagnosis.told
    );
}

/// A command of ours that a remedy names is one that runs.
#[test]
fn the_commands_of_remedies_run() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [
        Scene::start(&["close-wait", "--count", "120"]),
        Scene::start(&["fin-wait2", "--count", "120"]),
        Scene::start(&["fd-limit"]),
        Scene::start(&["accept-full"]),
        Scene::start(&["syn-recv", "--count", "17", "--backlog", "16"]),
        Scene::start(&["udp-dropping"]),
        Scene::start(&["peer-not-reading"]),
        Scene::start(&["port-range", "--range", "20", "--count", "19"]),
    ];
    let diagnosis = Diagnosis::of(&[]);
    let mut commands = BTreeSet::new();
    for finding in diagnosis.findings() {
        let text = remedy(finding);
        // A command ends where the sentence goes on.
        let ends = [';', ',', ')', '(', '\n'];
        commands.extend(
            text.match_indices("sockscope ")
                .filter_map(|(at, name)| text[at + name.len()..].split(ends).next())
                .map(|command| {
                    command
                        .trim()
                        .trim_end_matches(" shows what they hold")
                        .to_owned()
                }),
        );
    }
    assert!(commands.len() > 3, "{commands:?}");
    for command in &commands {
        let words: Vec<&str> = command.split_whitespace().collect();
        let answer = sockscope(&words);
        assert_eq!(answer.code(), 0, "{command}: {answer:?}");
    }
}
