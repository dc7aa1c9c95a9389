//! Tables for people: laid out by content, fitted to the terminal, coloured by meaning.

use std::io::{self, Write};

use comfy_table::{CellAlignment, ColumnConstraint, Table, Width};
use unicode_width::UnicodeWidthStr;

use super::cut::split_at_width;
use super::fit::{Fit, GAP, fit};
use super::fold::folded;
use super::theme::Tone;
use super::wrap::wrap;
use crate::columns::Align;

pub use super::cells::{Cell, Frame, Give, GridColumn, pad};

impl Frame {
    /// Whether nothing has to give way for these rows.
    #[must_use]
    pub fn has_room_for(&self, columns: &[GridColumn], rows: &[Vec<Cell>]) -> bool {
        let widths = fit(columns, rows, self.header, None).widths;
        let total = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
        self.room().is_none_or(|room| total <= room)
    }
}

/// How these rows fit the frame.
#[must_use]
pub fn layout(columns: &[GridColumn], rows: &[Vec<Cell>], frame: &Frame) -> Fit {
    fit(columns, rows, frame.header, frame.room())
}

/// Draws a whole grid.
///
/// # Errors
/// What writing says.
pub fn draw(
    out: &mut dyn Write,
    columns: &[GridColumn],
    rows: &[Vec<Cell>],
    frame: &Frame,
) -> io::Result<()> {
    draw_fitted(out, columns, rows, &layout(columns, rows, frame), frame)
}

