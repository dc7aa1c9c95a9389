//! What a look at the processes could not see.

use rustix::io::Errno;

use crate::host::{Proc, Sight};

/// What a look at the processes could not see.
#[derive(Clone, Debug, Default)]
pub struct Gaps {
    /// Processes whose open files may not be looked at.
    pub denied: Vec<u32>,
    /// Processes whose open files could not be read whole, though that was permitted.
    pub unread: Vec<u32>,
    /// Why, for one of them.
    pub why: Option<Errno>,
    /// Processes whose threads were not looked at one by one.
    pub threads: Vec<u32>,
    /// Of how many processes.
    pub of: u64,
    /// What /proc showed of the processes, where it was read.
    pub sight: Sight,
}

impl Gaps {
    /// Takes note of why the files of a task could not be read; whether it has ended, and holds
    /// nothing any more.
    pub(super) fn note(&mut self, proc: &Proc, task: Task, error: Errno) -> bool {
        match error {
            Errno::NOENT | Errno::SRCH if !proc.has_table(task.pid, task.tid) => return true,
            Errno::ACCESS | Errno::PERM => self.denied.push(task.pid),
            _ => {
                self.unread.push(task.pid);
                self.why.get_or_insert(error);
            }
        }
        false
    }

    /// Adds what another part of the look could not see.
    pub(super) fn merge(&mut self, other: Self) {
        self.denied.extend(other.denied);
        self.unread.extend(other.unread);
        self.threads.extend(other.threads);
        self.why = self.why.or(other.why);
    }

    /// Each process once: a giant is read in parts, each of which may have been refused.
    pub(super) fn tidy(&mut self) {
        for pids in [&mut self.denied, &mut self.unread, &mut self.threads] {
            pids.sort_unstable();
            pids.dedup();
        }
    }
}

/// A process, or one thread of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Task {
    pub pid: u32,
    pub tid: Option<u32>,
}

impl Task {
    /// A process.
    pub const fn process(pid: u32) -> Self {
        Self { pid, tid: None }
    }

    /// A thread of a process.
    pub const fn thread(pid: u32, tid: u32) -> Self {
        Self {
            pid,
            tid: Some(tid),
        }
    }
}

/// The errno of an error of I/O.
pub(super) fn errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
