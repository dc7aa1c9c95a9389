//! What differs between two saved answers. Pure.

use std::collections::{BTreeSet, VecDeque};
use std::num::{NonZeroU32, NonZeroU64};

use rustc_hash::FxHashMap;

use super::changes::{Aspects, Changed, Changes, differences};
use crate::model::{
    AcceptQueue, Endpoint, Entry, Facts, Family, OwnerStatus, Protocol, Queue, Snapshot, Socket,
    Via,
};

/// Why cookies, inodes and pids of one snapshot mean nothing in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apart {
    /// They are of different hosts.
    Hosts,
    /// They are of different network namespaces.
    Namespaces,
    /// Their cookies contradict each other: the host was started anew in between.
    Boots,
}

/// What differs between two snapshots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Places in both snapshots.
    pub changes: Changes,
    /// Why sockets are known by their ends only; `None` where cookies hold.
    pub apart: Option<Apart>,
}

/// What is different in `after`. A socket is the same one where its cookie is; where one of both
/// has none, or they are of different machines, where its ends are.
#[must_use]
pub fn sockets(before: &Snapshot, after: &Snapshot, same_host: bool) -> Difference {
    let apart = apart(&before.sockets, &after.sockets, same_host);
    let mut matching = Matching::new(after.sockets.len());
    if apart.is_none() {
        matching.by_cookie(&before.sockets, &after.sockets);
    }
    matching.by_ends(&before.sockets, &after.sockets, apart);
    let Matching { mut of_after } = matching;
    let mut changes = Changes::default();
    let mut stayed = vec![false; before.sockets.len()];
    for (now, (socket, place)) in after.sockets.iter().zip(of_after.drain(..)).enumerate() {
        let Some((place, was)) = place.and_then(|at| Some((at, before.sockets.get(at)?))) else {
            changes.opened.push(now);
            continue;
        };
        if let Some(stayed) = stayed.get_mut(place) {
            *stayed = true;
        }
        let what = aspects(
            (was, &before.facts),
            (socket, &after.facts),
            apart.is_some(),
        );
        if !what.is_empty() {
            let before = place;
            changes.changed.push(Changed { before, now, what });
        }
    }
    let gone = stayed.iter().enumerate().filter(|(_, stayed)| !**stayed);
    changes.closed.extend(gone.map(|(place, _)| place));
    Difference { changes, apart }
}

/// Whether cookies of one snapshot mean anything in the other.
fn apart(before: &[Socket], after: &[Socket], same_host: bool) -> Option<Apart> {
    if !same_host {
        return Some(Apart::Hosts);
    }
    let namespaces = |sockets: &[Socket]| -> BTreeSet<NonZeroU64> {
        sockets.iter().filter_map(|socket| socket.netns).collect()
    };
    let (was, is) = (namespaces(before), namespaces(after));
    if !was.is_empty() && !is.is_empty() && was.is_disjoint(&is) {
        return Some(Apart::Namespaces);
    }
    // Cookies are numbers that a kernel gives one after the other: after another start it gives
    // the same ones to others. A socket rarely changes its port, and never its protocol.
    let known: FxHashMap<_, _> = before.iter().filter_map(|s| Some((s.cookie?, s))).collect();
    let (mut pairs, mut odd, mut impossible) = (0_u64, 0_u64, false);
    for is in after {
        let Some(was) = is.cookie.and_then(|cookie| known.get(&cookie)) else {
            continue;
        };
        let moved = was.local.port != is.local.port && was.local.port > 0 && is.local.port > 0;
        pairs += 1;
        odd += u64::from(moved || was.family != is.family);
        impossible |= was.protocol != is.protocol;
    }
    (impossible || odd * 2 > pairs).then_some(Apart::Boots)
}

/// The ends of a socket, and of what has no peer the inode where that means anything.
type Ends = (
    Protocol,
    Family,
    Endpoint,
    Option<Endpoint>,
    Option<NonZeroU32>,
);

fn ends(socket: &Socket, apart: Option<Apart>) -> Ends {
    let inode = match (apart, socket.peer) {
        (None, None) => socket.inode,
        _ => None,
    };
    let Socket {
        protocol,
        family,
        local,
        peer,
        ..
    } = *socket;
    (protocol, family, local, peer, inode)
}

/// For each socket of the later snapshot its place in the earlier one.
struct Matching {
    of_after: Vec<Option<usize>>,
}

impl Matching {
    fn new(count: usize) -> Self {
        Self {
            of_after: vec![None; count],
        }
    }

    fn by_cookie(&mut self, before: &[Socket], after: &[Socket]) {
        let mut known: FxHashMap<NonZeroU64, VecDeque<usize>> = FxHashMap::default();
        for (place, socket) in before.iter().enumerate() {
            if let Some(cookie) = socket.cookie {
                known.entry(cookie).or_default().push_back(place);
            }
        }
        for (matched, socket) in self.of_after.iter_mut().zip(after) {
            let places = socket.cookie.and_then(|cookie| known.get_mut(&cookie));
            *matched = places.and_then(VecDeque::pop_front);
        }
    }

