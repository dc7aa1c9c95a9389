//! All input and output, and the only `unsafe`: netlink, /proc, bpf, namespaces, names, terminal.
//!
//! Everything here is a thin call with an honest error; what the bytes mean is decided in
//! [`crate::wire`], what to ask for in [`crate::collect`].

use std::io;
use std::sync::OnceLock;
use std::thread::Builder;
use std::time::{Duration, Instant};

use crate::model::Foreign;
use crate::wire::kernel_text;

pub mod bpf;
pub mod cgroup;
pub mod names;
pub mod netns;
pub mod proc;
pub mod sight;
pub mod sock_diag;
mod zero_stamp;

/// Time since this was first asked, on a clock that never jumps.
#[must_use]
pub fn monotonic() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// Time that this process has taken of the processors, all its threads together.
#[must_use]
pub fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Starts a thread that nobody waits for.
///
/// # Errors
/// Where the limit of processes (`RLIMIT_NPROC`, a cgroup) leaves no room for it.
pub(crate) fn start_thread(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    match Builder::new().spawn(work) {
        Ok(_) => Ok(()),
        Err(error) => Err(io::Error::new(
            error.kind(),
            format!("cannot start a thread: {error}"),
        )),
    }
}

/// Bounds how long a call is made again because it was interrupted: an answer takes a
/// millisecond, so who is interrupted for two seconds is so for ever.
#[derive(Debug, Default)]
pub(crate) struct Patience(Option<Instant>);

impl Patience {
    /// Fails when it has gone on for too long.
    pub(crate) fn once_more(&mut self) -> io::Result<()> {
        let since = self.0.get_or_insert_with(Instant::now);
        if since.elapsed() < Duration::from_secs(2) {
            return Ok(());
        }
        let why = "no answer within 2 s: interrupted again and again";
        Err(io::Error::new(io::ErrorKind::TimedOut, why))
    }
}

/// The host's name, or empty when the kernel does not tell.
#[must_use]
pub fn host_name() -> Foreign {
    uname()
        .map_or_else(Vec::new, |name| text(&name.nodename))
        .into()
}

/// `uname(2)`: what the kernel calls itself and the host; `None` where it refuses, which rustix
/// takes for impossible.
#[allow(unsafe_code)]
fn uname() -> Option<libc::utsname> {
    // SAFETY: plain data for which all zeros is valid, and which the kernel fills.
    unsafe {
        let mut name: libc::utsname = std::mem::zeroed();
        (libc::uname(&raw mut name) == 0).then_some(name)
    }
}

/// The bytes of a field, up to its NUL.
fn text(field: &[libc::c_char]) -> Vec<u8> {
    let bytes = field.iter().map(|byte| byte.cast_unsigned());
    bytes.take_while(|byte| *byte != 0).collect()
}

/// The kernel's version as (major, minor); `None` when it cannot be read from its release.
#[must_use]
pub fn kernel_version() -> Option<(u32, u32)> {
    let release = String::from_utf8(text(&uname()?.release)).ok()?;
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Buckets of the table of TCP connections that the calling thread's network namespace uses: its
/// own, or that of the machine.
#[must_use]
pub fn tcp_buckets() -> u64 {
    // Linux 6.1; negative where the table is shared with the initial namespace.
    let told = proc::setting("net.ipv4.tcp_ehash_entries").ok();
    let told = told.and_then(|text| text.trim().parse::<i64>().ok());
    match told {
        Some(buckets) if buckets != 0 => buckets.unsigned_abs(),
        _ => usual_buckets(),
    }
}

/// Whether MPTCP may be in use in the calling thread's network namespace. Its subflows stand
/// among the TCP connections, and only their ULP tells them apart.
#[must_use]
pub fn has_mptcp() -> bool {
    let protocols = proc::net_text("protocols").unwrap_or_default();
    let sockets = kernel_text::sockets_of(&protocols, "MPTCP").into_iter();
    let sockets = sockets.chain(kernel_text::sockets_of(&protocols, "MPTCPv6"));
    // Linux 6.3 counts them; an older one says 0, whatever there is.
    let counts = kernel_version().is_none_or(|version| version >= (6, 3));
    sockets.max().is_some_and(|most| most > 0 || !counts)
}

/// What the kernel makes of the memory it finds: a bucket for each 128 KiB, at most half a
/// million (`tcp_init` in `net/ipv4/tcp.c`). It finds more than it tells later: half is sure.
#[allow(
    clippy::useless_conversion,
    reason = "a word of the machine, which need not have 64 bits"
)]
fn usual_buckets() -> u64 {
    let memory = rustix::system::sysinfo();
    let bytes = u64::from(memory.totalram) * u64::from(memory.mem_unit);
    (bytes / (128 * 1024)).min(512 * 1024) / 2
}

/// Whether this process runs with effective uid 0.
#[must_use]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
