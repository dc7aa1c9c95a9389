//! What is around those who hold a port: whose they are where they cannot be seen, what keeps them
//! from running, where they run, who started them.

use std::collections::BTreeSet;
use std::io;

use super::words::alternatives;
use super::{NAMED, Story};
use crate::model::foreign::shown;
use crate::model::{Condition, OwnerStatus, Process, Socket};
use crate::text::cell::explanation;
use crate::text::theme::Tone;

/// Why a process cannot run; `None` where it can, or that is not known.
pub(super) fn hindrance(process: &Process) -> Option<&Condition> {
    let condition = process.condition.as_ref();
    condition.filter(|condition| **condition != Condition::Runs)
}

impl Story<'_> {
    /// Why nobody is named. The kernel tells everyone whose a socket is.
    pub(super) fn nobody(&mut self, sockets: &[&Socket]) -> io::Result<()> {
        let Some(status) = sockets.first().map(|socket| socket.owner_status) else {
            return Ok(());
        };
        let why = explanation(status);
        let text = match (status, self.makers(sockets)) {
            (OwnerStatus::NotAsked, _) => return Ok(()),
            (OwnerStatus::Denied, users) if !users.is_empty() => {
                let users = alternatives(&users);
                if self.telling.may_be_root {
                    let port = self.entry.port;
                    format!("a process of {users}; sudo sockscope port {port} names it")
                } else {
                    format!("a process of {users}; its open files may not be read")
                }
            }
            _ => why.to_owned(),
        };
        self.fact("held by", &text, Tone::Waiting)
    }

    /// The users whose the sockets are; none where the kernel does not tell it of all.
    fn makers(&self, sockets: &[&Socket]) -> Vec<String> {
        let user = |socket: &&Socket| match self.telling.facts.socket_user(socket) {
            Some(name) => Some(name.to_string()),
            None => Some(format!("uid {}", socket.uid?.get())),
        };
        let users: Option<BTreeSet<String>> = sockets.iter().map(user).collect();
        users.unwrap_or_default().into_iter().collect()
    }

    /// Those that cannot run, together where the same keeps them.
    pub(super) fn conditions(&mut self, all: &[&Process]) -> io::Result<()> {
        let mut groups: Vec<(&Condition, Vec<u32>)> = Vec::new();
        for process in all {
            let Some(condition) = hindrance(process) else {
                continue;
            };
            match groups.iter_mut().find(|(known, _)| *known == condition) {
                Some((_, pids)) => pids.push(process.pid),
                None => groups.push((condition, vec![process.pid])),
            }
        }
        for (number, (condition, pids)) in groups.into_iter().enumerate() {
            let label = if number == 0 { "state" } else { "" };
            let whose = match all.len() {
                1 => String::new(),
                all if all == pids.len() => format!("all {all} "),
                _ => format!("{} ", named(&pids)),
            };
            // Whoever reads from a disk waits like that, too, but not for long.
            let tone = match condition {
                Condition::Uninterruptible | Condition::Zombie => Tone::Waiting,
                _ => Tone::Bad,
            };
            let text = format!("{whose}{}", told(condition, &pids));
            self.fact(label, &text, tone)?;
        }
        Ok(())
    }

    /// In which directory they run, where that tells anything, and who started those of them
    /// that no other has.
    pub(super) fn background(&mut self, all: &[&Process], roots: &[&Process]) -> io::Result<()> {
        let directory = |process: &Process| {
            let directory = process.background.as_ref()?.directory.as_ref()?;
            Some(shown(directory.bytes()).to_string()).filter(|directory| directory != "/")
        };
        self.shared("directory", all, &directory)?;
        self.shared("parent", roots, &parent)
    }
}

/// The parent by name and pid, where it has a name; the first process is that of whatever has lost
/// its own.
fn parent(process: &Process) -> Option<String> {
    let pid = process.parent.filter(|pid| *pid > 1)?;
    let name = process.background.as_ref()?.parent.as_ref()?;
    Some(format!("{name} (pid {pid})"))
}

/// `pid 7`, `pids 7, 8 and 9`; of many, the first and how many more.
fn named(pids: &[u32]) -> String {
    let (shown, more) = pids.split_at(pids.len().min(NAMED));
    let mut names: Vec<String> = shown.iter().map(ToString::to_string).collect();
    if !more.is_empty() {
        names.push(format!("{} more", more.len()));
    }
    let word = if pids.len() == 1 { "pid" } else { "pids" };
    format!("{word} {}", alternatives(&names))
}

