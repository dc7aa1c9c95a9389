//! Making untrusted text safe to show: the one way from bytes of others to a terminal.
//!
//! Escaped, in a pipe too: C0, DEL and C1 controls, bidi controls, zero-width and other
//! invisible characters, line and paragraph separators, and bytes that are not UTF-8.

use std::fmt::Write;

/// Appends `bytes` to `out` with everything dangerous escaped visibly.
pub fn escape_into(out: &mut String, bytes: &[u8]) {
    // Most names are plain ASCII.
    if bytes.iter().all(|b| (0x20..0x7f).contains(b))
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        out.push_str(text);
        return;
    }
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            push(out, character);
        }
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
}

/// `bytes` as text that is safe to show.
#[must_use]
pub fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    escape_into(&mut out, bytes);
    out
}

fn push(out: &mut String, character: char) {
    match character {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if c < ' ' || c == '\u{7f}' => {
            let _ = write!(out, "\\x{:02x}", u32::from(c));
        }
        c if is_hidden(c) => {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        }
        c => out.push(c),
    }
}

/// Characters that change how others are shown, or that are not shown at all.
pub(super) const fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9f}'          // C1 controls
        | '\u{ad}'                   // soft hyphen
        | '\u{34f}'                  // combining grapheme joiner
        | '\u{61c}'                  // Arabic letter mark
        | '\u{115f}' | '\u{1160}'    // Hangul fillers
        | '\u{17b4}' | '\u{17b5}'    // Khmer vowels that are not shown
        | '\u{180b}'..='\u{180f}'    // Mongolian selectors
        | '\u{200b}'..='\u{200f}'    // zero width, marks
        | '\u{2028}'..='\u{202e}'    // separators, bidi embedding
        | '\u{2060}'..='\u{206f}'    // word joiner, bidi isolates
        | '\u{3164}' | '\u{ffa0}'    // Hangul fillers
        | '\u{fe00}'..='\u{fe0f}'    // variation selectors
        | '\u{feff}'                 // zero-width no-break space
        | '\u{fff0}'..='\u{fffb}'    // unassigned, interlinear annotation
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}'  // tags
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_stays() {
        for text in ["nginx", "a b", "größe", "日本", "x)(", "a\\b"] {
            assert_eq!(escape(text.as_bytes()), text);
        }
    }

    #[test]
    fn terminal_escapes_are_disarmed() {
        assert_eq!(escape(b"\x1b[31m"), "\\x1b[31m");
        assert_eq!(
            escape(b"\x1b]52;c;ZXZpbA==\x07"),
            "\\x1b]52;c;ZXZpbA==\\x07"
        );
        assert_eq!(escape("\u{9b}31m".as_bytes()), "\\u{9b}31m");
        assert_eq!(escape(b"x\x7f"), "x\\x7f");
    }

    #[test]
    fn rows_cannot_be_forged() {
        assert_eq!(escape(b"x)\n("), "x)\\n(");
        assert_eq!(escape("a\u{2028}b\r".as_bytes()), "a\\u{2028}b\\r");
    }

    #[test]
    fn text_cannot_be_reversed_or_hidden() {
        assert_eq!(escape("\u{202e}txt".as_bytes()), "\\u{202e}txt");
        assert_eq!(escape("\u{2067}a".as_bytes()), "\\u{2067}a");
        assert_eq!(escape("ro\u{200b}ot".as_bytes()), "ro\\u{200b}ot");
        assert_eq!(escape("\u{feff}\u{ad}".as_bytes()), "\\u{feff}\\u{ad}");
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_bytes() {
        assert_eq!(escape(b"a\xff\xc3("), "a\\xff\\xc3(");
    }
}
