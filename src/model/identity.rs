//! What makes a socket the same one in two looks, and the other end of a connection.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::{NonZeroU32, NonZeroU64};

use super::{Address, Endpoint, Family, NetnsId, Protocol, Socket};

/// What makes a socket the same one in two looks: its namespace and its cookie, or what else is
/// known of it.
///
/// The cookie stays the same from the handshake to the end of `TIME_WAIT`. Without it (/proc/net,
/// netstat2) a connection is known by its ends, and whatever has no peer by its inode too:
/// several listeners may share one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity(Key);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    Cookie(Option<NetnsId>, NonZeroU64),
    Connection(Option<NetnsId>, Protocol, Family, Endpoint, Endpoint),
    Bound(Option<NetnsId>, Protocol, Family, Bound, Option<NonZeroU32>),
}

/// What a socket without an IP peer is bound to. A name is known by a hash of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Bound {
    Nothing,
    Inet(Endpoint),
    Name(u64),
    Device(NonZeroU32),
}

impl Identity {
    /// The identity of `socket`.
    #[must_use]
    pub fn of(socket: &Socket) -> Self {
        Self::by_cookie(socket).unwrap_or_else(|| Self::by_ends(socket))
    }

    /// That which the cookie tells, where there is one.
    #[must_use]
    pub fn by_cookie(socket: &Socket) -> Option<Self> {
        let cookie = socket.cookie?;
        Some(Self(Key::Cookie(socket.netns, cookie)))
    }

    /// That of one without a cookie, whether it has one or not.
    #[must_use]
    pub fn by_ends(socket: &Socket) -> Self {
        let (netns, protocol, family) = (socket.netns, socket.protocol, socket.family);
        let bound = match (&socket.local, socket.peer.inet()) {
            (&Address::Inet(local), Some(peer)) => {
                return Self(Key::Connection(netns, protocol, family, local, peer));
            }
            (&Address::Inet(local), None) => Bound::Inet(local),
            (Address::Unix(name), _) => {
                let mut hasher = DefaultHasher::new();
                name.hash(&mut hasher);
                Bound::Name(hasher.finish())
            }
            (&Address::Device(index), _) => Bound::Device(index),
            (Address::None, _) => Bound::Nothing,
        };
        Self(Key::Bound(netns, protocol, family, bound, socket.inode))
    }

    /// What of it means anything on another host, or in another namespace: neither the namespace
    /// nor an inode.
    #[must_use]
    pub fn anywhere(self) -> Self {
        match self.without_netns().0 {
            Key::Bound(netns, protocol, family, bound, _) => {
                Self(Key::Bound(netns, protocol, family, bound, None))
            }
            key => Self(key),
        }
    }

    /// The same, where the namespace is not always known.
    #[must_use]
    pub fn without_netns(mut self) -> Self {
        let (Key::Cookie(netns, ..) | Key::Connection(netns, ..) | Key::Bound(netns, ..)) =
            &mut self.0;
        *netns = None;
        self
    }

    /// Whether no other socket has it: it is that of a cookie.
    #[must_use]
    pub const fn is_unique(&self) -> bool {
        matches!(self.0, Key::Cookie(..))
    }
}

/// The ends of an IP connection in its namespace, from one side. A connection of a dual-stack
/// socket may be of either family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ends {
    netns: Option<NetnsId>,
    protocol: Protocol,
    local: Endpoint,
    peer: Endpoint,
}

impl Ends {
    /// Those of `socket`, where it is connected.
    #[must_use]
    pub fn of(socket: &Socket) -> Option<Self> {
        Some(Self {
            netns: socket.netns,
            protocol: socket.protocol,
            local: socket.local.inet()?,
            peer: socket.peer.inet()?,
        })
    }

    /// The same connection from the other side.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self {
            local: self.peer,
            peer: self.local,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Peer, State, UnixName};

    fn connection(netns: u64, cookie: u64) -> Socket {
        let end = |port| Endpoint::new([127, 0, 0, 1].into(), port);
        let mut socket = Socket::new(Protocol::Tcp, Family::V4, State::Established, end(80));
        socket.peer = end(4000).into();
        socket.netns = NetnsId::new(netns);
        socket.cookie = NonZeroU64::new(cookie);
        socket
    }

    #[test]
    fn it_is_no_larger_than_two_ends() {
        assert!(size_of::<Identity>() <= 48, "{}", size_of::<Identity>());
    }

    #[test]
    fn the_same_in_two_namespaces_is_two_sockets() {
        for cookie in [0, 5] {
            let (here, there) = (connection(1, cookie), connection(2, cookie));
            assert_ne!(Identity::of(&here), Identity::of(&there));
            assert_eq!(Identity::of(&here), Identity::of(&here.clone()));
            let anywhere = |socket| Identity::of(socket).anywhere();
            assert_eq!(anywhere(&here), anywhere(&there));
            assert_ne!(Ends::of(&here), Ends::of(&there).map(Ends::reversed));
        }
    }

    #[test]
    fn a_cookie_outlasts_what_else_is_known() {
        let (was, mut is) = (connection(1, 5), connection(1, 5));
        is.state = State::TimeWait;
        is.local.inet_mut().port = 81;
        assert_eq!(Identity::of(&was), Identity::of(&is));
        assert!(Identity::of(&was).is_unique());
        (is.cookie, is.inode) = (None, NonZeroU32::new(7));
        assert_ne!(Identity::of(&was), Identity::of(&is));
        assert!(!Identity::of(&is).is_unique());
    }

    #[test]
    fn what_has_no_peer_has_its_inode() {
        let listener = |inode| {
            let mut socket = connection(1, 0);
            socket.peer = Peer::None;
            socket.inode = NonZeroU32::new(inode);
            socket
        };
        let (one, two) = (listener(7), listener(8));
        assert_ne!(Identity::of(&one), Identity::of(&two));
        let anywhere = |socket| Identity::of(socket).anywhere();
        assert_eq!(anywhere(&one), anywhere(&two));
        let mut connected = [connection(1, 0), connection(1, 0)];
        connected[0].inode = NonZeroU32::new(7);
        assert_eq!(Identity::of(&connected[0]), Identity::of(&connected[1]));
    }

    #[test]
    fn names_tell_unix_sockets_apart() {
        let named = |path: &[u8]| {
            let mut socket = connection(1, 0);
            socket.local = UnixName::new(path).map_or(Address::None, Address::Unix);
            socket.peer = NonZeroU32::new(9).map_or(Peer::None, |inode| Peer::Inode(inode, None));
            Identity::of(&socket)
        };
        assert_eq!(named(b"/run/x"), named(b"/run/x"));
        assert_ne!(named(b"/run/x"), named(b"/run/y"));
        assert_ne!(named(b"@x"), named(b"\0x"));
        assert_ne!(named(b""), named(b"/run/x"));
    }

    #[test]
    fn the_other_side_is_the_other_way_round() {
        let (mut here, mut there) = (connection(1, 5), connection(1, 6));
        (there.local, there.peer) = (here.peer.inet().unwrap().into(), Peer::None);
        assert_eq!(Ends::of(&there), None);
        there.peer = here.local.inet().unwrap().into();
        here.family = Family::V6;
        assert_eq!(Ends::of(&here), Ends::of(&there).map(Ends::reversed));
    }
}
