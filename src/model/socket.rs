//! The one socket type.

use std::net::{IpAddr, Ipv6Addr};
use std::num::{NonZeroU32, NonZeroU64};

use super::{
    Address, Family, FamilySet, Held, Memory, NetnsId, Peer, Protocol, Queue, SocketKind,
    SocketOptions, State, TcpInfo, Ulp,
};

/// One socket as the kernel described it, and what the join found out about it.
///
/// `None` always means "the source did not say", never zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// The transport.
    pub protocol: Protocol,
    /// The address family; a dual-stack socket is [`Family::V6`].
    pub family: Family,
    /// What kind it is.
    pub kind: SocketKind,
    /// Whether it waits for clients: TCP in `LISTEN`, UDP and raw bound without a peer.
    pub listens: bool,
    /// The state.
    pub state: State,
    /// This end.
    pub local: Address,
    /// The other end.
    pub peer: Peer,
    /// Index of the interface the socket is bound to (`SO_BINDTODEVICE`).
    pub interface: Option<NonZeroU32>,
    /// The inode in sockfs; `None` when no file belongs to the socket (never an identity
    /// over time: inodes wrap).
    pub inode: Option<NonZeroU32>,
    /// The kernel's 64-bit identity of the socket; the same in `ESTABLISHED` and later in
    /// `TIME_WAIT`.
    pub cookie: Option<NonZeroU64>,
    /// The network namespace the socket was seen in.
    pub netns: Option<NetnsId>,
    /// The user who made the socket.
    pub uid: Option<Uid>,
    /// What waits in it; `None` also where that is told by another socket: an MPTCP connection
    /// has the data of its subflows.
    pub queue: Option<Queue>,
    /// Whether the peer's FIN waits to be read, behind what is in the queue.
    pub unread_fin: bool,
    /// The protocol between TCP and the program; `None` also where it was not asked for.
    pub ulp: Option<Ulp>,
    /// The running timer.
    pub timer: Option<Timer>,
    /// Packets dropped at this socket since it was made (`SK_MEMINFO_DROPS`).
    pub drops: Option<u32>,
    /// Its memory; `None` unless asked for.
    pub memory: Option<Box<Memory>>,
    /// What TCP knows of the connection; `None` unless asked for, and for sockets without a
    /// connection. In a box, because most rows have none.
    pub tcp: Option<Box<TcpInfo>>,
    /// What was set on it; `None` unless asked for.
    pub options: Option<Box<SocketOptions>>,
    /// cgroup v2 id (`INET_DIAG_CGROUP_ID`, Linux 5.8).
    pub cgroup: Option<NonZeroU64>,
    /// Whether an IPv6 socket refuses IPv4 (`INET_DIAG_SKV6ONLY`).
    pub v6_only: Option<bool>,
    /// Which side of a connection this is; set by the join.
    pub role: Option<Role>,
    /// Why there is an owner or none; set by the join.
    pub owner_status: OwnerStatus,
    /// Its place in the [`HolderIndex`](super::HolderIndex); set by the join.
    pub held: Held,
}

impl Socket {
    /// A socket of which only this end and the state are known. Of an IP socket these tell its
    /// kind and whether it listens, too; whoever reads others says it of them.
    #[must_use]
    pub fn new(
        protocol: Protocol,
        family: Family,
        state: State,
        local: impl Into<Address>,
    ) -> Self {
        let local = local.into();
        let waits = matches!(state, State::Listen | State::Unconnected);
        Self {
            protocol,
            family,
            kind: protocol.kind(),
            listens: waits && local.inet().is_some(),
            state,
            local,
            peer: Peer::None,
            interface: None,
            inode: None,
            cookie: None,
            netns: None,
            uid: None,
            queue: None,
            unread_fin: false,
            ulp: None,
            timer: None,
            drops: None,
            memory: None,
            tcp: None,
            options: None,
            cgroup: None,
            v6_only: None,
            role: None,
            owner_status: OwnerStatus::NotAsked,
            held: Held::default(),
        }
    }

    /// Whether the socket waits for clients.
    #[must_use]
    pub const fn is_listener(&self) -> bool {
        self.listens
    }

    /// Whether its source tells interfaces, so that none means none: only `sock_diag` does, which
    /// alone tells cookies.
    #[must_use]
    pub const fn tells_interface(&self) -> bool {
        self.interface.is_some() || self.cookie.is_some()
    }

