//! Each test that makes sockets runs in a process of its own, which a deadline ends.
//!
//! In one process for all tests, whatever one forks holds the sockets of all others until its exec: owners that
//! nobody made. A test that hangs would hang them all, and signals, limits and descriptors of whoever started
//! the tests would be theirs. So a test starts the program that it is part of once more, for itself only.

use super::{checked, spawn};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::FromRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a test may take at most, on a machine that does four times as much as it can.
const DEADLINE: Duration = Duration::from_secs(150);

/// Says to a test that it is in a process of its own; the value is its name.
const ALONE: &str = "SOCKSCOPE_TEST_ALONE";

/// Whether the calling test is in a process of its own.
///
/// If not, it runs there now, and whatever went wrong is this test's failure too.
pub fn is_here() -> bool {
    if name().is_some() {
        return true;
    }
    let thread = std::thread::current();
    // Without a thread a test (`--test-threads=1`) nobody else forks, and nobody knows its name.
    let Some(test) = thread.name().filter(|name| *name != "main") else {
        return true;
    };
    run(test);
    false
}

/// The name of the test that runs alone in this process.
pub fn name() -> Option<String> {
    std::env::var(ALONE).ok()
}

fn run(test: &str) {
    let mut said = unnamed_file();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--exact",
            test,
            "--include-ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(ALONE, test)
        .stdin(Stdio::null())
        .stdout(said.try_clone().unwrap())
        .stderr(said.try_clone().unwrap());
    spawn::as_usual(&mut command);
    // SAFETY: a system call only. A session of its own has no terminal, and can be ended as a whole.
    unsafe { command.pre_exec(|| checked(libc::setsid())) };
    let mut child = spawn::spawn(&mut command).unwrap();
    let status = ended(&mut child);
    let mut bytes = Vec::new();
    said.seek(SeekFrom::Start(0)).unwrap();
    said.read_to_end(&mut bytes).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    let has_run = text.contains("running 1 test\n");
    eprint!("{text}");
    match status {
        Some(status) => assert!(status.success() && has_run, "{test}: {status}, see above"),
        None => panic!("{test} did not end within {DEADLINE:?}, see above"),
    }
}

/// Waits for the end; at the deadline says what there was, and ends all of it.
fn ended(child: &mut Child) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < DEADLINE {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        sleep(Duration::from_millis(4));
    }
    let all = descendants(child.id());
    for pid in &all {
        let of = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}"));
        let words = of("cmdline").unwrap_or_default().replace('\0', " ");
        let does = of("wchan").unwrap_or_default();
        eprintln!("at the deadline: process {pid} ({words}) waits in {does}");
    }
    for pid in all {
        // SAFETY: no pointer is passed. These are ours: each has been seen below our own unreaped child just now.
        unsafe { libc::kill(pid as libc::pid_t, libc::SIGKILL) };
    }
    spawn::stop(child);
    None
}

/// A process and all that came from it, itself first.
fn descendants(of: u32) -> Vec<u32> {
    let parent = |pid: u32| -> Option<u32> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
    };
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parents: Vec<(u32, u32)> = pids.filter_map(|pid| Some((pid, parent(pid)?))).collect();
    let mut found = vec![of];
    let mut next = 0;
    while let Some(&pid) = found.get(next) {
        found.extend(
            parents
                .iter()
                .filter(|pair| pair.1 == pid)
                .map(|pair| pair.0),
        );
        next += 1;
    }
    found
}

/// A file for what the test says: unlike a pipe it never fills, and nobody who keeps it open is waited for.
fn unnamed_file() -> File {
    // SAFETY: the name is a literal that ends in NUL; the descriptor is new and ours.
    unsafe {
        let fd = libc::memfd_create(c"test".as_ptr(), libc::MFD_CLOEXEC);
        checked(fd).unwrap();
        File::from_raw_fd(fd)
    }
}
