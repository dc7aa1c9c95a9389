//! `doctor` on both sides of every threshold: what is just enough, and what is just not.

use common::doctor::{Diagnosis, number, rate};
use common::witness::{set, setting};
use common::{DEADLINE, Namespace, Scene, eventually};
use serde_json::Value;
use std::net::UdpSocket;

#[test]
fn close_wait_by_count_and_by_share_of_the_limit() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let cases = [
        // (how many, of how many descriptors, how bad)
        ("101", "20000", Some("critical")),
        ("100", "20000", None),
        ("21", "200", Some("critical")),
        ("20", "200", None),
        ("1", "20000", None),
    ];
    let scenes = cases
        .map(|(count, limit, _)| Scene::start(&["close-wait", "--count", count, "--limit", limit]));
    let diagnosis = Diagnosis::of(&[]);
    for (scene, (count, limit, severity)) in scenes.iter().zip(cases) {
        let told = diagnosis.severity("close-wait-leak", "pid", scene.pid());
        assert_eq!(told, severity, "{count} of {limit}: {}", diagnosis.told);
    }
}

#[test]
fn close_wait_that_grows_is_told_with_its_rate() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["close-wait-growing", "--count", "101", "--rate", "50"]);
    let few = Scene::start(&["close-wait-growing", "--count", "3", "--rate", "10"]);
    let diagnosis = Diagnosis::of(&[]);
    let finding = diagnosis
        .about("close-wait-leak", "pid", scene.pid())
        .unwrap();
    assert_eq!(finding["severity"], "critical");
    assert!(number(finding, "close_wait") > 101, "{finding}");
    assert!(rate(finding, "growth_per_second") > 1.0, "{finding}");
    // None of them is a minute old.
    let young = diagnosis.severity("close-wait-leak", "pid", few.pid());
    assert_eq!(young, None, "{}", diagnosis.told);
}

/// One look: the ages alone prove that they stay.
#[test]
fn close_wait_in_one_look() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["close-wait", "--count", "120", "--unread", "40"]);
    let finding = eventually("a leak in one look", DEADLINE, || {
        let diagnosis = Diagnosis::of(&["--for", "0"]);
        diagnosis
            .about("close-wait-leak", "pid", scene.pid())
            // The youngest of them pass a second a little later than the oldest.
            .filter(|finding| number(finding, "close_wait") == 120)
            .cloned()
    });
    assert_eq!(finding["severity"], "critical");
    for (name, count) in [
        ("close_wait", 120),
        ("stopped_reading", 40),
        ("unread_fin", 80),
        ("eof_read", 0),
    ] {
        assert_eq!(number(&finding, name), count, "{name}: {finding}");
    }
    assert_eq!(finding["evidence"].get("growth_per_second"), None);
}

#[test]
fn time_wait_tables_by_their_share() {
    for (count, severity) in [
        ("74", None),
        ("75", Some("warning")),
        ("100", Some("critical")),
    ] {
        let Some(namespace) = Namespace::enter() else {
            return;
        };
        set(&namespace, "ipv4/tcp_max_tw_buckets", "100");
        let _scene = Scene::start(&["time-wait", "--count", count]);
        let diagnosis = Diagnosis::of(&["--for", "0"]);
        let told = diagnosis.of_rule("time-wait-table");
        let told = told.first().map(|finding| {
            assert_eq!(number(finding, "time_wait").to_string(), count);
            assert_eq!(number(finding, "limit"), 100);
            finding["severity"].as_str().unwrap()
        });
        assert_eq!(told, severity, "{count} of 100");
    }
}

/// The table ran over, then got room: the counter still says so.
#[test]
fn an_old_overflow_is_news_at_most() {
    let Some(namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["time-wait-overflow", "--count", "30", "--buckets", "10"]);
    set(&namespace, "ipv4/tcp_max_tw_buckets", "10000");
    let diagnosis = Diagnosis::short();
    assert_eq!(diagnosis.alarms(), Vec::<&Value>::new());
    for finding in diagnosis.of_rule("time-wait-table") {
        assert_eq!(number(finding, "overflows"), 20, "{finding}");
    }
}

#[test]
fn ports_by_their_share() {
    let cases = [
        // (connections, ports, of which reserved, how bad)
        ("84", "100", "0", Some("warning")),
        ("50", "100", "0", Some("warning")),
        ("49", "100", "0", None),
        ("77", "100", "10", Some("critical")),
        ("76", "100", "10", Some("warning")),
        ("44", "100", "10", None),
    ];
    for (count, range, reserved, severity) in cases {
        let Some(_namespace) = Namespace::enter() else {
            return;
        };
        let scene = Scene::start(&[
            "port-range",
            "--count",
            count,
            "--range",
            range,
            "--reserved",
            reserved,
        ]);
        let diagnosis = Diagnosis::of(&["--for", "0"]);
        let told = diagnosis.of_rule("ephemeral-ports");
        let told = told.first().map(|finding| {
            for (name, fact) in [
                ("used", "used"),
                ("usable", "usable"),
                ("reserved", "reserved"),
            ] {
                assert_eq!(finding["evidence"][name], *scene.extra(fact), "{finding}");
            }
            finding["severity"].as_str().unwrap()
        });
        assert_eq!(told, severity, "{count} of {range} less {reserved}");
    }
}

