//! What reads foreign bytes never panics, and what shows foreign text is never dangerous, whatever the input.

use proptest::collection::vec;
use proptest::prelude::*;
use sockscope::filter::Filter;
use sockscope::model::foreign::escape;
use sockscope::model::{Family, PortRange, Protocol, State};
use sockscope::wire::{fd_link, inet_diag, nlmsg, proc_net, proc_pid};

const PROTOCOLS: [Protocol; 3] = [Protocol::Tcp, Protocol::Udp, Protocol::Raw];
const LINE: &str = "   0: 0100007F:1F90 0200007F:9C40 01 00000000:00000005 02:000000FF 00000000     0        0 4711 1 ffff 20 4 30 10 -1";

/// Controls, everything that turns the direction of text, and everything that Unicode says is not shown.
fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// A row of `inet_diag` with attributes behind it, both perhaps too short.
fn row() -> impl Strategy<Value = Vec<u8>> {
    let family = prop_oneof![Just(2_u8), Just(10), any::<u8>()];
    (family, vec(any::<u8>(), 0..72), vec(any::<u8>(), 0..80)).prop_map(|(family, rest, more)| {
        let mut bytes = vec![family];
        bytes.extend(rest);
        if bytes.len() > 60 {
            bytes.resize(72, 0);
        }
        bytes.extend(more);
        bytes
    })
}

/// Netlink messages whose lengths are nearly right.
fn messages() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop_oneof![Just(2_u16), Just(3), Just(20), any::<u16>()];
    let one = (kind, any::<u16>(), vec(any::<u8>(), 0..40), -3_i32..4).prop_map(
        |(kind, flags, payload, off)| {
            let mut bytes = nlmsg::message(kind, flags, 7, &payload);
            let length =
                u32::from_ne_bytes(bytes[..4].try_into().unwrap()).saturating_add_signed(off);
            bytes[..4].copy_from_slice(&length.to_ne_bytes());
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes
        },
    );
    vec(one, 0..4).prop_map(|messages| messages.concat())
}

