//! Who holds which socket, from /proc: the fd table of every process.

use std::io;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::Builder;

use rustc_hash::FxHashSet;
use rustix::io::Errno;

use super::owners::{Denied, Scan};
use crate::model::{Holder, Problem, Via};
use crate::sys::proc::{FdRange, ProcDir, has_ended, share_fd_table};
use crate::wire::fd_link::{self, FdLink};

/// A process with more descriptors than this is scanned in several parts, so that one giant
/// does not keep one thread busy alone.
const PART: u32 = 8192;
/// More threads than this gain nothing: the kernel's locks are the limit.
const MOST_THREADS: usize = 8;

impl Scan {
    fn merge(&mut self, other: Self) {
        self.holders.extend(other.holders);
        self.denied.pids.extend(other.denied.pids);
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
pub(super) fn scan(needless: &AtomicBool) -> Result<Scan, Problem> {
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
        denied: Denied {
            of: pids.len() as u64,
            pids: Vec::new(),
        },
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
    scan.denied.pids.sort_unstable();
    scan.denied.pids.dedup();
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
        FdLink::IoUring => match in_ring(proc, pid, fd) {
            Ok(held) => found.holders.extend(held),
            Err(_) => found.denied.pids.push(pid),
        },
        FdLink::Other => {}
    });
    match result {
        Ok(vanished) => found.vanished += vanished,
        Err(Errno::NOENT | Errno::SRCH) => found.vanished += 1,
        // For want of permission, or of descriptors of our own (RLIMIT_NOFILE).
        Err(_) => found.denied.pids.push(pid),
    }
}

/// The sockets that an `io_uring` has registered: it holds them without a descriptor.
///
/// # Errors
/// When it may not be looked at. One that was closed meanwhile holds nothing.
pub(super) fn in_ring(proc: &ProcDir, pid: u32, fd: u32) -> io::Result<Vec<Holder>> {
    let info = match proc.read(pid, &format!("fdinfo/{fd}")) {
        Err(error) if has_ended(&error) => Vec::new(),
        info => info?,
    };
    let sockets = fd_link::registered_sockets(&info);
    let held = sockets.map(|inode| Holder {
        inode,
        pid,
        via: Via::IoUring,
    });
    Ok(held.collect())
}

/// The processes that have files open and do not let them be seen: for each process one look
/// at one file.
pub(super) fn refusing() -> Denied {
    let mut denied = Denied::default();
    let Ok(proc) = ProcDir::open() else {
        return denied;
    };
    let pids = proc.pids().unwrap_or_default();
    denied.of = pids.len() as u64;
    for Part { pid, .. } in divide(&proc, &pids) {
        let look = proc.look_at_one_fd(pid);
        if look.is_err_and(|error| !matches!(error, Errno::NOENT | Errno::SRCH)) {
            denied.pids.push(pid);
        }
    }
    denied.pids.dedup();
    denied
}

/// Looks into the tables of threads that do not share their leader's: after
/// `unshare(CLONE_FILES)`, or when the leader has ended before them.
pub(super) fn in_threads(wanted: &FxHashSet<NonZeroU32>) -> Vec<Holder> {
    let mut found = Vec::new();
    let Ok(proc) = ProcDir::open() else {
        return found;
    };
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
