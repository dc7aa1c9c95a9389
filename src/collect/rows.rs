//! Rows on their way out of the tables: each once, with its namespace, listeners first.

use std::hash::{Hash, Hasher};
use std::num::NonZeroU64;

use rustc_hash::{FxHashMap, FxHashSet, FxHasher};

use super::Sink;
use crate::model::{Identity, NetnsId, Protocol, Socket};

/// Gathers rows, each once, to be passed on later.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    rows: Vec<Socket>,
    seen: Numbers,
    unreadable: u64,
    inconsistent: Vec<String>,
}

impl Sink for Gathered {
    fn push(&mut self, socket: Socket) -> bool {
        let is_new = self.seen.insert(identity(&socket));
        if is_new {
            self.rows.push(socket);
        }
        is_new
    }

    fn unreadable(&mut self, count: u64) {
        self.unreadable += count;
    }

    fn inconsistent(&mut self, why: String) {
        self.inconsistent.push(why);
    }
}

/// Passes each row of one namespace on once, and says which that is.
pub(super) struct Rows<'a> {
    each: &'a mut dyn FnMut(Socket),
    seen: Numbers,
    /// Of the table that is read now: what tells its rows apart where there is no cookie.
    told: Vec<u64>,
    /// The same of rows that another source gave before it failed.
    told_before: FxHashSet<u64>,
    netns: Option<NetnsId>,
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
    pub(super) fn new(netns: Option<NonZeroU64>, each: &'a mut dyn FnMut(Socket)) -> Self {
        Self {
            each,
            seen: Numbers::default(),
            told: Vec::new(),
            told_before: FxHashSet::default(),
            netns: netns.and_then(|inode| NetnsId::new(inode.get())),
            held: None,
            given: 0,
            unreadable: 0,
            inconsistent: Vec::new(),
        }
    }

    /// Passes on what was gathered elsewhere.
    pub(super) fn take(&mut self, gathered: Gathered) {
        for row in gathered.rows {
            self.push(row);
        }
        self.unreadable += gathered.unreadable;
        self.inconsistent.extend(gathered.inconsistent);
    }

    /// A table begins, whose rows may come from several sources.
    pub(super) fn begin_table(&mut self) {
        self.told.clear();
        self.told_before.clear();
    }

    /// Another source tells the table, from its beginning: what came already is passed over,
    /// though it has no cookie there.
    pub(super) fn change_source(&mut self) {
        self.told_before.extend(self.told.drain(..));
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
        socket.netns = self.netns;
        if !self.seen.insert(identity(&socket)) {
            return false;
        }
        if socket.cookie.is_some() {
            self.told.push(by_ends(&socket));
        } else if self.told_before.contains(&by_ends(&socket)) {
            return false;
        }
        self.given += 1;
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
    match (socket.cookie, socket.inode) {
        (Some(cookie), _) => cookie.get(),
        (None, Some(inode)) => hash(&inode),
        (None, None) => hash(&Identity::by_ends(socket)),
    }
}

/// What tells a socket from every other, whichever source tells of it, and whatever becomes of
/// it meanwhile: a connection keeps its ends when its file is gone.
fn by_ends(socket: &Socket) -> u64 {
    let is_connection = socket.protocol == Protocol::Tcp && socket.peer.is_some();
    match socket.inode {
        Some(inode) if !is_connection => hash(&inode),
        _ => hash(&Identity::by_ends(socket)),
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, Family, State};
    use std::net::{IpAddr, Ipv4Addr};
    use std::num::{NonZeroU32, NonZeroU64};

    fn socket(state: State, port: u16) -> Socket {
        let local = Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        Socket::new(Protocol::Udp, Family::V4, state, local)
    }

    #[test]
    fn each_socket_once_by_the_best_identity_there_is() {
        let mut out = Vec::new();
        let mut each = |s: Socket| out.push(s.local.port().unwrap());
        let mut rows = Rows::new(None, &mut each);
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

    #[test]
    fn a_row_that_came_with_a_cookie_does_not_come_again_without() {
        let peer = Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 443);
        let connection = |inode, port| Socket {
            protocol: Protocol::Tcp,
            peer: peer.into(),
            inode: NonZeroU32::new(inode),
            ..socket(State::Established, port)
        };
        let bound = |inode| Socket {
            inode: NonZeroU32::new(inode),
            ..socket(State::Unconnected, 53)
        };
        let mut out = Vec::new();
        let mut each =
            |s: Socket| out.push((s.local.port().unwrap(), s.inode.map_or(0, NonZeroU32::get)));
        let mut rows = Rows::new(None, &mut each);
        rows.begin_table();
        for (cookie, first) in [(1, connection(7, 1)), (2, connection(8, 2)), (3, bound(9))] {
            let cookie = NonZeroU64::new(cookie);
            assert!(rows.push(Socket { cookie, ..first }));
        }
        rows.change_source();
        // The second one was closed meanwhile; two others share the ends of the third.
        for again in [connection(7, 1), connection(0, 2), bound(9)] {
            assert!(!rows.push(again));
        }
        for new in [connection(10, 3), bound(11), bound(12)] {
            assert!(rows.push(new));
        }
        // In another table the same ends are another socket.
        rows.begin_table();
        assert!(rows.push(Socket {
            state: State::Listen,
            ..connection(13, 1)
        }));
        drop(rows);
        let ports = [
            (1, 7),
            (2, 8),
            (53, 9),
            (3, 10),
            (53, 11),
            (53, 12),
            (1, 13),
        ];
        assert_eq!(out, ports);
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
        let mut each = |s: Socket| out.push(s.local.port().unwrap());
        let mut rows = Rows::new(None, &mut each);
        rows.hold_back();
        rows.push(socket(State::Established, 1));
        rows.push(socket(State::Unconnected, 2));
        rows.push(socket(State::Established, 3));
        rows.release();
        drop(rows);
        assert_eq!(out, [2, 1, 3]);
    }
}
