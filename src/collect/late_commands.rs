//! Command lines for rows that were chosen without them: no more of them than are shown.

use rustc_hash::FxHashSet;

use super::Processes;
use crate::host::Host;
use crate::model::{Facts, Problem, Socket};
use crate::query::ProcessFacts;

/// Reads command lines of processes that are known otherwise.
#[derive(Debug)]
pub struct LateCommands {
    processes: Processes,
    /// When the look began: who has begun later may have the pid of another.
    since: u64,
    asked: FxHashSet<u32>,
}

impl LateCommands {
    /// Reads them of processes that were seen in a look that began at `since`.
    #[must_use]
    pub fn new(host: &Host, since: u64) -> Self {
        Self {
            processes: Processes::available(host),
            since,
            asked: FxHashSet::default(),
        }
    }

    /// Adds them to the owners of `rows`.
    pub fn add(&mut self, rows: &[Socket], facts: &mut Facts) {
        let owners = rows.iter().flat_map(|socket| facts.owner_processes(socket));
        let unknown = owners.filter(|process| process.command_later);
        let pids: Vec<u32> = unknown
            .map(|process| process.pid)
            .filter(|pid| self.asked.insert(*pid))
            .collect();
        for pid in pids {
            if let Some(process) = facts.processes.get_mut(&pid) {
                process.command = self.processes.command_of(pid, self.since);
            }
        }
    }

    /// What could not be read; `compared` tells by which facts rows are chosen afterwards.
    #[must_use]
    pub fn problems(&self, compared: ProcessFacts) -> Vec<Problem> {
        self.processes.problems(compared)
    }
}
