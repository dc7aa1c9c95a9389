//! `sockscope port PORT...`: the story of a port.

mod tell;

use super::abroad::Abroad;
use super::around::around;
use super::list;
use super::list::Order;
use super::{absent, pids};
use crate::analyze::port::{self, PortEntry};
use crate::cli::args::ports::{Asked, Ports};
use crate::cli::exit::{Exit, Failure, Usage};
use crate::cli::session::Session;
use crate::filter::Filter;
use crate::json::envelope::Envelope;
use crate::look::pipeline;
use crate::look::pipeline::Request;
use crate::look::untold;
use crate::model::{FamilySet, PortRange, Snapshot, Socket, State, StateSet};
use crate::query::Needs;
use crate::text::{Columns, Format, RowWriter};
use crate::view::ports::PortsPart;

const COLUMNS: &[&str] = &[
    "protocol", "state", "recv_q", "send_q", "local", "peer", "role", "pid", "comm",
];

pub(crate) fn run(session: &Session, words: &[String], pids_only: bool) -> Result<Exit, Failure> {
    let Asked {
        ports: ports_asked,
        place,
        filter: words,
    } = Ports::before_filter(words)?;
    let (asked, chosen) = (ports_asked.ranges(), session.filter(words)?);
    let place = session.filter(&Vec::from_iter(place))?;
    let filter = place.and(chosen.clone());
    let columns = session.columns(COLUMNS, COLUMNS)?;
    let order = session.sort()?;
    let mut request = session.with_needs(ask(session, &asked, &filter)?, &columns);
    request.query.protocols = ports_asked.protocols(request.query.protocols)?;
    let mut snapshot = pipeline::snapshot(&session.host, &request)?;
    let around = around(&session.host, &request.query, &asked, &mut snapshot.sockets);
    port::assign_roles(&mut snapshot.sockets, &asked, &around);
    let families = session.families();
    let untold = untold::compared(&session.host, &request.query, &filter, &snapshot.report);
    snapshot.report.problems.extend(untold);
    // Whether a port is in use is told by all of its sockets, whatever rows are wanted.
    let question = port::Asked {
        ports: &asked,
        protocols: request.query.protocols,
        families,
    };
    let mut entries = port::entries(question, &snapshot.sockets, &snapshot.facts, &around);
    entries.retain(|entry| ports_asked.has(entry.port, entry.protocol));
    let abroad = Abroad::of_ports(&session.host, &request.query, &ports_asked, &entries);
    let elsewhere = abroad.problems("is free here, but held");
    snapshot.report.problems.extend(elsewhere);
    let Snapshot { sockets, facts, .. } = &mut snapshot;
    let states = session.states(StateSet::ALL);
    sockets.retain(|s| {
        let ends = [s.local.port(), s.peer.port()];
        let mut ends = ends.into_iter().flatten();
        ends.any(|port| ports_asked.has(port, s.protocol))
            && s.serves(families)
            && states.contains(s.state)
            && filter.matches(s, facts)
    });
    let found = !snapshot.sockets.is_empty();
    let guesses = untold::wildcards(families, &snapshot.sockets);
    snapshot.report.problems.extend(guesses);
    let nothing = || absent::because(&session.host, &why_nobody(&entries, found), &filter);
    if pids_only {
        let holders = holders(&asked, &chosen, &snapshot);
        return holders.tell(session, nothing);
    }
    if let Some((column, reverse)) = order {
        let Snapshot { sockets, facts, .. } = &mut snapshot;
        list::sort(sockets, facts, Order::Column(column, reverse));
    }
    let ports = PortsPart::new(&entries);
    session.forms(|session| {
        if is_story(session) {
            tell::tell(session, &entries, &asked, &snapshot, &abroad)
        } else {
            write(session, &ports, &snapshot, columns.clone())
        }
    })?;
    let options = &session.options;
    if session.format == Format::Table && options.sort.is_some() && options.columns.is_none() {
        session.tell("note: --sort lists the sockets; omit it for the story of the port");
    }
    let mut report = snapshot.report.clone();
    if is_story(session) {
        report.problems.retain(|problem| !Abroad::is_told(problem));
    }
    session.notes(&report);
    if !found && (!is_story(session) || !filter.is_empty()) {
        session.tell_nothing(&report, &nothing());
    }
    Ok(session.exit(&snapshot.report, found))
}

