//! `doctor` as a command: which rules run, how long, what the exit code says, and what cannot be looked at.

use common::doctor::{Diagnosis, number, rules};
use common::{NOBODY, Namespace, Run, Scene, codes_here, sandbox, sockscope};
use serde_json::Value;
use std::collections::BTreeSet;

/// The rules that a diagnosis has an entry for, whether they ran or not.
fn accounted(diagnosis: &Diagnosis) -> BTreeSet<&str> {
    let checked = diagnosis.told["checked"].as_array().unwrap().iter();
    let not = diagnosis.told["not_checked"].as_array().unwrap().iter();
    checked
        .chain(not.map(|entry| &entry["id"]))
        .map(|id| id.as_str().unwrap())
        .collect()
}

/// A fault of which something must be said: found, or not looked at for a reason; never silently healthy.
fn found_or_excused(diagnosis: &Diagnosis, id: &str, how: &str) {
    let found = !diagnosis.of_rule(id).is_empty();
    assert!(
        found || diagnosis.reason(id).is_some(),
        "{how}: {id} is silent: {}",
        diagnosis.told
    );
}

#[test]
fn an_empty_namespace_is_healthy() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let diagnosis = Diagnosis::of(&[]);
    diagnosis.healthy();
    assert_eq!(accounted(&diagnosis), rules());
    assert!(diagnosis.told["sampled_ms"].as_u64().unwrap() >= 1000);
    // What only the initial namespace can say may be out of reach; the rest is not.
    for id in rules() {
        if !["orphans", "tcp-memory"].contains(&id) {
            assert!(diagnosis.has_checked(id), "{id}: {}", diagnosis.told);
        }
    }
}

/// What scrolled away is said again at the end, the worst last; what was seen has words and units.
#[test]
fn a_page_of_several_findings_ends_with_a_line_for_each() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let full = Scene::start(&["accept-full", "--backlog=5"]);
    let leak = Scene::start(&["close-wait", "--count=150", "--eof-read=150"]);
    let only = "--only=accept-queue-full,close-wait-leak";
    let answer = sockscope(&["doctor", only]);
    let lines: Vec<&str> = answer.stdout.lines().collect();
    let last = |scene: &Scene, id| {
        let port = scene.labelled("listener").port();
        format!("CRITICAL  {id:17}  scene:{port}")
    };
    assert_eq!(
        lines[lines.len() - 2..],
        [
            last(&leak, "close-wait-leak"),
            last(&full, "accept-queue-full")
        ],
        "{answer:?}"
    );
    let seen: Vec<_> = lines
        .iter()
        .filter_map(|line| line.trim_start().strip_prefix("seen  "))
        .collect();
    assert_eq!(seen.len(), 2, "{answer:?}");
    assert!(seen[0].starts_with("waiting 6, limit 5"), "{seen:?}");
    assert!(
        seen[1].starts_with("CLOSE_WAIT 150, EOF read 150, oldest "),
        "{seen:?}"
    );
    assert!(!answer.stdout.contains("_ms"), "{answer:?}");
    // One finding is the page itself.
    let answer = sockscope(&["doctor", "--only=close-wait-leak"]);
    let lines: Vec<&str> = answer.stdout.lines().collect();
    assert!(
        lines[lines.len() - 1].contains("1 rule checked"),
        "{answer:?}"
    );
}

#[test]
fn how_long_it_looks() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let sampled = |duration: &str| {
        let diagnosis = Diagnosis::of(&["--for", duration]);
        diagnosis.told["sampled_ms"].as_u64().unwrap()
    };
    assert_eq!(sampled("0"), 0);
    assert!((300..1000).contains(&sampled("300ms")));
    assert!(sampled("1.5s") >= 1500 || sampled("1500ms") >= 1500);
    for wrong in ["x", "-1", "", "5y"] {
        let answer = sockscope(&["doctor", "--json", &format!("--for={wrong}")]);
        assert_eq!(answer.code(), 2, "--for {wrong:?}: {answer:?}");
    }
}

