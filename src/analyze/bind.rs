//! What stands in the way of a bind(): the one rule of `port` and of `wait --free`. Pure.
//!
//! Asked is what a server does: TCP with `SO_REUSEADDR`, as servers bind, UDP without, on the
//! wildcards unless an address is given. `tests/port/bind_rule.rs` holds the rule against bind()
//! itself. Source: `inet_bind_conflict` in `net/ipv4/inet_connection_sock.c`, `udp_lib_lport_inuse`
//! in `net/ipv4/udp.c`, `inet_rcv_saddr_equal` (Linux 6.18).
//!
//! - A listener, and a bound UDP socket, connected or not: always.
//! - Any other TCP socket that has the port: only if it did not set `SO_REUSEADDR` itself, which
//!   no source says. What a server accepted has inherited it, and servers set it. A client that
//!   borrowed the port in connect() has not; nor has, perhaps, what is only bound.

use std::net::{IpAddr, Ipv6Addr};

use super::ephemeral::Usable;
use super::opener::opened_here;
use crate::model::{FamilySet, Kernel, Protocol, Socket, State};

/// What somebody means to bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Every address of these families: 0.0.0.0, and a `[::]` that takes IPv6 only; of both, a `[::]`
    /// that takes IPv4, too.
    Wildcard(FamilySet),
    Address(IpAddr),
}

/// How sure it is that a socket makes a bind() fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// It does.
    Certain,
    /// It does unless it set `SO_REUSEADDR` itself, which is not usual for what it is; or it does
    /// [if it was made for both families](only_if_dual).
    Likely,
    /// It does if it did not set `SO_REUSEADDR`, which is usual for what it is.
    Unlikely,
}

impl Certainty {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::Unlikely => "unlikely",
        }
    }
}

/// What is known of a namespace beside the sockets of the port.
#[derive(Clone, Debug, Default)]
pub struct Around {
    listeners: Vec<Socket>,
    addresses: Vec<IpAddr>,
    usable: Option<Usable>,
}

impl Around {
    /// The listeners of a namespace, with its settings and addresses.
    #[must_use]
    pub fn new(listeners: Vec<Socket>, kernel: &Kernel) -> Self {
        Self {
            listeners,
            addresses: kernel.addresses().to_vec(),
            usable: Usable::of(kernel),
        }
    }

    /// Whether a connection went out from this end, and borrowed its local port: its other end is
    /// one that a listener of this host holds, or its own counters tell.
    #[must_use]
    pub fn borrowed(&self, socket: &Socket) -> bool {
        opened_here(socket).unwrap_or_else(|| self.is_listened_on(socket))
    }

    /// Whether a listener here holds the other end.
    fn is_listened_on(&self, socket: &Socket) -> bool {
        let Some(peer) = socket.peer.inet() else {
            return false;
        };
        let is_here = peer.address.is_loopback()
            || socket.local.ip() == Some(peer.address)
            || self.addresses.contains(&peer.address);
        let mut listeners = self.listeners.iter();
        is_here
            && listeners.any(|listener| {
                (listener.netns, listener.protocol) == (socket.netns, socket.protocol)
                    && listener.local.port() == Some(peer.port)
                    && takes(listener, peer.address)
            })
    }

    /// Whether a connection rather went out from this end than came in, guessed by its ports
    /// where nothing says it better: the kernel gives clients ports of its range.
    fn rather_borrowed(&self, socket: &Socket) -> bool {
        let of_range = |port: Option<u16>| {
            let usable = self.usable.as_ref().zip(port);
            usable.is_some_and(|(usable, port)| usable.contains(port))
        };
        let by_ports = || of_range(socket.local.port()) && !of_range(socket.peer.port());
        opened_here(socket).unwrap_or_else(|| self.is_listened_on(socket) || by_ports())
    }
}

/// Whether what is sent to `address` comes to a listener.
#[must_use]
pub fn takes(listener: &Socket, address: IpAddr) -> bool {
    let family = FamilySet {
        v4: address.is_ipv4(),
        v6: address.is_ipv6(),
    };
    let Some(local) = listener.local.ip() else {
        return false;
    };
    local == address || (local.is_unspecified() && listener.serves(family))
}

