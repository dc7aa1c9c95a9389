//! Who holds which socket, from the kernel's own list of the open files of every process.
//!
//! It has the tables that single threads have of their own, and needs nobody's permission to
//! be looked at. What an `io_uring` holds without a descriptor is read from /proc.

use std::sync::atomic::{AtomicBool, Ordering};

use rustc_hash::FxHashSet;

use super::fd_tables;
use super::owners::Scan;
use super::processes::Seen;
use crate::sys::bpf::{Refusal, TaskFiles};
use crate::sys::proc::ProcDir;
use crate::wire::task_file::{Chosen, OpenFile};

/// Lists the holders of `chosen` sockets (and of some others), until all are listed or
/// `needless` is set.
///
/// # Errors
/// What [`TaskFiles::list`] says.
pub(super) fn scan(
    files: &TaskFiles,
    chosen: &Chosen,
    needless: &AtomicBool,
) -> Result<Scan, Refusal> {
    let mut scan = Scan::default();
    if needless.load(Ordering::Relaxed) {
        return Ok(scan);
    }
    let mut rings = Vec::new();
    let mut last = None;
    files.list(chosen, |record| {
        match record.file {
            OpenFile::Socket(holder) => scan.holders.push(holder),
            OpenFile::Ring(fd) => rings.push((record.pid, fd)),
            OpenFile::Any => {}
        }
        // The files of a process come together.
        if last != Some(record.pid) {
            last = Some(record.pid);
            scan.seen.insert(record.pid, Seen::of(&record));
        }
        !needless.load(Ordering::Relaxed)
    })?;
    scan.denied.of = scan.seen.len() as u64;
    if !rings.is_empty()
        && let Ok(proc) = ProcDir::open()
    {
        for (pid, fd) in rings {
            match fd_tables::in_ring(&proc, pid, fd) {
                Ok(held) => scan.holders.extend(held),
                Err(_) => scan.denied.pids.push(pid),
            }
        }
    }
    Ok(scan)
}

/// The processes whose open files are listed at all.
///
/// # Errors
/// What [`TaskFiles::census`] says.
pub(super) fn census() -> Result<FxHashSet<u32>, Refusal> {
    let mut shown = FxHashSet::default();
    TaskFiles::census(|record| {
        shown.insert(record.pid);
        true
    })?;
    Ok(shown)
}
