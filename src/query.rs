//! What is wanted: a plain value that collectors can push down to the kernel.

use crate::model::{FamilySet, Narrow, Protocol, ProtocolSet, State, StateSet};

/// Which collector reads the tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CollectorChoice {
    /// netlink, and procfs for each table that netlink does not give.
    #[default]
    Auto,
    /// `sock_diag` only.
    Netlink,
    /// /proc/net only.
    Procfs,
    /// The `netstat2` crate only.
    Netstat2,
}

/// Where the owners of sockets are read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OwnerSource {
    /// Whichever is quicker and can be had.
    #[default]
    Auto,
    /// The kernel's list of open files (bpf), and /proc where that cannot be had.
    Bpf,
    /// The fd tables in /proc only.
    Proc,
}

/// How much is read about the processes that hold sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProcessDetail {
    /// Nothing: owners are not asked for.
    None,
    /// The name.
    Name,
    /// Everything: command line, user, parent, start, cgroup.
    Full,
}

/// Facts of a process that /proc tells file by file: each may be lost alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessFacts {
    /// The command line.
    pub command: bool,
    /// As whom it runs.
    pub user: bool,
    /// Its cgroup, and what that tells: unit and container.
    pub cgroup: bool,
}

impl ProcessFacts {
    /// None of them.
    pub const NONE: Self = Self {
        command: false,
        user: false,
        cgroup: false,
    };
    /// The command line alone.
    pub const COMMAND: Self = Self {
        command: true,
        ..Self::NONE
    };
    /// The user alone.
    pub const USER: Self = Self {
        user: true,
        ..Self::NONE
    };
    /// The cgroup alone.
    pub const CGROUP: Self = Self {
        cgroup: true,
        ..Self::NONE
    };

    /// Those of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            command: self.command || other.command,
            user: self.user || other.user,
            cgroup: self.cgroup || other.cgroup,
        }
    }

    /// Whether one is in both.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        (self.command && other.command)
            || (self.user && other.user)
            || (self.cgroup && other.cgroup)
    }
}

/// What a column, a filter or a view looks at beside the rows themselves.
///
/// Each entry of the table of columns has one: nothing is asked for that nobody looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is something to ask for, or not"
)]
pub struct Needs {
    /// How much about owners.
    pub owners: ProcessDetail,
    /// The names of users.
    pub users: bool,
    /// Memory and drops.
    pub memory: bool,
    /// The inner state of TCP.
    pub info: bool,
    /// Options of the socket.
    pub options: bool,
    /// The paths of cgroups that only the socket tells.
    pub cgroups: bool,
    /// Groups of sockets that share an address.
    pub groups: bool,
}

impl Needs {
    /// The rows are enough.
    pub const NOTHING: Self = Self {
        owners: ProcessDetail::None,
        users: false,
        memory: false,
        info: false,
        options: false,
        cgroups: false,
        groups: false,
    };

    /// Everything there is.
    pub const EVERYTHING: Self = Self {
        owners: ProcessDetail::Full,
        users: true,
        memory: true,
        info: true,
        options: true,
        cgroups: true,
        groups: true,
    };

    /// What both need.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            owners: self.owners.max(other.owners),
            users: self.users || other.users,
            memory: self.memory || other.memory,
            info: self.info || other.info,
            options: self.options || other.options,
            cgroups: self.cgroups || other.cgroups,
            groups: self.groups || other.groups,
        }
    }
}