/// Draws a grid whose layout is known.
///
/// # Errors
/// What writing says.
pub fn draw_fitted(
    out: &mut dyn Write,
    columns: &[GridColumn],
    rows: &[Vec<Cell>],
    fit: &Fit,
    frame: &Frame,
) -> io::Result<()> {
    for lines in lines_of_rows(columns, rows, fit, frame) {
        for line in lines {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

/// The lines of each row, those of the headings first, where there are any.
#[must_use]
pub fn lines_of_rows(
    columns: &[GridColumn],
    rows: &[Vec<Cell>],
    fit: &Fit,
    frame: &Frame,
) -> Vec<Vec<String>> {
    let headings = headings(columns);
    let head = Some(&headings).filter(|_| frame.header);
    let table = table(columns, head, rows, fit);
    let mut straight = table.lines();
    let lines_of = |cells: &Vec<Cell>| {
        let line = straight.next().unwrap_or_default();
        if stands_straight(columns, cells, fit) {
            vec![painted(pieces(&line, cells, fit), frame)]
        } else {
            row_lines(columns, cells, fit, frame)
        }
    };
    head.into_iter().chain(rows).map(lines_of).collect()
}

/// The headings as cells.
#[must_use]
pub fn headings(columns: &[GridColumn]) -> Vec<Cell> {
    let headers = columns.iter().map(|column| column.header.clone());
    headers
        .map(|header| Cell::new(header, Tone::Heading).whole())
        .collect()
}

/// Whether the row takes one line in which every cell has its place.
fn stands_straight(columns: &[GridColumn], cells: &[Cell], fit: &Fit) -> bool {
    let staying = fit.of(columns).into_iter().zip(fit.of(cells));
    let mut staying = staying.zip(&fit.widths);
    !fit.is_folded
        && staying.all(|((column, cell), width)| match column.give {
            Give::Name => cell.cut(*width).width() <= *width,
            Give::Nothing | Give::Prose => cell.text.width() <= *width,
        })
}

/// The headings and all rows in columns; those that do not stand straight are empty. The widths
/// and the cuts are ours: an arrangement of comfy-table's would cut numbers, and pids.
fn table(columns: &[GridColumn], head: Option<&Vec<Cell>>, rows: &[Vec<Cell>], fit: &Fit) -> Table {
    let laid = |cells: &Vec<Cell>| -> Vec<comfy_table::Cell> {
        let is_straight = stands_straight(columns, cells, fit);
        let cells = fit.of(cells).into_iter().zip(&fit.widths);
        let text = |(cell, width): (&Cell, &usize)| {
            if is_straight {
                cell.cut(*width)
            } else {
                " ".to_owned()
            }
        };
        cells.map(text).map(comfy_table::Cell::new).collect()
    };
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    if let Some(head) = head {
        let cells = laid(head).into_iter();
        table.set_header(cells.map(|cell| cell.set_alignment(CellAlignment::Left)));
    }
    table.add_rows(rows.iter().map(laid));
    let whole = |width: usize| u16::try_from(width).unwrap_or(u16::MAX);
    let fitted = fit.of(columns).into_iter().zip(&fit.widths);
    for (column, (grid, width)) in table.column_iter_mut().zip(fitted) {
        column
            .set_padding((0, whole(GAP)))
            .set_constraint(ColumnConstraint::Absolute(Width::Fixed(whole(width + GAP))))
            .set_cell_alignment(match grid.align {
                Align::Left => CellAlignment::Left,
                Align::Right => CellAlignment::Right,
            });
    }
    table
}

/// The lines of one row in fixed widths, for tables that are too long to be held.
#[must_use]
pub fn row_lines(columns: &[GridColumn], cells: &[Cell], fit: &Fit, frame: &Frame) -> Vec<String> {
    let lines = folded(columns, cells, fit, frame.room()).into_iter();
    lines
        .map(|line| {
            painted(
                line.iter().map(|piece| (piece.text.as_str(), piece.tone)),
                frame,
            )
        })
        .collect()
}

/// A laid-out line cell by cell: the widths say where each ends.
fn pieces<'a>(line: &'a str, cells: &[Cell], fit: &Fit) -> Vec<(&'a str, Tone)> {
    let mut pieces = Vec::with_capacity(2 * cells.len() + 1);
    let mut rest = line.trim_end();
    for (cell, width) in fit.of(cells).into_iter().zip(&fit.widths) {
        let (head, tail) = split_at_width(rest, *width);
        let (gap, tail) = split_at_width(tail, GAP);
        pieces.extend([(head, cell.tone), (gap, Tone::Normal)]);
        rest = tail;
    }
    pieces.push((rest, Tone::Normal));
    pieces
}

/// A line in its colours.
fn painted<'a>(pieces: impl IntoIterator<Item = (&'a str, Tone)>, frame: &Frame) -> String {
    let mut line = " ".repeat(frame.indent);
    for (text, tone) in pieces {
        line.push_str(&frame.theme.paint(text, tone));
    }
    line.truncate(line.trim_end().len());
    line
}

/// Joins `parts` behind `head`, and goes on in a new line, indented, where the terminal ends.
#[must_use]
pub fn flow(head: &Cell, parts: &[Cell], separator: &str, frame: &Frame) -> String {
    let room = frame.width.unwrap_or(usize::MAX).max(1);
    let indent = if room < 40 { 2 } else { 4 };
    let whole = wrap(&head.text, frame.width);
    let mut used = whole.last().map_or(0, |line| line.width());
    let mut text = frame.theme.paint(&whole.join("\n"), head.tone);
    for (index, part) in parts.iter().enumerate() {
        let separator = if index == 0 { "  " } else { separator };
        // What stands behind a part ends with its line.
        let end = if index + 1 < parts.len() {
            separator.trim_end().width()
        } else {
            0
        };
        if used + separator.width() + part.text.width() + end > room && used > 0 {
            text.push_str(separator.trim_end());
            let lines = wrap(&part.text, Some(room - indent.min(room - 1)));
            for line in &lines {
                text.push('\n');
                text.push_str(&" ".repeat(indent));
                text.push_str(&frame.theme.paint(line, part.tone));
            }
            used = indent + lines.last().map_or(0, |line| line.width());
        } else {
            text.push_str(separator);
            text.push_str(&frame.theme.paint(&part.text, part.tone));
            used += separator.width() + part.text.width();
        }
    }
    text
}

#[cfg(test)]
mod tests;
