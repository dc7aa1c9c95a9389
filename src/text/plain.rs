//! Columns of text for scripts: one header line of column ids, one line a row, never cut,
//! never coloured, absent is `-`.

use std::io::{self, Write};

use super::RowWriter;
use super::cell::{Style, fill, write_value};
use crate::columns::{Column, Row};
use crate::model::{Facts, Report, Socket};

/// Writes rows as aligned text without holding them: each column has a usual width, and a
/// longer cell pushes the rest of its line.
pub struct Plain<W> {
    out: W,
    columns: Vec<&'static Column>,
    header: bool,
    line: String,
}

impl<W: Write> Plain<W> {
    /// A writer of `columns`.
    pub const fn new(out: W, columns: Vec<&'static Column>, header: bool) -> Self {
        Self {
            out,
            columns,
            header,
            line: String::new(),
        }
    }
}

impl<W: Write> RowWriter for Plain<W> {
    fn begin(&mut self) -> io::Result<()> {
        if !self.header {
            return Ok(());
        }
        self.line.clear();
        for column in &self.columns {
            let start = self.line.len();
            self.line.push_str(column.id);
            fill(&mut self.line, start, column.width, column.kind.align());
            self.line.push(' ');
        }
        end(&mut self.line);
        self.out.write_all(self.line.as_bytes())
    }

    fn rows(&mut self, sockets: &[Socket], facts: &Facts) -> io::Result<()> {
        for socket in sockets {
            let row = Row { socket, facts };
            let columns = self.columns.iter().map(|column| (*column, column.width));
            line_of(&mut self.line, columns, row, (Style::Plain, " "));
            self.out.write_all(self.line.as_bytes())?;
        }
        Ok(())
    }

    fn end(&mut self, _: &Report) -> io::Result<()> {
        self.out.flush()
    }
}

/// Makes the line of a row in fixed widths without colours, and without allocating.
pub(crate) fn line_of(
    line: &mut String,
    columns: impl Iterator<Item = (&'static Column, usize)>,
    row: Row<'_>,
    how: (Style, &str),
) {
    line.clear();
    push_cells(line, columns, row, how);
    end(line);
}

/// Appends the cells of a row to a line.
pub(crate) fn push_cells(
    line: &mut String,
    columns: impl Iterator<Item = (&'static Column, usize)>,
    row: Row<'_>,
    (style, gap): (Style, &str),
) {
    for (column, width) in columns {
        let start = line.len();
        write_value(line, &(column.value)(row), style);
        if line.len() == start {
            line.push('-');
        }
        fill(line, start, width, column.kind.align());
        line.push_str(gap);
    }
}

/// Nothing stands behind the last cell.
fn end(line: &mut String) {
    line.truncate(line.trim_end().len());
    line.push('\n');
}
