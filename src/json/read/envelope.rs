//! The envelope of an answer, and lines that stand for one.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::{Fault, SCHEMA, Saved, SavedTotals, entries, sockets};
use crate::json::names::Named;
use crate::model::{RowKind, Snapshot, State};

/// The JSON values of a text, one after the other.
pub(super) fn values(text: &str) -> Result<Vec<&RawValue>, Fault> {
    let mut values = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        // The parser of a stream counts from the start of the text.
        values.push(value.map_err(|error| Fault::of(&error, text, text))?);
    }
    Ok(values)
}

/// What every object begins with.
#[derive(Debug, Deserialize)]
pub(super) struct WrittenOrigin {
    pub command: Option<String>,
    collected_at: String,
    host: String,
    limit: Option<u64>,
    asked: Option<String>,
}

/// Only the name of the schema: of another one nothing else is known.
#[derive(Deserialize)]
struct SchemaOnly<'a> {
    #[serde(borrow)]
    schema: Option<Cow<'a, str>>,
}

/// Reads who wrote an object, and whether it is of the schema.
pub(super) fn origin(text: &str, value: &RawValue) -> Result<WrittenOrigin, Fault> {
    let fault = |error: &serde_json::Error| Fault::of(error, text, value.get());
    if !value.get().starts_with('{') {
        return Err(Fault::new("it is JSON, but not an object").at(text, value.get()));
    }
    let only: SchemaOnly<'_> = serde_json::from_str(value.get()).map_err(|e| fault(&e))?;
    match only.schema.as_deref() {
        Some(SCHEMA) => {}
        Some(other) => {
            let what = format!("its schema is '{other}', and this version reads {SCHEMA}");
            return Err(Fault::new(what));
        }
        None => {
            return Err(Fault::new(
                "it is JSON, but not a sockscope report (no schema)",
            ));
        }
    }
    serde_json::from_str(value.get()).map_err(|e| fault(&e))
}

/// What the answers of all commands may have; what does not belong to rows is passed over.
#[derive(Deserialize)]
struct WrittenAnswer<'a> {
    complete: bool,
    #[serde(borrow)]
    sockets: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    groups: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    buildup: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    findings: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    live: Option<Vec<&'a RawValue>>,
    topic: Option<String>,
    /// Of `states` and the overview an object of counts; of `explain` a list.
    #[serde(borrow)]
    states: Option<&'a RawValue>,
    udp: Option<WrittenUdp>,
}

#[derive(Deserialize)]
struct WrittenUdp {
    connected: u32,
    unconnected: u32,
}

/// Reads a whole answer.
pub(super) fn answer<'a>(
    text: &'a str,
    value: &'a RawValue,
    origin: WrittenOrigin,
) -> Result<Saved<'a>, Fault> {
    let answer: WrittenAnswer<'a> =
        serde_json::from_str(value.get()).map_err(|error| Fault::of(&error, text, value.get()))?;
    let command = origin.command.as_deref().unwrap_or_default();
    let (kind, rows) = match command {
        "states" => (RowKind::Group, answer.groups),
        "buildup" => (RowKind::Pile, answer.buildup),
        "doctor" => (RowKind::Finding, answer.findings),
        "explain" => (RowKind::Value, answer.live),
        _ => (RowKind::Socket, answer.sockets),
    };
    let Some(rows) = rows else {
        let what = format!("a report of '{command}' has nothing to compare");
        let hint = "save listen, conns, port, proc, inspect, states, buildup, doctor or explain";
        return Err(Fault::new(what).hint(hint));
    };
    let topic = answer.topic.unwrap_or_default();
    let totals = match (kind, answer.states) {
        (RowKind::Group | RowKind::Socket, Some(states)) => {
            Some(totals(text, states, answer.udp.as_ref())?)
        }
        _ => None,
    };
    let complete = Some(answer.complete);
    with_rows(text, kind, rows, origin, complete, totals, &topic)
}

fn totals(text: &str, states: &RawValue, udp: Option<&WrittenUdp>) -> Result<SavedTotals, Fault> {
    let counts: BTreeMap<Cow<'_, str>, u32> = serde_json::from_str(states.get())
        .map_err(|error| Fault::of(&error, text, states.get()))?;
    // A state that is not known cannot be shown by its name.
    let known = counts
        .iter()
        .filter_map(|(name, count)| Some((State::named(name)?, *count)));
    Ok(SavedTotals {
        tcp: known.collect(),
        udp_connected: udp.map_or(0, |udp| udp.connected),
        udp_unconnected: udp.map_or(0, |udp| udp.unconnected),
    })
}

/// Keys by which the kind of a line is known.
#[derive(Deserialize)]
struct LineKeys {
    event: Option<IgnoredAny>,
    local: Option<IgnoredAny>,
    owners: Option<IgnoredAny>,
    key: Option<IgnoredAny>,
    states: Option<IgnoredAny>,
    attribution: Option<IgnoredAny>,
    severity: Option<IgnoredAny>,
    subject: Option<IgnoredAny>,
}

/// Reads one object a line. The keys of the first one say what all of them are.
pub(super) fn lines<'a>(
    text: &'a str,
    values: &[&'a RawValue],
    origin: WrittenOrigin,
) -> Result<Saved<'a>, Fault> {
    let first = values.first().map_or("", |value| value.get());
    let keys: LineKeys =
        serde_json::from_str(first).map_err(|error| Fault::of(&error, text, first))?;
    if keys.event.is_some() {
        let fault = Fault::new("it is a stream of events, not a snapshot").at(text, first);
        return Err(fault.hint("save without --watch"));
    }
    let kind = if keys.local.is_some() && keys.owners.is_some() {
        RowKind::Socket
    } else if keys.key.is_some() && keys.states.is_some() {
        RowKind::Group
    } else if keys.attribution.is_some() {
        RowKind::Pile
    } else if keys.severity.is_some() && keys.subject.is_some() {
        RowKind::Finding
    } else {
        let fault = Fault::new("lines of this kind cannot be compared").at(text, first);
        return Err(fault.hint("save it with --json"));
    };
    for value in values {
        let line: WrittenOrigin = serde_json::from_str(value.get())
            .map_err(|error| Fault::of(&error, text, value.get()))?;
        if line.collected_at != origin.collected_at || line.host != origin.host {
            let fault = Fault::new("its lines come from several reports").at(text, value.get());
            return Err(fault.hint("save each report to its own file"));
        }
    }
    with_rows(text, kind, values.to_vec(), origin, None, None, "")
}

fn with_rows<'a>(
    text: &'a str,
    kind: RowKind,
    rows: Vec<&'a RawValue>,
    origin: WrittenOrigin,
    complete: Option<bool>,
    totals: Option<SavedTotals>,
    topic: &str,
) -> Result<Saved<'a>, Fault> {
    let mut saved = Saved {
        command: origin.command,
        collected_at: origin.collected_at,
        host: origin.host,
        asked: origin.asked,
        is_part: origin.limit.is_some_and(|limit| rows.len() as u64 >= limit),
        complete,
        left_out: 0,
        kind,
        raw: Vec::new(),
        snapshot: Snapshot::default(),
        entries: Vec::new(),
        totals,
    };
    if kind == RowKind::Socket {
        let mut reader = sockets::SocketReader::default();
        for row in rows {
            if reader.row(text, row)? {
                saved.raw.push(row);
            } else {
                saved.left_out += 1;
            }
        }
        saved.snapshot = reader.finish();
    } else {
        for row in &rows {
            saved.entries.push(entries::read(kind, text, row, topic)?);
        }
        saved.raw = rows;
    }
    Ok(saved)
}
