//! Each rule of `doctor` against each source of facts: a fault is found, or the rule says that it has not looked.

use common::doctor::Diagnosis;
use common::{Namespace, Run, Scene, sandbox};

/// The ways to look: arguments, and whether sock_diag is refused.
const WAYS: [(&[&str], bool); 6] = [
    (&["--collector", "netlink"], false),
    (&["--collector", "procfs"], false),
    (&["--collector", "netstat2"], false),
    (&["--no-owners"], false),
    (&["--collector", "netstat2", "--no-owners"], false),
    (&[], true),
];

fn look(way: &[&str], is_refused: bool, period: &str) -> Diagnosis {
    let run = Run::new(&["doctor", "--json", "--for", period]).args(way);
    Diagnosis::by(if is_refused {
        run.before(sandbox::no_netlink(libc::EPERM))
    } else {
        run
    })
}

/// Asserts that of each of these faults something is said, whatever the source.
fn found_or_excused(ids: &[&str]) {
    // Looks beside each other do not meet.
    std::thread::scope(|scope| {
        for (way, is_refused) in WAYS {
            scope.spawn(move || {
                for period in ["1s", "300ms", "0"] {
                    let diagnosis = look(way, is_refused, period);
                    for id in ids {
                        assert_told(&diagnosis, id, &format!("{way:?} {period}"));
                    }
                }
            });
        }
    });
    let whole = look(&["--collector", "netlink"], false, "1s");
    for id in ids {
        assert!(!whole.of_rule(id).is_empty(), "{id}: {}", whole.told);
    }
}

fn assert_told(diagnosis: &Diagnosis, id: &str, how: &str) {
    let found = !diagnosis.of_rule(id).is_empty();
    let excused = diagnosis.reason(id).is_some();
    let told = &diagnosis.told;
    assert!(
        found || excused,
        "{how}: {id} is checked and silent: {told}"
    );
}

/// The faults stand side by side, and healthy connections beside them: what is known of these excuses nothing.
#[test]
fn no_rule_takes_an_unknown_for_a_number() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [
        Scene::start(&["accept-full", "--backlog", "4", "--count", "3"]),
        Scene::start(&["close-wait", "--count", "150"]),
        Scene::start(&["fin-wait2", "--count", "101"]),
        Scene::start(&["peer-not-reading"]),
        Scene::start(&["deaf-peer"]),
        Scene::start(&["udp-dropping"]),
        Scene::start(&["fd-limit"]),
        Scene::start(&["connect-failing", "--count", "12", "--give-up", "100000"]),
        Scene::start(&["listen", "--address", "0.0.0.0", "--port", "6379"]),
        Scene::start(&["established", "--count", "50"]),
    ];
    found_or_excused(&[
        "accept-queue-full",
        "close-wait-leak",
        "fin-wait2-stuck",
        "peer-not-reading",
        "app-not-reading",
        "path-loss",
        "udp-drops",
        "fd-limit",
        "connect-failing",
        "exposed-listener",
    ]);
}

/// Half-open handshakes are given up after some seconds, so each look has its own.
#[test]
fn half_open_handshakes() {
    if Namespace::enter().is_none() {
        return;
    }
    // Each in a namespace of its own, all beside each other: half a connection takes its time.
    std::thread::scope(|scope| {
        for (way, is_refused) in WAYS {
            for period in ["1s", "0"] {
                scope.spawn(move || half_open(way, is_refused, period));
            }
        }
    });
}

fn half_open(way: &[&str], is_refused: bool, period: &str) {
    let _namespace = Namespace::enter().unwrap();
    let _scene = Scene::start(&["syn-recv", "--count", "17", "--backlog", "16"]);
    let diagnosis = look(way, is_refused, period);
    let found = !diagnosis.of_rule("syn-backlog-full").is_empty();
    let excused = diagnosis.reason("syn-backlog-full").is_some();
    assert!(found || excused, "{way:?} {period}: {}", diagnosis.told);
    let is_whole = way.contains(&"netlink");
    assert!(found || !is_whole, "{way:?} {period}: {}", diagnosis.told);
}

/// A leak that is one by its share of the descriptors: a single look without ages cannot tell.
#[test]
fn a_small_leak() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [
        Scene::start(&["close-wait", "--count", "21", "--limit", "200"]),
        Scene::start(&["established", "--count", "5"]),
    ];
    found_or_excused(&["close-wait-leak"]);
}

/// A program that is known by its name on a port of its own choice: without owners nobody can know it.
#[test]
fn a_service_on_another_port() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let redis = ["comm", "--name", "redis-server"];
    let exposed = ["--address", "0.0.0.0", "--port", "7000"];
    let _scene = Scene::start(&[&redis[..], &exposed].concat());
    found_or_excused(&["exposed-listener"]);
}

#[test]
fn limits_of_the_namespace() {
    for (arguments, id) in [
        (
            &["time-wait-overflow", "--count", "30", "--buckets", "10"][..],
            "time-wait-table",
        ),
        (
            &["port-range", "--range", "100", "--count", "85"],
            "ephemeral-ports",
        ),
    ] {
        let Some(_namespace) = Namespace::enter() else {
            return;
        };
        let _scene = Scene::start(arguments);
        found_or_excused(&[id]);
    }
}
