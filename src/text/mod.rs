//! Rows and views as text: tables for people, plain, csv and JSON for programs.

pub(crate) mod beside;
pub mod cell;
pub(crate) mod cells;
pub mod csv;
pub(crate) mod cut;
#[cfg(test)]
pub(crate) mod faults;
pub(crate) mod fit;
pub(crate) mod fold;
pub(crate) mod frame;
pub mod grid;
pub(crate) mod marks;
pub mod palette;
pub mod plain;
pub(crate) mod records;
pub(crate) mod tee;
pub mod theme;
pub(crate) mod units;
pub(crate) mod wrap;

use std::io;

use crate::columns::Column;
use crate::model::{Facts, Report, Socket};

/// The form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// Stable columns of text, never cut.
    Plain,
    /// One JSON envelope.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated values.
    Csv,
}

/// How rows that are all there are stand before a person.
#[derive(Clone, Debug, Default)]
pub struct Arranged {
    /// The indices of those that have a line, in their order.
    pub order: Vec<usize>,
    /// What is said of the others, in their place.
    pub folded: Option<String>,
}

/// Takes rows as they come and writes them in one format.
pub trait RowWriter {
    /// Writes what stands before the rows.
    ///
    /// # Errors
    /// What writing says.
    fn begin(&mut self) -> io::Result<()>;

    /// Writes rows.
    ///
    /// # Errors
    /// What writing says.
    fn rows(&mut self, sockets: &[Socket], facts: &Facts) -> io::Result<()>;

    /// Writes rows that are all there are, arranged where that is for people.
    ///
    /// # Errors
    /// What writing says.
    fn all(&mut self, sockets: &[Socket], facts: &Facts, _: &Arranged) -> io::Result<()> {
        self.rows(sockets, facts)
    }

    /// Writes what stands after the rows.
    ///
    /// # Errors
    /// What writing says.
    fn end(&mut self, report: &Report) -> io::Result<()>;
}

/// The columns of a list, for people and for programs.
#[derive(Clone, Debug)]
pub struct Columns {
    /// In tables.
    pub table: Vec<&'static Column>,
    /// In plain and csv.
    pub program: Vec<&'static Column>,
    /// Those that were asked for by name: they are never left out.
    pub asked: Vec<&'static str>,
}
