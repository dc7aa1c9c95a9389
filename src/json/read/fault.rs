//! What is wrong with a saved answer, and where.

use std::fmt;

/// What is wrong with a saved answer. The text may hold words of the file: not yet safe to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    what: String,
    /// Line and column, from 1.
    position: Option<(usize, usize)>,
    /// What to do.
    pub hint: Option<&'static str>,
}

/// No message is longer than this, in characters: it may quote the file.
const LONGEST: usize = 200;

impl Fault {
    /// A fault of the whole answer.
    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        let mut what = what.into();
        if let Some((end, _)) = what.char_indices().nth(LONGEST) {
            what.truncate(end);
            what.push_str("...");
        }
        Self {
            what,
            position: None,
            hint: None,
        }
    }

    /// The same with what to do.
    #[must_use]
    pub const fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// The same at the start of `part`, which is a part of `text`.
    #[must_use]
    pub fn at(mut self, text: &str, part: &str) -> Self {
        self.position = Some(position(text, offset(text, part)));
        self
    }

    /// The same at a byte of `text`.
    #[must_use]
    pub fn at_byte(mut self, text: &str, byte: usize) -> Self {
        self.position = Some(position(text, byte));
        self
    }

    /// What the parser says of `part`, which is a part of `text`.
    #[must_use]
    pub fn of(error: &serde_json::Error, text: &str, part: &str) -> Self {
        let message = error.to_string();
        let what = message
            .rsplit_once(" at line ")
            .map_or(message.as_str(), |(what, _)| what);
        let (line, column) = position(text, offset(text, part));
        let mut fault = if error.is_eof() {
            Self::new(format!("it ends too early ({what})")).hint("it may be truncated")
        } else if error.is_data() {
            Self::new(what)
        } else {
            Self::new(format!("it is not JSON: {what}"))
        };
        fault.position = Some(match error.line() {
            0 | 1 => (line, column + error.column().saturating_sub(1)),
            further => (line + further - 1, error.column().max(1)),
        });
        fault
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match self.position {
            Some((line, column)) => write!(f, " (line {line}, column {column})"),
            None => Ok(()),
        }
    }
}

/// Where `part` begins in `text`, of which it is a part.
fn offset(text: &str, part: &str) -> usize {
    let (start, at) = (text.as_ptr().addr(), part.as_ptr().addr());
    at.saturating_sub(start).min(text.len())
}

/// Line and column of a byte, from 1; columns are counted in bytes, as the parser counts them.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.as_bytes().get(..byte).unwrap_or_default();
    let line = before.split(|byte| *byte == b'\n').count();
    let start = before.iter().rposition(|byte| *byte == b'\n');
    let column = before.len() - start.map_or(0, |start| start + 1) + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_that_of_the_whole_text() {
        let text = "{\n  \"a\": [1,\n   {\"b\": x}]}";
        let part = &text[text.find("{\"b").unwrap()..];
        let error = serde_json::from_str::<serde_json::Value>(part).unwrap_err();
        let fault = Fault::of(&error, text, part);
        assert_eq!(fault.position, Some((3, 10)), "{fault}");
        assert_eq!(
            Fault::new("x").at(text, part).to_string(),
            "x (line 3, column 4)"
        );
        assert_eq!(
            Fault::new("x").at(text, text).to_string(),
            "x (line 1, column 1)"
        );
    }

    #[test]
    fn a_message_that_quotes_the_file_is_cut() {
        let fault = Fault::new("\u{e9}".repeat(5000));
        assert_eq!(fault.to_string().chars().count(), LONGEST + 3);
    }
}
