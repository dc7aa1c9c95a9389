//! `struct tcp_info`, as long or as short as the kernel sends it.

use super::bytes::{u8_at, u16_at, u32_at, u64_at};
use crate::model::{Agreed, CongestionState, TcpInfo};

/// `TCP_INFINITE_SSTHRESH`: nothing has set a threshold yet.
const NO_THRESHOLD: u32 = 0x7fff_ffff;

/// Reads the attribute `INET_DIAG_INFO`; `None` when it is shorter than the oldest form,
/// 104 bytes since Linux 2.6.
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<TcpInfo> {
    let word = |offset| u32_at(bytes, offset);
    Some(TcpInfo {
        congestion_state: CongestionState::from_number(u8_at(bytes, 1)?),
        retransmits: u8_at(bytes, 2)?,
        probes: u8_at(bytes, 3)?,
        backoff: u8_at(bytes, 4)?,
        agreed: Agreed(u8_at(bytes, 5)?),
        window_scale: scales(u8_at(bytes, 6)?),
        delivery_rate_app_limited: u8_at(bytes, 7)? & 1 != 0,
        rto_us: word(8)?,
        ato_us: word(12)?,
        send_mss: word(16)?,
        receive_mss: word(20)?,
        unacked: word(24)?,
        sacked: word(28)?,
        lost: word(32)?,
        retransmitted_now: word(36)?,
        last_data_sent_ms: word(44)?,
        last_data_recv_ms: word(52)?,
        last_ack_recv_ms: word(56)?,
        path_mtu: word(60)?,
        rtt_us: word(68)?,
        rtt_var_us: word(72)?,
        slow_start_threshold: Some(word(76)?).filter(|segments| *segments < NO_THRESHOLD),
        congestion_window: word(80)?,
        advertised_mss: word(84)?,
        reordering: word(88)?,
        receive_rtt_us: word(92)?,
        receive_space: word(96)?,
        total_retransmits: word(100)?,
        pacing_rate: u64_at(bytes, 104).filter(|rate| *rate != u64::MAX),
        bytes_acked: u64_at(bytes, 120),
        bytes_received: u64_at(bytes, 128),
        segs_out: word(136),
        segs_in: word(140),
        not_sent: word(144),
        min_rtt_us: word(148).filter(|us| *us != u32::MAX),
        delivery_rate: u64_at(bytes, 160).filter(|rate| *rate > 0),
        busy_us: u64_at(bytes, 168),
        window_limited_us: u64_at(bytes, 176),
        buffer_limited_us: u64_at(bytes, 184),
        bytes_sent: u64_at(bytes, 200),
        bytes_retransmitted: u64_at(bytes, 208),
        duplicates: word(216),
        reorderings_seen: word(220),
        out_of_order: word(224),
        send_window: word(228),
        receive_window: word(232),
        timeouts: u16_at(bytes, 240),
    })
}

/// Two fields of four bits: the compiler lays the first out in the low half on little-endian
/// machines, in the high half on others.
const fn scales(byte: u8) -> (u8, u8) {
    let (low, high) = (byte & 15, byte >> 4);
    if cfg!(target_endian = "little") {
        (low, high)
    } else {
        (high, low)
    }
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

    /// Two words of [`numbered`] as one number.
    fn pair(offset: u32) -> u64 {
        let bytes = [offset.to_ne_bytes(), (offset + 4).to_ne_bytes()].concat();
        u64::from_ne_bytes(bytes.try_into().unwrap())
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
        assert_eq!((info.segs_out, info.segs_in), (Some(136), Some(140)));
        assert_eq!((info.ato_us, info.advertised_mss), (12, 84));
        assert_eq!(info.pacing_rate, Some(pair(104)));
        assert_eq!(info.delivery_rate, Some(pair(160)));
        assert_eq!(info.buffer_limited_us, Some(pair(184)));
        assert_eq!(info.bytes_sent, Some(pair(200)));
        assert_eq!((info.min_rtt_us, info.timeouts), (Some(148), Some(240)));
    }

    #[test]
    fn what_was_never_measured_is_not_known() {
        let mut bytes = numbered(248);
        bytes[76..80].copy_from_slice(&0x7fff_ffff_u32.to_ne_bytes());
        bytes[104..112].fill(0xff);
        bytes[148..152].fill(0xff);
        bytes[160..168].fill(0);
        bytes[..8].copy_from_slice(&[1, 4, 0, 0, 0, 0b111, 0x7a, 1]);
        let info = parse(&bytes).unwrap();
        assert_eq!((info.slow_start_threshold, info.pacing_rate), (None, None));
        assert_eq!((info.min_rtt_us, info.delivery_rate), (None, None));
        assert_eq!(info.congestion_state, CongestionState::Loss);
        let agreed: Vec<_> = info.agreed.words().collect();
        assert_eq!(agreed, ["timestamps", "sack", "wscale"]);
        assert_eq!(info.window_scale, (10, 7));
        assert!(info.delivery_rate_app_limited);
    }

    #[test]
    fn what_an_older_kernel_does_not_send_is_not_known() {
        let info = parse(&numbered(104)).unwrap();
        assert_eq!(info.total_retransmits, 100);
        assert_eq!((info.bytes_acked, info.not_sent), (None, None));
        assert_eq!(
            (info.segs_out, info.delivery_rate, info.timeouts),
            (None, None, None)
        );
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
