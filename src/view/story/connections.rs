//! The connections of a port: those that came in, those that borrowed it, those of which a server
//! is left over, and those towards a port of this number.

use std::collections::BTreeMap;
use std::io;

use super::words::{ranked, with_more};
use super::{NAMED, Story};
use crate::analyze::ends::other_end;
use crate::model::foreign::shown;
use crate::model::{OwnerStatus, Protocol, Role, Socket, State, TimerKind};
use crate::text::grid::Cell;
use crate::text::theme::{Tone, state_tone};

impl<'a> Story<'a> {
    pub(super) fn inbound(&mut self) -> io::Result<()> {
        let connections = self.of_role(Some(Role::Inbound));
        if connections.is_empty() {
            return Ok(());
        }
        self.states("connected", &connections, &unaccepted(&connections))?;
        self.peers("peers", &connections, false)?;
        self.servers(&connections)
    }

    /// Connections that went out from this port, which the kernel lent them.
    pub(super) fn outgoing(&mut self) -> io::Result<()> {
        let connections = self.of_role(Some(Role::Outbound));
        if connections.is_empty() {
            return Ok(());
        }
        self.states("outgoing", &connections, "from this port, borrowed")?;
        self.peers("to", &connections, true)?;
        self.owners(&connections)
    }

    /// Connections of a port on which nobody listens any more.
    pub(super) fn left(&mut self) -> io::Result<()> {
        let connections = self.of_role(None);
        if connections.is_empty() {
            return Ok(());
        }
        self.states("connected", &connections, &unaccepted(&connections))?;
        // A UDP socket connects to a service, whose port says which.
        let with_ports = self.entry.protocol == Protocol::Udp;
        self.peers("peers", &connections, with_ports)?;
        self.owners(&connections)
    }

    /// The connections with this port at their own end.
    fn of_role(&self, role: Option<Role>) -> Vec<&'a Socket> {
        let connected = self.local().filter(|socket| socket.peer.is_some());
        connected.filter(|socket| socket.role == role).collect()
    }

    /// The far ends, the most frequent first; the ports of clients are of no interest.
    fn peers(&mut self, label: &str, connections: &[&Socket], with_ports: bool) -> io::Result<()> {
        let hosts = &self.telling.facts.hosts;
        let peers = connections.iter().filter_map(|socket| {
            let address = socket.peer.ip()?;
            if with_ports {
                return Some(self.cell("peer", socket));
            }
            let known = hosts.get(&address);
            Some(known.map_or_else(|| address.to_string(), ToString::to_string))
        });
        let text = with_more(&counted(peers), self.most(NAMED));
        self.fact(label, &text, Tone::Normal)
    }

    /// Who holds the connections, where that is not said with a listener: a helper may outlive
    /// the server that accepted them.
    fn servers(&mut self, connections: &[&Socket]) -> io::Result<()> {
        let facts = self.telling.facts;
        let listening: Vec<u32> = self
            .local()
            .filter(|socket| socket.is_listener())
            .flat_map(|socket| facts.owner_processes(socket).map(|process| process.pid))
            .collect();
        let mut holders = connections.iter().flat_map(|s| facts.owner_processes(s));
        if holders.all(|process| listening.contains(&process.pid)) {
            return Ok(());
        }
        let holders = connections.iter().flat_map(|s| facts.owner_processes(s));
        let names = holders.map(|process| format!("{} {}", shown(&process.comm), process.pid));
        let text = with_more(&counted(names), self.most(NAMED));
        self.fact("held by", &text, Tone::Normal)
    }

    /// Connections to this port of another host, or of this one.
    pub(super) fn outbound(&mut self) -> io::Result<()> {
        let borrowed = self.of_role(Some(Role::Outbound));
        let outbound = self.telling.sockets.outbound(self.entry).iter().copied();
        // The far end of a connection that borrowed this port did not go out to it.
        let outbound: Vec<&Socket> = outbound
            .filter(|socket| other_end(borrowed.iter().copied(), socket).is_none())
            .collect();
        if outbound.is_empty() {
            return Ok(());
        }
        let note = format!("to port {}", self.entry.port);
        self.states("outbound", &outbound, &note)?;
        let facts = self.telling.facts;
        let owners = outbound.iter().filter_map(|s| {
            let process = facts.owner_processes(s).next()?;
            Some(format!("{} {}", shown(&process.comm), process.pid))
        });
        let owners = counted(owners);
        if owners.is_empty() {
            return Ok(());
        }
        let text = with_more(&owners, self.most(NAMED));
        self.fact("from", &text, Tone::Normal)
    }

    /// How outgoing connections are kept off the port, where one has borrowed it.
    pub(super) fn cure(&mut self) -> io::Result<()> {
        if self.of_role(Some(Role::Outbound)).is_empty() {
            return Ok(());
        }
        let (port, kernel) = (self.entry.port, self.telling.kernel);
        let reserved = "net.ipv4.ip_local_reserved_ports";
        let text = match kernel.ephemeral_range() {
            Some(range) if range.contains(port) => {
                let before = kernel.setting(reserved).unwrap_or_default();
                let comma = if before.is_empty() { "" } else { "," };
                format!(
                    "sysctl -w {reserved}={before}{comma}{port} keeps outgoing connections off this \
                     port from now on; so does a net.ipv4.ip_local_port_range without it (now {} {})",
                    range.first, range.last
                )
            }
            Some(range) => format!(
                "the program chose this port itself: it lies outside of \
                 net.ipv4.ip_local_port_range ({} {})",
                range.first, range.last
            ),
            None => format!("{reserved} and net.ipv4.ip_local_port_range keep them off a port"),
        };
        self.fact("avoid", &text, Tone::Normal)
    }

    fn states(&mut self, label: &str, sockets: &[&Socket], note: &str) -> io::Result<()> {
        let mut by_state: BTreeMap<State, u64> = BTreeMap::new();
        for socket in sockets {
            *by_state.entry(socket.state).or_default() += 1;
        }
        let parts = by_state.iter();
        let parts =
            parts.map(|(state, count)| Cell::new(format!("{count} {state}"), state_tone(*state)));
        let note = Some(note.trim_start()).filter(|note| !note.is_empty());
        let note = note.map(|note| Cell::new(note, Tone::Normal));
        self.parts(label, parts.chain(note).collect())?;
        match last_seconds(sockets) {
            Some(waits) => self.fact("", &waits.told(), Tone::Normal),
            None => Ok(()),
        }
    }
}

