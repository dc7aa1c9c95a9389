//! The story of a port, told to a person.

mod words;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::IpAddr;

use super::grid::cut;
use super::list::queue_tone;
use super::text::{Style, explanation, write_value};
use super::theme::{Theme, Tone, state_tone};
use crate::model::foreign::shown;
pub(super) use words::since;
use words::{alike, ranked, with_more};

use crate::analyze::port::{BlockReason, ByPort, PortEntry};
use crate::columns::{self, Row};
use crate::model::{
    AcceptQueue, Facts, Family, OwnerStatus, Process, Queue, Role, Socket, State, Via,
};

/// Listeners told in full; further ones are counted.
const LISTENERS: usize = 8;
/// Owners told in full for one socket.
const OWNERS: usize = 4;
/// Peers and processes named in a line.
const NAMED: usize = 5;
/// Width of the words before a fact.
const LABEL: usize = 10;

/// What the story is told with.
#[derive(Clone, Copy, Debug)]
pub struct Telling<'a> {
    /// The sockets of the asked ports.
    pub sockets: &'a ByPort<'a>,
    /// Their owners and names.
    pub facts: &'a Facts,
    /// Colours.
    pub theme: Theme,
    /// Columns of the terminal; `None` for no limit.
    pub width: Option<usize>,
    /// Seconds since the epoch, now.
    pub now: i64,
}

/// Tells the story of one port of one protocol.
///
/// # Errors
/// What writing says.
pub fn tell(out: &mut dyn Write, entry: &PortEntry, telling: Telling<'_>) -> io::Result<()> {
    let mut story = Story {
        out,
        telling,
        entry,
    };
    story.heading()?;
    story.listeners()?;
    story.bound_only()?;
    story.connections()?;
    story.outbound()?;
    story.bind()
}

struct Story<'a> {
    out: &'a mut dyn Write,
    telling: Telling<'a>,
    entry: &'a PortEntry,
}

impl<'a> Story<'a> {
    fn local(&self) -> impl Iterator<Item = &'a Socket> + use<'a> {
        self.telling.sockets.local(self.entry).iter().copied()
    }

    fn heading(&mut self) -> io::Result<()> {
        let entry = self.entry;
        let name = format!("{} {}", entry.protocol.name(), entry.port);
        let verdict = match (entry.listeners(), entry.in_use()) {
            (0, true) => ("nobody listens, but it is in use", Tone::Waiting),
            (0, false) => ("not in use here", Tone::Calm),
            (1, _) => ("in use", Tone::Calm),
            _ => ("in use, by several sockets", Tone::Calm),
        };
        let name = self.telling.theme.paint(&name, Tone::Strong);
        let verdict = self.telling.theme.paint(verdict.0, verdict.1);
        writeln!(self.out, "{name}  {verdict}")
    }

    fn listeners(&mut self) -> io::Result<()> {
        let groups = alike(self.local().filter(|s| s.is_listener()), self.telling.facts);
        for group in groups.iter().take(LISTENERS) {
            self.listener(group)?;
        }
        self.more(groups.len(), LISTENERS, "listening sockets")
    }

    /// One listener, or several that differ in nothing but their descriptor.
    fn listener(&mut self, group: &[&Socket]) -> io::Result<()> {
        let Some(socket) = group.first() else {
            return Ok(());
        };
        let word = match socket.state {
            State::Listen => "listens on",
            _ => "bound to",
        };
        let mut address = self.cell("local", socket);
        if socket.family == Family::V6 && socket.local.address.is_unspecified() {
            address.push_str(match socket.v6_only {
                Some(true) => "  (IPv6 only)",
                Some(false) => "  (IPv6 and IPv4)",
                None => "",
            });
        }
        if group.len() > 1 {
            let count = group.len().to_string();
            address.extend(["  ", &count, " sockets share it (SO_REUSEPORT)"]);
        }
        self.fact(word, &address, Tone::Strong)?;
        self.owners(group)?;
        self.queues(group)?;
        let drops: u64 = group.iter().filter_map(|s| s.drops).map(u64::from).sum();
        if drops > 0 {
            let text = format!("{drops} packets since the socket was made");
            self.fact("dropped", &text, Tone::Waiting)?;
        }
        Ok(())
    }

    /// The queue of a listener; of several, the fullest.
    fn queues(&mut self, group: &[&Socket]) -> io::Result<()> {
        let accept = group.iter().filter_map(|socket| match socket.queue {
            Some(Queue::Accept(queue)) => Some(queue),
            _ => None,
        });
        if let Some(fullest) = accept.max_by_key(|queue| queue.length) {
            return self.queue(fullest, group.len() > 1);
        }
        let unread: u64 = group
            .iter()
            .filter_map(|socket| match socket.queue {
                Some(Queue::Bytes { recv, .. }) => Some(u64::from(recv)),
                _ => None,
            })
            .sum();
        match unread {
            0 => Ok(()),
            unread => self.fact(
                "queue",
                &format!("{unread} bytes not read yet"),
                Tone::Normal,
            ),
        }
    }

