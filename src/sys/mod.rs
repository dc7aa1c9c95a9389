//! All input and output, and the only `unsafe`: netlink, /proc, bpf, namespaces, names, terminal.
//!
//! Everything here is a thin call with an honest error; what the bytes mean is decided in
//! [`crate::wire`], what to ask for in [`crate::collect`].

use std::sync::OnceLock;
use std::time::{Duration, Instant};

pub mod bpf;
pub mod cgroup;
pub mod files;
pub mod job;
pub mod names;
pub mod netns;
pub mod proc;
pub mod redraw;
pub mod save;
pub mod screen;
pub mod sock_diag;
pub mod terminal;

/// Time since this was first asked, on a clock that never jumps.
#[must_use]
pub fn monotonic() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// The host's name, or empty when the kernel does not tell.
#[must_use]
pub fn host_name() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}

/// The kernel's version as (major, minor); `None` when it cannot be read from its release.
#[must_use]
pub fn kernel_version() -> Option<(u32, u32)> {
    let name = rustix::system::uname();
    let release = name.release().to_str().ok()?;
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Whether this process runs with effective uid 0.
#[must_use]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
