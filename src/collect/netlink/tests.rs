//! Dumps over datagrams that are replayed.

use super::*;
use crate::host::live::sock_diag::ZeroStamp;
use crate::model::Socket;
use crate::wire::nlmsg;
use std::collections::VecDeque;

/// Answers each request with the next list of datagrams; an empty one stands for ENOBUFS.
struct Replay {
    answers: VecDeque<Vec<Vec<u8>>>,
    pending: VecDeque<Vec<u8>>,
    sequence: u32,
    requests: usize,
    buckets: Option<u64>,
}

impl Replay {
    fn new(answers: Vec<Vec<Vec<u8>>>) -> Self {
        Self {
            answers: answers.into(),
            pending: VecDeque::new(),
            sequence: 0,
            requests: 0,
            buckets: None,
        }
    }
}

impl Transport for Replay {
    fn port(&self) -> u32 {
        7
    }
    fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.sequence = u32::from_ne_bytes(request[8..12].try_into().unwrap());
        self.requests += 1;
        assert!(self.pending.is_empty(), "EBUSY: a dump goes on");
        self.pending = self.answers.pop_front().expect("an answer").into();
        Ok(())
    }
    fn zero_stamp(&mut self) -> Option<ZeroStamp> {
        assert!(self.pending.is_empty(), "it is younger than the rows");
        None
    }
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        let mut datagram = self.pending.pop_front().expect("a datagram");
        if datagram.is_empty() {
            return Err(io::Error::from_raw_os_error(ENOBUFS));
        }
        let mut at = 0;
        while at + 16 <= datagram.len() {
            datagram[at + 8..at + 12].copy_from_slice(&self.sequence.to_ne_bytes());
            datagram[at + 12..at + 16].copy_from_slice(&7_u32.to_ne_bytes());
            at += u32::from_ne_bytes(datagram[at..at + 4].try_into().unwrap()) as usize;
        }
        let length = datagram.len().min(buffer.len());
        buffer[..length].copy_from_slice(&datagram[..length]);
        Ok(Received {
            length,
            truncated: datagram.len() > buffer.len(),
            from_kernel: true,
        })
    }
    fn reopen(&mut self) -> io::Result<()> {
        self.pending.clear();
        Ok(())
    }
    fn buckets(&self) -> Option<u64> {
        self.buckets
    }
}

const ENOBUFS: i32 = 105;

#[derive(Default)]
struct Gather {
    rows: Vec<Socket>,
    unreadable: u64,
    inconsistent: u64,
}

impl Sink for Gather {
    fn push(&mut self, socket: Socket) -> bool {
        let new = !self.rows.iter().any(|row| row.cookie == socket.cookie);
        if new {
            self.rows.push(socket);
        }
        new
    }
    fn unreadable(&mut self, count: u64) {
        self.unreadable += count;
    }
    fn inconsistent(&mut self, _: String) {
        self.inconsistent += 1;
    }
}

fn row(cookie: u32) -> Vec<u8> {
    let mut row = vec![0; 72];
    row[0] = 2;
    row[1] = 7;
    row[44..48].copy_from_slice(&cookie.to_ne_bytes());
    nlmsg::message(20, 2, 0, &row)
}

fn done(errno: i32) -> Vec<u8> {
    nlmsg::message(3, 2, 0, &errno.to_ne_bytes())
}

fn udp(family: Option<Family>) -> Table {
    Table {
        protocol: Protocol::Udp,
        family,
        states: StateSet::ALL,
        narrow: Narrow::ALL,
        needs: Needs::NOTHING,
        strict: false,
    }
}

#[test]
fn a_dump_in_several_messages_is_repeated_until_nothing_is_new() {
    let mut collector = Netlink::over(Replay::new(vec![
        vec![row(1), row(2), done(0)],
        vec![row(2), row(3), done(0)],
        vec![row(1), row(2), row(3), done(0)],
    ]));
    let mut sink = Gather::default();
    collector.read(udp(Some(Family::V4)), &mut sink).unwrap();
    assert_eq!(sink.rows.len(), 3);
    assert_eq!(collector.transport.requests, 3);
}

#[test]
fn a_dump_in_one_message_is_whole() {
    let mut datagram = row(1);
    datagram.extend(row(2));
    let mut collector = Netlink::over(Replay::new(vec![vec![datagram, done(0)]]));
    let mut sink = Gather::default();
    collector.read(udp(Some(Family::V4)), &mut sink).unwrap();
    assert_eq!((sink.rows.len(), collector.transport.requests), (2, 1));
}

#[test]
fn a_missing_handler_is_a_missing_table_not_an_empty_one() {
    let mut collector = Netlink::over(Replay::new(vec![vec![done(-ENOENT)]]));
    let error = collector
        .read(udp(Some(Family::V4)), &mut Gather::default())
        .unwrap_err();
    assert!(matches!(error, TableError::Missing(_)), "{error}");
}

#[test]
fn tcp_without_the_joint_request_is_asked_for_by_family() {
    let mut collector = Netlink::over(Replay::new(vec![
        vec![done(-ENOENT)],
        vec![row(1), done(0)],
        vec![row(2), done(0)],
    ]));
    let mut sink = Gather::default();
    let table = Table {
        protocol: Protocol::Tcp,
        ..udp(None)
    };
    collector.read(table, &mut sink).unwrap();
    assert_eq!(sink.rows.len(), 2);
    assert_eq!(sink.rows[0].state, State::BoundInactive);
}

