//! `doctor` on connections that stand still, and on listeners that everybody reaches.

use common::doctor::{Diagnosis, number};
use common::{DEADLINE, Namespace, Scene, eventually};
use serde_json::Value;

#[test]
fn a_path_that_loses_everything() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["deaf-peer", "--count", "2"]);
    let diagnosis = Diagnosis::short();
    let finding = diagnosis.one("path-loss");
    assert_eq!(finding["severity"], "warning");
    assert_eq!(&finding["subject"]["pid"], scene.extra("client_pid"));
    let destination = &finding["subject"]["destination"];
    let at = format!(
        "{}:{}",
        destination["address"].as_str().unwrap(),
        destination["port"]
    );
    assert_eq!(at, scene.extra("destination").as_str().unwrap());
    assert_eq!(number(finding, "connections"), 2);
    assert!(
        (3..6).contains(&number(finding, "retransmits")),
        "{finding}"
    );
}

#[test]
fn a_path_that_has_lost_everything_for_long() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["deaf-peer", "--retransmits", "6"]);
    for arguments in [&["--for", "0"][..], &["--for", "300ms"]] {
        let diagnosis = Diagnosis::of(arguments);
        let finding = diagnosis.one("path-loss");
        assert_eq!(finding["severity"], "critical", "{arguments:?}");
        assert_eq!(&finding["subject"]["pid"], scene.extra("client_pid"));
        assert!(number(finding, "retransmits") >= 6, "{finding}");
    }
}

/// Connections that are quiet, and ones that are busy.
#[test]
fn paths_without_loss() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [
        Scene::start(&["established", "--count", "3"]),
        Scene::start(&["busy", "--count", "30"]),
    ];
    Diagnosis::short().silent("path-loss");
}

/// A reader that stays away for more than ten seconds.
#[test]
fn a_stall_becomes_a_warning() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["peer-not-reading"]);
    let early = Diagnosis::short();
    for id in ["peer-not-reading", "app-not-reading"] {
        let finding = early.one(id);
        let stalled = number(finding, "stalled_ms");
        if stalled < 10_000 {
            assert_eq!(finding["severity"], "info", "{finding}");
        }
    }
    assert_eq!(early.of_rule("path-loss"), Vec::<&Value>::new());
    let late = eventually("a stall of ten seconds", DEADLINE, || {
        let diagnosis = Diagnosis::short();
        let alarms = diagnosis.alarms().len();
        (alarms == 2).then_some(diagnosis)
    });
    for (id, pid) in [
        ("peer-not-reading", "writer_pid"),
        ("app-not-reading", "reader_pid"),
    ] {
        let finding = late.one(id);
        assert_eq!(finding["severity"], "warning", "{finding}");
        assert!(number(finding, "stalled_ms") > 10_000, "{finding}");
        assert_eq!(&finding["subject"]["pid"], scene.extra(pid));
    }
}

/// Nothing is said about what is idle without having anything to send, and not yet for hours.
#[test]
fn idle_connections() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established", "--count", "20"]);
    let diagnosis = Diagnosis::of(&[]);
    for id in ["half-open-risk", "peer-not-reading", "app-not-reading"] {
        diagnosis.silent(id);
    }
    diagnosis.healthy();
}

/// A data store without a lock of its own, open to all; on loopback it is nobody's business.
#[test]
fn a_listener_that_everybody_reaches() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let open = [
        Scene::start(&["listen", "--address", "0.0.0.0", "--port", "6379"]),
        Scene::start(&["listen", "--address", "::", "--port", "27017"]),
    ];
    let _closed = [
        Scene::start(&["listen", "--port", "9200"]),
        Scene::start(&["listen", "--family", "6", "--port", "11211"]),
    ];
    let diagnosis = Diagnosis::short();
    for (scene, port) in open.iter().zip([6379, 27017]) {
        let finding = diagnosis.about("exposed-listener", "port", port).unwrap();
        assert_eq!(finding["severity"], "info");
        assert_eq!(number(finding, "port"), port);
        assert_eq!(finding["subject"]["pid"], scene.pid());
    }
    assert_eq!(diagnosis.findings().len(), 2, "{}", diagnosis.told);
    assert_eq!(diagnosis.code(), 0);
}

/// Limits of the machine, which a namespace may not be able to read: judged by them, or said why not.
#[test]
fn limits_of_the_machine() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["fin-wait1", "--orphan", "--count", "50"]);
    let diagnosis = Diagnosis::short();
    for id in ["orphans", "tcp-memory"] {
        if let Some(reason) = diagnosis.reason(id) {
            assert!(reason.len() > 10, "{id}: {reason}");
        } else {
            diagnosis.silent(id);
        }
    }
}

/// What /proc/net/tcp has no column for is left out of the evidence, and no cause is built on it.
#[test]
fn what_the_source_does_not_say_is_not_said() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [
        Scene::start(&["close-wait", "--count", "150"]),
        Scene::start(&["peer-not-reading"]),
        Scene::start(&["deaf-peer"]),
    ];
    for duration in ["0", "300ms"] {
        let diagnosis = Diagnosis::of(&["--collector", "procfs", "--for", duration]);
        for finding in diagnosis.findings() {
            for name in ["unacked", "not_sent", "oldest_ms", "quiet_ms"] {
                assert_eq!(finding["evidence"].get(name), None, "{name}: {finding}");
            }
            let cause = finding["cause"].as_str().unwrap();
            assert!(!cause.contains("younger"), "no age is known: {finding}");
        }
    }
}
