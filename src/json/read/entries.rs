//! Rows of a saved answer that are no sockets: groups, piles, findings, values.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::Fault;
use crate::model::{Entry, RowKind};

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
type Key = BTreeMap<String, Value>;

#[derive(Deserialize)]
struct Group {
    key: Key,
    total: u64,
    states: BTreeMap<String, u64>,
}

fn group(row: Group) -> Entry {
    let present = row.states.into_iter().filter(|(_, count)| *count > 0);
    let mut figures = vec![("total".to_owned(), row.total.to_string())];
    figures.extend(present.map(|(state, count)| (state, count.to_string())));
    Entry {
        identity: exact(&row.key),
        label: words(&row.key),
        figures,
    }
}

/// A pile is the same one where it is in the same state, of the same process and at the same
/// ends; its age and its verdict follow from its count and from the time.
#[derive(Deserialize)]
struct Pile {
    state: String,
    count: u64,
    process: Option<Key>,
    local: Option<Key>,
    peer: Option<Key>,
    key: Option<Key>,
}

fn pile(row: &Pile) -> Entry {
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
        identity: format!("{} {}", row.state, identity.join(" ")),
        label: label.join(" "),
        figures: vec![("count".to_owned(), row.count.to_string())],
    }
}

#[derive(Deserialize)]
struct Finding {
    id: String,
    severity: String,
    subject: Key,
    evidence: BTreeMap<String, Value>,
}

fn finding(row: Finding) -> Entry {
    let mut figures = vec![("severity".to_owned(), row.severity)];
    let evidence = row.evidence.into_iter();
    figures.extend(evidence.map(|(name, value)| (name, word(&value))));
    let about = words(&row.subject);
    Entry {
        identity: format!("{} {}", row.id, exact(&row.subject)),
        label: format!("{} {about}", row.id).trim_end().to_owned(),
        figures,
    }
}

#[derive(Deserialize)]
struct Live {
    name: String,
    value: Value,
}

fn value(row: Live, topic: &str) -> Entry {
    Entry {
        identity: format!("{topic} {}", row.name),
        label: row.name,
        figures: vec![("value".to_owned(), word(&row.value))],
    }
}

/// Two keys are the same where their texts are: the parts stand in the order of their names.
fn exact(key: &Key) -> String {
    let parts = key.iter().map(|(name, value)| format!("{name:?}:{value}"));
    parts.collect::<Vec<_>>().join(",")
}

/// A key for people. The name of a process stands before its pid, that of a user after the
/// number, as the keys are called.
fn words(key: &Key) -> String {
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

fn end_words(end: &Key) -> String {
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
