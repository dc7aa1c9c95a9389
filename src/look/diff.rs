//! What differs between two saved answers. Pure.

use std::collections::BTreeSet;
use std::num::{NonZeroU32, NonZeroU64};

use rustc_hash::FxHashMap;

use super::compare::{self, Changes, Pairs};
use crate::model::{
    AcceptQueue, Address, Aspects, Facts, Family, OwnerStatus, Peer, Protocol, Queue, Snapshot,
    Socket, Via,
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
    /// By the indices in both snapshots.
    pub changes: Changes,
    /// Why sockets are known by their ends only; `None` where cookies hold.
    pub apart: Option<Apart>,
}

/// What is different in `after`. A socket is the same one where its cookie is; where one of both
/// has none, or they are of different machines, where its ends are.
#[must_use]
pub fn sockets(before: &Snapshot, after: &Snapshot, same_host: bool) -> Difference {
    let apart = apart(&before.sockets, &after.sockets, same_host);
    let pairs = pairs(&before.sockets, &after.sockets, apart);
    let changes = pairs.changes(|was, is| {
        let was = (before.sockets.get(was)?, &before.facts);
        let is = (after.sockets.get(is)?, &after.facts);
        let what = aspects(was, is, apart.is_some());
        Some(what).filter(|what| !what.is_empty())
    });
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
        let bound = |socket: &Socket| socket.local.port().filter(|port| *port > 0);
        let moved = bound(was).zip(bound(is)).is_some_and(|(was, is)| was != is);
        pairs += 1;
        odd += u64::from(moved || was.family != is.family);
        impossible |= was.protocol != is.protocol;
    }
    (impossible || odd * 2 > pairs).then_some(Apart::Boots)
}

/// The ends of a socket, and of what has no peer the inode where that means anything.
type Ends<'a> = (Protocol, Family, &'a Address, &'a Peer, Option<NonZeroU32>);

fn ends(socket: &Socket, apart: Option<Apart>) -> Ends<'_> {
    let inode = match (apart, &socket.peer) {
        (None, Peer::None) => socket.inode,
        _ => None,
    };
    let Socket {
        protocol,
        family,
        local,
        peer,
        ..
    } = socket;
    (*protocol, *family, local, peer, inode)
}

/// The same sockets: by their cookies; the rest by their ends, but never two cookies that differ.
fn pairs<'a>(before: &'a [Socket], after: &'a [Socket], apart: Option<Apart>) -> Pairs {
    let cookie = |socket: &Socket| socket.cookie.filter(|_| apart.is_none());
    let mut pairs = Pairs::new(before.len(), after.len());
    pairs.join_by(|was| cookie(before.get(was)?), |is| cookie(after.get(is)?));
    let without_cookie = |rows: &'a [Socket], row: usize| {
        let socket = rows.get(row)?;
        cookie(socket).is_none().then(|| ends(socket, apart))
    };
    let with_any = |rows: &'a [Socket], row: usize| Some(ends(rows.get(row)?, apart));
    pairs.join_by(|was| without_cookie(before, was), |is| with_any(after, is));
    pairs.join_by(|was| with_any(before, was), |is| without_cookie(after, is));
    pairs
}

/// What differs: as between two looks, but that pids of another machine mean nothing, and that
/// what only one of both knows is no change.
fn aspects(was: (&Socket, &Facts), is: (&Socket, &Facts), apart: bool) -> Aspects {
    let found = compare::aspects(was, is);
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
