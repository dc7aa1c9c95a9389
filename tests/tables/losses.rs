//! What is left when netlink, /proc or both are taken away, and that it is said.

use common::quiet::{lost_fields, quiet_scenes, set, without_bound_only};
use common::{
    Answer, Namespace, Row, Run, Scene, json, problem_codes, row, rows, sandbox, sockets, sockscope,
};
use serde_json::json as value;

/// What one or two lines on stderr say of a fatal error; nothing is on stdout.
fn assert_fatal(answer: &Answer) {
    assert_eq!(answer.code(), 2, "{answer:?}");
    assert_eq!(answer.stdout, "", "{answer:?}");
    assert!(
        (1..=2).contains(&answer.stderr.lines().count()),
        "{answer:?}"
    );
    assert!(!answer.stderr.contains("panicked"), "{answer:?}");
}

const REFUSALS: [i32; 3] = [libc::EPERM, libc::EAFNOSUPPORT, libc::EPROTONOSUPPORT];

#[test]
fn without_netlink_proc_answers() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = quiet_scenes();
    for errno in REFUSALS {
        for command in ["listen", "conns"] {
            let full = json(&[command, "--json"]);
            let answer = Run::new(&[command, "--json"])
                .before(sandbox::no_netlink(errno))
                .output();
            let less = answer.json();
            assert_eq!(answer.code(), 0, "{answer:?}");
            assert_eq!(less["collector"], "procfs");
            assert_eq!(
                less["complete"],
                command == "listen",
                "errno {errno}: {less}"
            );
            assert!(
                problem_codes(&less).contains(&"sock_diag_unavailable"),
                "{less}"
            );
            assert_eq!(
                answer.stderr.lines().count(),
                problem_codes(&less).len(),
                "{answer:?}"
            );
            assert_eq!(
                rows(&less),
                without_bound_only(rows(&full)),
                "errno {errno}"
            );
            assert!(lost_fields(&less, &full).is_subset(&set(&[
                ".accept_queue.limit",
                ".cookie",
                ".dual_stack"
            ])));
        }
    }
}

#[test]
fn without_netlink_the_counts_are_the_same() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = quiet_scenes();
    let full = json(&["states", "--json"]);
    let answer = Run::new(&["states", "--json"])
        .before(sandbox::no_netlink(libc::EPERM))
        .output();
    let less = answer.json();
    for (state, count) in full["states"].as_object().unwrap() {
        if state != "BOUND_INACTIVE" {
            assert_eq!(&less["states"][state], count, "{state}");
        }
    }
    assert_eq!(less["udp"], full["udp"]);
    assert_eq!(
        (answer.code(), &less["complete"]),
        (0, &value!(false)),
        "{answer:?}"
    );
}

#[test]
fn netlink_asked_for_by_name_is_not_replaced() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["listen"]);
    for errno in REFUSALS {
        for format in ["json", "table", "plain"] {
            let arguments = ["listen", "--collector", "netlink", "--format", format];
            assert_fatal(
                &Run::new(&arguments)
                    .before(sandbox::no_netlink(errno))
                    .output(),
            );
        }
    }
}

/// FAILS: an empty /proc counts as one that was read: no problem, `complete: true`, "kernel_or_hidden".
#[test]
fn without_proc_netlink_answers_but_for_the_owners() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = quiet_scenes();
    for command in ["listen", "conns"] {
        let full = json(&[command, "--json"]);
        let answer = Run::new(&[command, "--json"])
            .env("SOCKSCOPE_OWNERS", "proc")
            .before(sandbox::empty_proc)
            .output();
        let less = answer.json();
        assert_eq!(
            (answer.code(), &less["collector"]),
            (0, &value!("netlink")),
            "{answer:?}"
        );
        assert_eq!(less["complete"], false);
        assert!(
            !problem_codes(&less).is_empty() && !answer.stderr.contains("panicked"),
            "{answer:?}"
        );
        let strip = |mut row: Row| {
            row.owners.clear();
            row
        };
        let wanted: Vec<Row> = rows(&full).into_iter().map(strip).collect();
        assert_eq!(rows(&less), wanted, "{command}");
        for socket in sockets(&less) {
            let known = row(socket).inode.is_none();
            assert!(known || socket["owner_status"] != "found", "{socket}");
            assert!(
                socket["recv_q"].is_u64()
                    || socket["peer"].is_null()
                    || socket["protocol"] == "udp",
                "{socket}"
            );
        }
        let strict = Run::new(&[command, "--json", "--strict"])
            .env("SOCKSCOPE_OWNERS", "proc")
            .before(sandbox::empty_proc)
            .output();
        assert_eq!(strict.code(), 3, "{strict:?}");
    }
}

