//! The `sock_diag` collector: the kernel's own tables, fast and with every column.

use std::io;

use super::{Collector, Sink, Table, TableError, ahead};
use crate::model::{Family, Narrow, Protocol, State, StateSet};
use crate::sys::sock_diag::{Received, SockDiag, Transport};
use crate::wire::inet_diag::Request;
use crate::wire::nlmsg::{Dump, DumpError};

/// The kernel fills messages to about 32 KiB; a larger buffer gains nothing, one below 4 KiB
/// loses sockets.
const BUFFER: usize = 32 * 1024;
/// Where growing the buffer for a truncated message ends.
const LARGEST_BUFFER: usize = 1024 * 1024;
/// The union of three dumps missed nothing under churn where one missed 240 of 400,000
/// (UDP, 4,000 sockets on one port, Linux 6.18).
const PASSES: u32 = 3;
const ENOENT: i32 = 2;

/// Reads tables through a netlink transport.
#[derive(Debug)]
pub struct Netlink<T = SockDiag> {
    transport: T,
    /// Bytes that one datagram may have.
    size: usize,
    sequence: u32,
    /// The kernel has no request for both families at once; they are asked for one by one.
    no_joint_request: bool,
}

impl Netlink<SockDiag> {
    /// Opens the netlink socket in the calling thread's network namespace.
    ///
    /// # Errors
    /// When the kernel or a seccomp filter refuses it.
    pub fn open() -> io::Result<Self> {
        SockDiag::open().map(Self::over)
    }
}

impl<T: Transport + Send> Netlink<T> {
    /// A collector over any transport: the kernel's, or recorded bytes.
    #[must_use]
    pub fn over(transport: T) -> Self {
        Self {
            transport,
            size: BUFFER,
            sequence: 0,
            no_joint_request: false,
        }
    }

    /// Reads one or both families of a table, in one request where the kernel has one.
    fn read_families(&mut self, table: Table, sink: &mut dyn Sink) -> Result<(), Failure> {
        let outcome = self.read_as_asked(table, sink);
        match outcome {
            // A kernel that does not take the bytecode still gives the whole table.
            Err(Failure::Dump(DumpError::Refused(_))) if !table.narrow.is_all() => {
                let narrow = Narrow::ALL;
                self.read_as_asked(Table { narrow, ..table }, sink)
            }
            done => done,
        }
    }

    fn read_as_asked(&mut self, table: Table, sink: &mut dyn Sink) -> Result<(), Failure> {
        let request = |family| Request {
            protocol: table.protocol,
            family,
            states: table.states,
            narrow: table.narrow,
            memory: table.memory,
            info: table.info,
            options: table.options,
        };
        if table.family.is_some() {
            return self.read_until_whole(table, request(table.family), sink);
        }
        if table.protocol == Protocol::Tcp && !self.no_joint_request {
            match self.read_until_whole(table, request(None), sink) {
                Err(Failure::Dump(DumpError::Refused(_))) => self.no_joint_request = true,
                done => return done,
            }
        }
        for family in Family::ALL {
            self.read_until_whole(table, request(Some(family)), sink)?;
        }
        Ok(())
    }

    /// Dumps once, or, where the kernel's walk can miss rows, until a dump gives nothing new.
    ///
    /// A dump in several messages resumes by bucket and position. The buckets of connected
    /// TCP are short and lost nothing in any measurement; a listener's or a UDP port's bucket
    /// may be thousands long and shift under the walk.
    fn read_until_whole(
        &mut self,
        table: Table,
        request: Request,
        sink: &mut dyn Sink,
    ) -> Result<(), Failure> {
        let connected_tcp =
            table.protocol == Protocol::Tcp && !table.states.contains(State::Listen);
        for pass in 1..=PASSES {
            let outcome = self.dump(request, sink)?;
            let may_miss = outcome.datagrams > 1 && (!connected_tcp || table.strict);
            let again = outcome.interrupted || (may_miss && outcome.new > 0);
            if !again {
                return Ok(());
            }
            if pass == PASSES && outcome.interrupted {
                sink.inconsistent(format!(
                    "the {} table changed while the kernel listed it",
                    table.protocol.name()
                ));
            }
        }
        Ok(())
    }

