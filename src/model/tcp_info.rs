//! What TCP itself knows of a connection, and the memory of a socket.

/// The inner state of a TCP connection.
///
/// Source: `struct tcp_info` in `include/uapi/linux/tcp.h`, which grows with every few
/// kernels; what an older kernel does not have is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpInfo {
    /// What the congestion control is doing.
    pub congestion_state: CongestionState,
    /// What both sides agreed on (`tcpi_options`).
    pub agreed: Agreed,
    /// Retransmissions in a row of the segment that waits for its acknowledgement.
    pub retransmits: u8,
    /// Zero-window or keepalive probes without an answer.
    pub probes: u8,
    /// How often the retransmission time-out was doubled.
    pub backoff: u8,
    /// Shift of the window that the peer offers, and of the one that this side offers.
    pub window_scale: (u8, u8),
    /// Whether the program gave too little to measure how fast the path is (Linux 4.9).
    pub delivery_rate_app_limited: bool,
    /// The retransmission time-out, in microseconds.
    pub rto_us: u32,
    /// How long an acknowledgement may be held back, in microseconds.
    pub ato_us: u32,
    /// Maximum segment size for sending, in bytes.
    pub send_mss: u32,
    /// Maximum segment size seen when receiving, in bytes.
    pub receive_mss: u32,
    /// Maximum segment size that this side told the peer, in bytes.
    pub advertised_mss: u32,
    /// Segments sent and not acknowledged.
    pub unacked: u32,
    /// Segments acknowledged out of order (SACK).
    pub sacked: u32,
    /// Segments thought to be lost.
    pub lost: u32,
    /// Segments sent again that are on their way now.
    pub retransmitted_now: u32,
    /// Milliseconds since data was sent, or since the connection was established where none
    /// was; `None` before that.
    pub since_sent_ms: Option<u32>,
    /// Milliseconds since data came, or since the connection was established where none did;
    /// `None` before that.
    pub since_received_ms: Option<u32>,
    /// Milliseconds since an acknowledgement last came; `None` where none did.
    pub since_acked_ms: Option<u32>,
    /// The path's MTU in bytes.
    pub path_mtu: u32,
    /// The smoothed round-trip time, in microseconds; 0 before the first measurement.
    pub rtt_us: u32,
    /// Its variation, in microseconds.
    pub rtt_var_us: u32,
    /// The least round-trip time seen lately, in microseconds (Linux 4.6); `None` before the
    /// first measurement.
    pub min_rtt_us: Option<u32>,
    /// The round-trip time as the receiver estimates it, in microseconds; 0 when it does not.
    pub receive_rtt_us: u32,
    /// The congestion window, in segments.
    pub congestion_window: u32,
    /// The slow-start threshold, in segments; `None` while nothing has set one.
    pub slow_start_threshold: Option<u32>,
    /// How far segments may come out of order before they are taken for lost, in segments.
    pub reordering: u32,
    /// Bytes of the receive buffer that the program is thought to need in a round trip.
    pub receive_space: u32,
    /// All retransmissions of the connection, in segments.
    pub total_retransmits: u32,
    /// The rate at which segments are let out, in bytes a second (Linux 3.15); `None` where
    /// there is no limit.
    pub pacing_rate: Option<u64>,
    /// Bytes acknowledged by the peer, with the SYN of whoever called connect(), and the FIN (Linux
    /// 4.1).
    pub bytes_acked: Option<u64>,
    /// Bytes received, without the FIN that the kernel counts with them (Linux 4.1).
    pub bytes_received: Option<u64>,
    /// Segments sent, with those without data (Linux 4.2).
    pub segs_out: Option<u32>,
    /// Segments received, with those without data (Linux 4.2).
    pub segs_in: Option<u32>,
    /// Bytes written and not sent yet (Linux 4.6).
    pub not_sent: Option<u32>,
    /// The rate at which data last arrived at the peer, in bytes a second (Linux 4.9); `None`
    /// before the first measurement.
    pub delivery_rate: Option<u64>,
    /// Microseconds in which there was something to send (Linux 4.9).
    pub busy_us: Option<u64>,
    /// Microseconds of these in which the peer's window held it back (Linux 4.9).
    pub window_limited_us: Option<u64>,
    /// Microseconds of these in which the send buffer held it back (Linux 4.9).
    pub buffer_limited_us: Option<u64>,
    /// Bytes sent, those sent again included (Linux 4.19).
    pub bytes_sent: Option<u64>,
    /// Bytes sent again (Linux 4.19).
    pub bytes_retransmitted: Option<u64>,
    /// Segments that the peer received twice (Linux 4.19).
    pub duplicates: Option<u32>,
    /// How often segments came out of order on the way to the peer (Linux 4.19).
    pub reorderings_seen: Option<u32>,
    /// Segments that came out of order (Linux 5.4).
    pub out_of_order: Option<u32>,
    /// The window the peer offers, in bytes (Linux 5.4).
    pub send_window: Option<u32>,
    /// The window this side offers, in bytes (Linux 6.2).
    pub receive_window: Option<u32>,
    /// Retransmission time-outs of the connection (Linux 6.7).
    pub timeouts: Option<u16>,
}

