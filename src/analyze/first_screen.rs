//! The order in which a list of connections is read best: trouble first, the worst of it before
//! the rest, what has ended last and in one line.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::model::{
    Endpoint, Facts, NetnsId, OwnerStatus, Protocol, Queue, Role, Socket, State, TimerKind,
};

/// Connections in `TIME_WAIT` that are listed one by one; more of them are one line.
const FEW: usize = 4;

/// An order of rows, and those that are told in one line in their place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FirstScreen {
    /// The indices of the rows that are shown, in their order.
    pub order: Vec<usize>,
    /// Those that are not.
    pub folded: Option<Pile>,
}

/// Connections in `TIME_WAIT`, told together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pile {
    pub count: u64,
    /// What they have in common, the most of them first.
    pub parts: Vec<(Part, u64)>,
}

/// What some of a pile have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// A port of this side, and the name of who listens there, where that is known.
    Port(u16, Option<Vec<u8>>),
    /// The other end.
    Towards(Endpoint),
    /// Neither is known.
    Unknown,
}

/// The kinds of rows, in the order in which they are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Class {
    /// The peer has closed, and this program has not.
    CloseWait,
    /// Something waits that was not read, not acknowledged, not accepted.
    Queued,
    /// An attempt is repeated.
    Repeating,
    /// It waits for clients.
    Listening,
    Inbound,
    Outbound,
    /// On its way into or out of a connection.
    Passing,
    /// In no connection.
    Idle,
    TimeWait,
}

impl Class {
    fn of(socket: &Socket, weight: u64) -> Self {
        match socket.state {
            State::TimeWait => Self::TimeWait,
            State::CloseWait => Self::CloseWait,
            _ if weight > 0 && has_queue(socket) => Self::Queued,
            _ if weight > 0 => Self::Repeating,
            _ if socket.is_listener() => Self::Listening,
            State::Established if socket.role == Some(Role::Inbound) => Self::Inbound,
            State::Established => Self::Outbound,
            State::Close | State::BoundInactive | State::Unconnected | State::Unknown(_) => {
                Self::Idle
            }
            _ => Self::Passing,
        }
    }

    const fn is_trouble(self) -> bool {
        matches!(self, Self::CloseWait | Self::Queued | Self::Repeating)
    }
}

/// What waits in a socket: bytes, memory of datagrams, connections.
fn waiting(socket: &Socket) -> u64 {
    match socket.queue {
        Some(Queue::Bytes { recv, send }) => u64::from(recv) + u64::from(send),
        Some(Queue::Memory { received, .. }) => received.into(),
        Some(Queue::Accept(queue)) => queue.length.into(),
        None => 0,
    }
}

/// Whether something waits in it, or it waits itself, for accept().
fn has_queue(socket: &Socket) -> bool {
    let is_waiting = socket.owner_status == OwnerStatus::Unaccepted;
    waiting(socket) > 0 || is_waiting
}

/// How bad it is: what is sent again weighs more than any queue, and a queue as much as is in it.
fn weight(socket: &Socket) -> u64 {
    let tries = socket.timer.map_or(0, |timer| match timer.kind {
        TimerKind::Probe => u64::from(timer.retransmits) + 1,
        TimerKind::Retransmit | TimerKind::Keepalive => timer.retransmits.into(),
        TimerKind::TimeWait | TimerKind::DelayedAck | TimerKind::Unknown(_) => 0,
    });
    (tries << 40) + waiting(socket) + u64::from(has_queue(socket))
}

/// What stands together: rows of one kind, of one process and one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Together<'a> {
    class: Class,
    /// The port of the service: this side's, or of what went out the peer's.
    port: u16,
    comm: &'a [u8],
    pid: u32,
}

impl<'a> Together<'a> {
    fn of(socket: &Socket, facts: &'a Facts, class: Class) -> Self {
        let owner = facts.owner_processes(socket).next();
        let end = match socket.role {
            Some(Role::Outbound) => socket.peer.port().or(socket.local.port()),
            _ => socket.local.port(),
        };
        Self {
            class,
            port: end.unwrap_or(0),
            comm: owner.map_or(&[], |process| process.comm.as_slice()),
            pid: owner.map_or(0, |process| process.pid),
        }
    }
}

/// How much there is of what stands together.
#[derive(Clone, Copy, Debug, Default)]
struct Extent {
    worst: u64,
    rows: u64,
}

