//! Small parts of the story: spans, ranks, lists.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::text::units::span;

/// The different things with how often they occur, the most frequent first.
pub(super) fn ranked<T: Ord>(things: impl Iterator<Item = T>) -> Vec<(T, u64)> {
    let mut counts: BTreeMap<T, u64> = BTreeMap::new();
    for thing in things {
        *counts.entry(thing).or_default() += 1;
    }
    let mut ranked: Vec<_> = counts.into_iter().collect();
    ranked.sort_by_key(|(_, count)| Reverse(*count));
    ranked
}

/// The first `most` of them, and how many more there are.
pub(super) fn with_more(named: &[String], most: usize) -> String {
    let (shown, rest) = named.split_at(most.min(named.len()));
    match (shown, rest.len()) {
        (shown, 0) => alternatives(shown),
        ([], more) => format!("{more} not shown"),
        (shown, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn alternatives(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

/// The time since the start of a process.
pub(super) fn span_since(started: i64, now: i64) -> String {
    let seconds = now.saturating_sub(started);
    span(u64::try_from(seconds).unwrap_or(0))
}

/// The kernel does not record when a socket was made: the start of its process is the
/// earliest it can have been.
pub(crate) fn since(started: i64, now: i64) -> String {
    let span = span_since(started, now);
    let Ok(timestamp) = jiff::Timestamp::from_second(started) else {
        return format!("at most {span} ago");
    };
    let local = timestamp.to_zoned(jiff::tz::TimeZone::system());
    let date = local.strftime("%Y-%m-%d %H:%M:%S");
    format!("at most {span} ago: its process started {date}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_come_first() {
        let ranked = ranked(["b", "a", "b"].into_iter());
        assert_eq!(ranked, [("b", 2), ("a", 1)]);
        let names = ["x", "y", "z"].map(str::to_owned);
        assert_eq!(with_more(&names, 1), "x and 2 more");
        assert_eq!(with_more(&names, 3), "x, y and z");
        assert_eq!(with_more(&names, 0), "3 not shown");
    }
}
