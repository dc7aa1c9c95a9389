//! /proc: processes, their descriptors, and the text tables.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::num::NonZeroU32;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::OnceLock;

use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, RawDir, SeekFrom, openat, readlinkat, readlinkat_raw, seek, statat,
};
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};

use super::sight;
use super::sight::Sight;
use crate::wire::fd_link::{self, FdLink};
use crate::wire::{mountinfo, proc_pid};

/// Bytes of a getdents buffer: some 1,300 descriptors a call.
const DIRECTORY_BUFFER: usize = 32 * 1024;
/// A link's target that is longer than this is neither a socket nor a ring.
const LINK_BUFFER: usize = 64;

/// The descriptors `first..end` of an fd table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FdRange {
    /// The lowest descriptor.
    pub first: u32,
    /// One past the highest.
    pub end: u32,
}

impl FdRange {
    /// The whole table.
    pub const ALL: Self = Self {
        first: 0,
        end: u32::MAX,
    };
}

/// An open /proc.
#[derive(Debug)]
pub struct ProcDir {
    fd: OwnedFd,
    /// Processes over whose files something else is mounted, once that was asked for.
    covered: OnceLock<Vec<u32>>,
}

impl ProcDir {
    /// Opens /proc.
    ///
    /// # Errors
    /// When it is not mounted or not readable, or [`sight::is_foreign`].
    pub fn open() -> io::Result<Self> {
        let open = || {
            let fd = open_dir(CWD, "/proc")?;
            sight::is_own(&fd)?;
            Ok(Self {
                fd,
                covered: OnceLock::new(),
            })
        };
        // A second time, in case the first one met what passes.
        open().or_else(|_: io::Error| open())
    }

