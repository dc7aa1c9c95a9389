//! What every integration test shares: a private namespace, real sockets with known truth, and the program.
//!
//! Each test makes a network namespace of its own, in a process of its own ([`Namespace::enter`]); scenes and
//! sockscope inherit it. Nothing here sleeps and hopes: [`eventually`] looks until it is so, and every test and
//! every child has a deadline. Processes are made in one place ([`spawn`]), so that nothing is inherited by chance.
#![allow(
    missing_docs,
    unsafe_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::missing_errors_doc,
    clippy::must_use_candidate,
    clippy::missing_panics_doc,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::cast_lossless,
    clippy::return_self_not_must_use,
    reason = "test helpers fail loudly, and call the kernel directly"
)]

pub mod alone;
pub mod buildup;
pub mod doctor;
pub mod faults;
pub mod frozen;
pub mod picture;
pub mod pty;
pub mod quiet;
mod run;
pub mod sandbox;
pub mod saved;
mod scene;
pub mod spawn;
mod stream;
pub mod terminal;
pub mod waits;
pub mod witness;

pub use faults::{Call, Fault};
pub use run::{Answer, Run, parted};
pub use scene::{Scene, Truth, example, program};
pub use stream::Stream;

use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long one run of the program, or the making of a scene, may take at most.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// The user without rights that tests change to.
pub const NOBODY: u32 = 65534;

/// A network namespace of this thread's own, with `lo` up. It lives as long as the thread and its children.
#[derive(Debug)]
pub struct Namespace {
    /// The inode that names it, as in `net:[4026532177]`.
    pub inode: u64,
}

impl Namespace {
    /// Moves the calling thread into a fresh namespace, in a process that is this test's alone.
    ///
    /// `None` where that is not permitted, which is told, and in the process of all tests: the test has then
    /// run to its end in one of its own, and was green.
    pub fn enter() -> Option<Self> {
        if !alone::is_here() {
            return None;
        }
        // SAFETY: unshare takes no pointer; CLONE_NEWNET changes the calling thread only.
        if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
            let error = io::Error::last_os_error();
            skipped(&format!("no private network namespace: {error}"));
            return None;
        }
        loopback_up();
        Some(Self {
            inode: namespace_inode(),
        })
    }
}

/// Tells that this test, or a part of it, did not run: on stderr, and in the file that `.ci/run` shows at its end.
pub fn skipped(why: &str) {
    let thread = std::thread::current();
    let test = alone::name().or_else(|| thread.name().map(str::to_owned));
    let line = format!("skipped: {}: {why}\n", test.unwrap_or_default());
    eprint!("{line}");
    if let Some(file) = std::env::var_os("SOCKSCOPE_TEST_SKIPPED") {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.create(true).append(true).open(file).unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
}

/// Whether a program is there; tells what is skipped without it.
pub fn there_is(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|directory| directory.join(program).is_file());
    if !found {
        skipped(&format!("there is no {program} here"));
    }
    found
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

/// Whether an answer vouches for all that a test, as root, has made.
///
/// Of a socket without an owner it cannot do so while other processes of the host end under it, or let nobody look
/// into them. It says that, and the test has no part in it.
pub fn is_complete_here(answer: &Value) -> bool {
    let codes = problem_codes(answer);
    answer["complete"] == true || codes.iter().any(|code| OF_OTHERS.contains(code))
}

/// The codes of an answer's problems that are of this test's doing: see [`is_complete_here`].
pub fn problems_here(answer: &Value) -> Vec<&str> {
    let mut codes = problem_codes(answer);
    codes.retain(|code| !is_of_others(code));
    codes
}

/// The codes of an answer's problems but those that tell of other namespaces: what lives there is of the host.
pub fn codes_here(answer: &Value) -> Vec<&str> {
    let mut codes = problem_codes(answer);
    codes.retain(|code| !ELSEWHERE.contains(code));
    codes
}

/// Whether other processes of the host make a problem.
pub fn is_of_others(code: &str) -> bool {
    OF_OTHERS.contains(&code) || ELSEWHERE.contains(&code)
}

/// Problems that other processes of the host make, and for which an answer is not complete.
const OF_OTHERS: [&str; 2] = ["owners_raced", "owners_denied"];
/// What is told of other namespaces: those of other tests too, and of processes of the same name there.
const ELSEWHERE: [&str; 5] = [
    "held_elsewhere",
    "namespaces_unseen",
    "other_namespaces",
    "sockets_elsewhere",
    "sockets_not_listed",
];

/// The sockets of `listen` and of `conns` together: all there are, raw ones too.
///
/// Each command must end with 1 when it lists nothing, else with 0, and be complete: root sees all that is here.
pub fn everything(more: &[&str]) -> Vec<Value> {
    let mut all = Vec::new();
    for command in ["listen", "conns"] {
        let answer = Run::new(&[command, "--json", "-t", "-u", "-w"])
            .args(more)
            .output();
        let told = answer.json();
        let found = sockets(&told);
        assert_eq!(answer.code(), i32::from(found.is_empty()), "{answer:?}");
        assert!(is_complete_here(&told), "{told}");
        assert_eq!(told["command"], command);
        all.extend(found.iter().cloned());
    }
    all
}
