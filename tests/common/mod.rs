//! What every integration test shares: a private namespace, real sockets with known truth, and the program.
//!
//! Each test makes a network namespace of its own for its thread; scenes and sockscope inherit it. Nothing here
//! sleeps and hopes: [`eventually`] looks until it is so, and every child has a deadline.
#![allow(
    dead_code,
    unsafe_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::must_use_candidate,
    clippy::missing_panics_doc,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::cast_lossless,
    clippy::return_self_not_must_use,
    reason = "test helpers fail loudly, call the kernel directly, and not every test uses them all"
)]

pub mod witness;

use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long one run of the program, or the making of a scene, may take at most.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// The user without rights that tests change to.
pub const NOBODY: u32 = 65534;

/// A network namespace of this thread's own, with `lo` up. It lives as long as the thread and its children.
#[derive(Debug)]
pub struct Namespace {
    /// The inode that names it, as in `net:[4026532177]`.
    pub inode: u64,
}

impl Namespace {
    /// Moves the calling thread into a fresh namespace; `None`, and a word on stderr, where that is not permitted.
    pub fn enter() -> Option<Self> {
        // SAFETY: unshare takes no pointer; CLONE_NEWNET changes the calling thread only.
        if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
            eprintln!(
                "skipped: no private network namespace: {}",
                io::Error::last_os_error()
            );
            return None;
        }
        loopback_up();
        Some(Self {
            inode: namespace_inode(),
        })
    }
}

/// [`Namespace::enter`] under the name of what it does.
pub fn enter_private_namespace() -> Option<Namespace> {
    Namespace::enter()
}

/// The inode of the network namespace of the calling thread.
pub fn namespace_inode() -> u64 {
    let link = std::fs::read_link("/proc/thread-self/ns/net").unwrap();
    let text = link.to_str().unwrap();
    text.trim_start_matches("net:[")
        .trim_end_matches(']')
        .parse()
        .unwrap()
}

/// Sets IFF_UP on `lo`: in a new namespace it is down and even 127.0.0.1 is unreachable.
fn loopback_up() {
    // SAFETY: `request` is one live ifreq, plain data for which all zeros is valid; the fd is ours and closed here.
    unsafe {
        let fd = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        assert!(fd >= 0, "socket: {}", io::Error::last_os_error());
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[0] = b'l' as libc::c_char;
        request.ifr_name[1] = b'o' as libc::c_char;
        assert_eq!(
            libc::ioctl(fd, libc::SIOCGIFFLAGS as _, &raw mut request),
            0
        );
        request.ifr_ifru.ifru_flags |= libc::IFF_UP as libc::c_short;
        assert_eq!(
            libc::ioctl(fd, libc::SIOCSIFFLAGS as _, &raw mut request),
            0
        );
        libc::close(fd);
    }
}

/// Looks again and again until `look` answers; panics with `what` after `deadline`.
pub fn eventually<T>(what: &str, deadline: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            start.elapsed() < deadline,
            "not within {deadline:?}: {what}"
        );
        sleep(Duration::from_millis(5));
    }
}

/// One socket, in the words that the scene, sockscope, ss and /proc can all be brought to.
///
/// `local` and `peer` are `address:port` (IPv6 in brackets, mapped IPv4 as IPv4); inode 0 is `None`;
/// an owner is (pid, fd), where the fd is `None` for a registered file of an io_uring.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    pub protocol: String,
    pub family: String,
    pub state: String,
    pub local: String,
    pub peer: Option<String>,
    pub inode: Option<u64>,
    pub owners: BTreeSet<(u32, Option<u32>)>,
}

/// `address:port`, with brackets around an IPv6 address.
pub fn written(address: &str, port: u64) -> String {
    if address.contains(':') {
        format!("[{address}]:{port}")
    } else {
        format!("{address}:{port}")
    }
}

/// The rows of an answer's `sockets`, sorted; duplicates stay.
pub fn rows(answer: &Value) -> Vec<Row> {
    let mut rows: Vec<Row> = sockets(answer).iter().map(row).collect();
    rows.sort();
    rows
}

/// The `sockets` of an answer.
pub fn sockets(answer: &Value) -> &Vec<Value> {
    answer["sockets"]
        .as_array()
        .unwrap_or_else(|| panic!("no sockets in {answer}"))
}

/// One socket of the JSON as a [`Row`].
pub fn row(socket: &Value) -> Row {
    let end = |end: &Value| {
        let at = || Some(written(end["address"].as_str()?, end["port"].as_u64()?));
        (!end.is_null()).then(|| at().unwrap_or_else(|| panic!("odd endpoint in {socket}")))
    };
    let text = |name: &str| {
        socket[name]
            .as_str()
            .unwrap_or_else(|| panic!("no {name} in {socket}"))
            .to_owned()
    };
    let number = |value: &Value| value.as_u64().unwrap() as u32;
    let owners = socket["owners"]
        .as_array()
        .unwrap_or_else(|| panic!("no owners in {socket}"));
    let set: BTreeSet<_> = owners
        .iter()
        .map(|owner| {
            (
                number(&owner["pid"]),
                owner["fd"].as_u64().map(|fd| fd as u32),
            )
        })
        .collect();
    assert_eq!(set.len(), owners.len(), "an owner twice in {socket}");
    Row {
        protocol: text("protocol"),
        family: text("family"),
        state: text("state"),
        local: end(&socket["local"]).unwrap(),
        peer: end(&socket["peer"]),
        inode: socket["inode"].as_u64(),
        owners: set,
    }
}

