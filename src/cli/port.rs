//! `sockscope port PORT...`: the story of a port.

use std::collections::BTreeMap;
use std::io::Write;

use super::list::{self, Order};
use super::session::{Session, Usage};
use super::{Exit, Failure, pids};
use crate::analyze::port::{self, ByPort, PortEntry};
use crate::collect::{HeldElsewhere, listeners_elsewhere, settings};
use crate::filter::Filter;
use crate::model::{FamilySet, PortRange, Problem, Protocol, Snapshot, Socket, State, StateSet};
use crate::pipeline::{self, Request};
use crate::query::ProcessDetail;
use crate::render::json::Envelope;
use crate::render::ports::PortsPart;
use crate::render::story::{self, Telling};
use crate::render::theme::Tone;
use crate::render::{Columns, Format, RowWriter};

const COLUMNS: &[&str] = &[
    "protocol", "state", "recv_q", "send_q", "local", "peer", "role", "pid", "comm",
];

pub(super) fn run(session: &Session, words: &[String], pids_only: bool) -> Result<Exit, Failure> {
    let (asked, filter) = read_words(words)?;
    let columns = session.columns(COLUMNS, COLUMNS)?;
    let order = session.sort()?;
    let request = session.with_needs(ask(session, &asked, &filter)?, &columns);
    let mut snapshot = pipeline::snapshot(&request)?;
    port::assign_roles(&mut snapshot.sockets, &asked);
    // Whether a port is in use is told by all of its sockets, whatever rows are wanted.
    let entries = port::entries(&asked, request.query.protocols, &snapshot.sockets);
    let by_port = ByPort::new(&snapshot.sockets);
    let ports = PortsPart::new(&entries, &by_port, &snapshot.facts);
    note_elsewhere(&request, &entries, &mut snapshot);
    let families = session.families();
    let Snapshot { sockets, facts, .. } = &mut snapshot;
    let states = session.states(StateSet::ALL);
    sockets.retain(|s| {
        families.contains(s.family) && states.contains(s.state) && filter.matches(s, facts)
    });
    if pids_only {
        let found = holders(&asked, &filter, &snapshot);
        let in_use = entries.iter().any(PortEntry::in_use);
        return found.tell(session, || why_nobody(in_use, snapshot.sockets.len()));
    }
    if let Some((column, reverse)) = order {
        list::sort(sockets, facts, Order::Column(column, reverse));
    }
    session.forms(|session| {
        if session.format == Format::Table && !wants_rows(session) {
            tell(session, &entries, &snapshot)
        } else {
            write(session, &ports, &snapshot, columns.clone())
        }
    })?;
    session.notes(&snapshot.report);
    Ok(session.exit(&snapshot.report, !snapshot.sockets.is_empty()))
}

