//! Tables for people: laid out by content, cut where the terminal ends, coloured by meaning.

use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::theme::{Theme, Tone};
use crate::columns::Align;

/// Blanks between two columns.
const GAP: usize = 2;
/// A column that gives way keeps at least this width.
const NARROWEST: usize = 10;

/// One column of a grid.
#[derive(Clone, Debug)]
pub struct GridColumn {
    /// The heading.
    pub header: String,
    /// How cells are aligned.
    pub align: Align,
    /// Whether it may be cut when the terminal is too narrow.
    pub gives_way: bool,
    /// Whether it may be left out when all its cells say nothing.
    pub may_be_idle: bool,
}

/// One cell: text that is safe to show, and what it means.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// The text.
    pub text: String,
    /// Its meaning.
    pub tone: Tone,
    /// Bytes at the end that are not cut with the rest: the pid behind a name.
    pub kept: usize,
}

impl Cell {
    /// A cell.
    #[must_use]
    pub fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self {
            text: text.into(),
            tone,
            kept: 0,
        }
    }

    /// The same, of which the last `kept` bytes stay when it is cut.
    #[must_use]
    pub const fn keeping(mut self, kept: usize) -> Self {
        self.kept = kept;
        self
    }

    /// The text in at most `width` columns.
    #[must_use]
    pub fn cut(&self, width: usize) -> String {
        cut_keeping(&self.text, self.kept, width)
    }
}

/// How a grid is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Colours.
    pub theme: Theme,
    /// Columns of the terminal; `None` for no limit.
    pub width: Option<usize>,
    /// Whether there is a line of headings.
    pub header: bool,
    /// Blanks before each line.
    pub indent: usize,
}

/// The widths of the columns so that `rows` fit: those that give way are cut when the
/// terminal is too narrow, the widest first.
#[must_use]
pub fn layout(columns: &[GridColumn], rows: &[Vec<Cell>], frame: &Frame) -> Vec<usize> {
    let header_width = |column: &GridColumn| {
        if frame.header {
            column.header.width()
        } else {
            0
        }
    };
    let mut widths: Vec<usize> = columns.iter().map(header_width).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.text.width());
        }
    }
    let Some(limit) = frame.width else {
        return widths;
    };
    let whole = widths.clone();
    loop {
        let total = total(&widths, frame);
        if total <= limit {
            return widths;
        }
        let candidates = columns.iter().zip(&mut widths).filter(|(c, _)| c.gives_way);
        match candidates.map(|(_, width)| width).max() {
            Some(width) if *width > NARROWEST => {
                *width = NARROWEST.max(width.saturating_sub(total - limit));
            }
            // Cutting does not help: lines will wrap, so nothing is cut.
            _ => return whole,
        }
    }
}

/// Whether the whole grid fits the terminal without cutting.
#[must_use]
pub fn fits(columns: &[GridColumn], rows: &[Vec<Cell>], frame: &Frame) -> bool {
    let uncut = Frame {
        width: None,
        ..*frame
    };
    let widths = layout(columns, rows, &uncut);
    frame
        .width
        .is_none_or(|limit| total(&widths, frame) <= limit)
}

fn total(widths: &[usize], frame: &Frame) -> usize {
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1) + frame.indent
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
    let widths = layout(columns, rows, frame);
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    let cut_row = |row: &[Cell]| -> Vec<String> {
        let cells = row.iter().zip(&widths);
        cells.map(|(cell, width)| cell.cut(*width)).collect()
    };
    // A heading that is not shown still holds the widths, so that cutting stays exact.
    table.set_header(
        columns
            .iter()
            .zip(&widths)
            .map(|(c, w)| pad(if frame.header { &c.header } else { "" }, *w, Align::Left)),
    );
    table.add_rows(rows.iter().map(|row| cut_row(row)));
    for (column, grid) in table.column_iter_mut().zip(columns) {
        column.set_padding((0, u16::try_from(GAP).unwrap_or(2)));
        column.set_cell_alignment(match grid.align {
            Align::Left => CellAlignment::Left,
            Align::Right => CellAlignment::Right,
        });
    }
    let headings: Vec<Cell> = columns
        .iter()
        .map(|column| Cell::new(column.header.clone(), Tone::Heading))
        .collect();
    let tones = std::iter::once(headings.as_slice()).chain(rows.iter().map(Vec::as_slice));
    for (number, (line, cells)) in table.lines().zip(tones).enumerate() {
        if number > 0 || frame.header {
            write_painted(out, &line, cells, &widths, frame)?;
        }
    }
    Ok(())
}

