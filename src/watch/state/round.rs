//! One round of watching: a look, and what became different since the one before.

use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::analyze::states::Counts;
use crate::look::changes::{LastOwner, Look};
use crate::look::compare::Changes;
use crate::look::past::Past;
use crate::look::sample::Sample;
use crate::model::{Facts, HolderIndex, Identity, Protocol, Snapshot, Socket, State, Uid};

/// Closed sockets of one round that are shown; of a flood the rest is only counted.
const MOST_GONE: usize = 500;

/// What a round shows.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// The sockets now.
    pub look: Arc<Look>,
    /// Bytes a second of the connections on which something moved.
    pub rates: FxHashMap<Identity, Rate>,
    /// Sockets that were not there before.
    pub opened: Vec<Identity>,
    /// Sockets whose state was another one.
    pub turned: Vec<(Identity, State)>,
    /// Sockets that are otherwise not as they were.
    pub changed: Vec<Identity>,
    /// Sockets that are gone, as they were seen last: the first of them.
    pub gone: Arc<Gone>,
    /// What happened since the look before.
    pub flow: Flow,
    /// Counts of TCP by state.
    pub counts: Counts,
    /// Counts of UDP sockets.
    pub udp: u64,
    /// What earlier looks left behind, for what piles up and what is wrong.
    pub before: Option<Past>,
    /// How long the look took.
    pub took: Duration,
    /// The time of day at which it was taken, for people.
    pub time: String,
    /// Looks that could not be taken in time since the last one.
    pub missed: u64,
}

/// Bytes a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// Received.
    pub received: u64,
    /// Sent, and acknowledged by the peer.
    pub sent: u64,
}

/// How many sockets opened and closed, and in what time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// Sockets that were not there before.
    pub opened: u64,
    /// Sockets that are gone.
    pub closed: u64,
    /// Time between the looks; zero for the first.
    pub time: Duration,
}

/// Sockets that are gone, with what was known of them.
#[derive(Clone, Debug, Default)]
pub struct Gone {
    /// The sockets with their owners.
    pub snapshot: Snapshot,
    /// When each was first seen.
    pub since: Vec<Duration>,
    /// Who held those that had no owner any more.
    pub former: FxHashMap<Identity, LastOwner>,
}

impl Round {
    /// The first round.
    #[must_use]
    pub fn first(sample: Sample, took: Duration) -> Self {
        let mut round = Self {
            look: Arc::new(Look::first(sample)),
            took,
            ..Self::default()
        };
        round.count();
        round
    }

    /// The round after `last`.
    #[must_use]
    pub fn after(last: &Look, sample: Sample, before: Option<Past>, took: Duration) -> Self {
        let time = sample.at.saturating_sub(last.sample.at);
        let (look, changes) = last.next(sample);
        let identity = |index: &usize| look.socket(*index).map(Identity::of);
        let mut round = Self {
            rates: rates(last, &look, time),
            opened: changes.opened.iter().filter_map(identity).collect(),
            gone: Arc::new(Gone::of(last, &changes)),
            flow: Flow {
                opened: changes.opened.len() as u64,
                closed: changes.closed.len() as u64,
                time,
            },
            before,
            took,
            ..Self::default()
        };
        for change in &changes.changed {
            let Some(identity) = identity(&change.now) else {
                continue;
            };
            match last.state_before(change) {
                Some(state) => round.turned.push((identity, state)),
                None => round.changed.push(identity),
            }
        }
        round.look = Arc::new(look);
        round.count();
        round
    }

    fn count(&mut self) {
        let look = Arc::clone(&self.look);
        for socket in look.sockets() {
            match socket.protocol {
                Protocol::Tcp => self.counts.add(socket.state),
                Protocol::Udp => self.udp += 1,
                Protocol::Raw => {}
            }
        }
    }
}

impl Gone {
    fn of(last: &Look, changes: &Changes) -> Self {
        let indices = || changes.closed.iter().take(MOST_GONE).copied();
        let sockets: Vec<Socket> = indices().filter_map(|p| last.socket(p).cloned()).collect();
        let known = sockets.iter().filter_map(|socket| {
            let owner = last.former_owner(socket)?.clone();
            Some((Identity::of(socket), owner))
        });
        let former = known.collect();
        Self {
            snapshot: part(sockets, last.facts()),
            since: indices().filter_map(|index| last.since(index)).collect(),
            former,
        }
    }
}

/// Some sockets, with the facts that belong to them and no others.
fn part(mut sockets: Vec<Socket>, from: &Facts) -> Snapshot {
    let holders = sockets.iter().flat_map(|s| from.holders.at(s.held));
    let holders = HolderIndex::new(holders.copied().collect());
    let mut facts = Facts::default();
    for socket in &mut sockets {
        for process in from.owner_processes(socket) {
            let known = facts.processes.entry(process.pid);
            known.or_insert_with(|| process.clone());
        }
        let users = from
            .users
            .iter()
            .filter(|(uid, _)| socket.uid == Uid::new(**uid));
        facts
            .users
            .extend(users.map(|(uid, name)| (*uid, name.clone())));
        if let Some(index) = socket.interface
            && let Some(name) = from.interface(socket)
        {
            facts.interfaces.insert((socket.netns, index), name.clone());
        }
        socket.held = holders.find(socket.inode);
    }
    facts.holders = holders;
    Snapshot {
        sockets,
        facts,
        ..Snapshot::default()
    }
}

/// Bytes a second of each connection on which something moved since the look before.
fn rates(last: &Look, now: &Look, time: Duration) -> FxHashMap<Identity, Rate> {
    let mut rates = FxHashMap::default();
    let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    if ms == 0 {
        return rates;
    }
    let moved = |was: Option<u64>, is: Option<u64>| {
        let more = is?.saturating_sub(was?);
        Some(more.saturating_mul(1000) / ms).filter(|_| more > 0)
    };
    for socket in now.sockets() {
        let Some(info) = socket.tcp.as_deref() else {
            continue;
        };
        let identity = Identity::of(socket);
        let was = last.index(identity).and_then(|index| last.socket(index));
        let Some(was) = was.and_then(|was| was.tcp.as_deref()) else {
            continue;
        };
        let received = moved(was.bytes_received, info.bytes_received);
        let sent = moved(was.bytes_acked, info.bytes_acked);
        if received.or(sent).is_some() {
            let rate = Rate {
                received: received.unwrap_or(0),
                sent: sent.unwrap_or(0),
            };
            rates.insert(identity, rate);
        }
    }
    rates
}

impl Rate {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            received: self.received.saturating_add(other.received),
            sent: self.sent.saturating_add(other.sent),
        }
    }
}

impl Flow {
    /// Opened and closed in a second; `None` for the first round.
    #[must_use]
    pub fn per_second(&self) -> Option<(f64, f64)> {
        let seconds = self.time.as_secs_f64();
        let rate = |count| crate::analyze::float(count) / seconds;
        (seconds > 0.0).then(|| (rate(self.opened), rate(self.closed)))
    }
}
