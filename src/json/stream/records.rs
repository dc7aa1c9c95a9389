//! Rows that are no sockets, from one look to the next: groups, piles, findings, pages.

use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::json::envelope::Lines;
use crate::json::events::RecordEvent;
use crate::look::compare;
use crate::model::{Event, Figure, Record};

/// A row that is no socket, and that is compared with that of the look before.
pub(crate) trait EventRow: Serialize {
    /// The key under which it stands in an event.
    const NAME: &'static str;

    /// What it is compared by, under the names that it has in JSON.
    fn record(&self) -> Record;
}

/// What is known by these values: rows are the same where they are written alike.
pub(crate) fn known_by(identity: &impl Serialize) -> Record {
    Record::new(written(identity))
}

/// A figure that is another one where it is written otherwise.
pub(crate) fn figure(value: &impl Serialize) -> Figure {
    Figure::Text(written(value))
}

/// Writing to memory cannot fail.
fn written(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The rows of one look.
#[derive(Debug)]
pub(super) struct Records {
    name: &'static str,
    /// What each is compared by, and all of it.
    rows: Vec<(Record, Value)>,
}

impl Records {
    pub(super) fn new<R: EventRow>(rows: impl Iterator<Item = R>) -> io::Result<Self> {
        let rows = rows.map(|row| Ok((row.record(), serde_json::to_value(&row)?)));
        Ok(Self {
            name: R::NAME,
            rows: rows.collect::<io::Result<_>>()?,
        })
    }

    /// Writes what is different: what closed, what changed, what opened; all of it, where there
    /// was no look `before`.
    pub(super) fn tell<W: Write>(
        &self,
        before: Option<&Self>,
        monotonic_ms: u64,
        lines: &mut Lines<W>,
    ) -> io::Result<()> {
        let mut write = |event, row: Option<&(Record, Value)>, changes| match row {
            Some((_, row)) => lines.object(&RecordEvent {
                event,
                monotonic_ms,
                changes,
                record: UnderName(self.name, row),
            }),
            None => Ok(()),
        };
        let Some(before) = before else {
            let mut rows = self.rows.iter();
            return rows.try_for_each(|row| write(Event::Present, Some(row), None));
        };
        let changes = compare::records(&before.rows, &self.rows, |(record, _)| record);
        for row in changes.closed {
            write(Event::Closed, before.rows.get(row), None)?;
        }
        for mut changed in changes.changed {
            changed.what.sort_unstable();
            write(
                Event::Changed,
                self.rows.get(changed.now),
                Some(changed.what),
            )?;
        }
        for row in changes.opened {
            write(Event::Opened, self.rows.get(row), None)?;
        }
        Ok(())
    }
}

/// A row under its name.
struct UnderName<'a>(&'static str, &'a Value);

impl Serialize for UnderName<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(self.0, self.1)])
    }
}
