//! What the two rules of stalled connections share: how long nothing moved, and how bad that is.

use std::collections::BTreeMap;

use super::case::{Party, subject};
use super::{Case, Severity, Subject};
use crate::model::Socket;

/// A stall of more than this is a warning, and critical: milliseconds.
pub(super) const WARNING_MS: u64 = 10_000;
pub(super) const CRITICAL_MS: u64 = 60_000;
/// A stall that is shorter and was seen once may end at any moment: milliseconds.
pub(super) const SURE_MS: u64 = 1_000;

/// A connection that does not move, and since when.
#[derive(Clone, Copy)]
pub(super) struct Stalled<'a> {
    pub socket: &'a Socket,
    pub ms: u64,
}

impl<'a> Stalled<'a> {
    /// A stall that is sure to last since `told_ms` where that is known, and through the whole
    /// sample where it was seen at both ends.
    pub fn new(case: &Case<'_>, socket: &'a Socket, told_ms: Option<u64>) -> Self {
        let window = case.was(socket).and(case.window_ms());
        let ms = told_ms.max(window).unwrap_or(0);
        Self { socket, ms }
    }
}

/// Stalled connections with the same party.
pub(super) struct StalledGroup<'a> {
    pub sockets: Vec<&'a Socket>,
    pub longest_ms: u64,
    pub severity: Severity,
    pub subject: Subject,
}

/// The stalled connections by party.
pub(super) fn groups<'a>(case: &Case<'a>, stalled: &[Stalled<'a>]) -> Vec<StalledGroup<'a>> {
    let mut parties: BTreeMap<Party, (Vec<&Socket>, u64)> = BTreeMap::new();
    for &Stalled { socket, ms } in stalled {
        let party = parties.entry(Party::of(case, socket)).or_default();
        party.0.push(socket);
        party.1 = party.1.max(ms);
    }
    let groups = parties
        .into_values()
        .map(|(sockets, longest_ms)| StalledGroup {
            severity: severity(longest_ms),
            subject: subject(case, &sockets),
            longest_ms,
            sockets,
        });
    groups.collect()
}

fn severity(ms: u64) -> Severity {
    match ms {
        ms if ms > CRITICAL_MS => Severity::Critical,
        ms if ms > WARNING_MS => Severity::Warning,
        _ => Severity::Info,
    }
}

pub(super) fn thresholds() -> Vec<String> {
    vec![
        format!(
            "critical: nothing moves for more than {} s",
            CRITICAL_MS / 1000
        ),
        format!("warning: for more than {} s", WARNING_MS / 1000),
        format!(
            "info: at both looks without a byte between them; at the only look for {} s or more",
            SURE_MS / 1000
        ),
    ]
}

/// `2.4 s`, `3 min`.
pub(super) fn span(ms: u64) -> String {
    match ms {
        ms if ms < 60_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        ms if ms < 3_600_000 => format!("{} min", ms / 60_000),
        ms => format!("{} h {} min", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
}
