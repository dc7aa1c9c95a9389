//! collect -> join -> enrich -> filter: the one way in which every view gets its rows.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashSet;

use super::join::{Owners, attribute};
use super::sample::Sample;
use super::untold;
use crate::collect::{BlindSpot, LateCommands, MayShow, SocketStream, Taker, gather, kernel};
use crate::filter::Filter;
use crate::host::Host;
use crate::model::{
    Cgroup, Facts, ListenerPorts, OwnerStatus, Problem, Protocol, Report, ShareGroups, Snapshot,
    Socket,
};
use crate::query::{Needs, ProcessDetail, ProcessFacts, Query};

/// How long names are waited for with `-r`.
const RESOLVE_LIMIT: Duration = Duration::from_secs(2);

/// What ends a run early.
#[derive(Debug)]
pub enum Stop {
    /// Nothing could be read.
    Problem(Problem),
    /// The rows could not be written.
    Output(io::Error),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// What is asked: the query, which sockets of it, and whether names are wanted.
#[derive(Clone, Debug)]
pub struct Request {
    /// What to collect.
    pub query: Query,
    /// Which rows to keep.
    pub filter: Filter,
    /// Whether addresses and ports get names (`-r`).
    pub resolve: bool,
    /// Whether listeners come beside the rows, whatever the filter: they have the names of those
    /// whose port a connection in `TIME_WAIT` had.
    pub listeners_too: bool,
}

impl Request {
    /// Whether a row is there for its name only.
    #[must_use]
    pub fn is_beside(&self, socket: &Socket) -> bool {
        self.listeners_too && socket.protocol == Protocol::Tcp && socket.is_listener()
    }
}

/// Takes rows as they come, with the facts they need.
pub type Each<'a> = &'a mut dyn FnMut(Vec<Socket>, &Facts) -> io::Result<()>;

/// The same, told whether the rows are all there are.
pub type EachOrAll<'a> = &'a mut dyn FnMut(Vec<Socket>, &Facts, bool) -> io::Result<()>;

/// Hands the attributed, enriched and filtered rows to `each`, in the kernel's order; those whose
/// owner had to be looked for again come last.
///
/// Without names the rows flow in batches while the kernel still lists them, and memory does
/// not grow with the table; otherwise they come at once.
///
/// # Errors
/// When nothing could be read, or `each` failed.
pub fn stream(host: &Host, request: &Request, each: Each<'_>) -> Result<Report, Stop> {
    if request.resolve {
        let mut snapshot = snapshot(host, request)?;
        each(std::mem::take(&mut snapshot.sockets), &snapshot.facts)?;
        return Ok(snapshot.report);
    }
    run(host, request, each).map(|done| done.report)
}

/// As [`stream`], but rows that are no more than `most` come at once, when all is known of them:
/// then `each` is told that they are all. Memory does not grow with a longer table.
///
/// # Errors
/// As those of [`stream`].
pub fn stream_beyond(
    host: &Host,
    request: &Request,
    most: usize,
    each: EachOrAll<'_>,
) -> Result<Report, Stop> {
    if request.resolve {
        let mut snapshot = snapshot(host, request)?;
        let sockets = std::mem::take(&mut snapshot.sockets);
        let is_all = sockets.len() <= most;
        each(sockets, &snapshot.facts, is_all)?;
        return Ok(snapshot.report);
    }
    let mut held = Some(Vec::new());
    let done = run(host, request, &mut |mut batch, facts| {
        let Some(mut rows) = held.take() else {
            return each(batch, facts, false);
        };
        rows.append(&mut batch);
        if rows.len() > most {
            place_again(&mut rows, facts);
            return each(rows, facts, false);
        }
        held = Some(rows);
        Ok(())
    })?;
    if let Some(mut rows) = held {
        place_again(&mut rows, &done.facts);
        each(rows, &done.facts, true)?;
    }
    Ok(done.report)
}

/// Looks up again where the holders of rows stand that came before all were known.
fn place_again(sockets: &mut [Socket], facts: &Facts) {
    let found = sockets.iter_mut().filter(|socket| !socket.held.is_empty());
    for socket in found {
        socket.held = facts.holders.find(socket.inode);
    }
}

/// All rows at once.
///
/// # Errors
/// When nothing could be read.
pub fn snapshot(host: &Host, request: &Request) -> Result<Snapshot, Stop> {
    let mut sockets = Vec::new();
    let Done {
        mut facts,
        report,
        has_moved,
        ..
    } = run(host, request, &mut |mut batch, _| {
        sockets.append(&mut batch);
        Ok(())
    })?;
    if has_moved {
        place_again(&mut sockets, &facts);
    }
    if request.resolve {
        resolve(host, &sockets, &mut facts);
    }
    Ok(Snapshot {
        sockets,
        facts,
        report,
    })
}

/// All rows at once, and what the kernel counts.
///
/// # Errors
/// When nothing could be read.
pub fn sample(host: &Host, request: &Request) -> Result<Sample, Stop> {
    let snapshot = snapshot(host, request)?;
    Ok(Sample {
        snapshot,
        kernel: kernel(host),
        at: host.monotonic(),
    })
}

/// What remains when all rows have been handed on.
struct Done {
    facts: Facts,
    report: Report,
    /// Whether holders have other places now than those that rows came with.
    has_moved: bool,
    blind_spot: BlindSpot,
}

fn run(host: &Host, request: &Request, each: Each<'_>) -> Result<Done, Stop> {
    let query = pushed_down(request);
    let since = host.boot_ticks();
    let reads_late = query.needs.has(Needs::PROCESSES) && !request.filter.is_empty();
    let mut flow = Flow {
        host,
        request,
        query,
        each,
        listeners: Listeners::default(),
        waiting: Vec::new(),
        unseen: Unseen::default(),
        commands: reads_late.then(|| LateCommands::new(host, since)),
        failed: None,
    };
    let mut done = if query.needs.owners() == ProcessDetail::None {
        without_owners(&mut flow)?
    } else {
        with_owners(&mut flow, since)?
    };
    flow.release(&mut done.facts);
    if let Some(commands) = &flow.commands {
        // The rows have been chosen, unless somebody else does it afterwards.
        let compared = ProcessFacts {
            command: query.late_commands && query.compares.command,
            ..ProcessFacts::NONE
        };
        done.report.problems.extend(commands.problems(compared));
    }
    let untold = untold::compared(host, &query, &request.filter, &done.report);
    done.report.problems.extend(untold);
    flow.unseen.tell(host, &mut done.report, &done.blind_spot);
    match flow.failed {
        Some(error) => Err(error.into()),
        None => Ok(done),
    }
}

fn without_owners(flow: &mut Flow<'_>) -> Result<Done, Stop> {
    let rows = SocketStream::start(flow.host, flow.query);
    let mut facts = Facts::default();
    while let Some(batch) = rows.next_batch() {
        flow.note(&batch);
        if !flow.pass(batch, &mut facts, Owners::NotAsked) {
            break;
        }
    }
    let mut report = rows.finish()?;
    report.owners_from = Some("none");
    Ok(Done {
        facts,
        report,
        has_moved: false,
        blind_spot: BlindSpot::default(),
    })
}

fn with_owners(flow: &mut Flow<'_>, since: u64) -> Result<Done, Stop> {
    let query = flow.query;
    let may_show: MayShow = {
        let request = flow.request.clone();
        Arc::new(move |socket| may_be_shown(&request, &query, socket))
    };
    let gathered = gather(flow.host, &query, &may_show, flow, since)?;
    Ok(Done {
        facts: gathered.facts,
        report: gathered.report,
        has_moved: gathered.has_moved,
        blind_spot: gathered.blind_spot,
    })
}

/// The way of the rows from the collectors to whoever wants them.
struct Flow<'a> {
    host: &'a Host,
    request: &'a Request,
    query: Query,
    each: Each<'a>,
    listeners: Listeners,
    /// Rows that wait until all listeners are known.
    waiting: Vec<Socket>,
    unseen: Unseen,
    /// Reads the command lines that rows need which were chosen without them.
    commands: Option<LateCommands>,
    failed: Option<io::Error>,
}

