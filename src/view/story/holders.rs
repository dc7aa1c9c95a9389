//! Who holds sockets: one process at length, several as a tree with a line for each.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::background::hindrance;
use super::words::{alternatives, span_since, with_more};
use super::{HOLDERS, NAMED, Story, cut, since, wide};
use crate::model::foreign::shown;
use crate::model::{Condition, Process, Socket, Via};
use crate::text::theme::Tone;
use crate::text::wrap::wrap;

/// Processes that started within so many seconds count as started together.
const TOGETHER: i64 = 60;
/// A command that would be cut to less than this says nothing.
const LEAST_COMMAND: usize = 8;

/// A line of the tree.
struct StoryHolder {
    /// Branches, and the name.
    name: String,
    pid: String,
    /// Why it cannot run.
    state: &'static str,
    fds: String,
    user: String,
    since: String,
    command: String,
}

impl Story<'_> {
    /// Who holds the sockets, each process once; where nobody does, why.
    pub(super) fn owners(&mut self, sockets: &[&Socket]) -> io::Result<()> {
        let facts = self.telling.facts;
        let mut processes: BTreeMap<u32, &Process> = BTreeMap::new();
        for socket in sockets {
            processes.extend(facts.owner_processes(socket).map(|p| (p.pid, p)));
        }
        let mut each = processes.values();
        match (each.next(), each.next()) {
            (None, _) => self.nobody(sockets),
            (Some(process), None) => {
                self.owner(sockets, process)?;
                self.conditions(&[process])?;
                self.origin(process)
            }
            _ => self.tree(sockets, &processes),
        }
    }

    /// Name, pid, descriptors and user.
    fn owner(&mut self, sockets: &[&Socket], process: &Process) -> io::Result<()> {
        let (name, fds) = (shown(&process.comm), self.fds(sockets, process.pid));
        let user = match self.user(process) {
            user if user.is_empty() => user,
            user => format!("  {user}"),
        };
        let text = format!("{name}  pid {}  {fds}{user}", process.pid);
        self.fact("held by", &text, Tone::Strong)
    }

    /// The descriptors through which a process holds the sockets.
    fn fds(&self, sockets: &[&Socket], pid: u32) -> String {
        let facts = self.telling.facts;
        let owners = sockets.iter().flat_map(|socket| facts.owners(socket));
        let holders = owners.map(|(holder, _)| holder);
        let mut fds = BTreeSet::new();
        let mut ways = Vec::new();
        for holder in holders.filter(|holder| holder.pid == pid) {
            match holder.via {
                Via::Fd(fd) => fds.extend([fd]),
                Via::IoUring if ways.is_empty() => ways.push("io_uring".to_owned()),
                Via::IoUring => {}
            }
        }
        if fds.len() > NAMED {
            ways.insert(0, format!("{} fds", fds.len()));
        } else if !fds.is_empty() {
            let fds: Vec<String> = fds.iter().map(ToString::to_string).collect();
            ways.insert(0, format!("fd {}", fds.join(",")));
        }
        ways.join(", ")
    }

    fn user(&self, process: &Process) -> String {
        match process.uid.map(|uid| (uid, self.telling.facts.user(uid))) {
            Some((_, Some(name))) => format!("user {name}"),
            Some((uid, None)) => format!("uid {uid}"),
            None => String::new(),
        }
    }

    /// Since when, by which command, in which container and unit.
    pub(super) fn origin(&mut self, process: &Process) -> io::Result<()> {
        if let Some(started) = process.started {
            let text = since(started, self.telling.now);
            self.fact("since", &text, Tone::Normal)?;
        }
        if let Some(command) = &process.command {
            self.short_fact("command", &shown(command).to_string())?;
        }
        self.background(&[process], &[process])?;
        self.place_of(&[process])
    }

    /// Containers and units; where they differ, with the processes in them.
    fn place_of(&mut self, processes: &[&Process]) -> io::Result<()> {
        let container = |process: &Process| {
            let container = process.container()?;
            Some(format!("{} ({})", container.id, container.engine))
        };
        let unit = |process: &Process| Some(shown(process.unit()?).to_string());
        self.shared("container", processes, &container)?;
        self.shared("unit", processes, &unit)
    }

    pub(super) fn shared(
        &mut self,
        label: &str,
        processes: &[&Process],
        of: &dyn Fn(&Process) -> Option<String>,
    ) -> io::Result<()> {
        let mut found: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for process in processes {
            if let Some(place) = of(process) {
                found.entry(place).or_default().push(process.pid);
            }
        }
        let all = processes.len();
        let told = found.iter().map(|(place, pids)| match pids.as_slice() {
            pids if pids.len() == all => place.clone(),
            [pid] => format!("{place} (pid {pid})"),
            [pid, rest @ ..] => format!("{place} (pid {pid} and {} more)", rest.len()),
            [] => String::new(),
        });
        let told: Vec<String> = told.collect();
        if told.is_empty() {
            return Ok(());
        }
        self.fact(
            label,
            &with_more(&told, self.most(NAMED).max(1)),
            Tone::Normal,
        )
    }

    /// A line for each process, children below their parents; then what all have in common.
    fn tree(&mut self, sockets: &[&Socket], processes: &BTreeMap<u32, &Process>) -> io::Result<()> {
        let most = self.most(HOLDERS);
        let all: Vec<&Process> = processes.values().copied().collect();
        let at_once = at_once(&all);
        let rows: Vec<StoryHolder> = branches(processes)
            .into_iter()
            .take(most)
            .map(|(branch, process)| {
                let mut row = self.holder(sockets, &branch, process, at_once.is_none());
                row.pid.push_str(role(process, &all));
                row
            })
            .collect();
        let room = self.room();
        let fitted = |line: String| match room {
            Some(room) if wide(&line) > room => wrap(line.trim(), Some(room)),
            _ => vec![line],
        };
        let lines = self.drawn(&rows).into_iter().flat_map(fitted);
        for (number, line) in lines.enumerate() {
            let label = if number == 0 { "held by" } else { "" };
            let tone = if number == 0 {
                Tone::Strong
            } else {
                Tone::Normal
            };
            let line = self.telling.theme.paint(&line, tone);
            self.line(label, &line)?;
        }
        let more = all.len().saturating_sub(most);
        let hidden = ["more process holds it", "more processes hold it"];
        self.more(more, hidden, all.len())?;
        self.conditions(&all)?;
        if let Some(started) = at_once {
            let text = since(started, self.telling.now);
            self.fact("since", &text, Tone::Normal)?;
        }
        let has_parent = |process: &Process| {
            let parent = process.parent.filter(|parent| *parent != process.pid);
            parent.is_some_and(|parent| processes.contains_key(&parent))
        };
        let roots: Vec<&Process> = all.iter().copied().filter(|p| !has_parent(p)).collect();
        self.background(&all, &roots)?;
        self.place_of(&all)
    }

    fn holder(
        &self,
        sockets: &[&Socket],
        branch: &str,
        process: &Process,
        with_since: bool,
    ) -> StoryHolder {
        let of_process = |socket: &&&Socket| {
            let mut holders = self.telling.facts.owner_processes(socket);
            holders.any(|holder| holder.pid == process.pid)
        };
        let mine: BTreeSet<String> = sockets
            .iter()
            .filter(of_process)
            .map(|socket| self.cell("local", socket))
            .collect();
        let every = sockets.iter().map(|socket| self.cell("local", socket));
        let every: BTreeSet<String> = every.collect();
        let mut fds = self.fds(sockets, process.pid);
        if mine.len() < every.len() {
            let mine: Vec<String> = mine.into_iter().collect();
            fds = format!("{fds} on {}", alternatives(&mine));
        }
        let started = process.started.filter(|_| with_since);
        let since = started.map(|started| format!("<= {}", span_since(started, self.telling.now)));
        StoryHolder {
            name: format!("{branch}{}", shown(&process.comm)),
            pid: format!("pid {}", process.pid),
            state: hindrance(process).map_or("", Condition::name),
            fds,
            user: self.user(process),
            since: since.unwrap_or_default(),
            command: process
                .command
                .as_deref()
                .map(|text| shown(text).to_string())
                .unwrap_or_default(),
        }
    }

    /// The lines, with their parts below each other; the command is cut to what room is left, or
    /// has a line of its own, as all but name and pid have where it is very narrow.
    fn drawn(&self, rows: &[StoryHolder]) -> Vec<String> {
        let widest = |place: usize| {
            let parts = rows
                .iter()
                .filter_map(|row| row.parts().get(place).copied());
            parts.map(wide).max().unwrap_or(0)
        };
        let widths: [usize; 6] = std::array::from_fn(widest);
        let before: usize = widths
            .iter()
            .filter(|width| **width > 0)
            .map(|w| w + 2)
            .sum();
        let width = self.room().unwrap_or(usize::MAX);
        let room = width.saturating_sub(before);
        let mut lines = Vec::new();
        for row in rows {
            let cells = row.parts().into_iter().zip(widths);
            let cells = cells.filter(|(_, width)| *width > 0);
            let cells: Vec<String> = cells
                .map(|(text, width)| format!("{text}{}", " ".repeat(width - wide(text) + 2)))
                .collect();
            let (first, rest) = cells.split_at(if before > width.saturating_add(2) {
                2
            } else {
                cells.len()
            });
            let mut line = first.concat();
            let mut further = vec![rest.concat()];
            if room >= LEAST_COMMAND {
                line.push_str(&cut(&row.command, room));
            } else {
                further.push(cut(&row.command, width.saturating_sub(4)));
            }
            lines.push(line.trim_end().to_owned());
            let further = further.iter().filter(|text| !text.is_empty());
            lines.extend(further.map(|text| format!("    {}", text.trim_end())));
        }
        lines
    }
}

