//! Who holds a socket: all of its processes, those first that should do something about it.
//!
//! A listener that is passed on (nginx, a supervisor) is held by the master too, which never
//! accepts: a holder whose children hold it as well passes it on, unless it has accepted
//! connections of its own. But the children have to be its workers (the same name, or the same
//! program), or it one that starts servers (systemd): a helper, too, inherits what is not closed.
//! One that cannot run comes first of all: nobody else may be to blame.

use rustc_hash::FxHashMap;

use super::{Case, Finding, HoldingProcess};
use crate::model::foreign::shown;
use crate::model::{Condition, Process, Role, Socket, State};

/// A process as a holder.
fn holder(case: &Case<'_>, process: &Process) -> HoldingProcess {
    HoldingProcess {
        pid: process.pid,
        comm: process.comm.clone(),
        condition: condition(case, process),
        passes_on: false,
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
pub fn holders(case: &Case<'_>, listener: &Socket) -> Vec<HoldingProcess> {
    let processes: Vec<_> = case.now.facts().owner_processes(listener).collect();
    let passes_on = |parent: &Process| {
        let mut processes = processes.iter();
        processes.any(|child| child.parent == Some(parent.pid) && child.works_for(parent))
    };
    let accepted = if processes.len() > 1 {
        accepted(case, listener)
    } else {
        FxHashMap::default()
    };
    let mut holders: Vec<_> = processes
        .iter()
        .map(|process| HoldingProcess {
            passes_on: passes_on(process) && !accepted.contains_key(&process.pid),
            ..holder(case, process)
        })
        .collect();
    holders.sort_by_key(|holder| {
        let can_run = holder.hindrance().is_none();
        let accepts = accepted.contains_key(&holder.pid);
        (holder.passes_on, can_run, !accepts, holder.pid)
    });
    holders
}

/// Those who should accept, in words: `nginx (pid 12 and 3 more)`; `None` where none is known.
/// With `states` also why the first of them cannot run.
#[must_use]
pub fn accepting(holders: &[HoldingProcess], states: bool) -> Option<String> {
    let first = holders.first()?;
    let comm = shown(&first.comm);
    let hindrance = first.hindrance().map(Condition::name).filter(|_| states);
    let accepting = holders.iter().filter(|holder| !holder.passes_on);
    let more = accepting.count().saturating_sub(1);
    let more = Some(more).filter(|more| *more > 0);
    let pid = first.pid;
    Some(match (hindrance, more) {
        (None, None) => format!("{comm} (pid {pid})"),
        (None, Some(more)) => format!("{comm} (pid {pid} and {more} more)"),
        (Some(state), None) => format!("{comm} (pid {pid}, {state})"),
        (Some(state), Some(more)) => format!("{comm} (pid {pid}, {state}, and {more} more)"),
    })
}

/// How many connections of its port each process has accepted and holds.
fn accepted(case: &Case<'_>, listener: &Socket) -> FxHashMap<u32, u64> {
    let mut counts = FxHashMap::default();
    let states = [State::Established, State::CloseWait];
    for socket in case.tcp(&states) {
        if socket.role == Some(Role::Inbound) && socket.local.port() == listener.local.port() {
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
    let holder = process.map(|process| holder(case, process));
    if let Some(holder) = holder
        && let Some((why, cure)) = why(&[&holder]).zip(cure(&[&holder]))
    {
        finding.cause = format!("{}. {why}", finding.cause);
        finding.remedy.insert(0, cure);
        finding.holders = vec![holder];
    }
    finding
}

/// The holders that cannot run, those together that are kept by the same.
#[must_use]
pub fn hindered<'a>(
    holders: impl Iterator<Item = &'a HoldingProcess>,
) -> Vec<Vec<&'a HoldingProcess>> {
    let mut groups: Vec<Vec<&HoldingProcess>> = Vec::new();
    for holder in holders.filter(|holder| holder.hindrance().is_some()) {
        let same = |group: &&mut Vec<&HoldingProcess>| {
            let first = group.first();
            first.is_some_and(|first| first.condition == holder.condition)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(holder),
            None => groups.push(vec![holder]),
        }
    }
    groups
}

/// So many are named; of more it is said how many.
const NAMED: usize = 5;

/// `a, b and c`; of many, `a, b, c, d, e and 35 more`.
fn list(names: &[String]) -> String {
    let (shown, more) = names.split_at(names.len().min(NAMED));
    match (shown, more.len()) {
        ([first @ .., last], 0) if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        (shown, 0) => shown.join(", "),
        (shown, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Arguments of a command, one or more a pid; of many, so many that it can be read.
fn arguments(holders: &[&HoldingProcess], of: impl Fn(u32) -> String) -> String {
    let shown: Vec<_> = holders.iter().take(NAMED).map(|h| of(h.pid)).collect();
    let shown = shown.join(" ");
    match holders.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown}, and {more} more"),
    }
}

/// Why processes that are kept by the same do nothing, in a sentence; `None` where they can run.
#[must_use]
pub fn why(holders: &[&HoldingProcess]) -> Option<String> {
    let names = holders.iter().map(|holder| {
        let comm = shown(&holder.comm);
        format!("{comm} (pid {})", holder.pid)
    });
    let who = list(&names.collect::<Vec<_>>());
    let by_number = |one, many| if holders.len() == 1 { one } else { many };
    let (is, it) = (by_number("is", "are"), by_number("it", "them"));
    Some(match holders.first()?.hindrance()? {
        Condition::Runs => return None,
        Condition::Stopped => {
            let gets = by_number("it gets", "they get");
            format!("{who} {is} stopped (state T): nothing of {it} runs until {gets} SIGCONT")
        }
        Condition::Traced(tracer) => {
            let runs = by_number("it runs", "they run");
            let by = tracer.as_ref().map_or_else(
                || "a debugger or tracer".to_owned(),
                |tracer| format!("{} (pid {}), which traces {it}", tracer.comm, tracer.pid),
            );
            format!("{who} {is} held by {by} (state t): {runs} only when that lets {it}")
        }
        Condition::Zombie => {
            let threads = by_number("The first thread of", "The first threads of");
            let has = by_number("has", "have");
            format!(
                "{threads} {who} {has} ended (state Z); whether another does its work is not known"
            )
        }
        Condition::Frozen(_) => {
            format!("the cgroup of {who} is frozen: nothing of {it} runs until it is thawed")
        }
        Condition::Uninterruptible => {
            let waits = by_number("waits", "wait");
            format!(
                "{who} {waits} inside the kernel (state D), usually for a disk or a network file system, and no signal reaches {it}"
            )
        }
    })
}

/// What lets processes that are kept by the same run again; `None` where they can run.
#[must_use]
pub fn cure(holders: &[&HoldingProcess]) -> Option<String> {
    let it = if holders.len() == 1 { "it" } else { "them" };
    let each = |of: &dyn Fn(u32) -> String| arguments(holders, of);
    Some(match holders.first()?.hindrance()? {
        Condition::Runs => return None,
        Condition::Stopped => format!(
            "let {it} go on: kill -CONT {} (what stopped {it} was a signal: SIGSTOP, or Ctrl-Z in a shell)",
            each(&|pid| pid.to_string())
        ),
        Condition::Traced(Some(tracer)) => format!(
            "let {} (pid {}) continue pid {}, or detach from {it}, or end: what it traces goes on then",
            tracer.comm,
            tracer.pid,
            each(&|pid| pid.to_string())
        ),
        Condition::Traced(None) => format!(
            "see who holds {it} (grep TracerPid {}), and let that one go on or end",
            each(&|pid| format!("/proc/{pid}/status"))
        ),
        Condition::Zombie => format!(
            "see which threads live: ls {}; restart the program",
            each(&|pid| format!("/proc/{pid}/task"))
        ),
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
            "see what {} for: cat {}; then the disk or the file server",
            if holders.len() == 1 {
                "it waits"
            } else {
                "they wait"
            },
            each(&|pid| format!("/proc/{pid}/stack /proc/{pid}/wchan"))
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use super::*;
    use crate::model::Tracer;

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
            Condition::Traced(None),
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
        let holder = |condition| HoldingProcess {
            pid: 7,
            comm: b"x".to_vec(),
            condition: Some(condition),
            passes_on: false,
        };
        let frozen = |file: &str| Condition::Frozen(file.into());
        let traced = Condition::Traced(Some(Tracer {
            pid: 9,
            comm: "gdb".into(),
        }));
        for (condition, word) in [
            (Condition::Stopped, "kill -CONT 7"),
            (Condition::Traced(None), "TracerPid /proc/7/status"),
            (traced, "let gdb (pid 9) continue pid 7"),
            (Condition::Zombie, "/proc/7/task"),
            (frozen("/a/cgroup.freeze"), "echo 0 > /a/cgroup.freeze"),
            (frozen("/a/freezer.state"), "echo THAWED > /a/freezer.state"),
            (Condition::Uninterruptible, "/proc/7/stack"),
        ] {
            let holder = holder(condition);
            assert!(cure(&[&holder]).unwrap().contains(word), "{holder:?}");
            let why = why(&[&holder]).unwrap();
            assert!(why.contains("x (pid 7)"), "{holder:?}");
        }
        let runs = holder(Condition::Runs);
        assert_eq!((why(&[&runs]), cure(&[&runs])), (None, None));
        assert_eq!(holder(Condition::Stopped).words(), "x (pid 7, stopped)");
    }

    #[test]
    fn a_helper_that_inherited_it_is_no_worker() {
        let server = |child: &str, parent: &str, programs: [Option<&str>; 2]| {
            let mut stage = Stage::new();
            stage.process(10, parent, 1024);
            stage.listener(80, 5, 4, 10);
            stage.process(11, child, 1024).shared(11);
            let processes = &mut stage.sample.snapshot.facts.processes;
            processes.get_mut(&11).unwrap().parent = Some(10);
            for (pid, program) in [10, 11].into_iter().zip(programs) {
                processes.get_mut(&pid).unwrap().program = program.map(Into::into);
            }
            order(&stage)
        };
        let without_a_role = [(10, false), (11, false)];
        let passed_on = [(11, false), (10, true)];
        let (python, tail) = (Some("/usr/bin/python3"), Some("/usr/bin/tail"));
        assert_eq!(server("tail", "server", [python, tail]), without_a_role);
        assert_eq!(server("tail", "server", [None, None]), without_a_role);
        assert_eq!(server("worker", "master", [python, python]), passed_on);
        assert_eq!(server("nginx", "nginx", [None, None]), passed_on);
        assert_eq!(server("sshd", "systemd", [None, None]), passed_on);
        assert_eq!(server("ftpd", "s6-tcpserver", [None, tail]), passed_on);
    }
}
