//! The two ends of a connection, where both are on this host.

use rustc_hash::FxHashMap;

use crate::model::{Ends, Socket};

/// The socket at the other end of `socket`, among those of its namespace.
pub fn other_end<'a>(
    mut sockets: impl Iterator<Item = &'a Socket>,
    socket: &Socket,
) -> Option<&'a Socket> {
    let ends = Ends::of(socket)?.reversed();
    sockets.find(|other| {
        Ends::of(other) == Some(ends)
            // A connection of a socket with itself has one end only.
            && (other.cookie.is_none() || other.cookie != socket.cookie)
    })
}

/// Connections by their ends, for those who look for many other ends.
#[derive(Debug)]
pub struct ByEnds<'a>(FxHashMap<Ends, &'a Socket>);

impl<'a> ByEnds<'a> {
    /// An index of `sockets`.
    #[must_use]
    pub fn of(sockets: &'a [Socket]) -> Self {
        let ends = |socket| Some((Ends::of(socket)?, socket));
        Self(sockets.iter().filter_map(ends).collect())
    }

    /// The socket at the other end of `socket`.
    #[must_use]
    pub fn other(&self, socket: &Socket) -> Option<&'a Socket> {
        let far = self.0.get(&Ends::of(socket)?.reversed());
        other_end(far.copied().into_iter(), socket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, Family, NetnsId, Protocol, State};
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
        let ends = ByEnds::of(&sockets);
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
        let mut elsewhere = socket(4000, 80);
        elsewhere.netns = NetnsId::new(1);
        assert_eq!(
            other(&elsewhere),
            None,
            "the same ends in another namespace"
        );
    }
}
