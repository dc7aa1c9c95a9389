//! Prose on a terminal: lines that end before the terminal does.

use unicode_width::UnicodeWidthStr;

/// Prose is hard to read in longer lines than this.
pub const WIDEST: usize = 100;

/// The width for prose on a terminal that is so wide; without a limit it is not wrapped.
#[must_use]
pub fn measure(width: Option<usize>) -> Option<usize> {
    width.map(|width| width.min(WIDEST))
}

/// `text` in lines of at most `width` columns, broken at blanks; a longer word has a line of
/// its own and is not cut, because it may be a command.
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
            lines.push(std::mem::take(&mut line));
            used = 0;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_blanks() {
        assert_eq!(wrap("one two three", Some(8)), ["one two", "three"]);
        assert_eq!(
            wrap("a-word-that-is-long b", Some(5)),
            ["a-word-that-is-long", "b"]
        );
        assert_eq!(wrap("one two", None), ["one two"]);
        assert_eq!(wrap("", Some(5)), [""]);
        assert_eq!(
            (measure(Some(200)), measure(Some(80))),
            (Some(100), Some(80))
        );
    }
}
