//! Counts by state as text: a table for people, lines for programs, JSON.

mod json;
mod program;

use std::io::{self, Write};

use crate::analyze::crowds::{Told, What};
use crate::analyze::states::{By, Group, GroupedBy, StatesView};
use crate::columns::Align;
use crate::model::State;
use crate::model::foreign::shown;
use crate::text::cell::reason;
use crate::text::grid;
use crate::text::grid::{Cell, Frame, Give, GridColumn};
use crate::text::theme::{Tone, state_tone};
use crate::text::units::counted;
use crate::text::wrap::sentence;

pub use json::{GroupKey, GroupRow, StatesAnswer, Totals};
pub use program::{csv, plain};

/// Draws a table of states, or of groups with a column for each state that occurs.
///
/// # Errors
/// What writing says.
pub fn table(
    out: &mut dyn Write,
    by: Option<By>,
    view: &StatesView,
    told: &[Told<'_>],
    frame: &Frame,
) -> io::Result<()> {
    let Some(by) = by else {
        return totals(out, view, frame);
    };
    groups(out, by, view, told, frame)?;
    if frame.header && told.iter().any(|line| line.what.is_crowd()) {
        let text = "told together: --sort -total lists each";
        sentence(out, text, Tone::Quiet, frame)?;
    }
    Ok(())
}

/// One line below the table.
#[must_use]
pub fn summary(view: &StatesView) -> String {
    let udp = view.udp;
    format!(
        "{}; {}: {} bound, {} connected",
        counted(view.total.total(), "TCP socket", "TCP sockets"),
        counted(udp.connected + udp.unconnected, "UDP socket", "UDP sockets"),
        udp.unconnected,
        udp.connected
    )
}

fn count_cell(state: State, count: u64) -> Cell {
    let tone = match count {
        0 => Tone::Quiet,
        _ => state_tone(state),
    };
    Cell::new(count.to_string(), tone)
}

/// Every state, those without a socket too.
fn totals(out: &mut dyn Write, view: &StatesView, frame: &Frame) -> io::Result<()> {
    let columns = [
        GridColumn::new("STATE", Align::Left),
        GridColumn::new("SOCKETS", Align::Right),
    ];
    let rows: Vec<_> = view
        .total
        .all()
        .map(|(state, count)| {
            let count = count_cell(state, count);
            vec![Cell::new(state.to_string(), count.tone), count]
        })
        .collect();
    grid::draw(out, &columns, &rows, frame)
}

fn groups(
    out: &mut dyn Write,
    by: By,
    view: &StatesView,
    told: &[Told<'_>],
    frame: &Frame,
) -> io::Result<()> {
    let states: Vec<State> = view.total.present().map(|(state, _)| state).collect();
    let mut columns = vec![key_column(by), GridColumn::new("TOTAL", Align::Right)];
    let of_state = |state: &State| GridColumn::new(&state.to_string(), Align::Right);
    columns.extend(states.iter().map(of_state));
    let rows: Vec<_> = told
        .iter()
        .map(|line| {
            let mut row = vec![
                told_cell(line.what),
                Cell::new(line.counts.total().to_string(), Tone::Strong),
            ];
            let cell = |&state: &State| count_cell(state, line.counts.of(state));
            row.extend(states.iter().map(cell));
            row
        })
        .collect();
    if frame.has_room_for(&columns, &rows) {
        return grid::draw(out, &columns, &rows, frame);
    }
    narrow_groups(out, by, told, frame)
}

/// Groups on a terminal that is too narrow for a column a state: the states in one cell.
fn narrow_groups(out: &mut dyn Write, by: By, told: &[Told<'_>], frame: &Frame) -> io::Result<()> {
    let columns = [
        key_column(by),
        GridColumn::new("TOTAL", Align::Right),
        GridColumn::new("STATES", Align::Left).giving(Give::Prose),
    ];
    let rows: Vec<_> = told
        .iter()
        .map(|line| {
            let states = line.counts.present();
            let states: Vec<String> = states.map(|(state, n)| format!("{n} {state}")).collect();
            vec![
                told_cell(line.what),
                Cell::new(line.counts.total().to_string(), Tone::Strong),
                Cell::new(states.join(", "), Tone::Normal),
            ]
        })
        .collect();
    grid::draw(out, &columns, &rows, frame)
}

const fn heading(by: By) -> &'static str {
    match by {
        By::Process => "PROCESS",
        By::Name => "NAME",
        By::Command => "COMMAND",
        By::User => "USER",
        By::Port => "PORT",
        By::Peer => "PEER",
        By::State => "STATE",
        By::Netns => "NETNS",
        By::Unit => "UNIT",
        By::Container => "CONTAINER",
    }
}

fn key_column(by: By) -> GridColumn {
    GridColumn::new(heading(by), Align::Left).giving(Give::Name)
}

/// What a line is about: `postgres x10`, `12 ephemeral ports`.
fn told_cell(what: What<'_>) -> Cell {
    match what {
        What::Group(group) => group_cell(group),
        What::Alike(comm, count) => {
            let tail = format!(" x{count}");
            Cell::new(format!("{}{tail}", shown(comm)), Tone::Normal).keeping(tail.len())
        }
        What::Ephemeral(count) => {
            Cell::new(format!("{count} ephemeral ports"), Tone::Quiet).whole()
        }
    }
}

/// The key of a group, and how many processes it gathers: `postgres x10`.
fn group_cell(group: &Group) -> Cell {
    let key = key_cell(&group.key, Tone::Normal);
    match group.processes {
        Some(count) if count > 1 => {
            let tail = format!(" x{count}");
            let kept = key.kept + tail.len();
            Cell::new(format!("{}{tail}", key.text), key.tone).keeping(kept)
        }
        _ => key,
    }
}

/// The key as a cell, of which a name gives way and a number does not.
#[must_use]
pub fn key_cell(key: &GroupedBy, tone: Tone) -> Cell {
    let cell = Cell::new(key_text(key), tone);
    match key {
        GroupedBy::Process { pid, .. } => cell.keeping(format!(" {pid}").len()),
        GroupedBy::Name(_)
        | GroupedBy::Command(_)
        | GroupedBy::User { name: Some(_), .. }
        | GroupedBy::Unit(_)
        | GroupedBy::Container(_) => cell,
        _ => cell.whole(),
    }
}

/// The key for people.
#[must_use]
pub fn key_text(key: &GroupedBy) -> String {
    match key {
        GroupedBy::Process { pid, comm } => format!("{} {pid}", shown(comm)),
        GroupedBy::Name(comm) => shown(comm).to_string(),
        GroupedBy::Command(command) => command
            .as_ref()
            .map_or_else(|| "-".to_owned(), |command| shown(command).to_string()),
        GroupedBy::NoOwner(status) => reason(*status).to_owned(),
        GroupedBy::User { uid, name } => match (name, uid) {
            (Some(name), _) => name.to_string(),
            (None, Some(uid)) => uid.to_string(),
            (None, None) => "(none recorded)".to_owned(),
        },
        GroupedBy::Port(port) => port.to_string(),
        GroupedBy::Peer(Some(address)) => address.to_string(),
        GroupedBy::Peer(None) => "(not connected)".to_owned(),
        GroupedBy::State(state) => state.to_string(),
        GroupedBy::Netns(netns) => netns.map_or_else(|| "-".to_owned(), |netns| netns.to_string()),
        GroupedBy::Unit(name) | GroupedBy::Container(name) => name
            .as_ref()
            .map_or_else(|| "-".to_owned(), ToString::to_string),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::states::UdpCounts;

    #[test]
    fn one_socket_is_not_several() {
        let mut view = StatesView {
            udp: UdpCounts {
                connected: 0,
                unconnected: 1,
            },
            ..StatesView::default()
        };
        assert_eq!(
            summary(&view),
            "0 TCP sockets; 1 UDP socket: 1 bound, 0 connected"
        );
        view.total.add(State::Listen);
        view.udp.connected = 1;
        assert_eq!(
            summary(&view),
            "1 TCP socket; 2 UDP sockets: 1 bound, 1 connected"
        );
    }
}
