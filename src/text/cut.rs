//! Text that is cut where there is no room for it, and never within a number: half a number is
//! another number.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Cuts `text` to `width` columns, the last of which is then an ellipsis.
#[must_use]
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    if width == 0 {
        return String::new();
    }
    let (head, tail) = split_at_width(text, width - 1);
    let head = before_escape(head);
    let whole = head.len() - split_number(head, tail);
    format!("{}…", head.get(..whole).unwrap_or_default())
}

/// The text without the escape (`\x1b`, `\u{202e}`) that it ends within: half of one is another
/// character.
fn before_escape(head: &str) -> &str {
    let Some((before, escape)) = head.rsplit_once('\\') else {
        return head;
    };
    let is_whole = match escape.as_bytes() {
        [b'x', ..] => escape.len() > 2,
        [b'u', b'{', ..] => escape.contains('}'),
        [b'u'] | [] => false,
        _ => true,
    };
    if is_whole { head } else { before }
}

/// Cuts `text` to `width` columns so that its last `kept` bytes stay: `my-long-na… 812`.
#[must_use]
pub fn cut_keeping(text: &str, kept: usize, width: usize) -> String {
    let split = text.len().saturating_sub(kept);
    match text.split_at_checked(split) {
        Some((head, tail)) if kept > 0 && text.width() > width => {
            // What is kept is kept whole, even where it does not fit: a cut pid is another pid.
            let room = width.saturating_sub(tail.width()).max(1);
            format!("{}{tail}", cut(head, room))
        }
        _ => cut(text, width),
    }
}

/// Cuts prose to `width` columns, after a word.
#[must_use]
pub fn cut_after_word(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let (head, tail) = split_at_width(text, width.saturating_sub(2));
    let end = if tail.starts_with(' ') {
        head.len()
    } else {
        head.rfind(' ').unwrap_or(0)
    };
    match head.get(..end).unwrap_or_default().trim_end() {
        "" => cut(text, width),
        words => format!("{words} …"),
    }
}

/// The text up to a width, and the rest.
#[must_use]
pub fn split_at_width(text: &str, width: usize) -> (&str, &str) {
    let mut used = 0;
    for (index, character) in text.char_indices() {
        let wide = character.width().unwrap_or(0);
        if used + wide > width {
            return text.split_at_checked(index).unwrap_or((text, ""));
        }
        used += wide;
    }
    (text, "")
}

/// Bytes at the end of `head` that belong to a number which goes on in `tail`.
fn split_number(head: &str, tail: &str) -> usize {
    let run = |of: fn(char) -> bool| {
        let before = head.len() - head.trim_end_matches(of).len();
        let after = tail.len() - tail.trim_start_matches(of).len();
        (before, after)
    };
    // Digits, with the points and colons of addresses and times.
    let (before, after) = run(|c| c.is_ascii_digit() || matches!(c, '.' | ':'));
    let digits =
        |text: Option<&str>| text.is_some_and(|t| t.contains(|c: char| c.is_ascii_digit()));
    let start = head.len() - before;
    let is_split = after > 0 && digits(tail.get(..after)) && digits(head.get(start..));
    // Nor does an ellipsis follow on a whole one: it would look cut.
    if is_split || head.ends_with(|c: char| c.is_ascii_digit()) {
        return hexadecimal(head, tail).unwrap_or(before);
    }
    hexadecimal(head, tail).unwrap_or(0)
}

/// The same for what is written in hexadecimal digits: addresses of IPv6, `0x2a`.
fn hexadecimal(head: &str, tail: &str) -> Option<usize> {
    let is_part = |c: char| c.is_ascii_hexdigit() || matches!(c, 'x' | '.' | ':' | '[' | ']');
    let before = head.len() - head.trim_end_matches(is_part).len();
    let after = tail.len() - tail.trim_start_matches(is_part).len();
    if before == 0 || after == 0 {
        return None;
    }
    let start = head.len() - before;
    let begins = !head.get(..start)?.ends_with(char::is_alphanumeric);
    let run = head.get(start..)?;
    let is_number = run.starts_with(|c: char| c.is_ascii_digit() || c == '[')
        || run.contains(':')
        || tail.get(..after)?.contains(':');
    (begins && is_number).then_some(before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_cut_process_keeps_its_pid() {
        let text = "a-very-long-name 12345 +2";
        assert_eq!(cut_keeping(text, 9, 16), "a-very… 12345 +2");
        assert_eq!(cut_keeping(text, 9, 25), text);
        assert_eq!(cut_keeping(text, 9, 8), "… 12345 +2");
    }

    #[test]
    fn a_number_is_left_out_whole() {
        for (text, width, expected) in [
            ("worker-123456", 13, "worker-123456"),
            ("worker-123456", 10, "worker-…"),
            ("python3.11-server", 9, "python…"),
            ("python3.11-server", 12, "python3.11-…"),
            ("at 10.0.0.12:443 now", 12, "at …"),
            ("to [2001:db8::15]:443", 14, "to …"),
            ("to 2001:db8::15", 9, "to …"),
            ("mark 0x7f3a is", 9, "mark …"),
            ("feedback-loop", 6, "feedb…"),
            ("日本語", 5, "日本…"),
            (r"a\u{202e}b", 6, "a…"),
            (r"a\u{202e}bcd", 11, r"a\u{202e}b…"),
            (r"ev\x1b[31m", 6, "ev…"),
            (r"ev\x1b[31m", 7, r"ev\x1b…"),
            ("abc", 0, ""),
            ("12345", 3, "…"),
        ] {
            assert_eq!(cut(text, width), expected, "{text} in {width}");
        }
    }

    #[test]
    fn prose_ends_after_a_word() {
        let title = "the accept queue on port 38929 is full";
        for (width, expected) in [
            (30, "the accept queue on port …"),
            (32, "the accept queue on port 38929 …"),
            (37, "the accept queue on port 38929 is …"),
            (38, title),
            (3, "th…"),
        ] {
            assert_eq!(cut_after_word(title, width), expected, "{width}");
        }
    }

    proptest! {
        #[test]
        fn what_is_cut_fits(text in "\\PC{0,40}", width in 0_usize..50) {
            prop_assert!(cut(&text, width).width() <= width);
            prop_assert!(cut_after_word(&text, width).width() <= width);
        }

        #[test]
        fn digits_stay_together(text in "[a-c0-9.: -]{0,40}", width in 1_usize..50) {
            let cut = cut(&text, width);
            if let Some(head) = cut.strip_suffix('…') {
                let next = text[head.len()..].chars().next();
                let last = head.chars().last();
                let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
                prop_assert!(!(is_digit(last) && is_digit(next)), "{}", cut);
            }
        }
    }
}
