//! Events: what happened from one look to the next, one JSON object a line.
//!
//! A stream remembers the look before and nothing older.

mod records;

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

pub(crate) use records::{EventRow, figure, known_by};

use super::envelope::{Head, Lines};
use super::events::{BehindEvent, ProblemEvent, SocketEvent};
use super::socket::SocketRow;
use super::{ProblemEntry, ProcessName};
use crate::columns::Column;
use crate::look::changes::{LastOwner, Look};
use crate::look::compare::Changes;
use crate::look::sample::Sample;
use crate::model::{Event, Facts, Problem, Report, Snapshot, Socket};
use crate::text::RowWriter;

/// What a stream of events remembers of the look before.
#[derive(Debug, Default)]
pub struct Remembered {
    sockets: Option<SeenSockets>,
    records: Option<records::Records>,
    /// The codes of its problems.
    problems: Vec<&'static str>,
}

/// The sockets of a look.
#[derive(Debug)]
struct SeenSockets {
    look: Look,
    /// The row of each in JSON, where it has more than the usual keys.
    told: Option<Vec<Value>>,
    /// The columns that each row has besides its usual keys.
    columns: Vec<&'static Column>,
}

/// A stream of events, at one look.
pub struct Events<W> {
    lines: Lines<W>,
    /// The columns that each row has besides its usual keys.
    columns: Vec<&'static Column>,
    at: Duration,
    memory: Rc<RefCell<Remembered>>,
    rows: Snapshot,
}

