//! What changed from one look to the next: sockets opened, changed and closed. Pure.

use std::time::Duration;

use rustc_hash::FxHashMap;

use super::past::Sample;
use crate::model::{Facts, Identity, OwnerStatus, Queue, Socket, State};

/// One look at the sockets, with what is needed to compare it with the next one.
///
/// It never holds more than the sockets of one look: days of looks need no more memory than
/// the largest of them.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// The sockets and their owners, and when.
    pub sample: Sample,
    /// When each socket was first seen, in the order of the sockets.
    since: Vec<Duration>,
    places: FxHashMap<Known, u32>,
    last_owners: FxHashMap<Identity, LastOwner>,
}

/// An identity; where several sockets of one look share it, the how-manieth this is.
type Known = (Identity, u32);

/// The process that held a socket when it still had one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastOwner {
    /// The pid, in the reader's pid namespace.
    pub pid: u32,
    /// The name, up to 15 bytes.
    pub comm: Vec<u8>,
}

/// What became different, by the places of the sockets in both looks, in the order of the looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Places in the later look.
    pub opened: Vec<usize>,
    /// Sockets in both looks that differ.
    pub changed: Vec<Changed>,
    /// Places in the earlier look.
    pub closed: Vec<usize>,
}

impl Changes {
    /// Whether nothing happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.opened.is_empty() && self.changed.is_empty() && self.closed.is_empty()
    }
}

/// One socket that is not as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Its place in the earlier look.
    pub before: usize,
    /// Its place in the later look.
    pub now: usize,
    /// What differs.
    pub what: Aspects,
}

/// What can change about a socket, as a set.
///
/// Timers and the counters of TCP are left out: they always move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Aspects(u8);

impl Aspects {
    /// The state.
    pub const STATE: Self = Self(1);
    /// This end: a UDP socket that connects gets an address.
    pub const LOCAL: Self = Self(1 << 1);
    /// The other end.
    pub const PEER: Self = Self(1 << 2);
    /// The processes that hold it, or why there is none.
    pub const OWNERS: Self = Self(1 << 3);
    /// The accept queue of a listener.
    pub const ACCEPT_QUEUE: Self = Self(1 << 4);
    /// Received and not read.
    pub const RECV_Q: Self = Self(1 << 5);
    /// Written and not acknowledged.
    pub const SEND_Q: Self = Self(1 << 6);
    /// Packets dropped, where they were looked at.
    pub const DROPS: Self = Self(1 << 7);

    const NAMES: [(Self, &'static str); 8] = [
        (Self::STATE, "state"),
        (Self::LOCAL, "local"),
        (Self::PEER, "peer"),
        (Self::OWNERS, "owners"),
        (Self::ACCEPT_QUEUE, "accept_queue"),
        (Self::RECV_Q, "recv_q"),
        (Self::SEND_Q, "send_q"),
        (Self::DROPS, "drops"),
    ];

    /// Whether nothing changed.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` is in it.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The same with `other`, where `differs`.
    #[must_use]
    pub const fn with(self, other: Self, differs: bool) -> Self {
        if differs {
            Self(self.0 | other.0)
        } else {
            self
        }
    }

    /// What changed, by the names that JSON has for it.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let is_in = move |&(aspect, _): &(Self, _)| self.contains(aspect);
        Self::NAMES.into_iter().filter(is_in).map(|(_, name)| name)
    }
}

impl Look {
    /// A first look.
    #[must_use]
    pub fn first(sample: Sample) -> Self {
        let places = places(sample.sockets());
        Self {
            since: vec![sample.at; sample.sockets().len()],
            sample,
            places,
            last_owners: FxHashMap::default(),
        }
    }

    /// The look after this one, and what is different in it.
    #[must_use]
    pub fn next(&self, sample: Sample) -> (Self, Changes) {
        let mut next = Self::first(sample);
        let mut changes = Changes::default();
        let mut stayed = vec![false; self.sockets().len()];
        let mut counts = Counter::default();
        for (now, socket) in next.sample.sockets().iter().enumerate() {
            let known = counts.known(socket);
            let before = self.places.get(&known).map(|&place| place as usize);
            let Some((place, was)) = before.and_then(|b| Some((b, self.socket(b)?))) else {
                changes.opened.push(now);
                continue;
            };
            if let Some(stayed) = stayed.get_mut(place) {
                *stayed = true;
            }
            if let (Some(first), Some(since)) = (self.since.get(place), next.since.get_mut(now)) {
                *since = *first;
            }
            let what = differences((was, self.facts()), (socket, next.sample.facts()));
            if !what.is_empty() {
                let before = place;
                changes.changed.push(Changed { before, now, what });
            }
            if socket.owner_status != OwnerStatus::Found
                && let Some(owner) = self.last_owner(was)
            {
                next.last_owners.insert(known.0, owner);
            }
        }
        let gone = stayed.iter().enumerate().filter(|(_, stayed)| !**stayed);
        changes.closed.extend(gone.map(|(place, _)| place));
        (next, changes)
    }