impl StoryHolder {
    /// All but the command.
    fn parts(&self) -> [&str; 6] {
        let Self {
            name, pid, state, ..
        } = self;
        [name, pid, state, &self.fds, &self.user, &self.since]
    }
}

/// What a process is to those that hold the same, where it is not plain from the tree.
fn role(process: &Process, all: &[&Process]) -> &'static str {
    let mut children = all.iter().filter(|child| child.parent == Some(process.pid));
    if !children.any(|child| child.pid != process.pid && child.works_for(process)) {
        ""
    } else if process.starts_servers() {
        " (passes it on)"
    } else {
        " (master)"
    }
}

/// The start of the first process, where all started together.
fn at_once(processes: &[&Process]) -> Option<i64> {
    let started: Option<Vec<i64>> = processes.iter().map(|process| process.started).collect();
    let started = started?;
    let (first, last) = (started.iter().min()?, started.iter().max()?);
    (last - first <= TOGETHER).then_some(*first)
}

/// The processes with the branches that lead to them, children below their parents.
fn branches<'p>(processes: &BTreeMap<u32, &'p Process>) -> Vec<(String, &'p Process)> {
    let mut children: BTreeMap<Option<u32>, Vec<&'p Process>> = BTreeMap::new();
    for process in processes.values().copied() {
        let parent = process
            .parent
            .filter(|parent| processes.contains_key(parent) && *parent != process.pid);
        children.entry(parent).or_default().push(process);
    }
    let mut found = Vec::new();
    // Each with its own branch, and the one that its children's begin with.
    let roots = children.remove(&None).unwrap_or_default();
    let mut open: Vec<(String, String, &Process)> = roots
        .into_iter()
        .rev()
        .map(|process| (String::new(), String::new(), process))
        .collect();
    while let Some((branch, below, process)) = open.pop() {
        let mut own = children.remove(&Some(process.pid)).unwrap_or_default();
        let last = own.pop();
        let end = last.map(|child| (format!("{below}└─ "), format!("{below}   "), child));
        open.extend(end);
        let others = own.into_iter().rev();
        open.extend(others.map(|child| (format!("{below}├─ "), format!("{below}│  "), child)));
        found.push((branch, process));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, parent: u32, started: i64) -> Process {
        Process {
            parent: Some(parent),
            started: Some(started),
            ..Process::named(pid, b"nginx".to_vec())
        }
    }

    #[test]
    fn children_stand_below_their_parents() {
        let all = [
            process(10, 1, 0),
            process(11, 10, 0),
            process(12, 10, 0),
            process(13, 11, 0),
            process(20, 5, 0),
            // A parent of its own is no parent.
            process(30, 30, 0),
        ];
        let processes = all.iter().map(|process| (process.pid, process)).collect();
        let drawn: Vec<String> = branches(&processes)
            .iter()
            .map(|(branch, process)| format!("{branch}{}", process.pid))
            .collect();
        assert_eq!(drawn, ["10", "├─ 11", "│  └─ 13", "└─ 12", "20", "30"]);
    }

    #[test]
    fn only_what_started_together_is_told_so() {
        let (a, b, c) = (process(1, 0, 100), process(2, 1, 160), process(3, 1, 161));
        assert_eq!(at_once(&[&a, &b]), Some(100));
        assert_eq!(at_once(&[&a, &b, &c]), None);
        let unknown = Process {
            started: None,
            ..process(4, 1, 0)
        };
        assert_eq!(at_once(&[&a, &unknown]), None);
    }
}
