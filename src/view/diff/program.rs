//! Lines for programs: plain and csv, one line a change.

use std::io::{self, Write};

use super::{Change, DiffView};
use crate::columns::{Align, Column, Value};
use crate::model::foreign::escape;
use crate::model::{Event, RowKind};
use crate::text::Format;
use crate::text::cell::{Style, fill, write_value};
use crate::text::csv::{harmless, is_foreign, to_io};
use crate::text::plain::push_cells;
use crate::text::records;

/// What stands before the columns of a socket.
const BEFORE: [&str; 3] = ["change", "changes", "previous_state"];

/// Writes one line a change, as csv or else as plain.
///
/// # Errors
/// What writing says.
pub fn write(
    out: &mut dyn Write,
    view: &DiffView<'_>,
    columns: &[&'static Column],
    format: Format,
    header: bool,
) -> io::Result<()> {
    match (view.kind, format) {
        (RowKind::Socket, Format::Csv) => csv(out, view, columns, header),
        (RowKind::Socket, _) => plain(out, view, columns, header),
        (_, Format::Csv) => records::csv(out, &entries(view), header),
        _ => records::plain(out, &entries(view), header, false),
    }
}

/// The three words of a change.
fn words(change: &Change) -> [String; 3] {
    let state = change.previous_state;
    [
        change.event.name().to_owned(),
        change.changes.join(";"),
        state.map_or_else(String::new, |state| state.to_string()),
    ]
}

fn csv(
    out: &mut dyn Write,
    view: &DiffView<'_>,
    columns: &[&'static Column],
    header: bool,
) -> io::Result<()> {
    let mut out = csv::Writer::from_writer(out);
    if header {
        let ids = columns.iter().map(|column| column.id);
        out.write_record(BEFORE.into_iter().chain(ids))
            .map_err(to_io)?;
    }
    let mut cell = String::new();
    for change in &view.changes {
        let Some(row) = view.row(change) else {
            continue;
        };
        for word in words(change) {
            out.write_field(&word).map_err(to_io)?;
        }
        for column in columns {
            let value: Value<'_> = (column.value)(row);
            cell.clear();
            write_value(&mut cell, &value, Style::Csv);
            let safe = if is_foreign(&value) {
                harmless(&cell)
            } else {
                cell.as_str().into()
            };
            out.write_field(safe.as_bytes()).map_err(to_io)?;
        }
        out.write_record(None::<&[u8]>).map_err(to_io)?;
    }
    out.flush()
}

fn plain(
    out: &mut dyn Write,
    view: &DiffView<'_>,
    columns: &[&'static Column],
    header: bool,
) -> io::Result<()> {
    let mut line = String::new();
    let mut finish = |line: &mut String| {
        line.truncate(line.trim_end().len());
        line.push('\n');
        let written = out.write_all(line.as_bytes());
        line.clear();
        written
    };
    if header {
        for id in BEFORE {
            push(&mut line, id, width_of(id), Align::Left);
        }
        for column in columns {
            push(&mut line, column.id, column.width, column.kind.align());
        }
        finish(&mut line)?;
    }
    for change in &view.changes {
        let Some(row) = view.row(change) else {
            continue;
        };
        for (id, word) in BEFORE.into_iter().zip(words(change)) {
            push(&mut line, &word, width_of(id), Align::Left);
        }
        let columns = columns.iter().map(|column| (*column, column.width));
        push_cells(&mut line, columns, row, (Style::Plain, " "));
        finish(&mut line)?;
    }
    out.flush()
}

/// Appends a cell; absent is `-`.
fn push(line: &mut String, cell: &str, width: usize, align: Align) {
    let start = line.len();
    line.push_str(if cell.is_empty() { "-" } else { cell });
    fill(line, start, width, align);
    line.push(' ');
}

fn width_of(id: &str) -> usize {
    match id {
        "changes" => 12,
        "previous_state" => 14,
        _ => 7,
    }
}

/// Rows that are no sockets: what they are about, and their figures as they were and as they
/// are.
fn entries(view: &DiffView<'_>) -> Vec<Vec<String>> {
    let header = ["change", "changes", view.kind.name(), "before", "after"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for change in &view.changes {
        let label = view.entry(change).map_or("", |entry| entry.label.as_str());
        let figures = |entry: Option<&crate::model::Entry>| {
            let each = entry.into_iter().flat_map(|entry| entry.record.texts());
            let told = each.map(|(name, value)| format!("{name}={value}"));
            escape(told.collect::<Vec<_>>().join(";").as_bytes())
        };
        let after = change.after.and_then(|index| view.after.entries.get(index));
        rows.push(vec![
            change.event.name().to_owned(),
            match change.event {
                Event::Changed => escape(change.changes.join(";").as_bytes()),
                _ => String::new(),
            },
            escape(label.as_bytes()),
            figures(view.entry_before(change)),
            figures(after),
        ]);
    }
    rows
}