    fn queue(&mut self, queue: AcceptQueue, of_several: bool) -> io::Result<()> {
        let tone = match queue_tone(queue.length, queue.limit) {
            Tone::Quiet => Tone::Normal,
            tone => tone,
        };
        let several = if of_several { " in the fullest" } else { "" };
        let length = queue.length;
        let text = match queue.limit {
            Some(limit) if tone == Tone::Bad => format!(
                "{length} wait for accept(){several}, limit {limit}: full, new clients time out"
            ),
            Some(limit) => format!("{length} of {limit} wait for accept(){several}"),
            None => format!("{length} wait for accept(){several} (limit not known)"),
        };
        self.fact("queue", &text, tone)
    }

    fn bound_only(&mut self) -> io::Result<()> {
        let bound = self
            .local()
            .filter(|s| matches!(s.state, State::BoundInactive | State::Close));
        let groups = alike(bound, self.telling.facts);
        for group in groups.iter().take(LISTENERS) {
            let Some(socket) = group.first() else {
                continue;
            };
            let address = self.cell("local", socket);
            let text = format!("{address}  (neither listens nor connects)");
            self.fact("bound to", &text, Tone::Strong)?;
            self.owners(group)?;
        }
        self.more(groups.len(), LISTENERS, "bound sockets")
    }

    fn more(&mut self, count: usize, shown: usize, what: &str) -> io::Result<()> {
        match count.saturating_sub(shown) {
            0 => Ok(()),
            more => self.fact("", &format!("and {more} more {what}"), Tone::Quiet),
        }
    }

    fn owners(&mut self, group: &[&Socket]) -> io::Result<()> {
        let Some(socket) = group.first() else {
            return Ok(());
        };
        let processes: Vec<_> = self.telling.facts.owner_processes(socket).collect();
        if processes.is_empty() {
            return match socket.owner_status {
                OwnerStatus::NotAsked => Ok(()),
                status => self.fact("held by", explanation(status), Tone::Waiting),
            };
        }
        let mut command = None;
        for process in processes.iter().take(OWNERS) {
            self.owner(group, process)?;
            // A helper has its parent's command line: once is enough.
            if command.replace(&process.command) != Some(&process.command) {
                self.origin(process)?;
            }
        }
        self.more(processes.len(), OWNERS, "processes hold it")
    }

    /// Name, pid, descriptors and user.
    fn owner(&mut self, group: &[&Socket], process: &Process) -> io::Result<()> {
        let facts = self.telling.facts;
        let mut ways: Vec<String> = group
            .iter()
            .flat_map(|socket| facts.owners(socket))
            .filter(|(holder, _)| holder.pid == process.pid)
            .map(|(holder, _)| match holder.via {
                Via::Fd(fd) => format!("fd {fd}"),
                Via::IoUring => "io_uring".to_owned(),
            })
            .collect();
        if ways.len() > NAMED {
            ways = vec![format!("{} fds", ways.len())];
        }
        let user = match process.uid.map(|uid| (uid, facts.user(uid))) {
            Some((_, Some(name))) => format!("  user {name}"),
            Some((uid, None)) => format!("  uid {uid}"),
            None => String::new(),
        };
        let name = shown(&process.comm);
        let text = format!("{name}  pid {}  {}{user}", process.pid, ways.join(", "));
        self.fact("held by", &text, Tone::Strong)
    }

    /// Since when, by which command, in which container and unit.
    fn origin(&mut self, process: &Process) -> io::Result<()> {
        if let Some(started) = process.started {
            let text = since(started, self.telling.now);
            self.fact("since", &text, Tone::Normal)?;
        }
        if let Some(command) = &process.command {
            self.fact("command", &shown(command).to_string(), Tone::Normal)?;
        }
        if let Some(container) = process.container() {
            let text = format!("{} ({})", container.id, container.engine);
            self.fact("container", &text, Tone::Normal)?;
        }
        match process.unit() {
            Some(unit) => self.fact("unit", &shown(unit).to_string(), Tone::Normal),
            None => Ok(()),
        }
    }

