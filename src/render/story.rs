//! The story of a port, told to a person.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::IpAddr;

use super::grid::cut;
use super::list::queue_tone;
use super::sanitize::escape;
use super::text::{Style, reason, write_value};
use super::theme::{Theme, Tone, state_tone};
use crate::analyze::port::{BlockReason, PortEntry};
use crate::columns::{self, Row};
use crate::model::{
    AcceptQueue, Facts, Family, Process, Protocol, Queue, Role, Socket, State, Via,
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
    pub sockets: &'a [Socket],
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
        let (port, protocol) = (self.entry.port, self.entry.protocol);
        let sockets = self.telling.sockets.iter();
        sockets.filter(move |s| s.local.port == port && s.protocol == protocol)
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
        let listeners: Vec<_> = self.local().filter(|s| s.is_listener()).collect();
        for socket in listeners.iter().take(LISTENERS) {
            let word = match socket.state {
                State::Listen => "listens on",
                _ => "bound to",
            };
            self.socket(socket, word)?;
        }
        self.more(listeners.len(), LISTENERS, "listening sockets")
    }

    fn bound_only(&mut self) -> io::Result<()> {
        let bound: Vec<_> = self
            .local()
            .filter(|s| matches!(s.state, State::BoundInactive | State::Close))
            .collect();
        for socket in bound.iter().take(LISTENERS) {
            self.socket(socket, "bound to")?;
            self.fact(
                "",
                "bound only: neither listens nor connects",
                Tone::Waiting,
            )?;
        }
        self.more(bound.len(), LISTENERS, "bound sockets")
    }

    fn more(&mut self, count: usize, shown: usize, what: &str) -> io::Result<()> {
        match count.saturating_sub(shown) {
            0 => Ok(()),
            more => self.fact("", &format!("and {more} more {what}"), Tone::Quiet),
        }
    }

    fn socket(&mut self, socket: &Socket, word: &str) -> io::Result<()> {
        let mut address = self.cell("local", socket);
        if socket.family == Family::V6 && socket.local.address.is_unspecified() {
            address.push_str(match socket.v6_only {
                Some(true) => "  (IPv6 only)",
                Some(false) => "  (IPv6 and IPv4)",
                None => "",
            });
        }
        self.fact(word, &address, Tone::Strong)?;
        self.owners(socket)?;
        match socket.queue {
            Some(Queue::Accept(queue)) => self.queue(queue)?,
            Some(Queue::Bytes { recv, .. }) if socket.is_listener() && recv > 0 => {
                self.fact("queue", &format!("{recv} bytes not read yet"), Tone::Normal)?;
            }
            _ => {}
        }
        match socket.drops {
            Some(drops) if drops > 0 => {
                let text = format!("{drops} packets since the socket was made");
                self.fact("dropped", &text, Tone::Waiting)
            }
            _ => Ok(()),
        }
    }

    fn queue(&mut self, queue: AcceptQueue) -> io::Result<()> {
        let tone = match queue_tone(queue.length, queue.limit) {
            Tone::Quiet => Tone::Normal,
            tone => tone,
        };
        let text = match queue.limit {
            Some(limit) if tone == Tone::Bad => {
                format!(
                    "{} of {limit} wait for accept(): full, new clients time out",
                    queue.length
                )
            }
            Some(limit) => format!("{} of {limit} wait for accept()", queue.length),
            None => format!("{} wait for accept() (limit not known)", queue.length),
        };
        self.fact("queue", &text, tone)
    }

    fn owners(&mut self, socket: &Socket) -> io::Result<()> {
        let facts = self.telling.facts;
        let processes: Vec<_> = facts.owner_processes(socket).collect();
        if processes.is_empty() {
            return match socket.owner_status {
                crate::model::OwnerStatus::NotAsked => Ok(()),
                status => self.fact("held by", reason(status), Tone::Waiting),
            };
        }
        for process in processes.iter().take(OWNERS) {
            self.owner(socket, process)?;
        }
        self.more(processes.len(), OWNERS, "processes hold it")
    }

    fn owner(&mut self, socket: &Socket, process: &Process) -> io::Result<()> {
        let facts = self.telling.facts;
        let holders = facts.owners(socket).filter(|(h, _)| h.pid == process.pid);
        let ways: Vec<String> = holders
            .map(|(holder, _)| match holder.via {
                Via::Fd(fd) => format!("fd {fd}"),
                Via::IoUring => "io_uring".to_owned(),
            })
            .collect();
        let user = match process.uid.map(|uid| (uid, facts.user(uid))) {
            Some((_, Some(name))) => format!("  user {}", escape(name.as_bytes())),
            Some((uid, None)) => format!("  uid {uid}"),
            None => String::new(),
        };
        let name = escape(&process.comm);
        let text = format!("{name}  pid {}  {}{user}", process.pid, ways.join(", "));
        self.fact("held by", &text, Tone::Strong)?;
        if let Some(started) = process.started {
            self.fact("since", &since(started, self.telling.now), Tone::Normal)?;
        }
        if let Some(command) = &process.command {
            self.fact("command", &escape(command), Tone::Normal)?;
        }
        if let Some(container) = process.container() {
            let text = format!("{} ({})", escape(container.id.as_bytes()), container.engine);
            self.fact("container", &text, Tone::Normal)?;
        }
        match process.unit() {
            Some(unit) => self.fact("unit", &escape(unit.as_bytes()), Tone::Normal),
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
        self.states("connected", connections.iter().copied())?;
        let peers = connections.iter().filter_map(|s| Some(s.peer?.address));
        let ranked = ranked(peers);
        let name = |address: &IpAddr| {
            let known = self.telling.facts.hosts.get(address);
            known.map_or_else(|| address.to_string(), |name| escape(name.as_bytes()))
        };
        let named: Vec<String> = ranked
            .iter()
            .take(NAMED)
            .map(|(address, count)| format!("{} ({count})", name(address)))
            .collect();
        self.fact("peers", &with_more(&named, ranked.len()), Tone::Normal)
    }

    fn outbound(&mut self) -> io::Result<()> {
        let (port, protocol) = (self.entry.port, self.entry.protocol);
        let is_outbound =
            |s: &&Socket| s.protocol == protocol && s.peer.is_some_and(|peer| peer.port == port);
        let outbound: Vec<_> = self.telling.sockets.iter().filter(is_outbound).collect();
        if outbound.is_empty() {
            return Ok(());
        }
        self.states("clients", outbound.iter().copied())?;
        let owners = outbound.iter().filter_map(|s| {
            let process = self.telling.facts.owner_processes(s).next()?;
            Some(format!("{} {}", escape(&process.comm), process.pid))
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
        let text = format!("from here: {}", with_more(&named, ranked.len()));
        self.fact("", &text, Tone::Normal)
    }

    fn states<'s>(
        &mut self,
        label: &str,
        sockets: impl Iterator<Item = &'s Socket>,
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
        writeln!(self.out, "{}", parts.join("  "))
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

/// The different things with how often they occur, the most frequent first.
fn ranked<T: Ord>(things: impl Iterator<Item = T>) -> Vec<(T, u64)> {
    let mut counts: BTreeMap<T, u64> = BTreeMap::new();
    for thing in things {
        *counts.entry(thing).or_default() += 1;
    }
    let mut ranked: Vec<_> = counts.into_iter().collect();
    ranked.sort_by_key(|(_, count)| Reverse(*count));
    ranked
}

fn with_more(named: &[String], all: usize) -> String {
    let text = named.join(", ");
    match all.saturating_sub(named.len()) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

/// The kernel does not record when a socket was made: the start of its process is the
/// earliest it can have been.
fn since(started: i64, now: i64) -> String {
    let span = span(now.saturating_sub(started).max(0));
    let Ok(timestamp) = jiff::Timestamp::from_second(started) else {
        return format!("at most {span} ago");
    };
    let local = timestamp.to_zoned(jiff::tz::TimeZone::system());
    let date = local.strftime("%Y-%m-%d %H:%M:%S");
    format!("at most {span} ago: its process started {date}")
}

/// A span in the two largest units.
#[must_use]
pub fn span(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min {} s", seconds % 60),
        3600..86400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// One line for asked ports that nothing here uses.
#[must_use]
pub fn free_line(port: u16, protocols: &[Protocol]) -> String {
    let names: Vec<_> = protocols.iter().map(|protocol| protocol.name()).collect();
    format!("port {port} is free ({})", names.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_units() {
        assert_eq!(span(5), "5 s");
        assert_eq!(span(65), "1 min 5 s");
        assert_eq!(span(3 * 3600 + 12 * 60 + 9), "3 h 12 min");
        assert_eq!(span(90_000), "1 d 1 h");
    }

    #[test]
    fn the_most_frequent_come_first() {
        let ranked = ranked(["b", "a", "b"].into_iter());
        assert_eq!(ranked, [("b", 2), ("a", 1)]);
        assert_eq!(with_more(&["x".into()], 3), "x and 2 more");
    }
}
