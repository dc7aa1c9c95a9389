//! Counts in JSON.

use std::borrow::Cow;
use std::net::IpAddr;
use std::num::NonZeroU64;

use serde::{Serialize, Serializer};

use crate::analyze::states::{Counts, Group, GroupedBy, StatesView, UdpCounts};
use crate::json::stream::{EventRow, figure, known_by};
use crate::json::{ProcessName, text};
use crate::model::{Foreign, OwnerStatus, Record, State};

/// Counts of all sockets.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Totals<'a> {
    /// TCP sockets in all states, bound-only ones too.
    total: u64,
    /// TCP sockets by state.
    states: ByState<'a>,
    /// UDP sockets, which are in no other count.
    udp: Udp,
}

impl<'a> Totals<'a> {
    /// The totals of a view.
    #[must_use]
    pub fn new(view: &'a StatesView) -> Self {
        let UdpCounts {
            connected,
            unconnected,
        } = view.udp;
        Self {
            total: view.total.total(),
            states: ByState(&view.total),
            udp: Udp {
                connected,
                unconnected,
            },
        }
    }
}

impl EventRow for Totals<'_> {
    const NAME: &'static str = "totals";

    /// There is only one such row.
    fn record(&self) -> Record {
        known_by(&())
            .with("total", figure(&self.total))
            .with("states", figure(&self.states))
            .with("udp", figure(&self.udp))
    }
}

/// Counts of UDP sockets.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "UdpCounts"))]
struct Udp {
    /// With a peer.
    connected: u64,
    /// Without one.
    unconnected: u64,
}

/// How many TCP sockets are in each state, zeros included.
#[derive(Debug)]
struct ByState<'a>(&'a Counts);

impl Serialize for ByState<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.all())
    }
}

/// The answer of `states`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StatesAnswer<'a> {
    #[serde(flatten)]
    totals: Totals<'a>,
    /// The groups of --by, the largest first, which add up to the total; else empty.
    groups: Vec<GroupRow<'a>>,
}

impl<'a> StatesAnswer<'a> {
    /// The totals and groups of a view.
    #[must_use]
    pub fn new(view: &'a StatesView) -> Self {
        Self {
            totals: Totals::new(view),
            groups: view.groups.iter().map(GroupRow::new).collect(),
        }
    }
}

/// TCP sockets that have the key in common.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Group"))]
pub struct GroupRow<'a> {
    key: GroupKey<'a>,
    /// Sockets in all states.
    total: u64,
    /// Sockets by state.
    states: ByState<'a>,
    /// How many processes hold them: those of the name, or of the command line. Absent where
    /// groups are made of something else, or there is no owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "usize"))]
    processes: Option<usize>,
}

impl<'a> GroupRow<'a> {
    /// One group.
    #[must_use]
    pub fn new(group: &'a Group) -> Self {
        Self {
            key: GroupKey::new(&group.key),
            total: group.counts.total(),
            states: ByState(&group.counts),
            processes: group.processes,
        }
    }
}

impl EventRow for GroupRow<'_> {
    const NAME: &'static str = "group";

    fn record(&self) -> Record {
        known_by(&self.key)
            .with("total", figure(&self.total))
            .with("states", figure(&self.states))
            .with_known("processes", self.processes.as_ref().map(figure))
    }
}

/// What a group has in common: one of these, as --by says.
#[derive(Debug, Serialize)]
#[serde(untagged)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum GroupKey<'a> {
    /// The process that holds the sockets; of several the one with the lowest pid.
    Process(ProcessName<'a>),
    /// The processes of this name.
    Name {
        /// The name, up to 15 bytes; U+FFFD where it is not UTF-8.
        comm: Cow<'a, str>,
        /// The bytes of `comm`; only where it is not UTF-8.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, schemars(with = "crate::json::base64::Base64"))]
        comm_base64: Option<String>,
    },
    /// The processes of this command line.
    Command {
        /// Null where it is empty or unreadable.
        command: Option<Cow<'a, str>>,
        /// The bytes of `command`; only where it is not UTF-8.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, schemars(with = "crate::json::base64::Base64"))]
        command_base64: Option<String>,
    },
    /// There is no owner, for this reason.
    NoOwner {
        /// The reason.
        owner_status: OwnerStatus,
    },
    /// The user who made them.
    User {
        /// Null where the kernel records none.
        uid: Option<u32>,
        /// Null when the user has no name.
        user: Option<Cow<'a, str>>,
    },
    /// The local port.
    Port {
        /// The port.
        port: u16,
    },
    /// The peer's address.
    Peer {
        /// Null for what is not connected.
        peer: Option<IpAddr>,
    },
    /// The state.
    State {
        /// The state.
        state: State,
    },
    /// The inode of the network namespace.
    Netns {
        /// Null where it is not known.
        netns: Option<NonZeroU64>,
    },
    /// The systemd unit of the owner.
    Unit {
        /// Null where the owner has none.
        unit: Option<Cow<'a, str>>,
    },
    /// The container of the owner: engine:id.
    Container {
        /// Null where the owner is in none.
        container: Option<Cow<'a, str>>,
    },
}

impl<'a> GroupKey<'a> {
    /// The key of a group.
    #[must_use]
    pub fn new(key: &'a GroupedBy) -> Self {
        match key {
            GroupedBy::Process { pid, comm } => Self::Process(ProcessName::new(*pid, comm)),
            GroupedBy::Name(comm) => {
                let (comm, comm_base64) = text(comm);
                Self::Name { comm, comm_base64 }
            }
            GroupedBy::Command(command) => {
                let command = command.as_deref().map(text);
                let (command, command_base64) =
                    command.map_or((None, None), |(text, bytes)| (Some(text), bytes));
                Self::Command {
                    command,
                    command_base64,
                }
            }
            &GroupedBy::NoOwner(owner_status) => Self::NoOwner { owner_status },
            GroupedBy::User { uid, name } => Self::User {
                uid: *uid,
                user: name.as_ref().map(Foreign::exact),
            },
            &GroupedBy::Port(port) => Self::Port { port },
            &GroupedBy::Peer(peer) => Self::Peer { peer },
            &GroupedBy::State(state) => Self::State { state },
            &GroupedBy::Netns(netns) => Self::Netns { netns },
            GroupedBy::Unit(unit) => Self::Unit {
                unit: unit.as_ref().map(Foreign::exact),
            },
            GroupedBy::Container(container) => Self::Container {
                container: container.as_ref().map(Foreign::exact),
            },
        }
    }
}

#[cfg(test)]
impl schemars::JsonSchema for ByState<'_> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ByState".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names = State::TCP.into_iter().filter_map(State::name);
        schemars::json_schema!({
            "description": "How many TCP sockets are in each state, zeros included; a state \
                that this version does not know has its number.",
            "type": "object",
            "required": names.collect::<Vec<_>>(),
            "additionalProperties": {"type": "integer", "minimum": 0},
        })
    }
}
