//! One port, looked at again and again: what has it, and nothing else.

use super::rows::Rows;
use super::tables::{bound_only_unseen, open_collectors};
use super::{Collector, Table, TableError};
use crate::host::Host;
use crate::model::{Family, Narrow, PortRange, Problem, Protocol, Socket, State, StateSet};
use crate::query::{Needs, Query};

/// Asks for the sockets of one local port through sources that stay open: a look at those that wait
/// for clients costs a fraction of a millisecond beside 100,000 connections.
pub struct Probe {
    host: Host,
    query: Query,
    narrow: Narrow,
    collectors: Vec<Box<dyn Collector>>,
    /// Which collector gave a table: it is asked again, so that a failure that passes does not
    /// become an answer from a source that knows less.
    given: Vec<(Protocol, usize)>,
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
        let collectors = open_collectors(host, query.collector, &mut problems)?;
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
            collectors,
            given: Vec::new(),
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
                self.note(problem);
                BoundOnly::Unseen
            }
        }
    }

    /// The collector that gave the TCP table, or the UDP table where TCP was not asked for.
    #[must_use]
    pub fn collector(&self) -> Option<&'static str> {
        let (_, place) = self.given.first()?;
        Some(self.collectors.get(*place)?.name())
    }

    /// What could not be seen until now.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Notes a problem once.
    fn note(&mut self, problem: Problem) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Reads the wanted families of a table: both at once where that is possible.
    fn read(
        &mut self,
        protocol: Protocol,
        states: StateSet,
        found: &mut Vec<Socket>,
    ) -> Result<(), Problem> {
        let table = |family| Table {
            protocol,
            family,
            states,
            narrow: self.narrow,
            needs: Needs::NOTHING,
            strict: self.query.strict,
        };
        let families = self.query.families.tables();
        let joint = (families.v4 && families.v6).then(|| table(None));
        let alone = Family::ALL.map(|family| (family, table(Some(family))));
        if let Some(table) = joint
            && self
                .read_with(self.first_place(protocol), table, found)
                .is_ok()
        {
            return Ok(());
        }
        let mut read_one = false;
        for (family, table) in alone {
            if !families.contains(family) {
                continue;
            }
            match self.read_somehow(table, found) {
                Ok(()) => read_one = true,
                // A kernel without IPv6.
                Err(TableError::Missing(_)) if family == Family::V6 && read_one => {}
                Err(TableError::Missing(why)) if protocol == Protocol::Udp => {
                    self.note(Problem::incomplete("table_missing", why));
                }
                Err(error) => return Err(unreadable(&error)),
            }
        }
        Ok(())
    }

    /// Reads a table from the first collector that gives it.
    fn read_somehow(&mut self, table: Table, found: &mut Vec<Socket>) -> Result<(), TableError> {
        let mut first = None;
        let from = self.first_place(table.protocol);
        let to = match self.place(table.protocol) {
            Some(known) => known + 1,
            None => self.collectors.len(),
        };
        for place in from..to {
            match self.read_with(place, table, found) {
                Ok(()) => return Ok(()),
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(first.unwrap_or_else(|| TableError::Unavailable("no collector".to_owned())))
    }

    fn read_with(
        &mut self,
        place: usize,
        table: Table,
        found: &mut Vec<Socket>,
    ) -> Result<(), TableError> {
        let Some(collector) = self.collectors.get_mut(place) else {
            return Err(TableError::Unavailable("no collector".to_owned()));
        };
        let narrow = self.narrow;
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
        if self.place(table.protocol).is_none() {
            self.given.push((table.protocol, place));
        }
        found.append(&mut gathered);
        Ok(())
    }

    /// The collector that gives the tables of a protocol, once that is known.
    fn place(&self, protocol: Protocol) -> Option<usize> {
        let known = self.given.iter().find(|(of, _)| *of == protocol)?;
        Some(known.1)
    }

    fn first_place(&self, protocol: Protocol) -> usize {
        self.place(protocol).unwrap_or(0)
    }
}

fn unreadable(error: &TableError) -> Problem {
    Problem::incomplete("no_table", error.to_string())
        .hint("a seccomp filter, a limit of open files or a missing /proc may stand in the way")
}
