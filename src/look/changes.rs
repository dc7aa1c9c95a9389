//! A look that remembers: since when sockets are there, and who held them. Pure.

use std::time::Duration;

use rustc_hash::FxHashMap;

use super::compare::{Changed, Changes, Ordinals, Pairs, aspects};
use super::sample::Sample;
use crate::model::{Aspects, Facts, Identity, OwnerStatus, Socket, State};

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
    indices: FxHashMap<Numbered, u32>,
    last_owners: FxHashMap<Identity, LastOwner>,
}

/// An identity and, where several sockets of one look share it, the ordinal.
type Numbered = (Identity, u32);

/// The process that held a socket when it still had one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastOwner {
    /// The pid, in the reader's pid namespace.
    pub pid: u32,
    /// The name, up to 15 bytes.
    pub comm: Vec<u8>,
}

impl Look {
    /// A first look.
    #[must_use]
    pub fn first(sample: Sample) -> Self {
        Self {
            since: vec![sample.at; sample.sockets().len()],
            indices: index(sample.sockets()),
            last_owners: FxHashMap::default(),
            sample,
        }
    }

    /// The look after this one, and what is different in it.
    #[must_use]
    pub fn next(&self, sample: Sample) -> (Self, Changes) {
        let mut next = Self::first(sample);
        let pairs = self.pairs(&next);
        for (before, now) in pairs.joined() {
            if let (Some(first), Some(since)) = (self.since.get(before), next.since.get_mut(now)) {
                *since = *first;
            }
            if let (Some(was), Some(socket)) = (self.socket(before), next.socket(now))
                && socket.owner_status != OwnerStatus::Found
                && let Some(owner) = self.last_owner(was)
            {
                next.last_owners.insert(Identity::of(socket), owner);
            }
        }
        let changes = pairs.changes(|before, now| {
            let was = (self.socket(before)?, self.facts());
            let what = aspects(was, (next.socket(now)?, next.facts()));
            Some(what).filter(|what| !what.is_empty())
        });
        (next, changes)
    }

    /// The sockets that are in both looks.
    fn pairs(&self, next: &Self) -> Pairs {
        let mut pairs = Pairs::new(self.sockets().len(), next.sockets().len());
        for (now, key) in keys(next.sockets()).enumerate() {
            if let Some(&before) = self.indices.get(&key) {
                pairs.join(before as usize, now);
            }
        }
        pairs
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

    /// The socket at `index`.
    #[must_use]
    pub fn socket(&self, index: usize) -> Option<&Socket> {
        self.sockets().get(index)
    }

    /// When the socket at `index` was first seen, on the clock of the looks.
    #[must_use]
    pub fn since(&self, index: usize) -> Option<Duration> {
        self.since.get(index).copied()
    }

    /// The index of the socket with this identity; the first one, where several share it.
    #[must_use]
    pub fn index(&self, identity: Identity) -> Option<usize> {
        self.indices
            .get(&(identity, 0))
            .map(|&index| index as usize)
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

/// The keys of the sockets, in their order. Those with a cookie need no ordinal.
fn keys(sockets: &[Socket]) -> impl Iterator<Item = Numbered> {
    let mut ordinals = Ordinals::default();
    sockets
        .iter()
        .map(move |socket| match Identity::of(socket) {
            identity if identity.is_unique() => (identity, 0),
            identity => ordinals.number(identity),
        })
}

fn index(sockets: &[Socket]) -> FxHashMap<Numbered, u32> {
    let mut indices = FxHashMap::default();
    indices.reserve(sockets.len());
    indices.extend(keys(sockets).zip(0..));
    indices
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        AcceptQueue, Endpoint, Family, Holder, HolderIndex, Process, Protocol, Queue, Snapshot, Via,
    };
    use std::net::{IpAddr, Ipv4Addr};
    use std::num::{NonZeroU32, NonZeroU64};

    fn end(port: u16) -> Endpoint {
        Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
    }

    fn socket(cookie: u64, state: State) -> Socket {
        let mut socket = Socket::new(Protocol::Tcp, Family::V4, state, end(80));
        socket.cookie = NonZeroU64::new(cookie);
        socket.peer = (state != State::Listen).then(|| end(1000)).into();
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
            background: None,
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
        let since = |index| next.since(index).map(|at| at.as_secs());
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
        assert!(next.last_owners.is_empty() && next.indices.is_empty());
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
