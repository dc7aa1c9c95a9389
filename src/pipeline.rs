//! collect -> join -> enrich -> filter: the one way in which every view gets its rows.

use std::io;
use std::time::Duration;

use rustc_hash::FxHashSet;

use crate::analyze::past::Sample;
use crate::collect::{BlindSpot, Gathered, SocketStream, gather, kernel};
use crate::columns;
use crate::filter::Filter;
use crate::join::{Owners, attribute};
use crate::model::{
    Cgroup, Facts, ListenerPorts, OwnerStatus, Problem, Protocol, Report, ShareGroups, Snapshot,
    Socket,
};
use crate::query::{ProcessDetail, Query};
use crate::sys::cgroup;
use crate::sys::monotonic;
use crate::sys::names;
use crate::sys::netns::in_initial_pid_namespace;

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
}

/// Takes rows as they come, with the facts they need.
pub type Each<'a> = &'a mut dyn FnMut(Vec<Socket>, &Facts) -> io::Result<()>;

/// Hands the attributed, enriched and filtered rows to `each`, in the kernel's order.
///
/// Without owners and names the rows flow in batches while the kernel still lists them, and
/// memory does not grow with the table; otherwise they come at once.
///
/// # Errors
/// When nothing could be read, or `each` failed.
pub fn stream(request: &Request, each: Each<'_>) -> Result<Report, Stop> {
    if request.query.owners == ProcessDetail::None && !request.resolve {
        return stream_tables(request, each).map(|(report, _)| report);
    }
    let mut snapshot = snapshot(request)?;
    each(std::mem::take(&mut snapshot.sockets), &snapshot.facts)?;
    Ok(snapshot.report)
}

