//! Cells of every kind of value.

use super::*;
use crate::columns::find;
use crate::model::{
    Address, Endpoint, Facts, Family, NetnsId, Peer, Protocol, Socket, State, TimerKind, UnixName,
};
use std::num::NonZeroU32;

fn text(value: &Value<'_>, style: Style) -> String {
    let mut out = String::new();
    write_value(&mut out, value, style);
    out
}

#[test]
fn ends_are_shown_alike_to_people_and_programs() {
    let facts = Facts::default();
    let end = |address: &str, takes_both, device| Value::End {
        end: Endpoint::new(address.parse().unwrap(), 8080),
        takes_both,
        protocol: Protocol::Tcp,
        device,
        facts: &facts,
    };
    let lo = Some(Device::Name(b"lo"));
    for style in [Style::Person, Style::Plain, Style::Csv] {
        for (address, takes_both, device, expected) in [
            ("0.0.0.0", false, None, "0.0.0.0:8080"),
            ("::", false, None, "[::]:8080"),
            ("::", true, None, "*:8080"),
            ("::", true, lo, "*%lo:8080"),
            ("127.0.0.53", false, lo, "127.0.0.53%lo:8080"),
            ("fe80::1", false, lo, "[fe80::1]%lo:8080"),
            (
                "fe80::1",
                false,
                std::num::NonZeroU32::new(7).map(Device::Index),
                "[fe80::1]%7:8080",
            ),
        ] {
            assert_eq!(text(&end(address, takes_both, device), style), expected);
        }
    }
    let spaced = Some(Device::Name(b"a b"));
    assert_eq!(
        text(&end("::", false, spaced), Style::Plain),
        "[::]%a\\x20b:8080"
    );
    for (address, takes_both, expected) in [
        ("0.0.0.0", false, "0.0.0.0"),
        ("::", false, "[::]"),
        ("::", true, "*"),
        ("::1", false, "::1"),
    ] {
        let address = Value::Address(address.parse().unwrap(), takes_both);
        assert_eq!(text(&address, Style::Plain), expected);
    }
}

#[test]
fn a_fin_is_no_byte_and_a_word_for_people_only() {
    let facts = Facts::default();
    let told = |recv, style| {
        let local = Endpoint::new([127, 0, 0, 1].into(), 80);
        let mut socket = Socket::new(Protocol::Tcp, Family::V4, State::CloseWait, local);
        socket.take_queue(recv, 0);
        let (column, socket, facts) = (find("recv_q").unwrap(), &socket, &facts);
        text(
            &(column.value)(crate::columns::Row { socket, facts }),
            style,
        )
    };
    assert_eq!(
        [0, 1, 6].map(|recv| told(recv, Style::Person)),
        ["0", "FIN", "5"]
    );
    for style in [Style::Plain, Style::Csv] {
        assert_eq!([0, 1, 6].map(|recv| told(recv, style)), ["0", "0", "5"]);
    }
    assert!(Value::Fin.compare(&Value::Number(1)).is_lt());
    assert!(Value::Number(0).compare(&Value::Fin).is_eq());
}

#[test]
fn a_field_of_plain_is_one_word_and_never_looks_absent() {
    let plain = |bytes: &[u8]| text(&Value::Text(bytes), Style::Plain);
    for (name, field) in [
        ("-", "\\x2d"),
        ("", "\"\""),
        ("\"\"", "\\x22\\x22"),
        ("a b ", "a\\x20b\\x20"),
        ("a\u{3000}", "a\\u{3000}"),
        ("a\u{a0}b", "a\\u{a0}b"),
        ("a;b", "a;b"),
        ("--", "--"),
    ] {
        assert_eq!(plain(name.as_bytes()), field);
    }
    let mut out = String::new();
    write_part(&mut out, b";a;;b c", Style::Plain);
    assert_eq!(out, "\\x3ba\\x3b\\x3bb\\x20c");
}

#[test]
fn people_get_the_beginning_and_programs_the_whole() {
    let long = vec![b'x'; 1 << 20];
    let long = Value::Text(&long);
    assert!(text(&long, Style::Person).ends_with("x…"));
    assert!(text(&long, Style::Person).len() < 600);
    for style in [Style::Plain, Style::Csv] {
        assert_eq!(text(&long, style).len(), 1 << 20);
    }
}

#[test]
fn small_values() {
    assert_eq!(text(&Value::Absent, Style::Person), "");
    assert_eq!(text(&Value::Hex(0x2a), Style::Person), "000000000000002a");
    for number in [0, 7, 10, 65535, u64::MAX] {
        let written = text(&Value::Number(number), Style::Person);
        assert_eq!(written, number.to_string());
    }
    assert_eq!(text(&Value::Queue(3, Some(50)), Style::Person), "3/50");
    assert_eq!(text(&Value::Queue(3, None), Style::Person), "3/?");
    let timer = |expires_ms| {
        Value::Timer(Timer {
            kind: TimerKind::TimeWait,
            expires_ms,
            retransmits: 0,
        })
    };
    assert_eq!(text(&timer(59_400), Style::Person), "timewait:59s");
    assert_eq!(text(&timer(400), Style::Person), "timewait:400ms");
}

fn cells(local: Address, peer: Peer) -> Vec<String> {
    let index = NonZeroU32::new(2).unwrap();
    let mut facts = Facts::default();
    let netns = NetnsId::new(1);
    facts.interfaces.insert((netns, index), "eth0".into());
    let mut socket = Socket::new(Protocol::Udp, Family::V4, State::Established, local);
    (socket.peer, socket.netns) = (peer, netns);
    let ids = ["local", "laddr", "lport", "peer", "paddr", "pport"];
    let row = Row {
        socket: &socket,
        facts: &facts,
    };
    let cell = |id: &&str| text(&(find(id).unwrap().value)(row), Style::Person);
    ids.iter().map(cell).collect()
}

#[test]
fn what_has_no_ip_is_shown_by_its_name() {
    let unix = |path: &[u8]| UnixName::new(path).map_or(Address::None, Address::Unix);
    let name = UnixName::new(b"/run/x");
    let inode = |number| NonZeroU32::new(number).unwrap();
    for (local, peer, expected) in [
        (
            unix(b"/run/\x1b"),
            Peer::None,
            ["/run/\\x1b", "/run/\\x1b", "", "", "", ""],
        ),
        (
            unix(b"\0x"),
            Peer::Inode(inode(7), None),
            ["@x", "@x", "", "7", "", ""],
        ),
        (
            Address::None,
            Peer::Inode(inode(7), name),
            ["", "", "", "/run/x", "/run/x", ""],
        ),
        (
            Address::Device(inode(2)),
            Peer::None,
            ["eth0", "eth0", "", "", "", ""],
        ),
        (
            Address::Device(inode(3)),
            Peer::None,
            ["3", "3", "", "", "", ""],
        ),
    ] {
        assert_eq!(cells(local, peer), expected);
    }
}
