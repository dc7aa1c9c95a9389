//! A text as it fits a screen: a first line that says what is shown, the text, and what has to
//! be said, cut to the height and the width. Pure.

use unicode_width::UnicodeWidthChar;

use super::cut::{cut as cut_plain, cut_after_word};
use super::marks::{LinePart, Marked, parts};
use super::theme::{Theme, Tone};
use super::units::lines_more;
use super::wrap::wrap;

/// How large a terminal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Characters in a line.
    pub columns: u16,
    /// Lines.
    pub lines: u16,
}

impl Size {
    /// So many columns and lines.
    #[must_use]
    pub const fn new(columns: u16, lines: u16) -> Self {
        Self { columns, lines }
    }
}

/// What stands in the first line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Title {
    /// The command, which gives way first.
    pub command: String,
    /// How often, when, and how it ends: where there is no room the first of them go.
    pub status: Vec<String>,
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
    let [columns, height] = [size.columns, size.lines].map(usize::from);
    let mut lines = vec![theme.paint(&heading(title, columns), Tone::Heading)];
    let room = height.saturating_sub(1);
    // Notes are few; were they many, the text would still have most of the screen.
    let notes = said(notes, columns, room / 3);
    let room = room - notes.len();
    if body.total <= room {
        lines.extend(body.lines.iter().cloned());
    } else {
        let shown = room.saturating_sub(1).min(body.lines.len());
        lines.extend(body.lines.iter().take(shown).cloned());
        let more = format!("… {}", lines_more(body.total - shown));
        lines.push(theme.paint(&more, Tone::Quiet));
    }
    lines.extend(notes.iter().map(|note| theme.paint(note, Tone::Waiting)));
    lines.truncate(height);
    lines.iter().map(|line| cut(line, columns)).collect()
}

/// The notes in at most `most` lines, each as far as there is room.
fn said(notes: &[String], columns: usize, most: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, note) in notes.iter().enumerate().take(most) {
        // Each further note has a line at least.
        let after = notes.len().min(most) - index - 1;
        let room = most - lines.len() - after;
        let wrapped = wrap(note, Some(columns));
        let (whole, rest) = wrapped.split_at(wrapped.len().min(room));
        lines.extend_from_slice(whole);
        if let (false, Some(last)) = (rest.is_empty(), lines.last_mut()) {
            *last = cut_after_word(&format!("{last} {}", rest.join(" ")), columns);
        }
    }
    lines
}

/// What draws these lines over whatever is on a screen of this size.
///
/// A line that is full is not erased behind: the cursor stands on its last column then, and
/// that would go. What was below is erased before the last line.
#[must_use]
pub fn drawing(lines: &[String], size: Size) -> String {
    let mut text = "\x1b[H".to_owned();
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            text.push_str("\r\n");
        }
        let is_last = index + 1 == lines.len();
        text.push_str(if is_last { "\x1b[J" } else { "" });
        text.push_str(line);
        text.push_str("\x1b[0m");
        if !is_last && width(line) < usize::from(size.columns) {
            text.push_str("\x1b[K");
        }
    }
    text
}

/// The command on the left and the rest on the right.
fn heading(title: &Title, columns: usize) -> String {
    let mut status = title.status.as_slice();
    // The command has a third of the line at least.
    while status.len() > 1 && width(&status.join("  ")) > columns - columns / 3 {
        status = status.get(1..).unwrap_or_default();
    }
    let status = cut_plain(&status.join("  "), columns);
    let room = columns.saturating_sub(width(&status) + 2);
    let command = cut_plain(&title.command, room);
    let blanks = columns.saturating_sub(width(&status) + width(&command));
    format!("{command}{:blanks$}{status}", "")
}

/// Columns that a text takes, without its colours.
fn width(text: &str) -> usize {
    parts(text).map(|part| of_part(&part)).sum()
}

fn of_part(part: &LinePart<'_>) -> usize {
    match part {
        LinePart::Colour(_) => 0,
        LinePart::Character(character) => character.width().unwrap_or(0),
    }
}

