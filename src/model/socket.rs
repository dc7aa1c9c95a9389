//! The one socket type, and who holds it.

use std::num::{NonZeroU32, NonZeroU64};

use rustc_hash::FxHashMap;

use super::{Endpoint, Family, Memory, Protocol, Queue, SocketOptions, State, TcpInfo};

/// One socket as the kernel described it, and what the join found out about it.
///
/// `None` always means "the source did not say", never zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// The transport.
    pub protocol: Protocol,
    /// The address family; a dual-stack socket is [`Family::V6`].
    pub family: Family,
    /// The state.
    pub state: State,
    /// This end.
    pub local: Endpoint,
    /// The other end; `None` when not connected.
    pub peer: Option<Endpoint>,
    /// Index of the interface the socket is bound to (`SO_BINDTODEVICE`).
    pub interface: Option<NonZeroU32>,
    /// The inode in sockfs; `None` when no file belongs to the socket (never an identity
    /// over time: inodes wrap).
    pub inode: Option<NonZeroU32>,
    /// The kernel's 64-bit identity of the socket; the same in `ESTABLISHED` and later in
    /// `TIME_WAIT`.
    pub cookie: Option<NonZeroU64>,
    /// Inode of the network namespace the socket was seen in.
    pub netns: Option<NonZeroU64>,
    /// The user who made the socket.
    pub uid: Option<u32>,
    /// What waits in it.
    pub queue: Option<Queue>,
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
    /// Its place in the [`HolderIndex`]; set by the join.
    pub held: Held,
}

impl Socket {
    /// A socket of which only the addresses and the state are known.
    #[must_use]
    pub fn new(protocol: Protocol, family: Family, state: State, local: Endpoint) -> Self {
        Self {
            protocol,
            family,
            state,
            local,
            peer: None,
            interface: None,
            inode: None,
            cookie: None,
            netns: None,
            uid: None,
            queue: None,
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

    /// Whether the socket waits for clients: TCP in `LISTEN`, UDP and raw bound without a peer.
    #[must_use]
    pub const fn is_listener(&self) -> bool {
        matches!(self.state, State::Listen | State::Unconnected)
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
                ms: self.tcp.as_ref()?.quiet_ms().into(),
                at_least: true,
            }),
            _ => None,
        }
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

/// How a process holds a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Via {
    /// Through this file descriptor.
    Fd(u32),
    /// As a registered file of an `io_uring`, without a descriptor.
    IoUring,
}

/// One process that holds one socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Holder {
    /// The socket.
    pub inode: NonZeroU32,
    /// The process (thread group), in the reader's pid namespace.
    pub pid: u32,
    /// How.
    pub via: Via,
}

/// Where the holders of a socket stand in the [`HolderIndex`]; empty when it has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    first: u32,
    count: u32,
}

/// Every holder of every socket, found by inode.
///
/// One sorted array and one table from an inode to its first place in it: no allocation
/// for a socket, and all holders of one socket stand together, by pid and fd.
#[derive(Clone, Debug, Default)]
pub struct HolderIndex {
    holders: Vec<Holder>,
    first: FxHashMap<NonZeroU32, u32>,
}

impl HolderIndex {
    /// Builds the index; the same holder given twice counts once.
    #[must_use]
    pub fn new(mut holders: Vec<Holder>) -> Self {
        // A stable sort is quick on the runs of rising inodes that fd tables are made of.
        holders.sort();
        holders.dedup();
        let mut first = FxHashMap::default();
        first.reserve(holders.len());
        for (place, holder) in holders.iter().enumerate() {
            if let Ok(place) = u32::try_from(place) {
                first.entry(holder.inode).or_insert(place);
            }
        }
        Self { holders, first }
    }

    /// Where the holders of a socket stand; empty when there is none.
    #[must_use]
    pub fn find(&self, inode: Option<NonZeroU32>) -> Held {
        let Some((inode, &first)) = inode.and_then(|inode| Some((inode, self.first.get(&inode)?)))
        else {
            return Held::default();
        };
        let rest = self.holders.get(first as usize..).unwrap_or_default();
        let count = rest.iter().take_while(|h| h.inode == inode).count();
        Held {
            first,
            count: u32::try_from(count).unwrap_or(u32::MAX),
        }
    }

    /// All holders that stand there, lowest pid and fd first.
    #[must_use]
    pub fn at(&self, held: Held) -> &[Holder] {
        let first = held.first as usize;
        let range = first..first.saturating_add(held.count as usize);
        self.holders.get(range).unwrap_or_default()
    }

    /// How many sockets each process holds, each once: of any kind, in any namespace.
    #[must_use]
    pub fn per_process(&self) -> FxHashMap<u32, u64> {
        let mut counts: FxHashMap<u32, u64> = FxHashMap::default();
        let mut last = None;
        for holder in &self.holders {
            // Holders of one socket stand together, and those of one process among them.
            if last != Some((holder.inode, holder.pid)) {
                *counts.entry(holder.pid).or_default() += 1;
            }
            last = Some((holder.inode, holder.pid));
        }
        counts
    }

    /// Whether any process holds the socket.
    #[must_use]
    pub fn contains(&self, inode: NonZeroU32) -> bool {
        self.first.contains_key(&inode)
    }

    /// The index without the holders that `keep` refuses.
    #[must_use]
    pub fn retained(mut self, keep: impl FnMut(&Holder) -> bool) -> Self {
        self.holders.retain(keep);
        Self::new(self.holders)
    }

    /// The index with `more` holders in it.
    #[must_use]
    pub fn extended(mut self, more: Vec<Holder>) -> Self {
        self.holders.extend(more);
        Self::new(self.holders)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(inode: u32, pid: u32, fd: u32) -> Holder {
        Holder {
            inode: NonZeroU32::new(inode).unwrap(),
            pid,
            via: Via::Fd(fd),
        }
    }

    #[test]
    fn all_holders_of_a_shared_socket_stand_together() {
        let index = HolderIndex::new(vec![
            holder(7, 20, 3),
            holder(5, 10, 3),
            holder(7, 10, 4),
            holder(7, 10, 4),
        ]);
        assert_eq!(
            index.at(index.find(NonZeroU32::new(7))),
            [holder(7, 10, 4), holder(7, 20, 3)]
        );
        assert_eq!(index.at(index.find(NonZeroU32::new(6))), []);
        assert_eq!(index.at(index.find(None)), []);
        let index = index.extended(vec![holder(6, 1, 1)]);
        assert_eq!(index.at(index.find(NonZeroU32::new(6))), [holder(6, 1, 1)]);
        assert!(index.contains(NonZeroU32::new(5).unwrap()));
    }
}
