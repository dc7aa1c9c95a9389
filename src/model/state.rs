//! The states of a connection, and sets of them.

use std::fmt;

/// The state of a socket, in the order and numbering of the kernel.
///
/// Source: `include/net/tcp_states.h`; `BOUND_INACTIVE` is 13 since Linux 6.8.
/// UDP and raw sockets have only `Established` (connected) and `Unconnected`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Data flows both ways (also: a connected UDP socket).
    Established,
    /// A SYN was sent and nothing came back yet.
    SynSent,
    /// A SYN arrived and the handshake is not complete; reported for `NEW_SYN_RECV` too.
    SynRecv,
    /// This side closed; its FIN is not acknowledged.
    FinWait1,
    /// This side closed and that is acknowledged; the peer has not closed.
    FinWait2,
    /// Both closed and this side was first: the pair of ports rests for 60 s.
    TimeWait,
    /// Not connected.
    Close,
    /// The peer closed; this program has not called close().
    CloseWait,
    /// The peer closed first, then this side; the last FIN is not acknowledged.
    LastAck,
    /// Waits for connections.
    Listen,
    /// Both sides closed at the same time.
    Closing,
    /// A TCP socket after bind(), before listen() or connect().
    BoundInactive,
    /// A UDP or raw socket without a peer.
    Unconnected,
    /// A number that this version does not know; kept, never dropped.
    Unknown(u8),
}

impl State {
    /// Every TCP state that has a name, in the kernel's order.
    pub const TCP: [Self; 12] = [
        Self::Established,
        Self::SynSent,
        Self::SynRecv,
        Self::FinWait1,
        Self::FinWait2,
        Self::TimeWait,
        Self::Close,
        Self::CloseWait,
        Self::LastAck,
        Self::Listen,
        Self::Closing,
        Self::BoundInactive,
    ];

    /// The TCP state of a kernel number (1 to 13; 12, `NEW_SYN_RECV`, is `SYN_RECV`).
    #[must_use]
    pub const fn from_tcp(number: u8) -> Self {
        match number {
            1 => Self::Established,
            2 => Self::SynSent,
            3 | 12 => Self::SynRecv,
            4 => Self::FinWait1,
            5 => Self::FinWait2,
            6 => Self::TimeWait,
            7 => Self::Close,
            8 => Self::CloseWait,
            9 => Self::LastAck,
            10 => Self::Listen,
            11 => Self::Closing,
            13 => Self::BoundInactive,
            other => Self::Unknown(other),
        }
    }

    /// The state of a UDP or raw socket: these use only 1 and 7 of TCP's numbers.
    #[must_use]
    pub const fn from_datagram(number: u8) -> Self {
        match number {
            1 => Self::Established,
            7 => Self::Unconnected,
            other => Self::Unknown(other),
        }
    }

    /// The position in a [`StateSet`].
    const fn bit(self) -> u32 {
        match self {
            Self::Established => 1,
            Self::SynSent => 2,
            Self::SynRecv => 3,
            Self::FinWait1 => 4,
            Self::FinWait2 => 5,
            Self::TimeWait => 6,
            Self::Close => 7,
            Self::CloseWait => 8,
            Self::LastAck => 9,
            Self::Listen => 10,
            Self::Closing => 11,
            Self::BoundInactive => 13,
            Self::Unconnected => 30,
            Self::Unknown(_) => 31,
        }
    }

