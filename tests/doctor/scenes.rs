//! `doctor`: the faults that a host really has, each with the right subject and numbers, and its healthy twin.

use common::doctor::{Diagnosis, number, rate, remedy};
use common::witness::{file_limit, open_files, setting, ss_drops};
use common::{Namespace, Scene};
use serde_json::{Value, json as value};

/// The subject of a finding: whose process, and which port.
fn check_subject(finding: &Value, pid: &Value, port: Option<u16>) {
    let subject = &finding["subject"];
    assert_eq!(&subject["pid"], pid, "{finding}");
    assert_eq!(subject["comm"], "scene", "{finding}");
    if let Some(port) = port {
        assert_eq!(subject["port"], port, "{finding}");
    }
}

/// `127.0.0.1:80` as a subject names it.
fn destination(scene: &Scene) -> Value {
    let text = scene.extra("destination").as_str().unwrap();
    let (address, port) = text.rsplit_once(':').unwrap();
    value!({"address": address, "port": port.parse::<u16>().unwrap()})
}

#[test]
fn a_leak_of_close_wait() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["close-wait", "--count", "150", "--eof-read", "75"]);
    let diagnosis = Diagnosis::of(&[]);
    let finding = diagnosis.one("close-wait-leak");
    check_subject(
        finding,
        &value!(scene.pid()),
        Some(scene.labelled("listener").port()),
    );
    assert_eq!(finding["severity"], "critical");
    for (name, count) in [
        ("close_wait", 150),
        ("eof_read", 75),
        ("unread_fin", 75),
        ("stopped_reading", 0),
        ("fd_open", open_files(scene.pid())),
        ("fd_limit", file_limit(scene.pid())),
    ] {
        assert_eq!(number(finding, name), count, "{name}: {finding}");
    }
    assert!(number(finding, "oldest_ms") >= 1000, "{finding}");
    // None came: that is no rate of 0, but one below what so short a look can tell.
    assert_eq!(finding["evidence"].get("growth_per_second"), None);
    assert!(rate(finding, "growth_per_second_below") <= 1.0, "{finding}");
    assert!(remedy(finding).contains("close"), "{finding}");
}

/// Both ends of CLOSE_WAIT connections are at work: nothing is wrong, nor is it with as many established ones.
#[test]
fn close_wait_that_is_served_is_no_leak() {
    for kind in ["half-close", "established"] {
        let Some(_namespace) = Namespace::enter() else {
            return;
        };
        let _scene = Scene::start(&[kind, "--count", "150"]);
        Diagnosis::of(&[]).healthy();
    }
}

#[test]
fn an_accept_queue_that_is_full() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    // Twenty clients wait: five in the queue, fifteen before it.
    let scene = Scene::start(&["accept-full", "--backlog", "4", "--count", "15"]);
    let diagnosis = Diagnosis::of(&[]);
    let finding = diagnosis.one("accept-queue-full");
    let listener = scene.labelled("listener");
    check_subject(finding, &value!(scene.pid()), Some(listener.port()));
    assert_eq!(finding["severity"], "critical");
    assert_eq!(number(finding, "waiting"), 5);
    assert_eq!(number(finding, "limit"), 4);
    assert_eq!(number(finding, "somaxconn"), setting("core/somaxconn")[0]);
    // Each SYN that found no place is one, and it comes again.
    assert!(number(finding, "drops") >= 15, "{finding}");
    let advice = remedy(finding);
    assert!(advice.contains("backlog"), "{finding}");
    assert!(advice.contains("scene"), "who: {finding}");
}

#[test]
fn a_small_backlog_that_suffices() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established", "--backlog", "4", "--count", "20"]);
    Diagnosis::short().healthy();
}

#[test]
fn ports_towards_one_destination_run_out() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["port-range", "--range", "100", "--count", "85"]);
    let diagnosis = Diagnosis::short();
    let finding = diagnosis.one("ephemeral-ports");
    check_subject(finding, scene.extra("client_pid"), None);
    assert_eq!(finding["severity"], "critical");
    assert_eq!(finding["subject"]["destination"], destination(&scene));
    assert_eq!(finding["subject"]["source"], "127.0.0.1");
    for (name, count) in [
        ("used", 85),
        ("usable", 100),
        ("reserved", 0),
        ("time_wait", 0),
    ] {
        assert_eq!(number(finding, name), count, "{name}: {finding}");
    }
}

#[test]
fn ports_enough() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["port-range", "--range", "100", "--count", "40"]);
    Diagnosis::short().healthy();
}

#[test]
fn a_time_wait_table_that_overflows() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["time-wait-overflow", "--count", "30", "--buckets", "10"]);
    let diagnosis = Diagnosis::short();
    let finding = diagnosis.one("time-wait-table");
    assert_eq!(finding["severity"], "critical");
    for (name, count) in [("time_wait", 10), ("limit", 10), ("overflows", 20)] {
        assert_eq!(number(finding, name), count, "{name}: {finding}");
    }
    assert!(rate(finding, "overflows_per_second").abs() < 0.001);
    assert!(
        finding["subject"]["scope"].is_null(),
        "it is the namespace's: {finding}"
    );
    assert!(remedy(finding).contains("tcp_max_tw_buckets"), "{finding}");
}

