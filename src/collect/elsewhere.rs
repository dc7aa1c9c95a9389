//! Ports that are held in other network namespaces.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use super::read_tables;
use crate::model::{Protocol, Socket, StateSet};
use crate::query::{ProcessDetail, Query};
use crate::sys::netns;
use crate::sys::proc::ProcDir;

/// A port held in another namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldElsewhere {
    /// The port.
    pub port: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// Inode of the namespace.
    pub netns: NonZeroU64,
    /// A process of that namespace, by which it can be entered.
    pub pid: u32,
}

/// Looks for listeners on `ports` in every other namespace that a visible process is in.
///
/// A namespace that may not be entered (no `CAP_SYS_ADMIN`) is passed over.
#[must_use]
pub fn listeners_elsewhere(query: &Query, ports: &[(u16, Protocol)]) -> Vec<HeldElsewhere> {
    let query = Query {
        states: StateSet::LISTENING,
        owners: ProcessDetail::None,
        ..*query
    };
    let mut held = Vec::new();
    for (netns, pid) in other_namespaces() {
        let found = netns::inside(pid, || {
            let mut found = Vec::new();
            let wanted = |s: &Socket| ports.contains(&(s.local.port, s.protocol));
            let report = read_tables(&query, &mut |socket| {
                let key = (socket.local.port, socket.protocol);
                if wanted(&socket) && socket.is_listener() && !found.contains(&key) {
                    found.push(key);
                }
            });
            report.map(|_| found)
        });
        let found = found.ok().and_then(Result::ok).unwrap_or_default();
        held.extend(found.into_iter().map(|(port, protocol)| HeldElsewhere {
            port,
            protocol,
            netns,
            pid,
        }));
    }
    held
}

/// The namespaces of all visible processes but our own, each with its lowest pid.
fn other_namespaces() -> BTreeMap<NonZeroU64, u32> {
    let own = netns::current();
    let mut pids = ProcDir::open()
        .and_then(|proc| proc.pids())
        .unwrap_or_default();
    pids.sort_unstable();
    let mut namespaces = BTreeMap::new();
    for pid in pids {
        if let Some(netns) = netns::of_process(pid).filter(|&netns| Some(netns) != own) {
            namespaces.entry(netns).or_insert(pid);
        }
    }
    namespaces
}
