//! Everything about one socket, for a person: grouped, with units, on one screen.

mod facts;
pub mod json;
mod tcp;

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::grid::{Cell, Frame, cut};
use super::text::{Style, write_value};
use super::theme::{Tone, state_tone};
use crate::columns::{self, Row};
use crate::model::{Facts, Role, Socket};

/// Width of the words before a group.
const LABEL: usize = 10;
/// Blanks before the parts of a group: two before the label, two behind it.
const INDENT: usize = LABEL + 4;

/// A socket with what is known of it, and the other end where that is on this host.
#[derive(Clone, Copy, Debug)]
pub struct Inspected<'a> {
    /// The socket.
    pub row: Row<'a>,
    /// The socket at the other end.
    pub other: Option<Row<'a>>,
}

/// A group of facts: its name, and lines of parts.
struct Group {
    name: &'static str,
    lines: Vec<Line>,
}

/// What stands together; where the terminal is narrow it goes on in a new line.
enum Line {
    /// Facts, each of which is kept whole.
    Parts(Vec<Cell>),
    /// Text that is cut.
    Long(Cell),
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
fn groups(row: Row<'_>, now: i64) -> Vec<Group> {
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
    let paint = |text: &str, tone| frame.theme.paint(text, tone);
    let (arrow, role) = match (socket.peer, socket.role) {
        (None, None) => ("", ""),
        (None, Some(role)) => ("", role.name()),
        // The arrow tells the role.
        (_, Some(Role::Inbound)) => (" <- ", ""),
        (_, Some(Role::Outbound)) => (" -> ", ""),
        _ => (" -- ", ""),
    };
    let ends = format!("{}{arrow}{}", cell("local", row), cell("peer", row));
    let line = format!(
        "{}{} {}  {}  {}",
        paint(before, Tone::Quiet),
        socket.protocol.name(),
        paint(&socket.state.to_string(), state_tone(socket.state)),
        paint(&ends, Tone::Strong),
        paint(role, Tone::Quiet),
    );
    writeln!(out, "{}", line.trim_end())
}

/// The text of a column for people.
fn cell(id: &str, row: Row<'_>) -> String {
    let mut text = String::new();
    if let Some(column) = columns::find(id) {
        write_value(&mut text, &(column.value)(row), Style::Person);
    }
    text
}

fn write_groups(out: &mut dyn Write, groups: &[Group], frame: &Frame) -> io::Result<()> {
    for group in groups {
        let mut name = group.name;
        for line in &group.lines {
            let label = format!("{name:LABEL$}");
            write!(out, "  {}  ", frame.theme.paint(&label, Tone::Quiet))?;
            write_line(out, line, frame)?;
            // The name stands once.
            name = "";
        }
    }
    Ok(())
}

fn write_line(out: &mut dyn Write, line: &Line, frame: &Frame) -> io::Result<()> {
    let room = frame.width.map(|width| width.saturating_sub(INDENT));
    let parts = match line {
        Line::Parts(parts) => parts,
        Line::Long(cell) => {
            let text = room.map_or_else(|| cell.text.clone(), |room| cut(&cell.text, room));
            return writeln!(out, "{}", frame.theme.paint(&text, cell.tone));
        }
    };
    let mut used = 0;
    for (place, part) in parts.iter().enumerate() {
        let wide = part.text.width();
        if place > 0 {
            // The comma stays on the line that it ends.
            let comma = usize::from(place + 1 < parts.len());
            let breaks = room.is_some_and(|room| used + 2 + wide + comma > room);
            if breaks {
                write!(out, ",\n{:INDENT$}", "")?;
                used = 0;
            } else {
                write!(out, ", ")?;
                used += 2;
            }
        }
        write!(out, "{}", frame.theme.paint(&part.text, part.tone))?;
        used += wide;
    }
    writeln!(out)
}

/// A part without a tone of its own.
fn plain(text: impl Into<String>) -> Cell {
    Cell::new(text, Tone::Normal)
}

impl<'a> Inspected<'a> {
    /// A socket without its other end.
    #[must_use]
    pub const fn alone(socket: &'a Socket, facts: &'a Facts) -> Self {
        Self {
            row: Row { socket, facts },
            other: None,
        }
    }
}

#[cfg(test)]
mod tests;