    fn connections(&mut self) -> io::Result<()> {
        let connections: Vec<_> = self
            .local()
            .filter(|s| s.role == Some(Role::Inbound))
            .collect();
        if connections.is_empty() {
            return Ok(());
        }
        let waiting = connections
            .iter()
            .filter(|s| s.owner_status == OwnerStatus::Unaccepted)
            .count();
        let note = match waiting {
            0 => String::new(),
            waiting => format!("  ({waiting} not accepted yet)"),
        };
        self.states("connected", connections.iter().copied(), &note)?;
        let peers = connections.iter().filter_map(|s| Some(s.peer?.address));
        let ranked = ranked(peers);
        let name = |address: &IpAddr| {
            let known = self.telling.facts.hosts.get(address);
            known.map_or_else(|| address.to_string(), ToString::to_string)
        };
        let named: Vec<String> = ranked
            .iter()
            .take(NAMED)
            .map(|(address, count)| format!("{} ({count})", name(address)))
            .collect();
        self.fact("peers", &with_more(&named, ranked.len()), Tone::Normal)?;
        self.servers(&connections)
    }

    /// Who holds the connections, where that is not told with a listener: a helper may outlive
    /// the server that accepted them.
    fn servers(&mut self, connections: &[&Socket]) -> io::Result<()> {
        let facts = self.telling.facts;
        let listening: Vec<u32> = self
            .local()
            .filter(|socket| socket.is_listener())
            .flat_map(|socket| facts.owner_processes(socket).map(|process| process.pid))
            .collect();
        let mut holders = connections.iter().flat_map(|s| facts.owner_processes(s));
        let Some(untold) = holders.find(|process| !listening.contains(&process.pid)) else {
            return Ok(());
        };
        let tone = match listening.as_slice() {
            [] => Tone::Strong,
            _ => Tone::Normal,
        };
        let ranked = ranked(connections.iter().flat_map(|s| {
            facts
                .owner_processes(s)
                .map(|process| format!("{} {}", shown(&process.comm), process.pid))
        }));
        let named: Vec<String> = ranked
            .iter()
            .take(NAMED)
            .map(|(name, count)| format!("{name} ({count})"))
            .collect();
        self.fact("held by", &with_more(&named, ranked.len()), tone)?;
        if listening.is_empty() {
            self.origin(untold)?;
        }
        Ok(())
    }

    fn outbound(&mut self) -> io::Result<()> {
        let outbound = self.telling.sockets.outbound(self.entry);
        if outbound.is_empty() {
            return Ok(());
        }
        let note = format!("  to port {}", self.entry.port);
        self.states("outbound", outbound.iter().copied(), &note)?;
        let owners = outbound.iter().filter_map(|s| {
            let process = self.telling.facts.owner_processes(s).next()?;
            Some(format!("{} {}", shown(&process.comm), process.pid))
        });
        let ranked = ranked(owners);
        if ranked.is_empty() {
            return Ok(());
        }
        let named: Vec<String> = ranked
            .iter()
            .take(NAMED)
            .map(|(name, count)| format!("{name} ({count})"))
            .collect();
        self.fact("from", &with_more(&named, ranked.len()), Tone::Normal)
    }

    fn states<'s>(
        &mut self,
        label: &str,
        sockets: impl Iterator<Item = &'s Socket>,
        note: &str,
    ) -> io::Result<()> {
        let mut by_state: BTreeMap<State, u64> = BTreeMap::new();
        for socket in sockets {
            *by_state.entry(socket.state).or_default() += 1;
        }
        let parts: Vec<String> = by_state
            .iter()
            .map(|(state, count)| {
                let text = format!("{count} {state}");
                self.telling.theme.paint(&text, state_tone(*state))
            })
            .collect();
        self.label(label)?;
        writeln!(self.out, "{}{note}", parts.join("  "))
    }

    /// What stands in the way of a bind, where it is not plain from a listener above.
    fn bind(&mut self) -> io::Result<()> {
        let entry = self.entry;
        if entry.listeners() > 0 {
            return Ok(());
        }
        for blocker in &entry.blocked_by {
            let state = match blocker.reason {
                BlockReason::Connection | BlockReason::TimeWait => {
                    format!("{} {}: ", blocker.count, blocker.state)
                }
                _ => String::new(),
            };
            let text = format!("{state}{}", blocker.reason.explanation());
            self.fact("bind", &text, Tone::Waiting)?;
        }
        Ok(())
    }

    fn label(&mut self, label: &str) -> io::Result<()> {
        let label = format!("{label:LABEL$}");
        let label = self.telling.theme.paint(&label, Tone::Quiet);
        write!(self.out, "  {label}  ")
    }

    fn fact(&mut self, label: &str, text: &str, tone: Tone) -> io::Result<()> {
        let room = self
            .telling
            .width
            .map(|width| width.saturating_sub(LABEL + 4));
        let text = room.map_or_else(|| text.to_owned(), |room| cut(text, room));
        self.label(label)?;
        writeln!(self.out, "{}", self.telling.theme.paint(&text, tone))
    }

    fn cell(&self, id: &str, socket: &Socket) -> String {
        let mut text = String::new();
        let row = Row {
            socket,
            facts: self.telling.facts,
        };
        if let Some(column) = columns::find(id) {
            write_value(&mut text, &(column.value)(row), Style::Person);
        }
        text
    }
}
