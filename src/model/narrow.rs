//! The part of a question that the kernel can decide.

use super::{PortRange, Prefix, Socket};

/// Ports and addresses outside of which no row is wanted; all that are there hold together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Narrow {
    /// Of the local port.
    pub local_port: Option<PortRange>,
    /// Of the peer's port.
    pub peer_port: Option<PortRange>,
    /// Of the local port or the peer's.
    pub any_port: Option<PortRange>,
    /// Of the local address.
    pub local: Option<Prefix>,
    /// Of the peer's address.
    pub peer: Option<Prefix>,
}

impl Narrow {
    /// Leaves nothing out.
    pub const ALL: Self = Self {
        local_port: None,
        peer_port: None,
        any_port: None,
        local: None,
        peer: None,
    };

    /// Whether a socket is within.
    #[must_use]
    pub fn allows(&self, socket: &Socket) -> bool {
        let (local, peer) = (socket.local.inet(), socket.peer.inet());
        let local_in = |range: PortRange| local.is_some_and(|local| range.contains(local.port));
        let peer_in = |range: PortRange| peer.is_some_and(|peer| range.contains(peer.port));
        self.local_port.is_none_or(local_in)
            && self.peer_port.is_none_or(peer_in)
            && self
                .any_port
                .is_none_or(|range| local_in(range) || peer_in(range))
            && self
                .local
                .is_none_or(|net| local.is_some_and(|local| net.contains(local.address)))
            && self
                .peer
                .is_none_or(|net| peer.is_some_and(|peer| net.contains(peer.address)))
    }

    /// Whether it leaves nothing out.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::ALL
    }
}