/// What the congestion control is doing. Source: `enum tcp_ca_state` in
/// `include/uapi/linux/tcp.h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CongestionState {
    /// Nothing is wrong.
    #[default]
    Open,
    /// Duplicate acknowledgements have come.
    Disorder,
    /// The window was reduced, by a notice of congestion or a local queue.
    Reduced,
    /// Segments were lost and are sent again.
    Recovery,
    /// The retransmission timer has fired.
    Loss,
    /// A number that this version does not know.
    Unknown(u8),
}

impl CongestionState {
    /// The state of a kernel number.
    #[must_use]
    pub const fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Open,
            1 => Self::Disorder,
            2 => Self::Reduced,
            3 => Self::Recovery,
            4 => Self::Loss,
            other => Self::Unknown(other),
        }
    }

    /// The kernel's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Disorder => "disorder",
            Self::Reduced => "cwr",
            Self::Recovery => "recovery",
            Self::Loss => "loss",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// What both sides agreed on in the handshake, as bits: `tcpi_options`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agreed(pub u8);

impl Agreed {
    /// The words of the bits that are set, as ss spells them.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        const WORDS: [(u8, &str); 6] = [
            (1, "timestamps"),
            (2, "sack"),
            (4, "wscale"),
            (8, "ecn"),
            (16, "ecnseen"),
            (32, "fastopen"),
        ];
        let set = WORDS.into_iter().filter(move |(bit, _)| self.0 & bit != 0);
        set.map(|(_, word)| word)
    }
}

impl TcpInfo {
    /// Milliseconds in which nothing came from the peer: at least as long ago is its FIN.
    #[must_use]
    pub fn quiet_ms(&self) -> Option<u32> {
        least(self.since_received_ms, self.since_acked_ms)
    }

    /// Bytes of data acknowledged by the peer: a SYN and a FIN, which the kernel counts with them, are
    /// more than was sent (before Linux 4.19, which does not tell how much that is, they count).
    #[must_use]
    pub fn data_acked(&self) -> Option<u64> {
        let once = self.bytes_sent.zip(self.bytes_retransmitted);
        let sent = once.map_or(u64::MAX, |(sent, again)| sent.saturating_sub(again));
        self.bytes_acked.map(|acked| acked.min(sent))
    }

    /// Milliseconds since data was last sent; `None` where none ever was.
    #[must_use]
    pub fn last_data_sent_ms(&self) -> Option<u32> {
        self.since_sent_ms.filter(|_| self.bytes_sent != Some(0))
    }

    /// Milliseconds since data last came; `None` where none ever did.
    #[must_use]
    pub fn last_data_received_ms(&self) -> Option<u32> {
        let came = self.bytes_received != Some(0);
        self.since_received_ms.filter(|_| came)
    }

    /// Forgets the times that were never measured. `zero` and the `within` milliseconds after it
    /// are what the kernel says since when a stamp of 0 is: some time around its start, whatever
    /// the age of the socket.
    pub fn forget_unset(&mut self, zero: u32, within: u32) {
        for since in [
            &mut self.since_sent_ms,
            &mut self.since_received_ms,
            &mut self.since_acked_ms,
        ] {
            // The number of milliseconds starts anew after 49 days.
            *since = since.filter(|ms| ms.wrapping_sub(zero) > within);
        }
    }

