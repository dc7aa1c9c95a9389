//! One look, with what belongs to it: sockets, counters, and when it was taken.

use std::time::Duration;

use crate::model::{Facts, Kernel, NetnsId, Report, Snapshot, Socket};

/// One look at a namespace: its sockets, and what the kernel counts.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// The sockets with their owners.
    pub snapshot: Snapshot,
    /// Counters and settings.
    pub kernel: Kernel,
    /// When, on a clock that never jumps.
    pub at: Duration,
}

impl Sample {
    /// The sockets.
    #[must_use]
    pub fn sockets(&self) -> &[Socket] {
        &self.snapshot.sockets
    }

    /// Owners and names.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.snapshot.facts
    }

    /// The namespace.
    #[must_use]
    pub fn netns(&self) -> Option<NetnsId> {
        self.sockets().first()?.netns
    }

    /// Where it came from.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.snapshot.report
    }
}
