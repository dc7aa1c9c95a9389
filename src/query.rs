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
    /// How much about owners; [`ProcessDetail::None`] is `--no-owners`.
    pub owners: ProcessDetail,
    /// Whether the names of users are wanted.
    pub users: bool,
    /// Whether the memory and the drops of each socket are wanted (`SKMEMINFO`).
    pub memory: bool,
    /// Whether the inner state of each TCP connection is wanted (`tcp_info`).
    pub info: bool,
    /// Whether descriptors in use and their limit are wanted of each owner.
    pub files: bool,
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
            owners: ProcessDetail::Full,
            users: true,
            memory: false,
            info: false,
            files: false,
            strict: false,
        }
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
