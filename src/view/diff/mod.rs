//! What differs between two saved answers: a table for people, lines for programs, JSON.

mod json;
mod program;
mod table;

use serde_json::value::RawValue;

use crate::analyze::states::StatesView;
use crate::columns::Row;
use crate::model::{Entry, Event, RowKind, Snapshot, Socket, State};

pub use json::{DiffAnswer, lines};
#[cfg(test)]
pub use json::{DiffLine, DiffPart, DiffSocket, NoState, PreviousState};
pub use program::write as program;
pub use table::{summary, table};

/// One of both answers.
#[derive(Debug)]
pub struct DiffSide<'a> {
    /// When the look began, as it is written.
    pub collected_at: &'a str,
    /// The host's name.
    pub host: &'a str,
    /// The command; `None` where it is not known.
    pub command: Option<&'a str>,
    /// The rows as they are written.
    pub raw: &'a [&'a RawValue],
    /// The sockets, where the rows are sockets.
    pub snapshot: &'a Snapshot,
    /// The rows where they are none.
    pub entries: &'a [Entry],
    /// Counts by state, where there are any.
    pub states: Option<StatesView>,
}

impl<'a> DiffSide<'a> {
    fn row(&self, index: usize) -> Option<Row<'a>> {
        let socket: &Socket = self.snapshot.sockets.get(index)?;
        let facts = &self.snapshot.facts;
        Some(Row { socket, facts })
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What happened.
    pub event: Event,
    /// The index of the row in the earlier answer.
    pub before: Option<usize>,
    /// Its index in the later one.
    pub after: Option<usize>,
    /// What differs, by the names that JSON has for it.
    pub changes: Vec<String>,
    /// The state before, where it is another one now.
    pub previous_state: Option<State>,
}

/// Both answers, and what differs.
#[derive(Debug)]
pub struct DiffView<'a> {
    /// What the rows are.
    pub kind: RowKind,
    /// The earlier answer.
    pub before: DiffSide<'a>,
    /// The later one.
    pub after: DiffSide<'a>,
    /// What differs, as it is to be shown.
    pub changes: Vec<Change>,
    /// How much differs: opened, closed, changed, with what a limit hides.
    pub found: [usize; 3],
}

impl<'a> DiffView<'a> {
    /// The socket of a change: as it is, or as it was last.
    #[must_use]
    pub fn row(&self, change: &Change) -> Option<Row<'a>> {
        match (change.after, change.before) {
            (Some(index), _) => self.after.row(index),
            (None, Some(index)) => self.before.row(index),
            (None, None) => None,
        }
    }

    /// The row of a change that is no socket.
    fn entry(&self, change: &Change) -> Option<&'a Entry> {
        match (change.after, change.before) {
            (Some(index), _) => self.after.entries.get(index),
            (None, Some(index)) => self.before.entries.get(index),
            (None, None) => None,
        }
    }

    /// The row of a change as it was.
    fn entry_before(&self, change: &Change) -> Option<&'a Entry> {
        self.before.entries.get(change.before?)
    }
}
