//! Rows of a saved answer that are no sockets: groups, piles, findings, values.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::Fault;
use crate::model::{Entry, Figure, Record, RowKind};

/// Reads a row.
pub(super) fn read(kind: RowKind, text: &str, row: &RawValue, topic: &str) -> Result<Entry, Fault> {
    let read = match kind {
        RowKind::Group => serde_json::from_str(row.get()).map(group),
        RowKind::Pile => serde_json::from_str(row.get()).map(|row| pile(&row)),
        RowKind::Finding => serde_json::from_str(row.get()).map(finding),
        RowKind::Value => serde_json::from_str(row.get()).map(|row| value(row, topic)),
        RowKind::Socket => Ok(Entry::default()),
    };
    read.map_err(|error| Fault::of(&error, text, row.get()))
}

/// What a row is about: a few keys, in their order by name.
type Members = BTreeMap<String, Value>;

#[derive(Deserialize)]
struct WrittenGroup {
    key: Members,
    total: u64,
    states: BTreeMap<String, u64>,
}

fn group(row: WrittenGroup) -> Entry {
    let present = row.states.into_iter().filter(|(_, count)| *count > 0);
    let mut figures = vec![("total".into(), Figure::Text(row.total.to_string()))];
    figures.extend(present.map(|(state, count)| (state.into(), Figure::Text(count.to_string()))));
    Entry {
        record: Record {
            identity: exact(&row.key),
            figures,
        },
        label: words(&row.key),
    }
}

/// A pile is the same one where it is in the same state, of the same process and at the same
/// ends; its age and its verdict follow from its count and from the time.
#[derive(Deserialize)]
struct WrittenPile {
    state: String,
    count: u64,
    process: Option<Members>,
    local: Option<Members>,
    peer: Option<Members>,
    key: Option<Members>,
}

fn pile(row: &WrittenPile) -> Entry {
    let parts = [&row.process, &row.local, &row.peer, &row.key];
    let identity: Vec<String> = parts
        .iter()
        .map(|part| part.as_ref().map_or_else(|| "null".to_owned(), exact))
        .collect();
    let mut label = vec![row.state.clone()];
    label.extend(row.key.as_ref().or(row.process.as_ref()).map(words));
    label.extend(
        row.local
            .as_ref()
            .map(|end| format!("at {}", end_words(end))),
    );
    label.extend(
        row.peer
            .as_ref()
            .map(|end| format!("towards {}", end_words(end))),
    );
    Entry {
        record: Record::new(format!("{} {}", row.state, identity.join(" ")))
            .with("count", Figure::Text(row.count.to_string())),
        label: label.join(" "),
    }
}

#[derive(Deserialize)]
struct WrittenFinding {
    id: String,
    severity: String,
    subject: Members,
    evidence: BTreeMap<String, Value>,
}

fn finding(row: WrittenFinding) -> Entry {
    let mut figures = vec![("severity".into(), Figure::Text(row.severity))];
    let evidence = row.evidence.into_iter();
    figures.extend(evidence.map(|(name, value)| (name.into(), Figure::Text(word(&value)))));
    let about = words(&row.subject);
    Entry {
        record: Record {
            identity: format!("{} {}", row.id, exact(&row.subject)),
            figures,
        },
        label: format!("{} {about}", row.id).trim_end().to_owned(),
    }
}

#[derive(Deserialize)]
struct WrittenValue {
    name: String,
    value: Value,
}

fn value(row: WrittenValue, topic: &str) -> Entry {
    Entry {
        record: Record::new(format!("{topic} {}", row.name))
            .with("value", Figure::Text(word(&row.value))),
        label: row.name,
    }
}

/// Two keys are the same where their texts are: the parts stand in the order of their names.
fn exact(key: &Members) -> String {
    let parts = key.iter().map(|(name, value)| format!("{name:?}:{value}"));
    parts.collect::<Vec<_>>().join(",")
}

/// A key for people. The name of a process stands before its pid, that of a user after the
/// number, as the keys are called.
fn words(key: &Members) -> String {
    let shown = key.iter().filter(|(name, _)| !name.ends_with("_base64"));
    let words = shown.map(|(name, value)| match name.as_str() {
        "pid" | "comm" | "command" | "user" | "unit" | "container" | "owner_status" | "state"
        | "peer" => word(value),
        "destination" => match value {
            Value::Object(end) => {
                format!("towards {}", end_words(&end.clone().into_iter().collect()))
            }
            other => word(other),
        },
        _ => format!("{name} {}", word(value)),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn end_words(end: &Members) -> String {
    let part = |name| match end.get(name) {
        None | Some(Value::Null) => "*".to_owned(),
        Some(value) => word(value),
    };
    let (address, port) = (part("address"), part("port"));
    if address.contains(':') {
        format!("[{address}]:{port}")
    } else {
        format!("{address}:{port}")
    }
}

/// A value without its quotes.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}
