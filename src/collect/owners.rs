//! Who holds which socket: one look at every fd table, and a second one in hard places.
//!
//! There are two ways to look: the kernel lists the open files itself ([`task_files`]), or
//! /proc shows the fd table of every process ([`fd_tables`]).

use std::num::NonZeroU32;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustc_hash::FxHashSet;

use super::blind_spot::BlindSpot;
use super::gaps::Gaps;
use super::scan::{Scan, Search};
use super::{fd_tables, task_files};
use crate::host::{Host, Refusal, TaskFiles};
use crate::model::{Holder, Problem};
use crate::query::OwnerSource;
use crate::wire::task_file::Chosen;

/// With fewer files open on the whole machine /proc is quicker: to load a program takes a
/// millisecond, in which two processors read so many links.
const FEW: u64 = 800;
/// Passes of a second look through /proc, as long as processes end under it.
const PASSES: u32 = 3;
/// Passes of a second look through the kernel. A socket that is held is missed only if it is
/// passed, during the pass, from a process that comes late to one that came early: not twice.
const KERNEL_PASSES: u32 = 2;

/// The way in which owners are looked for.
#[derive(Debug)]
pub struct Finder {
    host: Host,
    /// The kernel's own list; `None` for /proc.
    kernel: Option<TaskFiles>,
    /// Whether the kernel's list may be turned to where /proc leaves something open.
    may_turn: bool,
    /// What was done, for `-v`.
    pub trace: Vec<String>,
}

impl Finder {
    /// Chooses the way: unless one is asked for, the kernel's list if it can be had and there
    /// is enough to list.
    #[must_use]
    pub fn new(host: &Host, source: OwnerSource) -> Self {
        let few = || host.files_open().is_some_and(|files| files < FEW);
        let few = source == OwnerSource::Auto && few();
        let mut finder = Self {
            host: host.clone(),
            kernel: None,
            may_turn: few,
            trace: Vec::new(),
        };
        if !few && source != OwnerSource::Proc {
            finder.turn();
        }
        finder
    }

    /// Turns to the kernel's list; `None` where it cannot be had.
    fn turn(&mut self) -> Option<&TaskFiles> {
        self.may_turn = false;
        match kernel(&self.host) {
            Ok(kernel) => self.kernel = Some(kernel),
            Err(why) => self.give_up(&why),
        }
        self.kernel.as_ref()
    }

    fn give_up(&mut self, why: &str) {
        self.kernel = None;
        self.trace.push(format!(
            "owners: bpf cannot list open files ({why}); /proc was read instead"
        ));
    }

    /// Where owners come from, in the words of the JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.kernel {
            Some(_) => "bpf",
            None => "proc",
        }
    }

    /// Whether the look can be for some sockets only.
    #[must_use]
    pub fn can_choose(&self) -> bool {
        self.kernel.is_some()
    }

    /// Looks at every fd table, until all are read or `nobody_can_own` is set; for the sockets that
    /// are `chosen`, where others can be passed over.
    ///
    /// # Errors
    /// When neither way is open: /proc cannot be listed at all.
    pub fn scan(&mut self, chosen: &Chosen, nobody_can_own: &AtomicBool) -> Result<Scan, Problem> {
        if self.kernel.is_none() {
            let scan = fd_tables::scan(&self.host, nobody_can_own);
            let is_open = scan.as_ref().map_or(true, |scan| {
                BlindSpot::of(&self.host, &scan.gaps).explains()
            });
            if !is_open || !self.may_turn || self.turn().is_none() {
                return scan;
            }
        }
        if let Some(kernel) = &self.kernel {
            match task_files::scan(&self.host, kernel, chosen, nobody_can_own) {
                Ok(scan) => return Ok(scan),
                Err(why) => self.give_up(&why.to_string()),
            }
        }
        fd_tables::scan(&self.host, nobody_can_own)
    }

    /// One line for `-v`.
    pub fn note(&mut self, scan: &Scan, took: Duration) {
        let processes = match self.kernel {
            Some(_) => format!("in {} processes, by bpf", scan.seen.len()),
            None => format!(
                "{} processes, {} denied",
                scan.gaps.of,
                scan.gaps.denied.len()
            ),
        };
        let count = scan.holders.len();
        let took = took.as_secs_f64() * 1e3;
        self.trace.push(format!(
            "owners: {count} descriptors of sockets, {processes}, in {took:.1} ms"
        ));
    }

    /// Looks for the holders of `unowned` sockets once more, in all tables: a socket may be
    /// passed from one process to another faster than a pass takes.
    #[must_use]
    pub fn search(&mut self, unowned: &FxHashSet<NonZeroU32>, blind_spot: &BlindSpot) -> Search {
        if self.may_turn {
            self.turn();
        }
        let host = &self.host;
        let kernel = self.kernel.as_ref();
        let found = kernel.and_then(|kernel| search_kernel(host, kernel, unowned, blind_spot).ok());
        found.unwrap_or_else(|| search_proc(host, unowned, blind_spot))
    }
}

