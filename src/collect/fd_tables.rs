//! Who holds which socket, from /proc: the fd table of every process.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::Builder;

use rustc_hash::FxHashSet;
use rustix::io::Errno;

use super::gaps::{Gaps, Task, errno};
use super::scan::Scan;
use crate::host::{FdRange, Host, Proc, is_foreign};
use crate::model::{Holder, Problem, Via};
use crate::wire::fd_link::{self, FdLink};

/// A process with more descriptors than this is scanned in several parts, so that one giant
/// does not keep one thread busy alone.
const PART: u32 = 8192;
/// More threads than this gain nothing: the kernel's locks are the limit.
const MOST_THREADS: usize = 8;
/// Where the kernel does not say which threads share an fd table, so many descriptors are read
/// again at most, in one look: half a second.
const READ_AGAIN: u64 = 200_000;

/// One piece of work of a process.
#[derive(Clone, Copy)]
struct Part {
    pid: u32,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    /// Some descriptors of the table that it goes by.
    Range(FdRange),
    /// The tables that single threads have of their own.
    Threads,
}

/// What all parts of a look share.
struct Look<'a> {
    host: &'a Host,
    proc: &'a Proc,
    /// Descriptors that may still be read again.
    again: AtomicU64,
}

impl<'a> Look<'a> {
    const fn new(host: &'a Host, proc: &'a Proc) -> Self {
        Self {
            host,
            proc,
            again: AtomicU64::new(READ_AGAIN),
        }
    }
}

/// The problem of a /proc that cannot be read at all.
pub(super) fn unreadable(error: &std::io::Error) -> Problem {
    let (code, hint) = match error.kind() {
        _ if is_foreign(error) => (
            "proc_foreign",
            "mount /proc for this pid namespace, or enter the one it belongs to (nsenter -p)",
        ),
        std::io::ErrorKind::NotFound => ("proc_unreadable", "mount /proc, or use --no-owners"),
        _ => (
            "proc_unreadable",
            "use --no-owners, or allow more open files (ulimit -n)",
        ),
    };
    let message = format!("cannot find owners: cannot read /proc: {error}");
    Problem::incomplete(code, message).hint(hint)
}

/// Reads the fd table of every process, on as many threads as there are processors, until
/// all are read or `nobody_can_own` is set.
///
/// # Errors
/// When /proc cannot be listed at all.
pub(super) fn scan(host: &Host, nobody_can_own: &AtomicBool) -> Result<Scan, Problem> {
    let proc = Proc::open(host).map_err(|error| unreadable(&error))?;
    let pids = proc.pids().map_err(|error| unreadable(&error))?;
    let look = Look::new(host, &proc);
    let parts = divide(&proc, &pids);
    let next = AtomicUsize::new(0);
    // A thread leaves what it found here when it ends, so that none can be lost.
    let all = Mutex::new(Scan::default());
    let work = || {
        let mut found = Scan::default();
        while !nobody_can_own.load(Ordering::Relaxed)
            && let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed))
        {
            scan_part(&look, *part, &mut found);
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
    scan.gaps.tidy();
    read_again(&look, &mut scan);
    scan.gaps.of = pids.len() as u64;
    scan.gaps.sight = proc.sight();
    Ok(scan)
}

/// Reads the processes once more that could not be read whole: what was wrong may have passed,
/// and there are more descriptors for one thread than for many.
fn read_again(look: &Look<'_>, scan: &mut Scan) {
    let unread = std::mem::take(&mut scan.gaps.unread);
    scan.gaps.why = None;
    for pid in unread {
        scan_process(look, pid, scan);
    }
    scan.gaps.tidy();
}

/// Every table of a process.
fn scan_process(look: &Look<'_>, pid: u32, found: &mut Scan) {
    for what in [What::Range(FdRange::ALL), What::Threads] {
        scan_part(look, Part { pid, what }, found);
    }
}

/// All that one process holds now; `None` when that cannot be read.
pub(super) fn holders_of(host: &Host, pid: u32) -> Option<FxHashSet<Holder>> {
    let proc = Proc::open(host).ok()?;
    let mut found = Scan::default();
    scan_process(&Look::new(host, &proc), pid, &mut found);
    let gaps = &found.gaps;
    let is_whole = gaps.denied.is_empty() && gaps.unread.is_empty() && gaps.threads.is_empty();
    is_whole.then(|| found.holders.into_iter().collect())
}

/// A lock that a thread died with still guards what was found before.
fn lock(scan: &Mutex<Scan>) -> MutexGuard<'_, Scan> {
    scan.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The work, the largest tables first and in parts. Processes without descriptors, kernel
