//! The ports of `port` in JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::analyze::port::{BlockReason, Blocker, ByPort, PortEntry};
use crate::model::{Facts, Protocol, State};

/// What `port` adds to its sockets.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PortsPart<'a> {
    /// One entry for each asked port and protocol, free ones too; of a range only those in use.
    ports: Vec<PortRow<'a>>,
}

impl<'a> PortsPart<'a> {
    /// The entries, from all the sockets of the asked ports.
    #[must_use]
    pub fn new(entries: &'a [PortEntry], sockets: &ByPort<'_>, facts: &Facts) -> Self {
        let ports = entries.iter();
        Self {
            ports: ports
                .map(|entry| PortRow::new(entry, sockets, facts))
                .collect(),
        }
    }
}

/// One asked port of one protocol.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Port"))]
struct PortRow<'a> {
    port: u16,
    protocol: Protocol,
    /// Whether a listener, a bound socket or a connection has it as its local port.
    in_use: bool,
    /// Sockets that wait for clients on it.
    listeners: u64,
    /// Sockets whose local port it is, by state; states without any are absent.
    by_state: &'a BTreeMap<State, u64>,
    /// Sockets whose peer has it, by state; states without any are absent.
    outbound_by_state: &'a BTreeMap<State, u64>,
    /// What stands in the way of a bind().
    blocked_by: Vec<BlockerRow>,
}

impl<'a> PortRow<'a> {
    fn new(entry: &'a PortEntry, sockets: &ByPort<'_>, facts: &Facts) -> Self {
        let blockers = entry.blocked_by.iter();
        Self {
            port: entry.port,
            protocol: entry.protocol,
            in_use: entry.in_use(),
            listeners: entry.listeners(),
            by_state: &entry.by_state,
            outbound_by_state: &entry.outbound_by_state,
            blocked_by: blockers
                .map(|blocker| BlockerRow::new(blocker, entry, sockets, facts))
                .collect(),
        }
    }
}

/// Sockets that stand in the way of a bind().
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Blocker"))]
struct BlockerRow {
    reason: BlockReason,
    state: State,
    /// How many of them.
    count: u64,
    /// The processes that hold them.
    pids: Vec<u32>,
    /// When they block it, in words.
    message: &'static str,
}

impl BlockerRow {
    fn new(blocker: &Blocker, entry: &PortEntry, sockets: &ByPort<'_>, facts: &Facts) -> Self {
        let held = sockets
            .local(entry)
            .iter()
            .filter(|s| s.state == blocker.state);
        let mut pids: Vec<u32> = held
            .flat_map(|s| facts.owner_processes(s).map(|p| p.pid))
            .collect();
        pids.sort_unstable();
        pids.dedup();
        Self {
            reason: blocker.reason,
            state: blocker.state,
            count: blocker.count,
            pids,
            message: blocker.reason.explanation(),
        }
    }
}