/// How sure it is that `socket`, which has the port, makes a bind() of `wish` fail; `None` where
/// it does not.
#[must_use]
pub fn blocks(socket: &Socket, wish: Wish, around: &Around) -> Option<Certainty> {
    let overlap = overlap(socket, wish)?;
    let certainty = match (socket.protocol, socket.state) {
        // Their "port" is the number of a protocol.
        (Protocol::Raw, _) => return None,
        (Protocol::Udp, _) | (_, State::Listen) => Certainty::Certain,
        (_, State::BoundInactive | State::Close) => Certainty::Likely,
        _ if around.rather_borrowed(socket) => Certainty::Likely,
        _ => Certainty::Unlikely,
    };
    Some(certainty.max(overlap))
}

/// Whether the addresses overlap, and how sure that is.
fn overlap(socket: &Socket, wish: Wish) -> Option<Certainty> {
    let local = socket.local.ip()?;
    let sure = |holds: bool| holds.then_some(Certainty::Certain);
    let anywhere = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    match wish {
        Wish::Wildcard(FamilySet { v4: true, v6: true }) => Some(Certainty::Certain),
        Wish::Wildcard(FamilySet { v6: true, .. }) => sure(local.is_ipv6()),
        Wish::Wildcard(FamilySet { v4: true, .. }) if is_dual_connection(socket) => {
            Some(Certainty::Likely)
        }
        Wish::Wildcard(families) => sure(socket.serves(families)),
        Wish::Address(address) if address == anywhere => Some(Certainty::Certain),
        Wish::Address(address) if address.is_unspecified() => {
            let families = FamilySet {
                v4: true,
                v6: false,
            };
            overlap(socket, Wish::Wildcard(families))
        }
        Wish::Address(address) => sure(takes(socket, address)),
    }
}

/// Whether `socket` makes a bind() of `wish` fail only if it was made for both families and not
/// bound to an IPv6 address before it connected, which no source says.
#[must_use]
pub fn only_if_dual(socket: &Socket, wish: Wish) -> bool {
    overlap(socket, wish) == Some(Certainty::Likely)
}

