//! Network namespaces.

use std::io;
use std::num::NonZeroU64;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::proc;
use super::proc::ProcDir;

/// The inode of the calling thread's network namespace; `None` without /proc.
#[must_use]
pub fn current() -> Option<NonZeroU64> {
    inode_of("/proc/thread-self/ns/net")
}

fn inode_of(path: &str) -> Option<NonZeroU64> {
    NonZeroU64::new(std::fs::metadata(path).ok()?.ino())
}

/// The inode of a process's network namespace; `None` where that may not be looked at.
#[must_use]
pub fn of_process(pid: u32) -> Option<NonZeroU64> {
    let read = |pid| std::fs::metadata(format!("/proc/{pid}/ns/net"));
    NonZeroU64::new(by_live_task(pid, read).ok()?.ino())
}

/// What `read` gives for a process; where its first thread has ended, and another has not, for
/// that one: a thread that has ended is in no namespace.
fn by_live_task<T>(pid: u32, read: impl Fn(u32) -> io::Result<T>) -> io::Result<T> {
    let of_first = read(pid);
    match &of_first {
        Err(error) if proc::has_ended(error) => {}
        _ => return of_first,
    }
    let task = ProcDir::open().ok().and_then(|proc| proc.live_task(pid));
    match task.filter(|&task| task != pid) {
        Some(task) => read(task),
        None => of_first,
    }
}

/// `pidfd_getfd(2)`, then `ioctl(SIOCGSKNS)`: the inode of the network namespace that a socket of a
/// process is in.
///
/// # Errors
/// When the process does not let its descriptors be copied (`PTRACE_MODE_ATTACH_REALCREDS`), or the
/// kernel does not tell (`CAP_NET_ADMIN` there).
///
/// # References
/// pidfd_getfd(2), Linux 5.6; `sock_ioctl` in `net/socket.c`, Linux 4.9
pub fn of_socket(pid: u32, fd: u32) -> io::Result<NonZeroU64> {
    let number = i32::try_from(pid).map_err(io::Error::other)?;
    let pid = Pid::from_raw(number).ok_or(io::ErrorKind::InvalidInput)?;
    let process = pidfd_open(pid, PidfdFlags::empty())?;
    let fd = i32::try_from(fd).map_err(io::Error::other)?;
    let socket = pidfd_getfd(&process, fd, PidfdGetfdFlags::empty())?;
    let inode = std::fs::File::from(namespace_of(&socket)?)
        .metadata()?
        .ino();
    NonZeroU64::new(inode).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// `ioctl(socket, SIOCGSKNS)`: the network namespace of a socket.
///
/// # References
/// `sock_ioctl` in `net/socket.c`, Linux 4.9
#[allow(unsafe_code)]
fn namespace_of(socket: &OwnedFd) -> io::Result<OwnedFd> {
    const SIOCGSKNS: libc::c_ulong = 0x894C;
    // SAFETY: the request takes no argument and answers with a new descriptor, or -1.
    let namespace = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCGSKNS as _) };
    if namespace < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(namespace) })
}

/// A number that tells the network namespace of a process, or of the calling thread, from
/// others; `None` when the process has ended or that cannot be told.
///
/// Unlike its `ns/net` this needs no permission: each namespace has /proc/net files of its
/// own, with inodes of their own (`get_proc_task_net` in `fs/proc/proc_net.c`).
#[must_use]
pub fn mark(pid: Option<u32>) -> Option<u64> {
    mark_of(pid).ok()
}

fn mark_of(pid: Option<u32>) -> io::Result<u64> {
    let read = |whose: &str| Ok(std::fs::metadata(format!("/proc/{whose}/net/dev"))?.ino());
    match pid {
        None => read("thread-self"),
        Some(pid) => by_live_task(pid, |pid| read(&pid.to_string())),
    }
}

/// Whether a process may be in the calling thread's network namespace: it is, or that cannot
/// be told. A process that has ended is not.
#[must_use]
pub fn may_be_ours(pid: u32) -> bool {
    match (mark_of(Some(pid)), mark_of(None)) {
        (Ok(theirs), Ok(own)) => theirs == own,
        (Err(error), _) if error.kind() == io::ErrorKind::NotFound => false,
        (Err(error), _) => error.raw_os_error() != Some(libc::ESRCH),
        (Ok(_), Err(_)) => true,
    }
}

/// Whether the calling thread may administer its network namespace: it has `CAP_NET_ADMIN` in
/// the user namespace that owns it. To be uid 0 is neither needed nor enough.
///
/// `SIOCGSKNS` is answered to nobody else (`sock_ioctl` in `net/socket.c`).
#[must_use]
pub fn may_administer() -> bool {
    let socket = rustix::net::socket(
        rustix::net::AddressFamily::UNIX,
        rustix::net::SocketType::DGRAM,
        None,
    );
    socket.is_ok_and(|socket| namespace_of(&socket).is_ok())
}

/// Whether this process is in the initial pid namespace, so that every process can be seen.
/// `true` when it cannot be told.
#[must_use]
pub fn in_initial_pid_namespace() -> bool {
    initial_pid_namespace().unwrap_or(true)
}

/// Whether this process is in the initial pid namespace; `None` when that cannot be told.
#[must_use]
pub fn initial_pid_namespace() -> Option<bool> {
    super::sight::in_initial_pid_namespace()
}

/// A network namespace that can be entered.
#[derive(Debug)]
pub struct Namespace(std::fs::File);

/// Opens the network namespace of a process.
///
/// # Errors
/// When the process is gone, or does not let its namespace be opened.
pub fn open(pid: u32) -> io::Result<Namespace> {
    let open = |pid| std::fs::File::open(format!("/proc/{pid}/ns/net"));
    by_live_task(pid, open).map(Namespace)
}

impl Namespace {
    /// Its inode.
    ///
    /// # Errors
    /// What fstat says.
    pub fn inode(&self) -> io::Result<NonZeroU64> {
        NonZeroU64::new(self.0.metadata()?.ino()).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// `setns(fd, CLONE_NEWNET)`: moves the calling thread there.
    ///
    /// # Errors
    /// When that is not permitted (`CAP_SYS_ADMIN`).
    ///
    /// # References
    /// setns(2)
    pub fn enter(&self) -> io::Result<()> {
        let kind = Some(LinkNameSpaceType::Network);
        Ok(move_into_link_name_space(self.0.as_fd(), kind)?)
    }
}