/// threads above all, are left out without being opened where the kernel tells (Linux 6.2).
fn divide(proc: &Proc, pids: &[u32]) -> Vec<Part> {
    let tells = proc.tells_fd_count();
    let mut parts = Vec::with_capacity(pids.len());
    let mut giants = Vec::new();
    for &pid in pids {
        // A leader that has ended has no descriptors, and its threads have.
        if proc.has_threads(pid) {
            let what = What::Threads;
            parts.push(Part { pid, what });
        }
        let count = if tells { proc.fd_count(pid) } else { None };
        match count {
            Some(0) => {}
            Some(count) if count > u64::from(PART) => {
                let count = u32::try_from(count).unwrap_or(u32::MAX - PART);
                giants.extend(in_parts(pid, count));
            }
            _ => parts.push(Part {
                pid,
                what: What::Range(FdRange::ALL),
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
        what: What::Range(FdRange {
            first: number * PART,
            end: if number == last {
                u32::MAX
            } else {
                (number + 1) * PART
            },
        }),
    })
}

fn scan_part(look: &Look<'_>, part: Part, found: &mut Scan) {
    match part.what {
        What::Range(range) => scan_table(look.proc, Task::process(part.pid), range, found),
        What::Threads => scan_threads(look, part.pid, found),
    }
}

/// Reads (a part of) one fd table.
fn scan_table(proc: &Proc, task: Task, range: FdRange, found: &mut Scan) {
    let Scan {
        holders,
        gaps,
        vanished,
        ..
    } = found;
    let pid = task.pid;
    let result = proc.scan_fds(pid, task.tid, range, &mut |fd, link| match link {
        FdLink::Socket(inode) => holders.push(Holder {
            inode,
            pid,
            via: Via::Fd(fd),
        }),
        FdLink::IoUring => match in_ring(proc, task, fd) {
            Ok(held) => holders.extend(held),
            Err(error) => *vanished += u64::from(gaps.note(proc, task, error)),
        },
        FdLink::Other => {}
    });
    match result {
        Ok(closed) => *vanished += closed,
        Err(error) => *vanished += u64::from(gaps.note(proc, task, error)),
    }
}

/// The sockets that an `io_uring` has registered: it holds them without a descriptor.
///
/// # Errors
/// When it may not be looked at. One that was closed meanwhile holds nothing.
pub(super) fn in_ring(proc: &Proc, task: Task, fd: u32) -> Result<Vec<Holder>, Errno> {
    let name = match task.tid {
        None => format!("fdinfo/{fd}"),
        Some(tid) => format!("task/{tid}/fdinfo/{fd}"),
    };
    let read = || proc.read(task.pid, &name).map_err(|error| errno(&error));
    let info = match read().or_else(|_| read()) {
        Err(Errno::NOENT | Errno::SRCH) => Vec::new(),
        info => info?,
    };
    let sockets = fd_link::registered_sockets(&info);
    let held = sockets.map(|inode| Holder {
        inode,
        pid: task.pid,
        via: Via::IoUring,
    });
    Ok(held.collect())
}

/// Looks into the tables of threads that do not share their leader's: after
/// `unshare(CLONE_FILES)`, or when the leader has ended before them.
fn scan_threads(look: &Look<'_>, pid: u32, found: &mut Scan) {
    let proc = look.proc;
    let tids = match proc.tids(pid).or_else(|_| proc.tids(pid)) {
        Ok(tids) => tids,
        Err(error) => {
            found.vanished += u64::from(found.gaps.note(proc, Task::process(pid), error));
            return;
        }
    };
    let mut tables = vec![pid];
    for tid in tids.into_iter().filter(|&tid| tid != pid) {
        let mut shared = tables
            .iter()
            .map(|&table| look.host.share_fd_table(table, tid));
        match shared.try_fold((), |(), shared| match shared {
            Some(false) => Ok(()),
            other => Err(other),
        }) {
            // One of the tables that were read.
            Err(Some(_)) => {}
            Ok(()) => {
                tables.push(tid);
                scan_table(proc, Task::thread(pid, tid), FdRange::ALL, found);
            }
            Err(None) => scan_unknown(look, Task::thread(pid, tid), found),
        }
    }
}

/// Reads the table of a thread of which the kernel does not say whose table it has (no
/// `kcmp`): as far as that is affordable.
fn scan_unknown(look: &Look<'_>, task: Task, found: &mut Scan) {
    if !look.proc.has_table(task.pid, task.tid) {
        return;
    }
    let count = look.proc.fd_count(task.pid).and_then(NonZeroU64::new);
    let cost = count.map_or(PART.into(), NonZeroU64::get);
    let left = |left: u64| left.checked_sub(cost);
    let order = Ordering::Relaxed;
    match look.again.fetch_update(order, order, left) {
        Ok(_) => scan_table(look.proc, task, FdRange::ALL, found),
        Err(_) => found.gaps.threads.push(task.pid),
    }
}

/// The processes that have files open and do not let them be seen: for each process one look
/// at one file.
pub(super) fn refusing(host: &Host) -> Gaps {
    let mut gaps = Gaps::default();
    let Ok(proc) = Proc::open(host) else {
        return gaps;
    };
    let pids = proc.pids().unwrap_or_default();
    gaps.of = pids.len() as u64;
    for Part { pid, .. } in divide(&proc, &pids) {
        let look = proc.look_at_one_fd(pid);
        if look.is_err_and(|error| !matches!(error, Errno::NOENT | Errno::SRCH)) {
            gaps.denied.push(pid);
        }
    }
    gaps.tidy();
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    #[test]
    fn parts_cover_a_table_without_gap_or_overlap() {
        let parts: Vec<_> = in_parts(9, PART * 2 + 5).collect();
        assert_eq!(parts.len(), 3);
        let range = |part: &Part| match part.what {
            What::Range(range) => range,
            What::Threads => panic!("no range"),
        };
        assert_eq!(range(&parts[0]).first, 0);
        for pair in parts.windows(2) {
            assert_eq!(range(&pair[0]).end, range(&pair[1]).first);
        }
        assert_eq!(range(&parts[2]).end, u32::MAX);
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
            scan(&Host::live(), &AtomicBool::new(false))
                .unwrap()
                .holders
                .contains(&wanted)
        );
    }
}
