//! What can become of a row: events, and the aspects of a socket that change.

/// What happened to a socket, or to another row, from one look to a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was there at the first look.
    Present,
    /// It is there, and was not.
    Opened,
    /// It is not as it was.
    Changed,
    /// It was there, and is no more.
    Closed,
}

impl Event {
    /// The name in every format.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Opened => "opened",
            Self::Changed => "changed",
            Self::Closed => "closed",
        }
    }
}

/// What can change about a socket, as a set.
///
/// Timers and the counters of TCP are left out: they always move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Aspects(u8);

impl Aspects {
    /// The state.
    pub const STATE: Self = Self(1);
    /// This end: a UDP socket that connects gets an address.
    pub const LOCAL: Self = Self(1 << 1);
    /// The other end.
    pub const PEER: Self = Self(1 << 2);
    /// The processes that hold it, or why there is none.
    pub const OWNERS: Self = Self(1 << 3);
    /// The accept queue of a listener.
    pub const ACCEPT_QUEUE: Self = Self(1 << 4);
    /// Received and not read.
    pub const RECV_Q: Self = Self(1 << 5);
    /// Written and not acknowledged.
    pub const SEND_Q: Self = Self(1 << 6);
    /// Packets dropped, where they were looked at.
    pub const DROPS: Self = Self(1 << 7);

    const NAMES: [(Self, &'static str); 8] = [
        (Self::STATE, "state"),
        (Self::LOCAL, "local"),
        (Self::PEER, "peer"),
        (Self::OWNERS, "owners"),
        (Self::ACCEPT_QUEUE, "accept_queue"),
        (Self::RECV_Q, "recv_q"),
        (Self::SEND_Q, "send_q"),
        (Self::DROPS, "drops"),
    ];

    /// Whether nothing changed.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` is in it.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The same with `other`, where `differs`.
    #[must_use]
    pub const fn with(self, other: Self, differs: bool) -> Self {
        if differs {
            Self(self.0 | other.0)
        } else {
            self
        }
    }

    /// What changed, by the names that JSON has for it.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let is_in = move |&(aspect, _): &(Self, _)| self.contains(aspect);
        Self::NAMES.into_iter().filter(is_in).map(|(_, name)| name)
    }
}
