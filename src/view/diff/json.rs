//! What differs, in JSON. Rows stand as they stood in the file.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::value::RawValue;

use super::{Change, DiffSide, DiffView};
use crate::json::envelope::Lines;
use crate::model::{Event, RowKind, State};
use crate::view::counts::Totals;

/// The answer of `diff`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DiffPart<'a, R, S> {
    /// The earlier answer.
    before: SideEntry<'a>,
    /// The later answer.
    after: SideEntry<'a>,
    /// Rows that are only in the later answer, as they stand there.
    opened: Vec<R>,
    /// Rows that are only in the earlier answer, as they stand there.
    closed: Vec<R>,
    /// Rows that are in both, and differ.
    changed: Vec<ChangedRow<R, S>>,
}

/// The answer of `diff` about rows as they stand in the files.
pub type DiffAnswer<'a> = DiffPart<'a, &'a RawValue, Option<PreviousState>>;

/// What only sockets have.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PreviousState {
    /// The state before; null where it is the same.
    previous_state: Option<State>,
}

/// What other rows have instead: nothing.
#[cfg(test)]
#[derive(schemars::JsonSchema)]
pub struct NoState {}

/// A row that differs.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Changed{R}"))]
struct ChangedRow<R, S> {
    /// As it stands in the earlier answer.
    before: R,
    /// As it stands in the later answer.
    after: R,
    /// What differs: of sockets state, local, peer, owners, accept_queue, recv_q, send_q, drops;
    /// of other rows the names of their figures.
    changes: Vec<String>,
    #[serde(flatten)]
    previous: S,
}

/// One of both answers.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "DiffSide"))]
struct SideEntry<'a> {
    /// When the look began, as the file has it: RFC 3339, UTC.
    #[cfg_attr(test, schemars(extend("format" = "date-time")))]
    collected_at: &'a str,
    /// The name of the host that it is from.
    host: &'a str,
    /// The command that gave it; null where the lines of ndjson do not tell.
    command: Option<&'a str>,
    #[serde(flatten)]
    count: RowCount,
    #[serde(flatten)]
    totals: Option<Totals<'a>>,
}

/// How many rows there are, by what they are; what they are not is absent.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct RowCount {
    /// Sockets.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "usize"))]
    sockets: Option<usize>,
    /// Groups of states.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "usize"))]
    groups: Option<usize>,
    /// Rows of buildup.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "usize"))]
    buildup: Option<usize>,
    /// Findings of doctor.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "usize"))]
    findings: Option<usize>,
    /// Live values of explain.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "usize"))]
    live: Option<usize>,
}

impl<'a> SideEntry<'a> {
    fn new(kind: RowKind, side: &'a DiffSide<'a>) -> Self {
        let rows = Some(side.raw.len());
        let nothing = RowCount::default();
        let count = match kind {
            RowKind::Socket => RowCount {
                sockets: rows,
                ..nothing
            },
            RowKind::Group => RowCount {
                groups: rows,
                ..nothing
            },
            RowKind::Pile => RowCount {
                buildup: rows,
                ..nothing
            },
            RowKind::Finding => RowCount {
                findings: rows,
                ..nothing
            },
            RowKind::Value => RowCount {
                live: rows,
                ..nothing
            },
        };
        Self {
            collected_at: side.collected_at,
            host: side.host,
            command: side.command,
            count,
            totals: side.states.as_ref().map(Totals::new),
        }
    }
}

fn raw<'a>(side: &'a DiffSide<'a>, index: Option<usize>) -> Option<&'a RawValue> {
    side.raw.get(index?).copied()
}

impl<'a> DiffAnswer<'a> {
    /// All that differs.
    #[must_use]
    pub fn new(view: &'a DiffView<'a>) -> Self {
        let of = |event| {
            view.changes
                .iter()
                .filter(move |change| change.event == event)
        };
        let is_socket = view.kind == RowKind::Socket;
        let changed = of(Event::Changed).filter_map(|change| {
            Some(ChangedRow {
                before: raw(&view.before, change.before)?,
                after: raw(&view.after, change.after)?,
                changes: change.changes.clone(),
                previous: is_socket.then_some(PreviousState {
                    previous_state: change.previous_state,
                }),
            })
        });
        Self {
            before: SideEntry::new(view.kind, &view.before),
            after: SideEntry::new(view.kind, &view.after),
            opened: of(Event::Opened)
                .filter_map(|change| raw(&view.after, change.after))
                .collect(),
            closed: of(Event::Closed)
                .filter_map(|change| raw(&view.before, change.before))
                .collect(),
            changed: changed.collect(),
        }
    }
}

/// One line of `diff` in ndjson: an event. What the row is, its key tells.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DiffLine<R> {
    #[cfg_attr(test, schemars(with = "DiffEvent"))]
    event: Event,
    /// What differs; absent unless something does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    changes: Option<Vec<String>>,
    #[serde(flatten)]
    row: R,
}

/// The events of `diff`.
#[cfg(test)]
struct DiffEvent;

#[cfg(test)]
impl schemars::JsonSchema for DiffEvent {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DiffEvent".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names = [Event::Opened, Event::Closed, Event::Changed].map(Event::name);
        schemars::json_schema!({
            "description": "What happened to a row: it is only in the later answer, only in the \
                earlier one, or in both and differs.",
            "type": "string",
            "enum": names,
        })
    }
}

/// A socket of a line, and the state in which it was.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DiffSocket<R> {
    /// The state before; absent where it is the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "State"))]
    previous_state: Option<State>,
    /// As it stands in the file: the later one where it is in both.
    socket: R,
}

/// The row of a line, as it stands in the file: the later one where it is in both.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum NamedRow<'a> {
    Group(&'a RawValue),
    Pile(&'a RawValue),
    Finding(&'a RawValue),
    Value(&'a RawValue),
    #[serde(untagged)]
    Socket(DiffSocket<&'a RawValue>),
}

/// Writes one line a change.
///
/// # Errors
/// What writing says.
pub fn lines<W: Write>(out: &mut Lines<W>, view: &DiffView<'_>) -> io::Result<()> {
    for change in &view.changes {
        if let Some(row) = row_of(view, change) {
            let is_changed = change.event == Event::Changed;
            out.object(&DiffLine {
                event: change.event,
                changes: is_changed.then(|| change.changes.clone()),
                row,
            })?;
        }
    }
    Ok(())
}

fn row_of<'a>(view: &'a DiffView<'a>, change: &Change) -> Option<NamedRow<'a>> {
    let row = match change.event {
        Event::Closed => raw(&view.before, change.before)?,
        Event::Present | Event::Opened | Event::Changed => raw(&view.after, change.after)?,
    };
    Some(match view.kind {
        RowKind::Socket => NamedRow::Socket(DiffSocket {
            previous_state: change.previous_state,
            socket: row,
        }),
        RowKind::Group => NamedRow::Group(row),
        RowKind::Pile => NamedRow::Pile(row),
        RowKind::Finding => NamedRow::Finding(row),
        RowKind::Value => NamedRow::Value(row),
    })
}
