//! What is different between two lists of rows: which of them are the same, and what became of
//! each. One engine for the live view, for streams of events and for saved answers.

use std::hash::Hash;

use rustc_hash::FxHashMap;

use crate::model::{Aspects, Facts, Queue, Record, Socket};

/// What became different, by the indices of the rows in both lists, in the order of the lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes<A = Aspects> {
    /// Indices in the later list.
    pub opened: Vec<usize>,
    /// Rows in both lists that differ.
    pub changed: Vec<Changed<A>>,
    /// Indices in the earlier list.
    pub closed: Vec<usize>,
}

/// One row that is not as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed<A = Aspects> {
    /// Its index in the earlier list.
    pub before: usize,
    /// Its index in the later list.
    pub now: usize,
    /// What differs.
    pub what: A,
}

impl<A> Default for Changes<A> {
    fn default() -> Self {
        Self {
            opened: Vec::new(),
            changed: Vec::new(),
            closed: Vec::new(),
        }
    }
}

impl<A> Changes<A> {
    /// Whether nothing happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.opened.is_empty() && self.changed.is_empty() && self.closed.is_empty()
    }
}

/// Which rows of an earlier list are which of a later one.
#[derive(Debug)]
pub(crate) struct Pairs {
    /// For each row of the later list its index in the earlier one.
    before: Vec<Option<usize>>,
    /// Whether a row of the earlier list is in the later one.
    stayed: Vec<bool>,
}

impl Pairs {
    /// Lists of so many rows, of which none is the same yet.
    pub(crate) fn new(before: usize, now: usize) -> Self {
        Self {
            before: vec![None; now],
            stayed: vec![false; before],
        }
    }

    /// Two rows are the same one.
    pub(crate) fn join(&mut self, before: usize, now: usize) {
        if let (Some(stayed), Some(known)) = (self.stayed.get_mut(before), self.before.get_mut(now))
        {
            *stayed = true;
            *known = Some(before);
        }
    }

    /// Rows with the same key are the same, unless they are known to be others; of several with
    /// one key the first is the first.
    pub(crate) fn join_by<K: Copy + Eq + Hash>(
        &mut self,
        before: impl Fn(usize) -> Option<K>,
        now: impl Fn(usize) -> Option<K>,
    ) {
        let (mut known, mut ordinals) = (FxHashMap::default(), Ordinals::default());
        for (row, _) in self
            .stayed
            .iter()
            .enumerate()
            .filter(|(_, stayed)| !**stayed)
        {
            if let Some(key) = before(row) {
                known.insert(ordinals.number(key), row);
            }
        }
        let mut ordinals = Ordinals::default();
        for row in 0..self.before.len() {
            if matches!(self.before.get(row), Some(None))
                && let Some(key) = now(row)
                && let Some(before) = known.get(&ordinals.number(key))
            {
                self.join(*before, row);
            }
        }
    }

    /// The rows that are in both lists: their indices before and now.
    pub(crate) fn joined(&self) -> impl Iterator<Item = (usize, usize)> {
        let rows = self.before.iter().enumerate();
        rows.filter_map(|(now, before)| Some(((*before)?, now)))
    }

    /// What became of all rows. `differ` gets the indices before and now of a row that is in both,
    /// and says what is different about it.
    pub(crate) fn changes<A>(
        &self,
        mut differ: impl FnMut(usize, usize) -> Option<A>,
    ) -> Changes<A> {
        let mut changes = Changes::default();
        for (now, before) in self.before.iter().enumerate() {
            match *before {
                None => changes.opened.push(now),
                Some(before) => {
                    let what = differ(before, now);
                    changes
                        .changed
                        .extend(what.map(|what| Changed { before, now, what }));
                }
            }
        }
        let gone = self
            .stayed
            .iter()
            .enumerate()
            .filter(|(_, stayed)| !**stayed);
        changes.closed.extend(gone.map(|(row, _)| row));
        changes
    }
}

/// Tells rows apart that have the same key: the first, the second, ...
#[derive(Debug)]
pub(crate) struct Ordinals<K>(FxHashMap<K, u32>);

