//! The text tables /proc/net/{tcp,tcp6,udp,udp6,raw,raw6}.
//!
//! Source: `get_tcp4_sock` and `get_timewait4_sock` in `net/ipv4/tcp_ipv4.c`,
//! `udp4_format_sock` in `net/ipv4/udp.c`. Fields are split on white space, because
//! `TIME_WAIT` rows are padded and shorter.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;

use crate::model::{Endpoint, Family, Protocol, Queue, Socket, State, Timer, TimerKind, Uid};

/// Milliseconds in a tick of `USER_HZ`, which is 100 whatever the kernel's HZ is.
const TICK_MS: u32 = 10;

/// Reads one row. `None` when it is no row of such a table: the heading, or damage.
///
/// What the table does not have stays `None`: the limit of the accept queue, interface,
/// cookie, drops (TCP), IPv6-only.
#[must_use]
pub fn socket(line: &str, protocol: Protocol, family: Family) -> Option<Socket> {
    let mut fields = line.split_ascii_whitespace();
    let _slot = fields.next()?.strip_suffix(':')?;
    let local = endpoint(fields.next()?, family)?;
    let peer = endpoint(fields.next()?, family)?;
    let number = u8::from_str_radix(fields.next()?, 16).ok()?;
    let (send, recv) = hex_pair(fields.next()?)?;
    let (timer, when) = hex_pair(fields.next()?)?;
    let retransmits = u32::from_str_radix(fields.next()?, 16).ok()?;
    let uid = fields.next()?.parse().ok()?;
    let probes = fields.next()?.parse().ok()?;
    let inode = NonZeroU32::new(low_bits(fields.next()?.parse().ok()?));
    let state = match protocol {
        Protocol::Tcp => State::from_tcp(number),
        Protocol::Udp | Protocol::Raw => State::from_datagram(number),
    };
    let mut socket = Socket::new(protocol, family, state, local);
    let peer = Some(peer).filter(|peer| !socket.is_listener() && !peer.is_unset());
    socket.peer = peer.into();
    socket.inode = inode;
    socket.uid = inode.and(Uid::new(uid));
    socket.timer = timer_of(protocol, timer, when, retransmits, probes);
    socket.take_queue(recv, send);
    if let Some(Queue::Accept(queue)) = &mut socket.queue {
        // The column is always 0 here.
        queue.limit = None;
    }
    if protocol != Protocol::Tcp {
        // ref, pointer, drops
        socket.drops = fields.nth(2).and_then(|drops| drops.parse().ok());
    }
    Some(socket)
}

fn timer_of(
    protocol: Protocol,
    kind: u32,
    when: u32,
    retransmits: u32,
    probes: u32,
) -> Option<Timer> {
    if protocol != Protocol::Tcp {
        return None;
    }
    let kind = TimerKind::from_number(u8::try_from(kind).ok()?)?;
    // Of a handshake this is the number of timeouts (`num_timeout`), where sock_diag has the
    // number of answers sent again (`num_retrans`): usually one more.
    let count = match kind {
        TimerKind::Retransmit => retransmits,
        _ => probes,
    };
    Some(Timer {
        kind,
        expires_ms: when.saturating_mul(TICK_MS),
        retransmits: u8::try_from(count).unwrap_or(u8::MAX),
    })
}

/// The low 32 bits of an inode: `sock_diag` has no more, so the join uses these everywhere.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the rest is cut off on purpose"
)]
const fn low_bits(inode: u64) -> u32 {
    inode as u32
}

fn hex_pair(text: &str) -> Option<(u32, u32)> {
    let (a, b) = text.split_once(':')?;
    Some((
        u32::from_str_radix(a, 16).ok()?,
        // An overflowing timer is printed with more digits than fit: the value is lost only.
        u32::from_str_radix(b, 16).unwrap_or(u32::MAX),
    ))
}

