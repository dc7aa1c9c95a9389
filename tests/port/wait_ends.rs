//! How `wait` ends, and what it costs until then.
#![allow(
    unsafe_code,
    clippy::print_stderr,
    reason = "they say what they measure"
)]

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Stdio};

use common::waits::wait;
use common::{Namespace, Run, Scene, sockscope, spawn};

#[test]
fn every_format_tells_the_same() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["listen", "--port=4000", "--count=1"]);
    let now = ["-l", "--timeout=0"];
    let said = |more: &[&str]| wait(4000, &[&now[..], more].concat()).stdout;
    assert!(
        said(&["--format=csv"])
            .starts_with("port,condition,reached,waited_ms\n4000,listening,true,")
    );
    let plain = said(&["--format=plain"]);
    let fields: Vec<_> = plain.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(fields[..3], ["4000", "listening", "true"]);
    assert_eq!(said(&["--format=plain", "-H"]).lines().count(), 1);
    assert_eq!(said(&["-q"]), "");
    assert!(!said(&["--no-owners"]).contains("scene"));
    let line: serde_json::Value = serde_json::from_str(&said(&["--format=ndjson"])).unwrap();
    assert_eq!(line["sockets"][0]["owners"][0]["comm"], "scene");
    // What did not come has no line on standard output but for programs.
    let late = wait(4001, &["-l", "--timeout=0"]);
    assert_eq!((late.code(), late.stdout.as_str()), (1, ""));
    assert_eq!(late.stderr, "sockscope: port 4001 is not listening\n");
    let told = wait(4001, &["-l", "--timeout=0", "--json"]).json();
    assert_eq!(
        (&told["reached"], &told["sockets"]),
        (&false.into(), &serde_json::json!([]))
    );
}

#[test]
fn wrong_usage_says_what_would_be_right() {
    let wrong: [&[&str]; 18] = [
        &["80"],
        &["80", "-l", "--free"],
        &["80,443", "-l"],
        &["80-90", "-l"],
        &["0", "-l"],
        &["65536", "-l"],
        &["no-such-service", "-l"],
        &["", "-l"],
        &["80", "-l", "--timeout=x"],
        &["80", "-l", "--address=localhost"],
        &["80", "-l", "--address=fe80::1%no-such-dev"],
        &["80", "-l", "--address=::1", "-4"],
        &["80", "-l", "--process="],
        &["80", "-l", "--process=x", "--no-owners"],
        &["80", "-l", "-w"],
        &["80", "-l", "--columns=pid"],
        &["80", "-l", "--sort=pid"],
        &["80", "-l", "--limit=1"],
    ];
    for arguments in wrong {
        let answer = sockscope(&[&["wait", "--timeout=0"], arguments].concat());
        assert_eq!(
            (answer.code(), answer.stdout.as_str()),
            (2, ""),
            "{arguments:?}: {answer:?}"
        );
        let lines = answer.stderr.lines().count();
        assert!((1..=2).contains(&lines), "{arguments:?}: {answer:?}");
    }
}

/// A wait for ever, until it is ended.
fn waiting(port: u16) -> Child {
    let mut command = Run::new(&["wait", &port.to_string(), "-l"]).command();
    spawn::spawn(command.stdin(Stdio::null())).unwrap()
}

#[test]
fn a_signal_ends_it_as_any_program() {
    use std::os::unix::process::ExitStatusExt;
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let mut child = waiting(4000);
        let pid = i32::try_from(child.id()).unwrap();
        // SAFETY: kill takes no pointer; the child is ours and not yet reaped.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
        assert_eq!(spawn::end(&mut child).signal(), Some(signal));
    }
}

/// The calls of one look, from a trace of all: what the kernel was asked, and how often.
#[test]
fn a_look_costs_a_handful_of_system_calls() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    if !common::there_is("strace") {
        return;
    }
    let traced = |condition: &str, seconds: &str| {
        let file = std::env::temp_dir().join(format!("sockscope-wait-{}", std::process::id()));
        let answer = Run::of("strace")
            .args(&["-f", "-o", file.to_str().unwrap()])
            .args(&[
                env!("CARGO_BIN_EXE_sockscope"),
                "wait",
                "4000",
                condition,
                "-q",
            ])
            .args(&["--timeout", seconds])
            .output();
        assert_eq!(answer.code(), 1, "{answer:?}");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(file).unwrap();
        let looks = text
            .lines()
            .filter(|line| line.contains("nanosleep("))
            .count();
        let calls = text.lines().count();
        let opened = text.lines().filter(|line| line.contains(" open")).count();
        (looks, calls, opened)
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 4000)).unwrap();
    let per_look = |condition| {
        let (few, short, opened_short) = traced(condition, "0.3");
        // Looks are as rare as they are slow, so a busy machine needs longer for enough of them.
        let (many, long, opened_long) = ["1.3", "4", "12", "36"]
            .iter()
            .map(|seconds| traced(condition, seconds))
            .find(|(many, _, _)| *many > few + 5)
            .expect("it looks again and again");
        // No file is opened for a look: no fd table, no process.
        assert_eq!(opened_short, opened_long);
        let per_look = (long - short).div_ceil(many - few);
        eprintln!("{condition}: {per_look} system calls a look");
        assert!(per_look <= 24, "{per_look}");
    };
    per_look("--free");
    drop(listener);
    per_look("-l");
}
