//! What a look for owners found, whichever way it was made.

use rustc_hash::FxHashMap;

use super::blind_spot::BlindSpot;
use super::gaps::Gaps;
use super::processes::Seen;
use crate::model::Holder;

/// What a pass over the fd tables found.
#[derive(Debug, Default)]
pub struct Scan {
    /// Every (socket, process, descriptor).
    pub holders: Vec<Holder>,
    /// What the pass itself tells of processes.
    pub seen: FxHashMap<u32, Seen>,
    /// What could not be seen.
    pub gaps: Gaps,
    /// Processes and descriptors that went away while they were looked at: what they held may
    /// have been passed on to where the pass had been already.
    pub vanished: u64,
}

impl Scan {
    /// Adds what another thread of the pass found in /proc, which tells nothing `seen`.
    pub(super) fn merge(&mut self, other: Self) {
        self.holders.extend(other.holders);
        self.gaps.merge(other.gaps);
        self.vanished += other.vanished;
    }
}

/// What a second look found.
#[derive(Debug, Default)]
pub struct Search {
    /// Holders of the sockets that had none.
    pub holders: Vec<Holder>,
    /// What the look itself tells of processes.
    pub seen: FxHashMap<u32, Seen>,
    /// Why there may be more, after both looks.
    pub blind_spot: BlindSpot,
    /// What went away during the last pass: with sockets missing, their owner may be among it.
    pub vanished: u64,
}
