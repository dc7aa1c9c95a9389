//! The two ends of a connection, where both are on this host.

use rustc_hash::FxHashMap;

use crate::model::{Endpoint, Protocol, Socket};

/// The socket at the other end of `socket`, among those of its namespace.
pub fn other_end<'a>(
    mut sockets: impl Iterator<Item = &'a Socket>,
    socket: &Socket,
) -> Option<&'a Socket> {
    let (local, peer) = (socket.local.inet()?, socket.peer.inet()?);
    sockets.find(|other| {
        other.protocol == socket.protocol
            && other.local.inet() == Some(peer)
            && other.peer.inet() == Some(local)
            // A connection of a socket with itself has one end only.
            && (other.cookie.is_none() || other.cookie != socket.cookie)
    })
}

/// The connections of a namespace by their addresses, for those who look for many other ends.
#[derive(Debug)]
pub struct Ends<'a>(FxHashMap<(Protocol, Endpoint, Endpoint), &'a Socket>);

impl<'a> Ends<'a> {
    /// An index of `sockets`.
    #[must_use]
    pub fn of(sockets: &'a [Socket]) -> Self {
        let key =
            |socket: &Socket| Some((socket.protocol, socket.local.inet()?, socket.peer.inet()?));
        let ends = sockets
            .iter()
            .filter_map(|socket| Some((key(socket)?, socket)));
        Self(ends.collect())
    }

    /// The socket at the other end of `socket`.
    #[must_use]
    pub fn other(&self, socket: &Socket) -> Option<&'a Socket> {
        let key = (socket.protocol, socket.peer.inet()?, socket.local.inet()?);
        other_end(self.0.get(&key).copied().into_iter(), socket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Family, State};
    use std::net::{IpAddr, Ipv4Addr};
    use std::num::NonZeroU64;

    fn socket(local: u16, peer: u16) -> Socket {
        let end = |port| Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let mut socket = Socket::new(Protocol::Tcp, Family::V4, State::Established, end(local));
        socket.peer = end(peer).into();
        socket.cookie = NonZeroU64::new(u64::from(local) << 16 | u64::from(peer));
        socket
    }

    #[test]
    fn the_other_end_has_both_addresses_the_other_way_round() {
        let mut family = socket(80, 4000);
        family.family = Family::V6;
        let sockets = [socket(4000, 81), family, socket(81, 4000), socket(5, 5)];
        let ends = Ends::of(&sockets);
        let other = |socket: &Socket| {
            let found = other_end(sockets.iter(), socket).map(|s| s.local.port().unwrap());
            assert_eq!(ends.other(socket).map(|s| s.local.port().unwrap()), found);
            found
        };
        assert_eq!(other(&socket(4000, 80)), Some(80), "a mapped end, too");
        assert_eq!(other(&socket(4000, 82)), None);
        assert_eq!(other(&socket(5, 5)), None, "not itself");
        let mut datagram = socket(4000, 80);
        datagram.protocol = Protocol::Udp;
        assert_eq!(other(&datagram), None);
    }
}
