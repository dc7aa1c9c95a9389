//! The table for people.

use std::io::{self, Write};

use super::{Change, DiffSide, DiffView};
use crate::analyze::states::StatesView;
use crate::columns::{self, Align, Column, Kind, Row};
use crate::model::foreign::safe_line;
use crate::model::{Event, RowKind, State};
use crate::text::Columns;
use crate::text::cell::{Style, write_value};
use crate::text::fit::Fit;
use crate::text::grid;
use crate::text::grid::{Cell, Frame, Give, GridColumn};
use crate::text::theme::{Tone, state_tone};
use crate::view::list::{cells, grid_columns, tell_left_out};

/// Rows that are laid out together; more of them follow in the same widths.
const HELD: usize = 1000;

/// Draws both heads, the counts by state, and what differs.
///
/// # Errors
/// What writing says.
pub fn table(
    out: &mut dyn Write,
    view: &DiffView<'_>,
    columns: &Columns,
    frame: &Frame,
) -> io::Result<()> {
    if frame.header {
        heads(out, view, frame)?;
    }
    if let (Some(before), Some(after)) = (&view.before.states, &view.after.states) {
        counts(out, before, after, frame)?;
    }
    if view.changes.is_empty() {
        return Ok(());
    }
    match view.kind {
        RowKind::Socket => sockets(out, view, columns, frame),
        _ => entries(out, view, frame),
    }
}

/// One line below the table.
#[must_use]
pub fn summary(view: &DiffView<'_>) -> String {
    let kind = view.kind.plural();
    let [opened, closed, changed] = view.found;
    let counts = view.before.states.as_ref().zip(view.after.states.as_ref());
    let counts_differ = counts.is_some_and(|(before, after)| before != after);
    if opened + closed + changed == 0 && counts_differ {
        return format!("only the counts differ; {kind}: {}", view.after.raw.len());
    }
    if opened + closed + changed == 0 {
        return match view.after.raw.len() {
            1 => format!("nothing differs: 1 {}", view.kind.name()),
            count => format!("nothing differs between {count} {kind}"),
        };
    }
    let shown = view.changes.len();
    let cut = if shown < opened + closed + changed {
        format!(", {shown} of them shown")
    } else {
        String::new()
    };
    match view.kind {
        RowKind::Socket => format!("{opened} opened, {closed} closed, {changed} changed{cut}"),
        _ => format!("{kind}: {opened} new, {closed} gone, {changed} changed{cut}"),
    }
}

/// When and where both answers are from, and of what.
fn heads(out: &mut dyn Write, view: &DiffView<'_>, frame: &Frame) -> io::Result<()> {
    let columns = [
        GridColumn::new("", Align::Left),
        GridColumn::new("COLLECTED AT", Align::Left).giving(Give::Name),
        GridColumn::new("HOST", Align::Left).giving(Give::Name),
        GridColumn::new("COMMAND", Align::Left).giving(Give::Name),
        GridColumn::new(&view.kind.plural().to_uppercase(), Align::Right),
    ];
    let row = |name: &str, side: &DiffSide<'_>| {
        let command = side.command.unwrap_or("-");
        vec![
            Cell::new(name, Tone::Strong),
            Cell::new(safe_line(side.collected_at), Tone::Normal).whole(),
            Cell::new(safe_line(side.host), Tone::Normal),
            Cell::new(safe_line(command), Tone::Normal),
            Cell::new(side.raw.len().to_string(), Tone::Normal),
        ]
    };
    let rows = [row("before", &view.before), row("after", &view.after)];
    grid::draw(out, &columns, &rows, frame)
}

/// The states that occur in either, and UDP.
fn counts(
    out: &mut dyn Write,
    before: &StatesView,
    after: &StatesView,
    frame: &Frame,
) -> io::Result<()> {
    let mut rows = Vec::new();
    let mut known: Vec<State> = before.total.all().map(|(state, _)| state).collect();
    known.extend(after.total.all().map(|(state, _)| state));
    known.sort_unstable();
    known.dedup();
    for state in known {
        let counts = (before.total.of(state), after.total.of(state));
        rows.extend(count_row(state.to_string(), counts, state_tone(state)));
    }
    for (name, counts) in [
        ("udp bound", (before.udp.unconnected, after.udp.unconnected)),
        ("udp connected", (before.udp.connected, after.udp.connected)),
    ] {
        rows.extend(count_row(name.to_owned(), counts, Tone::Calm));
    }
    if rows.is_empty() {
        return Ok(());
    }
    if frame.header {
        writeln!(out)?;
    }
    let columns = [
        GridColumn::new("STATE", Align::Left),
        GridColumn::new("BEFORE", Align::Right),
        GridColumn::new("AFTER", Align::Right),
        GridColumn::new("DIFFERENCE", Align::Right),
    ];
    grid::draw(out, &columns, &rows, frame)
}

fn count_row(name: String, (was, is): (u64, u64), tone: Tone) -> Option<Vec<Cell>> {
    if was == 0 && is == 0 {
        return None;
    }
    let (difference, of_difference) = match is.cmp(&was) {
        std::cmp::Ordering::Less => (format!("-{}", was - is), Tone::Strong),
        std::cmp::Ordering::Equal => ("0".to_owned(), Tone::Quiet),
        std::cmp::Ordering::Greater => (format!("+{}", is - was), Tone::Strong),
    };
    Some(vec![
        Cell::new(name, tone),
        Cell::new(was.to_string(), Tone::Normal),
        Cell::new(is.to_string(), Tone::Normal),
        Cell::new(difference, of_difference),
    ])
}