    /// A directory that stands in for /proc.
    ///
    /// # Errors
    /// When it cannot be opened.
    #[cfg(test)]
    pub fn at(path: &std::path::Path) -> io::Result<Self> {
        let path = path.to_str().ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Self {
            fd: open_dir(CWD, path)?,
            covered: OnceLock::from(Vec::new()),
        })
    }

    /// What it shows of the processes of this pid namespace.
    #[must_use]
    pub fn sight(&self) -> Sight {
        sight::of(&self.fd)
    }

    /// Refuses a process over whose files something else is mounted: what is there is not its own.
    fn is_itself(&self, pid: u32) -> Result<(), Errno> {
        let covered = self.covered.get_or_init(|| {
            let table = read_at(&self.fd, "self/mountinfo");
            table.map_or_else(|_| Vec::new(), |table| mountinfo::covered(&table))
        });
        if covered.contains(&pid) {
            return Err(Errno::ACCESS);
        }
        Ok(())
    }

    /// The pid of every process that can be seen.
    ///
    /// # Errors
    /// When /proc cannot be listed.
    pub fn pids(&self) -> io::Result<Vec<u32>> {
        // A second time, in case the first one met what passes.
        let list = || numbers_in(open_dir(&self.fd, ".")?);
        Ok(list().or_else(|_| list())?)
    }

    /// The thread ids of a process, its own pid included.
    ///
    /// # Errors
    /// As for [`Self::scan_fds`].
    pub fn tids(&self, pid: u32) -> Result<Vec<u32>, Errno> {
        numbers_in(open_dir(&self.fd, &format!("{pid}/task"))?)
    }

    /// Whether a process has more threads than one; `true` where that cannot be told. No
    /// permission is needed.
    ///
    /// Source: the links of /proc/PID/task (`proc_task_getattr` in `fs/proc/base.c`).
    #[must_use]
    pub fn has_threads(&self, pid: u32) -> bool {
        let stat = statat(&self.fd, format!("{pid}/task"), AtFlags::empty());
        stat.map_or(true, |stat| stat.st_nlink > 3)
    }

    /// Whether a task has an fd table: it has not ended, not even to wait for being reaped.
    /// `true` where that cannot be told.
    #[must_use]
    pub fn has_table(&self, pid: u32, tid: Option<u32>) -> bool {
        let stat = match tid {
            None => self.read(pid, "stat"),
            Some(tid) => self.read(pid, &format!("task/{tid}/stat")),
        };
        match stat {
            Ok(text) => proc_pid::stat(&text).is_none_or(|s| !matches!(s.state, b'Z' | b'X')),
            // A pid that nobody has proves it, and nothing else does.
            Err(_) => exists(tid.unwrap_or(pid)),
        }
    }

    /// A thread of a process that has not ended: the first one, whose number is the pid, where
    /// that has not. `None` when all have, and the process waits to be reaped.
    #[must_use]
    pub fn live_task(&self, pid: u32) -> Option<u32> {
        if self.has_table(pid, None) {
            return Some(pid);
        }
        let tids = self.tids(pid).unwrap_or_default();
        tids.into_iter()
            .find(|&tid| tid != pid && self.has_table(pid, Some(tid)))
    }

    /// The process that a pid or a thread id belongs to; `None` when there is none, or none that
    /// /proc shows.
    #[must_use]
    pub fn process_of(&self, id: u32) -> Option<u32> {
        proc_pid::process(&self.read(id, "status").ok()?)
    }

    /// How many descriptors a process has open, or `None` when the kernel does not tell
    /// (before Linux 6.2) or the process is gone. No permission is needed.
    #[must_use]
    pub fn fd_count(&self, pid: u32) -> Option<u64> {
        let stat = statat(&self.fd, format!("{pid}/fd"), AtFlags::empty()).ok()?;
        u64::try_from(stat.st_size).ok()
    }

    /// How many descriptors a process has open, counted one by one where the kernel does not
    /// tell the number; `None` when the process is gone or its table is not ours to read.
    #[must_use]
    pub fn fds_open(&self, pid: u32) -> Option<u64> {
        match self.fd_count(pid)? {
            0 => {
                let table = open_dir(&self.fd, &format!("{pid}/fd")).ok()?;
                u64::try_from(numbers_in(table).ok()?.len()).ok()
            }
            count => Some(count),
        }
    }

    /// Whether [`Self::fd_count`] works: this process has descriptors open, so 0 means no.
    #[must_use]
    pub fn tells_fd_count(&self) -> bool {
        let stat = statat(&self.fd, "self/fd", AtFlags::empty());
        stat.is_ok_and(|stat| stat.st_size > 0)
    }

    /// Calls `each` with every descriptor of an fd table in `range` and what it points at.
    ///
    /// `tid` chooses the table of one thread. Returns how many descriptors were closed before
    /// they could be looked at.
    ///
    /// # Errors
    /// `EACCES` or `EPERM` when the table is not ours to read, `ENOENT` or `ESRCH` when the
    /// process ended.
    pub fn scan_fds(
        &self,
        pid: u32,
        tid: Option<u32>,
        range: FdRange,
        each: &mut impl FnMut(u32, FdLink),
    ) -> Result<u64, Errno> {
        self.is_itself(pid)?;
        let path = match tid {
            None => format!("{pid}/fd"),
            Some(tid) => format!("{pid}/task/{tid}/fd"),
        };
        let table = open_dir(&self.fd, &path)?;
        if range.first > 0 {
            // In an fd directory the position is the descriptor plus 2, for "." and "..".
            seek(&table, SeekFrom::Start(u64::from(range.first) + 2))?;
        }
        let mut buffer = Vec::with_capacity(DIRECTORY_BUFFER);
        let mut entries = RawDir::new(table.as_fd(), buffer.spare_capacity_mut());
        let mut vanished = 0;
        while let Some(entry) = entries.next() {
            let name = entry?;
            let name = name.file_name();
            let Some(fd) = fd_link::decimal(name.to_bytes()) else {
                continue;
            };
            if fd >= range.end {
                break;
            }
            // A descriptor that is not there any more is not there at a second look either.
            match link_of(&table, name).or_else(|_| link_of(&table, name)) {
                Ok(link) => each(fd, link),
                Err(Errno::NOENT) => vanished += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(vanished)
    }

    /// Looks at what one descriptor of a process points at, whichever comes first.
    ///
    /// # Errors
    /// As for [`Self::scan_fds`].
    pub fn look_at_one_fd(&self, pid: u32) -> Result<(), Errno> {
        self.is_itself(pid)?;
        let table = open_dir(&self.fd, &format!("{pid}/fd"))?;
        let mut buffer = Vec::with_capacity(DIRECTORY_BUFFER);
        let mut entries = RawDir::new(table.as_fd(), buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let name = entry?;
            if fd_link::decimal(name.file_name().to_bytes()).is_some() {
                return link_of(&table, name.file_name()).map(drop);
            }
        }
        Ok(())
    }

    /// The whole of a small file of a process, such as `comm` or `fdinfo/5`.
    ///
    /// # Errors
    /// What open and read say; a process that ended gives `ENOENT` or `ESRCH`.
    pub fn read(&self, pid: u32, name: &str) -> io::Result<Vec<u8>> {
        read_at(&self.fd, &format!("{pid}/{name}"))
    }

    /// The path of the file that a process runs; `None` where that may not be seen. Only the link
    /// is read: the file may be on a server that does not answer.
    #[must_use]
    pub fn program(&self, pid: u32) -> Option<Vec<u8>> {
        let link = readlinkat(&self.fd, format!("{pid}/exe"), Vec::new());
        Some(link.ok()?.into_bytes())
    }

    /// The directory that a process runs in; `None` where that may not be seen, or it has ended.
    /// Only the link is read, of a thread that lives where the first one has ended.
    #[must_use]
    pub fn directory(&self, pid: u32) -> Option<Vec<u8>> {
        let link = |path: String| readlinkat(&self.fd, path, Vec::new()).ok();
        let of_leader = || link(format!("{pid}/cwd"));
        let of_thread = || link(format!("{pid}/task/{}/cwd", self.live_task(pid)?));
        Some(of_leader().or_else(of_thread)?.into_bytes())
    }

    /// Holds on to the process that has a pid now: its files are never those of another that
    /// gets the same pid later.
    ///
    /// # Errors
    /// `ENOENT` when there is none.
    pub fn pin(&self, pid: u32) -> io::Result<Pinned> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = openat(&self.fd, pid.to_string(), flags, Mode::empty())?;
        Ok(Pinned { fd })
    }
}

