//! Whether /proc is this process's own, and whether it shows every process.
//!
//! Neither is so by itself: a mount namespace that was entered brings the /proc of a container
//! with it, and a mount option (`hidepid`) leaves out the processes of others without a word.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use rustix::fs::{AtFlags, fstat, fstatfs, major, minor, statat};
use rustix::process::{getgid, getgroups, getpid};
use rustix::thread::{CapabilitySet, capabilities};

use crate::wire::mountinfo::{self, Hidepid};
use crate::wire::proc_pid;

/// `PROC_SUPER_MAGIC` in `include/uapi/linux/magic.h`.
const PROC_SUPER_MAGIC: u64 = 0x9FA0;
/// `PROC_USER_INIT_INO` and `PROC_PID_INIT_INO` in `include/linux/proc_ns.h`.
const USER_INIT_INO: u64 = 0xEFFF_FFFD;
const PID_INIT_INO: u64 = 0xEFFF_FFFC;

/// What /proc shows of the processes of its pid namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sight {
    /// Every process.
    #[default]
    Whole,
    /// Not the processes of other users (`hidepid`).
    Hidden,
    /// Perhaps not every process: how it is mounted could not be read.
    Unproven,
}

/// Whether an open /proc is a proc file system of the calling process's pid namespace.
///
/// # Errors
/// When it is not, or that cannot be told.
pub(super) fn is_own(proc: &OwnedFd) -> io::Result<()> {
    let kind = u64::try_from(fstatfs(proc)?.f_type).unwrap_or_default();
    if kind != PROC_SUPER_MAGIC {
        // An empty directory above all: say what everybody knows.
        return Err(io::Error::from_raw_os_error(libc::ENOENT));
    }
    let foreign = || io::Error::other(Foreign);
    let me = u32::try_from(getpid().as_raw_nonzero().get()).map_err(io::Error::other)?;
    let status = match super::proc::read_at(proc, "self/status") {
        // In the /proc of a namespace that this process is not in there is no "self".
        Err(error) if super::proc::has_ended(&error) => return Err(foreign()),
        status => status?,
    };
    // One number for each pid namespace from that of /proc down to ours.
    let is_mine = match proc_pid::pids(&status) {
        Some(pids) => pids == [me],
        None => proc_pid::pid(&status) == Some(me),
    };
    if is_mine { Ok(()) } else { Err(foreign()) }
}

/// /proc belongs to another pid namespace: the same number is another process there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreign;

impl std::fmt::Display for Foreign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("it belongs to another pid namespace, where processes have other numbers")
    }
}

impl std::error::Error for Foreign {}

/// Whether an error says that /proc is [`Foreign`].
#[must_use]
pub fn is_foreign(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(<dyn std::error::Error + Send + Sync>::is::<Foreign>)
}

/// What an open /proc, which is our own, shows.
pub(super) fn of(proc: &OwnedFd) -> Sight {
    // The first process of a namespace lives as long as the namespace.
    if statat(proc, "1", AtFlags::empty()).is_err() {
        return Sight::Hidden;
    }
    if may_trace_all() {
        return Sight::Whole;
    }
    match hidepid(proc) {
        Some(Hidepid::Nothing) => Sight::Whole,
        Some(Hidepid::ButFor(group)) if is_in(group) => Sight::Whole,
        Some(_) => Sight::Hidden,
        None => Sight::Unproven,
    }
}

/// How the file system of an open directory is mounted, as far as hiding goes.
fn hidepid(proc: &OwnedFd) -> Option<Hidepid> {
    let device = fstat(proc).ok()?.st_dev;
    let text = super::proc::read_at(proc, "self/mountinfo").ok()?;
    mountinfo::hidepid(&text, major(device), minor(device))
}

/// Whether this process is in a group, by its number in the initial user namespace.
fn is_in(group: u32) -> bool {
    let own = std::fs::metadata("/proc/self/ns/user");
    // Elsewhere the numbers of groups mean others.
    own.is_ok_and(|own| std::os::unix::fs::MetadataExt::ino(&own) == USER_INIT_INO)
        && (getgid().as_raw() == group
            || rustix::process::getegid().as_raw() == group
            || getgroups().is_ok_and(|all| all.iter().any(|one| one.as_raw() == group)))
}

/// Whether this process may look into every process of its pid namespace: it has
/// `CAP_SYS_PTRACE` in the user namespace that the pid namespace belongs to.
///
/// To be uid 0 is not enough: root of a user namespace is a user like others outside of it.
#[must_use]
pub fn may_trace_all() -> bool {
    let may =
        capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_PTRACE));
    may && owns_pid_namespace()
}

/// `ioctl(namespace, NS_GET_USERNS)`: whether the user namespace that owns our pid namespace is
/// ours, or within ours; `EPERM` when it is outside.
///
/// # References
/// ioctl_nsfs(2)
#[allow(unsafe_code)]
fn owns_pid_namespace() -> bool {
    const NS_GET_USERNS: libc::c_ulong = 0xB701;
    let Ok(namespace) = pid_namespace() else {
        return false;
    };
    // SAFETY: the request takes no argument and answers with a new descriptor, or -1.
    let owner = unsafe { libc::ioctl(namespace.as_raw_fd(), NS_GET_USERNS as _) };
    if owner < 0 {
        return false;
    }
    // SAFETY: the descriptor is new and nobody else's.
    drop(unsafe { OwnedFd::from_raw_fd(owner) });
    true
}

/// The pid namespace of this process: by /proc, or without it where the kernel can (Linux 6.11).
#[allow(unsafe_code)]
fn pid_namespace() -> io::Result<OwnedFd> {
    const PIDFD_GET_PID_NAMESPACE: libc::c_ulong = 0xFF05;
    if let Ok(file) = File::open("/proc/self/ns/pid") {
        return Ok(file.into());
    }
    let flags = rustix::process::PidfdFlags::empty();
    let me = rustix::process::pidfd_open(getpid(), flags)?;
    // SAFETY: the request takes no argument (0) and answers with a new descriptor, or -1.
    let found = unsafe { libc::ioctl(me.as_fd().as_raw_fd(), PIDFD_GET_PID_NAMESPACE as _, 0) };
    if found < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(found) })
}

/// Whether this process is in the initial pid namespace; `None` when that cannot be told.
pub(super) fn in_initial_pid_namespace() -> Option<bool> {
    let namespace = pid_namespace().ok()?;
    Some(fstat(&namespace).ok()?.st_ino == PID_INIT_INO)
}
