//! Where the output goes: closed pipes, full disks, streams that are not there.
#![allow(unsafe_code, reason = "they call the kernel directly")]

use common::{Namespace, Run, Scene, parted, spawn};
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::process::Stdio;

const FORMATS: [&str; 5] = ["table", "plain", "json", "ndjson", "csv"];

/// Every command with plenty to write, so that a pipe or a disk that takes nothing is noticed.
fn loud(port: &str) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for list in [
        &["listen"][..],
        &["conns"],
        &["port", port],
        &["proc", "scene"],
        &["states"],
        &[],
        &["--help"],
    ] {
        for format in FORMATS {
            let format = format!("--format={format}");
            all.push(
                list.iter()
                    .map(|&word| word.to_owned())
                    .chain([format])
                    .collect(),
            );
        }
    }
    all
}

fn raw(arguments: &[String], stdout: Stdio) -> std::process::Child {
    let mut command = Run::new(arguments).command();
    command
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(Stdio::piped());
    spawn::spawn(&mut command).unwrap()
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["established", "--count", "900"]);
    let port = scene.labelled("listener").port().to_string();
    for arguments in loud(&port) {
        for bytes in [0, 1] {
            let (read, write) = io::pipe().unwrap();
            let mut child = raw(&arguments, write.into());
            let mut first = vec![0; bytes];
            (&read).read_exact(&mut first).unwrap();
            drop(read);
            let mut said = String::new();
            child
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut said)
                .unwrap();
            let status = spawn::end(&mut child);
            assert_eq!(
                (status.code(), parted(&said).0.as_str()),
                (Some(0), ""),
                "{arguments:?}"
            );
        }
    }
}

#[test]
fn a_full_disk_is_fatal_and_said() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["established", "--count", "20"]);
    let port = scene.labelled("listener").port().to_string();
    for arguments in loud(&port) {
        if arguments.iter().any(|word| word == "--help") {
            continue;
        }
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut child = raw(&arguments, full.into());
        // One line, which no pipe is too small for.
        let status = spawn::end(&mut child);
        let mut said = String::new();
        let mut stderr = child.stderr.take().unwrap();
        stderr.read_to_string(&mut said).unwrap();
        assert_eq!(status.code(), Some(2), "{arguments:?} {said}");
        assert_eq!(said.lines().count(), 1, "{arguments:?} {said}");
        assert!(
            said.contains("No space left") || said.contains("no space left"),
            "{said}"
        );
    }
}

#[test]
fn closed_streams_are_no_panic() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established"]);
    let closed = |fds: &'static [RawFd]| {
        Run::new(&["conns"]).before(move || {
            for &fd in fds {
                // SAFETY: closes a descriptor of the child only.
                unsafe { libc::close(fd) };
            }
            Ok(())
        })
    };
    for fds in [&[0][..], &[1], &[2], &[0, 1, 2]] {
        let answer = closed(fds).output();
        let can_answer = !fds.contains(&1);
        assert_eq!(
            answer.code(),
            if can_answer { 0 } else { 2 },
            "{fds:?} {answer:?}"
        );
        let is_told = !can_answer && !fds.contains(&2);
        assert_eq!(
            answer.stderr.lines().count(),
            usize::from(is_told),
            "{fds:?}"
        );
    }
    assert_eq!(closed(&[0]).output().code(), 0, "stdin is of no interest");
    // Errors with nowhere to go.
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let target = full.as_raw_fd();
    let answer = Run::new(&["port", "abc"])
        .before(move || {
            // SAFETY: the descriptor is open in the child until it becomes the program.
            common::checked(unsafe { libc::dup2(target, 2) })
        })
        .output();
    assert_eq!(answer.code(), 2);
}
