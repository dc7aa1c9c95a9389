//! Ports that are held in other network namespaces.

use std::collections::BTreeSet;
use std::io;
use std::num::NonZeroU64;

use super::read_tables;
use crate::model::{Protocol, StateSet};
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

/// What other namespaces hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// The ports held, in each namespace once.
    pub held: Vec<HeldElsewhere>,
    /// Namespaces that could not be looked into (no `CAP_SYS_ADMIN`).
    pub unseen: u64,
}

/// Looks for listeners on `ports` in every other namespace that a visible process is in.
#[must_use]
pub fn listeners_elsewhere(query: &Query, ports: &[(u16, Protocol)]) -> Elsewhere {
    let query = Query {
        states: StateSet::LISTENING,
        owners: ProcessDetail::None,
        ..*query
    };
    let mut elsewhere = Elsewhere::default();
    for pid in others() {
        let found = netns::inside(pid, || {
            let mut found = Vec::new();
            let report = read_tables(&query, &mut |socket| {
                let key = (socket.local.port, socket.protocol);
                if socket.is_listener() && ports.contains(&key) && !found.contains(&key) {
                    found.push(key);
                }
            });
            report.ok().and_then(|_| Some((found, netns::current()?)))
        });
        let (found, netns) = match found {
            Ok(Some(found)) => found,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                elsewhere.unseen += 1;
                continue;
            }
            // The namespace has ended.
            Ok(None) | Err(_) => continue,
        };
        let held = found.into_iter().map(|(port, protocol)| HeldElsewhere {
            port,
            protocol,
            netns,
            pid,
        });
        elsewhere.held.extend(held);
    }
    elsewhere
}

/// The lowest pid of every network namespace but our own that a visible process is in.
fn others() -> Vec<u32> {
    let mut pids = ProcDir::open()
        .and_then(|proc| proc.pids())
        .unwrap_or_default();
    pids.sort_unstable();
    let mut seen: BTreeSet<u64> = netns::mark(None).into_iter().collect();
    pids.retain(|&pid| netns::mark(Some(pid)).is_some_and(|mark| seen.insert(mark)));
    pids
}
