//! `struct tcp_info`, as long or as short as the kernel sends it.

use super::bytes::{u8_at, u32_at, u64_at};
use crate::model::TcpInfo;

/// Reads the attribute `INET_DIAG_INFO`; `None` when it is shorter than the oldest form,
/// 104 bytes since Linux 2.6.
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<TcpInfo> {
    let word = |offset| u32_at(bytes, offset);
    Some(TcpInfo {
        retransmits: u8_at(bytes, 2)?,
        probes: u8_at(bytes, 3)?,
        backoff: u8_at(bytes, 4)?,
        rto_us: word(8)?,
        send_mss: word(16)?,
        receive_mss: word(20)?,
        unacked: word(24)?,
        lost: word(32)?,
        last_data_sent_ms: word(44)?,
        last_data_recv_ms: word(52)?,
        last_ack_recv_ms: word(56)?,
        path_mtu: word(60)?,
        rtt_us: word(68)?,
        rtt_var_us: word(72)?,
        slow_start_threshold: word(76)?,
        congestion_window: word(80)?,
        total_retransmits: word(100)?,
        bytes_acked: u64_at(bytes, 120),
        bytes_received: u64_at(bytes, 128),
        not_sent: word(144),
        busy_us: u64_at(bytes, 168),
        window_limited_us: u64_at(bytes, 176),
        send_window: word(228),
        receive_window: word(232),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every 32-bit word holds its own offset.
    fn numbered(length: u32) -> Vec<u8> {
        (0..length / 4)
            .flat_map(|word| (word * 4).to_ne_bytes())
            .collect()
    }

    #[test]
    fn parses() {
        let info = parse(&numbered(280)).unwrap();
        assert_eq!(info.last_data_sent_ms, 44);
        assert_eq!(info.last_data_recv_ms, 52);
        assert_eq!(info.last_ack_recv_ms, 56);
        assert_eq!(info.total_retransmits, 100);
        assert_eq!(info.not_sent, Some(144));
        assert_eq!(info.send_window, Some(228));
        assert_eq!(info.receive_window, Some(232));
        assert_eq!((info.quiet_ms(), info.idle_ms()), (52, 44));
    }

    #[test]
    fn what_an_older_kernel_does_not_send_is_not_known() {
        let info = parse(&numbered(104)).unwrap();
        assert_eq!(info.total_retransmits, 100);
        assert_eq!((info.bytes_acked, info.not_sent), (None, None));
        let info = parse(&numbered(232)).unwrap();
        assert_eq!((info.send_window, info.receive_window), (Some(228), None));
    }

    #[test]
    fn record_ends_abruptly() {
        for length in 0..26 {
            assert_eq!(parse(&numbered(length * 4)), None, "{length} words");
        }
    }
}
