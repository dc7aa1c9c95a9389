//! The tables on one thread, the owners on another, side by side; and the rows as they come.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use rustc_hash::{FxHashMap, FxHashSet};

use super::blind_spot::{BlindSpot, blind_spot};
use super::owners::Finder;
use super::processes::Seen;
use super::stream::{Shown, SocketStream};
use super::{Processes, read_tables};
use crate::model::{Facts, Held, HolderIndex, Problem, Report, Socket, StateSet};
use crate::query::Query;
use crate::sys::netns;
use crate::wire::task_file::Chosen;

/// Batches that may wait while owners are looked for, which takes half the time of the tables:
/// fifteen megabytes of rows.
const WAITING_FOR_OWNERS: usize = 192;

/// Takes the rows as they come, with the places of their holders.
pub trait Taker {
    /// Looks at rows before any of them is taken: what listens tells the roles of all.
    fn note(&mut self, rows: &[Socket]);

    /// Takes rows. Of those without a holder, `denied` tells whether that may be for want of
    /// permission. `false`: no more rows are wanted.
    fn take(&mut self, rows: Vec<Socket>, facts: &mut Facts, denied: bool) -> bool;
}

/// All that is known when the rows have been taken.
#[derive(Debug)]
pub struct Gathered {
    /// Who holds which row, and the processes that hold rows that can be shown.
    pub facts: Facts,
    /// Whether holders have other places now than those with which rows were taken.
    pub has_moved: bool,
    /// Why an owner may exist without being seen.
    pub blind_spot: Option<BlindSpot>,
    /// Where it came from.
    pub report: Report,
}

/// Reads tables and fd tables side by side and hands the rows on as soon as both tell enough;
/// then looks again for the owners still missing, whose rows come last.
///
/// # Errors
/// What [`read_tables`] says. Owners that cannot be read are a problem in the report.
pub fn gather(query: &Query, shown: &Shown, taker: &mut dyn Taker) -> Result<Gathered, Problem> {
    let needless = Arc::new(AtomicBool::new(false));
    let tables = SocketStream::with_room(*query, WAITING_FOR_OWNERS, shown, &needless);
    let mut finder = Finder::new(query.owner_source);
    let waits = finder.can_choose() && gives_few_rows(query);
    let first = if waits { all_of(&tables) } else { Vec::new() };
    let started = Instant::now();
    let chosen = if waits {
        let wanted = first.iter().filter(|socket| shown(socket));
        Chosen::of(wanted.filter_map(|socket| socket.inode))
    } else {
        Chosen::all()
    };
    let scan = finder.scan(&chosen, &needless);
    let mut gathering = Gathering::new(query, shown, taker);
    match scan {
        Ok(scan) => {
            finder.note(&scan, started.elapsed());
            gathering.blind_spot = blind_spot(&scan.denied);
            gathering.facts.holders = HolderIndex::new(scan.holders);
            gathering.seen = scan.seen;
        }
        Err(problem) => {
            gathering.report.problems.push(problem);
            gathering.blind_spot = Some(BlindSpot::NoProc);
        }
    }
    let mut wants_more = first.is_empty() || gathering.pass(first);
    while wants_more && let Some(batch) = tables.next_batch() {
        wants_more = gathering.pass(batch);
    }
    let report = tables.finish()?;
    Ok(gathering.end(report, finder, wants_more))
}

/// Every row there is.
fn all_of(tables: &SocketStream) -> Vec<Socket> {
    let mut rows = Vec::new();
    while let Some(batch) = tables.next_batch() {
        rows.extend(batch);
    }
    rows
}

/// Whether the rows can only be listeners: few beside connections, and read in no time.
fn gives_few_rows(query: &Query) -> bool {
    // All sockets of a process count where its descriptors are looked at.
    !query.files && !query.states.intersects(StateSet::LISTENING.complement())
}

/// Rows on their way, and what is known of their owners.
struct Gathering<'a> {
    query: &'a Query,
    shown: &'a Shown,
    taker: &'a mut dyn Taker,
    processes: Option<Processes>,
    seen: FxHashMap<u32, Seen>,
    facts: Facts,
    ended: FxHashSet<u32>,
    /// Rows with a file that no process is known to hold, yet.
    unowned: Vec<Socket>,
    has_moved: bool,
    blind_spot: Option<BlindSpot>,
    report: Report,
}

impl<'a> Gathering<'a> {
    fn new(query: &'a Query, shown: &'a Shown, taker: &'a mut dyn Taker) -> Self {
        Self {
            query,
            shown,
            taker,
            processes: Processes::open(),
            seen: FxHashMap::default(),
            facts: Facts::default(),
            ended: FxHashSet::default(),
            unowned: Vec::new(),
            has_moved: false,
            blind_spot: None,
            report: Report::default(),
        }
    }

    /// Hands on the rows whose owners are known, or that can have none; whether more are wanted.
    fn pass(&mut self, mut rows: Vec<Socket>) -> bool {
        self.taker.note(&rows);
        let mut unowned = std::mem::take(&mut self.unowned);
        rows.retain_mut(|socket| {
            if socket.inode.is_none() || !(self.shown)(socket) || self.find_owner(socket) {
                return true;
            }
            unowned.push(socket.clone());
            false
        });
        self.unowned = unowned;
        self.hand_on(rows)
    }

    fn hand_on(&mut self, rows: Vec<Socket>) -> bool {
        let denied = self.blind_spot.is_some_and(BlindSpot::explains);
        rows.is_empty() || self.taker.take(rows, &mut self.facts, denied)
    }