impl Taker for Flow<'_> {
    fn note(&mut self, rows: &[Socket]) {
        for socket in rows {
            self.listeners.ports.note(socket);
            if self.query.needs.has(Needs::GROUPS) {
                self.listeners.groups.note(socket);
            }
        }
    }

    fn take(&mut self, rows: Vec<Socket>, facts: &mut Facts, denied: bool) -> bool {
        self.pass(rows, facts, Owners::Searched { denied })
    }

    fn wants_command(&self, line: &[u8]) -> bool {
        self.request.filter.wants_command(line)
    }
}

impl Flow<'_> {
    /// Attributes, enriches and filters rows and hands them on; whether more are wanted.
    fn pass(&mut self, mut rows: Vec<Socket>, facts: &mut Facts, owners: Owners) -> bool {
        // Listeners are read for the roles of others, too.
        rows.retain_mut(|socket| {
            let wanted = may_be_shown(self.request, &self.query, socket);
            if wanted {
                attribute(socket, &self.listeners.ports, owners);
            }
            wanted
        });
        enrich(self.host, &rows, facts, &self.query);
        if self.query.needs.has(Needs::GROUPS) {
            self.waiting.append(&mut rows);
            return true;
        }
        self.hand_on(rows, facts)
    }

    fn hand_on(&mut self, mut rows: Vec<Socket>, facts: &mut Facts) -> bool {
        // A filter by process may leave out a row for want of an owner, known or further.
        let by_process = self.request.filter.needs().has(Needs::OWNERS);
        let request = self.request;
        let is_row = |socket: &&Socket| !request.is_beside(socket);
        if by_process {
            self.unseen.count(rows.iter().filter(is_row), true);
        }
        rows.retain(|socket| request.is_beside(socket) || request.filter.matches(socket, facts));
        if !by_process {
            self.unseen.count(rows.iter().filter(is_row), false);
        }
        if let Some(commands) = &mut self.commands {
            commands.add(&rows, facts);
        }
        if let Err(error) = (self.each)(rows, facts) {
            self.failed = Some(error);
        }
        self.failed.is_none()
    }

    /// Hands on the rows that waited for all listeners.
    fn release(&mut self, facts: &mut Facts) {
        if self.query.needs.has(Needs::GROUPS) {
            facts.groups = std::mem::take(&mut self.listeners).numbered();
            let rows = std::mem::take(&mut self.waiting);
            self.hand_on(rows, facts);
        }
    }
}

