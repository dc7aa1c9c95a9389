//! Who holds a socket: all of its processes, those first that should do something about it.
//!
//! A listener that is passed on (nginx, a supervisor) is held by the master too, which never
//! accepts: a holder whose children hold it as well passes it on, unless it has accepted
//! connections of its own. One that cannot run comes first of all: nobody else may be to blame.

use rustc_hash::FxHashMap;

use super::{Case, Finding};
use crate::model::foreign::shown;
use crate::model::{Condition, Process, Role, Socket, State};

/// A process that holds a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The pid.
    pub pid: u32,
    /// The name.
    pub comm: Vec<u8>,
    /// Whether it can run; `None` where that is not known.
    pub condition: Option<Condition>,
    /// Whether it only passes the socket on to its children.
    pub passes_on: bool,
}

impl Holder {
    /// A process as a holder.
    #[must_use]
    pub fn of(case: &Case<'_>, process: &Process) -> Self {
        Self {
            pid: process.pid,
            comm: process.comm.clone(),
            condition: condition(case, process),
            passes_on: false,
        }
    }

    /// Why it cannot run; `None` where it can, or that is not known.
    #[must_use]
    pub fn hindrance(&self) -> Option<&Condition> {
        let condition = self.condition.as_ref();
        condition.filter(|condition| **condition != Condition::Runs)
    }

    /// `nginx (pid 12, stopped)`.
    #[must_use]
    pub fn words(&self) -> String {
        let comm = shown(&self.comm);
        let state = self.hindrance().map(Condition::name);
        let role = self.passes_on.then_some("passes it on");
        let mut said = vec![format!("pid {}", self.pid)];
        said.extend([state, role].into_iter().flatten().map(str::to_owned));
        format!("{comm} ({})", said.join(", "))
    }
}

/// Whether a process can run. Waiting for a disk at one of two looks hinders nobody.
fn condition(case: &Case<'_>, process: &Process) -> Option<Condition> {
    let condition = process.condition.clone()?;
    let before = case.before.map(|before| before.is_stuck(process.pid));
    match condition {
        Condition::Uninterruptible if before == Some(false) => Some(Condition::Runs),
        condition => Some(condition),
    }
}

/// All processes that hold a listener: first those that cannot run, then those that accept,
/// last those that only pass it on.
#[must_use]
pub fn holders(case: &Case<'_>, listener: &Socket) -> Vec<Holder> {
    let processes: Vec<_> = case.now.facts().owner_processes(listener).collect();
    let has_child = |pid: u32| processes.iter().any(|process| process.parent == Some(pid));
    let accepted = if processes.len() > 1 {
        accepted(case, listener)
    } else {
        FxHashMap::default()
    };
    let mut holders: Vec<_> = processes
        .iter()
        .map(|process| Holder {
            passes_on: has_child(process.pid) && !accepted.contains_key(&process.pid),
            ..Holder::of(case, process)
        })
        .collect();
    holders.sort_by_key(|holder| {
        let can_run = holder.hindrance().is_none();
        let accepts = accepted.contains_key(&holder.pid);
        (holder.passes_on, can_run, !accepts, holder.pid)
    });
    holders
}

/// How many connections of its port each process has accepted and holds.
fn accepted(case: &Case<'_>, listener: &Socket) -> FxHashMap<u32, u64> {
    let mut counts = FxHashMap::default();
    let states = [State::Established, State::CloseWait];
    for socket in case.tcp(&states) {
        if socket.role == Some(Role::Inbound) && socket.local.port == listener.local.port {
            for process in case.now.facts().owner_processes(socket) {
                *counts.entry(process.pid).or_default() += 1;
            }
        }
    }
    counts
}

/// The finding, with why `process` does not do what it should, where it cannot run at all.
#[must_use]
pub fn with_hindrance(case: &Case<'_>, mut finding: Finding, process: Option<&Process>) -> Finding {
    let holder = process.map(|process| Holder::of(case, process));
    if let Some(holder) = holder
        && let Some((why, cure)) = why(&holder).zip(cure(&holder))
    {
        finding.cause = format!("{}. {why}", finding.cause);
        finding.remedy.insert(0, cure);
        finding.holders = vec![holder];
    }
    finding
}

/// Why a process does nothing, in a sentence; `None` where it can run.
#[must_use]
pub fn why(holder: &Holder) -> Option<String> {
    let comm = shown(&holder.comm);
    let who = format!("{comm} (pid {})", holder.pid);
    Some(match holder.hindrance()? {
        Condition::Runs => return None,
        Condition::Stopped => {
            format!("{who} is stopped (state T): nothing of it runs until it gets SIGCONT")
        }
        Condition::Traced => {
            format!(
                "{who} is held by a debugger or tracer (state t): it runs only when that lets it"
            )
        }
        Condition::Zombie => {
            format!("the first thread of {who} has ended (state Z): only its other threads live")
        }
        Condition::Frozen(_) => {
            format!("the cgroup of {who} is frozen: nothing of it runs until it is thawed")
        }
        Condition::Uninterruptible => format!(
            "{who} waits inside the kernel (state D), usually for a disk or a network file system, and no signal reaches it"
        ),
    })
}