/// What keeps processes, and what lets them go on.
fn told(condition: &Condition, pids: &[u32]) -> String {
    let is_one = pids.len() == 1;
    let it = if is_one { "it" } else { "them" };
    let arguments = |of: &dyn Fn(u32) -> String| {
        let shown: Vec<String> = pids.iter().take(NAMED).map(|pid| of(*pid)).collect();
        let more = if pids.len() > NAMED { " ..." } else { "" };
        format!("{}{more}", shown.join(" "))
    };
    let by_number = |one, many| if is_one { one } else { many };
    match condition {
        Condition::Runs => "running".to_owned(),
        Condition::Stopped => format!(
            "stopped (Ctrl-Z or SIGSTOP); kill -CONT {} lets {it} go on",
            arguments(&|pid| pid.to_string())
        ),
        Condition::Traced(Some(tracer)) => format!(
            "held by {} (pid {}), which traces {it}: nothing runs until that lets {it} go on",
            tracer.comm, tracer.pid
        ),
        Condition::Traced(None) => format!(
            "held by a debugger or tracer; grep TracerPid {} names it",
            arguments(&|pid| format!("/proc/{pid}/status"))
        ),
        Condition::Zombie => format!(
            "{} ended (zombie), and another thread holds the socket; ls {} shows which",
            by_number("its first thread has", "their first threads have"),
            arguments(&|pid| format!("/proc/{pid}/task"))
        ),
        Condition::Frozen(file) => {
            let word = if file.bytes().ends_with(b"freezer.state") {
                "THAWED"
            } else {
                "0"
            };
            format!("frozen with the cgroup; echo {word} > {file} thaws {it}")
        }
        Condition::Uninterruptible => format!(
            "inside the kernel (D), where no signal reaches {it}; if that lasts, a disk or a file \
             server does not answer; cat {} shows where",
            arguments(&|pid| format!("/proc/{pid}/stack"))
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Background, Tracer};

    #[test]
    fn what_keeps_a_process_is_told_with_what_lets_it_go_on() {
        let tracer = Tracer {
            pid: 77,
            comm: "gdb".into(),
        };
        for (condition, words) in [
            (
                Condition::Stopped,
                "stopped (Ctrl-Z or SIGSTOP); kill -CONT 812 lets it go on",
            ),
            (
                Condition::Traced(Some(tracer)),
                "held by gdb (pid 77), which traces it: nothing runs until that lets it go on",
            ),
            (
                Condition::Traced(None),
                "held by a debugger or tracer; grep TracerPid /proc/812/status names it",
            ),
            (
                Condition::Zombie,
                "its first thread has ended (zombie), and another thread holds the socket; \
                 ls /proc/812/task shows which",
            ),
            (
                Condition::Frozen("/c/cgroup.freeze".into()),
                "frozen with the cgroup; echo 0 > /c/cgroup.freeze thaws it",
            ),
            (
                Condition::Frozen("/c/freezer.state".into()),
                "frozen with the cgroup; echo THAWED > /c/freezer.state thaws it",
            ),
        ] {
            assert_eq!(told(&condition, &[812]), words);
        }
        let many = told(&Condition::Stopped, &[1, 2, 3, 4, 5, 6]);
        assert!(
            many.ends_with("kill -CONT 1 2 3 4 5 ... lets them go on"),
            "{many}"
        );
        assert_eq!(named(&[7, 8, 9]), "pids 7, 8 and 9");
        assert_eq!(
            named(&[1, 2, 3, 4, 5, 6, 7]),
            "pids 1, 2, 3, 4, 5 and 2 more"
        );
    }

    #[test]
    fn the_first_process_is_nobodys_parent() {
        let child = |pid, name: Option<&str>| {
            parent(&Process {
                parent: Some(pid),
                background: Some(Box::new(Background {
                    directory: None,
                    parent: name.map(Into::into),
                })),
                ..Process::named(9, b"x".to_vec())
            })
        };
        assert_eq!(child(700, Some("bash")).as_deref(), Some("bash (pid 700)"));
        assert_eq!(child(700, None), None);
        assert_eq!(child(1, Some("init")), None);
        assert_eq!(child(0, None), None);
    }
}
