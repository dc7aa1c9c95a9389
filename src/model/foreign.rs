//! Text that others chose, and the one way from it to a person: made safe, and bounded.
//!
//! Such text is bytes: `&[u8]`, or [`Foreign`] where it is owned. Bytes have no `Display`;
//! [`Foreign`] and [`shown`] have one that escapes, so that nothing else can be printed by
//! mistake. JSON alone takes the bytes as they are.
//!
//! Escaped, in a pipe too: what controls a terminal, what is not seen or looks like a blank,
//! what changes the order or the look of its neighbours, and bytes that are not UTF-8. The
//! properties of Unicode decide, not a list of ours.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::sync::LazyLock;

use regex_syntax::hir::{Class, ClassUnicode, HirKind};
use unicode_width::UnicodeWidthChar;

/// Characters of one text that a person is shown: a name is shorter, a command line may be a
/// megabyte.
const LONGEST: usize = 500;
/// Characters of a line of ours, which may quote others, at its two ends.
const LINE: (usize, usize) = (800, 400);
/// Marks that one letter may bear: the scripts in use need no more.
const MARKS: usize = 4;

/// Text that others chose: exact bytes, which are made safe where they are shown.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Foreign(Vec<u8>);

impl Foreign {
    /// The bytes as they are: to compare, and for JSON.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text as it is, for JSON.
    #[must_use]
    pub fn exact(&self) -> Cow<'_, str> {
        exact(&self.0)
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        shown(&self.0).fmt(f)
    }
}

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl From<Vec<u8>> for Foreign {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Foreign {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<String> for Foreign {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<&str> for Foreign {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

/// `bytes` as text without a change, for JSON, which escapes itself; owned where they are not
/// UTF-8, and hold U+FFFD there.
#[must_use]
pub fn exact(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// `bytes` as a person is shown them: safe, and at most 500 characters, then `…`.
#[must_use]
pub const fn shown(bytes: &[u8]) -> Shown<'_> {
    Shown(bytes)
}

/// What [`shown`] gives.
#[derive(Clone, Copy)]
pub struct Shown<'a>(&'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        show_into(&mut out, self.0);
        f.pad(&out)
    }
}

/// Appends `bytes` to `out` as [`shown`] would.
pub fn show_into(out: &mut String, bytes: &[u8]) {
    let (head, is_cut) = first_of(bytes, LONGEST);
    escape_into(out, head);
    if is_cut {
        out.push('…');
    }
}

/// A line of ours that may quote others, for a person: safe, and without the middle of what is
/// longer than any line of ours.
#[must_use]
pub fn safe_line(line: &str) -> String {
    escape(without_middle(line, LINE.0, LINE.1).as_bytes())
}

/// A text of which the first and the last characters stay, where it has more: a sentence that
/// quotes something long keeps both its ends.
#[must_use]
pub fn without_middle(text: &str, first: usize, last: usize) -> Cow<'_, str> {
    if text.len() <= first + last || text.chars().nth(first + last).is_none() {
        return Cow::Borrowed(text);
    }
    let end = text.char_indices().nth(first).map_or(0, |(end, _)| end);
    let start = text.char_indices().rev().nth(last.saturating_sub(1));
    let start = start.map_or(text.len(), |(start, _)| start);
    let part = |range| text.get(range).unwrap_or_default();
    Cow::Owned(format!("{}…{}", part(0..end), part(start..text.len())))
}

/// The first `count` characters, and whether there are more.
fn first_of(bytes: &[u8], count: usize) -> (&[u8], bool) {
    if bytes.len() <= count {
        return (bytes, false);
    }
    // No more bytes are looked at than that many characters can have.
    let most = bytes.get(..count * 4).unwrap_or(bytes);
    let mut end = 0;
    let mut left = count;
    for chunk in most.utf8_chunks() {
        for character in chunk.valid().chars() {
            if left == 0 {
                break;
            }
            end += character.len_utf8();
            left -= 1;
        }
        let wrong = chunk.invalid().len().min(left);
        end += wrong;
        left -= wrong;
    }
    (bytes.get(..end).unwrap_or(bytes), end < bytes.len())
}

/// `bytes` as text that is safe to show, whole.
#[must_use]
pub fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    escape_into(&mut out, bytes);
    out
}

/// Appends `bytes` to `out` with everything dangerous escaped visibly.
pub fn escape_into(out: &mut String, bytes: &[u8]) {
    // Most names are plain ASCII.
    if bytes.iter().all(|b| (0x20..0x7f).contains(b))
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        out.push_str(text);
        return;
    }
    // A mark at the beginning would stand on what is left of it.
    let mut marks = MARKS;
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            push(out, character, &mut marks);
        }
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\x{byte:02x}");
            marks = MARKS;
        }
    }
}

/// Appends a character; `marks` counts those that stand on the letter before.
fn push(out: &mut String, character: char, marks: &mut usize) {
    if (' '..'\u{7f}').contains(&character) {
        out.push(character);
        *marks = 0;
        return;
    }
    let mark = is_mark(character);
    if !(is_hidden(character) || mark && *marks >= MARKS) {
        out.push(character);
        *marks = if mark { *marks + 1 } else { 0 };
        return;
    }
    *marks = MARKS;
    match character {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if c <= '\u{7f}' => {
            let _ = write!(out, "\\x{:02x}", u32::from(c));
        }
        c => {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        }
    }
}

/// What has no place of its own and stands on the letter before.
fn is_mark(character: char) -> bool {
    character.width() == Some(0) || is_in(&MARKING, character)
}

/// Characters that change how others are shown, or that are not shown, or look like a blank.
#[must_use]
pub fn is_hidden(character: char) -> bool {
    character < ' ' || character >= '\u{7f}' && is_in(&HIDDEN, character)
}