    /// Whether it is bound to every address of both families: an IPv6 wildcard that does not
    /// refuse IPv4. `None` where the source does not tell; raw IPv6 sockets never take IPv4.
    #[must_use]
    pub fn takes_both_families(&self) -> Option<bool> {
        let is_wildcard = self.local.ip() == Some(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
        if !is_wildcard || self.protocol == Protocol::Raw {
            return Some(false);
        }
        self.v6_only.map(|refuses| !refuses)
    }

    /// As [`takes_both_families`](Self::takes_both_families), of what waits for clients;
    /// `None` for everything else.
    #[must_use]
    pub fn dual_stack(&self) -> Option<bool> {
        self.takes_both_families().filter(|_| self.is_listener())
    }

    /// Whether the socket serves one of `families`: what `-4` and `-6` ask.
    ///
    /// A v4-mapped connection carries IPv4, and nothing else. An IPv6 wildcard takes IPv4, too,
    /// unless it was asked not to, which some sources do not tell. What has no IP address serves
    /// neither, and is left out where one of them is asked for.
    #[must_use]
    pub fn serves(&self, families: FamilySet) -> bool {
        let Some(address) = self.local.ip() else {
            return families == FamilySet::BOTH;
        };
        let takes_ipv4 = address.is_ipv4() || self.takes_both_families() != Some(false);
        (families.v4 && takes_ipv4) || (families.v6 && address.is_ipv6())
    }

    /// The family that the socket serves, where it is not both.
    #[must_use]
    pub fn only_family(&self) -> Option<Family> {
        let only = |v4| FamilySet { v4, v6: !v4 };
        match (self.serves(only(true)), self.serves(only(false))) {
            (true, false) => Some(Family::V4),
            (false, true) => Some(Family::V6),
            _ => None,
        }
    }

    /// How long the socket has been in its state: exact for `TIME_WAIT`, from its timer; at
    /// least so long for `CLOSE_WAIT`, where `tcp_info` tells since when the peer has been
    /// silent. The kernel does not record it for any other state.
    #[must_use]
    pub fn age(&self) -> Option<Age> {
        match self.state {
            State::TimeWait => {
                let timer = self.timer.filter(|t| t.kind == TimerKind::TimeWait)?;
                Some(Age {
                    ms: TIME_WAIT_MS.saturating_sub(timer.expires_ms.into()),
                    at_least: false,
                })
            }
            State::CloseWait => Some(Age {
                ms: self.tcp.as_ref()?.quiet_ms()?.into(),
                at_least: true,
            }),
            _ => None,
        }
    }
}

/// The user who made a socket. No user is -1, so that `None` needs no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uid(NonZeroU32);

impl Uid {
    /// The user of this number; `None` for -1, which says that there is none.
    #[must_use]
    pub fn new(uid: u32) -> Option<Self> {
        NonZeroU32::new(!uid).map(Self)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        !self.0.get()
    }
}

/// How long `TIME_WAIT` lasts (`TCP_TIMEWAIT_LEN` in `include/net/tcp.h`), in milliseconds.
const TIME_WAIT_MS: u64 = 60_000;

/// How long a socket has been in its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age {
    /// Milliseconds.
    pub ms: u64,
    /// Whether it may be more.
    pub at_least: bool,
}

/// The running timer of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// Which timer.
    pub kind: TimerKind,
    /// Time until it fires, in milliseconds.
    pub expires_ms: u32,
    /// Retransmissions (retransmit timer) or probes sent without an answer (the others).
    pub retransmits: u8,
}

/// Which timer runs. Source: `inet_sk_diag_fill` in `net/ipv4/inet_diag.c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerKind {
    /// Data or a SYN will be sent again (1).
    Retransmit,
    /// Keepalive (2).
    Keepalive,
    /// Time left in `TIME_WAIT`, or in `FIN_WAIT2` of an orphan (3).
    TimeWait,
    /// Zero-window probe (4).
    Probe,
    /// Delayed acknowledgement (5).
    DelayedAck,
    /// A number that this version does not know.
    Unknown(u8),
}

impl TimerKind {
    /// The timer of a kernel number; `None` for 0, no timer.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => return None,
            1 => Self::Retransmit,
            2 => Self::Keepalive,
            3 => Self::TimeWait,
            4 => Self::Probe,
            5 => Self::DelayedAck,
            other => Self::Unknown(other),
        })
    }

    /// The name in JSON and in columns; `None` for a number without one.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Retransmit => "retransmit",
            Self::Keepalive => "keepalive",
            Self::TimeWait => "timewait",
            Self::Probe => "probe",
            Self::DelayedAck => "delayed_ack",
            Self::Unknown(_) => return None,
        })
    }
}

