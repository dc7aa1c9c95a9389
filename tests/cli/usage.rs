//! The command line as a user and a script meet it: exit codes, wrong usage, quietness, streams.

use common::{Answer, Namespace, Run, Scene, sockscope};

/// Every list with an exit code 1, for a namespace where there is nothing.
const LISTS: [&[&str]; 4] = [&["listen"], &["conns"], &["port", "4000"], &["proc", "1"]];
const FORMATS: [&str; 5] = ["table", "plain", "json", "ndjson", "csv"];

/// `command` and `--format=FORMAT`.
fn formatted(command: &[&str], format: &str) -> Answer {
    let format = format!("--format={format}");
    sockscope(&[command, &[&format]].concat())
}

/// One line for what happened, one at most for the hint; nothing on stdout.
#[track_caller]
fn is_one_clear_line(arguments: &[&str], answer: &Answer) {
    let lines: Vec<&str> = answer.stderr.lines().collect();
    assert!((1..=2).contains(&lines.len()), "{arguments:?}: {answer:?}");
    let text = lines[0]
        .strip_prefix("sockscope: ")
        .unwrap_or_else(|| panic!("{answer:?}"));
    let first = text.trim_start_matches(['\'', '"']).chars().next().unwrap();
    assert!(!first.is_uppercase(), "{arguments:?}: {text}");
    if let Some(hint) = lines.get(1) {
        assert!(
            hint.starts_with("sockscope: hint: "),
            "{arguments:?}: {hint}"
        );
    }
    assert_eq!(answer.stdout, "", "{arguments:?}");
}

#[test]
fn nothing_found_is_1_and_one_line() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    for list in LISTS {
        for format in FORMATS {
            let answer = formatted(list, format);
            assert_eq!(answer.code(), 1, "{list:?} {answer:?}");
            assert!(answer.stderr.lines().count() <= 1, "{list:?} {answer:?}");
            if format == "json" {
                assert_eq!(answer.json()["sockets"], serde_json::json!([]));
            }
        }
    }
    for unknown in [["proc", "4000000000"], ["proc", "no-such-program"]] {
        let answer = sockscope(&unknown);
        assert_eq!(answer.code(), 1);
        is_one_clear_line(&unknown, &answer);
        assert!(answer.stderr.contains(unknown[1]), "{answer:?}");
    }
    for overview in [&[][..], &["states"], &["states", "--by", "process"]] {
        for format in FORMATS {
            assert_eq!(
                formatted(overview, format).code(),
                0,
                "{overview:?} {format}"
            );
        }
    }
}

#[test]
fn found_is_0_and_strict_asks_for_all_of_it() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["established"]);
    let port = scene.labelled("listener").port().to_string();
    let pid = scene.pid().to_string();
    let lists: [&[&str]; 7] = [
        &["listen"],
        &["conns"],
        &["port", &port],
        &["proc", &pid],
        &["proc", "scene"],
        &["states"],
        &[],
    ];
    for list in lists {
        for format in FORMATS {
            let answer = formatted(list, format);
            // Scenes of other tests have the same name.
            let said = answer.stderr.lines();
            let said: Vec<_> = said
                .filter(|line| !line.contains("processes called 'scene'"))
                .collect();
            assert_eq!((answer.code(), said), (0, Vec::new()), "{list:?} {format}");
            assert_eq!(
                sockscope(&[list, &["--strict"]].concat()).code(),
                0,
                "{list:?}"
            );
        }
    }
    // Nobody may look at the fd tables of root: owners are missing, and it is said.
    for list in [&["listen"][..], &["conns"], &["port", &port]] {
        let as_nobody = |more: &[&str]| {
            Run::new(&[list, more].concat())
                .user(common::NOBODY)
                .output()
        };
        let answer = as_nobody(&[]);
        assert_eq!(answer.code(), 0, "{answer:?}");
        assert_eq!(answer.stderr.lines().count(), 1, "said once: {answer:?}");
        assert_eq!(as_nobody(&["--strict"]).code(), 3, "{list:?}");
        assert_eq!(
            as_nobody(&["--strict", "--no-owners"]).code(),
            0,
            "{list:?}"
        );
    }
    // 3 stands before 1: a list without the owners asked for may have missed one.
    let answer = Run::new(&["proc", &pid, "--strict"])
        .user(common::NOBODY)
        .output();
    assert_eq!(answer.code(), 3, "{answer:?}");
}

