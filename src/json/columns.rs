//! The table of columns in JSON.

use serde::Serialize;

use crate::columns::{COLUMNS, Column};

/// What `--columns help` tells.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ColumnsAnswer {
    /// Every column there is.
    columns: Vec<ColumnRow>,
}

impl ColumnsAnswer {
    /// The whole table.
    #[must_use]
    pub fn new() -> Self {
        Self {
            columns: COLUMNS.iter().map(ColumnRow::new).collect(),
        }
    }
}

impl Default for ColumnsAnswer {
    fn default() -> Self {
        Self::new()
    }
}

/// One column.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Column"))]
pub struct ColumnRow {
    /// Its name in --columns, --sort and filters.
    id: &'static str,
    /// The heading in tables.
    header: &'static str,
    /// What it is, in one line.
    help: &'static str,
    /// The unit of its numbers in plain and csv; null where they have none.
    unit: Option<&'static str>,
    /// The type of the fact in JSON.
    #[serde(rename = "type")]
    kind: &'static str,
}

impl ColumnRow {
    /// A column.
    #[must_use]
    pub const fn new(column: &Column) -> Self {
        Self {
            id: column.id,
            header: column.header,
            help: column.help,
            unit: column.kind.unit(),
            kind: column.kind.json_type(),
        }
    }
}
