//! `inet_diag`: requests for tables of TCP, UDP and raw sockets, and the rows of the answer.
//!
//! Source: `include/uapi/linux/inet_diag.h`, filled in by `net/ipv4/inet_diag.c`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::{NonZeroU32, NonZeroU64};

use super::bytes::{array_at, be16_at, u8_at, u32_at, u64_at};
use super::socket_options::{self, ATTR_CONG, ATTR_TCLASS, ATTR_TOS};
use super::tcp_info;
use super::{bytecode, nlmsg};
use crate::model::{
    Ending, Endpoint, Family, Memory, Narrow, Protocol, Queue, Socket, State, StateSet, Timer,
    TimerKind, Ulp,
};

const TCPDIAG_GETSOCK: u16 = 18;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
/// Size of `struct inet_diag_msg`.
const ROW: usize = 72;

const ATTR_REQ_BYTECODE: u16 = 1;
const ATTR_INFO: u16 = 2;
const ATTR_SKMEMINFO: u16 = 7;
const ATTR_SKV6ONLY: u16 = 11;
const ATTR_ULP_INFO: u16 = 19;
const ATTR_CGROUP_ID: u16 = 21;
/// In `INET_DIAG_ULP_INFO` (Linux 5.4).
const ATTR_ULP_NAME: u16 = 1;
/// Index of `SK_MEMINFO_DROPS` in the array of 32-bit numbers (Linux 4.7).
const MEMINFO_DROPS: usize = 8;
/// Datagram states: connected (1) and not (7).
const DATAGRAM_STATES: u32 = 1 << 1 | 1 << 7;

/// A request for a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is something to ask for, or not"
)]
pub struct Request {
    /// The protocol.
    pub protocol: Protocol,
    /// The family; `None` asks for both in one walk, which only TCP offers
    /// (`TCPDIAG_GETSOCK`, 14-19 % cheaper than two walks).
    pub family: Option<Family>,
    /// The states, for TCP.
    pub states: StateSet,
    /// The ports and addresses; the kernel leaves out everything else.
    pub narrow: Narrow,
    /// Whether to ask for `SKMEMINFO`, which carries the drops.
    pub memory: bool,
    /// Whether to ask for `tcp_info`; the protocol above TCP comes with it.
    pub info: bool,
    /// Whether to ask for the protocol above TCP, whatever else comes with it.
    pub ulp: bool,
    /// Whether to ask for what was set on sockets: congestion control, TOS, traffic class.
    /// Mark, shutdown and flags come unasked; they are kept only then.
    pub options: bool,
}

impl Request {
    /// The netlink message for the request.
    #[must_use]
    pub fn message(&self, sequence: u32) -> Vec<u8> {
        let extension = |wanted, attribute: u16| u8::from(wanted) << (attribute - 1);
        let extensions = extension(self.memory, ATTR_SKMEMINFO)
            | extension(self.info || self.ulp, ATTR_INFO)
            | extension(self.options, ATTR_CONG)
            | extension(self.options, ATTR_TOS)
            | extension(self.options, ATTR_TCLASS);
        let states = match self.protocol {
            Protocol::Tcp => self.states.tcp_mask(),
            Protocol::Udp | Protocol::Raw => DATAGRAM_STATES,
        };
        let (kind, mut payload) = match self.family {
            Some(family) => (
                SOCK_DIAG_BY_FAMILY,
                request_v2(family, self.protocol, extensions, states),
            ),
            None => (TCPDIAG_GETSOCK, request_v1(extensions, states)),
        };
        let bytecode = bytecode::compile(&self.narrow);
        if !bytecode.is_empty() {
            payload.extend(nlmsg::attribute(ATTR_REQ_BYTECODE, &bytecode));
        }
        nlmsg::message(kind, nlmsg::DUMP_FLAGS, sequence, &payload)
    }

    /// Whether the answer may be long: all connections of TCP, of any port.
    #[must_use]
    pub fn may_be_long(&self) -> bool {
        let states = self.states;
        self.protocol == Protocol::Tcp
            && states.contains(State::Established)
            && !states.contains(State::Listen)
            && self.narrow.is_all()
    }

    /// Reads one row of the answer, as [`socket`] does; with the options, where they were
    /// asked for.
    #[must_use]
    pub fn socket(&self, row: &[u8]) -> Option<Socket> {
        let mut socket = socket(row, self.protocol)?;
        if !self.info {
            socket.tcp = None;
        }
        if self.options {
            socket.options = socket_options::parse(row.get(ROW..)?).map(Box::new);
        }
        Some(socket)
    }
}

/// `struct inet_diag_req_v2`, 56 bytes.
fn request_v2(family: Family, protocol: Protocol, extensions: u8, states: u32) -> Vec<u8> {
    let family = match family {
        Family::V4 => AF_INET,
        Family::V6 => AF_INET6,
    };
    let protocol = match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Raw => 255,
    };
    let mut bytes = vec![family, protocol, extensions, 0];
    bytes.extend(states.to_ne_bytes());
    bytes.resize(56, 0);
    bytes
}

