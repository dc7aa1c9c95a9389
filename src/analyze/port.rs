//! The story of a port: who holds it, what its connections do, what blocks a bind.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::bind::{self, Around, Certainty, Wish};
use crate::model::{Facts, FamilySet, PortRange, Protocol, ProtocolSet, Role, Socket, State};

/// One asked port of one protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortEntry {
    pub port: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// Sockets whose local port it is, by state.
    pub by_state: BTreeMap<State, u64>,
    /// Sockets whose peer has it, by state.
    pub outbound_by_state: BTreeMap<State, u64>,
    /// What stands in the way of a bind(), the surest first.
    pub blocked_by: Vec<Blocker>,
}

/// Sockets for which a bind() to a port can fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocker {
    /// Of which kind, and how sure.
    pub what: Obstacle,
    /// How many of them.
    pub count: u64,
    /// The processes that hold them.
    pub pids: BTreeSet<u32>,
}

/// The words of [`Obstacle::explanation`] for how long a `TIME_WAIT` lasts, where no timer tells it.
pub const GONE: &str = "gone within 60 s";

/// What stands in the way of a bind(): sockets that differ in none of this are one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Obstacle {
    /// How sure it is that they make it fail.
    pub certainty: Certainty,
    /// What kind of socket.
    pub reason: BlockReason,
    /// In which state.
    pub state: State,
    /// Whether they do only if they were [made for both families](bind::only_if_dual).
    pub if_dual: bool,
}

/// What kind of socket stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BlockReason {
    Listener,
    /// Bound, but neither listening nor connected.
    BoundOnly,
    /// A bound UDP socket, connected or not.
    UdpBound,
    Connection,
    /// A connection in `TIME_WAIT`.
    TimeWait,
}

impl BlockReason {
    /// Every one.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 5] = [
        Self::Listener,
        Self::BoundOnly,
        Self::UdpBound,
        Self::Connection,
        Self::TimeWait,
    ];

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