/// `0100007F:8297`: each 32-bit word of the address in host byte order, the port plain.
fn endpoint(text: &str, family: Family) -> Option<Endpoint> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let address = match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::from(word(address)?)),
        Family::V6 => {
            let mut octets = [0; 16];
            for (place, octets) in octets.chunks_exact_mut(4).enumerate() {
                octets.copy_from_slice(&word(address.get(place * 8..place * 8 + 8)?)?);
            }
            (address.len() == 32).then_some(IpAddr::V6(Ipv6Addr::from(octets)))?
        }
    };
    Some(Endpoint::new(address, port))
}

fn word(hex: &str) -> Option<[u8; 4]> {
    if hex.len() != 8 {
        return None;
    }
    u32::from_str_radix(hex, 16).ok().map(u32::to_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AcceptQueue;

    fn tcp(line: &str) -> Option<Socket> {
        socket(line, Protocol::Tcp, Family::V4)
    }

    /// Recorded on Linux 6.18.
    const LISTEN: &str = "   0: 0100007F:B1B5 00000000:0000 0A 00000000:00000001 00:00000000 00000000     0        0 7859 2 00000000cd7310ff 100 0 0 10 0                      ";
    const TIME_WAIT: &str = "   1: 0100007F:AE7A 0100007F:B1B5 06 00000000:00000000 03:00001627 00000000     0        0 0 3 00000000fe4bde12";
    const UDP: &str = "14127: 0100007F:AFC5 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 7862 2 00000000174c2958 5          ";

    #[test]
    fn parses() {
        let listener = tcp(LISTEN).unwrap();
        assert_eq!(
            listener.local.inet().unwrap().to_string_for_test(),
            "127.0.0.1:45493"
        );
        assert_eq!(listener.state, State::Listen);
        assert!(listener.peer.is_none());
        assert_eq!(listener.inode, NonZeroU32::new(7859));
        assert_eq!(listener.uid, Uid::new(0));
        assert_eq!(
            listener.queue,
            Some(Queue::Accept(AcceptQueue {
                length: 1,
                limit: None
            }))
        );
    }

    #[test]
    fn time_wait_rows_are_shorter_and_have_no_user() {
        let row = tcp(TIME_WAIT).unwrap();
        assert_eq!(row.state, State::TimeWait);
        assert_eq!((row.inode, row.uid), (None, None));
        let timer = row.timer.unwrap();
        assert_eq!(timer.kind, TimerKind::TimeWait);
        assert_eq!(timer.expires_ms, 0x1627 * 10);
    }

    #[test]
    fn udp_rows_carry_drops() {
        let row = socket(UDP, Protocol::Udp, Family::V4).unwrap();
        assert_eq!(row.state, State::Unconnected);
        assert_eq!(row.drops, Some(5));
        assert_eq!(row.uid, Uid::new(1000));
        assert_eq!(row.timer, None);
    }

    #[test]
    fn ipv6_words_are_in_host_order() {
        let line = "0: 00000000000000000000000001000000:1F90 0000000000000000FFFF00000100007F:0050 01 00000000:00000000 00:00000000 00000000 0 0 1 1 0 20 0 0 10 -1";
        let row = socket(line, Protocol::Tcp, Family::V6).unwrap();
        assert_eq!(row.local.inet().unwrap().to_string_for_test(), "[::1]:8080");
        assert_eq!(
            row.peer.inet().unwrap().to_string_for_test(),
            "127.0.0.1:80"
        );
    }

    #[test]
    fn damage_is_no_row() {
        let heading =
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid";
        assert_eq!(tcp(heading), None);
        for length in 0..90 {
            assert_eq!(tcp(&LISTEN[..length]), None, "{length}");
        }
        for bad in [
            "",
            ":",
            "0:",
            "0: ÿÿÿÿÿÿÿÿ:1F90 0:0 01",
            "0: 0100007F0:1 0:0 0A",
        ] {
            assert_eq!(tcp(bad), None, "{bad}");
            assert_eq!(socket(bad, Protocol::Tcp, Family::V6), None, "{bad}");
        }
    }

    impl Endpoint {
        fn to_string_for_test(self) -> String {
            std::net::SocketAddr::new(self.address, self.port).to_string()
        }
    }
}
