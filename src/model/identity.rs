//! What makes a socket the same one in two looks.

use std::num::{NonZeroU32, NonZeroU64};

use super::{Endpoint, Family, Protocol, Socket};

/// What makes a socket the same one in two looks: its cookie, or what else is known of it.
///
/// The cookie stays the same from the handshake to the end of `TIME_WAIT`. Without it (/proc/net,
/// netstat2) a connection is known by its ends, and whatever has no peer by its inode too:
/// several listeners may share one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// The kernel's 64-bit identity.
    Cookie(NonZeroU64),
    /// A connection by both its ends.
    Connection(Protocol, Family, Endpoint, Endpoint),
    /// Anything else by its address and its inode.
    Bound(Protocol, Family, Option<Endpoint>, Option<NonZeroU32>),
}

impl Identity {
    /// The identity of `socket`.
    #[must_use]
    pub fn of(socket: &Socket) -> Self {
        let (protocol, family) = (socket.protocol, socket.family);
        if let Some(cookie) = socket.cookie {
            return Self::Cookie(cookie);
        }
        match (socket.local.inet(), socket.peer.inet()) {
            (Some(local), Some(peer)) => Self::Connection(protocol, family, local, peer),
            (local, _) => Self::Bound(protocol, family, local, socket.inode),
        }
    }
}
