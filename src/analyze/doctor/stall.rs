//! What the two rules of stalled connections share: how long nothing moved, and how bad that is.

use super::case::{by_party, subject};
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
    /// A stall that is sure to last since `told_ms` where that is told, and through the whole
    /// sample where it was seen at both ends.
    pub fn new(case: &Case<'_>, socket: &'a Socket, told_ms: Option<u64>) -> Self {
        let window = case.was(socket).and(case.window_ms());
        let ms = told_ms.max(window).unwrap_or(0);
        Self { socket, ms }
    }
}

/// Stalled connections with the same party.
pub(super) struct Group<'a> {
    pub sockets: Vec<&'a Socket>,
    pub longest_ms: u64,
    pub severity: Severity,
    pub subject: Subject,
}

/// The stalled connections by party; groups whose stall is too short to speak of are left out.
pub(super) fn groups<'a>(case: &Case<'a>, stalled: &[Stalled<'a>]) -> Vec<Group<'a>> {
    let sockets = stalled.iter().map(|stalled| stalled.socket);
    let parties = by_party(case, sockets);
    let ms_of = |socket: &Socket| {
        let same = |s: &&Stalled<'_>| std::ptr::eq(s.socket, socket);
        stalled.iter().find(same).map_or(0, |stalled| stalled.ms)
    };
    parties
        .into_values()
        .map(|sockets| {
            let longest_ms = sockets.iter().map(|s| ms_of(s)).max().unwrap_or(0);
            Group {
                severity: severity(longest_ms),
                subject: subject(case, &sockets),
                longest_ms,
                sockets,
            }
        })
        .collect()
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