fn mark(event: Event) -> Cell {
    match event {
        Event::Present | Event::Opened => Cell::new("+", Tone::Calm),
        Event::Closed => Cell::new("-", Tone::Bad),
        Event::Changed => Cell::new("~", Tone::Waiting),
    }
}

fn sockets(
    out: &mut dyn Write,
    view: &DiffView<'_>,
    columns: &Columns,
    frame: &Frame,
) -> io::Result<()> {
    let asked = columns.asked.as_slice();
    let columns = columns.table.as_slice();
    let mut grid = vec![GridColumn::new("", Align::Left)];
    grid.extend(grid_columns(columns, asked));
    grid.push(GridColumn::new("CHANGED", Align::Left).giving(Give::Prose));
    let fit = draw(out, view, &grid, frame, |change| {
        let mut row = vec![mark(change.event)];
        if let Some(now) = view.row(change) {
            let mut told = cells(columns, now);
            if let Some(previous) = change.previous_state {
                for (cell, _) in told
                    .iter_mut()
                    .zip(columns)
                    .filter(|(_, c)| c.kind == Kind::State)
                {
                    cell.text = format!("{previous} -> {}", cell.text);
                }
            }
            row.extend(told);
        }
        row.push(Cell::new(aspects(view, change, columns), Tone::Normal));
        row
    })?;
    let (_, grid) = grid.split_at(1);
    tell_left_out(out, columns, grid, &fit.without_first(), frame)
}

/// What else than the state differs: `recv_q 0 -> 512, owners nginx 7 -> nginx 9`.
fn aspects(view: &DiffView<'_>, change: &Change, columns: &[&'static Column]) -> String {
    let was = change.before.and_then(|index| view.before.row(index));
    let is = change.after.and_then(|index| view.after.row(index));
    let (Some(was), Some(is)) = (was, is) else {
        return String::new();
    };
    let shows_state = columns.iter().any(|column| column.kind == Kind::State);
    let told = change
        .changes
        .iter()
        .filter(|aspect| !(shows_state && *aspect == "state"));
    let told = told.map(|aspect| {
        let column = columns::at_key(aspect);
        let text = |row| column.map_or_else(String::new, |column| value(column, row));
        let (was, is) = (text(was), text(is));
        if was == is {
            // Another descriptor, or further owners.
            return aspect.clone();
        }
        format!("{aspect} {was} -> {is}")
    });
    told.collect::<Vec<_>>().join(", ")
}

fn value(column: &Column, row: Row<'_>) -> String {
    let mut text = String::new();
    write_value(&mut text, &(column.value)(row), Style::Person);
    if text.is_empty() {
        text.push('-');
    }
    text
}

/// Rows that are no sockets: what they are about, and their figures.
fn entries(out: &mut dyn Write, view: &DiffView<'_>, frame: &Frame) -> io::Result<()> {
    let what = match view.kind {
        RowKind::Finding => "FINDING",
        RowKind::Pile => "PILE",
        RowKind::Value => "VALUE",
        _ => "GROUP",
    };
    let grid = [
        GridColumn::new("", Align::Left),
        GridColumn::new(what, Align::Left).giving(Give::Name),
        GridColumn::new("FIGURES", Align::Left).giving(Give::Prose),
    ];
    draw(out, view, &grid, frame, |change| {
        let label = view.entry(change).map_or("", |entry| entry.label.as_str());
        vec![
            mark(change.event),
            Cell::new(safe_line(label), Tone::Strong),
            Cell::new(figures(view, change), Tone::Normal),
        ]
    })?;
    Ok(())
}

/// `count 3 -> 10`; of what is only in one answer, all figures.
fn figures(view: &DiffView<'_>, change: &Change) -> String {
    let Some(entry) = view.entry(change) else {
        return String::new();
    };
    let told: Vec<String> = match view.entry_before(change) {
        Some(was) if change.event == Event::Changed => {
            let each = change.changes.iter();
            each.map(|name| {
                // A state of which there is none is not counted.
                let figure =
                    |entry: &crate::model::Entry| entry.record.text(name).unwrap_or("0").to_owned();
                format!("{name} {} -> {}", figure(was), figure(entry))
            })
            .collect()
        }
        _ => {
            let each = entry.record.texts();
            each.map(|(name, value)| format!("{name} {value}"))
                .collect()
        }
    };
    safe_line(&told.join(", "))
}

/// Draws the rows; beyond a thousand in the widths of the first thousand.
fn draw(
    out: &mut dyn Write,
    view: &DiffView<'_>,
    grid: &[GridColumn],
    frame: &Frame,
    row: impl Fn(&Change) -> Vec<Cell>,
) -> io::Result<Fit> {
    if frame.header {
        writeln!(out)?;
    }
    let (held, more) = view.changes.split_at(HELD.min(view.changes.len()));
    let held: Vec<_> = held.iter().map(&row).collect();
    let fit = grid::layout(grid, &held, frame);
    grid::draw_fitted(out, grid, &held, &fit, frame)?;
    for line in more
        .iter()
        .flat_map(|change| grid::row_lines(grid, &row(change), &fit, frame))
    {
        writeln!(out, "{line}")?;
    }
    Ok(fit)
}
