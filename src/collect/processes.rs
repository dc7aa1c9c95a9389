//! The facts of the processes that are shown.

use std::cell::OnceCell;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use procfs::FromBufRead;
use procfs::process::{LimitValue, Limits};
use rustix::io::Errno;

use super::command_lines::{Answer, CommandLines, IsWanted, Missing};
use super::gaps::errno;
use super::lost::Lost;
use super::standing::Standings;
use crate::host::{Host, Pinned, Proc};
use crate::model::{Files, Problem, Process};
use crate::query::{ProcessDetail, ProcessFacts};
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

/// What became of a pid that was seen in a look at the fd tables.
#[derive(Debug)]
pub enum Standing {
    /// It is the process that was seen.
    Same(Process),
    /// The process has begun since the look began: perhaps another one had the pid before it.
    Recent(Process, Arc<Pinned>),
    /// It has ended.
    Ended,
    /// It is there, and what it is could not be read.
    Unread(Errno),
}

/// Every command line is wanted.
const EVERY_LINE: IsWanted<'static> = &|_| true;

/// Reads facts of processes, each when it is asked for.
#[derive(Debug)]
pub struct Processes {
    host: Host,
    proc: Result<Proc, Errno>,
    clock: OnceLock<Option<(i64, u64)>>,
    commands: CommandLines,
    lost: Mutex<Lost>,
    standings: OnceCell<Standings>,
}

/// What is read of a process.
enum Reading {
    /// It began before the look.
    Same(Process),
    /// It did not.
    Recent(Process, Arc<Pinned>),
}

impl Processes {
    /// Opens /proc; `None` when it is not there, or not ours.
    #[must_use]
    pub fn open(host: &Host) -> Option<Self> {
        Some(Self::available(host)).filter(|processes| processes.proc.is_ok())
    }

    /// Opens /proc, if it is there.
    #[must_use]
    pub fn available(host: &Host) -> Self {
        Self {
            host: host.clone(),
            proc: Proc::open(host).map_err(|error| errno(&error)),
            clock: OnceLock::new(),
            commands: CommandLines::default(),
            lost: Mutex::default(),
            standings: OnceCell::new(),
        }
    }

    /// What became of a pid that a look saw which began at `since`, in clock ticks since boot.
    ///
    /// A process that was there before has had its pid all the time. Of one that /proc does not
    /// show, or not to us, there is what was `seen` of it. Its command line is read if it `wants`
    /// any, and kept if it wants this one.
    #[must_use]
    pub fn look(
        &self,
        pid: u32,
        seen: Option<&Seen>,
        detail: ProcessDetail,
        wants: Option<IsWanted<'_>>,
        since: u64,
    ) -> Standing {
        let read = || self.reading(pid, detail, wants, since);
        match read().or_else(|_| read()) {
            Ok(Reading::Same(process)) => Standing::Same(process),
            Ok(Reading::Recent(process, pinned)) => Standing::Recent(process, pinned),
            Err(_) if !self.host.exists(pid) => Standing::Ended,
            Err(error) => match seen {
                Some(seen) => {
                    if detail == ProcessDetail::Full {
                        let lost = ProcessFacts::COMMAND.and(ProcessFacts::CGROUP);
                        self.lose(Missing::of(error), lost);
                    }
                    Standing::Same(seen.process(pid, Some(seen.uid)))
                }
                None => Standing::Unread(error),
            },
        }
    }

    /// The facts of one process, from /proc; `None` when it has ended or cannot be seen.
    #[must_use]
    pub fn read(&self, pid: u32, detail: ProcessDetail) -> Option<Process> {
        match self.reading(pid, detail, Some(EVERY_LINE), u64::MAX).ok()? {
            Reading::Same(process) | Reading::Recent(process, _) => Some(process),
        }
    }

    /// Reads a process; with its command line if it `wants` that, or the process has begun at
    /// `since` or later: then it could not be read later.
    ///
    /// # Errors
    /// What reading says: `ESRCH` or `ENOENT` when it ended meanwhile.
    fn reading(
        &self,
        pid: u32,
        detail: ProcessDetail,
        wants: Option<IsWanted<'_>>,
        since: u64,
    ) -> Result<Reading, Errno> {
        let proc = self.proc.as_ref().map_err(|error| *error)?;
        if detail < ProcessDetail::Full {
            // One file is of one process, unless what it holds has to be compared with it.
            let text = proc.read(pid, "stat").map_err(|error| errno(&error))?;
            let stat = proc_pid::stat(&text).ok_or(Errno::IO)?;
            if stat.start_ticks < since {
                return Ok(Reading::Same(Process::named(pid, stat.comm)));
            }
        }
        let pinned = Arc::new(proc.pin(pid).map_err(|error| errno(&error))?);
        let text = pinned.read("stat").map_err(|error| errno(&error))?;
        let stat = proc_pid::stat(&text).ok_or(Errno::IO)?;
        let start_ticks = stat.start_ticks;
        let mut process = Process::named(pid, stat.comm);
        if detail == ProcessDetail::Full {
            process.started = self.started(start_ticks);
            let wants = wants.filter(|_| start_ticks < since);
            let wants = wants.or((start_ticks >= since).then_some(EVERY_LINE));
            self.complete(&mut process, &pinned, wants)?;
        }
        Ok(if start_ticks < since {
            Reading::Same(process)
        } else {
            Reading::Recent(process, pinned)
        })
    }