    /// One dump, made again with a larger buffer when a message did not fit.
    fn dump(&mut self, request: Request, sink: &mut dyn Sink) -> Result<Outcome, Failure> {
        loop {
            match self.dump_once(request, sink) {
                Err(Failure::Dump(DumpError::Truncated)) if self.size < LARGEST_BUFFER => {
                    self.size *= 2;
                }
                done => return done,
            }
        }
    }

    fn dump_once(&mut self, request: Request, sink: &mut dyn Sink) -> Result<Outcome, Failure> {
        self.sequence = self.sequence.wrapping_add(1);
        self.transport.send(&request.message(self.sequence))?;
        let mut dump = Dump::new(self.transport.port(), self.sequence);
        let (mut new, mut unreadable, mut truncated) = (0, 0, false);
        let ahead = dump.again();
        let mut take = |datagram: &[u8], received: Received| {
            if !received.from_kernel {
                return Ok(false);
            }
            // A truncated dump is read to its end, so that the next request starts clean.
            truncated |= received.truncated;
            let fed = dump.feed(datagram, &mut |row| match request.socket(row) {
                Some(socket) => new += u64::from(sink.push(socket)),
                None => unreadable += 1,
            });
            match fed {
                Err(DumpError::Malformed) if truncated => Ok(false),
                fed => fed.map_err(Failure::from),
            }
        };
        if request.may_be_long() {
            ahead::receive(&mut self.transport, &ahead, self.size, &mut take)?;
        } else {
            ahead::receive_here(&mut self.transport, self.size, &mut take)?;
        }
        if truncated {
            return Err(DumpError::Truncated.into());
        }
        sink.unreadable(unreadable);
        Ok(Outcome {
            new,
            datagrams: dump.datagrams,
            interrupted: dump.interrupted,
        })
    }
}

/// What one dump gave.
struct Outcome {
    new: u64,
    datagrams: u32,
    interrupted: bool,
}

enum Failure {
    Io(io::Error),
    Dump(DumpError),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<DumpError> for Failure {
    fn from(error: DumpError) -> Self {
        Self::Dump(error)
    }
}

impl<T: Transport + Send> Collector for Netlink<T> {
    fn name(&self) -> &'static str {
        "netlink"
    }

    fn read(&mut self, table: Table, sink: &mut dyn Sink) -> Result<(), TableError> {
        if table.protocol == Protocol::Tcp && table.states.tcp_mask() == 0 {
            return Ok(());
        }
        self.read_families(table, sink).map_err(|failure| {
            let what = format!("cannot dump the {} table", table.protocol.name());
            match failure {
                Failure::Dump(DumpError::Refused(ENOENT)) => TableError::Missing(format!(
                    "{what}: the kernel has no sock_diag handler for it"
                )),
                Failure::Dump(error) => TableError::Unavailable(format!("{what}: {error}")),
                Failure::Io(error) => TableError::Unavailable(format!("{what}: {error}")),
            }
        })
    }
}

/// The states of the first TCP request: what listens and what is bound only. They live in
/// other tables than connections, so asking for them alone costs a fraction of a millisecond.
pub(super) const FIRST_TCP_STATES: StateSet = StateSet::NONE
    .with(State::Listen)
    .with(State::BoundInactive);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Socket;
    use crate::wire::nlmsg;
    use std::collections::VecDeque;

    /// Answers each request with the next list of datagrams.
    struct Replay {
        answers: VecDeque<Vec<Vec<u8>>>,
        pending: VecDeque<Vec<u8>>,
        sequence: u32,
        requests: usize,
    }

    impl Replay {
        fn new(answers: Vec<Vec<Vec<u8>>>) -> Self {
            Self {
                answers: answers.into(),
                pending: VecDeque::new(),
                sequence: 0,
                requests: 0,
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
            self.pending = self.answers.pop_front().expect("an answer").into();
            Ok(())
        }
        fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
            let mut datagram = self.pending.pop_front().expect("a datagram");
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
    }

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
            memory: false,
            info: false,
            options: false,
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
        let interrupted = || {
            let mut message = row(1);
            message[6] |= 0x10;
            vec![message, done(0)]
        };
        let mut collector = Netlink::over(Replay::new(vec![
            interrupted(),
            interrupted(),
            interrupted(),
        ]));
        let mut sink = Gather::default();
        collector.read(udp(Some(Family::V4)), &mut sink).unwrap();
        assert_eq!((sink.rows.len(), sink.inconsistent), (1, 1));
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
}