/// What one answer needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is something to ask for, or not"
)]
pub struct Query {
    /// The protocols.
    pub protocols: ProtocolSet,
    /// The address families.
    pub families: FamilySet,
    /// The states of the rows.
    pub states: StateSet,
    /// Ports and addresses outside of which no row is wanted. A collector may use it to read
    /// less; listeners come all the same.
    pub narrow: Narrow,
    /// Which collector.
    pub collector: CollectorChoice,
    /// Where owners are read from.
    pub owner_source: OwnerSource,
    /// How much about owners; [`ProcessDetail::None`] is `--no-owners`.
    pub owners: ProcessDetail,
    /// Facts of processes that rows are chosen by: where one is lost, rows may be.
    pub compares: ProcessFacts,
    /// Whether the names of users are wanted.
    pub users: bool,
    /// Whether the memory and the drops of each socket are wanted (`SKMEMINFO`).
    pub memory: bool,
    /// Whether the inner state of each TCP connection is wanted (`tcp_info`).
    pub info: bool,
    /// Whether the options of each socket are wanted: congestion control, TOS, mark.
    pub options: bool,
    /// Whether the cgroups of sockets without an owner are wanted by their paths.
    pub cgroups: bool,
    /// Whether sockets that share an address are to be told as groups.
    pub groups: bool,
    /// Whether descriptors in use and their limit are wanted of each owner, and whether it can run.
    pub files: bool,
    /// Whether command lines are read only of the processes that are left when rows have been
    /// chosen, and not of every holder.
    pub late_commands: bool,
    /// Whether every table is read until nothing new appears.
    pub strict: bool,
}

impl Query {
    /// Everything there is: TCP and UDP, both families, all states, all about owners.
    #[must_use]
    pub const fn everything() -> Self {
        Self {
            protocols: ProtocolSet {
                tcp: true,
                udp: true,
                raw: false,
            },
            families: FamilySet::BOTH,
            states: StateSet::ALL,
            narrow: Narrow::ALL,
            collector: CollectorChoice::Auto,
            owner_source: OwnerSource::Auto,
            owners: ProcessDetail::Full,
            compares: ProcessFacts::NONE,
            users: true,
            memory: false,
            info: false,
            options: false,
            cgroups: false,
            groups: false,
            files: false,
            late_commands: false,
            strict: false,
        }
    }

    /// Asks for what is needed, too; for owners only where they are asked for at all.
    pub fn need(&mut self, needs: Needs) {
        if self.owners != ProcessDetail::None {
            self.owners = self.owners.max(needs.owners);
        }
        self.users |= needs.users;
        self.memory |= needs.memory;
        self.info |= needs.info;
        self.options |= needs.options;
        self.cgroups |= needs.cgroups;
        self.groups |= needs.groups;
    }

    /// Whether sockets of `protocol` can be in the answer at all.
    #[must_use]
    pub const fn wants(&self, protocol: Protocol) -> bool {
        let possible = match protocol {
            Protocol::Tcp => StateSet::ALL.without(State::Unconnected),
            Protocol::Udp | Protocol::Raw => StateSet::NONE
                .with(State::Established)
                .with(State::Unconnected)
                .with(State::Unknown(0)),
        };
        self.protocols.contains(protocol) && self.states.intersects(possible)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_are_added_and_owners_stay_unasked() {
        let rtt = Needs {
            owners: ProcessDetail::Name,
            info: true,
            ..Needs::NOTHING
        };
        let mut query = Query {
            owners: ProcessDetail::None,
            ..Query::everything()
        };
        query.need(rtt.and(Needs {
            options: true,
            ..Needs::NOTHING
        }));
        assert!(query.info && query.options && !query.memory && !query.groups);
        assert_eq!(query.owners, ProcessDetail::None);
        let mut query = Query::everything();
        query.need(Needs::NOTHING);
        assert_eq!(query, Query::everything());
    }

    #[test]
    fn a_table_that_cannot_match_is_not_read() {
        let only = |state| Query {
            states: StateSet::NONE.with(state),
            ..Query::everything()
        };
        assert!(only(State::CloseWait).wants(Protocol::Tcp));
        assert!(!only(State::CloseWait).wants(Protocol::Udp));
        assert!(!only(State::Unconnected).wants(Protocol::Tcp));
        assert!(!only(State::Unconnected).wants(Protocol::Raw));
        assert!(only(State::Established).wants(Protocol::Udp));
    }
}