/// What a scene knows about one of its sockets.
#[derive(Clone, Debug)]
pub struct Truth {
    pub label: String,
    pub pid: u32,
    pub fd: Option<u32>,
    pub row: Row,
}

impl Truth {
    fn of(told: &Value) -> Self {
        let text = |name: &str| told[name].as_str().unwrap().to_owned();
        let number = |value: &Value| value.as_u64().unwrap() as u32;
        let owner = |pair: &Value| (number(&pair[0]), Some(number(&pair[1])));
        Self {
            label: text("label"),
            pid: number(&told["pid"]),
            fd: told["fd"].as_u64().map(|fd| fd as u32),
            row: Row {
                protocol: text("protocol"),
                family: text("family"),
                state: text("state"),
                local: text("local"),
                peer: told["peer"].as_str().map(str::to_owned),
                inode: told["inode"].as_u64().filter(|inode| *inode != 0),
                owners: told["owners"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(owner)
                    .collect(),
            },
        }
    }

    /// The local port.
    pub fn port(&self) -> u16 {
        self.row.local.rsplit(':').next().unwrap().parse().unwrap()
    }
}

/// A running `examples/scene`; dropping it ends it.
#[derive(Debug)]
pub struct Scene {
    child: Child,
    stdin: Option<ChildStdin>,
    /// The JSON line.
    pub story: Value,
}

impl Scene {
    /// Starts a scene in this thread's namespace and waits for its JSON line.
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(example("scene"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example `scene` starts (cargo builds it with the tests)");
        let stdin = child.stdin.take();
        let (tell, told) = mpsc::channel();
        let stdout = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(stdout).read_line(&mut line);
            let _ = tell.send(line);
        });
        // The value exists before anything can fail, so that a scene is ended in any case.
        let mut scene = Self {
            child,
            stdin,
            story: Value::Null,
        };
        let line = told.recv_timeout(DEADLINE).unwrap_or_default();
        scene.story = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("scene {arguments:?} told no JSON line but {line:?}"));
        scene
    }

    /// The pid of the scene's first process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All sockets, in the order told.
    pub fn truths(&self) -> Vec<Truth> {
        self.story["sockets"]
            .as_array()
            .unwrap()
            .iter()
            .map(Truth::of)
            .collect()
    }

    /// All sockets as sorted rows.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = self.truths().into_iter().map(|truth| truth.row).collect();
        rows.sort();
        rows
    }

    /// The first socket of this label.
    pub fn labelled(&self, label: &str) -> Truth {
        let mut truths = self.truths().into_iter();
        truths
            .find(|truth| truth.label == label)
            .unwrap_or_else(|| panic!("no {label} in {}", self.story))
    }

    /// A fact of the kind's own.
    pub fn extra(&self, name: &str) -> &Value {
        &self.story["extra"][name]
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(5) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            sleep(Duration::from_millis(2));
        }
        // Our own unreaped child: its id cannot have been given to another process.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An example's binary, which cargo builds beside the tests.
pub fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent()
        .and_then(std::path::Path::parent)
        .unwrap()
        .join("examples")
        .join(name)
}

/// What a run of the program left behind.
#[derive(Debug)]
pub struct Answer {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
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
}

impl Run {
    /// sockscope with these arguments, and none of the environment that changes its output.
    pub fn new<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Self {
        Self::of(env!("CARGO_BIN_EXE_sockscope")).args(arguments)
    }

    /// Another program.
    pub fn of(program: impl AsRef<std::ffi::OsStr>) -> Self {
        let mut command = Command::new(program);
        for name in [
            "NO_COLOR",
            "CLICOLOR",
            "CLICOLOR_FORCE",
            "COLUMNS",
            "RUST_BACKTRACE",
        ] {
            command.env_remove(name);
        }
        Self { command }
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
    pub fn output(mut self) -> Answer {
        let mut child = self
            .command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{:?}: {error}", self.command));
        let stdout = reader(child.stdout.take().unwrap());
        let stderr = reader(child.stderr.take().unwrap());
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if start.elapsed() > DEADLINE {
                let _ = child.kill();
                let _ = child.wait();
                panic!("no end after {DEADLINE:?}: {:?}", self.command);
            }
            sleep(Duration::from_millis(1));
        };
        Answer {
            status,
            stdout: stdout.join().unwrap(),
            stderr: stderr.join().unwrap(),
        }
    }

    /// Runs, expects exit code 0, and reads stdout as JSON.
    pub fn json(self) -> Value {
        let answer = self.output();
        assert_eq!(answer.code(), 0, "{answer:?}");
        answer.json()
    }
}

/// Reads a pipe to its end on a thread of its own, so that a full pipe never stops the program.
fn reader(mut pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        String::from_utf8(bytes).expect("the program writes UTF-8")
    })
}

/// Turns the C convention (negative means errno) into a result.
pub fn checked(answer: libc::c_int) -> io::Result<()> {
    if answer < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// sockscope with these arguments, as the user of the test.
pub fn sockscope(arguments: &[&str]) -> Answer {
    Run::new(arguments).output()
}

/// The JSON answer to these arguments (give `--json` among them); the exit code must be 0.
pub fn json(arguments: &[&str]) -> Value {
    Run::new(arguments).json()
}

/// [`json`] as another user.
pub fn json_as(uid: u32, arguments: &[&str]) -> Value {
    Run::new(arguments).user(uid).json()
}

/// The codes of an answer's `problems`.
pub fn problem_codes(answer: &Value) -> Vec<&str> {
    answer["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["code"].as_str().unwrap())
        .collect()
}
