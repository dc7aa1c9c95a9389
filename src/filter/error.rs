//! Why a filter cannot be read, where, and what would have been right.

use std::fmt;

use crate::model::foreign::without_middle;

/// Why a filter cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// What is wrong and where, in one line: the text has a caret before the place.
    pub message: String,
    /// What would be right.
    pub hint: String,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for FilterError {}

/// An error before the whole text is known to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// What is wrong.
    pub what: String,
    /// The byte at which it is.
    pub at: usize,
    /// What would be right.
    pub hint: String,
}

impl Fault {
    pub fn new(what: impl Into<String>, at: usize, hint: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            at,
            hint: hint.into(),
        }
    }

    /// The error in its text: `at character 9: state = ^listn`.
    pub fn within(self, text: &str) -> FilterError {
        let (before, after) = text.split_at_checked(self.at).unwrap_or((text, ""));
        let place = before.chars().count() + 1;
        let (before, after) = (last_of(before), first_of(after));
        FilterError {
            message: format!(
                "{} at character {place}: {before}^{after}",
                without_middle(&self.what, 2 * SHOWN, SHOWN)
            ),
            hint: self.hint,
        }
    }
}

/// So much of a text is shown: characters.
const SHOWN: usize = 80;

/// The beginning of a text.
pub(crate) fn first_of(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The end of a text.
pub(crate) fn last_of(text: &str) -> String {
    let start = text.char_indices().rev().nth(SHOWN - 1);
    match start {
        Some((start, _)) if start > 0 => format!("…{}", text.get(start..).unwrap_or_default()),
        _ => text.to_owned(),
    }
}

/// The known word that is nearest: at most two edits away, and one for every three letters.
#[must_use]
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    if word.len() > SHOWN {
        return None;
    }
    let near = known.iter().map(|known| (distance(word, known), *known));
    let most = (word.chars().count() / 3).min(2);
    near.filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, known)| known)
}

/// `did you mean 'state'? ` where a known word is near; else nothing.
pub(crate) fn did_you_mean(word: &str, known: &[&str]) -> String {
    nearest(word, known).map_or_else(String::new, |near| format!("did you mean '{near}'? "))
}

/// The edit distance of two words.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut previous = i + 1;
        let mut next = vec![previous];
        for (cb, pair) in b.iter().zip(row.windows(2)) {
            let (diagonal, above) = (pair.first().copied(), pair.last().copied());
            let replace = diagonal.unwrap_or(0) + usize::from(ca != *cb);
            previous = replace.min(previous + 1).min(above.unwrap_or(0) + 1);
            next.push(previous);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_before_the_place() {
        let fault = Fault::new("'x' is wrong", 4, "write y");
        assert_eq!(
            fault.within("ab = x").message,
            "'x' is wrong at character 5: ab =^ x"
        );
        let fault = Fault::new("it ends too early", 99, "go on");
        assert_eq!(
            fault.within("ä").message,
            "it ends too early at character 2: ä^"
        );
    }

    #[test]
    fn distances() {
        assert_eq!(distance("state", "stat"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(nearest("zzzzzz", &["state"]), None);
    }
}
