//! The one table of columns: id, header, help, kind, what it needs, and value.
//!
//! Headers, plain text, CSV, `--sort`, `--columns` and what is asked of the kernel all follow
//! from this table; a new column is one entry in `table.rs`.

mod host;
mod kind;
mod read;
mod table;
mod value;

use crate::model::{Facts, Socket};
use crate::query::Needs;

pub use host::{push_address, push_host, push_number, push_v4};
pub use kind::Kind;
pub use read::local as local_end;
pub use table::COLUMNS;
pub use value::{OwnerField, OwnerValue, TimeUnit, Value};

/// A socket with the facts around it: what a column looks at.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The socket.
    pub socket: &'a Socket,
    /// Owners, processes and names.
    pub facts: &'a Facts,
}

/// Where a cell's text stands in its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// One column.
pub struct Column {
    /// The name in `--columns`, `--sort`, plain and csv headers.
    pub id: &'static str,
    /// The heading for people.
    pub header: &'static str,
    /// One line of explanation; the unit is told by the kind.
    pub help: &'static str,
    /// What its values are: alignment, unit and type in JSON follow.
    pub kind: Kind,
    /// How cells are aligned.
    pub align: Align,
    /// What must be asked for beside the rows.
    pub needs: Needs,
    /// Where a row of JSON has the fact without being asked, as a JSON pointer (of owners: in the
    /// first); `None` for what stands in the row's `columns`, and only when it is asked for.
    pub key: Option<&'static str>,
    /// The value of a row, by which rows are sorted, too: see [`Value::compare`].
    pub value: for<'a> fn(Row<'a>) -> Value<'a>,
}

impl std::fmt::Debug for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)
    }
}

/// The column called `id`.
#[must_use]
pub fn find(id: &str) -> Option<&'static Column> {
    COLUMNS.iter().find(|column| column.id == id)
}

/// The columns called `ids`; unknown ones are left out.
#[must_use]
pub fn select(ids: &[&str]) -> Vec<&'static Column> {
    ids.iter().filter_map(|id| find(id)).collect()
}

/// What `columns` need together.
#[must_use]
pub fn needs<'a>(columns: impl IntoIterator<Item = &'a &'static Column>) -> Needs {
    let all = columns.into_iter().map(|column| column.needs);
    all.fold(Needs::NOTHING, Needs::and)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_are_words_and_stand_once() {
        let mut seen = HashSet::new();
        for column in COLUMNS {
            assert!(seen.insert(column.id), "{}", column.id);
            let plain = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(column.id.chars().all(plain), "{}", column.id);
            assert!(!column.help.is_empty() && !column.header.is_empty());
        }
        assert!(find("lport").is_some() && find("nope").is_none());
    }
}