impl Obstacle {
    /// When it blocks a bind(), in a few words.
    #[must_use]
    pub const fn explanation(self) -> &'static str {
        use BlockReason::{BoundOnly, Connection, Listener, TimeWait, UdpBound};
        match (self.reason, self.certainty) {
            (Connection, Certainty::Unlikely) if self.if_dual => {
                "still uses the port: may block a bind() for IPv4, too, but only if its socket was made for both families, and its server, or the new one, did not set SO_REUSEADDR"
            }
            (Connection, _) if self.if_dual => {
                "an outgoing connection borrowed the port: while it lasts it may block a bind() for IPv4, too: it does if its socket was made for both families and not bound to an IPv6 address, unless it set SO_REUSEADDR itself"
            }
            (TimeWait, Certainty::Unlikely) if self.if_dual => {
                "gone within 60 s; until then it may block a bind() for IPv4, too, but only if its socket was made for both families, and its server, or the new one, did not set SO_REUSEADDR"
            }
            (TimeWait, _) if self.if_dual => {
                "an outgoing connection borrowed the port, gone within 60 s; until then it may block a bind() for IPv4, too: it does if its socket was made for both families and not bound to an IPv6 address, unless it set SO_REUSEADDR itself"
            }
            (Listener, _) => {
                "blocks every bind() to an overlapping address, unless both sockets set SO_REUSEPORT"
            }
            (UdpBound, Certainty::Certain) => {
                "blocks a bind() to an overlapping address, unless both sockets set SO_REUSEADDR or SO_REUSEPORT"
            }
            (UdpBound, _) => {
                "may block a bind() for IPv4, too: it does if its socket was made for both families and not bound to an IPv6 address"
            }
            (BoundOnly, _) => {
                "may block a bind() until it is closed: it does unless both sockets set SO_REUSEADDR, and the kernel does not tell whether this one did"
            }
            (Connection, Certainty::Unlikely) => {
                "still uses the port: may block a bind(), but only if its server, or the new one, did not set SO_REUSEADDR"
            }
            (Connection, _) => {
                "an outgoing connection borrowed the port: a bind() fails while it lasts, with SO_REUSEADDR, too; it may succeed only if the connection set SO_REUSEADDR itself"
            }
            (TimeWait, Certainty::Unlikely) => {
                "gone within 60 s; until then it may block a bind(), but only if its server, or the new one, did not set SO_REUSEADDR"
            }
            (TimeWait, _) => {
                "an outgoing connection borrowed the port, gone within 60 s; until then a bind() fails, with SO_REUSEADDR, too; it may succeed only if the connection set SO_REUSEADDR itself"
            }
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
            let key = |port| (socket.protocol, port);
            if let Some(port) = socket.local.port() {
                by_port.local.entry(key(port)).or_default().push(socket);
            }
            if let Some(port) = socket.peer.port() {
                by_port.peer.entry(key(port)).or_default().push(socket);
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

/// What is asked of the ports.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub ports: &'a [PortRange],
    /// The protocols; ports have TCP and UDP only.
    pub protocols: ProtocolSet,
    /// The families that a socket must serve, or a bind() is meant for.
    pub families: FamilySet,
}

impl Asked<'_> {
    fn has(&self, port: u16) -> bool {
        self.ports.iter().any(|range| range.contains(port))
    }
}

/// The entries for what is asked: every single port, in use or not, and of each range the ports in
/// use; for each wanted protocol.
#[must_use]
pub fn entries(
    asked: Asked<'_>,
    sockets: &[Socket],
    facts: &Facts,
    around: &Around,
) -> Vec<PortEntry> {
    let mut entries: BTreeMap<(u16, Protocol), PortEntry> = BTreeMap::new();
    let wanted = |protocol: &Protocol| asked.protocols.contains(*protocol);
    for range in asked.ports.iter().filter(|range| range.is_single()) {
        for protocol in [Protocol::Tcp, Protocol::Udp].into_iter().filter(wanted) {
            let entry = || empty(range.first, protocol);
            entries.entry((range.first, protocol)).or_insert_with(entry);
        }
    }
    let known = |socket: &&Socket| wanted(&socket.protocol);
    for socket in sockets.iter().filter(known) {
        let Some(port) = socket.local.port().filter(|port| asked.has(*port)) else {
            continue;
        };
        let wish = Wish::Wildcard(asked.families);
        let certainty = bind::blocks(socket, wish, around);
        if certainty.is_some() || socket.serves(asked.families) {
            let entry = || empty(port, socket.protocol);
            let entry = entries.entry((port, socket.protocol)).or_insert_with(entry);
            if socket.serves(asked.families) {
                *entry.by_state.entry(socket.state).or_default() += 1;
            }
            let obstacle = certainty.map(|certainty| Obstacle {
                certainty,
                reason: BlockReason::of(socket),
                state: socket.state,
                if_dual: bind::only_if_dual(socket, wish),
            });
            note_blocker(entry, socket, obstacle, facts);
        }
    }
    for socket in sockets.iter().filter(known) {
        let port = socket.peer.port().filter(|port| asked.has(*port));
        let Some(port) = port.filter(|_| socket.serves(asked.families)) else {
            continue;
        };
        if let Some(entry) = entries.get_mut(&(port, socket.protocol)) {
            *entry.outbound_by_state.entry(socket.state).or_default() += 1;
        }
    }
    let mut entries: Vec<_> = entries.into_values().collect();
    for entry in &mut entries {
        entry.blocked_by.sort_by_key(|blocker| blocker.what);
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

fn note_blocker(entry: &mut PortEntry, socket: &Socket, what: Option<Obstacle>, facts: &Facts) {
    let Some(what) = what else {
        return;
    };
    let pids = facts.owner_processes(socket).map(|process| process.pid);
    match entry.blocked_by.iter_mut().find(|b| b.what == what) {
        Some(blocker) => {
            blocker.count += 1;
            blocker.pids.extend(pids);
        }
        None => entry.blocked_by.push(Blocker {
            what,
            count: 1,
            pids: pids.collect(),
        }),
    }
}

/// Gives connections the role they have for the asked ports: outbound where the port is the
/// peer's; where it is this end's, inbound if somebody listens on it, outbound if the connection
/// borrowed it, and else none.
pub fn assign_roles(sockets: &mut [Socket], asked: &[PortRange], around: &Around) {
    let has = |port| asked.iter().any(|range| range.contains(port));
    let is_asked = |port: Option<u16>| port.is_some_and(has);
    for socket in sockets {
        let came_in = match socket.role {
            Some(Role::Inbound) => true,
            Some(Role::Outbound) => false,
            _ => continue,
        };
        let (local, peer) = (is_asked(socket.local.port()), is_asked(socket.peer.port()));
        socket.role = match (local, peer) {
            (true, _) if came_in => Some(Role::Inbound),
            (true, false) if !around.borrowed(socket) => None,
            _ => Some(Role::Outbound),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, Family, Kernel};
    use std::net::{IpAddr, Ipv4Addr};

    const BOTH: ProtocolSet = ProtocolSet {
        tcp: true,
        udp: true,
        raw: false,
    };

    fn tcp(state: State, local: u16, peer: u16) -> Socket {
        let end = |port| Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let mut socket = Socket::new(Protocol::Tcp, Family::V4, state, end(local));
        socket.peer = (peer > 0).then(|| end(peer)).into();
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

    /// What is around the sockets of the scene.
    fn around() -> Around {
        let listeners = scene().into_iter().filter(Socket::is_listener);
        Around::new(listeners.collect(), &Kernel::default())
    }

    fn of(ports: &str, families: FamilySet) -> Vec<PortEntry> {
        let ports = ask(ports);
        let asked = Asked {
            ports: &ports,
            protocols: BOTH,
            families,
        };
        entries(asked, &scene(), &Facts::default(), &around())
    }

    fn ask(text: &str) -> Vec<PortRange> {
        PortRange::parse_list(text).unwrap()
    }

    #[test]
    fn every_time_wait_says_when_it_is_gone() {
        for certainty in [Certainty::Certain, Certainty::Unlikely] {
            for if_dual in [false, true] {
                let what = Obstacle {
                    certainty,
                    reason: BlockReason::TimeWait,
                    state: State::TimeWait,
                    if_dual,
                };
                assert!(what.explanation().contains(GONE), "{what:?}");
            }
        }
    }

    #[test]
    fn both_ends_are_told_apart() {
        let entries = of("8080", FamilySet::BOTH);
        assert_eq!(entries.len(), 2, "tcp and udp, the free one too");
        let tcp = &entries[0];
        assert!(tcp.in_use() && tcp.listeners() == 1);
        assert_eq!(tcp.by_state.values().sum::<u64>(), 3);
        assert_eq!(tcp.outbound_by_state.get(&State::Established), Some(&1));
        let reasons: Vec<_> = tcp.blocked_by.iter().map(|b| b.what.reason).collect();
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
        let ports: Vec<_> = of("8000-9000,22", FamilySet::BOTH)
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
        let entries = of("8081", FamilySet::BOTH);
        assert!(entries[0].in_use());
        assert_eq!(entries[0].listeners(), 0);
        assert_eq!(entries[0].blocked_by[0].what.reason, BlockReason::BoundOnly);
    }

    #[test]
    fn the_asked_port_decides_the_role() {
        let roles = |ports| {
            let mut sockets = scene();
            for (index, role) in [(0, Role::Listener), (1, Role::Inbound), (3, Role::Inbound)] {
                sockets[index].role = Some(role);
            }
            sockets[4].role = None;
            assign_roles(&mut sockets, &ask(ports), &around());
            [1, 2, 3].map(|index: usize| sockets[index].role)
        };
        let (inbound, outbound) = (Some(Role::Inbound), Some(Role::Outbound));
        assert_eq!(roles("8080"), [inbound, outbound, inbound]);
        // The client's port was borrowed from its end; to its server it is a peer like any other.
        assert_eq!(roles("40000"), [outbound, outbound, outbound]);
        assert_eq!(roles("1-65535"), [inbound, outbound, inbound]);
    }

    #[test]
    fn a_connection_without_a_listener_has_no_role_unless_it_borrowed_the_port() {
        let mut sockets = vec![tcp(State::TimeWait, 8090, 40001)];
        assign_roles(&mut sockets, &ask("8090"), &around());
        assert_eq!(sockets[0].role, None);
    }

    #[test]
    fn a_family_has_its_own_sockets_and_blockers() {
        let only = |v4| FamilySet { v4, v6: !v4 };
        assert!(of("8080", only(true))[0].in_use());
        let six = &of("8080", only(false))[0];
        assert!(!six.in_use() && six.blocked_by.is_empty(), "{six:?}");
        assert_eq!(six.outbound_by_state, BTreeMap::new());
    }
}
