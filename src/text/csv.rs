//! Comma-separated values: one header line of column ids, absent is empty.

use std::borrow::Cow;
use std::io::{self, Write};

use super::RowWriter;
use super::cell::{Style, write_value};
use crate::columns::{Column, OwnerField, Row, Value};
use crate::model::{Facts, Report, Socket};

/// Writes rows as CSV.
pub struct Csv<W: Write> {
    out: csv::Writer<W>,
    columns: Vec<&'static Column>,
    header: bool,
    cell: String,
}

impl<W: Write> Csv<W> {
    /// A writer of `columns`.
    pub fn new(out: W, columns: Vec<&'static Column>, header: bool) -> Self {
        Self {
            out: csv::Writer::from_writer(out),
            columns,
            header,
            cell: String::new(),
        }
    }
}

impl<W: Write> RowWriter for Csv<W> {
    fn begin(&mut self) -> io::Result<()> {
        if self.header {
            let ids = self.columns.iter().map(|column| column.id);
            self.out.write_record(ids).map_err(to_io)?;
        }
        Ok(())
    }

    fn rows(&mut self, sockets: &[Socket], facts: &Facts) -> io::Result<()> {
        for socket in sockets {
            for column in &self.columns {
                let value = (column.value)(Row { socket, facts });
                self.cell.clear();
                write_value(&mut self.cell, &value, Style::Csv);
                let cell = if is_foreign(&value) {
                    harmless(&self.cell)
                } else {
                    Cow::Borrowed(self.cell.as_str())
                };
                self.out.write_field(cell.as_bytes()).map_err(to_io)?;
            }
            self.out.write_record(None::<&[u8]>).map_err(to_io)?;
        }
        Ok(())
    }

    fn end(&mut self, _: &Report) -> io::Result<()> {
        self.out.flush()
    }
}

/// Whether the text of the cell was chosen by someone else.
pub(crate) const fn is_foreign(value: &Value<'_>) -> bool {
    match value {
        // An end may carry a name from the resolver.
        Value::Text(_) | Value::Process(_) | Value::End { .. } => true,
        Value::Owners(_, field) => !matches!(field, OwnerField::Pid | OwnerField::Fd),
        _ => false,
    }
}

/// The text with a `'` before what a spreadsheet would take for a formula: at the beginning, and
/// behind each `;`, at which some divide a line into cells.
#[must_use]
pub fn harmless(text: &str) -> Cow<'_, str> {
    // The wide forms are signs of a formula to some, too.
    let is_formula = |part: &str| {
        let part = part.trim_start_matches(' ');
        part.starts_with([
            '=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
        ])
    };
    if !text.split(';').any(is_formula) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 2);
    for (index, part) in text.split(';').enumerate() {
        out.push_str(if index > 0 { ";" } else { "" });
        out.push_str(if is_formula(part) { "'" } else { "" });
        out.push_str(part);
    }
    Cow::Owned(out)
}

/// The error of the stream below, so that a closed pipe is still known as one.
pub(crate) fn to_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_of_a_cell_is_a_formula() {
        for (text, written) in [
            ("nginx", "nginx"),
            ("=1+1", "'=1+1"),
            ("sh;=cmd|x", "sh;'=cmd|x"),
            ("-;+;@a;b-c", "'-;'+;'@a;b-c"),
            (" =1", "' =1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("", ""),
        ] {
            assert_eq!(harmless(text), written);
        }
    }
}
