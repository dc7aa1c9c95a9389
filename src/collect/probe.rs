//! One port, looked at again and again: what has it, and nothing else.

use super::rows::Rows;
use super::sources::{Asker, Sources, bound_only_unseen, is_without_ipv6, no_table};
use super::{Collector, Table, TableError};
use crate::host::Host;
use crate::model::{Narrow, PortRange, Problem, Protocol, Socket, State, StateSet};
use crate::query::{Needs, Query};

/// Asks for the sockets of one local port through sources that stay open: a look at those that wait
/// for clients costs a fraction of a millisecond beside 100,000 connections.
pub struct Probe {
    host: Host,
    query: Query,
    narrow: Narrow,
    sources: Sources,
    problems: Vec<Problem>,
}

/// Whether TCP sockets that are bound only can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoundOnly {
    /// The kernel lists them: it walks every bound port for them.
    Listed,
    /// There may be some that nobody can see; that was noted.
    Unseen,
    /// They were not asked for: no TCP.
    Unasked,
}

impl Probe {
    /// Opens the sources of `query` in the network namespace of a host, for `port`.
    ///
    /// # Errors
    /// When a collector asked for by name cannot be used.
    pub fn open(host: &Host, query: Query, port: u16) -> Result<Self, Problem> {
        let mut problems = Vec::new();
        let sources = Sources::open(host, query.collector, true, &mut problems)?;
        let only = PortRange {
            first: port,
            last: port,
        };
        Ok(Self {
            host: host.clone(),
            query,
            narrow: Narrow {
                local_port: Some(only),
                ..Narrow::ALL
            },
            sources,
            problems,
        })
    }

    /// The sockets of the port that wait for clients: TCP in LISTEN, UDP without a peer.
    ///
    /// # Errors
    /// When a table cannot be read now. One that does not exist is a problem of the probe.
    pub fn listeners(&mut self) -> Result<Vec<Socket>, Problem> {
        let mut found = self.holders()?;
        found.retain(Socket::is_listener);
        Ok(found)
    }

    /// The same with the connected UDP sockets: they are bound like the others.
    ///
    /// # Errors
    /// The same.
    pub fn holders(&mut self) -> Result<Vec<Socket>, Problem> {
        let mut found = Vec::new();
        for (protocol, states) in [
            (Protocol::Tcp, StateSet::NONE.with(State::Listen)),
            (Protocol::Udp, StateSet::ALL),
        ] {
            if self.query.protocols.contains(protocol) {
                self.read(protocol, states, &mut found)?;
            }
        }
        let holds = |s: &Socket| s.protocol == Protocol::Udp || s.state == State::Listen;
        found.retain(holds);
        Ok(found)
    }

    /// The TCP connections of the port, those that are over and rest in TIME_WAIT, too: the kernel
    /// walks all connections for them.
    ///
    /// # Errors
    /// When the table cannot be read now.
    pub fn connections(&mut self) -> Result<Vec<Socket>, Problem> {
        let mut found = Vec::new();
        if self.query.protocols.tcp {
            let states = StateSet::ALL
                .without(State::Listen)
                .without(State::BoundInactive);
            self.read(Protocol::Tcp, states, &mut found)?;
        }
        found.retain(|socket| socket.peer.is_some());
        Ok(found)
    }

    /// The TCP sockets of the port that are bound, and neither listen nor connect.
    ///
    /// # Errors
    /// When the table cannot be read now.
    pub fn bound_only(&mut self) -> Result<Vec<Socket>, Problem> {
        let mut found = Vec::new();
        let states = StateSet::NONE.with(State::BoundInactive);
        self.read(Protocol::Tcp, states, &mut found)?;
        found.retain(|socket| matches!(socket.state, State::BoundInactive | State::Close));
        Ok(found)
    }

    /// Whether [`bound_only`](Self::bound_only) can tell; asked after a look.
    pub fn sees_bound_only(&mut self) -> BoundOnly {
        if !self.query.protocols.tcp {
            return BoundOnly::Unasked;
        }
        match bound_only_unseen(&self.host, self.collector()) {
            None => BoundOnly::Listed,
            Some(problem) => {
                note(&mut self.problems, problem);
                BoundOnly::Unseen
            }
        }
    }

    /// The collector that gave the TCP table, or the UDP table where TCP was not asked for.
    #[must_use]
    pub fn collector(&self) -> Option<&'static str> {
        self.sources.first_given()
    }

    /// What could not be seen until now.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Reads the wanted families of a table: both at once where that is possible.
    fn read(
        &mut self,
        protocol: Protocol,
        states: StateSet,
        found: &mut Vec<Socket>,
    ) -> Result<(), Problem> {
        let table = Table {
            protocol,
            family: None,
            states,
            narrow: self.narrow,
            needs: Needs::NOTHING,
            strict: self.query.strict,
        };
        let mut look = Look {
            host: &self.host,
            found,
            read_one: false,
            problems: &mut self.problems,
        };
        self.sources.read(table, self.query.families, &mut look)
    }
}

/// One look at a table.
struct Look<'a> {
    host: &'a Host,
    found: &'a mut Vec<Socket>,
    /// Whether the table of one family was read.
    read_one: bool,
    problems: &'a mut Vec<Problem>,
}

impl Asker for Look<'_> {
    fn read(
        &mut self,
        _index: usize,
        collector: &mut dyn Collector,
        table: Table,
    ) -> Result<(), TableError> {
        let narrow = table.narrow;
        let mut gathered = Vec::new();
        let mut each = |socket: Socket| {
            if narrow.allows(&socket) {
                gathered.push(socket);
            }
        };
        let mut rows = Rows::new(self.host.netns(), &mut each);
        collector.read(table, &mut rows)?;
        // A row that was lost may be the one that is waited for.
        let lost = rows.inconsistent.pop();
        let unreadable = rows.unreadable;
        if let Some(why) = lost {
            return Err(TableError::Unavailable(why));
        }
        if unreadable > 0 {
            let rows = if unreadable == 1 { "row" } else { "rows" };
            let why = format!("{unreadable} {rows} of it cannot be read");
            let what = table.protocol.name();
            return Err(TableError::Unavailable(format!("the {what} table: {why}")));
        }
        self.read_one = true;
        self.found.append(&mut gathered);
        Ok(())
    }

    fn missing(&mut self, table: Table, error: TableError) -> Result<(), Problem> {
        match error {
            _ if is_without_ipv6(table, &error, self.read_one) => Ok(()),
            TableError::Missing(why) if table.protocol == Protocol::Udp => {
                note(self.problems, Problem::incomplete("table_missing", why));
                Ok(())
            }
            error => Err(no_table(&error)),
        }
    }
}

/// Notes a problem once.
fn note(problems: &mut Vec<Problem>, problem: Problem) {
    if !problems.contains(&problem) {
        problems.push(problem);
    }
}
