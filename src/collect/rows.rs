//! Rows on their way out of the tables: each once, with its namespace, listeners first.

use std::hash::{Hash, Hasher};
use std::num::NonZeroU64;

use rustc_hash::{FxHashMap, FxHasher};

use super::Sink;
use crate::model::Socket;
use crate::sys;

/// Gathers rows; what is twice among them is found when they are passed on.
pub(super) struct Plainly<'a>(pub &'a mut Vec<Socket>);

impl Sink for Plainly<'_> {
    fn push(&mut self, socket: Socket) -> bool {
        self.0.push(socket);
        true
    }
    fn unreadable(&mut self, _: u64) {}
    fn inconsistent(&mut self, _: String) {}
}

/// Passes each row on once, with its namespace.
pub(super) struct Rows<'a> {
    each: &'a mut dyn FnMut(Socket),
    seen: Numbers,
    netns: Option<NonZeroU64>,
    /// While set: rows that wait until the listeners among them have been passed on.
    held: Option<Vec<Socket>>,
    /// Rows passed on, or held back.
    pub given: u64,
    /// Rows that could not be read.
    pub unreadable: u64,
    /// What was lost, or changed while it was read.
    pub inconsistent: Vec<String>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(each: &'a mut dyn FnMut(Socket)) -> Self {
        Self {
            each,
            seen: Numbers::default(),
            netns: sys::netns::current(),
            held: None,
            given: 0,
            unreadable: 0,
            inconsistent: Vec::new(),
        }
    }

    /// From now on, listeners go through and everything else waits.
    pub(super) fn hold_back(&mut self) {
        self.held = Some(Vec::new());
    }

    /// Passes on what waited.
    pub(super) fn release(&mut self) {
        for socket in self.held.take().unwrap_or_default() {
            (self.each)(socket);
        }
    }
}

impl Sink for Rows<'_> {
    fn push(&mut self, mut socket: Socket) -> bool {
        if !self.seen.insert(identity(&socket)) {
            return false;
        }
        self.given += 1;
        socket.netns = self.netns;
        match &mut self.held {
            Some(held) if !socket.is_listener() => held.push(socket),
            _ => (self.each)(socket),
        }
        true
    }

    fn unreadable(&mut self, count: u64) {
        self.unreadable += count;
    }

    fn inconsistent(&mut self, why: String) {
        self.inconsistent.push(why);
    }
}

/// A set of numbers of which many stand close together: cookies are given out one after the
/// other, and half a million of them as they are would be fourteen megabytes.
#[derive(Debug, Default)]
struct Numbers(FxHashMap<u64, u64>);

impl Numbers {
    /// Adds `number`; `true` when it was not in the set.
    fn insert(&mut self, number: u64) -> bool {
        let bit = 1 << (number % 64);
        let word = self.0.entry(number / 64).or_default();
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}

/// What tells a socket from every other in one reading: the cookie; without one, the inode;
/// without a file, the connection.
fn identity(socket: &Socket) -> u64 {
    if let Some(cookie) = socket.cookie {
        return cookie.get();
    }
    let mut hasher = FxHasher::default();
    match socket.inode {
        Some(inode) => inode.hash(&mut hasher),
        None => (socket.protocol, socket.family, socket.local, socket.peer).hash(&mut hasher),
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, Family, Protocol, State};
    use std::net::{IpAddr, Ipv4Addr};
    use std::num::NonZeroU32;

    fn socket(state: State, port: u16) -> Socket {
        let local = Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        Socket::new(Protocol::Udp, Family::V4, state, local)
    }

    #[test]
    fn each_socket_once_by_the_best_identity_there_is() {
        let mut out = Vec::new();
        let mut each = |s: Socket| out.push(s.local.port);
        let mut rows = Rows::new(&mut each);
        let with_cookie = |port, cookie| Socket {
            cookie: NonZeroU64::new(cookie),
            ..socket(State::Established, port)
        };
        assert!(rows.push(with_cookie(1, 5)));
        assert!(!rows.push(with_cookie(1, 5)));
        assert!(rows.push(with_cookie(1, 6)), "same tuple, another socket");
        let with_inode = |port, inode| Socket {
            inode: NonZeroU32::new(inode),
            ..socket(State::Established, port)
        };
        assert!(rows.push(with_inode(2, 9)));
        assert!(!rows.push(with_inode(2, 9)));
        assert!(rows.push(socket(State::Established, 3)));
        assert!(!rows.push(socket(State::Established, 3)));
        drop(rows);
        assert_eq!(out, [1, 1, 2, 3]);
    }

    proptest::proptest! {
        #[test]
        fn a_set_of_numbers_is_a_set(numbers in proptest::collection::vec(0_u64..300, 0..200), far: Vec<u64>) {
            let mut numbers = numbers;
            numbers.extend(far);
            let (mut ours, mut theirs) = (Numbers::default(), std::collections::HashSet::new());
            for number in numbers {
                proptest::prop_assert_eq!(ours.insert(number), theirs.insert(number));
            }
        }
    }

    #[test]
    fn listeners_go_first_when_rows_are_held_back() {
        let mut out = Vec::new();
        let mut each = |s: Socket| out.push(s.local.port);
        let mut rows = Rows::new(&mut each);
        rows.hold_back();
        rows.push(socket(State::Established, 1));
        rows.push(socket(State::Unconnected, 2));
        rows.push(socket(State::Established, 3));
        rows.release();
        drop(rows);
        assert_eq!(out, [2, 1, 3]);
    }
}