/// Arranges `rows`. `listeners` have the names of who waits at a port; `folds` says whether
/// what is in `TIME_WAIT` may be told in one line.
#[must_use]
pub fn arrange(rows: &[Socket], listeners: &[Socket], facts: &Facts, folds: bool) -> FirstScreen {
    let is_over = |row: &&Socket| row.state == State::TimeWait;
    let ended = rows.iter().filter(is_over).count();
    let folds = folds && ended > FEW;
    let mut extents: FxHashMap<Together<'_>, Extent> = FxHashMap::default();
    let shown = rows.iter().enumerate();
    let shown: Vec<_> = shown
        .filter(|(_, row)| !(folds && is_over(row)))
        .map(|(index, row)| {
            let weight = weight(row);
            let together = Together::of(row, facts, Class::of(row, weight));
            let extent = extents.entry(together).or_default();
            extent.worst = extent.worst.max(weight);
            extent.rows += 1;
            (together, weight, index)
        })
        .collect();
    let mut keyed: Vec<_> = shown
        .into_iter()
        .map(|(together, weight, index)| {
            let extent = extents.get(&together).copied().unwrap_or_default();
            let (place, weight) = match together.class {
                // A leak is as bad as it is large; a queue as what waits longest in it.
                Class::CloseWait => ((extent.rows, extent.worst), weight),
                class if class.is_trouble() => ((extent.worst, extent.rows), weight),
                _ => ((0, 0), 0),
            };
            let worst_first = (Reverse(place), together, Reverse(weight));
            ((together.class, worst_first), index)
        })
        .collect();
    keyed.sort_unstable();
    FirstScreen {
        order: keyed.into_iter().map(|(_, index)| index).collect(),
        folded: folds.then(|| pile(rows, &Names::of(rows, listeners, facts))),
    }
}

/// Who serves which port, by what is known of its listeners and its connections.
struct Names<'a>(FxHashMap<(Option<NetnsId>, Protocol, u16), &'a [u8]>);

impl<'a> Names<'a> {
    fn of(rows: &[Socket], listeners: &[Socket], facts: &'a Facts) -> Self {
        let mut names = FxHashMap::default();
        let inbound = rows.iter().filter(|row| row.role == Some(Role::Inbound));
        for socket in listeners.iter().chain(inbound) {
            if let Some(port) = socket.local.port()
                && let Some(process) = facts.owner_processes(socket).next()
            {
                let key = (socket.netns, socket.protocol, port);
                names.entry(key).or_insert(process.comm.as_slice());
            }
        }
        Self(names)
    }

    fn port(&self, socket: &Socket, port: u16) -> Part {
        let name = self.0.get(&(socket.netns, socket.protocol, port));
        Part::Port(port, name.map(|name| name.to_vec()))
    }
}

fn pile(rows: &[Socket], names: &Names<'_>) -> Pile {
    let ended = || rows.iter().filter(|row| row.state == State::TimeWait);
    // Of a server that has gone nobody listens any more: then the more common end tells more.
    let mut ports: FxHashMap<u16, u64> = FxHashMap::default();
    let mut peers: FxHashMap<Endpoint, u64> = FxHashMap::default();
    for row in ended() {
        if let Some(port) = row.local.port() {
            *ports.entry(port).or_default() += 1;
        }
        if let Some(peer) = row.peer.inet() {
            *peers.entry(peer).or_default() += 1;
        }
    }
    let mut parts: BTreeMap<Part, u64> = BTreeMap::new();
    for row in ended() {
        let of_port = row.local.port().and_then(|port| ports.get(&port));
        let peer = row.peer.inet();
        let of_peer = peer.and_then(|peer| peers.get(&peer));
        let is_inbound = row.role == Some(Role::Inbound) || of_port > of_peer;
        let part = match (row.local.port(), peer) {
            (Some(port), _) if is_inbound => names.port(row, port),
            (_, Some(peer)) => Part::Towards(peer),
            (Some(port), None) => names.port(row, port),
            (None, None) => Part::Unknown,
        };
        *parts.entry(part).or_default() += 1;
    }
    let mut parts: Vec<(Part, u64)> = parts.into_iter().collect();
    parts.sort_by_key(|(_, count)| Reverse(*count));
    Pile {
        count: parts.iter().map(|(_, count)| count).sum(),
        parts,
    }
}

#[cfg(test)]
mod tests;
