//! /proc: the processes of the machine and what they have open.

use std::fmt::Arguments;
use std::io;
use std::num::NonZeroU32;

use rustix::io::Errno;

use super::answer::{Answer, Surely, Text};
use super::live::proc::{self, FdRange, ProcDir};
use super::{Host, Sight};
use crate::wire::fd_link::{self, FdLink};

/// An open /proc.
#[derive(Debug)]
pub struct Proc {
    host: Host,
    /// `None` where nobody but a recording is asked.
    dir: Option<ProcDir>,
}

impl Proc {
    /// Opens /proc.
    ///
    /// # Errors
    /// When it is not mounted or not readable, or belongs to another pid namespace.
    pub fn open(host: &Host) -> io::Result<Self> {
        Ok(Self {
            host: host.clone(),
            dir: host.open(format_args!("proc/open"), ProcDir::open)?,
        })
    }

    /// A directory that stands in for /proc.
    ///
    /// # Errors
    /// When it cannot be opened.
    #[cfg(test)]
    pub fn at(path: &std::path::Path) -> io::Result<Self> {
        Ok(Self {
            host: Host::live(),
            dir: Some(ProcDir::at(path)?),
        })
    }

    fn ask<A: Answer>(&self, key: Arguments<'_>, live: impl FnOnce(&ProcDir) -> A) -> A {
        let live = || self.dir.as_ref().map_or_else(Host::unasked, live);
        self.host.ask(format_args!("proc/{key}"), live)
    }

    /// What it shows of the processes of this pid namespace.
    #[must_use]
    pub fn sight(&self) -> Sight {
        self.ask(format_args!("sight"), |dir| Surely(dir.sight())).0
    }

    /// The pid of every process that can be seen.
    ///
    /// # Errors
    /// When /proc cannot be listed.
    pub fn pids(&self) -> io::Result<Vec<u32>> {
        self.ask(format_args!("pids"), ProcDir::pids)
    }

    /// The thread ids of a process, its own pid included.
    ///
    /// # Errors
    /// As for [`Self::scan_fds`].
    pub fn tids(&self, pid: u32) -> Result<Vec<u32>, Errno> {
        self.ask(format_args!("{pid}/tids"), |dir| dir.tids(pid))
    }

    /// Whether a process has more threads than one; `true` where that cannot be told.
    #[must_use]
    pub fn has_threads(&self, pid: u32) -> bool {
        let key = format_args!("{pid}/has-threads");
        self.ask(key, |dir| Surely(dir.has_threads(pid))).0
    }

    /// Whether a task has an fd table: it has not ended, not even to wait for being reaped.
    /// `true` where that cannot be told.
    #[must_use]
    pub fn has_table(&self, pid: u32, tid: Option<u32>) -> bool {
        let key = format_args!("{pid}/has-table-{}", tid.unwrap_or(pid));
        self.ask(key, |dir| Surely(dir.has_table(pid, tid))).0
    }

    /// A thread of a process that has not ended: the first one, whose number is the pid, where
    /// that has not. `None` when all have, and the process waits to be reaped.
    #[must_use]
    pub fn live_task(&self, pid: u32) -> Option<u32> {
        self.ask(format_args!("{pid}/live-task"), |dir| dir.live_task(pid))
    }

    /// The process that a pid or a thread id belongs to; `None` when there is none, or none that
    /// /proc shows.
    #[must_use]
    pub fn process_of(&self, id: u32) -> Option<u32> {
        self.ask(format_args!("{id}/process"), |dir| dir.process_of(id))
    }

    /// How many descriptors a process has open, or `None` when the kernel does not tell
    /// (before Linux 6.2) or the process is gone.
    #[must_use]
    pub fn fd_count(&self, pid: u32) -> Option<u64> {
        self.ask(format_args!("{pid}/fd-count"), |dir| dir.fd_count(pid))
    }

    /// How many descriptors a process has open, counted one by one where the kernel does not
    /// tell the number; `None` when the process is gone or its table is not ours to read.
    #[must_use]
    pub fn fds_open(&self, pid: u32) -> Option<u64> {
        self.ask(format_args!("{pid}/fds-open"), |dir| dir.fds_open(pid))
    }

    /// Whether [`Self::fd_count`] works.
    #[must_use]
    pub fn tells_fd_count(&self) -> bool {
        let key = format_args!("tells-fd-count");
        self.ask(key, |dir| Surely(dir.tells_fd_count())).0
    }

