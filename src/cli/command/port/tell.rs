//! The story of the ports on a terminal, and a line for each that is free.

use std::collections::{BTreeMap, HashSet};
use std::io::Write;

use crate::analyze::crowds::ephemeral_entries;
use crate::analyze::port::{ByPort, PortEntry};
use crate::cli::command::abroad::Abroad;
use crate::cli::exit::Failure;
use crate::cli::session::Session;
use crate::cli::session::scope::listed;
use crate::collect::settings;
use crate::model::{Kernel, PortRange, Protocol, Snapshot};
use crate::text::theme::Tone;
use crate::text::units::counted;
use crate::text::wrap::sentence;
use crate::view::story;
use crate::view::story::Telling;

/// Settings that say what may be bound, and what outgoing connections may take.
const SETTINGS: [&str; 3] = [
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
];

/// The story: each port with something to tell, then a line for each that is free.
pub(super) fn tell(
    session: &Session,
    entries: &[PortEntry],
    asked: &[PortRange],
    snapshot: &Snapshot,
    abroad: &Abroad,
) -> Result<(), Failure> {
    let mut out = session.out();
    let kernel = settings(&session.host, &SETTINGS);
    let telling = Telling {
        sockets: &ByPort::new(&snapshot.sockets),
        facts: &snapshot.facts,
        kernel: &kernel,
        theme: session.theme,
        width: session.width(),
        now: session.now.as_second(),
        limit: session.options.limit,
        may_be_root: !session.host.is_root() && !session.host.is_recorded(),
    };
    let ephemeral = ephemeral_entries(entries, asked, kernel.ephemeral_range());
    let together: HashSet<_> = ephemeral
        .iter()
        .map(|one| (one.port, one.protocol))
        .collect();
    let is_alone = |entry: &&PortEntry| !together.contains(&(entry.port, entry.protocol));
    let is_used = |entry: &PortEntry| entry.in_use() || !entry.blocked_by.is_empty();
    let is_told = |entry: &&PortEntry| is_used(entry) || !entry.outbound_by_state.is_empty();
    let mut first = true;
    for entry in entries.iter().filter(is_told).filter(is_alone) {
        if !std::mem::replace(&mut first, false) {
            writeln!(out)?;
        }
        story::tell(&mut out, entry, telling)?;
    }
    tell_ephemeral(&mut out, &ephemeral, session)?;
    let mut free: BTreeMap<u16, Vec<Protocol>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| !is_used(entry)) {
        free.entry(entry.port).or_default().push(entry.protocol);
    }
    for (port, protocols) in free {
        let of_port = entries.iter().filter(|entry| entry.port == port).count();
        let names: Vec<_> = protocols.iter().map(|protocol| protocol.name()).collect();
        let names = listed(&names);
        if protocols.len() < of_port {
            let text = format!("{names} {port}  not in use here{}", family(session));
            sentence(&mut out, &text, Tone::Quiet, &session.frame())?;
            continue;
        }
        let far = if snapshot.report.complete() {
            ""
        } else {
            ", as far as can be seen"
        };
        let held = abroad.sentence(|one| one == port);
        let here = if held.is_empty() { "" } else { " here" };
        let text = format!(
            "port {port} is free{here}{far} ({names}{})",
            family(session)
        );
        let text = format!("{text}{held}{}", advice(port, &kernel));
        sentence(&mut out, &text, Tone::Calm, &session.frame())?;
    }
    let of_range = |port| entries.iter().all(|entry| entry.port != port);
    if entries.is_empty() || abroad.ports().into_iter().any(of_range) {
        let (left_out, held) = (session.left_out(), abroad.sentence(of_range));
        let text = format!("no port of that range is in use here{left_out}{held}");
        sentence(&mut out, &text, Tone::Normal, &session.frame())?;
    }
    out.flush()?;
    Ok(())
}

/// One line for the ports that come and go.
fn tell_ephemeral(
    out: &mut dyn Write,
    entries: &[&PortEntry],
    session: &Session,
) -> Result<(), Failure> {
    if entries.is_empty() {
        return Ok(());
    }
    let connections: u64 = entries.iter().flat_map(|e| e.by_state.values()).sum();
    let text = format!(
        "{} ephemeral ports, {} (--sort lport lists them)",
        entries.len(),
        counted(connections, "connection", "connections")
    );
    sentence(out, &text, Tone::Normal, &session.frame())?;
    Ok(())
}

/// The family, where only one was looked at.
fn family(session: &Session) -> &'static str {
    match session.families() {
        families if !families.is_one() => "",
        families if families.v4 => ", IPv4 only",
        _ => ", IPv6 only",
    }
}

/// What one should know before binding a free port.
fn advice(port: u16, kernel: &Kernel) -> String {
    let unprivileged = "net.ipv4.ip_unprivileged_port_start";
    let unprivileged = kernel.number(unprivileged).unwrap_or(1024);
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
