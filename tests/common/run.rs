//! One run of the program, with a deadline.

use super::faults::{Fault, supervise};
use super::{DEADLINE, checked, program, spawn};
use serde_json::Value;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};

/// What a run of the program left behind.
#[derive(Debug)]
pub struct Answer {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
    /// The lines of stderr on processes in other network namespaces, which are not in `stderr`: they are about
    /// the host, and about the other tests that run on it.
    pub of_host: Vec<String>,
}

impl Answer {
    /// The exit code; a death by signal (an abort of a panic among them) fails the test.
    pub fn code(&self) -> i32 {
        self.status
            .code()
            .unwrap_or_else(|| panic!("died: {self:?}"))
    }

    /// Stdout as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }
}

/// A run of sockscope in the making.
#[derive(Debug)]
pub struct Run {
    command: Command,
    faults: Vec<Fault>,
}

impl Run {
    /// sockscope with these arguments, and none of the environment that changes its output.
    pub fn new<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Self {
        Self::of(program()).args(arguments)
    }

    /// Another program.
    pub fn of(program: impl AsRef<std::ffi::OsStr>) -> Self {
        let mut command = Command::new(program);
        spawn::as_usual(&mut command);
        // SOCKSCOPE_OWNERS stays: every answer is the same by either way, so all tests can be run by both.
        for name in [
            "NO_COLOR",
            "CLICOLOR",
            "CLICOLOR_FORCE",
            "COLUMNS",
            "RUST_BACKTRACE",
            "SOCKSCOPE_COLOR",
            "SOCKSCOPE_COLUMNS_OVERVIEW",
            "SOCKSCOPE_COLUMNS_LISTEN",
            "SOCKSCOPE_COLUMNS_PORT",
            "SOCKSCOPE_COLUMNS_CONNS",
            "SOCKSCOPE_COLUMNS_PROC",
        ] {
            command.env_remove(name);
        }
        // Nobody's own configuration changes a test.
        command.env("XDG_CONFIG_HOME", "/dev/null");
        Self {
            command,
            faults: Vec::new(),
        }
    }

    /// The command itself, for whoever does not wait for its end.
    pub fn command(mut self) -> Command {
        let faults = std::mem::take(&mut self.faults);
        if faults.is_empty() {
            return self.command;
        }
        self.before(supervise(faults)).command
    }

    /// A system call of the program that fails; several may be given, the first that strikes counts.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// More arguments.
    pub fn args<S: AsRef<std::ffi::OsStr>>(mut self, arguments: &[S]) -> Self {
        self.command.args(arguments);
        self
    }

    /// One more variable of the environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Something to do in the child before it becomes the program; several run in the order they were given.
    ///
    /// It runs between fork and exec: system calls only, no allocation.
    pub fn before(mut self, step: impl FnMut() -> io::Result<()> + Send + Sync + 'static) -> Self {
        // SAFETY: the steps given by the tests are plain system calls on memory that is live in the child.
        unsafe { self.command.pre_exec(step) };
        self
    }

    /// As this user, with the group of the same number and no other.
    pub fn user(self, uid: u32) -> Self {
        self.before(move || {
            // SAFETY: no pointer is passed but null with length 0.
            unsafe {
                checked(libc::setgroups(0, std::ptr::null()))?;
                checked(libc::setresgid(uid, uid, uid))?;
                checked(libc::setresuid(uid, uid, uid))
            }
        })
    }

    /// Runs to the end, or to the deadline, after which it is killed and the test fails.
    pub fn output(self) -> Answer {
        let mut command = self.command();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child =
            spawn::spawn(&mut command).unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdout = reader(child.stdout.take().unwrap());
        let stderr = reader(child.stderr.take().unwrap());
        let status = spawn::ended(&mut child)
            .unwrap_or_else(|| panic!("no end after {DEADLINE:?}: {command:?}"));
        let (stderr, of_host) = parted(&stderr.join().unwrap());
        Answer {
            status,
            stdout: stdout.join().unwrap(),
            stderr,
            of_host,
        }
    }

    /// Runs, expects exit code 0, and reads stdout as JSON.
    pub fn json(self) -> Value {
        let answer = self.output();
        assert_eq!(answer.code(), 0, "{answer:?}");
        answer.json()
    }
}

/// What was said of what was asked, and what of the host.
pub fn parted(said: &str) -> (String, Vec<String>) {
    let of_host = [
        "which was not looked into",
        "held in another network namespace",
        "other network namespaces",
        "network namespace could not be looked into",
        "another network namespace have sockets",
    ];
    let is_of_host =
        |line: &&str| line.contains("note: ") && of_host.iter().any(|words| line.contains(words));
    let lines = said.split_inclusive('\n');
    let of_host = lines.clone().filter(is_of_host).map(str::to_owned);
    (
        lines.filter(|line| !is_of_host(line)).collect(),
        of_host.collect(),
    )
}

/// Reads a pipe to its end on a thread of its own, so that a full pipe never stops the program.
fn reader(mut pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        String::from_utf8(bytes).expect("the program writes UTF-8")
    })
}