impl std::fmt::Display for TimerKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.name(), self) {
            (Some(name), _) => f.write_str(name),
            (None, Self::Unknown(number)) => write!(f, "unknown({number})"),
            (None, _) => f.write_str("unknown"),
        }
    }
}

/// Which side of a connection a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Waits for clients.
    Listener,
    /// Its local port is one that a listener of the namespace holds.
    Inbound,
    /// It went out to the peer.
    Outbound,
}

impl Role {
    /// The lower-case name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Listener => "listener",
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// Whether the owner of a socket is known, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OwnerStatus {
    /// At least one owner is known.
    Found,
    /// Some fd tables could not be read, so the owner may be in one of them.
    Denied,
    /// Complete, but the program has not called accept() yet.
    Unaccepted,
    /// Closed by its program; the kernel finishes alone.
    Orphaned,
    /// `TIME_WAIT` belongs to no process.
    TimeWait,
    /// The handshake is not complete.
    Handshake,
    /// A socket of the kernel, in flight between processes, or hidden from this reader.
    KernelOrHidden,
    /// Owners were not asked for.
    NotAsked,
}

impl OwnerStatus {
    /// The name in JSON and in columns.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Denied => "denied",
            Self::Unaccepted => "unaccepted",
            Self::Orphaned => "orphaned",
            Self::TimeWait => "timewait",
            Self::Handshake => "handshake",
            Self::KernelOrHidden => "kernel_or_hidden",
            Self::NotAsked => "not_asked",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, UnixName};

    #[test]
    fn a_family_is_what_a_socket_serves() {
        const V4: FamilySet = FamilySet {
            v4: true,
            v6: false,
        };
        const V6: FamilySet = FamilySet {
            v4: false,
            v6: true,
        };
        let (four, six) = (Family::V4, Family::V6);
        for (protocol, family, address, v6_only, serves) in [
            (Protocol::Tcp, four, "127.0.0.1", None, (true, false)),
            (Protocol::Tcp, four, "0.0.0.0", None, (true, false)),
            (Protocol::Tcp, six, "::", Some(false), (true, true)),
            (Protocol::Tcp, six, "::", Some(true), (false, true)),
            // /proc/net does not tell: it does unless it was asked not to.
            (Protocol::Udp, six, "::", None, (true, true)),
            (Protocol::Raw, six, "::", None, (false, true)),
            (Protocol::Tcp, six, "::1", Some(false), (false, true)),
            (Protocol::Tcp, six, "::ffff:1.2.3.4", None, (true, false)),
            (Protocol::Tcp, six, "::ffff:0.0.0.0", None, (true, false)),
        ] {
            let local = Endpoint::new(address.parse().unwrap(), 80);
            let mut socket = Socket::new(protocol, family, State::Listen, local);
            socket.v6_only = v6_only;
            let told = (socket.serves(V4), socket.serves(V6));
            assert_eq!(told, serves, "{protocol:?} {address} {v6_only:?}");
            let only = match serves {
                (true, false) => Some(four),
                (false, true) => Some(six),
                _ => None,
            };
            assert_eq!(socket.only_family(), only);
            assert!(socket.serves(FamilySet::BOTH));
        }
    }

    #[test]
    fn a_socket_says_itself_whether_it_listens() {
        let end = Endpoint::new([127, 0, 0, 1].into(), 80);
        let name = UnixName::new(b"/run/x").unwrap();
        let inet = |protocol, state| Socket::new(protocol, Family::V4, state, end);
        let unix = |state| {
            let local = Address::Unix(name.clone());
            Socket::new(Protocol::Udp, Family::V4, state, local)
        };
        for (socket, listens) in [
            (inet(Protocol::Tcp, State::Listen), true),
            (inet(Protocol::Tcp, State::BoundInactive), false),
            (inet(Protocol::Udp, State::Unconnected), true),
            (inet(Protocol::Udp, State::Established), false),
            (unix(State::Unconnected), false),
        ] {
            assert_eq!(socket.is_listener(), listens, "{socket:?}");
        }
        let mut datagrams = unix(State::Unconnected);
        datagrams.listens = true;
        assert!(datagrams.is_listener());
    }

    #[test]
    fn what_has_no_ip_serves_no_family_that_is_asked_for() {
        let local = Address::Unix(UnixName::new(b"\0x").unwrap());
        let socket = Socket::new(Protocol::Tcp, Family::V4, State::Listen, local);
        let only = |v4| FamilySet { v4, v6: !v4 };
        assert!(socket.serves(FamilySet::BOTH));
        assert!(!socket.serves(only(true)) && !socket.serves(only(false)));
        assert_eq!(socket.only_family(), None);
    }
}
