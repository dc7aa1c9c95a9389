//! The facts of the processes that are shown.

use std::cell::OnceCell;
use std::sync::OnceLock;

use super::standing::Standings;
use crate::model::{Files, Process};
use crate::query::ProcessDetail;
use crate::sys::proc::{self, ProcDir};
use crate::wire::proc_pid;
use crate::wire::task_file::Record;

/// What the kernel's list of open files tells of a process by the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The name, filled up with zeros.
    comm: [u8; 15],
    /// The effective user.
    uid: u32,
}

impl Seen {
    /// What a record tells.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        Self {
            comm: record.comm,
            uid: record.uid,
        }
    }

    fn process(&self, pid: u32, uid: Option<u32>) -> Process {
        let comm = self.comm.iter().copied().take_while(|byte| *byte != 0);
        Process {
            uid,
            ..Process::named(pid, comm.collect())
        }
    }
}

/// Reads facts of processes, each when it is asked for.
#[derive(Debug)]
pub struct Processes {
    proc: ProcDir,
    clock: OnceLock<Option<(i64, u64)>>,
    standings: OnceCell<Standings>,
}

impl Processes {
    /// Opens /proc; `None` when it is not there.
    #[must_use]
    pub fn open() -> Option<Self> {
        Some(Self {
            proc: ProcDir::open().ok()?,
            clock: OnceLock::new(),
            standings: OnceCell::new(),
        })
    }

    /// As [`Self::read`], with what was `seen` of the process already; `None` when it has ended.
    ///
    /// A process that /proc does not show, or not to us, has only what was seen of it.
    #[must_use]
    pub fn read_seen(
        &self,
        pid: u32,
        seen: Option<&Seen>,
        detail: ProcessDetail,
    ) -> Option<Process> {
        if let Some(seen) = seen
            && detail == ProcessDetail::Name
        {
            return proc::exists(pid).then(|| seen.process(pid, None));
        }
        let hidden = || {
            let seen = seen.filter(|_| proc::exists(pid))?;
            Some(seen.process(pid, Some(seen.uid)))
        };
        self.read(pid, detail).or_else(hidden)
    }

    /// The facts of one process, from /proc; `None` when it has ended or cannot be seen.
    #[must_use]
    pub fn read(&self, pid: u32, detail: ProcessDetail) -> Option<Process> {
        let mut comm = self.proc.read(pid, "comm").ok()?;
        // The kernel ends it with one newline; any other is the process's own.
        comm.pop_if(|last| *last == b'\n');
        let mut process = Process::named(pid, comm);
        if detail == ProcessDetail::Full {
            self.complete(&mut process)?;
        }
        Some(process)
    }

    /// Reads the rest; `None` when the process ended meanwhile.
    fn complete(&self, process: &mut Process) -> Option<()> {
        let read = |name| self.proc.read(process.pid, name);
        let status = proc_pid::status(&read("status").ok()?)?;
        let command = read("cmdline").ok().and_then(proc_pid::command_line);
        let started = read("stat").ok().and_then(|stat| self.started(&stat));
        let cgroup = read("cgroup").ok().and_then(|t| proc_pid::cgroup_path(&t));
        process.uid = Some(status.effective_uid);
        process.parent = status.parent;
        process.command = command;
        process.started = started;
        process.cgroup = cgroup;
        Some(())
    }

    /// The descriptors of a process and their limit; `None` when it has ended or may not be
    /// looked at.
    #[must_use]
    pub fn files(&self, pid: u32) -> Option<Files> {
        let limits = self.proc.read(pid, "limits").ok()?;
        let (limit, hard_limit) = proc_pid::open_files_limits(&limits)?;
        Some(Files {
            open: self.proc.fds_open(pid)?,
            limit,
            hard_limit,
        })
    }

    /// Adds to a process whether it can run, and its parent.
    pub fn stand(&self, process: &mut Process) {
        let standings = self.standings.get_or_init(Standings::new);
        standings.read(&self.proc, process);
    }

    fn started(&self, stat: &[u8]) -> Option<i64> {
        let (boot, hertz) = (*self.clock.get_or_init(|| proc::clock().ok()))?;
        let ticks = proc_pid::start_ticks(stat)?;
        boot.checked_add(i64::try_from(ticks / hertz).ok()?)
    }

    /// The pids of every process that can be seen and goes by `name`.
    #[must_use]
    pub fn called(&self, name: &[u8]) -> Vec<u32> {
        let mut pids = self.proc.pids().unwrap_or_default();
        pids.retain(|&pid| {
            let detail = match name.len() {
                0..=15 => ProcessDetail::Name,
                _ => ProcessDetail::Full,
            };
            self.read(pid, detail).is_some_and(|p| p.is_called(name))
        });
        pids
    }

    /// Whether the process exists.
    #[must_use]
    pub fn exists(&self, pid: u32) -> bool {
        self.proc.read(pid, "comm").is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_known() {
        let me = std::process::id();
        let processes = Processes::open().unwrap();
        let process = processes.read(me, ProcessDetail::Full).unwrap();
        assert!(process.uid.is_some());
        assert!(process.command.is_some());
        let now = jiff::Timestamp::now().as_second();
        let age = now - process.started.unwrap();
        assert!((-2..3600).contains(&age), "{age}");
        assert!(processes.called(&process.comm).contains(&me));
        assert!(processes.read(0, ProcessDetail::Name).is_none());
    }

    #[test]
    fn what_was_seen_stands_in_for_what_is_hidden_but_not_for_the_dead() {
        let processes = Processes::open().unwrap();
        let seen = Seen {
            comm: *b"long-gone\0\0\0\0\0\0",
            uid: 7,
        };
        // Pids end at 2^22 (PID_MAX_LIMIT).
        for detail in [ProcessDetail::Name, ProcessDetail::Full] {
            assert_eq!(processes.read_seen(5_000_000, Some(&seen), detail), None);
            assert_eq!(processes.read_seen(0, Some(&seen), detail), None);
        }
        let me = std::process::id();
        let named = processes
            .read_seen(me, Some(&seen), ProcessDetail::Name)
            .unwrap();
        assert_eq!(
            (named.comm.as_slice(), named.uid),
            (&b"long-gone"[..], None)
        );
        let whole = processes
            .read_seen(me, Some(&seen), ProcessDetail::Full)
            .unwrap();
        assert_ne!(whole.comm, b"long-gone");
        assert!(whole.command.is_some());
    }
}
