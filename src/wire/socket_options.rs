//! Attributes of `inet_diag` that tell what was set on a socket.
//!
//! Source: `include/uapi/linux/inet_diag.h`, filled in by `inet_diag_msg_attrs_fill` and
//! `inet_sk_diag_fill` in `net/ipv4/inet_diag.c`.

use super::bytes::{array_at, u8_at, u32_at};
use super::nlmsg;
use crate::model::{Foreign, SocketOptions};

pub(super) const ATTR_CONG: u16 = 4;
pub(super) const ATTR_TOS: u16 = 5;
pub(super) const ATTR_TCLASS: u16 = 6;
/// Comes unasked, like mark and flags.
const ATTR_SHUTDOWN: u16 = 8;
const ATTR_MARK: u16 = 15;
/// Comes where `ATTR_TCLASS` was asked for.
const ATTR_CLASS_ID: u16 = 17;
const ATTR_SOCKOPT: u16 = 22;

/// The attributes that tell what was set on a socket; `None` where there is none of them, as
/// for `TIME_WAIT`.
#[must_use]
pub fn parse(attributes: &[u8]) -> Option<SocketOptions> {
    let mut options = SocketOptions::default();
    for (kind, payload) in nlmsg::attributes(attributes) {
        match kind {
            ATTR_CONG => options.congestion = name(payload),
            ATTR_TOS => options.tos = u8_at(payload, 0),
            ATTR_TCLASS => options.traffic_class = u8_at(payload, 0),
            ATTR_MARK => options.mark = u32_at(payload, 0),
            ATTR_CLASS_ID => options.class = u32_at(payload, 0),
            ATTR_SHUTDOWN => {
                options.shut_down = u8_at(payload, 0).map(|bits| (bits & 1 != 0, bits & 2 != 0));
            }
            ATTR_SOCKOPT => options.flags = array_at(payload, 0).map(flags),
            _ => {}
        }
    }
    (options != SocketOptions::default()).then_some(options)
}

/// Two bytes of single bits: the compiler lays the first out lowest on little-endian machines,
/// highest on others.
fn flags(bytes: [u8; 2]) -> u16 {
    u16::from_le_bytes(if cfg!(target_endian = "little") {
        bytes
    } else {
        bytes.map(u8::reverse_bits)
    })
}

/// A name that ends with a zero byte.
fn name(payload: &[u8]) -> Option<Foreign> {
    let name = payload.split(|&byte| byte == 0).next()?;
    (!name.is_empty()).then(|| name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Attributes as they follow a row.
    fn with_attributes(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut row = Vec::new();
        for (kind, payload) in attributes {
            let length = u16::try_from(4 + payload.len()).unwrap();
            row.extend(length.to_ne_bytes());
            row.extend(kind.to_ne_bytes());
            row.extend(*payload);
            row.resize(row.len().next_multiple_of(4), 0);
        }
        row
    }

    #[test]
    fn parses() {
        let row = with_attributes(&[
            (ATTR_SHUTDOWN, &[2]),
            (ATTR_CONG, b"cubic\0"),
            (ATTR_TOS, &[0x10]),
            (ATTR_TCLASS, &[0x20]),
            (ATTR_MARK, &7_u32.to_ne_bytes()),
            (ATTR_CLASS_ID, &9_u32.to_ne_bytes()),
            (ATTR_SOCKOPT, &[4, 1]),
        ]);
        let options = parse(&row).unwrap();
        assert_eq!(options.congestion, Some("cubic".into()));
        assert_eq!(
            (options.tos, options.traffic_class),
            (Some(0x10), Some(0x20))
        );
        assert_eq!((options.mark, options.class), (Some(7), Some(9)));
        assert_eq!(options.shut_down, Some((false, true)));
        let flags: Vec<_> = options.flag_names().collect();
        assert_eq!(flags, ["IP_FREEBIND", "IP_BIND_ADDRESS_NO_PORT"]);
    }

    #[test]
    fn record_ends_abruptly() {
        assert_eq!(parse(&[]), None);
        let empty: Vec<(u16, &[u8])> = (4..23).map(|kind| (kind, &[][..])).collect();
        let row = with_attributes(&empty);
        assert_eq!(parse(&row), None);
        let short: Vec<(u16, &[u8])> = (4..23).map(|kind| (kind, &[1][..])).collect();
        let options = parse(&with_attributes(&short));
        let options = options.unwrap();
        assert_eq!(
            (options.tos, options.mark, options.flags),
            (Some(1), None, None)
        );
        let long: Vec<(u16, &[u8])> = (4..23).map(|kind| (kind, &[1; 64][..])).collect();
        let options = parse(&with_attributes(&long));
        assert_eq!(options.unwrap().tos, Some(1));
    }
}