/// One process, and no other that has its pid later.
#[derive(Debug)]
pub struct Pinned {
    fd: OwnedFd,
}

impl Pinned {
    /// The whole of a small file of the process.
    ///
    /// # Errors
    /// What open and read say; once the process has been reaped, `ENOENT` or `ESRCH`.
    pub fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        read_at(&self.fd, name)
    }
}

/// How often a thread of this process has gone to sleep so far, if it sleeps now; `None` where it
/// runs, or waits for a processor. 0 where /proc does not tell.
#[must_use]
pub fn sleeps_of_thread(tid: i32) -> Option<u64> {
    match std::fs::read(format!("/proc/self/task/{tid}/status")) {
        Ok(status) => proc_pid::sleeps(&status),
        Err(_) => Some(0),
    }
}

/// The whole of a small file below a directory.
///
/// # Errors
/// What open and read say.
pub(super) fn read_at(directory: &OwnedFd, name: &str) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let fd = openat(directory, name, flags, Mode::empty())?;
    let mut bytes = Vec::new();
    File::from(fd).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// How many files are open on the whole machine; `None` where that cannot be read.
#[must_use]
pub fn files_open() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/sys/fs/file-nr").ok()?;
    text.split_ascii_whitespace().next()?.parse().ok()
}

/// Whether a file of /proc is not there because its process, or what it tells of, has ended.
#[must_use]
pub fn has_ended(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESRCH))
}

/// Whether a descriptor of a process is this socket, as far as one may look.
#[must_use]
pub fn has_socket(pid: u32, fd: u32, inode: NonZeroU32) -> bool {
    let link = std::fs::read_link(format!("/proc/{pid}/fd/{fd}"));
    link.is_ok_and(|link| {
        fd_link::parse(link.as_os_str().as_encoded_bytes()) == FdLink::Socket(inode)
    })
}

/// What kind of socket a descriptor of a process is, as the kernel calls it, in small letters:
/// `tcp`, `udpv6`, `unix-stream`, `netlink`.
#[must_use]
pub fn socket_kind(pid: u32, fd: u32) -> Option<String> {
    let mut name = [0_u8; 64];
    let path = format!("/proc/{pid}/fd/{fd}");
    let length = rustix::fs::getxattr(path, "system.sockprotoname", &mut name).ok()?;
    let name = name.get(..length)?.split(|&byte| byte == 0).next()?;
    let name = std::str::from_utf8(name).ok()?.to_ascii_lowercase();
    (!name.is_empty()).then_some(name)
}