    /// Calls `each` with every descriptor of an fd table in `range` and what it points at; the
    /// table of one thread, where `tid` tells it. Returns how many descriptors were closed before
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
        let Some(dir) = self.dir.as_ref().filter(|_| self.host.is_live()) else {
            return self.scan_kept(pid, tid, range, each);
        };
        dir.scan_fds(pid, tid, range, each)
    }

    fn scan_kept(
        &self,
        pid: u32,
        tid: Option<u32>,
        range: FdRange,
        each: &mut impl FnMut(u32, FdLink),
    ) -> Result<u64, Errno> {
        let key = format_args!("{pid}/fd-{}-from-{}", tid.unwrap_or(pid), range.first);
        let table: Option<FdTable> = self.ask(key, |dir| {
            let mut links = Vec::new();
            let end = dir.scan_fds(pid, tid, range, &mut |fd, link| links.push((fd, link)));
            Some(FdTable { links, end })
        });
        let table = table.ok_or(Errno::NOENT)?;
        for (fd, link) in table.links {
            each(fd, link);
        }
        table.end
    }

    /// Looks at what one descriptor of a process points at, whichever comes first.
    ///
    /// # Errors
    /// As for [`Self::scan_fds`].
    pub fn look_at_one_fd(&self, pid: u32) -> Result<(), Errno> {
        self.ask(format_args!("{pid}/one-fd"), |dir| dir.look_at_one_fd(pid))
    }

    /// The whole of a small file of a process, such as `comm` or `fdinfo/5`.
    ///
    /// # Errors
    /// What open and read say; a process that ended gives `ENOENT` or `ESRCH`.
    pub fn read(&self, pid: u32, name: &str) -> io::Result<Vec<u8>> {
        self.ask(format_args!("{pid}/{name}"), |dir| dir.read(pid, name))
    }

    /// The path of the file that a process runs; `None` where that may not be seen.
    #[must_use]
    pub fn program(&self, pid: u32) -> Option<Vec<u8>> {
        self.ask(format_args!("{pid}/exe"), |dir| dir.program(pid))
    }

    /// The directory that a process runs in; `None` where that may not be seen, or it has ended.
    #[must_use]
    pub fn directory(&self, pid: u32) -> Option<Vec<u8>> {
        self.ask(format_args!("{pid}/cwd"), |dir| dir.directory(pid))
    }

    /// Holds on to the process that has a pid now: its files are never those of another that
    /// gets the same pid later.
    ///
    /// # Errors
    /// `ENOENT` when there is none.
    pub fn pin(&self, pid: u32) -> io::Result<Pinned> {
        let dir = self.dir.as_ref();
        let pin = || dir.ok_or_else(Host::silent)?.pin(pid);
        Ok(Pinned {
            host: self.host.clone(),
            pid,
            live: self.host.open(format_args!("proc/{pid}/pin"), pin)?,
        })
    }
}

/// One process, and no other that has its pid later.
#[derive(Debug)]
pub struct Pinned {
    host: Host,
    pid: u32,
    live: Option<proc::Pinned>,
}

impl Pinned {
    /// The whole of a small file of the process.
    ///
    /// # Errors
    /// What open and read say; once the process has been reaped, `ENOENT` or `ESRCH`.
    pub fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let live = self.live.as_ref();
        let read = || live.map_or_else(Host::unasked, |live| live.read(name));
        self.host
            .ask(format_args!("proc/{}/{name}", self.pid), read)
    }
}

/// Questions for which nothing needs to be open.
impl Host {
    /// Whether a process exists, even where /proc does not show it.
    #[must_use]
    pub fn exists(&self, pid: u32) -> bool {
        let key = format_args!("proc/{pid}/exists");
        self.ask(key, || Surely(proc::exists(pid))).0
    }

    /// Whether a descriptor of a process is this socket, as far as one may look.
    #[must_use]
    pub fn has_socket(&self, pid: u32, fd: u32, inode: NonZeroU32) -> bool {
        let key = format_args!("proc/{pid}/is-{fd}-socket-{inode}");
        self.ask(key, || Surely(proc::has_socket(pid, fd, inode))).0
    }

    /// What kind of socket a descriptor of a process is, as the kernel calls it, in small
    /// letters: `tcp`, `udpv6`, `unix-stream`, `netlink`.
    #[must_use]
    pub fn socket_kind(&self, pid: u32, fd: u32) -> Option<String> {
        let key = format_args!("proc/{pid}/socket-{fd}-kind");
        self.ask(key, || proc::socket_kind(pid, fd))
    }

    /// Whether two tasks share one fd table; `None` when the kernel does not say (`kcmp` is
    /// missing or refused).
    #[must_use]
    pub fn share_fd_table(&self, a: u32, b: u32) -> Option<bool> {
        let key = format_args!("proc/{a}/shares-fds-with-{b}");
        self.ask(key, || proc::share_fd_table(a, b))
    }
}

/// An fd table as it is kept: `FD LINK` in a line for each socket and ring, and how the reading
/// ended.
struct FdTable {
    links: Vec<(u32, FdLink)>,
    end: Result<u64, Errno>,
}

impl Text for FdTable {
    fn text(&self) -> Vec<u8> {
        let mut text = String::new();
        for (fd, link) in &self.links {
            let line = match link {
                FdLink::Socket(inode) => format!("{fd} socket:[{inode}]\n"),
                FdLink::IoUring => format!("{fd} anon_inode:[io_uring]\n"),
                FdLink::Other => continue,
            };
            text.push_str(&line);
        }
        let end = match self.end {
            Ok(closed) => format!("closed {closed}\n"),
            Err(error) => format!("errno {}\n", error.raw_os_error()),
        };
        (text + &end).into_bytes()
    }

    fn read(bytes: Vec<u8>) -> Option<Self> {
        let text = String::from_utf8(bytes).ok()?;
        let mut table = Self {
            links: Vec::new(),
            end: Err(Errno::NOENT),
        };
        for line in text.lines() {
            let (first, second) = line.split_once(' ')?;
            match first {
                "closed" => table.end = Ok(second.parse().ok()?),
                "errno" => table.end = Err(Errno::from_raw_os_error(second.parse().ok()?)),
                fd => {
                    let link = fd_link::parse(second.as_bytes());
                    table.links.push((fd.parse().ok()?, link));
                }
            }
        }
        Some(table)
    }
}