/// All rows at once.
///
/// # Errors
/// When nothing could be read.
pub fn snapshot(request: &Request) -> Result<Snapshot, Stop> {
    let query = pushed_down(request);
    if query.owners == ProcessDetail::None {
        let mut sockets = Vec::new();
        let (report, mut facts) = stream_tables(request, &mut |batch, _| {
            sockets.extend(batch);
            Ok(())
        })?;
        if request.resolve {
            resolve(&sockets, &mut facts);
        }
        return Ok(Snapshot {
            sockets,
            facts,
            report,
        });
    }
    let Gathered {
        mut sockets,
        holders,
        processes,
        blind_spot,
        mut report,
    } = gather(&query, &|socket| may_be_shown(request, &query, socket))?;
    let owners = Owners::Searched {
        denied: blind_spot.is_some_and(BlindSpot::explains),
    };
    let mut listeners = Listeners::default();
    join(&mut sockets, &mut listeners, request, &query, owners);
    let mut facts = Facts {
        holders,
        processes,
        groups: listeners.numbered(),
        ..Facts::default()
    };
    enrich(&sockets, &mut facts, &query);
    // A filter by process may leave out a row for want of an owner, known or further.
    let by_process = request.filter.process_detail() != ProcessDetail::None;
    let held = sockets
        .iter()
        .filter(|socket| socket.inode.is_some())
        .count();
    if by_process {
        note_unseen(&mut report, &sockets, blind_spot, held as u64);
    }
    sockets.retain(|socket| request.filter.matches(socket, &facts));
    if !by_process {
        note_unseen(&mut report, &sockets, blind_spot, 0);
    }
    if request.resolve {
        resolve(&sockets, &mut facts);
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
pub fn sample(request: &Request) -> Result<Sample, Stop> {
    let snapshot = snapshot(request)?;
    Ok(Sample {
        snapshot,
        kernel: kernel(),
        at: monotonic(),
    })
}

fn stream_tables(request: &Request, each: Each<'_>) -> Result<(Report, Facts), Stop> {
    let query = pushed_down(request);
    let rows = SocketStream::start(query);
    let mut listeners = Listeners::default();
    let mut facts = Facts::default();
    let mut held = Vec::new();
    while let Some(mut batch) = rows.next_batch() {
        join(
            &mut batch,
            &mut listeners,
            request,
            &query,
            Owners::NotAsked,
        );
        enrich(&batch, &mut facts, &query);
        if query.groups {
            // Groups are known only when every listener has come.
            held.append(&mut batch);
            continue;
        }
        batch.retain(|socket| request.filter.matches(socket, &facts));
        each(batch, &facts)?;
    }
    let mut report = rows.finish()?;
    if query.groups {
        facts.groups = listeners.numbered();
        held.retain(|socket| request.filter.matches(socket, &facts));
        each(held, &facts)?;
    }
    report.owners_from = Some("none");
    Ok((report, facts))
}

/// The query with what the filter knows beforehand: states, and facts that it compares.
fn pushed_down(request: &Request) -> Query {
    let mut query = request.query;
    query.states = query.states.intersect(request.filter.states());
    query.narrow = request.filter.narrow();
    if query.owners != ProcessDetail::None {
        query.owners = query.owners.max(request.filter.process_detail());
    }
    query.users |= request.filter.needs_users();
    query.need(columns::needs(&request.filter.columns()));
    query
}

/// Whether a row can be in the answer, as far as its socket alone tells.
fn may_be_shown(request: &Request, query: &Query, socket: &Socket) -> bool {
    query.states.contains(socket.state)
        && query.families.contains(socket.family)
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

/// Attributes the rows, and leaves out those that cannot be in the answer: listeners are read
/// for the roles of others, too.
fn join(
    sockets: &mut Vec<Socket>,
    listeners: &mut Listeners,
    request: &Request,
    query: &Query,
    owners: Owners,
) {
    for socket in &*sockets {
        listeners.ports.note(socket);
        if query.groups {
            listeners.groups.note(socket);
        }
    }
    sockets.retain_mut(|socket| {
        let wanted = may_be_shown(request, query, socket);
        if wanted {
            attribute(socket, &listeners.ports, owners);
        }
        wanted
    });
}

/// Reads the facts that the rows need and that are not known yet.
fn enrich(sockets: &[Socket], facts: &mut Facts, query: &Query) {
    if query.users {
        let uids = sockets.iter().filter_map(|socket| socket.uid);
        let owners = facts.processes.values().filter_map(|process| process.uid);
        let unknown: FxHashSet<u32> = uids
            .chain(owners)
            .filter(|uid| !facts.users.contains_key(uid))
            .collect();
        for uid in unknown {
            facts.users.insert(uid, names::user(uid));
        }
    }
    if query.cgroups {
        enrich_cgroups(sockets, facts);
    }
    if sockets.iter().any(|socket| socket.interface.is_some()) {
        let lookup = names::Interfaces::new();
        for index in sockets.iter().filter_map(|socket| socket.interface) {
            if !facts.interfaces.contains_key(&index)
                && let Some(name) = lookup.name(index)
            {
                facts.interfaces.insert(index, name);
            }
        }
    }
}

/// Finds the cgroups of sockets that no process is known to hold: of others, the process tells.
fn enrich_cgroups(sockets: &[Socket], facts: &mut Facts) {
    let unowned = sockets
        .iter()
        .filter(|socket| socket.owner_status != OwnerStatus::Found);
    let ids = unowned.filter_map(|socket| socket.cgroup);
    let unknown = ids.filter(|id| !facts.cgroups.contains_key(id));
    let found = cgroup::paths(unknown).into_iter();
    facts
        .cgroups
        .extend(found.map(|(id, path)| (id, Cgroup::new(path))));
}

/// Says whose owners could not be seen: refused or hidden ones, and, in a pid namespace of
/// its own, those that live outside. `further` sockets are looked at for all their owners.
fn note_unseen(
    report: &mut Report,
    sockets: &[Socket],
    blind_spot: Option<BlindSpot>,
    further: u64,
) {
    let count = |status| sockets.iter().filter(|s| s.owner_status == status).count() as u64;
    let refused = blind_spot.and_then(|spot| spot.problem(count(OwnerStatus::Denied), further));
    report.problems.extend(refused);
    let hidden = count(OwnerStatus::KernelOrHidden);
    if hidden > 0 && !in_initial_pid_namespace() {
        let message = format!(
            "{hidden} sockets belong to the kernel or to processes outside this pid namespace"
        );
        report.problems.push(
            Problem::incomplete("owners_outside", message)
                .hint("run in the host's pid namespace to see every owner")
                .count(hidden),
        );
    }
}

/// Looks up names for the addresses and ports of the rows.
fn resolve(sockets: &[Socket], facts: &mut Facts) {
    let ends = || {
        sockets
            .iter()
            .flat_map(|s| [Some(s.local), s.peer])
            .flatten()
    };
    let addresses: FxHashSet<_> = ends()
        .map(|end| end.address)
        .filter(|address| !address.is_unspecified())
        .collect();
    let addresses = addresses.into_iter().collect();
    facts.hosts = names::hosts(addresses, RESOLVE_LIMIT).into_iter().collect();
    let ports: FxHashSet<_> = sockets
        .iter()
        .filter(|socket| socket.protocol != Protocol::Raw)
        .flat_map(|s| [Some(s.local), s.peer].map(|end| Some((s.protocol, end?.port))))
        .flatten()
        .collect();
    for (protocol, port) in ports {
        if let Some(name) = names::service(port, protocol == Protocol::Udp) {
            facts.services.insert((protocol, port), name);
        }
    }
}
