//! What is wrong with a drawing: lines that are too wide, numbers that are cut, half words. For
//! the tests that draw every view at every width.

use std::collections::HashSet;

use unicode_width::UnicodeWidthStr;

/// The words that a view is made of: those of it where there is room for all.
pub struct Words(HashSet<String>);

impl Words {
    /// The words of whole drawings.
    pub fn of(texts: &[&str]) -> Self {
        let words = texts.iter().flat_map(|text| text.split_whitespace());
        Self(words.map(|word| bare(word).to_owned()).collect())
    }

    /// These and others.
    #[must_use]
    pub fn and(&self, others: &Self) -> Self {
        Self(self.0.union(&others.0).cloned().collect())
    }

    /// What is wrong with a drawing on a terminal that is so wide.
    pub fn faults(&self, drawn: &str, width: usize) -> Vec<String> {
        let wide = drawn.lines().filter(|line| line.width() > width);
        let mut faults: Vec<String> = wide.map(|line| format!("too wide: {line:?}")).collect();
        let mut words = Vec::new();
        for line in drawn.lines() {
            let mut of_line: Vec<_> = line.split_whitespace().map(|word| (word, false)).collect();
            if let Some(last) = of_line.last_mut() {
                last.1 = true;
            }
            words.append(&mut of_line);
        }
        let mut index = 0;
        while let Some((word, ends_line)) = words.get(index) {
            index += match self.taken(&words[index..]) {
                0 => {
                    faults.push(format!("not a word: {word:?} (ends its line: {ends_line})"));
                    1
                }
                taken => taken,
            };
        }
        faults
    }

    /// How many of the words are one, whole or cut; none where the first is neither.
    fn taken(&self, words: &[(&str, bool)]) -> usize {
        let word = words[0].0;
        if bare(word).is_empty() || self.0.contains(bare(word)) || word.chars().all(is_drawing) {
            return 1;
        }
        if let Some(head) = word.strip_suffix('…') {
            return usize::from(self.0.iter().any(|whole| is_cut_well(head, whole)));
        }
        // A word that is wider than its line goes on in the next one.
        let mut joined = String::new();
        for (count, (piece, ends_line)) in (1..).zip(words) {
            joined.push_str(piece);
            if count > 1 && self.0.contains(bare(&joined)) {
                return count;
            }
            if let (true, Some(head)) = (count > 1, joined.strip_suffix('…')) {
                return if self.0.iter().any(|whole| is_cut_well(head, whole)) {
                    count
                } else {
                    0
                };
            }
            let goes_on = |whole: &String| {
                let rest = whole.strip_prefix(&joined);
                rest.is_some_and(|rest| !is_number_split(&joined, rest))
            };
            if !ends_line || !self.0.iter().any(goes_on) {
                return 0;
            }
        }
        0
    }
}

/// A word without what only separates it from the next one.
fn bare(word: &str) -> &str {
    word.trim_end_matches([',', ';'])
}

/// Bars, borders, short histories.
fn is_drawing(c: char) -> bool {
    matches!(c, '\u{2500}'..='\u{259f}' | '·' | '…')
}

/// Whether a word may be cut so: not within a number.
fn is_cut_well(head: &str, whole: &str) -> bool {
    let rest = whole.strip_prefix(head);
    rest.is_some_and(|rest| !is_number_split(head, rest) && !is_number(whole))
}

fn is_number_split(head: &str, rest: &str) -> bool {
    head.ends_with(|c: char| c.is_ascii_digit()) && rest.starts_with(|c: char| c.is_ascii_digit())
}

/// Ports, pids, addresses, queues, times: nothing of them may be missing.
fn is_number(word: &str) -> bool {
    let of_numbers = |c: char| c.is_ascii_hexdigit() || ".:[]/%*x".contains(c);
    word.contains(|c: char| c.is_ascii_digit()) && word.chars().all(of_numbers)
}

#[test]
fn a_wrong_drawing_is_found() {
    let words =
        Words::of(&["redis-server 1113 (unaccepted) 10.0.0.1:443 [fe80::1%eth0]:443 0/128"]);
    for right in [
        "redis-server 1113\n(unaccepted)",
        "redis-s… 1113",
        "(unacc…",
        "10.0.0.1:443,\n[fe80::1%eth0]:\n443",
        "██·· … ─┐",
    ] {
        assert_eq!(words.faults(right, 40), [""; 0], "{right}");
    }
    for wrong in [
        // What was seen once: the last column was missing.
        "redis-server 111",
        "(unaccepted",
        "redis-server 11…",
        "111…",
        "10.0.0.1:4",
        "10.0.0.1…",
        "10.0.0.1:\n44",
        "[fe80::1%eth0]:4\n43",
        "0/12",
        "redis-s",
        "1113 redis-\nx",
    ] {
        assert!(!words.faults(wrong, 40).is_empty(), "{wrong}");
    }
    assert_eq!(words.faults("redis-server 1113", 16).len(), 1);
}
