use super::*;
use crate::model::{
    AcceptQueue, Endpoint, Facts, Family, Memory, Protocol, Queue, Socket, SocketOptions, State,
    TcpInfo, Timer, TimerKind,
};
use crate::text::theme::Theme;
use std::net::{IpAddr, Ipv4Addr};
use unicode_width::UnicodeWidthStr;

const FRAME: Frame = Frame {
    theme: Theme::PLAIN,
    width: Some(80),
    header: true,
    indent: 0,
};

fn end(port: u16) -> Endpoint {
    Endpoint::new(IpAddr::V4(Ipv4Addr::new(192, 168, 100, 200)), port)
}

fn connection(local: u16, peer: u16) -> Socket {
    let mut socket = Socket::new(Protocol::Tcp, Family::V4, State::Established, end(local));
    socket.peer = end(peer).into();
    socket.role = Some(Role::Inbound);
    socket.inode = std::num::NonZeroU32::new(4_294_967_295);
    socket.uid = crate::model::Uid::new(1000);
    socket.cookie = std::num::NonZeroU64::new(u64::MAX - 1);
    socket.queue = Some(Queue::Bytes {
        recv: 124_000,
        send: 4_171_776,
    });
    socket.drops = Some(123_456);
    socket.memory = Some(Box::new(Memory {
        received: 127_808,
        receive_limit: 131_072,
        sending: 4_235_008,
        send_limit: 4_194_304,
        reserved: 3264,
        options: 1,
        backlog: 1,
        ..Memory::default()
    }));
    socket.timer = Some(Timer {
        kind: TimerKind::Probe,
        expires_ms: 25_600,
        retransmits: 7,
    });
    socket.options = Some(Box::new(SocketOptions {
        congestion: Some("cubic".into()),
        tos: Some(0x10),
        mark: Some(7),
        ..SocketOptions::default()
    }));
    socket.tcp = Some(Box::new(TcpInfo {
        rtt_us: 123_456,
        rtt_var_us: 45_678,
        send_mss: 1448,
        congestion_window: 10,
        slow_start_threshold: Some(7),
        busy_us: Some(1_636_000),
        window_limited_us: Some(818_000),
        segs_out: Some(1),
        total_retransmits: 3,
        bytes_acked: Some(123_456_789),
        ..TcpInfo::default()
    }));
    socket
}

fn told(socket: &Socket, other: Option<&Socket>) -> String {
    let facts = &Facts::default();
    let row = |socket| Row { socket, facts };
    let inspected = Inspected {
        row: row(socket),
        other: other.map(row),
    };
    let mut out = Vec::new();
    tell(&mut out, inspected, 0, &FRAME).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn both_ends_of_a_connection_fit_one_screen() {
    let text = told(&connection(8080, 40000), Some(&connection(40000, 8080)));
    assert!(text.lines().count() <= 40, "{text}");
    for line in text.lines() {
        assert!(line.width() <= 80 && !line.ends_with(' '), "{line:?}");
    }
    for part in [
        "192.168.100.200:8080 <- 192.168.100.200:40000",
        "the other end: tcp",
        "unacked 3.9 MiB",
        "sending 4 MiB of 4 MiB",
        "probe in 25 s, 7 without an answer",
        "rtt 123 ms +- 45 ms",
        "cubic, open, window 10 segments (14.1 KiB)",
        "threshold 7",
        "held back 818 ms (50 %) by the peer's window",
        "sent 1 segment, 117 MiB acked, 3 segments sent again",
        "tos 0x10, mark 0x7",
    ] {
        let part = part.replace("14.1 KiB", "14 KiB");
        assert!(text.contains(&part), "no {part:?} in {text}");
    }
}

#[test]
fn a_socket_does_not_show_what_it_cannot_have() {
    let mut listener = Socket::new(Protocol::Tcp, Family::V4, State::Listen, end(80));
    listener.queue = Some(Queue::Accept(AcceptQueue {
        length: 3,
        limit: Some(128),
    }));
    let text = told(&listener, None);
    assert!(text.contains("3 of 128 connections wait"), "{text}");
    for absent in ["unread", "rtt", "timers", "congestion", "counters", "->"] {
        assert!(!text.contains(absent), "{absent} in {text}");
    }
    let mut waiting = Socket::new(Protocol::Tcp, Family::V4, State::TimeWait, end(80));
    waiting.queue = Some(Queue::Bytes { recv: 0, send: 0 });
    waiting.owner_status = crate::model::OwnerStatus::TimeWait;
    waiting.timer = Some(Timer {
        kind: TimerKind::TimeWait,
        expires_ms: 48_000,
        retransmits: 0,
    });
    let text = told(&waiting, None);
    assert!(
        text.contains("in this state for 12 s, over in 48 s"),
        "{text}"
    );
    assert!(text.contains("nobody: no process owns"), "{text}");
    for absent in ["unread", "memory", "path", "inode"] {
        assert!(!text.contains(absent), "{absent} in {text}");
    }
}

#[test]
fn json_names_its_units_and_leaves_nothing_out() {
    let facts = Facts::default();
    let socket = connection(8080, 40000);
    let json = |socket| {
        let inspected = Inspected {
            row: Row {
                socket,
                facts: &facts,
            },
            other: None,
        };
        serde_json::to_value(json::InspectedRow::new(inspected, &[])).unwrap()
    };
    let told = json(&socket);
    assert_eq!(told["tcp_info"]["rtt_us"], 123_456);
    assert_eq!(told["memory"]["sending_bytes"], 4_235_008);
    assert_eq!(told["options"]["mark"], 7);
    assert_eq!(told["drops"], 123_456);
    assert_eq!(told["other_end"], serde_json::Value::Null);
    let mut bare = Socket::new(Protocol::Udp, Family::V4, State::Unconnected, end(53));
    // Packets dropped are told where they were looked at, as for every list.
    bare.drops = Some(0);
    let bare = json(&bare);
    let keys = |value: &serde_json::Value| -> Vec<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(keys(&bare), keys(&told));
    for key in ["tcp_info", "memory", "options", "age_ms", "reuseport"] {
        assert_eq!(bare[key], serde_json::Value::Null, "{key}");
    }
}