/// Owners were not asked for, so without /proc nothing is missing.
#[test]
fn without_proc_and_without_owners_nothing_is_missing() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["all"]);
    let answer = Run::new(&["states", "--json", "--strict"])
        .env("SOCKSCOPE_OWNERS", "proc")
        .before(sandbox::empty_proc)
        .output();
    let told = answer.json();
    assert_eq!(
        (answer.code(), &told["complete"]),
        (0, &value!(true)),
        "{answer:?}"
    );
    assert_eq!(told["total"], scene.truths().len());
    for command in ["listen", "conns"] {
        let run = Run::new(&[command, "--json", "--strict", "--no-owners"]);
        let answer = run
            .env("SOCKSCOPE_OWNERS", "proc")
            .before(sandbox::empty_proc)
            .output();
        assert_eq!(answer.code(), 0, "{answer:?}");
    }
}

#[test]
fn without_both_there_is_no_answer() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["listen"]);
    let commands: [&[&str]; 7] = [
        &["listen", "--json"],
        &["listen"],
        &["conns", "--json"],
        &["port", "80", "--json"],
        &["states", "--json"],
        &["proc", "1", "--json"],
        &["listen", "--no-owners", "--format", "plain"],
    ];
    for arguments in commands {
        let run = Run::new(arguments)
            .env("SOCKSCOPE_OWNERS", "proc")
            .before(sandbox::empty_proc)
            .before(sandbox::no_netlink(libc::EPERM));
        assert_fatal(&run.output());
    }
    let chosen = |name| Run::new(&["listen", "--json", "--collector", name]);
    assert_fatal(
        &chosen("procfs")
            .env("SOCKSCOPE_OWNERS", "proc")
            .before(sandbox::empty_proc)
            .output(),
    );
    // The library reads sock_diag too.
    assert_fatal(
        &chosen("netstat2")
            .before(sandbox::no_netlink(libc::EPERM))
            .output(),
    );
}

/// The bare form and the person's table survive each loss as well, and say what is missing.
///
/// FAILS: an empty /proc is not noticed, so nothing is on stderr.
#[test]
fn no_view_dies_of_a_loss() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["all"]);
    let port = scene.labelled("listener").port().to_string();
    let views: [&[&str]; 6] = [
        &[],
        &["listen"],
        &["conns"],
        &["port", &port],
        &["states"],
        &["-tulpn"],
    ];
    for view in views {
        let usual = sockscope(view);
        assert_eq!(usual.code(), 0, "{usual:?}");
        for answer in [
            Run::new(view)
                .before(sandbox::no_netlink(libc::EPERM))
                .output(),
            Run::new(view)
                .env("SOCKSCOPE_OWNERS", "proc")
                .before(sandbox::empty_proc)
                .output(),
        ] {
            assert_eq!(answer.code(), 0, "{view:?}: {answer:?}");
            assert!(
                !answer.stdout.is_empty() && !answer.stderr.contains("panicked"),
                "{view:?}: {answer:?}"
            );
            // Counts by state need no owners, so nothing is missing there.
            assert!(
                !answer.stderr.is_empty() || view == ["states"],
                "{view:?}: {answer:?}"
            );
        }
    }
}
