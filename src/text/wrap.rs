//! Prose on a terminal: lines that end before the terminal does.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::cells::Frame;
use super::cut::split_at_width;
use super::theme::Tone;

/// Prose is hard to read in longer lines than this.
pub const WIDEST: usize = 100;

/// The width for prose on a terminal that is so wide; without a limit it is not wrapped.
#[must_use]
pub fn measure(width: Option<usize>) -> Option<usize> {
    width.map(|width| width.min(WIDEST))
}

/// `text` in lines of at most `width` columns, broken at blanks. A longer word has lines of its
/// own, which end at its joints, so that numbers in it stay whole: it may be an address.
#[must_use]
pub fn wrap(text: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width else {
        return vec![text.to_owned()];
    };
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        let wide = word.width();
        if used > 0 && used + 1 + wide > width {
            line.truncate(line.trim_end().len());
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if wide > width {
            lines.extend(pieces(word, width));
            line = lines.pop().unwrap_or_default();
            used = line.width();
            continue;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += wide;
    }
    lines.push(line);
    lines
}

/// Writes a sentence in lines of the frame.
///
/// # Errors
/// What writing says.
pub fn sentence(out: &mut dyn Write, text: &str, tone: Tone, frame: &Frame) -> io::Result<()> {
    for line in wrap(text, frame.width) {
        writeln!(out, "{}", frame.theme.paint(&line, tone))?;
    }
    Ok(())
}

/// A word that is wider than a line, in pieces that are not: they end behind what joins its
/// parts, or anywhere in a part that is too wide itself.
fn pieces(word: &str, width: usize) -> Vec<String> {
    let is_joint = |c: char| ":/.,;-_@%=&?+|→]".contains(c);
    let mut pieces = vec![String::new()];
    for part in word.split_inclusive(is_joint) {
        let used = pieces.last().map_or(0, |piece| piece.width());
        if used > 0 && used + part.width() > width {
            pieces.push(String::new());
        }
        let mut rest = part;
        while rest.width() > width {
            let (head, tail) = split_at_width(rest, width.max(2));
            if let Some(piece) = pieces.last_mut() {
                piece.push_str(head);
            }
            pieces.push(String::new());
            rest = tail;
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push_str(rest);
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_end_at_blanks() {
        assert_eq!(wrap("one two three", Some(8)), ["one two", "three"]);
        assert_eq!(
            wrap("a word-that-is-long b", Some(10)),
            ["a", "word-that-", "is-long b"]
        );
        assert_eq!(wrap("one two", None), ["one two"]);
        assert_eq!(wrap("", Some(5)), [""]);
        assert_eq!(
            (measure(Some(200)), measure(Some(80))),
            (Some(100), Some(80))
        );
    }

    #[test]
    fn an_address_is_broken_between_its_numbers() {
        assert_eq!(
            wrap("to [2001:db8:1234:5678::9abc]:65535 now", Some(16)),
            ["to", "[2001:db8:1234:", "5678::9abc]:", "65535 now"]
        );
    }

    proptest! {
        #[test]
        fn no_line_is_wider_and_nothing_is_lost(text in "[a-z0-9:./日 -]{0,80}", width in 2_usize..40) {
            let lines = wrap(&text, Some(width));
            prop_assert!(lines.iter().all(|line| line.width() <= width), "{:?}", lines);
            let bare = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
            prop_assert_eq!(bare(&lines.concat()), bare(&text));
        }
    }
}