impl<K> Default for Ordinals<K> {
    fn default() -> Self {
        Self(FxHashMap::default())
    }
}

impl<K: Copy + Eq + Hash> Ordinals<K> {
    /// The key of the next row, with its ordinal.
    pub(crate) fn number(&mut self, key: K) -> (K, u32) {
        let count = self.0.entry(key).or_default();
        *count += 1;
        (key, *count - 1)
    }
}

/// What differs between rows that are no sockets: the names of their figures.
#[must_use]
pub fn records<R>(before: &[R], now: &[R], record: impl Fn(&R) -> &Record) -> Changes<Vec<String>> {
    let mut pairs = Pairs::new(before.len(), now.len());
    pairs.join_by(
        |row| Some(record(before.get(row)?).identity.as_str()),
        |row| Some(record(now.get(row)?).identity.as_str()),
    );
    pairs.changes(|was, is| {
        let (was, is) = (before.get(was)?, now.get(is)?);
        let names = record(was).changes(record(is));
        Some(names).filter(|names| !names.is_empty())
    })
}

/// What differs between a socket as it was and as it is.
pub(crate) fn aspects((was, then): (&Socket, &Facts), (is, now): (&Socket, &Facts)) -> Aspects {
    let accept = |socket: &Socket| match socket.queue {
        Some(Queue::Accept(queue)) => Some(queue),
        _ => None,
    };
    let bytes = |socket: &Socket| match socket.queue {
        Some(Queue::Bytes { recv, send }) => (Some(recv), Some(send)),
        _ => (None, None),
    };
    let ((recv_was, send_was), (recv_is, send_is)) = (bytes(was), bytes(is));
    let same_holders = then.holders.at(was.held) == now.holders.at(is.held);
    let same_owners = was.owner_status == is.owner_status && same_holders;
    // What turns into a listener, or ends being one, has another kind of queue: its state says so.
    let both = |a: Option<u32>, b: Option<u32>| a.is_some() && b.is_some() && a != b;
    let both_accept = accept(was).is_some() && accept(is).is_some();
    Aspects::default()
        .with(Aspects::STATE, was.state != is.state)
        .with(Aspects::LOCAL, was.local != is.local)
        .with(Aspects::PEER, was.peer != is.peer)
        .with(Aspects::OWNERS, !same_owners)
        .with(
            Aspects::ACCEPT_QUEUE,
            both_accept && accept(was) != accept(is),
        )
        .with(Aspects::RECV_Q, both(recv_was, recv_is))
        .with(Aspects::SEND_Q, both(send_was, send_is))
        .with(Aspects::DROPS, both(was.drops, is.drops))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Figure;

    #[test]
    fn rows_with_one_key_are_told_apart_by_their_order() {
        let rows = |all: &[(&str, u8)]| -> Vec<Record> {
            let row = |&(identity, count): &(&str, u8)| {
                Record::new(identity.to_owned()).with("count", Figure::Text(count.to_string()))
            };
            all.iter().map(row).collect()
        };
        let before = rows(&[("a", 1), ("b", 1), ("a", 2)]);
        let now = rows(&[("c", 1), ("a", 1), ("a", 3), ("a", 4)]);
        let changes = records(&before, &now, |row| row);
        assert_eq!((changes.opened, changes.closed), (vec![0, 3], vec![1]));
        let [changed] = changes.changed.as_slice() else {
            panic!("{:?}", changes.changed)
        };
        assert_eq!((changed.before, changed.now), (2, 2));
        assert_eq!(changed.what, ["count"]);
        assert!(records(&now, &now, |row| row).is_empty());
    }

    #[test]
    fn what_is_joined_stays_joined() {
        let mut pairs = Pairs::new(2, 2);
        pairs.join(1, 0);
        // The key that both later rows have is that of the first row before, too.
        pairs.join_by(|_| Some(7), |_| Some(7));
        assert_eq!(pairs.joined().collect::<Vec<_>>(), [(1, 0), (0, 1)]);
    }
}