/// `--pids`: of who holds a port. Whoever only uses it (a client whose peer has it, a connection
/// that was accepted) is not among them, unless a filter chose the sockets.
fn holders(asked: &[PortRange], filter: &Filter, snapshot: &Snapshot) -> pids::Found {
    let holds = |socket: &&Socket| {
        let state = socket.state;
        let bound = matches!(state, State::BoundInactive | State::Close);
        let port = socket.local.port();
        let is_asked = port.is_some_and(|port| asked.iter().any(|range| range.contains(port)));
        is_asked && (bound || StateSet::LISTENING.contains(state))
    };
    let rows = snapshot.sockets.iter();
    let chosen: Vec<_> = if filter.is_empty() {
        rows.filter(holds).collect()
    } else {
        rows.collect()
    };
    pids::Found::of(&chosen, &snapshot.facts, snapshot.report.clone())
}

/// Why there is nobody to tell: no socket was `found`, or none that holds the port.
fn why_nobody(entries: &[PortEntry], found: bool) -> String {
    let in_use = entries.iter().any(PortEntry::in_use);
    match (found, in_use) {
        (false, true) => "no socket of the port matches".to_owned(),
        (false, false) => "nothing holds the port here".to_owned(),
        (true, _) => "nothing holds the port, only connections use it; select them with \
                      a filter (state=established)"
            .to_owned(),
    }
}

/// Whether a story is told, and no rows: whoever chooses or sorts columns wants rows.
fn is_story(session: &Session) -> bool {
    let options = &session.options;
    session.format == Format::Table && options.columns.is_none() && options.sort.is_none()
}

/// Asks for every socket of the ports: of both families, because an IPv6 socket may hold the
/// IPv4 port too; of no raw one, whose "port" is the number of a protocol.
fn ask(session: &Session, asked: &[PortRange], filter: &Filter) -> Result<Request, Usage> {
    let mut request = session.request(StateSet::ALL, filter.clone())?;
    let query = &mut request.query;
    query.protocols.raw = false;
    if !query.protocols.tcp && !query.protocols.udp {
        return Err(Usage::new("raw sockets have no ports").hint("sockscope listen -w lists them"));
    }
    query.families = FamilySet::BOTH;
    query.states = StateSet::ALL;
    query.need(filter.needs().and(Needs::MEMORY));
    if query.needs.has(Needs::OWNERS) && (session.wants_json() || is_story(session)) {
        query.need(Needs::BACKGROUND);
    }
    if session.format == Format::Table && query.needs.has(Needs::OWNERS) {
        // The story tells of commands, users and start times.
        query.need(Needs::PROCESSES.and(Needs::USERS));
    }
    request.filter = Filter::ports(asked.to_vec());
    Ok(request)
}

/// The rows for programs, and in JSON the ports beside them.
fn write(
    session: &Session,
    ports: &PortsPart<'_>,
    snapshot: &Snapshot,
    columns: Columns,
) -> Result<(), Failure> {
    let limit = session.options.limit.unwrap_or(usize::MAX);
    let shown = snapshot.sockets.get(..limit).unwrap_or(&snapshot.sockets);
    let mut writer: Box<dyn RowWriter> = if session.format == Format::Json {
        let mut envelope = Envelope::new(session.out(), session.head("port"), true);
        envelope.add(ports)?;
        Box::new(envelope)
    } else {
        session.row_writer("port", columns)
    };
    writer.begin()?;
    writer.rows(shown, &snapshot.facts)?;
    writer.end(&snapshot.report)?;
    Ok(())
}