/// What lets a process run again; `None` where it can run.
#[must_use]
pub fn cure(holder: &Holder) -> Option<String> {
    let pid = holder.pid;
    Some(match holder.hindrance()? {
        Condition::Runs => return None,
        Condition::Stopped => format!(
            "let it go on: kill -CONT {pid} (what stopped it was a signal: SIGSTOP, or Ctrl-Z in a shell)"
        ),
        Condition::Traced => format!(
            "see who holds it (grep TracerPid /proc/{pid}/status), and let that one go on or end"
        ),
        Condition::Zombie => {
            format!("see which threads live: ls /proc/{pid}/task; restart the program")
        }
        Condition::Frozen(file) => {
            let word = if file.bytes().ends_with(b"freezer.state") {
                "THAWED"
            } else {
                "0"
            };
            format!(
                "thaw it: echo {word} > {file} (or as it was frozen: docker unpause, systemctl thaw)"
            )
        }
        Condition::Uninterruptible => format!(
            "see what it waits for: cat /proc/{pid}/stack /proc/{pid}/wchan; then the disk or the file server"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use super::*;

    /// A master and two workers that share a listener; `conditions` of the workers.
    fn nginx(conditions: [Condition; 2]) -> Stage {
        let mut stage = Stage::new();
        stage.process(10, "nginx", 1024);
        stage.listener(80, 5, 4, 10);
        for (pid, condition) in [11, 12].into_iter().zip(conditions) {
            stage.process(pid, "nginx", 1024);
            let process = stage.sample.snapshot.facts.processes.get_mut(&pid).unwrap();
            process.parent = Some(10);
            process.condition = Some(condition);
            stage.shared(pid);
        }
        stage
    }

    fn order(stage: &Stage) -> Vec<(u32, bool)> {
        let now = stage.finished();
        let case = Stage::case(&now);
        let listener = now.sockets().first().unwrap();
        let holders = holders(&case, listener).into_iter();
        holders.map(|h| (h.pid, h.passes_on)).collect()
    }

    #[test]
    fn a_master_that_passes_the_socket_on_comes_last() {
        let stage = nginx([Condition::Runs, Condition::Runs]);
        assert_eq!(order(&stage), [(11, false), (12, false), (10, true)]);
    }

    #[test]
    fn a_worker_that_cannot_run_comes_first() {
        for condition in [
            Condition::Stopped,
            Condition::Traced,
            Condition::Zombie,
            Condition::Frozen("/x/cgroup.freeze".into()),
            Condition::Uninterruptible,
        ] {
            let stage = nginx([Condition::Runs, condition]);
            assert_eq!(order(&stage), [(12, false), (11, false), (10, true)]);
        }
    }

    #[test]
    fn a_parent_that_accepts_is_no_master_and_its_child_has_only_inherited() {
        let mut stage = nginx([Condition::Runs, Condition::Runs]);
        stage.connection(State::Established, 80, 4000, Some(10));
        assert_eq!(order(&stage), [(10, false), (11, false), (12, false)]);
    }

    #[test]
    fn every_hindrance_has_its_reason_and_its_cure() {
        let holder = |condition| Holder {
            pid: 7,
            comm: b"x".to_vec(),
            condition: Some(condition),
            passes_on: false,
        };
        let frozen = |file: &str| Condition::Frozen(file.into());
        for (condition, word) in [
            (Condition::Stopped, "kill -CONT 7"),
            (Condition::Traced, "TracerPid /proc/7/status"),
            (Condition::Zombie, "/proc/7/task"),
            (frozen("/a/cgroup.freeze"), "echo 0 > /a/cgroup.freeze"),
            (frozen("/a/freezer.state"), "echo THAWED > /a/freezer.state"),
            (Condition::Uninterruptible, "/proc/7/stack"),
        ] {
            let holder = holder(condition);
            assert!(cure(&holder).unwrap().contains(word), "{holder:?}");
            assert!(why(&holder).unwrap().contains("x (pid 7)"), "{holder:?}");
        }
        let runs = holder(Condition::Runs);
        assert_eq!((why(&runs), cure(&runs)), (None, None));
        assert_eq!(holder(Condition::Stopped).words(), "x (pid 7, stopped)");
    }
}
