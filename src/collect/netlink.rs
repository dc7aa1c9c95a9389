//! The `sock_diag` collector: the kernel's own tables, fast and with every column.

use std::fmt;
use std::io;

use super::settling::{Settling, Verdict};
use super::{Collector, Sink, Table, TableError, ahead};
use crate::host::{Host, Received, SockDiag, Transport};
use crate::model::{Family, Narrow, Protocol, State, StateSet};
use crate::query::Needs;
use crate::wire::inet_diag::Request;
use crate::wire::nlmsg::{Dump, DumpError};

/// The kernel fills messages to about 32 KiB; a larger buffer gains nothing, one below 4 KiB
/// loses sockets.
const BUFFER: usize = 32 * 1024;
/// Where growing the buffer for a truncated message ends.
const LARGEST_BUFFER: usize = 1024 * 1024;
/// How often a dump is asked for at most, where the one before broke off.
const ATTEMPTS: u32 = 3;
/// Datagrams of others, or empty ones, that are passed over in one dump.
const MOST_FOREIGN: u32 = 1_000;
/// The kernel visits a bucket of connections in steps of 16 and goes on by position, so that a
/// longer one may lose sockets in between. At two rows a bucket, one of more than 16 is not to
/// be expected in a table of a thousand million buckets (Poisson: 5e-11); at three, in one of
/// fifty million.
const STEP: u64 = 16;
const ROWS_A_BUCKET: u64 = 2;
const ENOENT: i32 = 2;
/// Errors of the kernel that may be gone with the next request: EINTR, EAGAIN, ENOMEM, EBUSY,
/// ENOBUFS.
const PASSING: [i32; 5] = [4, 11, 12, 16, 105];

/// Reads tables through a netlink transport.
#[derive(Debug)]
pub struct Netlink<T = SockDiag> {
    transport: T,
    /// Bytes that one datagram may have.
    size: usize,
    sequence: u32,
    /// The kernel has no request for both families at once; they are asked for one by one.
    no_joint_request: bool,
    /// It did not answer in all the time it was given: another question would take as long.
    gave_up: Option<String>,
    /// Nothing is received ahead: a look at few rows is not worth a thread.
    in_turn: bool,
}

