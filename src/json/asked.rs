//! Facts of columns in JSON: those that were asked for and that a row has no key of its own for.

use std::borrow::Cow;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::text;
use crate::columns::{Column, Kind, OwnerValue, Row, Value};

/// The columns among `columns` that no row of JSON has a key for, each once.
#[must_use]
pub fn without_key(columns: &[&'static Column]) -> Vec<&'static Column> {
    let mut found: Vec<&'static Column> = Vec::new();
    for &column in columns.iter().filter(|column| column.key.is_none()) {
        if !found.contains(&column) {
            found.push(column);
        }
    }
    found
}

/// The values of columns for one socket, by id; null where a value is not known.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    row: Row<'a>,
    columns: &'a [&'static Column],
}

impl<'a> Asked<'a> {
    /// The values of `columns` for a socket; `None` where none were asked for.
    #[must_use]
    pub fn new(row: Row<'a>, columns: &'a [&'static Column]) -> Option<Self> {
        (!columns.is_empty()).then_some(Self { row, columns })
    }
}

impl Serialize for Asked<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for column in self.columns {
            let value = (column.value)(self.row);
            let fact = Fact::of(column.kind, &value);
            map.serialize_entry(column.id, &fact.value)?;
            if let Some(exact) = fact.exact {
                map.serialize_entry(&format!("{}_base64", column.id), &exact)?;
            }
        }
        map.end()
    }
}

/// A value as JSON has it.
struct Fact<'a> {
    value: Json<'a>,
    /// The bytes of what is not UTF-8, in base64.
    exact: Option<Json<'a>>,
}

/// The forms that a fact has in JSON.
#[derive(Serialize)]
#[serde(untagged)]
enum Json<'a> {
    Null,
    Number(u64),
    Text(Cow<'a, str>),
    /// One thing of each owner, in the order of `owners`; of a socket without one, its own.
    Each(Vec<Self>),
}

impl<'a> Fact<'a> {
    fn of(kind: Kind, value: &Value<'a>) -> Self {
        match value {
            Value::Owners(row, field) => {
                let owners = row.facts.owners(row.socket);
                let of_each = owners
                    .map(|(holder, process)| Self::of_owner(field.of(holder, process, row.facts)));
                Self::each(of_each.collect())
            }
            Value::Absent => Self::exactly(Json::Null),
            value if matches!(kind, Kind::Owner(_)) => Self::each(vec![Self::single(value)]),
            value => Self::single(value),
        }
    }

    fn single(value: &Value<'a>) -> Self {
        match value {
            Value::Fin => Self::exactly(Json::Number(0)),
            Value::Number(number)
            | Value::Bytes(number)
            | Value::Rate(number)
            | Value::Bits(number)
            | Value::Span { amount: number, .. } => Self::exactly(Json::Number(*number)),
            Value::Text(bytes) => Self::text(bytes),
            Value::Word(word) => Self::exactly(Json::Text(Cow::Borrowed(word))),
            Value::Hex(number) => Self::made(format!("{number:016x}")),
            Value::State(state) => Self::made(state.to_string()),
            Value::Address(address, _) => Self::made(address.to_string()),
            // These have keys of their own in every row.
            Value::Absent
            | Value::End { .. }
            | Value::Queue(..)
            | Value::Timer(_)
            | Value::Owners(..)
            | Value::Process(_) => Self::exactly(Json::Null),
        }
    }

    fn of_owner(value: OwnerValue<'a>) -> Self {
        match value {
            OwnerValue::Absent => Self::exactly(Json::Null),
            OwnerValue::Number(number) => Self::exactly(Json::Number(number.into())),
            OwnerValue::Text(bytes) => Self::text(bytes),
            OwnerValue::Made(text) => Self::made(text.exact().into_owned()),
        }
    }

    const fn exactly(value: Json<'a>) -> Self {
        Self { value, exact: None }
    }

    fn made(text: String) -> Self {
        Self::exactly(Json::Text(Cow::Owned(text)))
    }

    fn text(bytes: &'a [u8]) -> Self {
        let (text, exact) = text(bytes);
        Self {
            value: Json::Text(text),
            exact: exact.map(|exact| Json::Text(Cow::Owned(exact))),
        }
    }

    fn each(facts: Vec<Self>) -> Self {
        let is_exact = facts.iter().all(|fact| fact.exact.is_none());
        let (values, exact): (Vec<_>, Vec<_>) = facts
            .into_iter()
            .map(|fact| (fact.value, fact.exact.unwrap_or(Json::Null)))
            .unzip();
        Self {
            value: Json::Each(values),
            exact: (!is_exact).then_some(Json::Each(exact)),
        }
    }
}

#[cfg(test)]
impl schemars::JsonSchema for Asked<'_> {
    fn schema_name() -> Cow<'static, str> {
        "AskedColumns".into()
    }

    /// Patterns in place of properties: which of them are there depends on what was asked.
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let mut patterns = serde_json::Map::new();
        for column in crate::columns::COLUMNS {
            if column.key.is_some() {
                continue;
            }
            let unit = column.kind.unit();
            let unit = unit.map_or_else(String::new, |unit| format!(" ({unit})"));
            let description = format!("{}{unit}", column.help);
            let mut fact = serde_json::json!({
                "description": description,
                "type": [column.kind.json_type(), "null"],
            });
            if column.kind.json_type() == "array" {
                fact["items"] = serde_json::json!({"type": ["string", "integer", "null"]});
            }
            patterns.insert(format!("^{}$", column.id), fact);
        }
        patterns.insert(
            "_base64$".to_owned(),
            serde_json::json!({
                "description": "The bytes of the text of that name; only where it is not UTF-8.",
                "type": ["string", "array"],
                "items": {"type": ["string", "null"]},
            }),
        );
        schemars::json_schema!({
            "description": "The facts of the columns that were asked for and that a row has no \
                key of its own for, by the ids of --columns; null where one is not known.",
            "type": "object",
            "patternProperties": patterns,
        })
    }
}