#[test]
fn a_truncated_message_is_read_again_with_a_larger_buffer() {
    let mut large = Vec::new();
    for cookie in 1..=400 {
        large.extend(row(cookie));
    }
    assert!(large.len() > BUFFER);
    let mut collector = Netlink::over(Replay::new(vec![
        vec![large.clone(), done(0)],
        vec![large, done(0)],
    ]));
    let mut sink = Gather::default();
    collector.read(udp(Some(Family::V4)), &mut sink).unwrap();
    assert_eq!(sink.rows.len(), 400);
    assert_eq!(sink.unreadable, 0);
}

#[test]
fn an_interrupted_dump_that_stays_so_is_told() {
    let interrupted = |cookie| {
        let mut message = row(cookie);
        message[6] |= 0x10;
        vec![message, done(0)]
    };
    let mut collector = Netlink::over(Replay::new((1..=6).map(interrupted).collect()));
    let mut sink = Gather::default();
    collector.read(udp(Some(Family::V4)), &mut sink).unwrap();
    assert_eq!((sink.rows.len(), sink.inconsistent), (6, 1));
}

#[test]
fn a_row_that_cannot_be_read_is_counted() {
    let mut broken = row(1);
    broken[16] = 99;
    let mut collector = Netlink::over(Replay::new(vec![vec![broken, done(0)]]));
    let mut sink = Gather::default();
    collector.read(udp(Some(Family::V4)), &mut sink).unwrap();
    assert_eq!((sink.rows.len(), sink.unreadable), (0, 1));
}

/// The connections of both families, which are received ahead.
fn connections() -> Table {
    Table {
        protocol: Protocol::Tcp,
        states: StateSet::NONE.with(State::Established),
        ..udp(None)
    }
}

/// Rows of which each has one of these cookies, a hundred in a datagram.
fn rows(cookies: std::ops::Range<u32>) -> Vec<Vec<u8>> {
    let all: Vec<_> = cookies.map(row).collect();
    all.chunks(100).map(<[Vec<u8>]>::concat).collect()
}

#[test]
fn a_dump_that_breaks_off_is_asked_for_again_and_each_row_comes_once() {
    let broken = || [rows(1..201), vec![vec![], done(0)]].concat();
    let whole = [rows(1..301), vec![done(0)]].concat();
    let mut collector = Netlink::over(Replay::new(vec![broken(), broken(), whole]));
    let mut sink = Gather::default();
    collector.read(connections(), &mut sink).unwrap();
    assert_eq!((sink.rows.len(), collector.transport.requests), (300, 3));
}

#[test]
fn a_dump_that_always_breaks_off_is_an_error_and_the_next_one_starts_anew() {
    let broken = || [rows(1..201), vec![vec![], done(0)]].concat();
    let mut answers = vec![broken(), broken(), broken()];
    answers.push(vec![row(7), done(0)]);
    let mut collector = Netlink::over(Replay::new(answers));
    let error = collector
        .read(connections(), &mut Gather::default())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot dump the tcp table: No buffer space available (os error 105)"
    );
    let mut sink = Gather::default();
    collector.read(udp(Some(Family::V4)), &mut sink).unwrap();
    assert_eq!(sink.rows.len(), 1);
}

/// The receiver is far ahead when the reader stops.
#[test]
fn who_stops_reading_does_not_stop_for_the_receiver() {
    let broken = || [vec![vec![1, 2, 3]], vec![row(1); 500]].concat();
    let (ended, end) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut collector = Netlink::over(Replay::new(vec![broken()]));
        let outcome = collector.read(connections(), &mut Gather::default());
        ended.send(outcome.is_err()).unwrap();
    });
    let deadline = std::time::Duration::from_secs(20);
    assert_eq!(end.recv_timeout(deadline), Ok(true));
}

#[test]
fn connections_are_read_again_where_chains_are_long() {
    let requests = |count: u32, buckets| {
        let whole = || [rows(0..count), vec![done(0)]].concat();
        let mut replay = Replay::new(vec![whole(), whole()]);
        replay.buckets = buckets;
        let mut collector = Netlink::over(replay);
        let mut sink = Gather::default();
        collector.read(connections(), &mut sink).unwrap();
        assert_eq!(sink.inconsistent, 0);
        collector.transport.requests
    };
    assert_eq!(requests(1_000, Some(262_144)), 1);
    assert_eq!(requests(1_000, Some(500)), 1);
    assert_eq!(requests(1_000, Some(499)), 2);
    // A visit takes sixteen, however few buckets there are.
    assert_eq!(requests(16, Some(1)), 1);
    assert_eq!(requests(17, Some(1)), 2);
    assert_eq!(requests(1_000, None), 1);
}

#[test]
fn bound_only_sockets_stand_in_the_chains_of_their_ports() {
    let table = Table {
        states: StateSet::NONE.with(State::BoundInactive),
        ..connections()
    };
    for (count, requests) in [(16, 1), (17, 2)] {
        let whole = || [rows(0..count), vec![done(0)]].concat();
        let mut collector = Netlink::over(Replay::new(vec![whole(), whole()]));
        collector.read(table, &mut Gather::default()).unwrap();
        assert_eq!(collector.transport.requests, requests);
    }
}
