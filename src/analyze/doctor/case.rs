//! What the rules look at: the sockets now, what they were, and what the kernel counted.

use std::cell::OnceCell;
use std::net::IpAddr;

use rustc_hash::FxHashMap;

use super::Number;
use crate::analyze::ends::other_end;
use crate::analyze::{float, round};
use crate::look::attempts::Attempts;
use crate::look::past::{Past, Was};
use crate::look::sample::Sample;
use crate::model::{
    AcceptQueue, Endpoint, OwnerStatus, Process, Protocol, ProtocolSet, Queue, Role, Socket, State,
};

/// Everything a rule may look at.
#[derive(Debug)]
pub struct Case<'a> {
    /// The sockets and counters now.
    pub now: &'a Sample,
    /// What they were; `None` where there was one look only.
    pub before: Option<&'a Past>,
    /// What was asked for.
    pub protocols: ProtocolSet,
    /// Whether owners were looked for.
    pub has_owners: bool,
    listeners: OnceCell<FxHashMap<u16, Vec<&'a Socket>>>,
    attempts: OnceCell<Attempts>,
}

impl<'a> Case<'a> {
    /// A case made of one look, or of two.
    #[must_use]
    pub fn new(now: &'a Sample, before: Option<&'a Past>, protocols: ProtocolSet) -> Self {
        let from = now.report().owners_from;
        Self {
            now,
            before,
            protocols,
            has_owners: from.is_some_and(|from| from != "none"),
            listeners: OnceCell::new(),
            attempts: OnceCell::new(),
        }
    }

    /// Seconds between the looks; `None` where there was one only.
    #[must_use]
    pub fn seconds(&self) -> Option<f64> {
        let before = self.before?;
        Some(self.now.at.saturating_sub(before.at).as_secs_f64()).filter(|s| *s > 0.0)
    }

    /// Milliseconds between the looks.
    #[must_use]
    pub fn window_ms(&self) -> Option<u64> {
        let window = self.now.at.checked_sub(self.before?.at)?;
        u64::try_from(window.as_millis()).ok()
    }

