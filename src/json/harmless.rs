//! JSON that is safe to look at, whatever the text in it would do to a terminal.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use crate::model::foreign::is_hidden;

/// Writes `value` as JSON that is safe to look at: characters that would change how others
/// are shown stand as `\u` escapes, which mean exactly the same.
pub(crate) fn write_json(out: impl Write, value: &impl Serialize) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(out, Harmless);
    Ok(value.serialize(&mut serializer)?)
}

/// Compact JSON in which no hidden character and no control beyond ASCII stands as it is.
struct Harmless;

impl Formatter for Harmless {
    /// Rows of saved answers, as they were written: without the blanks between their parts, in
    /// which a line may end, and just as safe to look at.
    fn write_raw_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let (mut is_text, mut is_escaped) = (false, false);
        let is_kept = |character: char| {
            let was_escaped = std::mem::replace(&mut is_escaped, false);
            match character {
                '"' if !was_escaped => is_text = !is_text,
                '\\' => is_escaped = is_text && !was_escaped,
                _ => {}
            }
            is_text || !character.is_ascii_whitespace()
        };
        let is_compact = !fragment.contains([' ', '\n', '\r', '\t']);
        if is_compact {
            return self.write_string_fragment(out, fragment);
        }
        let mut is_kept = is_kept;
        let kept: String = fragment.chars().filter(|c| is_kept(*c)).collect();
        self.write_string_fragment(out, &kept)
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if fragment.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            return out.write_all(fragment.as_bytes());
        }
        for character in fragment.chars() {
            let mut units = [0; 2];
            if character == '\u{7f}' || is_hidden(character) {
                for unit in character.encode_utf16(&mut units) {
                    write!(out, "\\u{unit:04x}")?;
                }
            } else {
                let mut bytes = [0; 4];
                out.write_all(character.encode_utf8(&mut bytes).as_bytes())?;
            }
        }
        Ok(())
    }
}