/// When the first and the last of connections in `TIME_WAIT` are over, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LastSeconds {
    count: usize,
    next: u32,
    pub(super) last: u32,
}

impl LastSeconds {
    fn told(self) -> String {
        let Self { count, next, last } = self;
        match count {
            1 => format!("TIME_WAIT ends in {last} s"),
            _ if next == last => format!("TIME_WAIT: all end in {last} s"),
            _ => format!("TIME_WAIT: the next ends in {next} s, the last in {last} s"),
        }
    }
}

/// As the timers say it; `None` where none is in `TIME_WAIT`, or the source does not tell of all.
pub(super) fn last_seconds(sockets: &[&Socket]) -> Option<LastSeconds> {
    let waiting = sockets.iter().filter(|s| s.state == State::TimeWait);
    let seconds = |socket: &&Socket| {
        let timer = socket
            .timer
            .filter(|timer| timer.kind == TimerKind::TimeWait)?;
        Some(timer.expires_ms.div_ceil(1000))
    };
    let seconds: Option<Vec<u32>> = waiting.map(seconds).collect();
    let seconds = seconds?;
    Some(LastSeconds {
        count: seconds.len(),
        next: *seconds.iter().min()?,
        last: *seconds.iter().max()?,
    })
}

fn unaccepted(connections: &[&Socket]) -> String {
    let waits = |s: &&&Socket| s.owner_status == OwnerStatus::Unaccepted;
    match connections.iter().filter(waits).count() {
        0 => String::new(),
        waiting => format!("({waiting} not accepted yet)"),
    }
}

/// Each with how often it occurs, the most frequent first.
fn counted(things: impl Iterator<Item = String>) -> Vec<String> {
    let ranked = ranked(things).into_iter();
    ranked
        .map(|(thing, count)| format!("{thing} ({count})"))
        .collect()
}