/// Whether a connection over IPv6 may stand in the way of 0.0.0.0, too: [`only_if_dual`].
fn is_dual_connection(socket: &Socket) -> bool {
    let is_ipv6 = socket.local.ip().is_some_and(|address| address.is_ipv6());
    is_ipv6 && socket.peer.is_some() && socket.v6_only != Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, Family};

    const V4: FamilySet = FamilySet {
        v4: true,
        v6: false,
    };
    const V6: FamilySet = FamilySet {
        v4: false,
        v6: true,
    };

    fn end(text: &str) -> Endpoint {
        let (address, port) = text.rsplit_once(' ').unwrap();
        Endpoint::new(address.parse().unwrap(), port.parse().unwrap())
    }

    fn tcp(state: State, local: &str, peer: Option<&str>) -> Socket {
        let family = if local.contains(':') {
            Family::V6
        } else {
            Family::V4
        };
        let mut socket = Socket::new(Protocol::Tcp, family, state, end(local));
        socket.peer = peer.map(end).into();
        socket
    }

    fn udp(state: State, local: &str) -> Socket {
        Socket {
            protocol: Protocol::Udp,
            ..tcp(state, local, None)
        }
    }

    /// A namespace with a listener on 127.0.0.1:8000, and the usual range.
    fn around() -> Around {
        let mut kernel = Kernel::default();
        kernel.set("net.ipv4.ip_local_port_range", "32768 60999");
        kernel.set("net.ipv4.ip_local_reserved_ports", "50051");
        kernel.has_address("10.0.0.1".parse().unwrap());
        let listeners = vec![tcp(State::Listen, "0.0.0.0 8000", None)];
        Around::new(listeners, &kernel)
    }

    fn certainty(socket: &Socket) -> Certainty {
        blocks(socket, Wish::Wildcard(FamilySet::BOTH), &around()).unwrap()
    }

    #[test]
    fn what_waits_for_clients_blocks_for_certain() {
        for state in [State::Unconnected, State::Established] {
            assert_eq!(certainty(&udp(state, "127.0.0.1 80")), Certainty::Certain);
        }
        let listener = tcp(State::Listen, "127.0.0.1 80", None);
        assert_eq!(certainty(&listener), Certainty::Certain);
        let bound = tcp(State::BoundInactive, "127.0.0.1 80", None);
        assert_eq!(certainty(&bound), Certainty::Likely);
    }

    #[test]
    fn a_connection_blocks_by_who_opened_it() {
        use Certainty::{Likely, Unlikely};
        for state in [State::Established, State::TimeWait, State::CloseWait] {
            let of = |local, peer| certainty(&tcp(state, local, Some(peer)));
            // Its other end is one that a listener here holds.
            assert_eq!(of("127.0.0.1 40000", "127.0.0.1 8000"), Likely);
            assert_eq!(of("10.0.0.1 80", "10.0.0.1 8000"), Likely);
            assert_eq!(of("1.2.3.4 80", "5.6.7.8 8000"), Unlikely, "elsewhere");
            // Nothing but the ports says it.
            assert_eq!(of("10.0.0.1 40000", "5.6.7.8 443"), Likely);
            assert_eq!(of("10.0.0.1 8080", "5.6.7.8 40000"), Unlikely);
            assert_eq!(of("10.0.0.1 40000", "5.6.7.8 40000"), Unlikely);
            assert_eq!(of("10.0.0.1 50051", "5.6.7.8 443"), Unlikely, "reserved");
        }
        let sent = tcp(State::SynSent, "10.0.0.1 80", Some("5.6.7.8 40000"));
        assert_eq!(certainty(&sent), Likely);
        let received = tcp(State::SynRecv, "10.0.0.1 40000", Some("5.6.7.8 80"));
        assert_eq!(certainty(&received), Unlikely);
    }

    #[test]
    fn only_what_is_known_makes_a_borrowed_port() {
        let around = around();
        let borrowed = |local, peer| around.borrowed(&tcp(State::TimeWait, local, Some(peer)));
        assert!(borrowed("127.0.0.1 40000", "127.0.0.1 8000"));
        assert!(!borrowed("10.0.0.1 40000", "5.6.7.8 443"), "a guess");
        assert!(!borrowed("127.0.0.1 40000", "127.0.0.1 8001"));
    }

    #[test]
    fn addresses_overlap_as_the_kernel_says() {
        let blocked = |wish, socket: &Socket| blocks(socket, wish, &Around::default());
        let listener = |local, v6_only| Socket {
            v6_only,
            ..tcp(State::Listen, local, None)
        };
        let any = [
            listener("0.0.0.0 80", None),
            listener("127.0.0.1 80", None),
            listener(":: 80", Some(false)),
            listener(":: 80", Some(true)),
            listener("::1 80", Some(true)),
        ];
        let of = |wish| any.each_ref().map(|one| blocked(wish, one).is_some());
        assert_eq!(of(Wish::Wildcard(FamilySet::BOTH)), [true; 5]);
        let (yes, no) = (true, false);
        assert_eq!(of(Wish::Wildcard(V4)), [yes, yes, yes, no, no]);
        assert_eq!(of(Wish::Wildcard(V6)), [no, no, yes, yes, yes]);
        let at = |text: &str| of(Wish::Address(text.parse().unwrap()));
        assert_eq!(at("0.0.0.0"), [yes, yes, yes, no, no]);
        assert_eq!(at("::"), [true; 5]);
        assert_eq!(at("127.0.0.1"), [yes, yes, yes, no, no]);
        assert_eq!(at("127.0.0.2"), [yes, no, yes, no, no]);
        assert_eq!(at("::1"), [no, no, yes, yes, yes]);
        assert_eq!(at("fe80::1"), [no, no, yes, yes, no]);
    }

    #[test]
    fn a_connection_over_ipv6_may_stand_in_the_way_of_ipv4() {
        let blocked = |wish, socket: &Socket| blocks(socket, wish, &Around::default());
        let mut connection = udp(State::Established, "::1 80");
        connection.peer = end("::1 9").into();
        assert_eq!(
            blocked(Wish::Wildcard(V4), &connection),
            Some(Certainty::Likely)
        );
        assert_eq!(
            blocked(Wish::Wildcard(V6), &connection),
            Some(Certainty::Certain)
        );
        let outgoing = Socket {
            protocol: Protocol::Tcp,
            ..connection.clone()
        };
        for (wish, is_so) in [(V4, true), (V6, false), (FamilySet::BOTH, false)] {
            let wish = Wish::Wildcard(wish);
            assert_eq!(only_if_dual(&connection, wish), is_so);
            assert_eq!(only_if_dual(&outgoing, wish), is_so);
        }
        // A v4-mapped one is in nobody's way who takes IPv6 only.
        let mut mapped = tcp(State::Established, "::ffff:127.0.0.1 80", None);
        mapped.peer = end("127.0.0.1 9").into();
        assert!(blocked(Wish::Wildcard(V6), &mapped).is_none());
        assert!(blocked(Wish::Wildcard(V4), &mapped).is_some());
    }
}
