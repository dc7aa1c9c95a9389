//! The ports of `port` in JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::analyze::bind::Certainty;
use crate::analyze::port::{BlockReason, Blocker, PortEntry};
use crate::model::{Protocol, State};

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
    pub fn new(entries: &'a [PortEntry]) -> Self {
        Self {
            ports: entries.iter().map(PortRow::new).collect(),
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
    /// What stands in the way of a bind() as servers do it (TCP with SO_REUSEADDR, UDP without),
    /// the surest first.
    blocked_by: Vec<BlockerRow<'a>>,
}

impl<'a> PortRow<'a> {
    fn new(entry: &'a PortEntry) -> Self {
        Self {
            port: entry.port,
            protocol: entry.protocol,
            in_use: entry.in_use(),
            listeners: entry.listeners(),
            by_state: &entry.by_state,
            outbound_by_state: &entry.outbound_by_state,
            blocked_by: entry.blocked_by.iter().map(BlockerRow::new).collect(),
        }
    }
}

/// Sockets that stand in the way of a bind().
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Blocker"))]
struct BlockerRow<'a> {
    reason: BlockReason,
    state: State,
    /// How sure it is: certain; likely, unless the socket set SO_REUSEADDR itself, which the
    /// kernel does not tell; unlikely, only if it did not. wait --free waits for the first two.
    certainty: Certainty,
    /// How many of them.
    count: u64,
    /// The processes that hold them.
    pids: &'a BTreeSet<u32>,
    /// When they block it, in words.
    message: &'static str,
}

impl<'a> BlockerRow<'a> {
    fn new(blocker: &'a Blocker) -> Self {
        let what = blocker.what;
        Self {
            reason: what.reason,
            state: what.state,
            certainty: what.certainty,
            count: blocker.count,
            pids: &blocker.pids,
            message: what.explanation(),
        }
    }
}