/// One look has no rates: no number whose name ends so.
#[test]
fn one_look_has_no_rates() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [
        Scene::start(&["accept-full", "--backlog", "4", "--count", "3"]),
        Scene::start(&["udp-dropping"]),
        Scene::start(&["fd-limit"]),
        Scene::start(&["syn-recv", "--count", "17", "--backlog", "16"]),
        Scene::start(&["time-wait-overflow", "--count", "30", "--buckets", "10"]),
    ];
    let once = Diagnosis::of(&["--for", "0"]);
    let ids: BTreeSet<&str> = once
        .findings()
        .iter()
        .map(|finding| finding["id"].as_str().unwrap())
        .collect();
    for id in [
        "accept-queue-full",
        "udp-drops",
        "fd-limit",
        "time-wait-table",
    ] {
        assert!(ids.contains(id), "{id}: {}", once.told);
    }
    for finding in once.findings() {
        for name in finding["evidence"].as_object().unwrap().keys() {
            assert!(!name.ends_with("_per_second"), "{name}: {finding}");
        }
    }
}

#[test]
fn the_exit_code_is_by_severity() {
    let nothing: &[&str] = &[];
    let cases = [
        // (what is wrong, then the code for each of: default, info, warning, critical, never)
        (nothing, [0, 0, 0, 0, 0]),
        (
            &["listen", "--address", "0.0.0.0", "--port", "6379"],
            [0, 1, 0, 0, 0],
        ),
        (&["fd-limit", "--open", "50"], [1, 1, 1, 0, 0]),
        (&["fd-limit", "--open", "60"], [1, 1, 1, 1, 0]),
    ];
    for (arguments, codes) in cases {
        let Some(_namespace) = Namespace::enter() else {
            return;
        };
        let _scene = (!arguments.is_empty()).then(|| Scene::start(arguments));
        let levels = ["", "info", "warning", "critical", "never"];
        for (level, code) in levels.into_iter().zip(codes) {
            let mut asked = vec!["--for", "0"];
            if !level.is_empty() {
                asked.extend(["--fail-on", level]);
            }
            let diagnosis = Diagnosis::of(&asked);
            assert_eq!(diagnosis.code(), code, "{arguments:?} {level}");
            // Quiet is the same, without a word.
            asked.extend(["-q"]);
            let quiet = Run::new(&["doctor"]).args(&asked).output();
            assert_eq!((quiet.code(), quiet.stdout.as_str()), (code, ""));
        }
    }
    let wrong = sockscope(&["doctor", "--fail-on", "sometimes"]);
    assert_eq!(wrong.code(), 2, "{wrong:?}");
}

#[test]
fn rules_are_chosen() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [Scene::start(&["fd-limit"]), Scene::start(&["accept-full"])];
    let only = Diagnosis::of(&["--for", "0", "--only", "fd-limit,path-loss"]);
    assert_eq!(accounted(&only), BTreeSet::from(["fd-limit", "path-loss"]));
    assert_eq!(only.findings().len(), 1);
    only.one("fd-limit");
    let other = Diagnosis::of(&["--for", "0", "--only", "path-loss"]);
    assert_eq!((other.code(), other.findings().len()), (0, 0));
    let skipped = Diagnosis::of(&["--for", "0", "--skip", "fd-limit,orphans"]);
    for id in ["fd-limit", "orphans"] {
        assert!(!skipped.has_checked(id), "{}", skipped.told);
        assert_eq!(skipped.of_rule(id), Vec::<&Value>::new());
    }
    skipped.one("accept-queue-full");
    for option in ["--only", "--skip"] {
        let wrong = sockscope(&["doctor", "--for", "0", option, "fd-limits"]);
        assert_eq!(wrong.code(), 2, "{wrong:?}");
        assert!(wrong.stderr.contains("fd-limits"), "{wrong:?}");
    }
}

#[test]
fn the_list_of_rules() {
    let answer = sockscope(&["doctor", "--list"]);
    assert_eq!(answer.code(), 0, "{answer:?}");
    for id in rules() {
        assert!(answer.stdout.contains(id), "{id}: {}", answer.stdout);
    }
    // The thresholds that the documentation names.
    for threshold in ["70", "90", "85", "50", "75", "100", "10 %"] {
        assert!(answer.stdout.contains(threshold), "{threshold}: {answer:?}");
    }
    let told = sockscope(&["doctor", "--list", "--json"]);
    assert_eq!(told.code(), 0, "{told:?}");
    let told = told.json().to_string();
    for id in rules() {
        assert!(told.contains(id), "{id}: {told}");
    }
}