/// Ports are used up by destination: eighty of a hundred are not many when they go to two.
#[test]
fn ports_towards_two_destinations() {
    let Some(namespace) = Namespace::enter() else {
        return;
    };
    set(&namespace, "ipv4/ip_local_port_range", "20001 20100");
    let _scenes = ["7000", "7001"]
        .map(|port| Scene::start(&["established", "--count", "40", "--port", port]));
    Diagnosis::short().silent("ephemeral-ports");
}

/// What is over and in TIME_WAIT holds its port as well, and hurts less where the kernel may use it again.
#[test]
fn ports_in_time_wait() {
    for (reuse, severity) in [("0", "warning"), ("2", "info")] {
        let Some(namespace) = Namespace::enter() else {
            return;
        };
        set(&namespace, "ipv4/tcp_tw_reuse", reuse);
        set(&namespace, "ipv4/ip_local_port_range", "20001 20100");
        let _scene = Scene::start(&["time-wait", "--count", "60", "--port", "7000"]);
        let diagnosis = Diagnosis::short();
        let finding = diagnosis.one("ephemeral-ports");
        assert_eq!(finding["severity"], severity, "tcp_tw_reuse = {reuse}");
        assert_eq!(finding["subject"]["destination"]["port"], 7000);
        assert_eq!(
            (number(finding, "used"), number(finding, "time_wait")),
            (60, 60)
        );
        let range = setting("ipv4/ip_local_port_range");
        assert_eq!(number(finding, "usable"), range[1] - range[0] + 1);
    }
}

/// A server whose own port is in the range: its clients use up none of its ports.
#[test]
fn inbound_connections_use_no_ports() {
    let Some(namespace) = Namespace::enter() else {
        return;
    };
    set(&namespace, "ipv4/ip_local_port_range", "20001 20100");
    let _scene = Scene::start(&["established", "--count", "45", "--port", "20050"]);
    Diagnosis::short().silent("ephemeral-ports");
}

#[test]
fn fin_wait2_by_count_and_owner() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let stuck = Scene::start(&["fin-wait2", "--count", "101"]);
    let few = Scene::start(&["fin-wait2", "--count", "100"]);
    // The kernel ends these by itself.
    let _orphans = Scene::start(&["fin-wait2", "--count", "120", "--orphan"]);
    let diagnosis = Diagnosis::of(&[]);
    let finding = diagnosis.one("fin-wait2-stuck");
    assert_eq!(finding["severity"], "info");
    assert_eq!(finding["subject"]["pid"], stuck.pid());
    assert_eq!(number(finding, "fin_wait2"), 101);
    let told = diagnosis.about("fin-wait2-stuck", "pid", few.pid());
    assert_eq!(told, None);
}

#[test]
fn descriptors_by_their_share() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let cases = [
        ("90", Some("critical")),
        ("89", Some("warning")),
        ("70", Some("warning")),
        ("69", None),
    ];
    let scenes =
        cases.map(|(open, _)| Scene::start(&["fd-limit", "--limit", "100", "--open", open]));
    let diagnosis = Diagnosis::short();
    for (scene, (open, severity)) in scenes.iter().zip(cases) {
        let pid = scene.extra("pid").clone();
        let told = diagnosis.severity("fd-limit", "pid", pid);
        assert_eq!(told, severity, "{open} of 100: {}", diagnosis.told);
    }
}

/// A process that holds no socket of this namespace is none of its business.
#[test]
fn descriptors_of_a_process_elsewhere() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["fd-limit", "--limit", "64", "--open", "60"]);
    let Some(_other) = Namespace::enter() else {
        return;
    };
    Diagnosis::short().silent("fd-limit");
}

/// Dropped before, and nothing waits any more; then with the buffer still full.
#[test]
fn old_drops_of_datagrams() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = receiver.local_addr().unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..500 {
        sender.send_to(&[0; 4000], at).unwrap();
    }
    receiver.set_nonblocking(true).unwrap();
    while receiver.recv(&mut [0; 4000]).is_ok() {}
    let full = Scene::start(&["udp-full"]);
    let diagnosis = Diagnosis::short();
    if let Some(finding) = diagnosis.about("udp-drops", "port", at.port()) {
        assert_eq!(finding["severity"], "info", "{finding}");
        assert!(number(finding, "drops") > 0, "{finding}");
        assert!(rate(finding, "drops_per_second").abs() < 0.001);
    }
    let port = full.labelled("receiver").port();
    let finding = diagnosis.about("udp-drops", "port", port).unwrap();
    assert_eq!(finding["severity"], "warning", "{finding}");
    assert_eq!(finding["evidence"]["drops"], *full.extra("drops"));
}
