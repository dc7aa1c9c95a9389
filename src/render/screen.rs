//! A text as it fits a screen: a first line that tells what is shown, the text, and what has to
//! be said, cut to the height and the width. Pure.

use unicode_width::UnicodeWidthChar;

use super::marks::{Marked, Part, parts};
use super::theme::{Theme, Tone};

/// Rows and columns of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Lines.
    pub rows: usize,
    /// Characters in a line.
    pub columns: usize,
}

/// What stands in the first line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Title {
    /// The command, which gives way first.
    pub command: String,
    /// How often, when, and how it ends.
    pub status: String,
}

/// The lines of a screen: never more than its rows, none wider than it.
#[must_use]
pub fn compose(
    title: &Title,
    body: &Marked,
    notes: &[String],
    size: Size,
    theme: Theme,
) -> Vec<String> {
    let mut lines = vec![theme.paint(&heading(title, size.columns), Tone::Heading)];
    let room = size.rows.saturating_sub(1);
    // Notes are few; were they many, the text would still have most of the screen.
    let noted = notes.len().min(room / 3);
    let room = room - noted;
    if body.total <= room {
        lines.extend(body.lines.iter().cloned());
    } else {
        let shown = room.saturating_sub(1).min(body.lines.len());
        lines.extend(body.lines.iter().take(shown).cloned());
        let more = format!("… {} more lines", body.total - shown);
        lines.push(theme.paint(&more, Tone::Quiet));
    }
    let said = notes.iter().take(noted);
    lines.extend(said.map(|note| theme.paint(note, Tone::Waiting)));
    lines.truncate(size.rows);
    lines.iter().map(|line| cut(line, size.columns)).collect()
}

/// The command on the left and the rest on the right.
fn heading(title: &Title, columns: usize) -> String {
    let status = width(&title.status);
    let room = columns.saturating_sub(status + 2);
    let command = cut(&title.command, room);
    let blanks = columns.saturating_sub(status + width(&command));
    format!("{command}{:blanks$}{}", "", title.status)
}

/// Columns that a text takes.
fn width(text: &str) -> usize {
    text.chars().filter_map(UnicodeWidthChar::width).sum()
}

/// The text up to a width, with an ellipsis where something is left out. Colours take no room,
/// and end where the text does.
#[must_use]
pub fn cut(text: &str, columns: usize) -> String {
    let of_part = |part: &Part<'_>| match part {
        Part::Colour(_) => 0,
        Part::Character(character) => character.width().unwrap_or(0),
    };
    if parts(text).map(|part| of_part(&part)).sum::<usize>() <= columns {
        return text.to_owned();
    }
    let (mut kept, mut used, mut coloured) = (String::new(), 0, false);
    for part in parts(text) {
        used += of_part(&part);
        if used > columns.saturating_sub(1) {
            break;
        }
        match part {
            Part::Colour(sequence) => {
                kept.push_str(sequence);
                coloured = true;
            }
            Part::Character(character) => kept.push(character),
        }
    }
    if columns > 0 {
        kept.push('…');
    }
    if coloured {
        kept.push_str("\x1b[0m");
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::marks::marked;
    use proptest::prelude::*;

    const THEME: Theme = Theme { colour: false };

    fn shown(text: &str, notes: &[&str], rows: usize, columns: usize) -> Vec<String> {
        let title = Title {
            command: "sockscope conns".to_owned(),
            status: "every 2 s, q quits".to_owned(),
        };
        let notes: Vec<_> = notes.iter().map(|note| (*note).to_owned()).collect();
        let body = marked(None, text, rows, THEME);
        compose(&title, &body, &notes, Size { rows, columns }, THEME)
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let text: Vec<String> = (0..300).map(|n| format!("line {n}")).collect();
        let lines = shown(&text.join("\n"), &["note: one"], 10, 40);
        assert_eq!(lines.len(), 10);
        assert_eq!(lines[0], "sockscope conns       every 2 s, q quits");
        assert_eq!(lines[1], "  line 0");
        assert_eq!(lines[8], "… 293 more lines");
        assert_eq!(lines[9], "note: one");
        assert_eq!(shown("a\nb\n", &[], 4, 40)[1..], ["  a", "  b"]);
    }

    #[test]
    fn the_command_gives_way_and_colours_end() {
        let lines = shown("12345678901234567890\n", &[], 5, 20);
        assert_eq!(lines[0], "  every 2 s, q quits");
        assert_eq!(lines[1], "  12345678901234567…");
        assert_eq!(cut("\x1b[1mabcdef\x1b[0m", 3), "\x1b[1mab…\x1b[0m");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("abc", 0), "");
    }

    proptest! {
        #[test]
        fn a_screen_is_never_left(
            text in "(\\PC{0,30}\n){0,9}", rows in 1_usize..12, columns in 1_usize..50,
        ) {
            let lines = shown(&text, &["note: a", "note: b"], rows, columns);
            prop_assert!(lines.len() <= rows);
            for line in lines {
                prop_assert!(width(&line) <= columns, "{:?}", line);
            }
        }
    }
}
