//! Command lines: whole in JSON, whatever their length; in bounded memory; and never waited for without end.
#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_sign_loss,
    reason = "tests fail loudly, and hand a descriptor down"
)]

mod common;

use common::{Fault, Namespace, Run, Scene, problem_codes, sockets};
use serde_json::{Value, json as value};
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// A process that holds what `listener` is, with these arguments.
fn holder(listener: &TcpListener, arguments: &[String]) -> Child {
    let fd = listener.as_raw_fd();
    let mut command = Command::new("sh");
    command.args(["-c", "read line", "sh"]).args(arguments);
    command.stdin(Stdio::piped());
    // SAFETY: fcntl takes numbers only.
    unsafe {
        command.pre_exec(move || common::checked(libc::fcntl(fd, libc::F_SETFD, 0)));
    }
    common::spawn::spawn(&mut command).unwrap()
}

/// The most memory that a child of this process ever had, in MiB.
fn peak() -> u64 {
    // SAFETY: plain data for which all zeros is valid; the call fills the live value.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage);
        usage.ru_maxrss as u64 / 1024
    }
}

#[test]
fn what_many_share_is_kept_once() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let long: Vec<String> = (0..12)
        .map(|n| format!("{n}").repeat(100_000 / (1 + n / 10)))
        .collect();
    let held: Vec<Child> = (0..60).map(|_| holder(&listener, &long)).collect();
    let line = format!("sh -c read line sh {}", long.join(" "));
    // Nothing matches, and nothing is read that is not compared.
    let none = Run::new(&["listen", "--json", "pid=1"]).output();
    assert_eq!(none.code(), 1, "{none:?}");
    let few = peak();
    assert!(few < 48, "{few} MiB for nothing");
    for arguments in [
        &["listen", "--json"][..],
        &["listen", "--format", "ndjson", "process=sh"],
    ] {
        let answer = Run::new(arguments).output();
        assert_eq!(answer.code(), 0, "{:?}", answer.stderr);
        let told = answer.json();
        let socket = if told["event"].is_null() && !told["sockets"].is_null() {
            &sockets(&told)[0]
        } else {
            &told
        };
        let owners = socket["owners"].as_array().unwrap();
        let whole = owners
            .iter()
            .filter(|owner| owner["command"] == *line)
            .count();
        assert_eq!(whole, held.len(), "whole, and of each");
        let most = peak();
        assert!(
            most < 64,
            "{most} MiB for {} MiB of text",
            (held.len() * line.len()) >> 20
        );
    }
    for mut child in held {
        common::spawn::stop(&mut child);
    }
}

/// A process whose memory is locked does not let its command line be read; a fault stands in for the lock.
#[test]
fn who_does_not_let_it_be_read_is_not_waited_for() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["forked", "--count", "20"]);
    let stuck = |pids: Vec<String>| {
        Fault::hang(libc::SYS_read).when(move |call| {
            let file = call.file(0);
            pids.iter()
                .any(|pid| file == format!("/proc/{pid}/cmdline"))
        })
    };
    let children = scene.extra("children").as_array().unwrap();
    let all: Vec<String> = children.iter().map(Value::to_string).collect();
    for source in ["proc", "bpf"] {
        for count in [1, 20] {
            let pids = all[..count].to_vec();
            let run = Run::new(&["listen", "--json"]).env("SOCKSCOPE_OWNERS", source);
            let answer = run.fault(stuck(pids.clone())).output();
            let told = answer.json();
            assert_eq!(
                (answer.code(), &told["complete"]),
                (0, &value!(true)),
                "{answer:?}"
            );
            assert_eq!(problem_codes(&told), ["command_stuck"], "{answer:?}");
            let owners = sockets(&told)[0]["owners"].as_array().unwrap();
            assert_eq!(owners.len(), 21, "{answer:?}");
            for owner in owners {
                let is_stuck = pids.contains(&owner["pid"].to_string());
                assert!(
                    owner["comm"] == "scene" && !owner["uid"].is_null(),
                    "{owner}"
                );
                // With so many that hang, others are not tried any more.
                assert!(
                    count > 1 || owner["command"].is_null() == is_stuck,
                    "{owner}"
                );
            }
            let told_of = told["problems"][0]["count"].as_u64();
            assert!(told_of >= Some(count as u64), "{told}");
        }
    }
    // Views that show no command line do not ask for it.
    let table = Run::new(&["listen"]).fault(stuck(all)).output();
    assert_eq!((table.code(), table.stderr.as_str()), (0, ""), "{table:?}");
}