#[test]
fn one_finding_a_line() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [Scene::start(&["fd-limit"]), Scene::start(&["accept-full"])];
    let answer = sockscope(&["doctor", "--for", "0", "--format", "ndjson"]);
    assert_eq!(answer.code(), 1, "{answer:?}");
    let mut ids = BTreeSet::new();
    for line in answer.stdout.lines() {
        let finding: Value = serde_json::from_str(line).unwrap();
        for key in ["schema", "collected_at", "host", "severity", "subject"] {
            assert!(!finding[key].is_null(), "{key}: {line}");
        }
        ids.insert(finding["id"].as_str().unwrap().to_owned());
    }
    let wanted = ["accept-queue-full", "fd-limit"].map(str::to_owned);
    assert_eq!(ids, BTreeSet::from(wanted));
}

/// Without sock_diag no limit of a queue is known, no age and no window: rules that need them say so.
#[test]
fn with_the_tables_of_proc() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [
        Scene::start(&["accept-full", "--backlog", "4", "--count", "3"]),
        Scene::start(&["syn-recv", "--count", "17", "--backlog", "16"]),
        Scene::start(&["close-wait", "--count", "150"]),
        Scene::start(&["peer-not-reading"]),
        Scene::start(&["deaf-peer"]),
        Scene::start(&["udp-dropping"]),
        Scene::start(&["fd-limit"]),
    ];
    let procfs = || Run::new(&["doctor", "--json"]).args(&["--collector", "procfs"]);
    let refused = || {
        let run = Run::new(&["doctor", "--json"]);
        run.before(sandbox::no_netlink(libc::EPERM))
    };
    let once = procfs().args(&["--for", "0"]);
    for (how, run) in [("procfs", procfs()), ("refused", refused()), ("once", once)] {
        let diagnosis = Diagnosis::by(run);
        assert_eq!(diagnosis.told["collector"], "procfs");
        assert_eq!(accounted(&diagnosis), rules());
        for id in [
            "accept-queue-full",
            "syn-backlog-full",
            "close-wait-leak",
            "peer-not-reading",
            "app-not-reading",
            "path-loss",
            "udp-drops",
            "fd-limit",
        ] {
            found_or_excused(&diagnosis, id, how);
        }
        assert_eq!(number(diagnosis.one("fd-limit"), "open"), 60);
    }
}

/// What /proc alone cannot say of the healthy is no finding either.
#[test]
fn the_healthy_with_the_tables_of_proc() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [
        Scene::start(&["established", "--count", "150"]),
        Scene::start(&["busy", "--count", "200"]),
        Scene::start(&["udp-dropping", "--reading"]),
    ];
    let diagnosis = Diagnosis::of(&["--collector", "procfs"]);
    assert_eq!(diagnosis.alarms(), Vec::<&Value>::new());
}

#[test]
fn without_owners() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [
        Scene::start(&["close-wait", "--count", "150"]),
        Scene::start(&["fd-limit"]),
        Scene::start(&["accept-full"]),
    ];
    let diagnosis = Diagnosis::of(&["--no-owners"]);
    assert_eq!(diagnosis.told["owners_from"], "none");
    assert_eq!(diagnosis.told["complete"], true);
    assert!(diagnosis.reason("fd-limit").is_some(), "{}", diagnosis.told);
    found_or_excused(&diagnosis, "close-wait-leak", "without owners");
    let queue = diagnosis.one("accept-queue-full");
    for finding in diagnosis.findings() {
        assert!(finding["subject"]["pid"].is_null(), "{finding}");
    }
    assert!(queue["subject"]["port"].is_u64(), "{queue}");
}

