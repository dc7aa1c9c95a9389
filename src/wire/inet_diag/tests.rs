//! Rows and notices as the kernel sends them, and what is too short.

use super::*;
use crate::model::AcceptQueue;
use std::net::Ipv4Addr;

/// A row as Linux 6.18 sent it: `ss -tlne` showed
/// `LISTEN 1 3 127.0.0.1:45493 ino:7859 sk:2`.
fn listener() -> Vec<u8> {
    let mut row = vec![AF_INET, 10, 0, 0];
    row.extend(45493_u16.to_be_bytes());
    row.extend([0, 0]);
    row.extend([127, 0, 0, 1]);
    row.resize(44, 0);
    row.extend(2_u32.to_ne_bytes());
    row.resize(56, 0);
    for word in [1_u32, 3, 1000, 7859] {
        row.extend(word.to_ne_bytes());
    }
    row
}

#[test]
fn parses() {
    let mut row = listener();
    row.extend([12, 0, 21, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
    row.extend([40, 0, 7, 0]);
    row.extend([0; 32]);
    row.extend(15_u32.to_ne_bytes());
    let socket = socket(&row, Protocol::Tcp).unwrap();
    assert_eq!(socket.state, State::Listen);
    assert_eq!(
        socket.local,
        Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 45493).into()
    );
    assert!(socket.peer.is_none());
    assert_eq!(socket.inode, NonZeroU32::new(7859));
    assert_eq!(socket.uid, crate::model::Uid::new(1000));
    assert_eq!(socket.cookie, NonZeroU64::new(2));
    assert_eq!(
        socket.queue,
        Some(Queue::Accept(AcceptQueue {
            length: 1,
            limit: Some(3)
        }))
    );
    assert_eq!(socket.cgroup, NonZeroU64::new(9));
    assert_eq!(socket.drops, Some(15));
    assert_eq!(socket.timer, None);
}

#[test]
fn record_ends_abruptly() {
    let row = listener();
    for length in 0..ROW {
        assert_eq!(socket(&row[..length], Protocol::Tcp), None, "{length}");
    }
    assert!(socket(&row, Protocol::Tcp).is_some());
}

/// A notice as Linux 6.18 sends it: (peer's port, RTT measured, segments out and in, acked).
fn notice(port: u16, min_rtt: u32, out: u32, into: u32, acked: u64) -> Vec<u8> {
    let mut row = vec![AF_INET, 7, 0, 0, 0, 0];
    row.extend(port.to_be_bytes());
    row.resize(24, 0);
    row.extend([127, 0, 0, 1]);
    row.resize(ROW, 0);
    let mut info = vec![0; 248];
    info[0] = 7;
    info[120..128].copy_from_slice(&acked.to_ne_bytes());
    info[136..140].copy_from_slice(&out.to_ne_bytes());
    info[140..144].copy_from_slice(&into.to_ne_bytes());
    info[148..152].copy_from_slice(&min_rtt.to_ne_bytes());
    row.extend(nlmsg::attribute(ATTR_INFO, &info));
    nlmsg::message(SOCK_DIAG_BY_FAMILY, 0, 0, &row)
}

#[test]
fn the_end_of_a_socket_tells_how_its_connect_ended() {
    let peer = |port| Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let told = |datagram: &[u8]| endings(datagram).collect::<Vec<_>>();
    let never = u32::MAX;
    assert_eq!(
        told(&notice(84, never, 1, 1, 0)),
        [Ending::Refused(peer(84))]
    );
    assert_eq!(
        told(&notice(0, never, 0, 0, 0)),
        [Ending::Failed(peer(0).address)]
    );
    let established = [Ending::Established(peer(90))];
    assert_eq!(told(&notice(90, 9, 2, 2, 1)), established);
    // Whoever accepted it and was reset before a word was said.
    assert_eq!(told(&notice(90, 8, 0, 3, 0)), established);
    assert_eq!(told(&notice(90, never, 3, 0, 0)), [], "given up");
    let mut two = notice(84, never, 1, 1, 0);
    two.extend(notice(85, never, 1, 1, 0));
    assert_eq!(told(&two).len(), 2);
    for length in 0..two.len() / 2 {
        assert_eq!(told(&two[..length]), [], "{length}");
    }
}

#[test]
fn shorter_and_longer_attributes_are_legal() {
    let mut row = listener();
    row.extend([8, 0, 7, 0, 1, 2, 3, 4]);
    row.extend([6, 0, 200, 0, 1, 2, 0, 0]);
    let socket = socket(&row, Protocol::Tcp).unwrap();
    assert_eq!(socket.drops, None);
}

fn asking(needs: Needs) -> Request {
    Request {
        protocol: Protocol::Tcp,
        family: None,
        states: StateSet::ALL,
        narrow: Narrow::ALL,
        needs: Needs::INFO.and(needs),
    }
}

/// A row with attributes, each of which fits 4 bytes.
fn with_attributes(attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut row = listener();
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
fn options_are_kept_where_they_were_asked_for() {
    let row = with_attributes(&[(ATTR_TOS, &[0x10])]);
    let told = |options| asking(options).socket(&row).unwrap().options;
    assert_eq!(told(Needs::NOTHING), None);
    assert_eq!(told(Needs::OPTIONS).unwrap().tos, Some(0x10));
}

#[test]
fn a_listener_has_no_inner_state() {
    let mut row = with_attributes(&[(ATTR_INFO, &[1; 248])]);
    assert_eq!(asking(Needs::NOTHING).socket(&row).unwrap().tcp, None);
    row[1] = 1;
    assert!(asking(Needs::NOTHING).socket(&row).unwrap().tcp.is_some());
}

#[test]
fn a_subflow_has_no_queue_of_its_own() {
    let name = |name: &[u8]| {
        let mut row = with_attributes(&[(ATTR_ULP_INFO, name)]);
        row[1] = 1;
        asking(Needs::NOTHING).socket(&row).unwrap()
    };
    let subflow = name(b"\x0a\0\x01\0mptcp\0\0\0\x04\0\x03\0");
    assert_eq!((subflow.ulp, subflow.queue), (Some(Ulp::Mptcp), None));
    let tls = name(b"\x08\0\x01\0tls\0");
    let queue = Queue::Bytes { recv: 1, send: 3 };
    assert_eq!((tls.ulp, tls.queue), (Some(Ulp::Tls), Some(queue)));
    // Its accept queue is a listener's own.
    let row = with_attributes(&[(ATTR_ULP_INFO, b"\x0a\0\x01\0mptcp\0")]);
    let listener = asking(Needs::NOTHING).socket(&row).unwrap();
    assert!(matches!(listener.queue, Some(Queue::Accept(_))));
}

#[test]
fn rows_stay_small() {
    // A host has hundreds of thousands of them: what is rare is in a box.
    assert!(size_of::<Socket>() <= 152, "{}", size_of::<Socket>());
}

#[test]
fn a_socket_without_a_file_has_no_user() {
    let mut row = listener();
    row[1] = 6;
    row[2] = 3;
    row[6] = 1;
    row[52..56].copy_from_slice(&59_000_u32.to_ne_bytes());
    row[64..72].fill(0);
    let socket = socket(&row, Protocol::Tcp).unwrap();
    assert_eq!((socket.inode, socket.uid), (None, None));
    let timer = socket.timer.unwrap();
    assert_eq!(
        (timer.kind, timer.expires_ms),
        (TimerKind::TimeWait, 59_000)
    );
}

#[test]
fn unknown_values_are_kept() {
    let mut row = listener();
    row[1] = 14;
    row[2] = 9;
    let unknown = socket(&row, Protocol::Tcp).unwrap();
    assert_eq!(unknown.state, State::Unknown(14));
    assert_eq!(unknown.timer.unwrap().kind, TimerKind::Unknown(9));
    row[0] = 77;
    assert_eq!(socket(&row, Protocol::Tcp), None);
}

#[test]
fn requests_have_the_sizes_of_the_kernel() {
    let mut request = Request {
        protocol: Protocol::Tcp,
        family: None,
        states: StateSet::ALL.without(State::Listen),
        narrow: Narrow::ALL,
        needs: Needs::MEMORY,
    };
    let bytes = request.message(1);
    assert_eq!(bytes.len(), 16 + 60);
    assert_eq!(bytes[16 + 3], 1 << 6);
    request.needs = Needs::MEMORY.and(Needs::INFO);
    assert_eq!(request.message(1)[16 + 3], 1 << 6 | 1 << 1);
    request.needs = Needs::MEMORY.and(Needs::ULP);
    assert_eq!(request.message(1)[16 + 3], 1 << 6 | 1 << 1);
    request.needs = Needs::MEMORY.and(Needs::OPTIONS);
    assert_eq!(request.message(1)[16 + 3], 1 << 6 | 0b11_1000);
    request.needs = Needs::MEMORY;
    request.family = Some(Family::V6);
    let bytes = request.message(1);
    assert_eq!(bytes.len(), 16 + 56);
    assert_eq!(bytes[16..20], [10, 6, 1 << 6, 0]);
    let states = u32::from_ne_bytes(bytes[20..24].try_into().unwrap());
    assert_eq!(states & (1 << 10), 0);
    assert_ne!(states & (1 << 13), 0);
}