/// Writes one row in fixed widths, for tables that are too long to be held.
///
/// # Errors
/// What writing says.
pub fn write_row(
    out: &mut dyn Write,
    columns: &[GridColumn],
    row: &[Cell],
    widths: &[usize],
    frame: &Frame,
) -> io::Result<()> {
    let mut line = " ".repeat(frame.indent);
    let last = row.len().saturating_sub(1);
    for (place, ((cell, column), width)) in row.iter().zip(columns).zip(widths).enumerate() {
        let text = if column.gives_way && frame.width.is_some() {
            cell.cut(*width)
        } else {
            cell.text.clone()
        };
        let filled = if place == last && column.align == Align::Left {
            text
        } else {
            pad(&text, *width, column.align)
        };
        line.push_str(&frame.theme.paint(&filled, cell.tone));
        if place < last {
            line.push_str("  ");
        }
    }
    writeln!(out, "{line}")
}

/// Colours a laid-out line cell by cell; the widths say where each cell ends.
fn write_painted(
    out: &mut dyn Write,
    line: &str,
    cells: &[Cell],
    widths: &[usize],
    frame: &Frame,
) -> io::Result<()> {
    let mut painted = " ".repeat(frame.indent);
    let mut rest = line.trim_end();
    for (cell, width) in cells.iter().zip(widths) {
        let (head, tail) = split_at_width(rest, *width);
        painted.push_str(&frame.theme.paint(head, cell.tone));
        let (gap, tail) = split_at_width(tail, GAP);
        painted.push_str(gap);
        rest = tail;
    }
    painted.push_str(rest);
    writeln!(out, "{}", painted.trim_end())
}

fn split_at_width(text: &str, width: usize) -> (&str, &str) {
    let mut used = 0;
    for (place, character) in text.char_indices() {
        let wide = character.width().unwrap_or(0);
        if used + wide > width {
            return text.split_at_checked(place).unwrap_or((text, ""));
        }
        used += wide;
    }
    (text, "")
}

/// Joins `parts` behind `head`, and goes on in a new line, indented, where the terminal ends.
#[must_use]
pub fn flow(head: &Cell, parts: &[Cell], separator: &str, frame: &Frame) -> String {
    const INDENT: usize = 4;
    let mut text = frame.theme.paint(&head.text, head.tone);
    let mut used = head.text.width();
    for (place, part) in parts.iter().enumerate() {
        let separator = if place == 0 { "  " } else { separator };
        let wide = separator.width() + part.text.width();
        if frame.width.is_some_and(|limit| used + wide > limit) && used > INDENT {
            text.push_str(separator.trim_end());
            text.push('\n');
            text.push_str(&" ".repeat(INDENT));
            used = INDENT + part.text.width();
        } else {
            text.push_str(separator);
            used += wide;
        }
        text.push_str(&frame.theme.paint(&part.text, part.tone));
    }
    text
}

/// Cuts `text` to `width` columns so that its last `kept` bytes stay: `my-long-na… 812`.
#[must_use]
pub fn cut_keeping(text: &str, kept: usize, width: usize) -> String {
    let split = text.len().saturating_sub(kept);
    match text.split_at_checked(split) {
        Some((head, tail)) if kept > 0 && text.width() > width => {
            // What is kept is kept whole, even where it does not fit: a cut pid is another pid.
            let room = width.saturating_sub(tail.width()).max(1);
            format!("{}{tail}", cut(head, room))
        }
        _ => cut(text, width),
    }
}

/// Cuts `text` to `width` columns, the last of which is then an ellipsis.
#[must_use]
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let (head, _) = split_at_width(text, width.saturating_sub(1));
    format!("{head}…")
}

