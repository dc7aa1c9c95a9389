//! `struct tcp_info`, as long or as short as the kernel sends it.

use super::bytes::{u8_at, u16_at, u32_at, u64_at};
use crate::model::{Agreed, CongestionState, TcpInfo};

/// `TCP_INFINITE_SSTHRESH`: nothing has set a threshold yet.
const NO_THRESHOLD: u32 = 0x7fff_ffff;
/// States before the stamps are set: when a connection is established, data counts as sent and
/// received then (`tcp_finish_connect`, `tcp_create_openreq_child`), and its acknowledgement
/// comes with it. A Fast Open client has sent data before, a Fast Open server has received some.
const SYN_SENT: u8 = 2;
const SYN_RECV: u8 = 3;
/// States in which the peer's FIN has come, which the kernel counts as a byte (`tcp_fin`).
const CLOSE_WAIT: u8 = 8;
const LAST_ACK: u8 = 9;
const CLOSING: u8 = 11;

/// Reads the attribute `INET_DIAG_INFO`; `None` when it is shorter than the oldest form,
/// 104 bytes since Linux 2.6.
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<TcpInfo> {
    let word = |offset| u32_at(bytes, offset);
    let state = u8_at(bytes, 0)?;
    let bytes_sent = u64_at(bytes, 200);
    let fin = matches!(state, CLOSE_WAIT | LAST_ACK | CLOSING);
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
        since_sent_ms: Some(word(44)?).filter(|_| state != SYN_SENT || bytes_sent > Some(0)),
        since_received_ms: Some(word(52)?).filter(|_| state != SYN_SENT),
        since_acked_ms: Some(word(56)?).filter(|_| !matches!(state, SYN_SENT | SYN_RECV)),
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
        bytes_received: u64_at(bytes, 128).map(|bytes| bytes.saturating_sub(fin.into())),
        segs_out: word(136),
        segs_in: word(140),
        not_sent: word(144),
        min_rtt_us: word(148).filter(|us| *us != u32::MAX),
        delivery_rate: u64_at(bytes, 160).filter(|rate| *rate > 0),
        busy_us: u64_at(bytes, 168),
        window_limited_us: u64_at(bytes, 176),
        buffer_limited_us: u64_at(bytes, 184),
        bytes_sent,
        bytes_retransmitted: u64_at(bytes, 208),
        duplicates: word(216),
        reorderings_seen: word(220),
        out_of_order: word(224),
        send_window: word(228),
        receive_window: word(232),
        timeouts: u16_at(bytes, 240),
    })
}

/// Only the milliseconds since data was last sent, whatever the state.
#[must_use]
pub fn last_data_sent_ms(bytes: &[u8]) -> Option<u32> {
    u32_at(bytes, 44)
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
        assert_eq!(info.since_sent_ms, Some(44));
        assert_eq!(info.since_received_ms, Some(52));
        assert_eq!(info.since_acked_ms, Some(56));
        assert_eq!(info.total_retransmits, 100);
        assert_eq!(info.not_sent, Some(144));
        assert_eq!(info.send_window, Some(228));
        assert_eq!(info.receive_window, Some(232));
        assert_eq!((info.quiet_ms(), info.idle_ms()), (Some(52), Some(44)));
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
    fn before_a_connection_is_established_there_are_no_times() {
        let of = |state, sent: u64| {
            let mut bytes = numbered(248);
            bytes[0] = state;
            bytes[200..208].copy_from_slice(&sent.to_ne_bytes());
            let info = parse(&bytes).unwrap();
            (
                info.since_sent_ms,
                info.since_received_ms,
                info.since_acked_ms,
            )
        };
        assert_eq!(of(SYN_SENT, 0), (None, None, None));
        assert_eq!(of(SYN_SENT, 9), (Some(44), None, None));
        assert_eq!(of(SYN_RECV, 0), (Some(44), Some(52), None));
        assert_eq!(of(1, 0), (Some(44), Some(52), Some(56)));
    }

    #[test]
    fn a_fin_is_no_byte() {
        let received = |state| {
            let mut bytes = numbered(248);
            bytes[0] = state;
            bytes[128..136].copy_from_slice(&8_u64.to_ne_bytes());
            parse(&bytes).unwrap().bytes_received
        };
        assert_eq!((received(1), received(4)), (Some(8), Some(8)));
        assert_eq!(
            (received(CLOSE_WAIT), received(LAST_ACK)),
            (Some(7), Some(7))
        );
        assert_eq!(received(CLOSING), Some(7));
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