    /// Finds who holds a row; whether anybody does who has not ended.
    fn find_owner(&mut self, socket: &mut Socket) -> bool {
        let held = self.facts.holders.find(socket.inode);
        let (mut last, mut is_held) = (None, false);
        for place in 0..held.len() {
            let holder = self.facts.holders.at(held).get(place);
            let pid = holder.map(|holder| holder.pid);
            // Several descriptors of one process stand together.
            if pid != last {
                is_held |= pid.is_some_and(|pid| self.know(pid));
            }
            last = pid;
        }
        socket.held = if is_held { held } else { Held::default() };
        is_held
    }

    /// Reads a process, unless it is known; whether it has not ended.
    fn know(&mut self, pid: u32) -> bool {
        if self.facts.processes.contains_key(&pid) {
            return true;
        }
        if self.ended.contains(&pid) {
            return false;
        }
        let processes = self.processes.as_ref();
        let process =
            processes.and_then(|p| p.read_seen(pid, self.seen.get(&pid), self.query.owners));
        let Some(mut process) = process else {
            self.ended.insert(pid);
            return false;
        };
        if self.query.files {
            process.files = processes.and_then(|processes| processes.files(pid));
            if let Some(processes) = processes {
                processes.stand(&mut process);
            }
        }
        self.facts.processes.insert(pid, process);
        true
    }

    /// Looks again for the owners still missing, and hands on the rows that waited for it.
    fn end(mut self, report: Report, mut finder: Finder, wants_more: bool) -> Gathered {
        let problems = std::mem::take(&mut self.report.problems);
        self.report = report;
        self.report.trace.append(&mut finder.trace);
        let has_looked = problems.is_empty();
        self.report.problems.extend(problems);
        if has_looked && wants_more {
            self.report.owners_from = Some(finder.name());
            self.look_again(&mut finder);
            if self.query.files {
                self.add_neighbours();
            }
        }
        let rows = std::mem::take(&mut self.unowned);
        self.hand_on(rows);
        Gathered {
            facts: self.facts,
            has_moved: self.has_moved,
            blind_spot: self.blind_spot,
            report: self.report,
        }
    }

    /// Reads the processes of this namespace that hold only sockets which no table lists.
    fn add_neighbours(&mut self) {
        let Some(ours) = netns::mark(None) else {
            return;
        };
        let own = std::process::id();
        for pid in self.facts.holders.per_process().into_keys() {
            let is_known = pid == own || self.facts.processes.contains_key(&pid);
            if !is_known && netns::mark(Some(pid)) == Some(ours) {
                self.know(pid);
            }
        }
    }

    fn look_again(&mut self, finder: &mut Finder) {
        let missing: FxHashSet<_> = self.unowned.iter().filter_map(|s| s.inode).collect();
        if missing.is_empty() {
            return;
        }
        let started = Instant::now();
        let search = finder.search(&missing, self.blind_spot);
        self.report.owners_from = Some(finder.name());
        self.report.trace.append(&mut finder.trace);
        self.report.trace.push(format!(
            "owners: {} sockets without an owner looked for again, {} holders found in {:.1} ms",
            missing.len(),
            search.holders.len(),
            started.elapsed().as_secs_f64() * 1e3,
        ));
        if !search.holders.is_empty() {
            let holders = std::mem::take(&mut self.facts.holders);
            self.facts.holders = holders.extended(search.holders);
            self.has_moved = true;
            self.seen.extend(search.seen);
            self.ended.clear();
            self.hand_on_found();
        }
        self.blind_spot = search.blind_spot;
        if self.blind_spot.is_some_and(BlindSpot::explains) {
            return;
        }
        self.settle();
        let missing = self.unowned.len() as u64;
        if search.vanished > 0 && missing > 0 {
            let message = format!(
                "sockets without an owner: {missing}; processes ended, or passed sockets on, while they were looked at"
            );
            let problem = Problem::incomplete("owners_raced", message).count(missing);
            self.report.problems.push(problem.hint("ask again"));
        }
    }

    /// Hands on the rows that waited and whose owners are known now.
    fn hand_on_found(&mut self) {
        let (mut found, mut unowned) = (Vec::new(), Vec::new());
        for mut socket in std::mem::take(&mut self.unowned) {
            if self.find_owner(&mut socket) {
                found.push(socket);
            } else {
                unowned.push(socket);
            }
        }
        self.unowned = unowned;
        self.hand_on(found);
    }

    /// Looks at what became of the sockets without an owner: one that was closed meanwhile is
    /// left out, one that changed its state is shown as it is now.
    ///
    /// Without this, every connection that lived for a moment would be shown as the kernel's.
    fn settle(&mut self) {
        let cookies = self.unowned.iter().filter_map(|socket| socket.cookie);
        let mut wanted: FxHashMap<_, Option<Socket>> =
            cookies.map(|cookie| (cookie, None)).collect();
        if wanted.is_empty() {
            return;
        }
        let again = read_tables(self.query, &mut |socket| {
            if let Some(now) = socket.cookie.and_then(|cookie| wanted.get_mut(&cookie)) {
                *now = Some(socket);
            }
        });
        // Only a second reading that is as good as the first proves that a socket is gone.
        let is_whole = |report: Report| report.problems == self.report.problems;
        if !again.is_ok_and(is_whole) {
            return;
        }
        let mut rows = std::mem::take(&mut self.unowned);
        rows.retain_mut(|socket| {
            let Some(now) = socket.cookie.and_then(|cookie| wanted.get_mut(&cookie)) else {
                return true;
            };
            let Some(now) = now.take() else { return false };
            *socket = now;
            true
        });
        let (has_file, without): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|socket| socket.inode.is_some());
        self.unowned = has_file;
        self.hand_on(without);
        self.hand_on_found();
    }
}