fn pad(text: &str, width: usize, align: Align) -> String {
    let blanks = " ".repeat(width.saturating_sub(text.width()));
    match align {
        Align::Left => format!("{text}{blanks}"),
        Align::Right => format!("{blanks}{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<GridColumn> {
        let column = |header: &str, align, gives_way| GridColumn {
            header: header.to_owned(),
            align,
            gives_way,
            may_be_idle: false,
        };
        vec![
            column("PROTO", Align::Left, false),
            column("QUEUE", Align::Right, false),
            column("PROCESS", Align::Left, true),
        ]
    }

    fn frame(width: Option<usize>, colour: bool) -> Frame {
        Frame {
            theme: Theme { colour },
            width,
            header: true,
            indent: 0,
        }
    }

    fn rows() -> Vec<Vec<Cell>> {
        let cell = |text: &str| Cell::new(text, Tone::Calm);
        vec![
            vec![
                cell("tcp"),
                cell("0/128"),
                cell("a-very-long-process-name 12345"),
            ],
            vec![cell("udp"), cell("-"), cell("日本 7")],
        ]
    }

    fn drawn(frame: &Frame) -> String {
        let mut out = Vec::new();
        draw(&mut out, &columns(), &rows(), frame).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_stand_right_and_nothing_is_cut_without_a_limit() {
        assert_eq!(
            drawn(&frame(None, false)),
            "PROTO  QUEUE  PROCESS\n\
             tcp    0/128  a-very-long-process-name 12345\n\
             udp        -  日本 7\n"
        );
    }

    #[test]
    fn the_process_gives_way_with_an_ellipsis() {
        let text = drawn(&frame(Some(30), false));
        assert!(text.contains("a-very-long-pro…\n"), "{text}");
        assert!(text.lines().all(|line| line.width() <= 30));
    }

    #[test]
    fn parts_flow_over_lines_and_are_never_broken() {
        let cell = |text: &str| Cell::new(text, Tone::Normal);
        let parts = [
            cell("13 ESTABLISHED"),
            cell("3 SYN_SENT"),
            cell("7 CLOSE_WAIT"),
        ];
        let text = flow(&cell("38 sockets:"), &parts, ", ", &frame(Some(30), false));
        assert_eq!(
            text,
            "38 sockets:  13 ESTABLISHED,\n    3 SYN_SENT, 7 CLOSE_WAIT"
        );
        let text = flow(&cell("38 sockets:"), &parts, ", ", &frame(None, false));
        assert_eq!(
            text,
            "38 sockets:  13 ESTABLISHED, 3 SYN_SENT, 7 CLOSE_WAIT"
        );
    }

    #[test]
    fn a_cut_process_keeps_its_pid() {
        let cell = Cell::new("a-very-long-name 12345 +2", Tone::Strong).keeping(9);
        assert_eq!(cell.cut(16), "a-very… 12345 +2");
        assert_eq!(cell.cut(25), cell.text);
        assert_eq!(cell.cut(8), "… 12345 +2");
    }

    #[test]
    fn colour_changes_no_character() {
        let coloured = drawn(&frame(None, true));
        assert!(coloured.contains('\u{1b}'));
        let mut plain = String::new();
        let mut skipping = false;
        for c in coloured.chars() {
            match c {
                '\u{1b}' => skipping = true,
                'm' if skipping => skipping = false,
                c if !skipping => plain.push(c),
                _ => {}
            }
        }
        assert_eq!(plain, drawn(&frame(None, false)));
    }

    #[test]
    fn a_row_alone_has_the_same_widths() {
        let frame = frame(None, false);
        let widths = layout(&columns(), &rows(), &frame);
        let mut out = Vec::new();
        for row in rows() {
            write_row(&mut out, &columns(), &row, &widths, &frame).unwrap();
        }
        let whole = drawn(&frame);
        assert!(whole.ends_with(&String::from_utf8(out).unwrap()));
    }

    #[test]
    fn without_a_header_only_rows_remain() {
        let frame = Frame {
            header: false,
            ..frame(None, false)
        };
        assert!(drawn(&frame).starts_with("tcp  0/128  a-very"));
    }
}