/// Rows whose owners could not be seen.
#[derive(Clone, Copy, Debug, Default)]
struct Unseen {
    denied: u64,
    hidden: u64,
    /// Rows that are looked at for all their owners.
    further: u64,
}

impl Unseen {
    fn count<'a>(&mut self, rows: impl Iterator<Item = &'a Socket>, all_owners: bool) {
        for row in rows {
            match row.owner_status {
                OwnerStatus::Denied => self.denied += 1,
                OwnerStatus::KernelOrHidden => self.hidden += 1,
                _ => {}
            }
            self.further += u64::from(all_owners && row.inode.is_some());
        }
    }

    /// Says whose owners could not be seen: refused or hidden ones, and, in a pid namespace of
    /// its own, those that live outside.
    fn tell(self, host: &Host, report: &mut Report, blind_spot: &BlindSpot) {
        let refused = blind_spot.problems(host, self.denied, self.further);
        report.problems.extend(refused);
        let hidden = self.hidden;
        if hidden > 0 && host.initial_pid_namespace() == Some(false) {
            let whose = match hidden {
                1 => "1 socket belongs".to_owned(),
                n => format!("{n} sockets belong"),
            };
            let message =
                format!("{whose} to the kernel or to processes outside this pid namespace");
            report.problems.push(
                Problem::incomplete("owners_outside", message)
                    .hint("run in the host's pid namespace to see every owner")
                    .count(hidden),
            );
        }
    }
}