    /// The rest by their ends: of two cookies that differ, never.
    fn by_ends(&mut self, before: &[Socket], after: &[Socket], apart: Option<Apart>) {
        let mut taken = vec![false; before.len()];
        for place in self.of_after.iter().flatten() {
            if let Some(taken) = taken.get_mut(*place) {
                *taken = true;
            }
        }
        let mut known: FxHashMap<(Ends, bool), VecDeque<usize>> = FxHashMap::default();
        for (place, (socket, taken)) in before.iter().zip(taken).enumerate() {
            if !taken {
                let has_cookie = apart.is_none() && socket.cookie.is_some();
                let key = (ends(socket, apart), has_cookie);
                known.entry(key).or_default().push_back(place);
            }
        }
        for (matched, socket) in self.of_after.iter_mut().zip(after) {
            if matched.is_some() {
                continue;
            }
            let has_cookie = apart.is_none() && socket.cookie.is_some();
            let ends = ends(socket, apart);
            let mut take = |cookie| known.get_mut(&(ends, cookie)).and_then(VecDeque::pop_front);
            *matched = take(false).or_else(|| if has_cookie { None } else { take(true) });
        }
    }
}

/// What differs: as between two looks, but that pids of another machine mean nothing, and that
/// what only one of both tells is no change.
fn aspects(was: (&Socket, &Facts), is: (&Socket, &Facts), apart: bool) -> Aspects {
    let found = differences(was, is);
    let kept = [
        Aspects::STATE,
        Aspects::LOCAL,
        Aspects::PEER,
        Aspects::RECV_Q,
        Aspects::SEND_Q,
        Aspects::DROPS,
    ];
    kept.into_iter()
        .fold(Aspects::default(), |all, one| {
            all.with(one, found.contains(one))
        })
        .with(Aspects::OWNERS, owners_differ(was, is, apart))
        .with(Aspects::ACCEPT_QUEUE, queues_differ(was.0, is.0))
}

/// Whether owners were looked for at all.
#[must_use]
pub fn tells_owners(socket: &Socket) -> bool {
    socket.owner_status != OwnerStatus::NotAsked
}

fn owners_differ(was: (&Socket, &Facts), is: (&Socket, &Facts), apart: bool) -> bool {
    if !tells_owners(was.0) || !tells_owners(is.0) {
        return false;
    }
    if was.0.owner_status != is.0.owner_status {
        return true;
    }
    if apart {
        return names(was) != names(is);
    }
    holders(was) != holders(is)
}

fn holders((socket, facts): (&Socket, &Facts)) -> Vec<(u32, Via)> {
    let holders = facts.holders.at(socket.held).iter();
    holders.map(|holder| (holder.pid, holder.via)).collect()
}

fn names<'a>((socket, facts): (&Socket, &'a Facts)) -> BTreeSet<&'a [u8]> {
    let owners = facts.owner_processes(socket);
    owners.map(|process| process.comm.as_slice()).collect()
}

/// /proc/net knows no limit.
fn queues_differ(was: &Socket, is: &Socket) -> bool {
    let queue = |socket: &Socket| match socket.queue {
        Some(Queue::Accept(queue)) => Some(queue),
        _ => None,
    };
    let differ = |was: AcceptQueue, is: AcceptQueue| {
        let limits = was.limit.zip(is.limit);
        was.length != is.length || limits.is_some_and(|(was, is)| was != is)
    };
    queue(was)
        .zip(queue(is))
        .is_some_and(|(was, is)| differ(was, is))
}

/// What differs between two lists of rows that are no sockets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryChanges {
    /// Places in the later list.
    pub opened: Vec<usize>,
    /// Places in both lists, and the names of the figures that differ.
    pub changed: Vec<(usize, usize, Vec<String>)>,
    /// Places in the earlier list.
    pub closed: Vec<usize>,
}

/// What is different in `after`, by the identities of the rows; those that share one are told
/// apart by their order.
#[must_use]
pub fn entries(before: &[Entry], after: &[Entry]) -> EntryChanges {
    let mut known: FxHashMap<&str, VecDeque<usize>> = FxHashMap::default();
    for (place, entry) in before.iter().enumerate() {
        known.entry(&entry.identity).or_default().push_back(place);
    }
    let mut changes = EntryChanges::default();
    for (now, entry) in after.iter().enumerate() {
        let place = known.get_mut(entry.identity.as_str());
        let place = place.and_then(VecDeque::pop_front);
        let Some((place, was)) = place.and_then(|at| Some((at, before.get(at)?))) else {
            changes.opened.push(now);
            continue;
        };
        let differ = figures_that_differ(was, entry);
        if !differ.is_empty() {
            changes.changed.push((place, now, differ));
        }
    }
    changes.closed = known.into_values().flatten().collect();
    changes.closed.sort_unstable();
    changes
}

fn figures_that_differ(was: &Entry, is: &Entry) -> Vec<String> {
    let names = is.figures.iter().map(|(name, _)| name);
    let gone = was.figures.iter().map(|(name, _)| name);
    let mut differ: Vec<String> = Vec::new();
    for name in names.chain(gone) {
        if was.figure(name) != is.figure(name) && !differ.contains(name) {
            differ.push(name.clone());
        }
    }
    differ
}
