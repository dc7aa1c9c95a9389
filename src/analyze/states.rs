//! Counts by state, in total and by group.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU64;

use crate::model::{Facts, OwnerStatus, Process, Protocol, Socket, State};

/// What sockets are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The process that holds the socket.
    Process,
    /// The user who made it.
    User,
    /// The local port.
    Port,
    /// The peer's address.
    Peer,
    /// The state.
    State,
    /// The network namespace.
    Netns,
    /// The systemd unit of the owner.
    Unit,
    /// The container of the owner.
    Container,
}

/// What a group has in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A process. A shared socket counts under the lowest pid that holds it.
    Process {
        /// Its pid.
        pid: u32,
        /// Its name.
        comm: Vec<u8>,
    },
    /// No owner, for this reason.
    NoOwner(OwnerStatus),
    /// A user; no uid where the kernel tells none.
    User {
        /// The uid.
        uid: Option<u32>,
        /// The name.
        name: Option<String>,
    },
    /// A local port.
    Port(u16),
    /// A peer; `None` for listeners.
    Peer(Option<IpAddr>),
    /// A state.
    State(State),
    /// A namespace, where it is known.
    Netns(Option<NonZeroU64>),
    /// A unit; `None` where the owner has none.
    Unit(Option<String>),
    /// A container: engine and id; `None` where the owner is in none.
    Container(Option<String>),
}

/// How many sockets are in which state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    by_state: BTreeMap<State, u64>,
}

impl Counts {
    /// Counts one socket.
    pub fn add(&mut self, state: State) {
        *self.by_state.entry(state).or_default() += 1;
    }

    /// Counts `count` sockets in one state.
    pub fn add_many(&mut self, state: State, count: u32) {
        *self.by_state.entry(state).or_default() += u64::from(count);
    }

    /// The number in one state.
    #[must_use]
    pub fn of(&self, state: State) -> u64 {
        self.by_state.get(&state).copied().unwrap_or(0)
    }

    /// The number in all states.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_state.values().sum()
    }

    /// Every TCP state in the kernel's order, zeros included, then states without a name.
    pub fn all(&self) -> impl Iterator<Item = (State, u64)> {
        let named = State::TCP.into_iter().map(|state| (state, self.of(state)));
        let others = self.by_state.iter().map(|(state, count)| (*state, *count));
        named.chain(others.filter(|(state, _)| !State::TCP.contains(state)))
    }

    /// The states that occur.
    pub fn present(&self) -> impl Iterator<Item = (State, u64)> {
        self.all().filter(|(_, count)| *count > 0)
    }
}

/// Counts of UDP sockets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UdpCounts {
    /// With a peer.
    pub connected: u64,
    /// Without one.
    pub unconnected: u64,
}

/// One group and its counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What it has in common.
    pub key: Key,
    /// How many in which state.
    pub counts: Counts,
}

/// Counts rows as they come; memory grows with the groups, not with the rows.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    by: Option<By>,
    total: Counts,
    udp: UdpCounts,
    groups: BTreeMap<Key, Counts>,
}

/// Counts by state, groups with the most sockets first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatesView {
    /// All TCP sockets.
    pub total: Counts,
    /// UDP, apart.
    pub udp: UdpCounts,
    /// The groups, which add up to the total; empty when none were asked for.
    pub groups: Vec<Group>,
}

impl Tally {
    /// A tally, by groups if wanted.
    #[must_use]
    pub fn new(by: Option<By>) -> Self {
        Self {
            by,
            ..Self::default()
        }
    }

    /// Counts one socket.
    pub fn add(&mut self, socket: &Socket, facts: &Facts) {
        match socket.protocol {
            Protocol::Tcp => {
                self.total.add(socket.state);
                if let Some(by) = self.by {
                    let counts = self.groups.entry(key(by, socket, facts)).or_default();
                    counts.add(socket.state);
                }
            }
            Protocol::Udp if socket.state == State::Unconnected => self.udp.unconnected += 1,
            Protocol::Udp => self.udp.connected += 1,
            Protocol::Raw => {}
        }
    }

    /// The result.
    #[must_use]
    pub fn finish(self) -> StatesView {
        let groups = self.groups.into_iter();
        let mut groups: Vec<Group> = groups.map(|(key, counts)| Group { key, counts }).collect();
        groups.sort_by_key(|group| Reverse(group.counts.total()));
        StatesView {
            total: self.total,
            udp: self.udp,
            groups,
        }
    }
}

pub(crate) fn key(by: By, socket: &Socket, facts: &Facts) -> Key {
    let owner = facts.owner_processes(socket).next();
    let of_owner = |part: fn(&Process) -> Option<String>, make: fn(Option<String>) -> Key| {
        owner.map_or(Key::NoOwner(socket.owner_status), |process| {
            make(part(process))
        })
    };
    match by {
        By::Process => owner.map_or(Key::NoOwner(socket.owner_status), |process| Key::Process {
            pid: process.pid,
            comm: process.comm.clone(),
        }),
        By::User => Key::User {
            uid: socket.uid,
            name: facts.socket_user(socket).map(str::to_owned),
        },
        By::Port => Key::Port(socket.local.port),
        By::Peer => Key::Peer(socket.peer.map(|peer| peer.address)),
        By::State => Key::State(socket.state),
        By::Netns => Key::Netns(socket.netns),
        By::Unit => of_owner(|p| p.unit().map(str::to_owned), Key::Unit),
        By::Container => of_owner(
            |p| p.container().map(|c| format!("{}:{}", c.engine, c.id)),
            Key::Container,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, Family};
    use std::net::Ipv4Addr;

    fn socket(protocol: Protocol, state: State, port: u16) -> Socket {
        let local = Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        Socket::new(protocol, Family::V4, state, local)
    }

    #[test]
    fn groups_add_up_to_the_total() {
        let mut tally = Tally::new(Some(By::Port));
        let facts = Facts::default();
        for (state, port) in [
            (State::Listen, 80),
            (State::TimeWait, 80),
            (State::TimeWait, 80),
            (State::Unknown(14), 81),
            (State::BoundInactive, 82),
        ] {
            tally.add(&socket(Protocol::Tcp, state, port), &facts);
        }
        tally.add(&socket(Protocol::Udp, State::Unconnected, 53), &facts);
        tally.add(&socket(Protocol::Udp, State::Established, 53), &facts);
        let view = tally.finish();
        assert_eq!(view.total.total(), 5);
        assert_eq!(view.groups.iter().map(|g| g.counts.total()).sum::<u64>(), 5);
        assert_eq!(view.groups[0].key, Key::Port(80));
        assert_eq!(view.groups[0].counts.of(State::TimeWait), 2);
        let udp = UdpCounts {
            connected: 1,
            unconnected: 1,
        };
        assert_eq!(view.udp, udp);
        assert_eq!(view.total.all().count(), 13, "12 names and one number");
    }
}
