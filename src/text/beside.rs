//! A label and the text beside it, or below it where a terminal is narrow. Pure but for the
//! writing.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::cut::cut;
use super::grid::{Cell, Frame};
use super::theme::Theme;
use super::wrap::wrap;

/// Text is not squeezed into less beside its label, but goes below it.
const NARROWEST: usize = 24;
/// Blanks before what goes below.
const BELOW: usize = 2;

/// The text beside a label.
#[derive(Clone, Debug)]
pub enum Told {
    /// A sentence: it goes on in further lines.
    Prose(Cell),
    /// Text of others, which may be long: it is cut to a line.
    Long(Cell),
    /// Facts, each of which stays whole, and what stands between them.
    Parts(Vec<Cell>, &'static str),
}

/// Writes a label, which is as wide as `label.text` with its blanks, and the text beside it.
///
/// # Errors
/// What writing says.
pub fn write(out: &mut dyn Write, label: &Cell, told: &Told, frame: &Frame) -> io::Result<()> {
    let margin = label.text.width();
    let is_narrow = |width: usize| width < margin + NARROWEST && margin > BELOW;
    let (margin, is_below) = match frame.width {
        Some(width) if is_narrow(width) => (BELOW, true),
        _ => (margin, false),
    };
    let room = frame.width.map(|width| width.saturating_sub(margin).max(2));
    if is_below && !label.text.trim().is_empty() {
        let text = label.text.trim_start();
        let blanks = label.text.len() - text.len();
        let room = frame.width.map(|width| width.saturating_sub(blanks).max(2));
        for line in wrap(text.trim_end(), room) {
            let line = frame.theme.paint(&line, label.tone);
            writeln!(out, "{:blanks$}{line}", "")?;
        }
    }
    for (index, line) in lines(told, room, frame.theme).iter().enumerate() {
        if index == 0 && !is_below {
            writeln!(out, "{}{line}", frame.theme.paint(&label.text, label.tone))?;
        } else {
            writeln!(out, "{:margin$}{line}", "")?;
        }
    }
    Ok(())
}

fn lines(told: &Told, room: Option<usize>, theme: Theme) -> Vec<String> {
    match told {
        Told::Prose(cell) => {
            let lines = wrap(&cell.text, room).into_iter();
            lines.map(|line| theme.paint(&line, cell.tone)).collect()
        }
        Told::Long(cell) => {
            let text = room.map_or_else(|| cell.text.clone(), |room| cut(&cell.text, room));
            vec![theme.paint(&text, cell.tone)]
        }
        Told::Parts(parts, separator) => flowing(parts, separator, room, theme),
    }
}

/// Parts in lines that end between them; a part that is wider goes on in further lines.
fn flowing(parts: &[Cell], separator: &str, room: Option<usize>, theme: Theme) -> Vec<String> {
    let limit = room.unwrap_or(usize::MAX);
    let mut lines = Vec::new();
    let (mut line, mut used) = (String::new(), 0);
    for (index, part) in parts.iter().enumerate() {
        // What stands behind a part stays on its line.
        let is_last = index + 1 == parts.len();
        let end = if is_last { "" } else { separator.trim_end() };
        let wide = part.text.width() + end.width();
        if used > 0 && used + separator.width() - separator.trim_end().width() + wide > limit {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            let blanks = separator.width() - separator.trim_end().width();
            line.push_str(&" ".repeat(blanks));
            used += blanks;
        }
        let text = format!("{}{end}", part.text);
        let mut pieces = wrap(&text, Some(limit)).into_iter();
        if let Some(first) = pieces.next() {
            line.push_str(&theme.paint(&first, part.tone));
            used += first.width();
        }
        for piece in pieces {
            lines.push(std::mem::take(&mut line));
            line = theme.paint(&piece, part.tone);
            used = piece.width();
        }
    }
    lines.push(line);
    lines
}
