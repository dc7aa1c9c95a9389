//! The tables on one thread, the owners on another, side by side; and the rows as they come.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use rustc_hash::{FxHashMap, FxHashSet};
use rustix::io::Errno;

use super::blind_spot::BlindSpot;
use super::command_lines::IsWanted;
use super::fd_tables;
use super::owners::Finder;
use super::processes::{Seen, Standing};
use super::stream::{MayShow, SocketStream};
use super::{Processes, read_tables};
use crate::host::Host;
use crate::model::{
    Facts, Held, Holder, HolderIndex, Identity, OtherNamespaces, Problem, Report, Socket, StateSet,
};
use crate::query::{Needs, Query};
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

    /// Whether rows may be chosen for this command line of a process.
    fn wants_command(&self, line: &[u8]) -> bool;
}

/// All that is known when the rows have been taken.
#[derive(Debug)]
pub struct Gathered {
    /// Who holds which row, and the processes that hold rows that can be shown.
    pub facts: Facts,
    /// Whether holders have other places now than those with which rows were taken.
    pub has_moved: bool,
    /// Why an owner may exist without being seen.
    pub blind_spot: BlindSpot,
    /// Where it came from.
    pub report: Report,
}

/// Reads tables and fd tables side by side and hands the rows on as soon as both tell enough;
/// then looks again for the owners still missing, whose rows come last.
///
/// `since` is now, in clock ticks since boot: a process that begins later may have taken the
/// pid of another that was seen.
///
/// # Errors
/// What [`read_tables`] says. Owners that cannot be read are a problem in the report.
pub fn gather(
    host: &Host,
    query: &Query,
    may_show: &MayShow,
    taker: &mut dyn Taker,
    since: u64,
) -> Result<Gathered, Problem> {
    let nobody_can_own = Arc::new(AtomicBool::new(false));
    let tables =
        SocketStream::with_room(host, *query, WAITING_FOR_OWNERS, may_show, &nobody_can_own);
    let mut finder = Finder::new(host, query.owner_source);
    let waits = finder.can_choose() && gives_few_rows(query);
    let first = if waits { all_of(&tables) } else { Vec::new() };
    let started = Instant::now();
    let chosen = if waits {
        let wanted = first.iter().filter(|socket| may_show(socket));
        Chosen::of(wanted.filter_map(|socket| socket.inode))
    } else {
        Chosen::all()
    };
    let mut gathering = Gathering::new(host, query, may_show, taker, since);
    let scan = finder.scan(&chosen, &nobody_can_own);
    match scan {
        Ok(scan) => {
            finder.note(&scan, started.elapsed());
            gathering.blind_spot = BlindSpot::of(host, &scan.gaps);
            gathering.facts.holders = HolderIndex::new(scan.holders);
            gathering.seen = scan.seen;
        }
        Err(problem) => {
            gathering.report.problems.push(problem);
            gathering.blind_spot = BlindSpot::no_proc();
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
    !query.needs.has(Needs::FILES) && !query.states.intersects(StateSet::LISTENING.complement())
}

/// Rows on their way, and what is known of their owners.
struct Gathering<'a> {
    host: &'a Host,
    query: &'a Query,
    may_show: &'a MayShow,
    taker: &'a mut dyn Taker,
    processes: Processes,
    /// When the look began, in clock ticks since boot.
    since: u64,
    seen: FxHashMap<u32, Seen>,
    facts: Facts,
    ended: FxHashSet<u32>,
    /// What those hold that have begun since the look began.
    recent: FxHashMap<u32, FxHashSet<Holder>>,
    /// Those that could not be read, though they are there.
    unread: FxHashMap<u32, Errno>,
    /// Processes whose pid changed hands so fast that it is not known what they hold.
    unsettled: u64,
    /// Rows with a file that no process is known to hold, yet.
    unowned: Vec<Socket>,
    has_moved: bool,
    blind_spot: BlindSpot,
    report: Report,
}

impl<'a> Gathering<'a> {
    fn new(
        host: &'a Host,
        query: &'a Query,
        may_show: &'a MayShow,
        taker: &'a mut dyn Taker,
        since: u64,
    ) -> Self {
        Self {
            host,
            query,
            may_show,
            taker,
            processes: Processes::available(host),
            since,
            seen: FxHashMap::default(),
            facts: Facts::default(),
            ended: FxHashSet::default(),
            recent: FxHashMap::default(),
            unread: FxHashMap::default(),
            unsettled: 0,
            unowned: Vec::new(),
            has_moved: false,
            blind_spot: BlindSpot::default(),
            report: Report::default(),
        }
    }

    /// Hands on the rows whose owners are known, or that can have none; whether more are wanted.
    fn pass(&mut self, mut rows: Vec<Socket>) -> bool {
        self.taker.note(&rows);
        let mut unowned = std::mem::take(&mut self.unowned);
        rows.retain_mut(|socket| {
            if socket.inode.is_none() || !(self.may_show)(socket) || self.find_owner(socket) {
                return true;
            }
            unowned.push(socket.clone());
            false
        });
        self.unowned = unowned;
        self.hand_on(rows)
    }

    fn hand_on(&mut self, rows: Vec<Socket>) -> bool {
        let denied = self.blind_spot.explains();
        rows.is_empty() || self.taker.take(rows, &mut self.facts, denied)
    }

    /// Finds who holds a row; whether anybody does who has not ended.
    fn find_owner(&mut self, socket: &mut Socket) -> bool {
        let held = self.facts.holders.find(socket.inode);
        let (mut last, mut is_known, mut is_held) = (None, false, false);
        for place in 0..held.len() {
            let Some(holder) = self.facts.holders.at(held).get(place).copied() else {
                break;
            };
            // Several descriptors of one process stand together.
            if last != Some(holder.pid) {
                is_known = self.know(holder.pid);
            }
            last = Some(holder.pid);
            let again = self.recent.get(&holder.pid);
            if again.is_some_and(|holds| !holds.contains(&holder)) {
                self.facts.holders.refute(held, place);
            } else {
                is_held |= is_known;
            }
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
        let Query {
            needs,
            late_commands,
            ..
        } = *self.query;
        let seen = self.seen.get(&pid);
        let taker = &*self.taker;
        let is_wanted = |line: &[u8]| taker.wants_command(line);
        let wants: Option<IsWanted<'_>> = (!late_commands).then_some(&is_wanted);
        let standing = self
            .processes
            .look(pid, seen, needs.owners(), wants, self.since);
        let known = match standing {
            Standing::Same(process) => Some(process),
            Standing::Recent(process, pinned) => {
                // What it holds itself, if it has not been followed by another meanwhile.
                let holds = fd_tables::holders_of(self.host, pid);
                let is_same = pinned.read("stat").is_ok();
                self.unsettled += u64::from(is_same && holds.is_none());
                let holds = holds.filter(|_| is_same);
                holds.map(|holds| {
                    self.recent.insert(pid, holds);
                    process
                })
            }
            Standing::Ended => None,
            Standing::Unread(why) => {
                self.unread.insert(pid, why);
                None
            }
        };
        let Some(mut process) = known else {
            self.ended.insert(pid);
            return false;
        };
        self.unread.remove(&pid);
        if needs.has(Needs::FILES) {
            process.files = self.processes.files(pid);
            self.processes.stand(&mut process);
        }
        if needs.has(Needs::BACKGROUND) {
            self.processes.set_in_place(&mut process);
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
            if self.query.needs.has(Needs::FILES) {
                self.add_neighbours();
            }
        }
        for why in std::mem::take(&mut self.unread).into_values() {
            self.blind_spot.add_unread(why);
        }
        let rows = std::mem::take(&mut self.unowned);
        self.hand_on(rows);
        self.report
            .problems
            .extend(self.processes.problems(self.query.compares));
        Gathered {
            facts: self.facts,
            has_moved: self.has_moved,
            blind_spot: self.blind_spot,
            report: self.report,
        }
    }

    /// Reads the processes of this namespace that hold only sockets which no table lists, and
    /// counts those of others.
    fn add_neighbours(&mut self) {
        let Some(ours) = self.host.mark() else {
            return;
        };
        let own = self.host.own_pid();
        let mut others: FxHashMap<u64, (u64, u32)> = FxHashMap::default();
        for pid in self.facts.holders.per_process().into_keys() {
            if pid == own || self.facts.processes.contains_key(&pid) {
                continue;
            }
            match self.host.mark_of(pid) {
                Some(mark) if mark == ours => {
                    self.know(pid);
                }
                Some(mark) => {
                    let (count, lowest) = others.entry(mark).or_insert((0, pid));
                    *count += 1;
                    *lowest = pid.min(*lowest);
                }
                None => {}
            }
        }
        self.report.elsewhere = OtherNamespaces {
            processes: others.values().map(|(count, _)| count).sum(),
            namespaces: others.len() as u64,
            unseen: self.blind_spot.namespaces(),
            pid: others
                .values()
                .map(|(_, pid)| *pid)
                .min()
                .unwrap_or_default(),
        };
    }

    fn look_again(&mut self, finder: &mut Finder) {
        let missing: FxHashSet<_> = self.unowned.iter().filter_map(|s| s.inode).collect();
        if missing.is_empty() {
            return;
        }
        let started = Instant::now();
        let search = finder.search(&missing, &self.blind_spot);
        self.report.owners_from = Some(finder.name());
        self.report.trace.append(&mut finder.trace);
        self.report.trace.push(format!(
            "owners: {} sockets without an owner looked for again, {} holders found in {:.1} ms",
            missing.len(),
            search.holders.len(),
            started.elapsed().as_secs_f64() * 1e3,
        ));
        self.ended.clear();
        let found = self.settled(search.holders);
        self.blind_spot = search.blind_spot;
        if !found.is_empty() {
            let holders = std::mem::take(&mut self.facts.holders);
            self.facts.holders = holders.extended(found);
            self.has_moved = true;
            self.seen.extend(search.seen);
            self.hand_on_found();
        }
        if self.blind_spot.explains() || !self.unread.is_empty() {
            return;
        }
        self.settle();
        let missing = self.unowned.len() as u64;
        if search.vanished + self.unsettled > 0 && missing > 0 {
            let message = format!(
                "owners not found: {missing}; processes ended, or passed sockets on, while they were read"
            );
            let problem = Problem::incomplete("owners_raced", message).count(missing);
            self.report.problems.push(problem.hint("try again"));
        }
    }

    /// The holders but those that have the pid of a process that is known and has ended since.
    fn settled(&mut self, mut found: Vec<Holder>) -> Vec<Holder> {
        for holder in &found {
            // What a young process has got meanwhile it holds, too, if it still does.
            if let Some(holds) = self.recent.get_mut(&holder.pid)
                && !holds.contains(holder)
            {
                holds.extend(fd_tables::holders_of(self.host, holder.pid).unwrap_or_default());
            }
        }
        let mut gone: FxHashMap<u32, bool> = FxHashMap::default();
        let name = crate::query::ProcessDetail::Name;
        found.retain(|&Holder { pid, .. }| {
            let is_known = self.facts.processes.contains_key(&pid);
            let is_gone = || {
                let seen = self.seen.get(&pid);
                let standing = self.processes.look(pid, seen, name, None, self.since);
                !self.recent.contains_key(&pid) && !matches!(standing, Standing::Same(_))
            };
            !is_known || !*gone.entry(pid).or_insert_with(is_gone)
        });
        found
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
        let known = self.unowned.iter().filter_map(Identity::by_cookie);
        let mut wanted: FxHashMap<_, Option<Socket>> =
            known.map(|identity| (identity, None)).collect();
        if wanted.is_empty() {
            return;
        }
        let again = read_tables(self.host, self.query, &mut |socket| {
            if let Some(now) = Identity::by_cookie(&socket).and_then(|known| wanted.get_mut(&known))
            {
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
            let known = Identity::by_cookie(socket);
            let Some(now) = known.and_then(|known| wanted.get_mut(&known)) else {
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