impl Netlink<SockDiag> {
    /// Opens the netlink socket in the network namespace of a host.
    ///
    /// # Errors
    /// When the kernel or a seccomp filter refuses it.
    pub fn open(host: &Host) -> io::Result<Self> {
        host.sock_diag().map(Self::over)
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
            gave_up: None,
            in_turn: false,
        }
    }

    /// The same, which receives and reads in turn, on the calling thread.
    #[must_use]
    pub fn in_turn(mut self) -> Self {
        self.in_turn = true;
        self
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
            needs: table.needs,
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

    /// Dumps once, or, where the kernel's walk can miss rows, until they are all there.
    fn read_until_whole(
        &mut self,
        table: Table,
        request: Request,
        sink: &mut dyn Sink,
    ) -> Result<(), Failure> {
        let mut settling = Settling::default();
        loop {
            let outcome = self.dump(request, sink)?;
            if settling.is_new() && !outcome.interrupted && !self.may_miss(table, &outcome) {
                return Ok(());
            }
            let verdict = settling.after(outcome.rows, outcome.new);
            match verdict {
                Verdict::Whole if !outcome.interrupted => return Ok(()),
                Verdict::Unsettled => {
                    sink.inconsistent(format!(
                        "the {} table changed while the kernel listed it",
                        table.protocol.name()
                    ));
                    return Ok(());
                }
                _ => {}
            }
        }
    }

    /// Whether the kernel may have passed over rows. It goes on by position wherever it let go
    /// of a bucket: what is taken out of it meanwhile hides another one.
    ///
    /// A bucket of listeners or of UDP (all of one port) is let go of where a message is full;
    /// one of connections, and of those bound only, after 16 of them as well.
    fn may_miss(&self, table: Table, outcome: &Outcome) -> bool {
        let in_steps = table.protocol == Protocol::Tcp && !table.states.contains(State::Listen);
        if !in_steps || table.strict {
            return outcome.datagrams > 1;
        }
        if outcome.rows <= STEP {
            return false;
        }
        if table.states.intersects(FIRST_TCP_STATES) {
            return true;
        }
        let buckets = self.transport.buckets().unwrap_or(u64::MAX);
        outcome.rows > buckets.saturating_mul(ROWS_A_BUCKET)
    }

    /// One dump, made again with a larger buffer when a message did not fit, and on a socket of
    /// its own when it broke off: the kernel starts no second dump where one is not over.
    fn dump(&mut self, request: Request, sink: &mut dyn Sink) -> Result<Outcome, Failure> {
        let mut attempts = 1;
        loop {
            let failure = match self.dump_once(request, sink) {
                Err(Failure::Dump(DumpError::Truncated)) if self.size < LARGEST_BUFFER => {
                    self.size *= 2;
                    continue;
                }
                Err(failure) => failure,
                done => return done,
            };
            let reopened = failure.leaves_a_dump() && self.transport.reopen().is_ok();
            let again = failure.may_pass() && (reopened || !failure.leaves_a_dump());
            if !again || attempts == ATTEMPTS {
                return Err(failure);
            }
            attempts += 1;
        }
    }

    fn dump_once(&mut self, request: Request, sink: &mut dyn Sink) -> Result<Outcome, Failure> {
        self.sequence = self.sequence.wrapping_add(1);
        // Before the request: the kernel makes the first rows while it takes that.
        let zero = self
            .transport
            .zero_stamp()
            .filter(|_| request.needs.has(Needs::INFO));
        self.transport.send(&request.message(self.sequence))?;
        let mut dump = Dump::new(self.transport.port(), self.sequence);
        let (mut rows, mut new, mut unreadable, mut truncated) = (0, 0, 0, false);
        let mut foreign = 0;
        let ahead = dump.again();
        let mut take = |datagram: &[u8], received: Received| {
            if !received.from_kernel || datagram.is_empty() {
                foreign += 1;
                let endless = foreign > MOST_FOREIGN;
                return (!endless)
                    .then_some(false)
                    .ok_or(DumpError::Malformed.into());
            }
            // A truncated dump is read to its end, so that the next request starts clean.
            truncated |= received.truncated;
            let fed = dump.feed(datagram, &mut |row| match request.socket(row) {
                Some(mut socket) => {
                    if let (Some(tcp), Some(zero)) = (&mut socket.tcp, &zero) {
                        tcp.forget_unset(zero.ms(), zero.growth());
                    }
                    rows += 1;
                    new += u64::from(sink.push(socket));
                }
                None => unreadable += 1,
            });
            match fed {
                Err(DumpError::Malformed) if truncated => Ok(false),
                fed => fed.map_err(Failure::from),
            }
        };
        if request.may_be_long() && !self.in_turn {
            ahead::receive(&mut self.transport, &ahead, self.size, &mut take)?;
        } else {
            ahead::receive_here(&mut self.transport, self.size, &mut take)?;
        }
        if truncated {
            return Err(DumpError::Truncated.into());
        }
        sink.unreadable(unreadable);
        Ok(Outcome {
            rows,
            new,
            datagrams: dump.datagrams,
            interrupted: dump.interrupted,
        })
    }
}

/// What one dump gave.
struct Outcome {
    rows: u64,
    new: u64,
    datagrams: u32,
    interrupted: bool,
}

enum Failure {
    Io(io::Error),
    Dump(DumpError),
}

impl Failure {
    /// Whether another attempt may do better.
    fn may_pass(&self) -> bool {
        match self {
            Self::Io(_) => !self.took_all_time(),
            Self::Dump(DumpError::Refused(errno)) => PASSING.contains(errno),
            Self::Dump(_) => false,
        }
    }

    fn took_all_time(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::TimedOut)
    }

    /// Whether the kernel's answer was not read to its end.
    fn leaves_a_dump(&self) -> bool {
        matches!(self, Self::Io(_) | Self::Dump(DumpError::Malformed))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Dump(error) => error.fmt(f),
        }
    }
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
        let what = format!("cannot dump the {} table", table.protocol.name());
        if let Some(why) = &self.gave_up {
            return Err(TableError::Unavailable(format!("{what}: {why}")));
        }
        self.read_families(table, sink).map_err(|failure| {
            if failure.took_all_time() {
                self.gave_up = Some(failure.to_string());
            }
            match failure {
                Failure::Dump(DumpError::Refused(ENOENT)) => TableError::Missing(format!(
                    "{what}: the kernel has no sock_diag handler for it"
                )),
                failure => TableError::Unavailable(format!("{what}: {failure}")),
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
mod tests;
