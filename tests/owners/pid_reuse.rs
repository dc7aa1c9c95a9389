//! A pid that another process takes over during the look: the new one is never named for what the old one held.
#![allow(
    unsafe_code,
    clippy::print_stderr,
    reason = "one makes a process with a pid of its choice"
)]

use common::{Call, Fault, Namespace, Run, eventually, problem_codes, sockets};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A process that holds what `listener` is, and nothing else.
fn holder_of(listener: &TcpListener) -> Child {
    let fd = listener.as_raw_fd();
    let mut command = Command::new("sleep");
    command.arg("60");
    // SAFETY: fcntl takes numbers only.
    unsafe {
        command.pre_exec(move || common::checked(libc::fcntl(fd, libc::F_SETFD, 0)));
    }
    common::spawn::spawn(&mut command).unwrap()
}

/// A process with this pid that has no descriptor; it ends with this one.
fn start_as(pid: i32) -> std::io::Result<()> {
    // struct clone_args of Linux 5.5: flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls,
    // set_tid, set_tid_size.
    let set_tid = [pid];
    let mut arguments = [0_u64; 10];
    arguments[4] = libc::SIGCHLD as u64;
    arguments[8] = set_tid.as_ptr().addr() as u64;
    arguments[9] = 1;
    // SAFETY: the arguments are live and as long as told; without CLONE_VM this is a fork, and the child makes
    // system calls only.
    unsafe {
        let size = size_of_val(&arguments);
        let child = libc::syscall(libc::SYS_clone3, arguments.as_ptr(), size);
        if child == 0 {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0);
            libc::syscall(libc::SYS_close_range, 0, u32::MAX, 0);
            libc::alarm(60);
            loop {
                libc::pause();
            }
        }
        if child < 0 {
            return Err(std::io::Error::last_os_error());
        }
    }
    let files = format!("/proc/{pid}/fd");
    eventually("it has closed all", Duration::from_secs(5), || {
        let open = std::fs::read_dir(&files).ok()?.count();
        (open == 0).then_some(())
    });
    Ok(())
}

/// Ends a process and has another one take its pid; a word where that is not permitted.
fn replace(mut child: Child) -> bool {
    let pid = child.id().cast_signed();
    common::spawn::stop(&mut child);
    match start_as(pid) {
        Ok(()) => true,
        Err(error) => {
            eprintln!("skipped: no process with a pid of choice: {error}");
            false
        }
    }
}

fn end(pid: u32) {
    // SAFETY: the pid is that of our own child, which nobody has reaped; the status is live.
    unsafe {
        let mut status = 0;
        libc::kill(pid.cast_signed(), libc::SIGKILL);
        libc::waitpid(pid.cast_signed(), &raw mut status, 0);
    }
}

/// Whether a call begins to read what kind of process a pid has: its fd table has been read then.
fn reads_facts(call: &Call, pid: u32) -> bool {
    let path = call.text(1);
    path == pid.to_string() || path == format!("{pid}/stat")
}

/// What is asked, and by which way.
const FORMS: [(&str, &[&str]); 6] = [
    ("proc", &["listen", "--json"]),
    ("proc", &["listen"]),
    ("proc", &["listen", "--pids"]),
    ("bpf", &["listen", "--json"]),
    ("bpf", &["listen"]),
    ("bpf", &["listen", "--pids"]),
];

/// Runs while the pid of a holder changes hands; what was told, and that pid.
fn told(listener: &TcpListener, source: &str, arguments: &[&str]) -> Option<(String, u32)> {
    let child = holder_of(listener);
    let pid = child.id();
    let child = Arc::new(Mutex::new(Some(child)));
    let done = Arc::new(Mutex::new(None));
    let (taken, tell) = (Arc::clone(&child), Arc::clone(&done));
    let fault = Fault::new(libc::SYS_openat, libc::EIO).when(move |call| {
        if reads_facts(call, pid)
            && let Some(child) = taken.lock().unwrap().take()
        {
            *tell.lock().unwrap() = Some(replace(child));
        }
        false
    });
    let answer = Run::new(arguments)
        .env("SOCKSCOPE_OWNERS", source)
        .fault(fault)
        .output();
    assert_eq!(answer.code(), 0, "{answer:?}");
    let replaced = done
        .lock()
        .unwrap()
        .expect("the facts of the holder are read");
    end(pid);
    replaced.then_some((answer.stdout, pid))
}

#[test]
fn who_comes_later_owns_nothing() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    for (source, arguments) in FORMS {
        let Some((stdout, pid)) = told(&listener, source, arguments) else {
            return;
        };
        let own = std::process::id();
        let what = format!("{source} {arguments:?}, {pid} taken over, {own} holds it: {stdout}");
        match arguments {
            [_, "--json"] => {
                let answer: Value = serde_json::from_str(&stdout).unwrap();
                let owners = sockets(&answer)[0]["owners"].as_array().unwrap();
                let pids: BTreeSet<_> = owners.iter().map(|o| o["pid"].as_u64()).collect();
                assert_eq!(pids, BTreeSet::from([Some(own.into())]), "{what}");
            }
            [_, "--pids"] => assert_eq!(stdout, format!("{own}\n"), "{what}"),
            _ => assert!(!stdout.contains(&format!("{pid},")), "{what}"),
        }
    }
}

/// A socket that ended with its only holder is no row, or one without an owner.
#[test]
fn what_ended_with_its_holder_has_no_owner() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    for source in ["proc", "bpf"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let child = holder_of(&listener);
        let pid = child.id();
        drop(listener);
        let child = Arc::new(Mutex::new(Some(child)));
        let fault = Fault::new(libc::SYS_openat, libc::EIO).when(move |call| {
            if reads_facts(call, pid)
                && let Some(child) = child.lock().unwrap().take()
            {
                replace(child);
            }
            false
        });
        let answer = Run::new(&["listen", "--json"])
            .env("SOCKSCOPE_OWNERS", source)
            .fault(fault)
            .output();
        end(pid);
        let told = answer.json();
        for socket in sockets(&told) {
            assert_eq!(
                socket["owners"],
                serde_json::json!([]),
                "{source}: {answer:?}"
            );
        }
    }
}

/// A process that has begun during the look, and holds the socket indeed, is named like others.
#[test]
fn who_has_just_begun_is_named() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let listener = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
    for source in ["proc", "bpf"] {
        let begun: Arc<Mutex<Option<Child>>> = Arc::default();
        let (held, started) = (Arc::clone(&listener), Arc::clone(&begun));
        // /proc is opened before any process is looked at, by either way.
        let fault = Fault::new(libc::SYS_openat, libc::EIO).when(move |call| {
            let mut begun = started.lock().unwrap();
            if begun.is_none() && call.text(1) == "/proc" {
                *begun = Some(holder_of(&held));
            }
            false
        });
        let answer = Run::new(&["listen", "--json"])
            .env("SOCKSCOPE_OWNERS", source)
            .fault(fault)
            .output();
        let mut child = begun.lock().unwrap().take().expect("/proc was opened");
        let (pid, own) = (child.id().into(), std::process::id().into());
        common::spawn::stop(&mut child);
        let told = answer.json();
        let owners = sockets(&told)[0]["owners"].as_array().unwrap();
        let pids: BTreeSet<_> = owners.iter().map(|o| o["pid"].as_u64().unwrap()).collect();
        assert_eq!(pids, BTreeSet::from([pid, own]), "{source}: {answer:?}");
        assert!(
            told["complete"] == true || problem_codes(&told) == ["owners_raced"],
            "{answer:?}"
        );
    }
}
