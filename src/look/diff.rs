//! What differs between two saved answers. Pure.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::compare::{self, Changes, Pairs};
use crate::model::{
    AcceptQueue, Aspects, Facts, Identity, NetnsId, OwnerStatus, Queue, Snapshot, Socket, Via,
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
    let namespaces = |sockets: &[Socket]| -> BTreeSet<NetnsId> {
        sockets.iter().filter_map(|socket| socket.netns).collect()
    };
    let (was, is) = (namespaces(before), namespaces(after));
    if !was.is_empty() && !is.is_empty() && was.is_disjoint(&is) {
        return Some(Apart::Namespaces);
    }
    // Cookies are numbers that a kernel gives one after the other: after another start it gives
    // the same ones to others. A socket rarely changes its port, and never its protocol.
    let key = Known::new(before, after, None);
    let known = before.iter().filter_map(|s| Some((key.by_cookie(s)?, s)));
    let known: FxHashMap<_, _> = known.collect();
    let (mut pairs, mut odd, mut impossible) = (0_u64, 0_u64, false);
    for is in after {
        let Some(was) = key.by_cookie(is).and_then(|identity| known.get(&identity)) else {
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

/// How a socket of either snapshot is known.
#[derive(Clone, Copy)]
struct Known {
    apart: Option<Apart>,
    /// Whether every row of both tells its namespace.
    by_netns: bool,
}

impl Known {
    fn new(before: &[Socket], after: &[Socket], apart: Option<Apart>) -> Self {
        let mut all = before.iter().chain(after);
        Self {
            apart,
            by_netns: all.all(|socket| socket.netns.is_some()),
        }
    }

    fn by_cookie(self, socket: &Socket) -> Option<Identity> {
        let identity = Identity::by_cookie(socket).filter(|_| self.apart.is_none());
        identity.map(|identity| self.seen(identity))
    }

    fn by_ends(self, socket: &Socket) -> Identity {
        self.seen(Identity::by_ends(socket))
    }

    /// What of an identity means something in both.
    fn seen(self, identity: Identity) -> Identity {
        match self.apart {
            Some(_) => identity.anywhere(),
            None if self.by_netns => identity,
            None => identity.without_netns(),
        }
    }
}

/// The same sockets: by their cookies; the rest by their ends, but never two cookies that differ.
fn pairs(before: &[Socket], after: &[Socket], apart: Option<Apart>) -> Pairs {
    let known = Known::new(before, after, apart);
    let cookie = |socket: &Socket| known.by_cookie(socket);
    let mut pairs = Pairs::new(before.len(), after.len());
    pairs.join_by(|was| cookie(before.get(was)?), |is| cookie(after.get(is)?));
    let without_cookie = |rows: &[Socket], row: usize| {
        let socket = rows.get(row)?;
        cookie(socket).is_none().then(|| known.by_ends(socket))
    };
    let with_any = |rows: &[Socket], row: usize| Some(known.by_ends(rows.get(row)?));
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