/// `struct inet_diag_req` of the first version, 60 bytes: no family, so both.
fn request_v1(extensions: u8, states: u32) -> Vec<u8> {
    let mut bytes = vec![0, 0, 0, extensions];
    bytes.resize(4 + 48, 0);
    bytes.extend(states.to_ne_bytes());
    bytes.resize(60, 0);
    bytes
}

/// Reads one row of the answer; `None` when it is too short or of another family.
///
/// For the four kinds of sockets without a file (time wait, orphans, handshakes, unaccepted)
/// inode and uid stay `None`: older kernels report 0 there, whoever it was.
#[must_use]
pub fn socket(row: &[u8], protocol: Protocol) -> Option<Socket> {
    let family = match u8_at(row, 0)? {
        AF_INET => Family::V4,
        AF_INET6 => Family::V6,
        _ => return None,
    };
    let number = u8_at(row, 1)?;
    let state = match protocol {
        // A table never holds a closed TCP socket but one that was bound only (Linux 6.8).
        Protocol::Tcp if number == 7 => State::BoundInactive,
        Protocol::Tcp => State::from_tcp(number),
        Protocol::Udp | Protocol::Raw => State::from_datagram(number),
    };
    let local = Endpoint::new(address(row, 8, family)?, be16_at(row, 4)?);
    let peer = Endpoint::new(address(row, 24, family)?, be16_at(row, 6)?);
    let inode = NonZeroU32::new(u32_at(row, 68)?);
    let mut socket = Socket::new(protocol, family, state, local);
    socket.peer = Some(peer).filter(|peer| is_connected(state) && !peer.is_unset());
    socket.interface = NonZeroU32::new(u32_at(row, 40)?);
    socket.cookie = cookie(u32_at(row, 44)?, u32_at(row, 48)?);
    socket.inode = inode;
    socket.uid = inode.and(u32_at(row, 64));
    socket.timer = timer(u8_at(row, 2)?, u8_at(row, 3)?, u32_at(row, 52)?);
    socket.take_queue(u32_at(row, 56)?, u32_at(row, 60)?);
    for (kind, payload) in nlmsg::attributes(row.get(ROW..)?) {
        attribute(&mut socket, kind, payload);
    }
    if !is_connected(state) {
        // The kernel fills it for a listener, too, with numbers of other meanings.
        socket.tcp = None;
    }
    if socket.ulp == Some(Ulp::Mptcp) && matches!(socket.queue, Some(Queue::Bytes { .. })) {
        socket.queue = None;
    }
    Some(socket)
}

const fn is_connected(state: State) -> bool {
    !matches!(
        state,
        State::Listen | State::BoundInactive | State::Close | State::Unconnected
    )
}

fn attribute(socket: &mut Socket, kind: u16, payload: &[u8]) {
    match kind {
        ATTR_INFO => socket.tcp = tcp_info::parse(payload).map(Box::new),
        ATTR_SKMEMINFO => {
            socket.drops = u32_at(payload, MEMINFO_DROPS * 4);
            socket.memory = memory(payload).map(Box::new);
        }
        ATTR_ULP_INFO => {
            let name = nlmsg::attributes(payload).find(|(kind, _)| *kind == ATTR_ULP_NAME);
            socket.ulp = name.map(|(_, name)| {
                let text = name.split(|byte| *byte == 0).next();
                Ulp::from_name(text.unwrap_or_default())
            });
        }
        ATTR_SKV6ONLY => socket.v6_only = u8_at(payload, 0).map(|flag| flag != 0),
        ATTR_CGROUP_ID => socket.cgroup = u64_at(payload, 0).and_then(NonZeroU64::new),
        _ => {}
    }
}

/// The array of 32-bit numbers: `SK_MEMINFO_RMEM_ALLOC`, `RCVBUF`, `WMEM_ALLOC`, `SNDBUF`,
/// `FWD_ALLOC`, `WMEM_QUEUED`, `OPTMEM`, `BACKLOG`, and the drops.
fn memory(payload: &[u8]) -> Option<Memory> {
    Some(Memory {
        received: u32_at(payload, 0)?,
        receive_limit: u32_at(payload, 4)?,
        in_network: u32_at(payload, 8)?,
        send_limit: u32_at(payload, 12)?,
        reserved: u32_at(payload, 16)?,
        sending: u32_at(payload, 20)?,
        options: u32_at(payload, 24)?,
        backlog: u32_at(payload, 28)?,
    })
}

/// The endings of TCP connections in a datagram of `SKNLGRP_INET_TCP_DESTROY` (Linux 4.2). What
/// tells nothing of a connection is left out: listeners, sockets that were bound only, attempts
/// that were given up before anything came back.
///
/// Source: `sock_diag_broadcast_destroy`, when the kernel frees a socket.
pub fn endings(datagram: &[u8]) -> impl Iterator<Item = Ending> {
    nlmsg::payloads(datagram, SOCK_DIAG_BY_FAMILY).filter_map(ending)
}

