//! Counts by state, in total and by group.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::num::NonZeroU64;

use crate::model::{Facts, Foreign, NetnsId, OwnerStatus, Process, Protocol, Socket, State, Uid};
use crate::query::Needs;

/// What sockets are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The process that holds the socket.
    Process,
    /// The name of that process: all processes of one name together.
    Name,
    /// The command line of that process.
    Command,
    /// The user who made it.
    User,
    /// The local port.
    Port,
    /// The peer's address.
    Peer,
    State,
    /// The network namespace.
    Netns,
    /// The systemd unit of the owner.
    Unit,
    /// The container of the owner.
    Container,
}

impl By {
    /// What must be known of sockets to group them.
    #[must_use]
    pub const fn needs(self) -> Needs {
        match self {
            Self::Process | Self::Name => Needs::OWNERS,
            Self::Command | Self::Unit | Self::Container => Needs::PROCESSES,
            Self::User => Needs::USERS,
            Self::Port | Self::Peer | Self::State | Self::Netns => Needs::NOTHING,
        }
    }

    /// Whether several processes may be in one group.
    const fn gathers_processes(self) -> bool {
        matches!(self, Self::Name | Self::Command)
    }
}

/// What a group has in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupedBy {
    /// A process. A shared socket counts under the lowest pid that holds it.
    Process {
        pid: u32,
        /// Its name.
        comm: Vec<u8>,
    },
    /// Processes of one name.
    Name(Vec<u8>),
    /// Processes of one command line; `None` where it is empty or unreadable.
    Command(Option<Vec<u8>>),
    /// No owner, for this reason.
    NoOwner(OwnerStatus),
    /// A user; no uid where the kernel tells none.
    User {
        uid: Option<u32>,
        name: Option<Foreign>,
    },
    /// A local port.
    Port(u16),
    /// A peer; `None` for listeners.
    Peer(Option<IpAddr>),
    State(State),
    /// A namespace, where it is known.
    Netns(Option<NonZeroU64>),
    /// A unit; `None` where the owner has none.
    Unit(Option<Foreign>),
    /// A container: engine and id; `None` where the owner is in none.
    Container(Option<Foreign>),
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

    /// Counts what `other` has counted, too.
    pub fn add_all(&mut self, other: &Self) {
        for (state, count) in &other.by_state {
            *self.by_state.entry(*state).or_default() += count;
        }
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
    pub key: GroupedBy,
    /// How many in which state.
    pub counts: Counts,
    /// How many processes hold them; `None` where groups are not made of processes alike.
    pub processes: Option<usize>,
}

/// Counts rows as they come; memory grows with the groups, not with the rows.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    by: Option<By>,
    total: Counts,
    udp: UdpCounts,
    groups: BTreeMap<GroupedBy, Counts>,
    /// The processes of each group, where groups are made of processes alike.
    processes: BTreeMap<GroupedBy, BTreeSet<u32>>,
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
                    let key = key(by, socket, facts);
                    if by.gathers_processes() {
                        self.note_processes(by, &key, socket, facts);
                    }
                    self.groups.entry(key).or_default().add(socket.state);
                }
            }
            Protocol::Udp if socket.state == State::Unconnected => self.udp.unconnected += 1,
            Protocol::Udp => self.udp.connected += 1,
            Protocol::Raw => {}
        }
    }

    /// Remembers who holds a socket of the group, as far as they are alike: those of another
    /// name, which a shared socket may have too, are not counted.
    fn note_processes(&mut self, by: By, key: &GroupedBy, socket: &Socket, facts: &Facts) {
        let owners = facts.owner_processes(socket);
        let alike = owners.filter(|process| of_owner(by, process).as_ref() == Some(key));
        let pids = alike.map(|process| process.pid);
        self.processes.entry(key.clone()).or_default().extend(pids);
    }

    /// The result.
    #[must_use]
    pub fn finish(self) -> StatesView {
        let processes = self.processes;
        let group = |(key, counts)| {
            let pids = processes.get(&key).filter(|pids| !pids.is_empty());
            Group {
                processes: pids.map(BTreeSet::len),
                key,
                counts,
            }
        };
        let mut groups: Vec<Group> = self.groups.into_iter().map(group).collect();
        groups.sort_by_key(|group| Reverse(group.counts.total()));
        StatesView {
            total: self.total,
            udp: self.udp,
            groups,
        }
    }
}

