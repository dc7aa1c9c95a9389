//! The same rows, written twice.

use std::io;

use super::{Arranged, RowWriter};
use crate::model::{Facts, Report, Socket};

/// Hands rows to two writers. When the second fails (a closed pipe), the first is still finished.
pub struct Tee {
    first: Box<dyn RowWriter>,
    second: Box<dyn RowWriter>,
    failed: Option<io::Error>,
}

impl Tee {
    /// To `first`, then to `second`.
    #[must_use]
    pub fn new(first: Box<dyn RowWriter>, second: Box<dyn RowWriter>) -> Self {
        Self {
            first,
            second,
            failed: None,
        }
    }

    fn both(&mut self, write: impl Fn(&mut dyn RowWriter) -> io::Result<()>) -> io::Result<()> {
        write(self.first.as_mut())?;
        if self.failed.is_none() {
            self.failed = write(self.second.as_mut()).err();
        }
        Ok(())
    }
}

impl RowWriter for Tee {
    fn begin(&mut self) -> io::Result<()> {
        self.both(|writer| writer.begin())
    }

    fn rows(&mut self, sockets: &[Socket], facts: &Facts) -> io::Result<()> {
        self.both(|writer| writer.rows(sockets, facts))
    }

    fn all(&mut self, sockets: &[Socket], facts: &Facts, arranged: &Arranged) -> io::Result<()> {
        self.both(|writer| writer.all(sockets, facts, arranged))
    }

    fn end(&mut self, report: &Report) -> io::Result<()> {
        self.both(|writer| writer.end(report))?;
        self.failed.take().map_or(Ok(()), Err)
    }
}