/// A user without rights sees the same sockets, but not whose they are, and says so.
#[test]
fn without_rights() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [
        Scene::start(&["close-wait", "--count", "150"]),
        Scene::start(&["accept-full", "--backlog", "4"]),
        Scene::start(&["udp-dropping"]),
        Scene::start(&["fd-limit"]),
    ];
    let diagnosis = Diagnosis::by(Run::new(&["doctor", "--json"]).user(NOBODY));
    let leak = diagnosis.one("close-wait-leak");
    assert_eq!(leak["severity"], "critical");
    assert_eq!(number(leak, "close_wait"), 150);
    assert!(leak["subject"]["pid"].is_null(), "{leak}");
    assert_eq!(leak["evidence"].get("fd_open"), None, "{leak}");
    diagnosis.one("accept-queue-full");
    diagnosis.one("udp-drops");
    assert_eq!(diagnosis.of_rule("fd-limit"), Vec::<&Value>::new());
    assert_eq!(diagnosis.told["complete"], false);
    assert_eq!(codes_here(&diagnosis.told), ["owners_denied"]);
    let reason = diagnosis.reason("fd-limit");
    assert!(reason.is_some(), "not judged, not said: {}", diagnosis.told);
    let strict = Run::new(&["doctor", "--json", "--for", "0", "--strict"]).user(NOBODY);
    assert_eq!(strict.output().code(), 3);
}

/// Nothing of /proc is there: no rule guesses, and each of them is accounted for.
#[test]
fn without_proc() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["accept-full", "--backlog", "4", "--count", "3"]);
    let run = Run::new(&["doctor", "--json"]).before(sandbox::empty_proc);
    let diagnosis = Diagnosis::by(run);
    assert_eq!(accounted(&diagnosis), rules());
    for id in [
        "time-wait-table",
        "ephemeral-ports",
        "orphans",
        "tcp-memory",
        "fd-limit",
    ] {
        let reason = diagnosis.reason(id).expect(id);
        // It is not the kernel that lacks it.
        assert!(reason.contains("/proc"), "{id}: {reason}");
    }
    // sock_diag is there: the queue and its limit are known, the ceiling is not.
    let finding = diagnosis.one("accept-queue-full");
    assert_eq!(
        (number(finding, "waiting"), number(finding, "limit")),
        (5, 4)
    );
    assert_eq!(finding["evidence"].get("somaxconn"), None);
}

/// What people read: the finding, whose, the evidence and the remedy, and nothing that a terminal obeys.
#[test]
fn in_words() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [
        Scene::start(&["fd-limit", "--open", "60"]),
        Scene::start(&[
            "comm",
            "--address",
            "0.0.0.0",
            "--port",
            "6379",
            "--name",
            r"\x1b[31mred\n",
        ]),
    ];
    let told = Diagnosis::of(&["--for", "0"]);
    let answer = sockscope(&["doctor", "--for", "0"]);
    assert_eq!(answer.code(), 1, "{answer:?}");
    assert!(answer.stdout.contains("fd-limit"), "{answer:?}");
    assert!(answer.stdout.contains("60") && answer.stdout.contains("64"));
    let exposed = told.one("exposed-listener");
    assert_eq!(exposed["subject"]["comm"], "\x1b[31mred\n");
    let control = |c: char| c.is_control() && c != '\n';
    assert!(!answer.stdout.contains(control), "{answer:?}");
    assert!(!answer.stdout.contains("red\n6379"), "{answer:?}");
    let healthy = {
        let Some(_other) = Namespace::enter() else {
            return;
        };
        sockscope(&["doctor", "--for", "0"])
    };
    assert_eq!(healthy.code(), 0, "{healthy:?}");
    assert!(!healthy.stdout.is_empty(), "healthy is said");
    let overview = sockscope(&[]);
    assert_eq!(overview.code(), 0, "{overview:?}");
}

/// The overview has the worst in a line each, and its exit code is no verdict.
#[test]
fn in_the_overview() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [Scene::start(&["fd-limit"]), Scene::start(&["accept-full"])];
    let told = Diagnosis::of(&["--for", "0"]);
    assert_eq!(told.findings().len(), 2, "{}", told.told);
    let overview = sockscope(&[]);
    assert_eq!(overview.code(), 0, "{overview:?}");
    for finding in told.findings() {
        let title = finding["title"].as_str().unwrap();
        let lines = overview.stdout.lines().filter(|line| line.contains(title));
        assert_eq!(lines.count(), 1, "{title}: {overview:?}");
    }
}
