//! What TCP itself knows of a connection, and the memory of a socket.

/// The inner state of a TCP connection.
///
/// Source: `struct tcp_info` in `include/uapi/linux/tcp.h`, which grows with every few
/// kernels; what an older kernel does not have is `None`. Times since something happened
/// are in milliseconds and count from the start of the connection where it never happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpInfo {
    /// Retransmissions in a row of the segment that waits for its acknowledgement.
    pub retransmits: u8,
    /// Zero-window or keepalive probes without an answer.
    pub probes: u8,
    /// How often the retransmission time-out was doubled.
    pub backoff: u8,
    /// The retransmission time-out, in microseconds.
    pub rto_us: u32,
    /// Segments sent and not acknowledged.
    pub unacked: u32,
    /// Milliseconds since data was last sent.
    pub last_data_sent_ms: u32,
    /// Milliseconds since data last came.
    pub last_data_recv_ms: u32,
    /// Milliseconds since an acknowledgement last came.
    pub last_ack_recv_ms: u32,
    /// The path's MTU in bytes.
    pub path_mtu: u32,
    /// The smoothed round-trip time, in microseconds.
    pub rtt_us: u32,
    /// Its variation, in microseconds.
    pub rtt_var_us: u32,
    /// Maximum segment size for sending, in bytes.
    pub send_mss: u32,
    /// Maximum segment size seen when receiving, in bytes.
    pub receive_mss: u32,
    /// The congestion window, in segments.
    pub congestion_window: u32,
    /// The slow-start threshold, in segments.
    pub slow_start_threshold: u32,
    /// Segments thought to be lost.
    pub lost: u32,
    /// All retransmissions of the connection.
    pub total_retransmits: u32,
    /// Bytes acknowledged by the peer (Linux 4.1).
    pub bytes_acked: Option<u64>,
    /// Bytes received (Linux 4.1).
    pub bytes_received: Option<u64>,
    /// Bytes written and not sent yet (Linux 4.6).
    pub not_sent: Option<u32>,
    /// Microseconds in which there was something to send (Linux 4.9).
    pub busy_us: Option<u64>,
    /// Microseconds of these in which the peer's window held it back (Linux 4.9).
    pub window_limited_us: Option<u64>,
    /// The window the peer offers, in bytes (Linux 5.4).
    pub send_window: Option<u32>,
    /// The window this side offers, in bytes (Linux 6.2).
    pub receive_window: Option<u32>,
}

impl TcpInfo {
    /// Milliseconds in which nothing came from the peer: at least as long ago is its FIN.
    #[must_use]
    pub fn quiet_ms(&self) -> u32 {
        self.last_data_recv_ms.min(self.last_ack_recv_ms)
    }

    /// Milliseconds in which no data moved in either direction.
    #[must_use]
    pub fn idle_ms(&self) -> u32 {
        self.last_data_recv_ms.min(self.last_data_sent_ms)
    }
}

/// The memory of a socket, in bytes as the kernel counts them: with its own overhead.
///
/// Source: `INET_DIAG_SKMEMINFO`, `sk_get_meminfo` in `net/core/sock.c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Held by what was received and not read (`SK_MEMINFO_RMEM_ALLOC`).
    pub received: u32,
    /// The most that may be held (`SK_MEMINFO_RCVBUF`): twice what `SO_RCVBUF` was set to.
    pub receive_limit: u32,
    /// Held by what is on its way out (`SK_MEMINFO_WMEM_QUEUED`).
    pub sending: u32,
    /// The most that may be on its way out (`SK_MEMINFO_SNDBUF`).
    pub send_limit: u32,
}
