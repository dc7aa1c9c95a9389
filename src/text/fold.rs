//! A row that does not fit a line: it goes on in the next one, and only between its cells; a
//! cell that is wider than the terminal goes on at its blanks and joints. Pure.

use unicode_width::UnicodeWidthStr;

use super::cells::{Cell, Give, GridColumn, pad};
use super::fit::{Fit, GAP, INDENT};
use super::theme::Tone;
use super::wrap::wrap;
use crate::columns::Align;

/// Columns that prose takes beside other cells; it is not squeezed into fewer.
const PROSE: usize = 20;

/// A cell, or a part of one, with the blanks around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The text.
    pub text: String,
    /// Its meaning.
    pub tone: Tone,
}

/// The lines of a row in columns that fit `room`.
#[must_use]
pub fn folded(
    columns: &[GridColumn],
    cells: &[Cell],
    fit: &Fit,
    room: Option<usize>,
) -> Vec<Vec<Piece>> {
    let room = room.unwrap_or(usize::MAX);
    let mut folding = Folding {
        lines: Vec::new(),
        line: Vec::new(),
        used: 0,
        room,
        indent: if room < 40 { INDENT / 2 } else { INDENT },
    };
    let staying = fit.of(columns).into_iter().zip(fit.of(cells));
    for ((column, cell), width) in staying.zip(&fit.widths) {
        folding.add(column, cell, *width);
    }
    folding.end_line();
    folding.lines
}

struct Folding {
    lines: Vec<Vec<Piece>>,
    line: Vec<Piece>,
    used: usize,
    room: usize,
    indent: usize,
}

impl Folding {
    fn add(&mut self, column: &GridColumn, cell: &Cell, width: usize) {
        let text = match column.give {
            Give::Name => cell.cut(width),
            Give::Nothing | Give::Prose => cell.text.clone(),
        };
        if text.is_empty() && column.give == Give::Prose {
            return;
        }
        let wide = text.width();
        let beside = self.room.saturating_sub(self.start());
        if wide <= beside {
            // Where a line goes on there is no column to stand in.
            let goes_on = self.used == 0 && !self.lines.is_empty();
            let align = if goes_on { Align::Left } else { column.align };
            let text = pad(&text, width.min(beside), align);
            return self.push(text, cell.tone);
        }
        let has_room = column.give == Give::Prose && beside >= PROSE;
        if !has_room && self.used > 0 {
            self.end_line();
        }
        // What is broken goes on below itself.
        let start = self.start();
        let lines = wrap(&text, Some(self.room.saturating_sub(start).max(1)));
        let last = lines.len().saturating_sub(1);
        for (index, line) in lines.into_iter().enumerate() {
            if index > 0 {
                self.line.push(blanks(start));
                self.used = start;
                self.line.push(Piece {
                    text: line,
                    tone: cell.tone,
                });
            } else {
                self.push(line, cell.tone);
            }
            if index < last {
                self.end_line();
            }
        }
        // What follows would stand behind a part of it.
        if last > 0 {
            self.end_line();
        }
    }

    /// Where the next cell stands in its line.
    const fn start(&self) -> usize {
        match (self.used, self.lines.is_empty()) {
            (0, true) => 0,
            (0, false) => self.indent,
            (used, _) => used + GAP,
        }
    }

    fn push(&mut self, text: String, tone: Tone) {
        let start = self.start();
        self.line.push(blanks(start - self.used));
        self.used = start + text.width();
        self.line.push(Piece { text, tone });
    }

    fn end_line(&mut self) {
        if let Some(last) = self.line.last_mut() {
            last.text.truncate(last.text.trim_end().len());
        }
        if !self.line.is_empty() {
            self.lines.push(std::mem::take(&mut self.line));
        }
        self.used = 0;
    }
}

fn blanks(count: usize) -> Piece {
    Piece {
        text: " ".repeat(count),
        tone: Tone::Normal,
    }
}
