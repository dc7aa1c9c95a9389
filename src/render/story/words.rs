//! Small parts of the story: spans, ranks, sockets that are alike.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::model::{Facts, Socket};
use crate::render::units::span;

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

pub(super) fn with_more(named: &[String], all: usize) -> String {
    let text = named.join(", ");
    match all.saturating_sub(named.len()) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

/// The kernel does not record when a socket was made: the start of its process is the
/// earliest it can have been.
pub(in crate::render) fn since(started: i64, now: i64) -> String {
    let seconds = now.saturating_sub(started);
    let span = span(u64::try_from(seconds).unwrap_or(0));
    let Ok(timestamp) = jiff::Timestamp::from_second(started) else {
        return format!("at most {span} ago");
    };
    let local = timestamp.to_zoned(jiff::tz::TimeZone::system());
    let date = local.strftime("%Y-%m-%d %H:%M:%S");
    format!("at most {span} ago: its process started {date}")
}

/// Sockets that differ in nothing that is told, together: `SO_REUSEPORT` makes dozens.
pub(super) fn alike<'s>(
    sockets: impl Iterator<Item = &'s Socket>,
    facts: &Facts,
) -> Vec<Vec<&'s Socket>> {
    let mut groups: BTreeMap<_, Vec<&Socket>> = BTreeMap::new();
    for socket in sockets {
        let pids: Vec<u32> = facts.owner_processes(socket).map(|p| p.pid).collect();
        let key = (socket.local, socket.family, pids, socket.interface);
        groups.entry(key).or_default().push(socket);
    }
    groups.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_come_first() {
        let ranked = ranked(["b", "a", "b"].into_iter());
        assert_eq!(ranked, [("b", 2), ("a", 1)]);
        assert_eq!(with_more(&["x".into()], 3), "x and 2 more");
    }
}
