//! `sockscope port PORT...`: the story of a port.

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::{Value as Json, json};

use super::list::{self, Order};
use super::session::{Session, Usage};
use super::{Exit, Failure};
use crate::analyze::port::{self, PortEntry};
use crate::collect::{HeldElsewhere, listeners_elsewhere};
use crate::filter::Filter;
use crate::model::{PortRange, Problem, Protocol, Snapshot, State, StateSet};
use crate::pipeline::{self, Request};
use crate::query::ProcessDetail;
use crate::render::json::Envelope;
use crate::render::story::{self, Telling};
use crate::render::theme::Tone;
use crate::render::{Columns, Format, RowWriter};
use crate::sys;

const COLUMNS: &[&str] = &[
    "protocol", "state", "recv_q", "send_q", "local", "peer", "role", "pid", "comm",
];

pub(super) fn run(session: &Session, words: &[String]) -> Result<Exit, Failure> {
    let (asked, filter) = read_words(words)?;
    let request = ask(session, &asked, filter)?;
    let mut snapshot = pipeline::snapshot(&request)?;
    port::assign_roles(&mut snapshot.sockets, &asked);
    let entries = port::entries(&asked, request.query.protocols, &snapshot.sockets);
    note_elsewhere(&request, &entries, &mut snapshot);
    let found = !snapshot.sockets.is_empty();
    let order = session.sort()?;
    if let Some((column, reverse)) = order {
        let order = Order::Column(column, reverse);
        list::sort(&mut snapshot.sockets, &snapshot.facts, order);
    }
    let columns = session.columns(COLUMNS, COLUMNS)?;
    // Who chooses columns wants rows.
    if session.format == Format::Table && session.options.columns.is_none() {
        tell(session, &entries, &snapshot)?;
    } else {
        write(session, &entries, &snapshot, columns)?;
    }
    session.notes(&snapshot.report);
    Ok(session.exit(&snapshot.report, found))
}

/// Ports first, then filters: words with an `=`.
fn read_words(words: &[String]) -> Result<(Vec<PortRange>, Filter), Usage> {
    let (filters, ports): (Vec<_>, Vec<_>) = words.iter().cloned().partition(|w| w.contains('='));
    let mut asked = Vec::new();
    for word in &ports {
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
    Ok((asked, Filter::parse(&filters)?))
}

fn ask(session: &Session, asked: &[PortRange], filter: Filter) -> Result<Request, Usage> {
    let protocols = session.protocols();
    if !protocols.tcp && !protocols.udp {
        return Err(Usage::new("raw sockets have no ports").hint("sockscope listen -w lists them"));
    }
    let filter = Filter::ports(asked.to_vec()).and(filter);
    let mut request = session.request(StateSet::ALL, filter)?;
    request.query.memory = true;
    if request.query.owners != ProcessDetail::None && session.format == Format::Table {
        // The story tells of commands, users and start times.
        request.query.owners = ProcessDetail::Full;
    }
    Ok(request)
}

/// Says where a port that is wholly free here is held instead.
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
    for held in listeners_elsewhere(&request.query, &free) {
        let HeldElsewhere {
            port,
            protocol,
            netns,
            pid,
        } = held;
        let name = protocol.name();
        let message = format!(
            "{name} port {port} is free here, but held in another network namespace (net:[{netns}])"
        );
        let hint = format!("nsenter -t {pid} -n sockscope port {port}");
        let problem = Problem::new("held_elsewhere", message).hint(hint);
        snapshot.report.problems.push(problem);
    }
}

/// The rows for programs, and in JSON the ports beside them.
fn write(
    session: &Session,
    entries: &[PortEntry],
    snapshot: &Snapshot,
    columns: Columns,
) -> Result<(), Failure> {
    let limit = session.options.limit.unwrap_or(usize::MAX);
    let shown = snapshot.sockets.get(..limit).unwrap_or(&snapshot.sockets);
    let mut writer: Box<dyn RowWriter> = if session.format == Format::Json {
        let mut envelope = Envelope::new(session.out(), session.head("port"), true);
        envelope.add(
            "ports",
            entries.iter().map(|e| to_json(e, snapshot)).collect(),
        );
        Box::new(envelope)
    } else {
        session.row_writer("port", columns)
    };
    writer.begin()?;
    writer.rows(shown, &snapshot.facts)?;
    writer.end(&snapshot.report)?;
    Ok(())
}

fn to_json(entry: &PortEntry, snapshot: &Snapshot) -> Json {
    let counts = |by_state: &BTreeMap<State, u64>| -> Json {
        let counts = by_state.iter();
        Json::Object(
            counts
                .map(|(state, n)| (state.to_string(), (*n).into()))
                .collect(),
        )
    };
    let blockers = entry.blocked_by.iter().map(|blocker| {
        let held = snapshot.sockets.iter().filter(|s| {
            s.protocol == entry.protocol && s.local.port == entry.port && s.state == blocker.state
        });
        let mut pids: Vec<u32> = held
            .flat_map(|s| snapshot.facts.owner_processes(s).map(|p| p.pid))
            .collect();
        pids.sort_unstable();
        pids.dedup();
        json!({
            "reason": blocker.reason.name(),
            "state": blocker.state.to_string(),
            "count": blocker.count,
            "pids": pids,
            "message": blocker.reason.explanation(),
        })
    });
    json!({
        "port": entry.port,
        "protocol": entry.protocol.name(),
        "in_use": entry.in_use(),
        "listeners": entry.listeners(),
        "by_state": counts(&entry.by_state),
        "outbound_by_state": counts(&entry.outbound_by_state),
        "blocked_by": blockers.collect::<Vec<_>>(),
    })
}

/// The story: each port with something to tell, then a line for each that is free.
fn tell(session: &Session, entries: &[PortEntry], snapshot: &Snapshot) -> Result<(), Failure> {
    let mut out = session.out();
    let telling = Telling {
        sockets: &snapshot.sockets,
        facts: &snapshot.facts,
        theme: session.theme,
        width: sys::terminal::width(),
        now: session.now.as_second(),
    };
    let is_told = |entry: &&PortEntry| entry.in_use() || !entry.outbound_by_state.is_empty();
    let limit = session.options.limit.unwrap_or(usize::MAX);
    let mut first = true;
    for entry in entries.iter().filter(is_told).take(limit) {
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
    let unprivileged = sys::proc::sysctl("net/ipv4/ip_unprivileged_port_start").unwrap_or(1024);
    if port > 0 && u64::from(port) < unprivileged {
        return format!("; below {unprivileged} a bind needs root or CAP_NET_BIND_SERVICE");
    }
    match sys::proc::sysctl_pair("net/ipv4/ip_local_port_range") {
        Some((first, last)) if (first..=last).contains(&u64::from(port)) => format!(
            "; it lies in the range for outgoing connections ({first}-{last}), so one may take it"
        ),
        _ => String::new(),
    }
}
