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

/// What a column, a filter or a view looks at beside the rows themselves, each a bit: nothing is
/// asked of the kernel that nobody looks at.
///
/// One such set goes all the way, from the table of columns to the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs(u16);

impl Needs {
    /// The rows are enough.
    pub const NOTHING: Self = Self(0);
    /// Which processes hold a socket, and their names.
    pub const OWNERS: Self = Self(1);
    /// All about these processes.
    pub const PROCESSES: Self = Self(1 | 1 << 1);
    /// The names of users.
    pub const USERS: Self = Self(1 << 2);
    /// Memory and drops of each socket (`SKMEMINFO`).
    pub const MEMORY: Self = Self(1 << 3);
    /// The inner state of each TCP connection (`tcp_info`).
    pub const INFO: Self = Self(1 << 4);
    /// What was set on each socket: congestion control, TOS, mark.
    pub const OPTIONS: Self = Self(1 << 5);
    /// The protocol above TCP, where a connection may have one that must be known.
    pub const ULP: Self = Self(1 << 6);
    /// The paths of cgroups that only the socket tells.
    pub const CGROUPS: Self = Self(1 << 7);
    /// Groups of sockets that share an address.
    pub const GROUPS: Self = Self(1 << 8);
    /// Descriptors in use and their limit, of each owner, and whether it can run.
    pub const FILES: Self = Self(1 << 9);

    /// Where each owner runs, from whom it comes, and whether it can run.
    pub const BACKGROUND: Self = Self(1 << 10);

    /// What `sock_diag` alone tells.
    pub const DETAILS: Self = Self::MEMORY.and(Self::INFO).and(Self::OPTIONS);
    /// All that columns show.
    pub const EVERYTHING: Self = Self::DETAILS
        .and(Self::PROCESSES)
        .and(Self::USERS)
        .and(Self::CGROUPS)
        .and(Self::GROUPS);

    /// What both need.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is left when nobody looks at `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The same where it is wanted at all.
    #[must_use]
    pub const fn when(self, wanted: bool) -> Self {
        if wanted { self } else { Self::NOTHING }
    }

    /// Whether all of `other` is needed.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether some of `other` is needed.
    #[must_use]
    pub const fn has_any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// How much about owners.
    #[must_use]
    pub const fn owners(self) -> ProcessDetail {
        if self.has(Self::PROCESSES) {
            ProcessDetail::Full
        } else if self.has(Self::OWNERS) {
            ProcessDetail::Name
        } else {
            ProcessDetail::None
        }
    }

    /// The same with so much about owners, no more and no less.
    #[must_use]
    pub const fn with_owners(self, detail: ProcessDetail) -> Self {
        let owners = match detail {
            ProcessDetail::None => Self::NOTHING,
            ProcessDetail::Name => Self::OWNERS,
            ProcessDetail::Full => Self::PROCESSES,
        };
        self.without(Self::PROCESSES).and(owners)
    }
}

/// What one answer needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// What is wanted beside the rows; without owners it is `--no-owners`.
    pub needs: Needs,
    /// Facts of processes that rows are chosen by: where one is lost, rows may be.
    pub compares: ProcessFacts,
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
            needs: Needs::PROCESSES.and(Needs::USERS),
            compares: ProcessFacts::NONE,
            late_commands: false,
            strict: false,
        }
    }

    /// Asks for what is needed, too; for owners only where they are asked for at all.
    pub const fn need(&mut self, needs: Needs) {
        let needs = match self.needs.owners() {
            ProcessDetail::None => needs.without(Needs::PROCESSES),
            _ => needs,
        };
        self.needs = self.needs.and(needs);
    }

    /// Leaves of owners their names, where they are asked for at all, and no users.
    pub const fn name_owners_only(&mut self) {
        let unnamed = Needs(Needs::PROCESSES.0 & !Needs::OWNERS.0).and(Needs::USERS);
        self.needs = self.needs.without(unnamed);
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
        let everything = Query::everything();
        let mut query = Query {
            needs: everything.needs.with_owners(ProcessDetail::None),
            ..everything
        };
        query.need(Needs::OWNERS.and(Needs::INFO).and(Needs::OPTIONS));
        assert_eq!(query.needs.owners(), ProcessDetail::None);
        let asked = Needs::USERS.and(Needs::INFO).and(Needs::OPTIONS);
        assert_eq!(query.needs, asked);
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
