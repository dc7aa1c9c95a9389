//! The lines of `--watch --format ndjson`: each tells of one event.

use serde::Serialize;

use super::{ProblemEntry, ProcessName};
use crate::model::{Event, State};

/// A socket was there, came, changed or went.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[expect(
    clippy::option_option,
    reason = "absent, null and there are three things"
)]
pub struct SocketEvent<'a, S> {
    pub(crate) event: Event,
    /// Milliseconds since the watch began, on a clock that never jumps: when the look was made.
    pub(crate) monotonic_ms: u64,
    /// The socket as it is; of one that closed, as it was last seen.
    pub(crate) socket: S,
    /// What changed: state, local, peer, owners, accept_queue, recv_q, send_q, drops. More may
    /// come. Of "changed" only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    pub(crate) changes: Option<Vec<&'static str>>,
    /// The state before; null when it is the same. Of "changed" only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<State>"))]
    pub(crate) previous_state: Option<Option<State>>,
    /// The process that holds the socket, or held it when it was last seen with an owner: the
    /// lowest pid; null when none was seen. Of "changed" and "closed" only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<ProcessName<'static>>"))]
    pub(crate) last_owner: Option<Option<ProcessName<'a>>>,
}

/// A group, a pile, a finding, a page or the totals were there, came, changed or went.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RecordEvent<R> {
    pub(crate) event: Event,
    /// Milliseconds since the watch began, on a clock that never jumps: when the look was made.
    pub(crate) monotonic_ms: u64,
    /// The keys of it that changed. Of "changed" only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    pub(crate) changes: Option<Vec<String>>,
    #[serde(flatten)]
    pub(crate) record: R,
}

/// Something could not be seen, and could be (or was not tried) at the look before.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProblemEvent<'a> {
    #[cfg_attr(test, schemars(extend("const" = "problem")))]
    event: &'static str,
    /// Milliseconds since the watch began, on a clock that never jumps: when the look was made.
    monotonic_ms: u64,
    problem: ProblemEntry<'a>,
}

impl<'a> ProblemEvent<'a> {
    pub(crate) const fn new(monotonic_ms: u64, problem: ProblemEntry<'a>) -> Self {
        Self {
            event: "problem",
            monotonic_ms,
            problem,
        }
    }
}

/// Looks were left out, because the one before took longer than the interval.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BehindEvent {
    #[cfg_attr(test, schemars(extend("const" = "behind")))]
    event: &'static str,
    /// Milliseconds since the watch began, on a clock that never jumps: when the look before
    /// ended.
    monotonic_ms: u64,
    /// How many.
    missed_rounds: u64,
}

impl BehindEvent {
    pub(crate) const fn new(monotonic_ms: u64, missed_rounds: u64) -> Self {
        Self {
            event: "behind",
            monotonic_ms,
            missed_rounds,
        }
    }
}
