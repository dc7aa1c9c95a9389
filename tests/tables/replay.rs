//! What the kernel once sent is read the same way for ever: recorded tables, replayed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::io;
use std::path::PathBuf;

use sockscope::collect::{Collector, Netlink, Sink, Table};
use sockscope::host::{Received, Transport};
use sockscope::model::{Family, Protocol, Queue, Socket, State, StateSet, TimerKind, Uid};
use sockscope::wire::proc_net;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/linux-6.18")
        .join(name)
}

/// Answers every request with the recorded datagrams, as an answer to that request.
struct Recorded {
    file: Vec<u8>,
    sequence: u32,
    pending: VecDeque<Vec<u8>>,
}

impl Transport for Recorded {
    fn port(&self) -> u32 {
        77
    }

    fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.sequence = u32::from_ne_bytes(request[8..12].try_into().unwrap());
        let mut rest = &self.file[..];
        while !rest.is_empty() {
            let length = u32::from_le_bytes(rest[..4].try_into().unwrap()) as usize;
            self.pending.push_back(rest[4..4 + length].to_vec());
            rest = &rest[4 + length..];
        }
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        let mut datagram = self.pending.pop_front().expect("another datagram");
        let mut at = 0;
        while at + 16 <= datagram.len() {
            let length = u32::from_ne_bytes(datagram[at..at + 4].try_into().unwrap()) as usize;
            datagram[at + 8..at + 12].copy_from_slice(&self.sequence.to_ne_bytes());
            datagram[at + 12..at + 16].copy_from_slice(&77_u32.to_ne_bytes());
            at += length.next_multiple_of(4);
        }
        buffer[..datagram.len()].copy_from_slice(&datagram);
        Ok(Received {
            length: datagram.len(),
            truncated: false,
            from_kernel: true,
        })
    }
}

#[derive(Default)]
struct Rows(Vec<Socket>);

impl Sink for Rows {
    fn push(&mut self, socket: Socket) -> bool {
        let new = self.0.iter().all(|known| known.cookie != socket.cookie);
        if new {
            self.0.push(socket);
        }
        new
    }
    fn unreadable(&mut self, count: u64) {
        assert_eq!(count, 0, "every recorded row can be read");
    }
    fn inconsistent(&mut self, why: String) {
        panic!("{why}");
    }
}

fn netlink(protocol: Protocol, family: Family, name: &str) -> Vec<Socket> {
    let transport = Recorded {
        file: fs::read(fixture(&format!("{name}.dump"))).unwrap(),
        sequence: 0,
        pending: VecDeque::new(),
    };
    let table = Table {
        protocol,
        family: Some(family),
        states: StateSet::ALL,
        narrow: sockscope::model::Narrow::ALL,
        needs: sockscope::query::Needs::MEMORY,
        strict: false,
    };
    let mut rows = Rows::default();
    Netlink::over(transport).read(table, &mut rows).unwrap();
    rows.0
}

fn procfs(protocol: Protocol, family: Family, name: &str) -> Vec<Socket> {
    let text = fs::read_to_string(fixture(&format!("{name}.txt"))).unwrap();
    let rows = text.lines().skip(1);
    rows.map(|line| proc_net::socket(line, protocol, family).expect(line))
        .collect()
}

const TABLES: [(Protocol, Family, &str); 4] = [
    (Protocol::Tcp, Family::V4, "tcp"),
    (Protocol::Tcp, Family::V6, "tcp6"),
    (Protocol::Udp, Family::V4, "udp"),
    (Protocol::Udp, Family::V6, "udp6"),
];

fn count(sockets: &[Socket]) -> BTreeMap<State, usize> {
    let mut counts = BTreeMap::new();
    for socket in sockets {
        *counts.entry(socket.state).or_default() += 1;
    }
    counts
}

#[test]
fn both_sources_tell_the_same_of_the_same_sockets() {
    for (protocol, family, name) in TABLES {
        // What both know of a socket. Bound-only sockets are not in /proc/net.
        let key = |s: &Socket| {
            let queue = s.queue.map(|queue| match queue {
                Queue::Bytes { recv, send } => (recv, send),
                Queue::Memory { received, sending } => (received, sending),
                Queue::Accept(queue) => (queue.length, 0),
            });
            // Of a handshake sock_diag counts the answers sent again, /proc the timeouts.
            let count = |retransmits| (s.state != State::SynRecv).then_some(retransmits);
            let timer = s
                .timer
                .map(|timer| (timer.kind.to_string(), count(timer.retransmits)));
            (
                s.state,
                s.local.inet(),
                s.peer.inet(),
                s.inode,
                s.uid.map(Uid::get),
                queue,
                timer,
            )
        };
        let known = |s: &&Socket| s.state != State::BoundInactive;
        let a: BTreeSet<_> = netlink(protocol, family, name)
            .iter()
            .filter(known)
            .map(|s| format!("{:?}", key(s)))
            .collect();
        let b: BTreeSet<_> = procfs(protocol, family, name)
            .iter()
            .map(|s| format!("{:?}", key(s)))
            .collect();
        assert_eq!(a, b, "{name}");
    }
}

#[test]
fn every_state_of_the_recorded_scene_is_there() {
    for (_, family, name) in TABLES.iter().filter(|table| table.0 == Protocol::Tcp) {
        let counts = count(&netlink(Protocol::Tcp, *family, name));
        for state in State::TCP {
            let expected = state != State::Close;
            assert_eq!(counts.contains_key(&state), expected, "{name}: {state}");
        }
    }
}

#[test]
fn fields_that_only_netlink_has() {
    let sockets = netlink(Protocol::Tcp, Family::V4, "tcp");
    let cookies: BTreeSet<_> = sockets.iter().map(|s| s.cookie.unwrap()).collect();
    assert_eq!(cookies.len(), sockets.len());
    for socket in &sockets {
        match (socket.state, socket.queue) {
            (State::Listen, Some(Queue::Accept(queue))) => assert_eq!(queue.limit, Some(128)),
            (State::Listen, other) => panic!("{other:?}"),
            (State::TimeWait, _) => {
                let timer = socket.timer.unwrap();
                assert_eq!(timer.kind, TimerKind::TimeWait);
                assert!(timer.expires_ms <= 60_000);
                assert_eq!((socket.inode, socket.uid), (None, None));
            }
            _ => {}
        }
    }
    let udp = netlink(Protocol::Udp, Family::V4, "udp");
    assert!(udp.iter().any(|s| s.drops.is_some_and(|drops| drops > 0)));
}

#[test]
fn mapped_addresses_are_ipv4_in_an_ipv6_table() {
    let sockets = netlink(Protocol::Tcp, Family::V6, "tcp6");
    let mapped: Vec<_> = sockets
        .iter()
        .filter(|s| s.local.ip().is_some_and(|ip| ip.is_ipv4()) && s.peer.is_some())
        .collect();
    assert!(!mapped.is_empty());
    for socket in mapped {
        assert_eq!(socket.family, Family::V6);
        assert!(socket.peer.ip().unwrap().is_ipv4());
    }
    let dual = sockets.iter().find(|s| s.v6_only == Some(false));
    assert!(dual.is_some_and(|s| s.state == State::Listen));
}