/// Words that are nearly filters.
fn word() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        "state|port|lport|pport|pid|process|comm|user|uid|role|protocol|family|inode|STATE",
        "\\PC{0,6}",
    ];
    let value = prop_oneof![
        "[0-9,-]{0,12}",
        "[a-z_,=!()' ]{0,12}",
        "\\PC{0,8}",
        any::<String>()
    ];
    prop_oneof![
        (key, value).prop_map(|(key, value)| format!("{key}={value}")),
        any::<String>()
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rows_of_inet_diag_never_panic(row in row()) {
        for protocol in PROTOCOLS {
            if let Some(socket) = inet_diag::socket(&row, protocol) {
                prop_assert!(row.len() >= 72);
                prop_assert_eq!(socket.protocol, protocol);
            }
        }
    }

    #[test]
    fn netlink_never_panics(datagram in prop_oneof![messages(), vec(any::<u8>(), 0..200)]) {
        let mut dump = nlmsg::Dump::new(0, 7);
        let mut taken = 0;
        let _ = dump.feed(&datagram, &mut |payload| taken += payload.len());
        prop_assert!(taken <= datagram.len());
        let held: usize = nlmsg::attributes(&datagram).map(|(_, payload)| payload.len()).sum();
        prop_assert!(held <= datagram.len());
    }

    #[test]
    fn lines_of_proc_net_never_panic(at in 0..LINE.len(), with in "\\PC{0,3}", cut in 0..=LINE.len(), any in any::<String>()) {
        let mut damaged = LINE.to_owned();
        damaged.replace_range(at..=at, &with);
        for line in [damaged.as_str(), &LINE[..cut], &any] {
            for protocol in PROTOCOLS {
                for family in [Family::V4, Family::V6] {
                    let _ = proc_net::socket(line, protocol, family);
                }
            }
        }
    }

    #[test]
    fn files_of_a_process_never_panic(bytes in vec(any::<u8>(), 0..200), name in vec(any::<u8>(), 0..16), fields in "[ 0-9a-z():\n-]{0,80}") {
        let stat = [b"1 (", &name[..], b") S ", fields.as_bytes()].concat();
        for text in [&bytes[..], &stat, fields.as_bytes()] {
            let _ = proc_pid::status(text);
            let _ = proc_pid::start_ticks(text);
            let _ = proc_pid::cgroup_path(text);
            let _ = proc_pid::command_line(text.to_vec());
            let _ = fd_link::parse(text);
            let _ = fd_link::socket_inode(text);
            let _ = fd_link::decimal(text);
            let _ = fd_link::registered_sockets(text).count();
        }
    }

    #[test]
    fn a_name_cannot_move_the_start_of_its_process(name in vec(any::<u8>(), 0..16), start in any::<u64>()) {
        let fields = " 0".repeat(18);
        let stat = [b"1 (", &name[..], format!(") S{fields} {start} 0 0\n").as_bytes()].concat();
        prop_assert_eq!(proc_pid::start_ticks(&stat), Some(start));
    }

    #[test]
    fn a_link_to_a_socket_is_its_inode(inode in 1_u32..) {
        let link = format!("socket:[{inode}]");
        prop_assert_eq!(fd_link::socket_inode(link.as_bytes()).map(std::num::NonZero::get), Some(inode));
    }

    #[test]
    fn what_is_shown_is_never_dangerous(bytes in prop_oneof![vec(any::<u8>(), 0..40), any::<String>().prop_map(String::into_bytes)]) {
        let shown = escape(&bytes);
        prop_assert!(!shown.chars().any(is_dangerous), "{shown:?}");
    }

    #[test]
    fn what_is_harmless_is_shown_as_it_is(text in "[ -~à-ž一-十]{0,20}") {
        prop_assert_eq!(escape(text.as_bytes()), text);
    }

    #[test]
    fn filters_and_ports_never_panic(words in vec(word(), 0..4)) {
        match Filter::parse(&words) {
            Ok(filter) => prop_assert!(!filter.is_empty() || words.iter().all(|w| w.trim().is_empty())),
            Err(error) => prop_assert!(!error.message.is_empty() && !error.hint.is_empty()),
        }
        for word in &words {
            let _ = State::parse(word);
            if let Ok(ranges) = PortRange::parse_list(word) {
                prop_assert!(ranges.iter().all(|range| range.first <= range.last));
            }
        }
    }

    #[test]
    fn a_port_is_read_as_it_is_written(port in any::<u16>(), more in 0_u16..100) {
        let last = port.saturating_add(more);
        let ranges = PortRange::parse_list(&format!("{port},{port}-{last}")).unwrap();
        prop_assert!(ranges[0].is_single() && ranges[0].contains(port));
        prop_assert!(ranges[1].contains(port) && ranges[1].contains(last));
    }
}

#[test]
fn no_character_of_unicode_that_is_dangerous_is_shown() {
    let shown: Vec<char> = ('\0'..=char::MAX)
        .filter(|&c| is_dangerous(c) && escape(c.to_string().as_bytes()).contains(is_dangerous))
        .collect();
    assert!(shown.is_empty(), "shown as they are: {shown:?}");
}

#[test]
fn states_are_read_in_every_spelling() {
    for state in State::TCP.into_iter().chain([State::Unconnected]) {
        let name = state.to_string();
        for spelling in [
            name.clone(),
            name.to_lowercase(),
            name.replace('_', "-"),
            name.replace('_', ""),
            name.to_lowercase().replace('_', "-"),
        ] {
            assert_eq!(State::parse(&spelling), Some(state), "{spelling}");
        }
    }
    // RFC 9293, ss, and the textbook.
    for (spelling, state) in [
        ("SYN-SENT", State::SynSent),
        ("SYN-RECEIVED", State::SynRecv),
        ("SYN_RCVD", State::SynRecv),
        ("syn-recv", State::SynRecv),
        ("SYN_RCV", State::SynRecv),
        ("FIN-WAIT-1", State::FinWait1),
        ("FIN_WAIT_2", State::FinWait2),
        ("LAST-ACK", State::LastAck),
        ("CLOSED", State::Close),
        ("ESTAB", State::Established),
    ] {
        assert_eq!(State::parse(spelling), Some(state), "{spelling}");
    }
    for wrong in ["", "open", "_", "finwait", "listenn", "é"] {
        assert_eq!(State::parse(wrong), None, "{wrong:?}");
    }
}