/// The kernel's list, where it can be had and its pids are those of this process: the kernel
/// tells the pids of the initial namespace.
fn kernel(host: &Host) -> Result<TaskFiles, String> {
    match host.initial_pid_namespace() {
        Some(true) => TaskFiles::load(host).map_err(|why| why.to_string()),
        Some(false) => Err("this is a pid namespace of its own".to_owned()),
        None => Err("the pid namespace is not known without /proc".to_owned()),
    }
}

/// Passes over all tables as long as owners are missing; then asks who refused to be seen.
fn search_kernel(
    host: &Host,
    kernel: &TaskFiles,
    unowned: &FxHashSet<NonZeroU32>,
    blind_spot: &BlindSpot,
) -> Result<Search, Refusal> {
    let mut search = Search {
        blind_spot: blind_spot.clone(),
        ..Search::default()
    };
    let mut missing = unowned.clone();
    for _ in 0..KERNEL_PASSES {
        let chosen = Chosen::of(missing.iter().copied());
        let again = task_files::scan(host, kernel, &chosen, &AtomicBool::new(false))?;
        search.seen.extend(again.seen);
        search.blind_spot = search.blind_spot.and(&BlindSpot::of(host, &again.gaps));
        take(&mut search.holders, again.holders, unowned, &mut missing);
        if missing.is_empty() {
            return Ok(search);
        }
    }
    search.blind_spot = search.blind_spot.and(&BlindSpot::of(host, &unseen(host)));
    Ok(search)
}

/// The processes whose open files neither /proc nor the kernel's list shows: as should be,
/// none.
fn unseen(host: &Host) -> Gaps {
    let mut gaps = fd_tables::refusing(host);
    if !gaps.denied.is_empty() {
        // Without a census nobody is known to be seen.
        let shown = task_files::census(host).unwrap_or_default();
        gaps.denied.retain(|pid| !shown.contains(pid));
    }
    gaps
}

/// Passes over all tables, again while processes end.
fn search_proc(host: &Host, unowned: &FxHashSet<NonZeroU32>, blind_spot: &BlindSpot) -> Search {
    let mut search = Search {
        blind_spot: blind_spot.clone(),
        ..Search::default()
    };
    let mut missing = unowned.clone();
    for _ in 0..PASSES {
        let Ok(again) = fd_tables::scan(host, &AtomicBool::new(false)) else {
            search.blind_spot = search.blind_spot.and(&BlindSpot::no_proc());
            break;
        };
        search.vanished = again.vanished;
        search.blind_spot = search.blind_spot.and(&BlindSpot::of(host, &again.gaps));
        take(&mut search.holders, again.holders, unowned, &mut missing);
        // What stands still has been seen whole.
        if missing.is_empty() || search.vanished == 0 {
            break;
        }
    }
    search
}

/// Takes the `fresh` holders of `unowned` sockets, which are then no longer `missing`.
fn take(
    holders: &mut Vec<Holder>,
    fresh: Vec<Holder>,
    unowned: &FxHashSet<NonZeroU32>,
    missing: &mut FxHashSet<NonZeroU32>,
) {
    for holder in fresh {
        if unowned.contains(&holder.inode) {
            missing.remove(&holder.inode);
            holders.push(holder);
        }
    }
}