/// By their properties: control, format, unassigned, for private use, separators (the blank
/// apart), and what is ignorable. Then signs that are drawn as a blank, which no property says:
/// of Braille, of Khitan, of hieroglyphs, and of music.
static HIDDEN: LazyLock<ClassUnicode> = LazyLock::new(|| {
    class(
        r"[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Z}\p{White_Space}\p{Default_Ignorable_Code_Point}\x{2800}\x{16FE4}\x{13441}\x{13442}\x{1D159}--\x20]",
    )
});

static MARKING: LazyLock<ClassUnicode> = LazyLock::new(|| class(r"\p{M}"));

fn class(pattern: &str) -> ClassUnicode {
    let hir = regex_syntax::parse(pattern).map(regex_syntax::hir::Hir::into_kind);
    match hir {
        Ok(HirKind::Class(Class::Unicode(class))) => class,
        // A test holds that it can be read. Were it otherwise, everything would be escaped.
        _ => ClassUnicode::new([regex_syntax::hir::ClassUnicodeRange::new('\0', char::MAX)]),
    }
}

fn is_in(class: &ClassUnicode, character: char) -> bool {
    let ranges = class.ranges();
    let after = ranges.partition_point(|range| range.start() <= character);
    let range = after.checked_sub(1).and_then(|place| ranges.get(place));
    range.is_some_and(|range| character <= range.end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn plain_text_stays() {
        for text in [
            "nginx",
            "a b",
            "größe",
            "日本",
            "x)(",
            "a\\b",
            "e\u{301}",
            "ที่นี่",
            "नमस्ते",
            "שָׁלוֹם",
            "🦀",
            "a…b",
            "①",
            "→",
            "한국",
        ] {
            assert_eq!(escape(text.as_bytes()), text);
            assert_eq!(Foreign::from(text).to_string(), text);
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
    fn a_property_decides_what_is_not_seen() {
        for hidden in [
            '\u{16fe4}',
            '\u{13430}',
            '\u{110bd}',
            '\u{1d159}',
            '\u{2800}',
            '\u{600}',
            '\u{fffe}',
            '\u{a0}',
            '\u{1680}',
            '\u{2000}',
            '\u{2007}',
            '\u{200a}',
            '\u{202f}',
            '\u{205f}',
            '\u{3000}',
            '\u{3164}',
            '\u{115f}',
            '\u{1160}',
            '\u{ffa0}',
            '\u{e000}',
            '\u{10fffd}',
            '\u{378}',
            '\u{fdd0}',
            '\u{e0041}',
            '\u{fe0f}',
            '\u{34f}',
            '\u{180e}',
            '\u{13441}',
            '\u{85}',
            '\u{2029}',
            '\u{1bca0}',
            '\u{17b4}',
        ] {
            let text = format!("a{hidden}b");
            let expected = format!("a\\u{{{:x}}}b", u32::from(hidden));
            assert_eq!(escape(text.as_bytes()), expected);
        }
        assert!(!is_hidden(' ') && !is_hidden('~') && is_hidden('\u{7f}') && is_hidden('\0'));
    }

    #[test]
    fn a_mark_stands_on_a_letter_of_its_own_text() {
        assert_eq!(escape("\u{301}a".as_bytes()), "\\u{301}a");
        assert_eq!(escape("\u{200b}\u{301}".as_bytes()), "\\u{200b}\\u{301}");
        let many = format!("a{}", "\u{489}".repeat(40));
        let text = escape(many.as_bytes());
        assert_eq!(text.matches('\u{489}').count(), MARKS);
        assert_eq!(text.matches("\\u{489}").count(), 40 - MARKS);
        assert_eq!(escape("\u{1161}".as_bytes()), "\\u{1161}");
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_bytes() {
        assert_eq!(escape(b"a\xff\xc3("), "a\\xff\\xc3(");
    }

    /// Every other way from bytes or a path to a text, each of which would be shown as it is.
    #[test]
    fn there_is_no_way_around_it() {
        fn look(directory: &Path, found: &mut Vec<String>) {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    look(&path, found);
                    continue;
                }
                let name = path.to_str().unwrap();
                if path.extension().is_none_or(|is| is != "rs") || path.ends_with("foreign.rs") {
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                let ways = ["utf8_lossy(", "string_lossy(", ".display("];
                found.extend(
                    ways.iter()
                        .filter(|way| code.contains(**way))
                        .map(|way| format!("{name}: {way}")),
                );
            }
        }
        let mut found = Vec::new();
        look(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
            &mut found,
        );
        assert_eq!(
            found,
            [] as [String; 0],
            "foreign::shown is for people, foreign::exact for JSON"
        );
    }

    #[test]
    fn a_person_is_shown_the_beginning() {
        let long = "ä".repeat(LONGEST);
        assert_eq!(shown(long.as_bytes()).to_string(), long);
        let longer = format!("{long}b");
        assert_eq!(shown(longer.as_bytes()).to_string(), format!("{long}…"));
        let wrong = vec![0xff; 1 << 20];
        let text = shown(&wrong).to_string();
        assert_eq!(text, format!("{}…", "\\xff".repeat(LONGEST)));
        assert_eq!(escape(&wrong).len(), 4 << 20, "programs get it whole");
    }

    #[test]
    fn a_line_loses_its_middle() {
        let line = format!("there is no '{}' here\n", "x".repeat(1 << 20));
        let text = safe_line(&line);
        assert!(text.starts_with("there is no 'xxx") && text.ends_with("xxx' here\\n"));
        assert_eq!(text.chars().filter(|c| *c == '…').count(), 1);
        assert!(text.chars().count() < 1300);
        assert_eq!(safe_line("a line"), "a line");
    }
}
