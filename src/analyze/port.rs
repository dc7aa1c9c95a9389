//! The story of a port: who holds it, what its connections do, what blocks a bind.

use std::collections::{BTreeMap, HashMap};

use crate::model::{PortRange, Protocol, ProtocolSet, Role, Socket, State};

/// One asked port of one protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortEntry {
    /// The port.
    pub port: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// Sockets whose local port it is, by state.
    pub by_state: BTreeMap<State, u64>,
    /// Sockets whose peer has it, by state.
    pub outbound_by_state: BTreeMap<State, u64>,
    /// What stands in the way of a bind().
    pub blocked_by: Vec<Blocker>,
}

/// Why a bind() to a port can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocker {
    /// What kind of socket.
    pub reason: BlockReason,
    /// In which state.
    pub state: State,
    /// How many of them.
    pub count: u64,
}

/// What kind of socket stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BlockReason {
    /// A listener: always, unless both set `SO_REUSEPORT` or the addresses differ.
    Listener,
    /// Bound, but neither listening nor connected: unless both set `SO_REUSEADDR`.
    BoundOnly,
    /// A bound UDP socket: unless both set `SO_REUSEPORT` or `SO_REUSEADDR`.
    UdpBound,
    /// A connection: unless both its socket and the new one have `SO_REUSEADDR`. One that
    /// went out and was given the port by the kernel has not.
    Connection,
    /// A connection in `TIME_WAIT`: unless the new socket sets `SO_REUSEADDR`, and the one that
    /// closed did: one that went out and was given its port by the kernel did not.
    TimeWait,
}

impl BlockReason {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Listener => "listener",
            Self::BoundOnly => "bound_only",
            Self::UdpBound => "udp_bound",
            Self::Connection => "connection",
            Self::TimeWait => "time_wait",
        }
    }

    /// When it blocks, in a few words.
    #[must_use]
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::Listener => {
                "blocks every bind to an overlapping address, unless both sockets set SO_REUSEPORT"
            }
            Self::UdpBound => {
                "blocks a bind to an overlapping address, unless both sockets set SO_REUSEADDR or SO_REUSEPORT"
            }
            Self::BoundOnly => {
                "blocks a bind until it is closed, unless both sockets set SO_REUSEADDR"
            }

            Self::Connection => {
                "still uses the port; blocks a bind, unless both sockets set SO_REUSEADDR"
            }
            Self::TimeWait => {
                "gone within 60 s; until then blocks a bind, unless both sockets set SO_REUSEADDR"
            }
        }
    }

    const fn of(socket: &Socket) -> Self {
        match (socket.protocol, socket.state) {
            (Protocol::Tcp, State::Listen) => Self::Listener,
            (Protocol::Tcp, State::BoundInactive | State::Close) => Self::BoundOnly,
            (Protocol::Tcp, State::TimeWait) => Self::TimeWait,
            (Protocol::Tcp, _) => Self::Connection,
            (Protocol::Udp | Protocol::Raw, _) => Self::UdpBound,
        }
    }
}

impl PortEntry {
    /// Whether any socket here has it as its local port.
    #[must_use]
    pub fn in_use(&self) -> bool {
        !self.by_state.is_empty()
    }

    /// Sockets that wait for clients on it.
    #[must_use]
    pub fn listeners(&self) -> u64 {
        let listening = [State::Listen, State::Unconnected];
        listening.iter().filter_map(|s| self.by_state.get(s)).sum()
    }
}

/// Sockets found by their ports, so that each port of a long range finds its own at once.
#[derive(Clone, Debug, Default)]
pub struct ByPort<'a> {
    local: HashMap<(Protocol, u16), Vec<&'a Socket>>,
    peer: HashMap<(Protocol, u16), Vec<&'a Socket>>,
}

impl<'a> ByPort<'a> {
    /// Sorts the sockets by both of their ports.
    #[must_use]
    pub fn new(sockets: &'a [Socket]) -> Self {
        let mut by_port = Self::default();
        for socket in sockets {
            let key = (socket.protocol, socket.local.port);
            by_port.local.entry(key).or_default().push(socket);
            if let Some(peer) = socket.peer {
                let key = (socket.protocol, peer.port);
                by_port.peer.entry(key).or_default().push(socket);
            }
        }
        by_port
    }

    /// The sockets whose local port is that of `entry`.
    #[must_use]
    pub fn local(&self, entry: &PortEntry) -> &[&'a Socket] {
        let found = self.local.get(&(entry.protocol, entry.port));
        found.map(Vec::as_slice).unwrap_or_default()
    }

    /// The sockets whose peer has the port of `entry`.
    #[must_use]
    pub fn outbound(&self, entry: &PortEntry) -> &[&'a Socket] {
        let found = self.peer.get(&(entry.protocol, entry.port));
        found.map(Vec::as_slice).unwrap_or_default()
    }
}