    /// TCP sockets in one of the states.
    pub fn tcp<'s>(&self, states: &'s [State]) -> impl Iterator<Item = &'a Socket> + use<'s, 'a> {
        let sockets = self.now.sockets().iter();
        sockets.filter(|s| s.protocol == Protocol::Tcp && states.contains(&s.state))
    }

    /// UDP sockets.
    pub fn udp(&self) -> impl Iterator<Item = &'a Socket> + use<'a> {
        let sockets = self.now.sockets().iter();
        sockets.filter(|s| s.protocol == Protocol::Udp)
    }

    /// What a socket was at the first look.
    #[must_use]
    pub fn was(&self, socket: &Socket) -> Option<&'a Was> {
        self.before?.of_socket(socket)
    }

    /// The process with the lowest pid that holds the socket.
    #[must_use]
    pub fn owner(&self, socket: &Socket) -> Option<&'a Process> {
        self.now.facts().owner_processes(socket).next()
    }

    /// How much a counter grew; `None` where it is not known at both looks.
    #[must_use]
    pub fn grown(&self, group: &str, name: &str) -> Option<u64> {
        let before = self.before?.kernel.counter(group, name)?;
        Some(self.counter(group, name)?.saturating_sub(before))
    }

    /// How fast a counter grows, in a second.
    #[must_use]
    pub fn rate(&self, group: &str, name: &str) -> Option<f64> {
        self.per_second(self.grown(group, name)?)
    }

    /// How fast a counter grows, as thresholds see it: of less than a second nothing is
    /// extrapolated, and what grew in one half of the sample only is a burst.
    #[must_use]
    pub fn steady_rate(&self, group: &str, name: &str) -> f64 {
        let Some(grown) = self.grown(group, name) else {
            return 0.0;
        };
        let midway = self.before.and_then(|before| before.midway.as_ref());
        let midway = midway.and_then(|midway| midway.counter(group, name));
        let first = self.before.and_then(|b| b.kernel.counter(group, name));
        let last = self.counter(group, name);
        if midway.is_some() && (midway == first || midway == last) {
            return 0.0;
        }
        self.at_most_per_second(grown)
    }

    /// How fast a socket drops packets, as thresholds see it; `None` where one look was taken.
    #[must_use]
    pub fn steady_drops(&self, socket: &Socket) -> Option<f64> {
        let was = self.was(socket)?;
        let (first, last) = (was.drops?, socket.drops?);
        let midway = was.drops_midway;
        if midway.is_some() && (midway == Some(first) || midway == Some(last)) {
            return Some(0.0);
        }
        Some(self.at_most_per_second(last.saturating_sub(first).into()))
    }

    /// How fast something grows of which `count` more came since the first look: where none
    /// came, less than the look could tell. `None` where one look was taken.
    #[must_use]
    pub fn growth(&self, count: u64) -> Option<Number> {
        let seconds = self.seconds()?;
        Some(match count {
            0 => Number::Below(round(1.0 / seconds)),
            count => Number::Rate(round(float(count) / seconds)),
        })
    }

    /// `count` in the sample, in a second; a sample of less counts as one.
    fn at_most_per_second(&self, count: u64) -> f64 {
        float(count) / self.seconds().unwrap_or(1.0).max(1.0)
    }

    /// `count` since the first look, in a second.
    #[must_use]
    pub fn per_second(&self, count: u64) -> Option<f64> {
        Some(round(float(count) / self.seconds()?))
    }

    /// A counter now.
    #[must_use]
    pub fn counter(&self, group: &str, name: &str) -> Option<u64> {
        self.now.kernel.counter(group, name)
    }

    /// A setting that is one number.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<u64> {
        self.now.kernel.number(name)
    }

    /// The connections that are being opened.
    #[must_use]
    pub fn attempts(&self) -> &Attempts {
        self.attempts
            .get_or_init(|| Attempts::of(&self.now.snapshot))
    }

    /// TCP listeners on a local port.
    #[must_use]
    pub fn listeners_on(&self, port: u16) -> &[&'a Socket] {
        let by_port = self.listeners.get_or_init(|| {
            let mut by_port: FxHashMap<u16, Vec<&Socket>> = FxHashMap::default();
            for socket in self.tcp(&[State::Listen]) {
                if let Some(port) = socket.local.port() {
                    by_port.entry(port).or_default().push(socket);
                }
            }
            by_port
        });
        by_port.get(&port).map_or(&[], Vec::as_slice)
    }

    /// The TCP listener that a connection to `local` comes to: the one of that address before
    /// one of all addresses.
    #[must_use]
    pub fn listener_at(&self, local: Endpoint) -> Option<&'a Socket> {
        let on_port = self.listeners_on(local.port);
        let exact = on_port.iter().find(|l| l.local.inet() == Some(local));
        let any = on_port
            .iter()
            .find(|listener| accepts_anywhere(listener, local.address));
        exact.or(any).copied()
    }

    /// Whether an address is of this namespace.
    #[must_use]
    pub fn is_here(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.now.kernel.addresses().contains(&address)
    }

    /// The socket at the other end, when it is in this namespace.
    #[must_use]
    pub fn other_end(&self, socket: &Socket) -> Option<&'a Socket> {
        let address = socket.peer.ip()?;
        let sockets = || self.now.sockets().iter();
        self.is_here(address)
            .then(|| other_end(sockets(), socket))?
    }
}

/// Whether a program holds a socket, as far as can be seen: it has a file, and was accepted.
pub fn is_held(socket: &Socket) -> bool {
    socket.inode.is_some() && socket.owner_status != OwnerStatus::Unaccepted
}

/// Whether a listener is one on all addresses, and accepts connections to `address`.
fn accepts_anywhere(listener: &Socket, address: IpAddr) -> bool {
    match listener.local.ip().filter(IpAddr::is_unspecified) {
        Some(IpAddr::V4(_)) => address.is_ipv4(),
        Some(IpAddr::V6(_)) => address.is_ipv6() || listener.v6_only != Some(true),
        None => false,
    }
}

/// The accept queue of a listener.
#[must_use]
pub fn accept_queue(socket: &Socket) -> Option<AcceptQueue> {
    match socket.queue {
        Some(Queue::Accept(queue)) => Some(queue),
        _ => None,
    }
}

/// Bytes that have come and were not read; `None` where the source does not say.
#[must_use]
pub fn unread(socket: &Socket) -> Option<u64> {
    match socket.queue {
        Some(Queue::Bytes { recv, .. }) => Some(recv.into()),
        _ => None,
    }
}