fn ending(row: &[u8]) -> Option<Ending> {
    let family = match u8_at(row, 0)? {
        AF_INET => Family::V4,
        AF_INET6 => Family::V6,
        _ => return None,
    };
    let peer = Endpoint::new(address(row, 24, family)?, be16_at(row, 6)?);
    let mut attributes = nlmsg::attributes(row.get(ROW..)?);
    let (_, info) = attributes.find(|(kind, _)| *kind == ATTR_INFO)?;
    let tcp = tcp_info::parse(info)?;
    // The first acknowledgement measures a round trip, that of a SYN too.
    let was_established = tcp.min_rtt_us.is_some() || tcp.bytes_acked? > 0;
    if peer.address.is_unspecified() {
        None
    } else if was_established {
        Some(Ending::Established(peer))
    } else if peer.port == 0 {
        Some(Ending::Failed(peer.address))
    } else if tcp.segs_out? > 0 && tcp.segs_in? > 0 {
        Some(Ending::Refused(peer))
    } else {
        None
    }
}

fn address(row: &[u8], offset: usize, family: Family) -> Option<IpAddr> {
    Some(match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::from(array_at::<4>(row, offset)?)),
        Family::V6 => IpAddr::V6(Ipv6Addr::from(array_at::<16>(row, offset)?)),
    })
}

/// The two words of a cookie as one number, second word first; all ones means "no cookie".
fn cookie(low: u32, high: u32) -> Option<NonZeroU64> {
    let value = u64::from(high) << 32 | u64::from(low);
    NonZeroU64::new(value).filter(|value| value.get() != u64::MAX)
}

fn timer(kind: u8, retransmits: u8, expires_ms: u32) -> Option<Timer> {
    TimerKind::from_number(kind).map(|kind| Timer {
        kind,
        expires_ms,
        retransmits,
    })
}

#[cfg(test)]
mod tests {
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
            Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 45493)
        );
        assert_eq!(socket.peer, None);
        assert_eq!(socket.inode, NonZeroU32::new(7859));
        assert_eq!(socket.uid, Some(1000));
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

    fn asking(options: bool) -> Request {
        Request {
            protocol: Protocol::Tcp,
            family: None,
            states: StateSet::ALL,
            narrow: Narrow::ALL,
            memory: false,
            info: true,
            ulp: false,
            options,
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
        assert_eq!(told(false), None);
        assert_eq!(told(true).unwrap().tos, Some(0x10));
    }

    #[test]
    fn a_listener_has_no_inner_state() {
        let mut row = with_attributes(&[(ATTR_INFO, &[1; 248])]);
        assert_eq!(asking(false).socket(&row).unwrap().tcp, None);
        row[1] = 1;
        assert!(asking(false).socket(&row).unwrap().tcp.is_some());
    }

    #[test]
    fn a_subflow_has_no_queue_of_its_own() {
        let name = |name: &[u8]| {
            let mut row = with_attributes(&[(ATTR_ULP_INFO, name)]);
            row[1] = 1;
            asking(false).socket(&row).unwrap()
        };
        let subflow = name(b"\x0a\0\x01\0mptcp\0\0\0\x04\0\x03\0");
        assert_eq!((subflow.ulp, subflow.queue), (Some(Ulp::Mptcp), None));
        let tls = name(b"\x08\0\x01\0tls\0");
        let queue = Queue::Bytes { recv: 1, send: 3 };
        assert_eq!((tls.ulp, tls.queue), (Some(Ulp::Tls), Some(queue)));
        // Its accept queue is a listener's own.
        let row = with_attributes(&[(ATTR_ULP_INFO, b"\x0a\0\x01\0mptcp\0")]);
        let listener = asking(false).socket(&row).unwrap();
        assert!(matches!(listener.queue, Some(Queue::Accept(_))));
    }

    #[test]
    fn rows_stay_small() {
        // A host has hundreds of thousands of them: what is rare is in a box.
        assert!(size_of::<Socket>() <= 160, "{}", size_of::<Socket>());
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
            memory: true,
            info: false,
            ulp: false,
            options: false,
        };
        let bytes = request.message(1);
        assert_eq!(bytes.len(), 16 + 60);
        assert_eq!(bytes[16 + 3], 1 << 6);
        request.info = true;
        assert_eq!(request.message(1)[16 + 3], 1 << 6 | 1 << 1);
        (request.info, request.ulp) = (false, true);
        assert_eq!(request.message(1)[16 + 3], 1 << 6 | 1 << 1);
        request.ulp = false;
        request.options = true;
        assert_eq!(request.message(1)[16 + 3], 1 << 6 | 0b11_1000);
        request.options = false;
        request.family = Some(Family::V6);
        let bytes = request.message(1);
        assert_eq!(bytes.len(), 16 + 56);
        assert_eq!(bytes[16..20], [10, 6, 1 << 6, 0]);
        let states = u32::from_ne_bytes(bytes[20..24].try_into().unwrap());
        assert_eq!(states & (1 << 10), 0);
        assert_ne!(states & (1 << 13), 0);
    }
}
