//! Who holds which socket: one pass over every fd table, and a second look in hard places.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use rustc_hash::FxHashSet;
use rustix::io::Errno;

use crate::model::{Holder, Problem, Via};
use crate::sys::proc::{FdRange, ProcDir, hides_processes, share_fd_table};
use crate::sys::{is_root, netns};
use crate::wire::fd_link::{self, FdLink};

/// A process with more descriptors than this is scanned in several parts, so that one giant
/// does not keep one thread busy alone.
const PART: u32 = 8192;
/// Passes of a second look, as long as processes end under it.
const PASSES: u32 = 3;
/// More threads than this gain nothing: the kernel's locks are the limit.
const MOST_THREADS: usize = 8;

/// What a pass over the fd tables found.
#[derive(Debug, Default)]
pub struct Scan {
    /// Every (socket, process, descriptor).
    pub holders: Vec<Holder>,
    /// Processes whose fd table could not be read.
    pub denied: Vec<u32>,
    /// Processes seen.
    pub processes: u64,
    /// Processes and descriptors that went away while they were looked at: what they held may
    /// have been passed on to where the pass had been already.
    pub vanished: u64,
}

impl Scan {
    /// One line for `-v`.
    #[must_use]
    pub fn trace(&self, took: Duration) -> String {
        format!(
            "owners: {} descriptors of {} processes are sockets, {} denied, in {:.1} ms",
            self.holders.len(),
            self.processes,
            self.denied.len(),
            took.as_secs_f64() * 1e3,
        )
    }

    fn merge(&mut self, other: Self) {
        self.holders.extend(other.holders);
        self.denied.extend(other.denied);
        self.vanished += other.vanished;
    }
}

/// One piece of work: some descriptors of a process.
#[derive(Clone, Copy)]
struct Part {
    pid: u32,
    range: FdRange,
}

/// Reads the fd table of every process, on as many threads as there are processors, until
/// all are read or `needless` is set.
///
/// # Errors
/// When /proc cannot be listed at all.
pub fn scan(needless: &AtomicBool) -> Result<Scan, Problem> {
    let unreadable = |error: std::io::Error| {
        let hint = match error.kind() {
            std::io::ErrorKind::NotFound => "mount /proc, or ask without owners: --no-owners",
            _ => "ask without owners (--no-owners), or allow more open files (ulimit -n)",
        };
        let message = format!("owners are not known: cannot list /proc: {error}");
        Problem::incomplete("proc_unreadable", message).hint(hint)
    };
    let proc = ProcDir::open().map_err(unreadable)?;
    let pids = proc.pids().map_err(unreadable)?;
    let parts = divide(&proc, &pids);
    let next = AtomicUsize::new(0);
    // A thread leaves what it found here when it ends, so that none can be lost.
    let all = Mutex::new(Scan {
        processes: pids.len() as u64,
        ..Scan::default()
    });
    let work = || {
        let mut found = Scan::default();
        while !needless.load(Ordering::Relaxed)
            && let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed))
        {
            scan_part(&proc, *part, &mut found);
        }
        lock(&all).merge(found);
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 1..threads.clamp(1, MOST_THREADS) {
            // Without a further thread (RLIMIT_NPROC) the others do its work.
            let _ = Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    let mut scan = std::mem::take(&mut *lock(&all));
    // A giant is read in parts, each of which may have been refused.
    scan.denied.sort_unstable();
    scan.denied.dedup();
    Ok(scan)
}

/// A lock that a thread died with still guards what was found before.
fn lock(scan: &Mutex<Scan>) -> MutexGuard<'_, Scan> {
    scan.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The work, the largest tables first and in parts. Processes without descriptors, kernel
/// threads above all, are left out without being opened where the kernel tells (Linux 6.2).
fn divide(proc: &ProcDir, pids: &[u32]) -> Vec<Part> {
    let tells = proc.tells_fd_count();
    let mut parts = Vec::with_capacity(pids.len());
    let mut giants = Vec::new();
    for &pid in pids {
        let count = if tells { proc.fd_count(pid) } else { None };
        match count {
            Some(0) => {}
            Some(count) if count > u64::from(PART) => {
                let count = u32::try_from(count).unwrap_or(u32::MAX - PART);
                giants.extend(in_parts(pid, count));
            }
            _ => parts.push(Part {
                pid,
                range: FdRange::ALL,
            }),
        }
    }
    giants.extend(parts);
    giants
}

