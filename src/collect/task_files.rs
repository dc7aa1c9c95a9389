//! Who holds which socket, from the kernel's own list of the open files of every process.
//!
//! It has the tables that single threads have of their own, and needs nobody's permission to
//! be looked at. What an `io_uring` holds without a descriptor is read from /proc.

use std::sync::atomic::{AtomicBool, Ordering};

use rustc_hash::FxHashSet;

use super::fd_tables::in_ring;
use super::gaps::{Task, errno};
use super::processes::Seen;
use super::scan::Scan;
use crate::host::{Host, Proc, Refusal, TaskFiles};
use crate::wire::task_file::{Chosen, OpenFile};

/// Lists the holders of `chosen` sockets (and of some others), until all are listed or
/// `nobody_can_own` is set.
///
/// # Errors
/// What [`TaskFiles::list`] says.
pub(super) fn scan(
    host: &Host,
    files: &TaskFiles,
    chosen: &Chosen,
    nobody_can_own: &AtomicBool,
) -> Result<Scan, Refusal> {
    let mut scan = Scan::default();
    if nobody_can_own.load(Ordering::Relaxed) {
        return Ok(scan);
    }
    let mut rings = Vec::new();
    let mut last = None;
    files.list(chosen, |record| {
        match record.file {
            OpenFile::Socket(holder) => scan.holders.push(holder),
            OpenFile::Ring(fd) => rings.push((Task::thread(record.pid, record.tid), fd)),
            OpenFile::Any => {}
        }
        // The files of a process come together.
        if last != Some(record.pid) {
            last = Some(record.pid);
            scan.seen.insert(record.pid, Seen::of(&record));
        }
        !nobody_can_own.load(Ordering::Relaxed)
    })?;
    scan.gaps.of = scan.seen.len() as u64;
    look_into(host, &rings, &mut scan);
    Ok(scan)
}

/// Reads from /proc what rings hold without a descriptor.
fn look_into(host: &Host, rings: &[(Task, u32)], scan: &mut Scan) {
    if rings.is_empty() {
        return;
    }
    let proc = Proc::open(host);
    for &(task, fd) in rings {
        let held = match &proc {
            Ok(proc) => in_ring(proc, task, fd),
            Err(error) => Err(errno(error)),
        };
        match (held, &proc) {
            (Ok(held), _) => scan.holders.extend(held),
            (Err(error), Ok(proc)) => {
                scan.gaps.note(proc, task, error);
            }
            (Err(error), Err(_)) => {
                scan.gaps.unread.push(task.pid);
                scan.gaps.why.get_or_insert(error);
            }
        }
    }
    scan.gaps.tidy();
}

/// The processes whose open files are listed at all.
///
/// # Errors
/// What [`TaskFiles::census`] says.
pub(super) fn census(host: &Host) -> Result<FxHashSet<u32>, Refusal> {
    let mut shown = FxHashSet::default();
    TaskFiles::census(host, |record| {
        shown.insert(record.pid);
        true
    })?;
    Ok(shown)
}
