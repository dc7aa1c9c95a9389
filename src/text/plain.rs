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
        finish(&mut self.line, &mut self.out)
    }

    fn rows(&mut self, sockets: &[Socket], facts: &Facts) -> io::Result<()> {
        for socket in sockets {
            let row = Row { socket, facts };
            self.line.clear();
            for column in &self.columns {
                let start = self.line.len();
                write_value(&mut self.line, &(column.value)(row), Style::Plain);
                if self.line.len() == start {
                    self.line.push('-');
                }
                fill(&mut self.line, start, column.width, column.kind.align());
                self.line.push(' ');
            }
            finish(&mut self.line, &mut self.out)?;
        }
        Ok(())
    }

    fn end(&mut self, _: &Report) -> io::Result<()> {
        self.out.flush()
    }
}

fn finish(line: &mut String, out: &mut impl Write) -> io::Result<()> {
    line.truncate(line.trim_end().len());
    line.push('\n');
    out.write_all(line.as_bytes())
}
