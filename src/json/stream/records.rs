//! Rows that are no sockets, from one look to the next: groups, piles, findings, pages.

use std::io::{self, Write};

use rustc_hash::FxHashMap;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::json::envelope::Lines;
use crate::json::events::{Event, RecordEvent};

/// What the rows of a command are, and what makes one the same at the next look.
#[derive(Debug)]
pub struct Kind {
    /// The key under which the row stands in an event.
    name: &'static str,
    /// The keys by which it is known.
    known_by: &'static [&'static str],
    /// Keys that are said anew at each look, and are no change.
    told: &'static [&'static str],
}

impl Kind {
    /// The counts of `states`: there is only one such row.
    pub const TOTALS: Self = Self::new("totals", &[], &[]);
    /// A group of `states --by`.
    pub const GROUP: Self = Self::new("group", &["key"], &[]);
    /// A row of `buildup`.
    pub const PILE: Self = Self::new("pile", &["state", "process", "local", "peer", "key"], &[]);
    /// A finding of `doctor`: its words repeat its evidence, with ages in them.
    pub const FINDING: Self =
        Self::new("finding", &["id", "subject"], &["title", "cause", "remedy"]);
    /// A page of `explain`.
    pub const PAGE: Self = Self::new("page", &["topic"], &[]);

    const fn new(
        name: &'static str,
        known_by: &'static [&'static str],
        told: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            known_by,
            told,
        }
    }
}

/// The rows of one look.
#[derive(Debug)]
pub(super) struct Records {
    kind: &'static Kind,
    /// What each is known by, and all of it.
    rows: Vec<(String, Value)>,
}

impl Records {
    pub(super) fn new(kind: &'static Kind, rows: Vec<Value>) -> Self {
        let mut twins: FxHashMap<String, u32> = FxHashMap::default();
        let identified = rows.into_iter().map(|row| {
            let parts = kind.known_by.iter().filter_map(|key| row.get(key));
            let parts: Vec<String> = parts.map(Value::to_string).collect();
            let known = parts.join(" ");
            let twin = twins.entry(known.clone()).or_default();
            *twin += 1;
            (format!("{known} {twin}"), row)
        });
        Self {
            kind,
            rows: identified.collect(),
        }
    }

    /// Writes what is different: what closed, what changed, what opened; all of it, where there
    /// was no look `before`.
    pub(super) fn tell<W: Write>(
        &self,
        before: Option<&Self>,
        monotonic_ms: u64,
        lines: &mut Lines<W>,
    ) -> io::Result<()> {
        let mut write = |event, row, changes| {
            lines.object(&RecordEvent {
                event,
                monotonic_ms,
                changes,
                record: Named(self.kind.name, row),
            })
        };
        let Some(before) = before else {
            let mut rows = self.rows.iter();
            return rows.try_for_each(|(_, row)| write(Event::Present, row, None));
        };
        let (was, is) = (before.by_name(), self.by_name());
        for (known, row) in &before.rows {
            if !is.contains_key(known.as_str()) {
                write(Event::Closed, row, None)?;
            }
        }
        for (known, row) in &self.rows {
            let Some(was) = was.get(known.as_str()) else {
                continue;
            };
            let changes = changes(self.kind, was, row);
            if !changes.is_empty() {
                write(Event::Changed, row, Some(changes))?;
            }
        }
        for (known, row) in &self.rows {
            if !was.contains_key(known.as_str()) {
                write(Event::Opened, row, None)?;
            }
        }
        Ok(())
    }

    fn by_name(&self) -> FxHashMap<&str, &Value> {
        let rows = self.rows.iter();
        rows.map(|(known, row)| (known.as_str(), row)).collect()
    }
}

/// The keys of a row whose values are others than before.
fn changes(kind: &Kind, was: &Value, is: &Value) -> Vec<String> {
    let mut keys: Vec<&String> = [was, is]
        .into_iter()
        .filter_map(Value::as_object)
        .flat_map(|members| members.keys())
        .filter(|key| !kind.told.contains(&key.as_str()))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys.retain(|key| differs(key, was.get(key), is.get(key)));
    keys.into_iter().cloned().collect()
}

/// Whether a value is another one: an age that grows is the same, and a rate is measured anew
/// each time.
fn differs(key: &str, was: Option<&Value>, is: Option<&Value>) -> bool {
    let (Some(was), Some(is)) = (was, is) else {
        return was != is;
    };
    if let (Some(was), Some(is)) = (was.as_object(), is.as_object()) {
        let keys = was.keys().chain(is.keys());
        return keys
            .into_iter()
            .any(|key| differs(key, was.get(key), is.get(key)));
    }
    match (was.as_f64(), is.as_f64()) {
        (Some(was), Some(is)) if key.ends_with("_ms") => is < was,
        (Some(_), Some(_)) if key.ends_with("_per_second") || key == "seconds_left" => false,
        _ => was != is,
    }
}

/// A row under the name of its kind.
struct Named<'a>(&'static str, &'a Value);

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(self.0, self.1)])
    }
}
