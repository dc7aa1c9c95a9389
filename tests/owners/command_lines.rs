//! Command lines: whole in JSON, whatever their length; in bounded memory; and never waited for without end.
#![allow(
    unsafe_code,
    clippy::cast_sign_loss,
    reason = "they hand a descriptor down"
)]

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

/// Facts that a filter compares and that are lost may have cost rows: the answer says so.
#[test]
fn a_filter_by_what_could_not_be_read_is_not_complete() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["listen"]);
    let pid = scene.labelled("listener").pid;
    let by_command = ("command~scene", "cmdline");
    let by_user = ("process_user=root", "status");
    for source in ["proc", "bpf"] {
        for ((filter, file), finds) in [
            (by_command, false),
            (by_user, false),
            // What is lost decides nothing.
            ((by_command.0, by_user.1), true),
            ((by_user.0, by_command.1), true),
        ] {
            let what = format!("{source} {filter} {file}");
            let path = format!("/proc/{pid}/{file}");
            let fault =
                Fault::new(libc::SYS_read, libc::EIO).when(move |call| call.file(0) == path);
            let run = Run::new(&["listen", "--json", "--strict", filter]);
            let answer = run.env("SOCKSCOPE_OWNERS", source).fault(fault).output();
            let told = answer.json();
            assert_eq!(
                answer.code(),
                if finds { 0 } else { 3 },
                "{what}: {answer:?}"
            );
            assert_eq!(told["complete"], finds, "{what}: {told}");
            assert_eq!(sockets(&told).len(), usize::from(finds), "{what}: {told}");
            assert_eq!(problem_codes(&told), ["details_unread"], "{what}: {told}");
        }
    }
}

/// Views that hold rows against the filter themselves say so, too.
#[test]
fn a_lost_fact_is_told_by_every_view() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["time-wait", "--server-first"]);
    let listener = scene.labelled("listener");
    let port = listener.port().to_string();
    for words in [
        &["port", port.as_str()][..],
        &["states"],
        &["buildup"],
        &["proc", "scene"],
        &["listen", "--pids"],
    ] {
        let path = format!("/proc/{}/cmdline", listener.pid);
        let fault = Fault::new(libc::SYS_read, libc::EIO).when(move |call| call.file(0) == path);
        let run = Run::new(&[words, &["--strict", "command~scene"]].concat());
        let answer = run.fault(fault).output();
        assert_eq!(answer.code(), 3, "{words:?}: {answer:?}");
        assert!(
            answer.stderr.contains("details of 1 process"),
            "{words:?}: {answer:?}"
        );
    }
}

/// The kernel's list tells of a process whose stat cannot be read its name and its user.
#[test]
fn what_only_the_kernels_list_tells_of_is_told_to_be_unread() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["listen"]);
    let pid = scene.labelled("listener").pid;
    let listen = |words: &[&str]| {
        let path = format!("/proc/{pid}/stat");
        let fault = Fault::new(libc::SYS_read, libc::EIO).when(move |call| call.file(0) == path);
        let run = Run::new(&[&["listen", "--json", "--strict"], words].concat());
        run.env("SOCKSCOPE_OWNERS", "bpf").fault(fault).output()
    };
    if listen(&[]).json()["owners_from"] != "bpf" {
        return;
    }
    for (words, code, rows) in [
        (&[][..], 0, 1),
        (&["process_user=root"], 0, 1),
        (&["command~scene"], 3, 0),
    ] {
        let answer = listen(words);
        let told = answer.json();
        assert_eq!(answer.code(), code, "{words:?}: {answer:?}");
        assert_eq!(sockets(&told).len(), rows, "{words:?}: {told}");
        assert_eq!(
            problem_codes(&told),
            ["details_unread"],
            "{words:?}: {told}"
        );
    }
}

/// More command lines than there is room for: what a filter chooses is found all the same.
#[test]
fn a_command_that_is_looked_for_needs_no_room_for_the_others() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let held = (0..36).map(|number| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let text = format!("{number:05}").repeat(24_000);
        let mut arguments = vec![text; 16];
        arguments.push(format!("needle{number}."));
        let child = holder(&listener, &arguments);
        (listener, child)
    });
    let held: Vec<(TcpListener, Child)> = held.collect();
    for source in ["proc", "bpf"] {
        let listen = |filter: &str| {
            let run = Run::new(&["listen", "--strict", "--json", filter]);
            run.env("SOCKSCOPE_OWNERS", source).output()
        };
        let all = listen("command~needle");
        let told = all.json();
        assert!(sockets(&told).len() < held.len(), "{source}");
        assert_eq!(
            (all.code(), &told["complete"]),
            (3, &value!(false)),
            "{source}"
        );
        assert_eq!(problem_codes(&told), ["commands_left_out"], "{source}");
        for (number, (listener, _)) in held.iter().enumerate().skip(34) {
            let one = listen(&format!("command~needle{number}\\."));
            let told = one.json();
            assert_eq!(
                (one.code(), &told["problems"]),
                (0, &value!([])),
                "{source}"
            );
            let port = listener.local_addr().unwrap().port();
            assert_eq!(sockets(&told)[0]["local"]["port"], port, "{source}");
        }
    }
    for (_, mut child) in held {
        common::spawn::stop(&mut child);
    }
}