#[test]
fn wrong_usage_is_2_and_says_what_would_be_right() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let wrong: [&[&str]; 31] = [
        &["listen", "--columns", "nope"],
        &["listen", "--columns", "pid,nope"],
        &["listen", "--columns", "+nope", "--json"],
        &["conns", "--columns", "nope"],
        &["proc", "1", "--columns", "nope"],
        &["port", "4000", "--columns", "nope", "--format=csv"],
        &["port", "4000", "--columns", "nope"],
        &["port", "4000", "--columns", "nope", "--json"],
        &["states", "--columns", "nope"],
        &["--columns", "nope"],
        &["--columns", "nope", "--json"],
        &["listen", "--columns", ""],
        &["listen", "--sort", "nope"],
        &["port", "4000", "--sort", "-nope"],
        &["states", "--sort", "nope"],
        &["--sort", "nope"],
        &["port", "65536"],
        &["port", "99999999999999999999"],
        &["port", "abc"],
        &["port", "80-"],
        &["port", "90-80"],
        &["port", ""],
        &["port", "state=listen"],
        &["listen", "port=65536"],
        &["listen", "nope=1"],
        &["listen", "establised"],
        &["conns", "state=nope"],
        &["conns", "role=nope"],
        &["conns", "pid=nope"],
        &["proc", "1", "--no-owners"],
        &["conns", "pid=1", "--no-owners"],
    ];
    let mut failed = Vec::new();
    for arguments in wrong {
        let answer = sockscope(arguments);
        if answer.code() == 2 {
            is_one_clear_line(arguments, &answer);
        } else {
            failed.push((arguments, answer.code()));
        }
    }
    assert!(failed.is_empty(), "not wrong usage (2): {failed:?}");
}

#[test]
fn what_cannot_be_parsed_is_2_too() {
    let wrong: [&[&str]; 28] = [
        &["listen", "--format", "xml"],
        &["listen", "--json", "--format", "csv"],
        &["listen", "--format", "csv", "--json"],
        &["listen", "--collector", "nope"],
        &["listen", "--color", "nope"],
        &["states", "--by", "nope"],
        &["listen", "--nope"],
        &["listen", "-Z"],
        &["listen", "--limit", "x"],
        &["listen", "--limit", "-1"],
        &["port"],
        &["proc"],
        &["inspect"],
        &["nope"],
        &["proc", "1", "2=3", "--columns"],
        // What the contract promises and this version does not have must not look as if it worked.
        &["watch", "--json"],
        &["watch", "--watch"],
        &["listen", "--netns", "all"],
        // Pids have no format and no columns, and not every command has pids.
        &["listen", "--pids", "--json"],
        &["conns", "--pids", "--limit", "1"],
        &["port", "80", "--pids", "--columns", "pid"],
        &["proc", "1", "--pids", "--no-owners"],
        &["states", "--pids"],
        &["man", "nope"],
        &["man", "listen", "--out", "/dev/null"],
        &["completions"],
        &["completions", "tcsh"],
        &["completions", "--out", "/dev/null/x"],
    ];
    for arguments in wrong {
        let answer = sockscope(arguments);
        assert_eq!(
            (answer.code(), answer.stdout.as_str()),
            (2, ""),
            "{arguments:?}"
        );
        assert!(!answer.stderr.trim().is_empty(), "{arguments:?}");
        assert!(!answer.stderr.contains("panicked"), "{answer:?}");
    }
}

