//! The ports of `port` in JSON.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::analyze::port::{ByPort, PortEntry};
use crate::model::{Facts, State};

/// One entry of `ports`, from all the sockets of the asked ports.
#[must_use]
pub fn to_json(entry: &PortEntry, sockets: &ByPort<'_>, facts: &Facts) -> Json {
    let counts = |by_state: &BTreeMap<State, u64>| -> Json {
        let counts = by_state.iter();
        Json::Object(
            counts
                .map(|(state, n)| (state.to_string(), (*n).into()))
                .collect(),
        )
    };
    let blockers = entry.blocked_by.iter().map(|blocker| {
        let held = sockets
            .local(entry)
            .iter()
            .filter(|s| s.state == blocker.state);
        let mut pids: Vec<u32> = held
            .flat_map(|s| facts.owner_processes(s).map(|p| p.pid))
            .collect();
        pids.sort_unstable();
        pids.dedup();
        json!({
            "reason": blocker.reason.name(),
            "state": blocker.state.to_string(),
            "count": blocker.count,
            "pids": pids,
            "message": blocker.reason.explanation(),
        })
    });
    json!({
        "port": entry.port,
        "protocol": entry.protocol.name(),
        "in_use": entry.in_use(),
        "listeners": entry.listeners(),
        "by_state": counts(&entry.by_state),
        "outbound_by_state": counts(&entry.outbound_by_state),
        "blocked_by": blockers.collect::<Vec<_>>(),
    })
}