/// Divides a table of `count` descriptors; the last part has no end, for tables with holes.
fn in_parts(pid: u32, count: u32) -> impl Iterator<Item = Part> {
    let last = count / PART;
    (0..=last).map(move |number| Part {
        pid,
        range: FdRange {
            first: number * PART,
            end: if number == last {
                u32::MAX
            } else {
                (number + 1) * PART
            },
        },
    })
}

fn scan_part(proc: &ProcDir, part: Part, found: &mut Scan) {
    let pid = part.pid;
    let result = proc.scan_fds(pid, None, part.range, &mut |fd, link| match link {
        FdLink::Socket(inode) => found.holders.push(Holder {
            inode,
            pid,
            via: Via::Fd(fd),
        }),
        FdLink::IoUring => found.holders.extend(in_ring(proc, pid, fd)),
        FdLink::Other => {}
    });
    match result {
        Ok(vanished) => found.vanished += vanished,
        Err(Errno::NOENT | Errno::SRCH) => found.vanished += 1,
        // For want of permission, or of descriptors of our own (RLIMIT_NOFILE).
        Err(_) => found.denied.push(pid),
    }
}

/// The sockets that an `io_uring` has registered: it holds them without a descriptor.
fn in_ring(proc: &ProcDir, pid: u32, fd: u32) -> Vec<Holder> {
    // A ring that was closed meanwhile holds nothing.
    let info = proc.read(pid, &format!("fdinfo/{fd}")).unwrap_or_default();
    let sockets = fd_link::registered_sockets(&info);
    let held = sockets.map(|inode| Holder {
        inode,
        pid,
        via: Via::IoUring,
    });
    held.collect()
}

/// What a second look found.
#[derive(Debug, Default)]
pub struct Search {
    /// Holders of the sockets that had none.
    pub holders: Vec<Holder>,
    /// Sockets that still have none.
    pub missing: u64,
    /// What went away during the last pass: with sockets missing, their owner may be among it.
    pub vanished: u64,
}

/// Looks for the holders of `unowned` sockets once more: in tables of threads that have one of
/// their own, and in all tables again, for a socket may be passed from one process to another
/// faster than a pass takes.
#[must_use]
pub fn search(unowned: &FxHashSet<NonZeroU32>) -> Search {
    let mut search = Search::default();
    let mut missing = unowned.clone();
    for pass in 0..PASSES {
        let again = scan(&AtomicBool::new(false)).unwrap_or_default();
        search.vanished = again.vanished;
        let fresh = again.holders.into_iter();
        search
            .holders
            .extend(fresh.filter(|h| unowned.contains(&h.inode)));
        strike(&mut missing, &search.holders);
        if pass == 0
            && !missing.is_empty()
            && let Ok(proc) = ProcDir::open()
        {
            search.holders.extend(in_threads(&proc, &missing));
            strike(&mut missing, &search.holders);
        }
        // What stands still has been seen whole.
        if missing.is_empty() || search.vanished == 0 {
            break;
        }
    }
    search.missing = missing.len() as u64;
    search
}

fn strike(missing: &mut FxHashSet<NonZeroU32>, found: &[Holder]) {
    for holder in found {
        missing.remove(&holder.inode);
    }
}

/// Looks into the tables of threads that do not share their leader's: after
/// `unshare(CLONE_FILES)`, or when the leader has ended before them.
fn in_threads(proc: &ProcDir, wanted: &FxHashSet<NonZeroU32>) -> Vec<Holder> {
    let mut found = Vec::new();
    for pid in proc.pids().unwrap_or_default() {
        let mut tables = vec![pid];
        for tid in proc.tids(pid) {
            let known = |&table: &u32| share_fd_table(table, tid) == Some(true);
            if tid == pid || tables.iter().any(known) {
                continue;
            }
            tables.push(tid);
            // What cannot be read here was counted in the first pass, or has ended.
            let _ = proc.scan_fds(pid, Some(tid), FdRange::ALL, &mut |fd, link| {
                if let FdLink::Socket(inode) = link
                    && wanted.contains(&inode)
                {
                    found.push(Holder {
                        inode,
                        pid,
                        via: Via::Fd(fd),
                    });
                }
            });
        }
    }
    found
}

