//! Where a socket is, and where its other end is.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use super::{Endpoint, Foreign};

/// What a socket is bound to.
///
/// What is about IP asks for [`inet`](Self::inet) and passes over whatever has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Address {
    /// Nothing.
    #[default]
    None,
    /// An IP address and a port.
    Inet(Endpoint),
    /// A name of `AF_UNIX`.
    Unix(UnixName),
    /// The interface of a packet socket, by its index.
    Device(NonZeroU32),
}

impl Address {
    /// The IP address and the port.
    #[must_use]
    pub const fn inet(&self) -> Option<Endpoint> {
        match self {
            Self::Inet(end) => Some(*end),
            _ => None,
        }
    }

    /// The IP address.
    #[must_use]
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Inet(end) => Some(end.address),
            _ => None,
        }
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        match self {
            Self::Inet(end) => Some(end.port),
            _ => None,
        }
    }

    /// Lets a test move the socket.
    #[cfg(test)]
    pub(crate) fn inet_mut(&mut self) -> &mut Endpoint {
        match self {
            Self::Inet(end) => end,
            other => panic!("{other:?} is no IP address"),
        }
    }
}

impl From<Endpoint> for Address {
    fn from(end: Endpoint) -> Self {
        Self::Inet(end)
    }
}

/// What a socket is connected to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Peer {
    /// Nothing.
    #[default]
    None,
    /// An address.
    At(Address),
    /// A socket of this host by its inode in sockfs, and its name where it is told.
    Inode(NonZeroU32, Option<UnixName>),
}

impl Peer {
    /// Whether the socket is not connected.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Whether the socket is connected.
    #[must_use]
    pub const fn is_some(&self) -> bool {
        !self.is_none()
    }

    /// The IP address and the port.
    #[must_use]
    pub const fn inet(&self) -> Option<Endpoint> {
        match self {
            Self::At(address) => address.inet(),
            _ => None,
        }
    }

    /// The IP address.
    #[must_use]
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::At(address) => address.ip(),
            _ => None,
        }
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        match self {
            Self::At(address) => address.port(),
            _ => None,
        }
    }

    /// Lets a test move the other end.
    #[cfg(test)]
    pub(crate) fn inet_mut(&mut self) -> &mut Endpoint {
        match self {
            Self::At(address) => address.inet_mut(),
            other => panic!("{other:?} is no IP address"),
        }
    }
}

impl From<Endpoint> for Peer {
    fn from(end: Endpoint) -> Self {
        Self::At(end.into())
    }
}

impl From<Option<Endpoint>> for Peer {
    fn from(end: Option<Endpoint>) -> Self {
        end.map_or(Self::None, Self::from)
    }
}

/// The name of a unix socket, in bytes: a path, or an abstract name. Behind a thin pointer, so
/// that no row is wider for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UnixName(Arc<Name>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Name {
    is_abstract: bool,
    /// As it is written: `@` stands for the zero byte of an abstract name.
    text: Foreign,
}

impl UnixName {
    /// The name in `sun_path`, where an abstract one begins with a zero byte; `None` where it is
    /// empty: the socket has no name.
    #[must_use]
    pub fn new(path: &[u8]) -> Option<Self> {
        match path.split_first()? {
            (0, name) => Self::from_text(&[b"@", name].concat()),
            _ => Some(Self::made(path, false)),
        }
    }

    /// The name that is written so; a path that begins with `@` is not told from an abstract
    /// name.
    #[must_use]
    pub fn from_text(text: &[u8]) -> Option<Self> {
        let first = text.first()?;
        Some(Self::made(text, *first == b'@'))
    }

    fn made(text: &[u8], is_abstract: bool) -> Self {
        let text = text.into();
        Self(Arc::new(Name { is_abstract, text }))
    }

    /// A path as it is, an abstract name behind an `@`.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        self.0.text.bytes()
    }
}

impl fmt::Display for UnixName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.text.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn only_what_has_an_ip_has_a_port() {
        let end = Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 80);
        let name = UnixName::new(b"/run/x").unwrap();
        let device = NonZeroU32::MIN;
        for (address, inet) in [
            (Address::from(end), Some(end)),
            (Address::Unix(name.clone()), None),
            (Address::Device(device), None),
            (Address::None, None),
        ] {
            let found = (address.inet(), address.ip(), address.port());
            let parts = (inet, inet.map(|e| e.address), inet.map(|e| e.port));
            assert_eq!(found, parts);
            let peer = Peer::At(address);
            assert_eq!((peer.inet(), peer.ip(), peer.port()), parts);
        }
        for (peer, is_some) in [
            (Peer::None, false),
            (Peer::from(None), false),
            (Peer::from(Some(end)), true),
            (Peer::Inode(device, None), true),
            (Peer::Inode(device, Some(name)), true),
        ] {
            assert_eq!(peer.is_some(), is_some, "{peer:?}");
        }
    }

    #[test]
    fn names_of_unix_sockets_are_bytes() {
        assert_eq!(UnixName::new(b""), None);
        for (bytes, text, shown) in [
            (&b"/run/x.sock"[..], &b"/run/x.sock"[..], "/run/x.sock"),
            (b"\0bus", b"@bus", "@bus"),
            (b"\0", b"@", "@"),
            (b"\0a\0b", b"@a\0b", "@a\\x00b"),
            (b"/run/\x1b[2J", b"/run/\x1b[2J", "/run/\\x1b[2J"),
            (b"/run/\xff", b"/run/\xff", "/run/\\xff"),
        ] {
            let name = UnixName::new(bytes).unwrap();
            assert_eq!(name.text(), text);
            assert_eq!(name.to_string(), shown);
            assert_eq!(UnixName::from_text(text), Some(name));
        }
        let path = UnixName::new(b"@x").unwrap();
        let name = UnixName::new(b"\0x").unwrap();
        assert_eq!(path.text(), name.text());
        assert_ne!(path, name);
    }
}