/// The entries for `asked`: every single port, in use or not, and of each range the ports in
/// use; for each wanted protocol.
#[must_use]
pub fn entries(asked: &[PortRange], protocols: ProtocolSet, sockets: &[Socket]) -> Vec<PortEntry> {
    let mut entries: BTreeMap<(u16, Protocol), PortEntry> = BTreeMap::new();
    let protocols: Vec<_> = [Protocol::Tcp, Protocol::Udp]
        .into_iter()
        .filter(|&protocol| protocols.contains(protocol))
        .collect();
    for range in asked.iter().filter(|range| range.is_single()) {
        for &protocol in &protocols {
            let entry = || empty(range.first, protocol);
            entries.entry((range.first, protocol)).or_insert_with(entry);
        }
    }
    let is_asked = |port| asked.iter().any(|range| range.contains(port));
    let known = |socket: &&Socket| protocols.contains(&socket.protocol);
    for socket in sockets.iter().filter(known) {
        let port = socket.local.port;
        if is_asked(port) {
            let key = (port, socket.protocol);
            let entry = entries
                .entry(key)
                .or_insert_with(|| empty(port, socket.protocol));
            note_local(entry, socket);
        }
    }
    for socket in sockets.iter().filter(known) {
        let Some(peer) = socket.peer.filter(|peer| is_asked(peer.port)) else {
            continue;
        };
        if let Some(entry) = entries.get_mut(&(peer.port, socket.protocol)) {
            *entry.outbound_by_state.entry(socket.state).or_default() += 1;
        }
    }
    let mut entries: Vec<_> = entries.into_values().collect();
    for entry in &mut entries {
        entry.blocked_by.sort_by_key(|blocker| blocker.reason);
    }
    entries
}

const fn empty(port: u16, protocol: Protocol) -> PortEntry {
    PortEntry {
        port,
        protocol,
        by_state: BTreeMap::new(),
        outbound_by_state: BTreeMap::new(),
        blocked_by: Vec::new(),
    }
}

fn note_local(entry: &mut PortEntry, socket: &Socket) {
    *entry.by_state.entry(socket.state).or_default() += 1;
    let reason = BlockReason::of(socket);
    let same = |b: &&mut Blocker| b.reason == reason && b.state == socket.state;
    match entry.blocked_by.iter_mut().find(same) {
        Some(blocker) => blocker.count += 1,
        None => entry.blocked_by.push(Blocker {
            reason,
            state: socket.state,
            count: 1,
        }),
    }
}

/// Gives connections the role they have for the asked ports: inbound where the port is this
/// end's, outbound where it is the peer's.
pub fn assign_roles(sockets: &mut [Socket], asked: &[PortRange]) {
    for socket in sockets {
        let connected = matches!(socket.role, Some(Role::Inbound | Role::Outbound));
        if connected {
            let local = asked.iter().any(|r| r.contains(socket.local.port));
            socket.role = Some(if local { Role::Inbound } else { Role::Outbound });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, Family};
    use std::net::{IpAddr, Ipv4Addr};

    const BOTH: ProtocolSet = ProtocolSet {
        tcp: true,
        udp: true,
        raw: false,
    };

    fn tcp(state: State, local: u16, peer: u16) -> Socket {
        let end = |port| Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let mut socket = Socket::new(Protocol::Tcp, Family::V4, state, end(local));
        socket.peer = (peer > 0).then(|| end(peer));
        socket.role = Some(Role::Outbound);
        socket
    }

    fn scene() -> Vec<Socket> {
        vec![
            tcp(State::Listen, 8080, 0),
            tcp(State::Established, 8080, 40000),
            tcp(State::Established, 40000, 8080),
            tcp(State::TimeWait, 8080, 40001),
            tcp(State::BoundInactive, 8081, 0),
        ]
    }

    fn ask(text: &str) -> Vec<PortRange> {
        PortRange::parse_list(text).unwrap()
    }

    #[test]
    fn both_ends_are_told_apart() {
        let entries = entries(&ask("8080"), BOTH, &scene());
        assert_eq!(entries.len(), 2, "tcp and udp, the free one too");
        let tcp = &entries[0];
        assert!(tcp.in_use() && tcp.listeners() == 1);
        assert_eq!(tcp.by_state.values().sum::<u64>(), 3);
        assert_eq!(tcp.outbound_by_state.get(&State::Established), Some(&1));
        let reasons: Vec<_> = tcp.blocked_by.iter().map(|b| b.reason).collect();
        assert_eq!(
            reasons,
            [
                BlockReason::Listener,
                BlockReason::Connection,
                BlockReason::TimeWait
            ]
        );
        assert!(!entries[1].in_use());
    }

    #[test]
    fn a_range_lists_ports_in_use_only() {
        let ports: Vec<_> = entries(&ask("8000-9000,22"), BOTH, &scene())
            .iter()
            .map(|e| (e.port, e.protocol, e.in_use()))
            .collect();
        assert_eq!(
            ports,
            [
                (22, Protocol::Tcp, false),
                (22, Protocol::Udp, false),
                (8080, Protocol::Tcp, true),
                (8081, Protocol::Tcp, true),
            ]
        );
    }

    #[test]
    fn a_bound_only_socket_blocks() {
        let entries = entries(&ask("8081"), BOTH, &scene());
        assert!(entries[0].in_use());
        assert_eq!(entries[0].listeners(), 0);
        assert_eq!(entries[0].blocked_by[0].reason, BlockReason::BoundOnly);
    }

    #[test]
    fn the_asked_port_decides_the_role() {
        let mut sockets = scene();
        assign_roles(&mut sockets, &ask("8080"));
        assert_eq!(sockets[1].role, Some(Role::Inbound));
        assert_eq!(sockets[2].role, Some(Role::Outbound));
    }
}