/// Why owners may not be known, when they may not be: refused fd tables, hidden processes.
#[must_use]
pub fn blind_spot(scan: &Scan) -> Option<BlindSpot> {
    let here = |pid: &u32| netns::may_be_ours(*pid);
    match scan.denied.len() as u64 {
        0 => (hides_processes() && !is_root()).then_some(BlindSpot::HiddenProcesses),
        denied => Some(BlindSpot::Denied {
            denied,
            here: scan.denied.iter().filter(|pid| here(pid)).count() as u64,
            processes: scan.processes,
        }),
    }
}

/// Why the owner of a socket may exist without being seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlindSpot {
    /// The fd tables of some processes were refused.
    Denied {
        /// How many.
        denied: u64,
        /// Of how many.
        processes: u64,
        /// How many of these are in this network namespace, as far as can be told.
        here: u64,
    },
    /// /proc is mounted with `hidepid`.
    HiddenProcesses,
    /// /proc cannot be read at all.
    NoProc,
}

impl BlindSpot {
    /// Whether a socket without an owner is to be called denied, rather than the kernel's.
    #[must_use]
    ///
    /// Refusals are the rule for a user, so any of them may hide the owner. For root they are
    /// the exception: one of another namespace explains nothing here.
    pub fn explains(self) -> bool {
        match self {
            Self::Denied { here, .. } => here > 0 || !is_root(),
            Self::HiddenProcesses | Self::NoProc => true,
        }
    }

    /// The problem, when owners may be missing because of it: of the `unowned` sockets of the
    /// answer, or further ones of `further` sockets, where the question is for all of them.
    ///
    /// `None` when none can be missing. `NoProc` was told already.
    #[must_use]
    pub fn problem(self, unowned: u64, further: u64) -> Option<Problem> {
        let whose = match unowned {
            0 if further == 0 => return None,
            0 => "sockets may have further owners".to_owned(),
            1 => "1 socket has no owner here".to_owned(),
            n => format!("{n} sockets have no owner here"),
        };
        let problem = match self {
            Self::NoProc => return None,
            Self::Denied { here: 0, .. } if unowned == 0 => return None,
            Self::HiddenProcesses => Problem::incomplete(
                "owners_hidden",
                format!("{whose}: /proc hides the processes of other users (hidepid)"),
            ),
            Self::Denied {
                denied, processes, ..
            } => Problem::incomplete(
                "owners_denied",
                format!(
                    "{whose}: the open files of {denied} of {processes} processes could not be read"
                ),
            ),
        };
        let hint = if is_root() {
            "root without CAP_SYS_PTRACE, or under a security policy, cannot see them"
        } else {
            "run as root to see every owner"
        };
        Some(problem.hint(hint).count(unowned.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_a_table_without_gap_or_overlap() {
        let parts: Vec<_> = in_parts(9, PART * 2 + 5).collect();
        assert_eq!(parts.len(), 3);
        assert_eq!(parts[0].range.first, 0);
        for pair in parts.windows(2) {
            assert_eq!(pair[0].range.end, pair[1].range.first);
        }
        assert_eq!(parts[2].range.end, u32::MAX);
    }

    #[test]
    fn finds_the_sockets_of_this_process() {
        use std::os::fd::AsRawFd;
        use std::os::linux::fs::MetadataExt;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let fd = listener.as_raw_fd();
        let inode = std::fs::metadata(format!("/proc/self/fd/{fd}"))
            .unwrap()
            .st_ino();
        let wanted = Holder {
            inode: NonZeroU32::new(u32::try_from(inode).unwrap()).unwrap(),
            pid: std::process::id(),
            via: Via::Fd(fd.unsigned_abs()),
        };
        assert!(
            scan(&AtomicBool::new(false))
                .unwrap()
                .holders
                .contains(&wanted)
        );
    }
}