/// The query with what the filter knows beforehand: states, and facts that it compares.
fn pushed_down(request: &Request) -> Query {
    let mut query = request.query;
    query.states = query.states.intersect(request.filter.states());
    query.narrow = request.filter.narrow();
    query.need(request.filter.needs());
    let compares = request.filter.compares();
    query.compares = query.compares.and(compares);
    // A filter may leave few of the processes; it has to have what it compares before.
    query.late_commands =
        query.needs.has(Needs::PROCESSES) && !request.filter.is_empty() && !compares.command;
    query
}

/// Whether a row can be in the answer, as far as its socket alone tells.
fn may_be_shown(request: &Request, query: &Query, socket: &Socket) -> bool {
    if request.is_beside(socket) {
        return true;
    }
    query.states.contains(socket.state)
        && socket.serves(query.families)
        && request.filter.may_match(socket)
}

/// What the listeners among the rows tell of the others.
#[derive(Default)]
struct Listeners {
    ports: ListenerPorts,
    groups: ShareGroups,
}

impl Listeners {
    /// The groups, once all listeners are known.
    fn numbered(mut self) -> ShareGroups {
        self.groups.number();
        self.groups
    }
}

/// Reads the facts that the rows need and that are not known yet.
fn enrich(host: &Host, sockets: &[Socket], facts: &mut Facts, query: &Query) {
    if query.needs.has(Needs::USERS) {
        let uids = sockets.iter().filter_map(|socket| Some(socket.uid?.get()));
        let owners = facts.processes.values().filter_map(|process| process.uid);
        let unknown: FxHashSet<u32> = uids
            .chain(owners)
            .filter(|uid| !facts.users.contains_key(uid))
            .collect();
        for uid in unknown {
            facts.users.insert(uid, host.user(uid));
        }
    }
    if query.needs.has(Needs::CGROUPS) {
        enrich_cgroups(host, sockets, facts);
    }
    if sockets.iter().any(|socket| socket.interface.is_some()) {
        let lookup = host.interfaces();
        for socket in sockets {
            if let Some(index) = socket.interface
                && facts.interface(socket).is_none()
                && let Some(name) = lookup.name(index)
            {
                facts.interfaces.insert((socket.netns, index), name);
            }
        }
    }
}

/// Finds the cgroups of sockets that no process is known to hold: of others, the process tells.
fn enrich_cgroups(host: &Host, sockets: &[Socket], facts: &mut Facts) {
    let unowned = sockets
        .iter()
        .filter(|socket| socket.owner_status != OwnerStatus::Found);
    let ids = unowned.filter_map(|socket| socket.cgroup);
    let unknown = ids.filter(|id| !facts.cgroups.contains_key(id));
    let found = host.cgroups(unknown).into_iter();
    facts
        .cgroups
        .extend(found.map(|(id, path)| (id, Cgroup::new(path))));
}

/// Looks up names for the addresses and ports of the rows.
fn resolve(host: &Host, sockets: &[Socket], facts: &mut Facts) {
    let ends_of = |s: &Socket| [s.local.inet(), s.peer.inet()].into_iter().flatten();
    let addresses: FxHashSet<_> = sockets
        .iter()
        .flat_map(ends_of)
        .map(|end| end.address)
        .filter(|address| !address.is_unspecified())
        .collect();
    let addresses: Vec<_> = addresses.into_iter().collect();
    facts.hosts = host.names(&addresses, RESOLVE_LIMIT);
    let ports: FxHashSet<_> = sockets
        .iter()
        .filter(|socket| socket.protocol != Protocol::Raw)
        .flat_map(|s| ends_of(s).map(|end| (s.protocol, end.port)))
        .collect();
    for (protocol, port) in ports {
        if let Some(name) = host.service(port, protocol == Protocol::Udp) {
            facts.services.insert((protocol, port), name);
        }
    }
}