    /// Reads the rest; an error when the process ended meanwhile.
    fn complete(
        &self,
        process: &mut Process,
        pinned: &Arc<Pinned>,
        wants: Option<IsWanted<'_>>,
    ) -> Result<(), Errno> {
        let rest = || (pinned.read("status"), pinned.read("cgroup"));
        let (status, cgroup) = if let Some(is_wanted) = wants {
            let (command, rest) = self.commands.read(pinned, is_wanted, rest);
            process.command_later = command == Err(Missing::Unwanted);
            process.command = self.kept(command);
            rest
        } else {
            process.command_later = true;
            rest()
        };
        if let Some(status) = self.known(status, ProcessFacts::USER)? {
            let status = proc_pid::status(&status).ok_or(Errno::IO)?;
            process.uid = Some(status.effective_uid);
            process.parent = status.parent;
        }
        process.cgroup = self
            .known(cgroup, ProcessFacts::CGROUP)?
            .and_then(|text| proc_pid::cgroup_path(&text));
        Ok(())
    }

    /// A command line; `None` where it is missing.
    fn kept(&self, command: Answer) -> Option<Arc<[u8]>> {
        command.unwrap_or_else(|missing| {
            self.lose(missing, ProcessFacts::COMMAND);
            None
        })
    }

    /// What was read and tells `facts`; `None` where it could not be, an error when the process
    /// has ended.
    fn known(
        &self,
        text: std::io::Result<Vec<u8>>,
        facts: ProcessFacts,
    ) -> Result<Option<Vec<u8>>, Errno> {
        match text.map_err(|error| errno(&error)) {
            Ok(text) => Ok(Some(text)),
            Err(ended @ (Errno::NOENT | Errno::SRCH)) => Err(ended),
            Err(error) => {
                self.lose(Missing::of(error), facts);
                Ok(None)
            }
        }
    }