    /// The kernel's name, or `None` for a number without one.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Established => "ESTABLISHED",
            Self::SynSent => "SYN_SENT",
            Self::SynRecv => "SYN_RECV",
            Self::FinWait1 => "FIN_WAIT1",
            Self::FinWait2 => "FIN_WAIT2",
            Self::TimeWait => "TIME_WAIT",
            Self::Close => "CLOSE",
            Self::CloseWait => "CLOSE_WAIT",
            Self::LastAck => "LAST_ACK",
            Self::Listen => "LISTEN",
            Self::Closing => "CLOSING",
            Self::BoundInactive => "BOUND_INACTIVE",
            Self::Unconnected => "UNCONN",
            Self::Unknown(_) => return None,
        })
    }

    /// Reads a state in any spelling: the kernel's, `ss`'s, RFC 9293's, the textbook's.
    ///
    /// Upper and lower case, `_`, `-` and no separator at all are the same.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let key: String = text
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        Some(match key.as_str() {
            "established" | "estab" | "est" => Self::Established,
            "synsent" => Self::SynSent,
            "synrecv" | "newsynrecv" | "synreceived" | "synrcv" | "synrcvd" => Self::SynRecv,
            "finwait1" => Self::FinWait1,
            "finwait2" => Self::FinWait2,
            "timewait" | "timeout" => Self::TimeWait,
            "close" | "closed" => Self::Close,
            "closewait" | "closedwait" => Self::CloseWait,
            "lastack" | "lastwait" => Self::LastAck,
            "listen" | "listening" => Self::Listen,
            "closing" => Self::Closing,
            "boundinactive" | "bound" => Self::BoundInactive,
            "unconn" | "unconnected" => Self::Unconnected,
            _ => return None,
        })
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name(), self) {
            (Some(name), _) => f.pad(name),
            (None, Self::Unknown(number)) => f.pad(&format!("unknown({number})")),
            (None, _) => f.pad("unknown"),
        }
    }
}

/// A set of states: a mask, never to be mistaken for a state's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateSet(u32);

impl StateSet {
    /// No state.
    pub const NONE: Self = Self(0);
    /// Every state, those without a name too.
    pub const ALL: Self = Self(u32::MAX);
    /// What a listener looks like: TCP in `LISTEN`, UDP and raw without a peer.
    pub const LISTENING: Self = Self::NONE.with(State::Listen).with(State::Unconnected);

    /// The set with `state` in it.
    #[must_use]
    pub const fn with(self, state: State) -> Self {
        Self(self.0 | 1 << state.bit())
    }

    /// The set with `state` taken out.
    #[must_use]
    pub const fn without(self, state: State) -> Self {
        Self(self.0 & !(1 << state.bit()))
    }

    /// Everything that is not in the set.
    #[must_use]
    pub const fn complement(self) -> Self {
        Self(!self.0)
    }

    /// What is in both sets.
    #[must_use]
    pub const fn intersect(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether `state` is in the set.
    #[must_use]
    pub const fn contains(self, state: State) -> bool {
        self.0 & (1 << state.bit()) != 0
    }

    /// Whether any state of `other` is in the set.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The mask of TCP states that `inet_diag` takes: bit n is state n.
    ///
    /// `SYN_RECV` (3) makes the kernel add `NEW_SYN_RECV` (12) by itself.
    #[must_use]
    pub const fn tcp_mask(self) -> u32 {
        self.0 & 0x2fff
    }
}

impl FromIterator<State> for StateSet {
    fn from_iter<I: IntoIterator<Item = State>>(states: I) -> Self {
        states.into_iter().fold(Self::NONE, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_read() {
        for (text, state) in [
            ("CLOSE_WAIT", State::CloseWait),
            ("close-wait", State::CloseWait),
            ("closewait", State::CloseWait),
            ("ESTAB", State::Established),
            ("SYN-RECEIVED", State::SynRecv),
            ("SYN_RCV", State::SynRecv),
            ("FIN-WAIT-1", State::FinWait1),
            ("UNCONN", State::Unconnected),
            ("bound-inactive", State::BoundInactive),
            ("LAST_WAIT", State::LastAck),
            ("TIME_OUT", State::TimeWait),
        ] {
            assert_eq!(State::parse(text), Some(state), "{text}");
        }
        assert_eq!(State::parse("open"), None);
    }

    #[test]
    fn names_parse_back() {
        for state in State::TCP {
            assert_eq!(State::parse(&state.to_string()), Some(state));
        }
    }

    #[test]
    fn unknown_numbers_stay_visible() {
        assert_eq!(State::from_tcp(14), State::Unknown(14));
        assert_eq!(State::from_tcp(14).to_string(), "unknown(14)");
        assert!(StateSet::ALL.contains(State::Unknown(14)));
    }

    #[test]
    fn sets_are_masks() {
        let set: StateSet = [State::Listen, State::TimeWait].into_iter().collect();
        assert_eq!(set.tcp_mask(), 1 << 10 | 1 << 6);
        assert!(!set.contains(State::Established));
        assert!(set.complement().contains(State::Established));
        assert!(!set.without(State::Listen).contains(State::Listen));
        assert_eq!(StateSet::LISTENING.tcp_mask(), 1 << 10);
    }
}
