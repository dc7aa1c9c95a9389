//! Comma-separated values: one header line of column ids, absent is empty.

use std::io::{self, Write};

use super::RowWriter;
use super::text::{Style, write_value};
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
                if is_foreign(&value) && starts_a_formula(&self.cell) {
                    self.cell.insert(0, '\'');
                }
                self.out.write_field(&self.cell).map_err(to_io)?;
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
pub(super) const fn is_foreign(value: &Value<'_>) -> bool {
    match value {
        // An end may carry a name from the resolver.
        Value::Text(_) | Value::Process(_) | Value::End { .. } => true,
        Value::Owners(_, field) => !matches!(field, OwnerField::Pid | OwnerField::Fd),
        _ => false,
    }
}

/// Whether a spreadsheet would take the text for a formula.
#[must_use]
pub fn starts_a_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@'])
}

/// The error of the stream below, so that a closed pipe is still known as one.
pub(super) fn to_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}