    /// All sockets of the look.
    #[must_use]
    pub fn sockets(&self) -> &[Socket] {
        self.sample.sockets()
    }

    /// Owners and names.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        self.sample.facts()
    }

    /// The socket at `place`.
    #[must_use]
    pub fn socket(&self, place: usize) -> Option<&Socket> {
        self.sockets().get(place)
    }

    /// When the socket at `place` was first seen, on the clock of the looks.
    #[must_use]
    pub fn since(&self, place: usize) -> Option<Duration> {
        self.since.get(place).copied()
    }

    /// The place of the socket with this identity; the first one, where several share it.
    #[must_use]
    pub fn place(&self, identity: Identity) -> Option<usize> {
        self.places.get(&(identity, 0)).map(|&place| place as usize)
    }

    /// The process that holds `socket`, or held it when it was last seen with an owner: the
    /// lowest pid.
    #[must_use]
    pub fn last_owner(&self, socket: &Socket) -> Option<LastOwner> {
        let now = self.facts().owner_processes(socket).next();
        now.map_or_else(
            || self.last_owners.get(&Identity::of(socket)).cloned(),
            |process| {
                Some(LastOwner {
                    pid: process.pid,
                    comm: process.comm.clone(),
                })
            },
        )
    }

    /// The process that held `socket` when it still had an owner; `None` while it has one.
    #[must_use]
    pub fn former_owner(&self, socket: &Socket) -> Option<&LastOwner> {
        if socket.owner_status == OwnerStatus::Found {
            return None;
        }
        self.last_owners.get(&Identity::of(socket))
    }

    /// The state in which the socket of `change` was, where it is another one now.
    #[must_use]
    pub fn state_before(&self, change: &Changed) -> Option<State> {
        let was = self.socket(change.before)?;
        change.what.contains(Aspects::STATE).then_some(was.state)
    }
}

/// Tells sockets apart that have the same identity. Those with a cookie are never counted.
#[derive(Default)]
struct Counter(FxHashMap<Identity, u32>);

impl Counter {
    fn known(&mut self, socket: &Socket) -> Known {
        let identity = Identity::of(socket);
        if matches!(identity, Identity::Cookie(_)) {
            return (identity, 0);
        }
        let count = self.0.entry(identity).or_default();
        *count += 1;
        (identity, *count - 1)
    }
}

fn places(sockets: &[Socket]) -> FxHashMap<Known, u32> {
    let mut counts = Counter::default();
    let mut places = FxHashMap::default();
    places.reserve(sockets.len());
    for (place, socket) in sockets.iter().enumerate() {
        places.insert(
            counts.known(socket),
            u32::try_from(place).unwrap_or(u32::MAX),
        );
    }
    places
}

