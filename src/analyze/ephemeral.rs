//! How much of the ephemeral range is used towards each destination.

use std::net::IpAddr;

use rustc_hash::FxHashMap;

use crate::model::{Endpoint, Kernel, NetnsId, PortRange, Protocol, Role, Socket, State};

/// The ports an outgoing connection can get: the range less what is reserved in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usable {
    /// The range. Source: `net.ipv4.ip_local_port_range`.
    pub range: PortRange,
    /// What is taken out of it. Source: `net.ipv4.ip_local_reserved_ports`.
    reserved: Vec<PortRange>,
    /// Ports of the range that are reserved.
    pub reserved_count: u64,
    /// Ports that remain.
    pub count: u64,
}

impl Usable {
    /// The usable ports of a namespace; `None` where the range is not known.
    #[must_use]
    pub fn of(kernel: &Kernel) -> Option<Self> {
        let range = kernel.ephemeral_range()?;
        let reserved = kernel.reserved_ports();
        let all = range.first..=range.last;
        let is_reserved = |port: &u16| reserved.iter().any(|range| range.contains(*port));
        let reserved_count = all.clone().filter(is_reserved).count() as u64;
        Some(Self {
            count: all.count() as u64 - reserved_count,
            range,
            reserved,
            reserved_count,
        })
    }

    /// Whether an outgoing connection can be given `port`.
    #[must_use]
    pub fn contains(&self, port: u16) -> bool {
        self.range.contains(port) && !self.reserved.iter().any(|range| range.contains(port))
    }
}

/// What outgoing connections of a namespace with the same source, destination address and port
/// share: each local port serves one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Destination {
    pub netns: Option<NetnsId>,
    /// The local address.
    pub source: IpAddr,
    pub peer: Endpoint,
}

impl Destination {
    /// The destination of a TCP connection that went out, with a local port out of the range.
    #[must_use]
    pub fn of(socket: &Socket, usable: &Usable) -> Option<Self> {
        let goes_out = socket.protocol == Protocol::Tcp && socket.role != Some(Role::Inbound);
        let peer = socket.peer.inet().filter(|_| goes_out)?;
        let local = socket.local.inet()?;
        usable.contains(local.port).then_some(Self {
            netns: socket.netns,
            source: local.address,
            peer,
        })
    }
}

/// Ports in use towards one destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Use {
    /// All of them: a connection and its four numbers exist once.
    pub used: u64,
    /// Those in TIME_WAIT.
    pub time_wait: u64,
}

/// The use of the range towards every destination.
#[must_use]
pub fn uses(sockets: &[Socket], usable: &Usable) -> FxHashMap<Destination, Use> {
    let mut uses: FxHashMap<Destination, Use> = FxHashMap::default();
    for socket in sockets {
        if let Some(destination) = Destination::of(socket, usable) {
            let entry = uses.entry(destination).or_default();
            entry.used += 1;
            entry.time_wait += u64::from(socket.state == State::TimeWait);
        }
    }
    uses
}

/// The destination towards which most ports are used.
#[must_use]
pub fn fullest(sockets: &[Socket], usable: &Usable) -> Option<(Destination, Use)> {
    let uses = uses(sockets, usable);
    uses.into_iter()
        .max_by_key(|(destination, used)| (used.used, *destination))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Family;
    use std::net::Ipv4Addr;

    fn kernel(range: &str, reserved: &str) -> Kernel {
        let mut kernel = Kernel::default();
        kernel.set("net.ipv4.ip_local_port_range", range);
        kernel.set("net.ipv4.ip_local_reserved_ports", reserved);
        kernel
    }

    fn connection(port: u16, peer: u16, state: State) -> Socket {
        let end = |port| Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let mut socket = Socket::new(Protocol::Tcp, Family::V4, state, end(port));
        socket.peer = end(peer).into();
        socket
    }

    #[test]
    fn reserved_ports_are_taken_out_once() {
        let usable = Usable::of(&kernel("100 199", "90-109,105,150")).unwrap();
        assert_eq!((usable.count, usable.reserved_count), (89, 11));
        assert!(usable.contains(149) && !usable.contains(150) && !usable.contains(200));
        assert_eq!(Usable::of(&Kernel::default()), None);
    }

    #[test]
    fn each_destination_has_the_whole_range() {
        let usable = Usable::of(&kernel("100 199", "")).unwrap();
        let sockets = [
            connection(100, 80, State::Established),
            connection(101, 80, State::TimeWait),
            connection(100, 81, State::Established),
            connection(80, 100, State::Established),
        ];
        let (destination, used) = fullest(&sockets, &usable).unwrap();
        assert_eq!(destination.peer.port, 80);
        let expected = Use {
            used: 2,
            time_wait: 1,
        };
        assert_eq!(used, expected);
        assert_eq!(uses(&sockets, &usable).len(), 2);
    }
}
