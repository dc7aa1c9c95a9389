//! Everything about one socket, for a person: grouped, with units, on one screen.

mod facts;
pub mod json;
mod tcp;

use std::io::{self, Write};

use crate::columns::{self, Row};
use crate::model::{Peer, Role};
use crate::text::beside;
use crate::text::beside::Told;
use crate::text::cell::{Style, write_value};
use crate::text::grid::{Cell, Frame};
use crate::text::theme::{Tone, state_tone};

/// Width of the words before a group.
const LABEL: usize = 10;

/// A socket with what is known of it, and the other end where that is on this host.
#[derive(Clone, Copy, Debug)]
pub struct Inspected<'a> {
    /// The socket.
    pub row: Row<'a>,
    /// The socket at the other end.
    pub other: Option<Row<'a>>,
}

/// A group of facts: its name, and lines of parts.
struct FactGroup {
    name: &'static str,
    lines: Vec<Told>,
}

/// Tells of one socket and of its other end.
///
/// # Errors
/// What writing says.
pub fn tell(
    out: &mut dyn Write,
    inspected: Inspected<'_>,
    now: i64,
    frame: &Frame,
) -> io::Result<()> {
    heading(out, inspected.row, "", frame)?;
    write_groups(out, &groups(inspected.row, now), frame)?;
    if let Some(other) = inspected.other {
        heading(out, other, "the other end: ", frame)?;
        write_groups(out, &groups(other, now), frame)?;
    }
    Ok(())
}

/// All groups of a socket; those that it cannot have are not among them.
fn groups(row: Row<'_>, now: i64) -> Vec<FactGroup> {
    let mut groups = vec![
        facts::who(row, now),
        facts::socket(row),
        facts::queues(row),
        facts::memory(row),
    ];
    groups.push(facts::timers(row));
    if let Some(info) = row.socket.tcp.as_deref() {
        groups.extend([
            tcp::path(info),
            tcp::congestion(row, info),
            tcp::counters(info),
        ]);
    }
    groups.retain(|group| !group.lines.is_empty());
    groups
}

/// `tcp ESTABLISHED  127.0.0.1:8080 <- 127.0.0.1:40312`.
fn heading(out: &mut dyn Write, row: Row<'_>, before: &str, frame: &Frame) -> io::Result<()> {
    let socket = row.socket;
    let (arrow, role) = match (&socket.peer, socket.role) {
        (Peer::None, None) => ("", ""),
        (Peer::None, Some(role)) => ("", role.name()),
        // The arrow is the role.
        (_, Some(Role::Inbound)) => (" <-", ""),
        (_, Some(Role::Outbound)) => (" ->", ""),
        _ => (" --", ""),
    };
    let text = |text: String, tone| Cell::new(text, tone);
    let kind = format!("{before}{} {}", socket.protocol.name(), socket.state);
    let local = text(format!("{}{arrow}", cell("local", row)), Tone::Strong);
    let peer = text(cell("peer", row), Tone::Strong);
    let mut parts = vec![local, peer, text(role.to_owned(), Tone::Quiet)];
    parts.retain(|part| !part.text.is_empty());
    let head = text(kind, state_tone(socket.state));
    let ends = Told::Parts(parts, " ");
    let label = Cell::new(format!("{}  ", head.text), head.tone);
    beside::write(out, &label, &ends, frame)
}

/// The text of a column for people.
fn cell(id: &str, row: Row<'_>) -> String {
    let mut text = String::new();
    if let Some(column) = columns::find(id) {
        write_value(&mut text, &(column.value)(row), Style::Person);
    }
    text
}

fn write_groups(out: &mut dyn Write, groups: &[FactGroup], frame: &Frame) -> io::Result<()> {
    for group in groups {
        let mut name = group.name;
        for line in &group.lines {
            let label = Cell::new(format!("  {name:LABEL$}  "), Tone::Quiet);
            beside::write(out, &label, line, frame)?;
            // The name stands once.
            name = "";
        }
    }
    Ok(())
}

/// A part without a tone of its own.
fn plain(text: impl Into<String>) -> Cell {
    Cell::new(text, Tone::Normal)
}

#[cfg(test)]
mod tests;