/// Bytes that were written and are not acknowledged; `None` where the source does not say.
#[must_use]
pub fn unsent(socket: &Socket) -> Option<u64> {
    match socket.queue {
        Some(Queue::Bytes { send, .. }) => Some(send.into()),
        _ => None,
    }
}

/// The sum of what is known; `None` where nothing is.
#[must_use]
pub fn sum(numbers: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    numbers.flatten().reduce(|a, b| a + b)
}

/// Whether a connection without a timer is known to have none: a source that knows neither
/// queues nor the inner state of TCP (netstat2) does not know timers either.
#[must_use]
pub fn tells_timers(socket: &Socket) -> bool {
    socket.timer.is_some() || socket.queue.is_some() || socket.tcp.is_some()
}

/// Milliseconds in which nothing came from the peer, where that is known.
#[must_use]
pub fn quiet_ms(socket: &Socket) -> Option<u64> {
    Some(socket.tcp.as_ref()?.quiet_ms()?.into())
}

/// What several connections have in common, so that one finding reports all of them: their
/// process, and the local port that clients come to or the destination they go to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Party {
    /// The process, or why there is none.
    pub pid: Result<u32, OwnerStatus>,
    /// The local port, when clients come to it.
    pub port: Option<u16>,
    /// The peer, when these connections went out.
    pub peer: Option<Endpoint>,
}

impl Party {
    /// The party of a connection. Those that no process holds any more are one party.
    #[must_use]
    pub fn of(case: &Case<'_>, socket: &Socket) -> Self {
        let inbound = socket.role == Some(Role::Inbound);
        let pid = case.owner(socket).map(|process| process.pid);
        if pid.is_none() && socket.inode.is_none() {
            return Self {
                pid: Err(socket.owner_status),
                port: None,
                peer: None,
            };
        }
        Self {
            pid: pid.ok_or(socket.owner_status),
            port: socket.local.port().filter(|_| inbound),
            peer: socket.peer.inet().filter(|_| !inbound),
        }
    }
}

/// Connections by their parties, each party once.
#[must_use]
pub fn by_party<'a>(
    case: &Case<'_>,
    sockets: impl Iterator<Item = &'a Socket>,
) -> std::collections::BTreeMap<Party, Vec<&'a Socket>> {
    let mut parties: std::collections::BTreeMap<Party, Vec<&Socket>> =
        std::collections::BTreeMap::new();
    for socket in sockets {
        parties
            .entry(Party::of(case, socket))
            .or_default()
            .push(socket);
    }
    parties
}

/// What stands where a process should, when none is known.
fn nobody(sockets: &[&Socket]) -> &'static str {
    match sockets.first().map(|socket| socket.owner_status) {
        Some(OwnerStatus::NotAsked) => "a process that was not looked for",
        Some(OwnerStatus::Orphaned | OwnerStatus::TimeWait) => "the kernel, for no process,",
        Some(OwnerStatus::KernelOrHidden) => "the kernel, or a hidden process,",
        _ => "a process that cannot be seen",
    }
}

/// The subject of connections with one owner: the process, the port where all came to one, the
/// peer as far as it is the same.
#[must_use]
pub fn subject(case: &Case<'_>, sockets: &[&Socket]) -> super::Subject {
    let first = sockets.first();
    let same = |part: &dyn Fn(&Socket) -> bool| sockets.iter().all(|socket| part(socket));
    let owner = first.and_then(|socket| case.owner(socket));
    let port = first.and_then(|socket| socket.local.port());
    let inbound = same(&|socket| socket.role == Some(Role::Inbound));
    let peer = first.and_then(|socket| socket.peer.inet());
    let same_address = same(&|socket| socket.peer.ip() == peer.map(|peer| peer.address));
    let same_port = same(&|socket| socket.peer.port() == peer.map(|peer| peer.port));
    super::Subject {
        port: port.filter(|&port| {
            (inbound || sockets.len() == 1) && same(&|socket| socket.local.port() == Some(port))
        }),
        family: first
            .and_then(|socket| socket.only_family())
            .filter(|&family| same(&|socket| socket.only_family() == Some(family))),
        nobody: nobody(sockets),
        destination: peer
            .filter(|_| same_address)
            .map(|peer| (peer.address, same_port.then_some(peer.port))),
        ..super::Subject::process(owner)
    }
}
