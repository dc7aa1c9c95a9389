//! The states of TCP, with the kernel's numbers and names.

/// A state as `TCP_INFO` and /proc/net/tcp number it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tcp {
    Established = 1,
    SynSent = 2,
    SynRecv = 3,
    FinWait1 = 4,
    FinWait2 = 5,
    TimeWait = 6,
    /// Bound, neither listening nor connected: the socket itself says CLOSE, netlink has bit 13 for it.
    BoundInactive = 7,
    CloseWait = 8,
    LastAck = 9,
    Listen = 10,
    Closing = 11,
}

impl Tcp {
    /// The number that the socket and /proc show for this state.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The name in the JSON line, spelled as in the contract.
    pub fn name(self) -> &'static str {
        match self {
            Self::Established => "ESTABLISHED",
            Self::SynSent => "SYN_SENT",
            Self::SynRecv => "SYN_RECV",
            Self::FinWait1 => "FIN_WAIT1",
            Self::FinWait2 => "FIN_WAIT2",
            Self::TimeWait => "TIME_WAIT",
            Self::BoundInactive => "BOUND_INACTIVE",
            Self::CloseWait => "CLOSE_WAIT",
            Self::LastAck => "LAST_ACK",
            Self::Listen => "LISTEN",
            Self::Closing => "CLOSING",
        }
    }
}