#[test]
fn quiet_is_silent_and_keeps_the_code() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let silent = |arguments: &[&str], code: i32, user: u32| {
        for format in FORMATS {
            let format = format!("--format={format}");
            let run = Run::new(&[arguments, &["-q", &format]].concat());
            let answer = if user > 0 { run.user(user) } else { run }.output();
            let said = (answer.stdout.as_str(), answer.stderr.as_str());
            assert_eq!(
                (answer.code(), said),
                (code, ("", "")),
                "{arguments:?} {format}"
            );
        }
    };
    for list in LISTS {
        silent(list, 1, 0);
    }
    let scene = Scene::start(&["established"]);
    let port = scene.labelled("listener").port().to_string();
    for list in [
        &["listen"][..],
        &["conns"],
        &["port", &port],
        &["proc", "scene"],
        &["states"],
        &[],
    ] {
        silent(list, 0, 0);
    }
    silent(&["listen"], 0, common::NOBODY);
    silent(&["listen", "--strict"], 3, common::NOBODY);
}

#[test]
fn quiet_holds_for_wrong_usage() {
    for arguments in [
        ["port", "abc", "-q"],
        ["listen", "nope=1", "-q"],
        ["listen", "--sort=nope", "-q"],
    ] {
        let answer = sockscope(&arguments);
        let said = (answer.stdout.as_str(), answer.stderr.as_str());
        assert_eq!((answer.code(), said), (2, ("", "")), "{arguments:?}");
    }
}

#[test]
fn help_and_version_are_answers() {
    for arguments in [
        &["--help"][..],
        &["-h"],
        &["help"],
        &["listen", "--help"],
        &["port", "-h"],
        &["--version"],
        &["-V"],
    ] {
        let answer = sockscope(arguments);
        assert_eq!(
            (answer.code(), answer.stderr.as_str()),
            (0, ""),
            "{arguments:?}"
        );
        assert!(
            !answer.stdout.is_empty() && !answer.stdout.contains('\u{1b}'),
            "{arguments:?}"
        );
    }
    assert_eq!(
        sockscope(&["-V"]).stdout,
        format!("sockscope {}\n", env!("CARGO_PKG_VERSION"))
    );
    let help = sockscope(&["--help"]).stdout;
    for absent in ["netns all", "--netns", "-x,", "unix", "inspect"] {
        // A word of the help that the program does not know, until it does.
        let known = sockscope(&[absent.trim().trim_end_matches(','), "--help"]).code() == 0;
        assert_eq!(help.contains(absent), known, "'{absent}' in the help");
    }
    for command in [
        "listen",
        "port",
        "conns",
        "states",
        "buildup",
        "doctor",
        "explain",
        "proc",
        "inspect",
        "wait",
        "diff",
        "completions",
        "man",
    ] {
        assert!(help.contains(&format!("\n  {command} ")), "{command}");
    }
}

#[test]
fn the_habits_of_ss_work() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established"]);
    let _datagrams = Scene::start(&["udp-bound"]);
    let same = |habit: &[&str], words: &[&str]| {
        let (habit, words) = (sockscope(habit), sockscope(words));
        assert_eq!((habit.code(), habit.stderr.as_str()), (0, ""));
        assert_eq!(habit.stdout, words.stdout);
    };
    same(&["-tulpn"], &["listen"]);
    same(&["-ltnup"], &["listen"]);
    same(&["-tlnp"], &["listen", "-t"]);
    same(&["-ulnp"], &["listen", "-u"]);
    same(&["-tanp"], &["conns", "-ta"]);
    same(&["-tnp"], &["conns", "-t"]);
    same(&["-tulpnH"], &["listen", "-H"]);
    assert_eq!(sockscope(&["-s"]).code(), 0);
    assert!(
        sockscope(&["-tanp"]).stdout.contains("LISTEN"),
        "-a has listeners too"
    );
    assert!(sockscope(&["-tulpne"]).stdout.contains("COOKIE"));
    assert!(sockscope(&["-tano"]).stdout.contains("TIMER"));
}