    /// The smoothed round-trip time in microseconds; `None` before the first measurement.
    #[must_use]
    pub fn rtt(&self) -> Option<u32> {
        Some(self.rtt_us).filter(|us| *us > 0)
    }

    /// Milliseconds in which no data moved in either direction; `None` before the connection
    /// is established.
    #[must_use]
    pub fn idle_ms(&self) -> Option<u32> {
        least(self.since_received_ms, self.since_sent_ms)
    }
}

/// The lesser of those that are known.
fn least(a: Option<u32>, b: Option<u32>) -> Option<u32> {
    a.into_iter().chain(b).min()
}

/// The protocol between TCP and the program ("upper layer protocol").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ulp {
    /// The connection is a subflow of an MPTCP connection, which has its data.
    Mptcp,
    /// The kernel encrypts (kTLS).
    Tls,
    /// IPsec in TCP (RFC 8229).
    Espintcp,
    /// Shared memory in place of TCP, where both ends can.
    Smc,
    /// One that this version does not know.
    Other,
}

impl Ulp {
    /// The protocol of a kernel name.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Self {
        let known = [Self::Mptcp, Self::Tls, Self::Espintcp, Self::Smc];
        let mut known = known.into_iter();
        known
            .find(|ulp| ulp.name().as_bytes() == name)
            .unwrap_or(Self::Other)
    }

    /// The kernel's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mptcp => "mptcp",
            Self::Tls => "tls",
            Self::Espintcp => "espintcp",
            Self::Smc => "smc",
            Self::Other => "other",
        }
    }
}

/// The memory of a socket, in bytes as the kernel counts them: with its own overhead.
///
/// Source: `INET_DIAG_SKMEMINFO`, `sk_get_meminfo` in `net/core/sock.c`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Held by what was received and not read (`SK_MEMINFO_RMEM_ALLOC`).
    pub received: u32,
    /// The most that may be held (`SK_MEMINFO_RCVBUF`): twice what `SO_RCVBUF` was set to.
    pub receive_limit: u32,
    /// Held by what is on its way out (`SK_MEMINFO_WMEM_QUEUED`).
    pub sending: u32,
    /// The most that may be on its way out (`SK_MEMINFO_SNDBUF`).
    pub send_limit: u32,
    /// Of what is on its way out, handed to the network (`SK_MEMINFO_WMEM_ALLOC`).
    pub in_network: u32,
    /// Reserved for what will come (`SK_MEMINFO_FWD_ALLOC`).
    pub reserved: u32,
    /// Held by options and filters of the socket (`SK_MEMINFO_OPTMEM`).
    pub options: u32,
    /// Received while the program held the socket (`SK_MEMINFO_BACKLOG`).
    pub backlog: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(sent: u32, received: u32, acked: u32) -> TcpInfo {
        TcpInfo {
            since_sent_ms: Some(sent),
            since_received_ms: Some(received),
            since_acked_ms: Some(acked),
            ..TcpInfo::default()
        }
    }

    #[test]
    fn a_stamp_of_zero_is_no_time() {
        let mut info = info(1_000, 1_030, 1_031);
        info.forget_unset(1_000, 30);
        assert_eq!((info.since_sent_ms, info.since_received_ms), (None, None));
        assert_eq!((info.since_acked_ms, info.idle_ms()), (Some(1_031), None));
        // A host that has not run for five minutes: 0 is after all that has been.
        let mut early = self::info(u32::MAX, 5, 100_000);
        early.forget_unset(u32::MAX - 3, 10);
        assert_eq!((early.since_sent_ms, early.since_received_ms), (None, None));
        assert_eq!(early.since_acked_ms, Some(100_000));
    }

    #[test]
    fn what_never_happened_has_no_time() {
        let mut info = info(10, 20, 30);
        (info.bytes_sent, info.bytes_received) = (Some(0), Some(0));
        assert_eq!(info.last_data_sent_ms(), None);
        assert_eq!(info.last_data_received_ms(), None);
        // Since the start nothing moved.
        assert_eq!((info.idle_ms(), info.quiet_ms()), (Some(10), Some(20)));
        (info.bytes_sent, info.bytes_received) = (Some(1), None);
        assert_eq!(info.last_data_sent_ms(), Some(10));
        assert_eq!(info.last_data_received_ms(), Some(20));
    }
}