/// The text up to a width, with an ellipsis where something is left out. Colours take no room,
/// and end where the text does.
#[must_use]
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let bare: String = parts(text)
        .filter_map(|part| match part {
            LinePart::Colour(_) => None,
            LinePart::Character(character) => Some(character),
        })
        .collect();
    let bare = cut_plain(&bare, columns);
    let mut left = bare.chars().count();
    let ends = bare.ends_with('…');
    let (mut kept, mut coloured) = (String::new(), false);
    for part in parts(text) {
        if left == usize::from(ends) {
            break;
        }
        match part {
            LinePart::Colour(sequence) => {
                kept.push_str(sequence);
                coloured = true;
            }
            LinePart::Character(character) => {
                kept.push(character);
                left -= 1;
            }
        }
    }
    kept.push_str(if ends { "…" } else { "" });
    if coloured {
        kept.push_str("\x1b[0m");
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::marks::marked;
    use proptest::prelude::*;

    const THEME: Theme = Theme::PLAIN;

    fn shown(text: &str, notes: &[&str], lines: u16, columns: u16) -> Vec<String> {
        let title = Title {
            command: "sockscope conns".to_owned(),
            status: ["every 2 s", "q quits"].map(str::to_owned).to_vec(),
        };
        let notes: Vec<_> = notes.iter().map(|note| (*note).to_owned()).collect();
        let body = marked(None, text, lines.into(), THEME);
        compose(&title, &body, &notes, Size { columns, lines }, THEME)
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let text: Vec<String> = (0..300).map(|n| format!("line {n}")).collect();
        let lines = shown(&text.join("\n"), &["note: one"], 10, 40);
        assert_eq!(lines.len(), 10);
        assert_eq!(lines[0], "sockscope conns       every 2 s  q quits");
        assert_eq!(lines[1], "  line 0");
        assert_eq!(lines[8], "… 293 more lines");
        assert_eq!(lines[9], "note: one");
        assert_eq!(shown("a\nb\n", &[], 4, 40)[1..], ["  a", "  b"]);
    }

    #[test]
    fn the_command_gives_way_and_colours_end() {
        let lines = shown("12345678901234567890\n", &[], 5, 20);
        assert_eq!(lines[0], "sockscope …  q quits");
        assert_eq!(lines[1], "  …");
        let lines = shown(
            "a line of 1234567 words\n",
            &["note: what is said of 12345"],
            9,
            20,
        );
        assert_eq!(
            lines[1..],
            ["  a line of …", "note: what is said", "of 12345"]
        );
        assert_eq!(cut("\x1b[1mabcdef\x1b[0m", 3), "\x1b[1mab…\x1b[0m");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("abc", 0), "");
    }

    /// What stands on a terminal of this size that was full before.
    fn seen(lines: &[String], size: Size) -> Vec<String> {
        let Size {
            columns,
            lines: rows,
        } = size;
        let size_of = |number| std::num::NonZeroU16::new(number).unwrap();
        let mut terminal = vt100::Parser::new(size_of(rows), size_of(columns), 0);
        // As it is drawn on: without lines that wrap.
        terminal.process(b"\x1b[?7l");
        for row in 1..=rows {
            terminal.process(format!("\x1b[{row};1H{}", "x".repeat(columns.into())).as_bytes());
        }
        terminal.process(drawing(lines, size).as_bytes());
        terminal.screen().rows(0, columns).collect()
    }

    #[test]
    fn a_full_line_keeps_its_last_column() {
        let size = Size::new(17, 3);
        let lines = [
            "redis-server 1113",
            "\x1b[2m    (unaccepted)\x1b[0m",
            "short",
        ];
        let lines = lines.map(str::to_owned);
        let expected = ["redis-server 1113", "    (unaccepted)", "short"];
        assert_eq!(seen(&lines, size), expected);
        assert_eq!(seen(&lines[..1], size), [expected[0], "", ""]);
        let full = [lines[0].clone(), lines[0].clone(), lines[0].clone()];
        assert_eq!(seen(&full, size), [expected[0]; 3]);
    }

    proptest! {
        #[test]
        fn what_is_composed_is_what_is_seen(
            text in "([a-z ]{0,30}\n){0,9}", height in 1_u16..12, columns in 1_u16..40,
        ) {
            let lines = shown(&text, &["note: a"], height, columns);
            let seen = seen(&lines, Size::new(columns, height));
            for (index, seen) in seen.iter().enumerate() {
                let line = lines.get(index).map_or("", String::as_str);
                prop_assert_eq!(line.trim_end(), seen.trim_end());
            }
        }

        #[test]
        fn a_screen_is_never_left(
            text in "(\\PC{0,30}\n){0,9}", height in 1_u16..12, columns in 1_u16..50,
        ) {
            let lines = shown(&text, &["note: a", "note: b"], height, columns);
            prop_assert!(lines.len() <= usize::from(height));
            for line in lines {
                prop_assert!(width(&line) <= usize::from(columns), "{:?}", line);
            }
        }
    }
}