#[test]
fn a_time_wait_table_with_room() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["time-wait-overflow", "--count", "30", "--buckets", "100"]);
    Diagnosis::short().healthy();
}

#[test]
fn datagrams_that_nobody_reads() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["udp-dropping"]);
    let diagnosis = Diagnosis::of(&[]);
    let finding = diagnosis.one("udp-drops");
    let receiver = scene.labelled("receiver");
    check_subject(finding, scene.extra("pid"), Some(receiver.port()));
    assert_eq!(finding["subject"]["protocol"], "udp");
    assert!(
        ["warning", "critical"].contains(&finding["severity"].as_str().unwrap()),
        "{finding}"
    );
    let drops = number(finding, "drops");
    assert!(drops > scene.extra("drops").as_u64().unwrap(), "{finding}");
    if let Some(after) = ss_drops(receiver.port()) {
        assert!(drops <= after, "{after} in ss: {finding}");
    }
    assert!(rate(finding, "drops_per_second") > 10.0, "{finding}");
    assert!(number(finding, "receive_buffer_used") > 0, "{finding}");
    // Twice the 16 KiB asked for: the kernel counts its own overhead too.
    assert_eq!(number(finding, "receive_buffer"), 32 * 1024);
}

#[test]
fn datagrams_that_are_read() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["udp-dropping", "--reading"]);
    Diagnosis::short().healthy();
}

#[test]
fn descriptors_run_out() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["fd-limit", "--limit", "64", "--open", "60"]);
    let diagnosis = Diagnosis::short();
    let finding = diagnosis.one("fd-limit");
    check_subject(finding, scene.extra("pid"), None);
    assert_eq!(finding["severity"], "critical");
    for (name, count) in [("open", 60), ("limit", 64), ("sockets", 1)] {
        assert_eq!(number(finding, name), count, "{name}: {finding}");
    }
    assert_eq!(finding["evidence"].get("growth_per_second"), None);
}

#[test]
fn descriptors_enough() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["fd-limit", "--limit", "64", "--open", "40"]);
    Diagnosis::short().healthy();
}

/// One finding for each side: the writer's peer does not read, and the reader does not.
#[test]
fn a_peer_that_stops_reading() {
    for client_writes in [false, true] {
        let Some(_namespace) = Namespace::enter() else {
            return;
        };
        let mut arguments = vec!["peer-not-reading", "--count", "2"];
        arguments.extend(client_writes.then_some("--client-writes"));
        let scene = Scene::start(&arguments);
        let diagnosis = Diagnosis::of(&[]);
        let writer = diagnosis.one("peer-not-reading");
        check_subject(writer, scene.extra("writer_pid"), None);
        let queues: Vec<u64> = serde_json::from_value(scene.extra("send_q").clone()).unwrap();
        assert_eq!(number(writer, "connections"), 2, "{writer}");
        assert_eq!(number(writer, "send_q"), queues.iter().sum::<u64>());
        assert!(number(writer, "stalled_ms") >= 1000, "{writer}");
        let reader = diagnosis.one("app-not-reading");
        check_subject(reader, scene.extra("reader_pid"), None);
        assert_eq!(number(reader, "connections"), 2, "{reader}");
        assert!(number(reader, "recv_q") > 0, "{reader}");
        let of_client = if client_writes { writer } else { reader };
        assert_eq!(
            of_client["subject"]["destination"],
            destination(&scene),
            "{of_client}"
        );
        for finding in [writer, reader] {
            assert_ne!(finding["severity"], "critical", "not for a minute yet");
        }
    }
}

/// The queues of the slow one are as full, and their lengths even stand still, but bytes go through.
#[test]
fn a_peer_that_reads() {
    for how in ["--slow", "--reading"] {
        let Some(_namespace) = Namespace::enter() else {
            return;
        };
        let _scene = Scene::start(&["peer-not-reading", "--count", "2", how]);
        Diagnosis::of(&[]).healthy();
    }
}

/// The healthy busy server: many connections, some busy ones, and short ones that come and go all the time.
#[test]
fn a_busy_server() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["busy", "--count", "10000", "--rate", "300"]);
    for arguments in [&[][..], &["--for", "0"]] {
        let diagnosis = Diagnosis::of(arguments);
        assert_eq!(diagnosis.alarms(), Vec::<&Value>::new());
        assert_eq!(diagnosis.code(), 0);
    }
}

/// A burst is over: thousands of TIME_WAIT, on either side, well below the limits.
#[test]
fn a_burst_that_is_over() {
    for side in [&[][..], &["--server-first"]] {
        let Some(_namespace) = Namespace::enter() else {
            return;
        };
        let _scene = Scene::start(&[&["time-wait", "--count", "3000"], side].concat());
        Diagnosis::short().healthy();
    }
}
