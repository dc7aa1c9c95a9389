//! JSON: the contract of schema `sockscope/v1`.
//!
//! The envelope is written as a stream: rows as they come, then what the command adds, then
//! `complete` and `problems`, which are known only at the end.

use std::io::{self, Write};

use serde::Serialize;

use super::harmless::write_json;
use super::row;
use super::{Closing, Origin, SCHEMA};
use crate::columns::Column;
use crate::model::{Facts, Foreign, Report, Socket};
use crate::text::RowWriter;

/// What every answer begins with.
#[derive(Clone, Debug)]
pub struct Head {
    /// The command.
    pub command: &'static str,
    /// RFC 3339, UTC.
    pub collected_at: String,
    /// The host's name.
    pub host: Foreign,
    /// The most rows that were asked for.
    pub limit: Option<usize>,
    /// What chose the rows.
    pub asked: Option<String>,
    /// The columns that the row of a socket has besides its usual keys.
    pub columns: Vec<&'static Column>,
}

impl Head {
    /// The members that every object begins with.
    fn origin(&self) -> Origin<'_> {
        Origin {
            schema: SCHEMA,
            collected_at: &self.collected_at,
            host: self.host.exact(),
            limit: self.limit,
            asked: self.asked.as_deref(),
        }
    }
}

/// Writes the envelope. Rows, when there are any, stand under `sockets`.
pub struct Envelope<W> {
    out: W,
    head: Head,
    rows: u64,
    /// One row, made here and written at once: a hundred small writes would cost more.
    row: Vec<u8>,
    text: String,
    with_sockets: bool,
    /// What the command adds after its rows: members, each with a comma before it.
    part: Vec<u8>,
}

impl<W: Write> Envelope<W> {
    /// An envelope for `head.command`, with the key `sockets` or without it.
    pub fn new(out: W, head: Head, with_sockets: bool) -> Self {
        Self {
            out,
            head,
            rows: 0,
            row: Vec::new(),
            text: String::new(),
            with_sockets,
            part: Vec::new(),
        }
    }

    /// Adds the members of `part`, which is the command's own.
    ///
    /// # Errors
    /// What serializing says.
    pub fn add(&mut self, part: &impl Serialize) -> io::Result<()> {
        self.part.push(b',');
        self.part.extend(members(part)?);
        Ok(())
    }

    /// Writes one row.
    ///
    /// # Errors
    /// What writing says.
    pub fn row(&mut self, row: &impl Serialize) -> io::Result<()> {
        let separator: &[u8] = if self.rows > 0 { b",\n" } else { b"\n" };
        self.row.clear();
        self.row.extend(separator);
        write_json(&mut self.row, row)?;
        self.out.write_all(&self.row)?;
        self.rows += 1;
        Ok(())
    }
}

impl<W: Write> RowWriter for Envelope<W> {
    fn begin(&mut self) -> io::Result<()> {
        self.out.write_all(b"{")?;
        self.out.write_all(&members(&self.head.origin())?)?;
        self.out.write_all(b",\"command\":")?;
        write_json(&mut self.out, &self.head.command)?;
        if self.with_sockets {
            self.out.write_all(b",\"sockets\":[")?;
        }
        Ok(())
    }

    fn rows(&mut self, sockets: &[Socket], facts: &Facts) -> io::Result<()> {
        for socket in sockets {
            self.text.clear();
            self.text
                .push_str(if self.rows > 0 { ",\n{" } else { "\n{" });
            let out = &mut self.out;
            let spill = &mut |text: &mut String| write_out(out, text);
            row::members(&mut self.text, socket, facts, &self.head.columns, spill)?;
            self.text.push('}');
            self.out.write_all(self.text.as_bytes())?;
            self.rows += 1;
        }
        Ok(())
    }

    fn end(&mut self, report: &Report) -> io::Result<()> {
        if self.with_sockets {
            self.out.write_all(b"]")?;
        }
        self.out.write_all(&self.part)?;
        self.out.write_all(b",")?;
        self.out.write_all(&members(&Closing::new(report))?)?;
        self.out.write_all(b"}\n")?;
        self.out.flush()
    }
}

/// Writes one JSON object a line: a socket, with the schema, time and host in it.
pub struct Lines<W> {
    out: W,
    head: Head,
    /// What every line begins with, up to the first member of its own; made for the first.
    start: String,
    line: String,
}

impl<W: Write> Lines<W> {
    /// A writer of lines.
    pub fn new(out: W, head: &Head) -> Self {
        Self {
            out,
            head: head.clone(),
            start: String::new(),
            line: String::new(),
        }
    }

    /// Writes one object, with the start of every line before its own members.
    ///
    /// # Errors
    /// What writing says.
    pub fn object(&mut self, object: &impl Serialize) -> io::Result<()> {
        self.begin_line()?;
        self.line
            .push_str(&crate::model::foreign::exact(&members(object)?));
        self.end_line()
    }

    fn begin_line(&mut self) -> io::Result<()> {
        if self.start.is_empty() {
            let origin = members(&self.head.origin())?;
            self.start = format!("{{{},", crate::model::foreign::exact(&origin));
        }
        self.line.clone_from(&self.start);
        Ok(())
    }

    fn end_line(&mut self) -> io::Result<()> {
        self.line.push_str("}\n");
        self.out.write_all(self.line.as_bytes())
    }

    /// Hands on what was written.
    ///
    /// # Errors
    /// What writing says.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W: Write> RowWriter for Lines<W> {
    fn begin(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn rows(&mut self, sockets: &[Socket], facts: &Facts) -> io::Result<()> {
        for socket in sockets {
            self.begin_line()?;
            let out = &mut self.out;
            let spill = &mut |text: &mut String| write_out(out, text);
            row::members(&mut self.line, socket, facts, &self.head.columns, spill)?;
            self.end_line()?;
        }
        Ok(())
    }

    fn end(&mut self, _: &Report) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes a text, and leaves it empty.
fn write_out(out: &mut impl Write, text: &mut String) -> io::Result<()> {
    out.write_all(text.as_bytes())?;
    text.clear();
    Ok(())
}

/// The members of an object, without its braces.
fn members(object: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut members = Vec::new();
    write_json(&mut members, object)?;
    members.pop();
    members.remove(0);
    Ok(members)
}
