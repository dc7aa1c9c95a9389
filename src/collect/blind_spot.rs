//! Why the owner of a socket may exist without being seen.

use crate::model::Problem;
use crate::sys::proc::hides_processes;
use crate::sys::{is_root, netns};

use super::owners::Denied;

/// Why owners may not be known, when they may not be: refused fd tables, hidden processes.
#[must_use]
pub fn blind_spot(denied: &Denied) -> Option<BlindSpot> {
    let here = |pid: &u32| netns::may_be_ours(*pid);
    match denied.pids.len() as u64 {
        0 => (hides_processes() && !is_root()).then_some(BlindSpot::HiddenProcesses),
        count => Some(BlindSpot::Denied {
            denied: count,
            here: denied.pids.iter().filter(|pid| here(pid)).count() as u64,
            processes: denied.of,
        }),
    }
}

/// Why the owner of a socket may exist without being seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlindSpot {
    /// The fd tables of some processes were refused.
    Denied {
        /// How many.
        denied: u64,
        /// Of how many.
        processes: u64,
        /// How many of these are in this network namespace, as far as can be told.
        here: u64,
    },
    /// /proc is mounted with `hidepid`.
    HiddenProcesses,
    /// /proc cannot be read at all.
    NoProc,
}

impl BlindSpot {
    /// Whether a socket without an owner is to be called denied, rather than the kernel's.
    #[must_use]
    ///
    /// Refusals are the rule for a user, so any of them may hide the owner. For root they are
    /// the exception: one of another namespace explains nothing here.
    pub fn explains(self) -> bool {
        match self {
            Self::Denied { here, .. } => here > 0 || !is_root(),
            Self::HiddenProcesses | Self::NoProc => true,
        }
    }

    /// The problem, when owners may be missing because of it: of the `unowned` sockets of the
    /// answer, or further ones of `further` sockets, where the question is for all of them.
    ///
    /// `None` when none can be missing. `NoProc` was told already.
    #[must_use]
    pub fn problem(self, unowned: u64, further: u64) -> Option<Problem> {
        let whose = match unowned {
            0 if further == 0 => return None,
            0 => "sockets may have further owners".to_owned(),
            1 => "1 socket has no owner here".to_owned(),
            n => format!("{n} sockets have no owner here"),
        };
        let problem = match self {
            Self::NoProc => return None,
            Self::Denied { here: 0, .. } if unowned == 0 => return None,
            Self::HiddenProcesses => Problem::incomplete(
                "owners_hidden",
                format!("{whose}: /proc hides the processes of other users (hidepid)"),
            ),
            Self::Denied {
                denied, processes, ..
            } => Problem::incomplete(
                "owners_denied",
                format!(
                    "{whose}: the open files of {denied} of {processes} processes could not be read"
                ),
            ),
        };
        let hint = if is_root() {
            "root without CAP_SYS_PTRACE, or under a security policy, cannot see them"
        } else {
            "run as root to see every owner"
        };
        Some(problem.hint(hint).count(unowned.max(1)))
    }
}