/// The group of a socket. A shared socket counts once, under the lowest pid that holds it.
pub(crate) fn key(by: By, socket: &Socket, facts: &Facts) -> GroupedBy {
    match by {
        By::User => GroupedBy::User {
            uid: socket.uid.map(Uid::get),
            name: facts.socket_user(socket).cloned(),
        },
        By::Port => GroupedBy::Port(socket.local.port().unwrap_or(0)),
        By::Peer => GroupedBy::Peer(socket.peer.ip()),
        By::State => GroupedBy::State(socket.state),
        By::Netns => GroupedBy::Netns(socket.netns.map(NetnsId::inode)),
        By::Process | By::Name | By::Command | By::Unit | By::Container => {
            let owner = facts.owner_processes(socket).next();
            let key = owner.and_then(|process| of_owner(by, process));
            key.unwrap_or(GroupedBy::NoOwner(socket.owner_status))
        }
    }
}

/// The group of a process; `None` where groups are not made of owners.
fn of_owner(by: By, process: &Process) -> Option<GroupedBy> {
    Some(match by {
        By::Process => GroupedBy::Process {
            pid: process.pid,
            comm: process.comm.clone(),
        },
        By::Name => GroupedBy::Name(process.comm.clone()),
        By::Command => GroupedBy::Command(process.command.as_deref().map(<[u8]>::to_vec)),
        By::Unit => GroupedBy::Unit(process.unit().map(Foreign::from)),
        By::Container => {
            let container = process.container();
            GroupedBy::Container(container.map(|container| container.label()))
        }
        By::User | By::Port | By::Peer | By::State | By::Netns => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, Family, Holder, HolderIndex, Via};
    use std::net::Ipv4Addr;
    use std::num::NonZeroU32;

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
        assert_eq!(view.groups[0].key, GroupedBy::Port(80));
        assert_eq!(view.groups[0].counts.of(State::TimeWait), 2);
        let udp = UdpCounts {
            connected: 1,
            unconnected: 1,
        };
        assert_eq!(view.udp, udp);
        assert_eq!(view.total.all().count(), 13, "12 names and one number");
    }

    #[test]
    fn processes_of_one_name_are_one_group_and_each_counts_once() {
        let mut facts = Facts::default();
        let holder = |inode, pid| Holder {
            inode: NonZeroU32::new(inode).unwrap(),
            pid,
            via: Via::Fd(3),
        };
        // The first shares its listener with the second and with a helper of another name.
        let holders = [(1, 10), (1, 11), (1, 12), (2, 11), (3, 13)];
        facts.holders = HolderIndex::new(holders.map(|(inode, pid)| holder(inode, pid)).to_vec());
        for (pid, comm) in [(10, "postgres"), (11, "postgres"), (12, "sh"), (13, "nc")] {
            let process = Process::named(pid, comm.into());
            facts.processes.insert(pid, process);
        }
        let mut tally = Tally::new(Some(By::Name));
        for inode in 1..=3 {
            let mut socket = socket(Protocol::Tcp, State::Listen, 5432);
            socket.inode = NonZeroU32::new(inode);
            socket.owner_status = OwnerStatus::Found;
            socket.held = facts.holders.find(socket.inode);
            tally.add(&socket, &facts);
        }
        let view = tally.finish();
        let groups = view.groups.iter();
        let told: Vec<_> = groups
            .map(|group| (&group.key, group.counts.total(), group.processes))
            .collect();
        assert_eq!(
            told,
            [
                (&GroupedBy::Name(b"postgres".to_vec()), 2, Some(2)),
                (&GroupedBy::Name(b"nc".to_vec()), 1, Some(1)),
            ]
        );
    }
}
