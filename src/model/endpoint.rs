//! Addresses, protocols and address families.

use std::net::{IpAddr, Ipv6Addr};

/// One end of a connection.
///
/// The address of a v4-mapped IPv6 socket is kept as the IPv4 address it is; the
/// socket's [`Family`] still says IPv6. For raw sockets `port` is the IP protocol number,
/// as the kernel reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// The address; unspecified (`0.0.0.0`, `::`) means every address.
    pub address: IpAddr,
    /// The port in host byte order; 0 where none is bound.
    pub port: u16,
}

impl Endpoint {
    /// An endpoint, with a v4-mapped address turned into the IPv4 address.
    #[must_use]
    pub fn new(address: IpAddr, port: u16) -> Self {
        let address = match address {
            IpAddr::V6(v6) => unmap(v6),
            v4 @ IpAddr::V4(_) => v4,
        };
        Self { address, port }
    }

    /// Whether this is no address and no port: what an unconnected socket has as its peer.
    #[must_use]
    pub fn is_unset(&self) -> bool {
        self.port == 0 && self.address.is_unspecified()
    }
}

fn unmap(address: Ipv6Addr) -> IpAddr {
    address
        .to_ipv4_mapped()
        .map_or(IpAddr::V6(address), IpAddr::V4)
}

/// A wildcard address, as it is printed for an IPv6 socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wildcard {
    /// `[::]`: every IPv6 address.
    Ipv6,
    /// `*`: every address of both families.
    Both,
}

/// A network: the addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// Its first address; a v4-mapped network is the IPv4 one it is.
    pub address: IpAddr,
    /// How many bits are the same: 32 or 128 at most.
    pub length: u8,
}

impl Prefix {
    /// Whether `address` lies in it.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        let same = |a: u128, b: u128, width: u32| {
            let shift = width.saturating_sub(self.length.into());
            a.checked_shr(shift) == b.checked_shr(shift)
        };
        match (self.address, address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => same(a.to_bits().into(), b.to_bits().into(), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => same(a.to_bits(), b.to_bits(), 128),
            _ => false,
        }
    }
}

/// The transport protocol of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP (6).
    Tcp,
    /// UDP (17).
    Udp,
    /// Raw IP.
    Raw,
}

impl Protocol {
    /// Every protocol, in the order in which the tables are read.
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Raw];

    /// The lower-case name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Raw => "raw",
        }
    }

    /// The kind of its sockets.
    #[must_use]
    pub const fn kind(self) -> SocketKind {
        match self {
            Self::Tcp => SocketKind::Stream,
            Self::Udp => SocketKind::Dgram,
            Self::Raw => SocketKind::Raw,
        }
    }
}

/// What kind of socket it is (`SOCK_STREAM` and so on).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SocketKind {
    /// A stream of bytes.
    Stream,
    /// Datagrams.
    Dgram,
    /// Datagrams of a connection, in order.
    Seqpacket,
    /// Packets with their headers.
    Raw,
}

impl SocketKind {
    /// The lower-case name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Dgram => "dgram",
            Self::Seqpacket => "seqpacket",
            Self::Raw => "raw",
        }
    }
}

/// The address family of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// `AF_INET`.
    V4,
    /// `AF_INET6`, dual-stack sockets included.
    V6,
}

impl Family {
    /// Both families.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// The name in JSON and in columns.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
        }
    }
}

/// Which protocols are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolSet {
    /// TCP is wanted.
    pub tcp: bool,
    /// UDP is wanted.
    pub udp: bool,
    /// Raw is wanted.
    pub raw: bool,
}

impl ProtocolSet {
    /// Whether `protocol` is wanted.
    #[must_use]
    pub const fn contains(self, protocol: Protocol) -> bool {
        match protocol {
            Protocol::Tcp => self.tcp,
            Protocol::Udp => self.udp,
            Protocol::Raw => self.raw,
        }
    }
}

/// Which address families are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FamilySet {
    /// IPv4 is wanted.
    pub v4: bool,
    /// IPv6 is wanted.
    pub v6: bool,
}

impl FamilySet {
    /// Both families.
    pub const BOTH: Self = Self { v4: true, v6: true };

    /// Whether `family` is wanted.
    #[must_use]
    pub const fn contains(self, family: Family) -> bool {
        match family {
            Family::V4 => self.v4,
            Family::V6 => self.v6,
        }
    }

    /// The tables in which sockets that serve these families stand: IPv4 is served by IPv6
    /// sockets, too.
    #[must_use]
    pub const fn tables(self) -> Self {
        Self {
            v4: self.v4,
            v6: self.v4 || self.v6,
        }
    }

    /// Whether one of them is wanted and the other is not.
    #[must_use]
    pub const fn is_one(self) -> bool {
        self.v4 != self.v6
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn mapped_addresses_are_the_ipv4_they_are() {
        let mapped = IpAddr::V6(Ipv4Addr::LOCALHOST.to_ipv6_mapped());
        assert_eq!(
            Endpoint::new(mapped, 80).address,
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        );
        assert_eq!(
            Endpoint::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 80).address,
            IpAddr::V6(Ipv6Addr::LOCALHOST)
        );
    }

    #[test]
    fn unset_means_neither_address_nor_port() {
        assert!(Endpoint::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0).is_unset());
        assert!(!Endpoint::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 1).is_unset());
        assert!(!Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0).is_unset());
    }
}