impl<W: Write> Events<W> {
    /// Events of a look that was made `at` this time since the first round, compared with the one
    /// in `memory`.
    pub fn new(out: W, head: &Head, at: Duration, memory: Rc<RefCell<Remembered>>) -> Self {
        Self {
            lines: Lines::new(out, head),
            columns: head.columns.clone(),
            at,
            memory,
            rows: Snapshot::default(),
        }
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.at.as_millis()).unwrap_or(u64::MAX)
    }

    /// Writes what is different about rows that are no sockets.
    ///
    /// # Errors
    /// What writing says.
    pub(crate) fn records<R: EventRow>(
        &mut self,
        rows: impl Iterator<Item = R>,
        report: &Report,
    ) -> io::Result<()> {
        let memory = Rc::clone(&self.memory);
        let mut memory = memory.borrow_mut();
        let next = records::Records::new(rows)?;
        let at = self.monotonic_ms();
        next.tell(memory.records.as_ref(), at, &mut self.lines)?;
        memory.records = Some(next);
        self.problems(&mut memory, &report.problems)
    }

    /// Writes what is different about sockets. `told` has a row in JSON for each of them, where
    /// that is more than the usual one.
    ///
    /// # Errors
    /// What writing says.
    pub fn sockets(
        &mut self,
        snapshot: Snapshot,
        told: Option<Vec<Value>>,
        report: &Report,
    ) -> io::Result<()> {
        let memory = Rc::clone(&self.memory);
        let mut memory = memory.borrow_mut();
        let columns = std::mem::take(&mut self.columns);
        let now = match memory.sockets.take() {
            None => {
                let look = Look::first(self.sample(snapshot));
                let now = SeenSockets {
                    look,
                    told,
                    columns,
                };
                for index in 0..now.look.sockets().len() {
                    self.tell(Event::Present, &now, index)?;
                }
                now
            }
            Some(before) => {
                let (look, changes) = before.look.next(self.sample(snapshot));
                let now = SeenSockets {
                    look,
                    told,
                    columns,
                };
                self.changes(&before, &now, &changes)?;
                now
            }
        };
        memory.sockets = Some(now);
        self.problems(&mut memory, &report.problems)
    }

    fn sample(&self, snapshot: Snapshot) -> Sample {
        Sample {
            snapshot,
            at: self.at,
            ..Sample::default()
        }
    }

    /// What closed, what changed, what opened.
    fn changes(
        &mut self,
        before: &SeenSockets,
        now: &SeenSockets,
        changes: &Changes,
    ) -> io::Result<()> {
        for &index in &changes.closed {
            self.tell(Event::Closed, before, index)?;
        }
        for change in &changes.changed {
            let socket = now.look.socket(change.now);
            let owner = socket.and_then(|socket| now.look.last_owner(socket));
            self.write(now, change.now, |event| SocketEvent {
                event: Event::Changed,
                changes: Some(change.what.names().collect()),
                previous_state: Some(before.look.state_before(change)),
                last_owner: Some(owner.as_ref().map(name)),
                ..event
            })?;
        }
        for &index in &changes.opened {
            self.tell(Event::Opened, now, index)?;
        }
        Ok(())
    }

    fn tell(&mut self, event: Event, seen: &SeenSockets, index: usize) -> io::Result<()> {
        let socket = seen.look.socket(index).filter(|_| event == Event::Closed);
        let owner = socket.map(|socket| seen.look.last_owner(socket));
        let last_owner = owner.as_ref().map(|owner| owner.as_ref().map(name));
        self.write(seen, index, |told| SocketEvent {
            event,
            last_owner,
            ..told
        })
    }

    /// Writes one event about the socket at `index`.
    fn write<'a>(
        &mut self,
        seen: &'a SeenSockets,
        index: usize,
        with: impl FnOnce(SocketEvent<'a, ToldSocket<'a>>) -> SocketEvent<'a, ToldSocket<'a>>,
    ) -> io::Result<()> {
        let more = seen.told.as_ref().and_then(|told| told.get(index));
        let row = |socket| {
            let facts = seen.look.facts();
            ToldSocket::Usual(SocketRow::new(socket, facts, &seen.columns))
        };
        let usual = || seen.look.socket(index).map(row);
        let Some(socket) = more.map(ToldSocket::More).or_else(usual) else {
            return Ok(());
        };
        let event = with(SocketEvent {
            event: Event::Present,
            monotonic_ms: self.monotonic_ms(),
            socket,
            changes: None,
            previous_state: None,
            last_owner: None,
        });
        self.lines.object(&event)
    }

    /// Writes the problems that the look before did not have.
    fn problems(&mut self, memory: &mut Remembered, problems: &[Problem]) -> io::Result<()> {
        let at = self.monotonic_ms();
        for problem in problems {
            if !memory.problems.contains(&problem.code) {
                let entry = ProblemEntry::new(problem);
                self.lines.object(&ProblemEvent::new(at, entry))?;
            }
        }
        memory.problems = problems.iter().map(|problem| problem.code).collect();
        self.lines.flush()
    }

    /// Writes why there was no look.
    ///
    /// # Errors
    /// What writing says.
    pub fn failed(&mut self, problem: &Problem) -> io::Result<()> {
        let memory = Rc::clone(&self.memory);
        self.problems(&mut memory.borrow_mut(), std::slice::from_ref(problem))
    }

    /// Writes that looks were left out.
    ///
    /// # Errors
    /// What writing says.
    pub fn behind(&mut self, missed: u64) -> io::Result<()> {
        let event = BehindEvent::new(self.monotonic_ms(), missed);
        self.lines.object(&event)?;
        self.lines.flush()
    }
}

impl<W: Write> RowWriter for Events<W> {
    fn begin(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Takes the rows. The facts that come with the last of them must hold for all, those of
    /// holders too.
    fn rows(&mut self, sockets: &[Socket], facts: &Facts) -> io::Result<()> {
        self.rows.sockets.extend_from_slice(sockets);
        self.rows.facts = facts.clone();
        Ok(())
    }

    fn end(&mut self, report: &Report) -> io::Result<()> {
        let snapshot = std::mem::take(&mut self.rows);
        self.sockets(snapshot, None, report)
    }
}

/// The row of a socket in an event.
#[derive(Serialize)]
#[serde(untagged)]
#[expect(
    clippy::large_enum_variant,
    reason = "it is made for one line and never kept"
)]
enum ToldSocket<'a> {
    Usual(SocketRow<'a>),
    More(&'a Value),
}

fn name(owner: &LastOwner) -> ProcessName<'_> {
    ProcessName::new(owner.pid, &owner.comm)
}

#[cfg(test)]
mod tests;