/// `--pids`: of who holds a port. Whoever only uses it (a client whose peer has it, a connection
/// that was accepted) is not among them, unless a filter chose the sockets.
fn holders(asked: &[PortRange], filter: &Filter, snapshot: &Snapshot) -> pids::Found {
    let holds = |socket: &&Socket| {
        let state = socket.state;
        let bound = matches!(state, State::BoundInactive | State::Close);
        let is_asked = asked.iter().any(|range| range.contains(socket.local.port));
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

/// Why `--pids` has nobody to tell, where `rows` sockets match.
fn why_nobody(in_use: bool, rows: usize) -> String {
    match rows {
        0 if in_use => "no socket of the port matches".to_owned(),
        0 => "nothing holds the port here".to_owned(),
        _ => "nothing holds the port, it is only used by connections; a filter chooses among \
              them (role=inbound)"
            .to_owned(),
    }
}

/// Who chooses, sorts or counts rows wants rows, and not the story.
fn wants_rows(session: &Session) -> bool {
    let options = &session.options;
    options.columns.is_some() || options.sort.is_some() || options.limit.is_some()
}

/// Ports first, then a filter: it begins with the first word that has a letter or a sign.
fn read_words(words: &[String]) -> Result<(Vec<PortRange>, Filter), Usage> {
    let is_port = |word: &&String| {
        let of_ports = |c: char| c.is_ascii_digit() || c == ',' || c == '-';
        word.is_empty() || word.chars().all(of_ports)
    };
    let count = words.iter().take_while(is_port).count();
    let (ports, filter) = words.split_at(count.max(1).min(words.len()));
    let mut asked = Vec::new();
    for word in ports {
        asked.extend(PortRange::parse_list(word).map_err(Usage::new)?);
    }
    if asked.iter().any(|range| range.last == 0) {
        return Err(
            Usage::new("port 0 is no port: it asks the kernel for any that is free")
                .hint("give a port from 1 to 65535"),
        );
    }
    if asked.is_empty() {
        return Err(Usage::new("which port?").hint("for example: sockscope port 8080"));
    }
    Ok((asked, Session::filter(filter)?))
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
    query.memory = true;
    query.users |= filter.needs_users();
    if query.owners != ProcessDetail::None {
        query.owners = query.owners.max(filter.process_detail());
        if session.format == Format::Table {
            // The story tells of commands, users and start times.
            query.owners = ProcessDetail::Full;
            query.users = true;
        }
    }
    request.filter = Filter::ports(asked.to_vec());
    Ok(request)
}

/// Says where a port that is wholly free here is held instead: one namespace by name, further
/// ones by number.
fn note_elsewhere(request: &Request, entries: &[PortEntry], snapshot: &mut Snapshot) {
    let in_use = |port| entries.iter().any(|e| e.port == port && e.in_use());
    let free: Vec<_> = entries
        .iter()
        .filter(|entry| !in_use(entry.port))
        .map(|entry| (entry.port, entry.protocol))
        .collect();
    if free.is_empty() {
        return;
    }
    let elsewhere = listeners_elsewhere(&request.query, &free);
    let problems = &mut snapshot.report.problems;
    for (port, protocol) in free {
        let is_this = |held: &&HeldElsewhere| (held.port, held.protocol) == (port, protocol);
        let mut held = elsewhere.held.iter().filter(is_this);
        let Some(HeldElsewhere { netns, pid, .. }) = held.next() else {
            continue;
        };
        let name = protocol.name();
        let places = match held.count() {
            0 => format!("another network namespace (net:[{netns}])"),
            more => format!(
                "{} other network namespaces, net:[{netns}] for one",
                more + 1
            ),
        };
        let message = format!("{name} port {port} is free here, but held in {places}");
        let hint = format!("nsenter -t {pid} -n sockscope port {port}");
        problems.push(Problem::new("held_elsewhere", message).hint(hint));
    }
    if elsewhere.unseen > 0 {
        let count = elsewhere.unseen;
        let message = match count {
            1 => "another network namespace could not be looked into".to_owned(),
            count => format!("{count} other network namespaces could not be looked into"),
        };
        let problem = Problem::new("namespaces_unseen", message).count(count);
        problems.push(problem.hint("run as root to see who holds the port there"));
    }
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

/// The story: each port with something to tell, then a line for each that is free.
fn tell(session: &Session, entries: &[PortEntry], snapshot: &Snapshot) -> Result<(), Failure> {
    let mut out = session.out();
    let telling = Telling {
        sockets: &ByPort::new(&snapshot.sockets),
        facts: &snapshot.facts,
        theme: session.theme,
        width: session.width(),
        now: session.now.as_second(),
    };
    let is_told = |entry: &&PortEntry| entry.in_use() || !entry.outbound_by_state.is_empty();
    let mut first = true;
    for entry in entries.iter().filter(is_told) {
        if !std::mem::replace(&mut first, false) {
            writeln!(out)?;
        }
        story::tell(&mut out, entry, telling)?;
    }
    let mut free: BTreeMap<u16, Vec<Protocol>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| !entry.in_use()) {
        free.entry(entry.port).or_default().push(entry.protocol);
    }
    for (port, protocols) in free {
        let wholly = entries
            .iter()
            .filter(|e| e.port == port)
            .all(|e| !e.in_use());
        let tone = if wholly { Tone::Calm } else { Tone::Quiet };
        let names: Vec<_> = protocols.iter().map(|protocol| protocol.name()).collect();
        let text = if wholly {
            format!("port {port} is free ({})", names.join(" and "))
        } else {
            format!("{} {port}  not in use here", names.join(" and "))
        };
        let advice = if wholly { advice(port) } else { String::new() };
        writeln!(out, "{}{advice}", session.theme.paint(&text, tone))?;
    }
    if entries.is_empty() {
        writeln!(out, "no port of that range is in use here")?;
    }
    out.flush()?;
    Ok(())
}

/// What one should know before binding a free port.
fn advice(port: u16) -> String {
    let first_unprivileged = "net.ipv4.ip_unprivileged_port_start";
    let kernel = settings(&[first_unprivileged, "net.ipv4.ip_local_port_range"]);
    let unprivileged = kernel.number(first_unprivileged).unwrap_or(1024);
    if port > 0 && u64::from(port) < unprivileged {
        return format!("; below {unprivileged} a bind needs root or CAP_NET_BIND_SERVICE");
    }
    match kernel.ephemeral_range() {
        Some(range) if range.contains(port) => format!(
            "; it lies in the range for outgoing connections ({}-{}), so one may take it",
            range.first, range.last
        ),
        _ => String::new(),
    }
}
