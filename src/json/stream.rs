//! What happened from one look to the next, one JSON object a line.
//!
//! A stream remembers the look before and nothing older.

mod records;

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

pub use records::Kind;

use super::envelope::{Head, Lines};
use super::events::{BehindEvent, Event, ProblemEvent, SocketEvent};
use super::socket::SocketRow;
use super::{ProblemEntry, ProcessName};
use crate::columns::Column;
use crate::look::changes::{Changes, LastOwner, Look};
use crate::look::past::Sample;
use crate::model::{Facts, Problem, Report, Snapshot, Socket};
use crate::text::RowWriter;

/// What a stream of events remembers of the look before.
#[derive(Debug, Default)]
pub struct Memory {
    sockets: Option<Seen>,
    records: Option<records::Records>,
    /// The codes of its problems.
    problems: Vec<&'static str>,
}

/// The sockets of a look.
#[derive(Debug)]
struct Seen {
    look: Look,
    /// What is told of each, where it is more than the usual.
    told: Option<Vec<Value>>,
    /// The columns that each tells beside its keys.
    columns: Vec<&'static Column>,
}

/// A stream of events, at one look.
pub struct Events<W> {
    lines: Lines<W>,
    /// The columns that a socket tells beside its keys.
    columns: Vec<&'static Column>,
    at: Duration,
    memory: Rc<RefCell<Memory>>,
    rows: Snapshot,
}

impl<W: Write> Events<W> {
    /// Writes to `out` what is different `at` this time, since the watch began, from what is
    /// remembered.
    pub fn new(out: W, head: &Head, at: Duration, memory: Rc<RefCell<Memory>>) -> Self {
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

    /// Tells what is different about rows that are no sockets.
    ///
    /// # Errors
    /// What writing says.
    pub fn records<R: Serialize>(
        &mut self,
        kind: &'static Kind,
        rows: impl Iterator<Item = R>,
        report: &Report,
    ) -> io::Result<()> {
        let memory = Rc::clone(&self.memory);
        let mut memory = memory.borrow_mut();
        let rows: Result<Vec<Value>, _> = rows.map(serde_json::to_value).collect();
        let next = records::Records::new(kind, rows?);
        let at = self.monotonic_ms();
        next.tell(memory.records.as_ref(), at, &mut self.lines)?;
        memory.records = Some(next);
        self.problems(&mut memory, &report.problems)
    }

    /// Tells what is different about sockets of which more is told than usual: `told` holds it,
    /// in their order.
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
                let now = Seen {
                    look,
                    told,
                    columns,
                };
                for place in 0..now.look.sockets().len() {
                    self.tell(Event::Present, &now, place)?;
                }
                now
            }
            Some(before) => {
                let (look, changes) = before.look.next(self.sample(snapshot));
                let now = Seen {
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
    fn changes(&mut self, before: &Seen, now: &Seen, changes: &Changes) -> io::Result<()> {
        for &place in &changes.closed {
            self.tell(Event::Closed, before, place)?;
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
        for &place in &changes.opened {
            self.tell(Event::Opened, now, place)?;
        }
        Ok(())
    }

    fn tell(&mut self, event: Event, seen: &Seen, place: usize) -> io::Result<()> {
        let socket = seen.look.socket(place).filter(|_| event == Event::Closed);
        let owner = socket.map(|socket| seen.look.last_owner(socket));
        let last_owner = owner.as_ref().map(|owner| owner.as_ref().map(name));
        self.write(seen, place, |told| SocketEvent {
            event,
            last_owner,
            ..told
        })
    }

    /// Writes one event about the socket at `place`.
    fn write<'a>(
        &mut self,
        seen: &'a Seen,
        place: usize,
        with: impl FnOnce(SocketEvent<'a, Told<'a>>) -> SocketEvent<'a, Told<'a>>,
    ) -> io::Result<()> {
        let more = seen.told.as_ref().and_then(|told| told.get(place));
        let row = |socket| {
            let facts = seen.look.facts();
            Told::Usual(SocketRow::new(socket, facts, &seen.columns))
        };
        let usual = || seen.look.socket(place).map(row);
        let Some(socket) = more.map(Told::More).or_else(usual) else {
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

    /// Tells the problems that the look before had not.
    fn problems(&mut self, memory: &mut Memory, problems: &[Problem]) -> io::Result<()> {
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

    /// Tells why there was no look.
    ///
    /// # Errors
    /// What writing says.
    pub fn failed(&mut self, problem: &Problem) -> io::Result<()> {
        let memory = Rc::clone(&self.memory);
        self.problems(&mut memory.borrow_mut(), std::slice::from_ref(problem))
    }

    /// Tells that looks were left out.
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

    /// Takes the rows. The facts that come with the last of them must hold for all, places of
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

/// What is told of a socket.
#[derive(Serialize)]
#[serde(untagged)]
#[expect(
    clippy::large_enum_variant,
    reason = "it is made for one line and never kept"
)]
enum Told<'a> {
    Usual(SocketRow<'a>),
    More(&'a Value),
}

fn name(owner: &LastOwner) -> ProcessName<'_> {
    ProcessName::new(owner.pid, &owner.comm)
}

#[cfg(test)]
mod tests;