/// `kill(pid, 0)`: whether a process exists, even where /proc does not show it.
///
/// # References
/// kill(2)
#[must_use]
pub fn exists(pid: u32) -> bool {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    // A process that may not be sent a signal exists.
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(Errno::SRCH))
}

fn open_dir(at: impl AsFd, path: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(at, path, flags, Mode::empty())
}

/// The entries of a directory that are numbers.
fn numbers_in(directory: OwnedFd) -> Result<Vec<u32>, Errno> {
    let mut buffer = Vec::with_capacity(DIRECTORY_BUFFER);
    let mut entries = RawDir::new(directory, buffer.spare_capacity_mut());
    let mut numbers = Vec::new();
    while let Some(entry) = entries.next() {
        numbers.extend(fd_link::decimal(entry?.file_name().to_bytes()));
    }
    Ok(numbers)
}

fn link_of(table: &OwnedFd, name: &CStr) -> Result<FdLink, Errno> {
    let mut buffer = [MaybeUninit::uninit(); LINK_BUFFER];
    let (target, _) = readlinkat_raw(table, name, &mut buffer)?;
    Ok(fd_link::parse(target))
}

/// `kcmp(a, b, KCMP_FILES)`: whether two tasks share one fd table; `None` when the kernel does not
/// say (the call is missing or refused).
///
/// # References
/// kcmp(2)
#[must_use]
#[allow(unsafe_code)]
pub fn share_fd_table(a: u32, b: u32) -> Option<bool> {
    const KCMP_FILES: libc::c_long = 2;
    let (a, b) = (libc::c_long::from(a), libc::c_long::from(b));
    // SAFETY: kcmp takes numbers only and touches no memory of this process.
    let order = unsafe { libc::syscall(libc::SYS_kcmp, a, b, KCMP_FILES, 0, 0) };
    match order {
        0 => Some(true),
        1..=3 => Some(false),
        _ => None,
    }
}

/// A text table of the calling thread's network namespace, such as `tcp6`.
///
/// # Errors
/// `ENOENT` when the kernel has no such table or /proc is not mounted.
pub fn net_table(name: &str) -> io::Result<File> {
    // /proc/net would be the namespace of the main thread.
    File::open(format!("/proc/thread-self/net/{name}"))
}

/// Seconds since the epoch at which the machine started, and clock ticks in a second.
///
/// # Errors
/// When /proc/stat cannot be read.
pub fn clock() -> io::Result<(i64, u64)> {
    let boot = procfs::boot_time_secs().map_err(io::Error::other)?;
    let boot = i64::try_from(boot).map_err(io::Error::other)?;
    Ok((boot, procfs::ticks_per_second().max(1)))
}

/// The time since boot in the clock ticks in which the start of a process is told, rounded
/// down; of the calling process's time namespace, as that is.
#[must_use]
pub fn boot_ticks() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    let hertz = procfs::ticks_per_second().max(1);
    let whole = u64::try_from(now.tv_sec).unwrap_or_default() * hertz;
    let part = u64::try_from(now.tv_nsec).unwrap_or_default() * hertz / 1_000_000_000;
    whole + part
}

/// The whole of a text of the calling thread's network namespace, such as `sockstat`.
///
/// # Errors
/// `ENOENT` when the kernel has no such file or /proc is not mounted.
pub fn net_text(name: &str) -> io::Result<String> {
    std::fs::read_to_string(format!("/proc/thread-self/net/{name}"))
}

/// A setting by its name in sysctl(8), such as `net.core.somaxconn`, of the calling thread's
/// network namespace.
///
/// # Errors
/// `ENOENT` when the kernel does not have it, or not in this namespace.
pub fn setting(name: &str) -> io::Result<String> {
    std::fs::read_to_string(format!("/proc/sys/{}", name.replace('.', "/")))
}

/// Whether a proc file system is at /proc: in a chroot there may be none.
#[must_use]
pub fn is_mounted() -> bool {
    std::fs::metadata("/proc/sys").is_ok()
}