/// What differs between a socket as it was and as it is.
pub(crate) fn differences((was, then): (&Socket, &Facts), (is, now): (&Socket, &Facts)) -> Aspects {
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
    use crate::model::{
        AcceptQueue, Endpoint, Family, Holder, HolderIndex, Process, Protocol, Snapshot, Via,
    };
    use std::net::{IpAddr, Ipv4Addr};
    use std::num::{NonZeroU32, NonZeroU64};

    fn end(port: u16) -> Endpoint {
        Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
    }

    fn socket(cookie: u64, state: State) -> Socket {
        let mut socket = Socket::new(Protocol::Tcp, Family::V4, state, end(80));
        socket.cookie = NonZeroU64::new(cookie);
        socket.peer = (state != State::Listen).then(|| end(1000));
        socket.inode = NonZeroU32::new(u32::try_from(cookie).unwrap() + 10);
        socket
    }

    /// A look in which every socket with an inode is held by process 7.
    fn sample(at: u64, mut sockets: Vec<Socket>) -> Sample {
        let holders = sockets.iter().filter_map(|s| s.inode).map(|inode| Holder {
            inode,
            pid: 7,
            via: Via::Fd(3),
        });
        let mut facts = Facts {
            holders: HolderIndex::new(holders.collect()),
            ..Facts::default()
        };
        let nginx = Process {
            command_later: false,
            pid: 7,
            comm: b"nginx".to_vec(),
            command: None,
            uid: None,
            parent: None,
            started: None,
            condition: None,
            program: None,
            cgroup: None,
            files: None,
        };
        facts.processes.insert(7, nginx);
        for socket in &mut sockets {
            socket.held = facts.holders.find(socket.inode);
            socket.owner_status = match socket.inode {
                Some(_) => OwnerStatus::Found,
                None => OwnerStatus::TimeWait,
            };
        }
        let snapshot = Snapshot {
            sockets,
            facts,
            ..Snapshot::default()
        };
        Sample {
            snapshot,
            at: Duration::from_secs(at),
            ..Sample::default()
        }
    }

    fn look(sockets: Vec<Socket>) -> Look {
        Look::first(sample(0, sockets))
    }

    fn names(what: Aspects) -> Vec<&'static str> {
        what.names().collect()
    }

    #[test]
    fn a_connection_opens_changes_and_closes() {
        let before = look(vec![
            socket(1, State::Listen),
            socket(2, State::Established),
        ]);
        let mut waiting = socket(2, State::TimeWait);
        waiting.inode = None;
        let now = vec![waiting, socket(1, State::Listen), socket(3, State::SynSent)];
        let (next, changes) = before.next(sample(1, now));
        let since = |place| next.since(place).map(|at| at.as_secs());
        assert_eq!([since(0), since(2)], [Some(0), Some(1)]);
        assert_eq!(changes.opened, [2]);
        assert_eq!(changes.closed, [] as [usize; 0]);
        let [changed] = changes.changed.as_slice() else {
            panic!("{changes:?}")
        };
        assert_eq!((changed.before, changed.now), (1, 0));
        assert_eq!(names(changed.what), ["state", "owners"]);
        assert_eq!(before.state_before(changed), Some(State::Established));
        // Who held it is remembered as long as it stays.
        let owner = LastOwner {
            pid: 7,
            comm: b"nginx".to_vec(),
        };
        let waiting = next.sockets()[0].clone();
        assert_eq!(next.former_owner(&waiting), Some(&owner));
        let (next, changes) = next.next(sample(2, vec![waiting.clone()]));
        assert_eq!(changes.closed, [1, 2]);
        assert_eq!(next.former_owner(&waiting), Some(&owner));
        let (next, changes) = next.next(sample(3, vec![]));
        assert_eq!(changes.closed, [0]);
        assert!(next.last_owners.is_empty() && next.places.is_empty());
    }

    #[test]
    fn what_waits_is_a_change_and_a_timer_is_none() {
        let mut was = socket(1, State::Established);
        was.queue = Some(Queue::Bytes { recv: 0, send: 5 });
        let mut is = was.clone();
        is.timer = Some(crate::model::Timer {
            kind: crate::model::TimerKind::Retransmit,
            expires_ms: 5,
            retransmits: 0,
        });
        let (_, changes) = look(vec![was.clone()]).next(sample(1, vec![is.clone()]));
        assert!(changes.is_empty());
        is.queue = Some(Queue::Bytes { recv: 9, send: 5 });
        let (_, changes) = look(vec![was]).next(sample(1, vec![is]));
        assert_eq!(names(changes.changed[0].what), ["recv_q"]);

        let queue = |length| {
            let mut listener = socket(1, State::Listen);
            listener.queue = Some(Queue::Accept(AcceptQueue {
                length,
                limit: Some(128),
            }));
            listener
        };
        let (_, changes) = look(vec![queue(0)]).next(sample(1, vec![queue(3)]));
        assert_eq!(names(changes.changed[0].what), ["accept_queue"]);
    }

    #[test]
    fn an_owner_that_goes_is_a_change() {
        let before = look(vec![socket(1, State::Listen)]);
        let mut now = sample(1, vec![socket(1, State::Listen)]);
        let more = vec![Holder {
            inode: NonZeroU32::new(11).unwrap(),
            pid: 8,
            via: Via::Fd(4),
        }];
        let Snapshot { sockets, facts, .. } = &mut now.snapshot;
        facts.holders = std::mem::take(&mut facts.holders).extended(more);
        sockets[0].held = facts.holders.find(sockets[0].inode);
        let (_, changes) = before.next(now);
        assert_eq!(names(changes.changed[0].what), ["owners"]);
    }

    #[test]
    fn twins_without_a_cookie_are_counted() {
        let twin = || {
            let mut socket = socket(0, State::Listen);
            socket.inode = None;
            socket
        };
        let before = look(vec![twin(), twin()]);
        let (after, changes) = before.next(sample(1, vec![twin()]));
        assert_eq!((changes.opened.len(), changes.closed.len()), (0, 1));
        let (_, changes) = after.next(sample(2, vec![twin(), twin(), twin()]));
        assert_eq!((changes.opened.len(), changes.closed.len()), (2, 0));
    }
}