    fn lose(&self, missing: Missing, facts: ProcessFacts) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.add(missing, facts);
    }

    /// The command line of a process that had its pid before `since` and has it still; `None`
    /// where it has none, or none that can be read.
    #[must_use]
    pub fn command_of(&self, pid: u32, since: u64) -> Option<Arc<[u8]>> {
        let pinned = Arc::new(self.proc.as_ref().ok()?.pin(pid).ok()?);
        let stat = self.known(pinned.read("stat"), ProcessFacts::COMMAND);
        let stat = proc_pid::stat(&stat.ok()??)?;
        if stat.start_ticks >= since {
            return None;
        }
        let (command, ()) = self.commands.read(&pinned, EVERY_LINE, || ());
        self.kept(command)
    }

    /// What was not read of processes that are known: fields, no owners. Where rows are chosen by
    /// a fact that is lost (`compared`), rows may be missing. What is hidden from this user is
    /// told only there.
    #[must_use]
    pub fn problems(&self, compared: ProcessFacts) -> Vec<Problem> {
        let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.problems(compared)
    }

    /// The descriptors of a process and their limit; `None` when it has ended or may not be
    /// looked at.
    #[must_use]
    pub fn files(&self, pid: u32) -> Option<Files> {
        let proc = self.proc.as_ref().ok()?;
        let limits = proc.read(pid, "limits").ok()?;
        let limits = Limits::from_buf_read(&limits[..]).ok()?.max_open_files;
        let number = |limit| match limit {
            LimitValue::Value(number) => Some(number),
            LimitValue::Unlimited => None,
        };
        Some(Files {
            open: proc.fds_open(pid)?,
            limit: number(limits.soft_limit),
            hard_limit: number(limits.hard_limit),
        })
    }

    /// Adds to a process whether it can run, its parent and its program.
    pub fn stand(&self, process: &mut Process) {
        let Ok(proc) = &self.proc else { return };
        let standings = self.standings.get_or_init(|| Standings::new(&self.host));
        standings.read(proc, process);
    }

    /// The same, and adds where it runs and from whom it comes.
    pub fn set_in_place(&self, process: &mut Process) {
        let Ok(proc) = &self.proc else { return };
        let standings = self.standings.get_or_init(|| Standings::new(&self.host));
        standings.read(proc, process);
        standings.read_background(proc, process);
    }

    fn started(&self, ticks: u64) -> Option<i64> {
        let (boot, hertz) = (*self.clock.get_or_init(|| self.host.boot()))?;
        boot.checked_add(i64::try_from(ticks / hertz).ok()?)
    }

    /// The pids of every process that can be seen and goes by `name`.
    #[must_use]
    pub fn called(&self, name: &[u8]) -> Vec<u32> {
        let pids = self.proc.as_ref().ok().and_then(|proc| proc.pids().ok());
        let mut pids = pids.unwrap_or_default();
        pids.retain(|&pid| {
            let detail = match name.len() {
                0..=15 => ProcessDetail::Name,
                _ => ProcessDetail::Full,
            };
            self.read(pid, detail).is_some_and(|p| p.is_called(name))
        });
        pids
    }

    /// `name`, where a process goes by it; else the names that begin with it, each once, but for
    /// that of the process that asks.
    #[must_use]
    pub fn begun_with(&self, name: &[u8]) -> Vec<Vec<u8>> {
        const LONGEST: usize = 15;
        if name.len() > LONGEST {
            let is_one = !self.called(name).is_empty();
            return is_one.then(|| name.to_vec()).into_iter().collect();
        }
        let mut names = self.names_of(|pid| pid != std::process::id());
        if names.iter().any(|known| known == name) {
            return vec![name.to_vec()];
        }
        names.retain(|known| !name.is_empty() && known.starts_with(name));
        names
    }

    /// The names of all processes that can be seen, each once.
    #[must_use]
    pub fn names(&self) -> Vec<Vec<u8>> {
        self.names_of(|_| true)
    }

    fn names_of(&self, is_wanted: impl Fn(u32) -> bool) -> Vec<Vec<u8>> {
        let pids = self.proc.as_ref().ok().and_then(|proc| proc.pids().ok());
        let pids = pids.unwrap_or_default();
        let read = |pid| Some(self.read(pid, ProcessDetail::Name)?.comm);
        let pids = pids.into_iter().filter(|pid| is_wanted(*pid));
        let mut names: Vec<Vec<u8>> = pids.filter_map(read).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether the process exists.
    #[must_use]
    pub fn exists(&self, pid: u32) -> bool {
        self.proc.as_ref().is_ok_and(|proc| proc.pin(pid).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_known() {
        let me = std::process::id();
        let processes = Processes::open(&Host::live()).unwrap();
        let process = processes.read(me, ProcessDetail::Full).unwrap();
        assert!(process.uid.is_some());
        assert!(process.command.is_some());
        let now = jiff::Timestamp::now().as_second();
        let age = now - process.started.unwrap();
        assert!((-2..3600).contains(&age), "{age}");
        assert!(processes.called(&process.comm).contains(&me));
        assert!(processes.read(0, ProcessDetail::Name).is_none());
        let files = processes.files(me).unwrap();
        let limits = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        let told = (files.limit, files.hard_limit);
        assert_eq!(told, (limits.current, limits.maximum));
    }

    #[test]
    fn what_was_seen_stands_in_for_what_is_hidden_but_not_for_the_dead() {
        let (shown, hidden) = (
            Processes::available(&Host::live()),
            Processes {
                proc: Err(Errno::NOENT),
                ..Processes::available(&Host::live())
            },
        );
        let seen = Seen {
            comm: *b"long-gone\0\0\0\0\0\0",
            uid: 7,
        };
        let me = std::process::id();
        for detail in [ProcessDetail::Name, ProcessDetail::Full] {
            let look = |processes: &Processes, pid, seen| {
                processes.look(pid, seen, detail, Some(EVERY_LINE), u64::MAX)
            };
            // Pids end at 2^22 (PID_MAX_LIMIT).
            for pid in [5_000_000, 0] {
                let standing = look(&shown, pid, Some(&seen));
                assert!(matches!(standing, Standing::Ended), "{pid}: {standing:?}");
            }
            let Standing::Same(named) = look(&hidden, me, Some(&seen)) else {
                panic!("not seen");
            };
            assert_eq!(
                (named.comm.as_slice(), named.uid),
                (&b"long-gone"[..], Some(7))
            );
            // The list tells the name and the user, and nothing else.
            let told = hidden.problems(ProcessFacts::COMMAND).pop();
            let is_full = detail == ProcessDetail::Full;
            assert_eq!(
                told.map(|problem| problem.incomplete),
                is_full.then_some(true)
            );
            assert!(
                !hidden
                    .problems(ProcessFacts::USER)
                    .iter()
                    .any(|p| p.incomplete)
            );
            assert!(matches!(
                look(&hidden, me, None),
                Standing::Unread(Errno::NOENT)
            ));
            let Standing::Same(whole) = look(&shown, me, Some(&seen)) else {
                panic!("not shown");
            };
            assert_ne!(whole.comm, b"long-gone");
            assert_eq!(whole.command.is_some(), detail == ProcessDetail::Full);
        }
    }

    #[test]
    fn who_has_begun_since_the_look_began_may_be_another() {
        let processes = Processes::open(&Host::live()).unwrap();
        let me = std::process::id();
        let look = |since| processes.look(me, None, ProcessDetail::Full, None, since);
        let Standing::Recent(process, pinned) = look(0) else {
            panic!("not recent");
        };
        assert!(process.command.is_some() && pinned.read("stat").is_ok());
        let Standing::Same(process) = look(u64::MAX) else {
            panic!("not the same");
        };
        // Its command line was not wanted, yet.
        assert_eq!(process.command, None);
        assert!(processes.command_of(me, u64::MAX).is_some());
        assert_eq!(processes.command_of(me, 0), None);
        assert_eq!(processes.problems(ProcessFacts::NONE), []);
    }
}
