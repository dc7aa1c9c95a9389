//! Where the answer and the notes of a run go: the standard streams, a round of a watch, a file.

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;

use super::Session;
use crate::cli::exit::Failure;
use crate::files::save::Draft;
use crate::files::streams::{Stderr, Stdout};
use crate::json::envelope::{Envelope, Lines};
use crate::json::stream::{EventRow, Events};
use crate::look::pipeline::Stop;
use crate::model::foreign::{safe_line, shown};
use crate::model::{Problem, Report};
use crate::text::csv::Csv;
use crate::text::plain::Plain;
use crate::text::tee::Tee;
use crate::text::{Columns, Format, RowWriter};
use crate::view::list::List;

/// Bytes that are gathered before they are written.
const OUT_BUFFER: usize = 64 * 1024;

/// Where an answer goes.
#[derive(Clone, Default)]
pub(crate) enum Output {
    /// To standard output, and notes to standard error.
    #[default]
    Streams,
    /// To the block of a round.
    Round(Shared<Block>),
    /// To the file of `--save`.
    File(Shared<Draft>),
}

/// What a round says.
#[derive(Default)]
pub(crate) struct Block {
    /// The answer.
    pub text: Vec<u8>,
    /// The lines for standard error.
    pub notes: Vec<String>,
    /// There is no answer; a note says why.
    pub failed: bool,
}

impl Write for Block {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Something that several writers write to, one after the other.
pub(crate) struct Shared<W>(pub Rc<RefCell<W>>);

impl<W> Shared<W> {
    pub fn new(inner: W) -> Self {
        Self(Rc::new(RefCell::new(inner)))
    }
}

impl<W> Clone for Shared<W> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<W: Write> Write for Shared<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.borrow_mut().flush()
    }
}

/// Begins the file of `--save`, before anything is looked at.
pub(crate) fn begin_saving(path: &Path) -> Result<Shared<Draft>, Failure> {
    let draft = Draft::begin(path).map_err(|error| cannot_save(path, &error))?;
    Ok(Shared::new(draft))
}

/// Keeps the file of `--save`, which nobody writes to any more.
pub(crate) fn keep_saved(path: &Path, draft: Shared<Draft>) -> Result<(), Failure> {
    let draft = Rc::into_inner(draft.0).map(RefCell::into_inner);
    let kept = match draft {
        Some(draft) => draft.keep(),
        None => Err(io::Error::other("it is still written to")),
    };
    kept.map_err(|error| cannot_save(path, &error))
}

fn cannot_save(path: &Path, error: &io::Error) -> Failure {
    let message = format!(
        "cannot save to {}: {error}",
        shown(path.as_os_str().as_encoded_bytes())
    );
    Failure::Stop(Stop::Problem(Problem::new("cannot_save", message)))
}

impl Session {
    /// Where the answer is written; nowhere at all with `-q`.
    #[must_use]
    pub fn out(&self) -> Box<dyn Write> {
        match &self.output {
            Output::File(file) => Box::new(file.clone()),
            _ if self.options.quiet => Box::new(io::sink()),
            Output::Round(block) => Box::new(block.clone()),
            Output::Streams => Box::new(io::BufWriter::with_capacity(OUT_BUFFER, Stdout)),
        }
    }

    /// Whether what JSON has is wanted, for the output or for `--save`.
    pub(crate) fn wants_json(&self) -> bool {
        matches!(self.format, Format::Json | Format::Ndjson) || self.draft.is_some()
    }

    /// The same for the file of `--save`, which is JSON.
    fn for_file(&self) -> Option<Self> {
        let draft = self.draft.clone()?;
        Some(Self {
            format: Format::Json,
            output: Output::File(draft),
            draft: None,
            events: None,
            ..self.clone()
        })
    }

    /// Writes the answer in each form that is wanted: to the file of `--save` first, so that it
    /// is whole when nobody reads the other to its end.
    pub(crate) fn forms<E>(&self, write: impl Fn(&Self) -> Result<(), E>) -> Result<(), E> {
        if let Some(file) = self.for_file() {
            write(&file)?;
        }
        write(&Self {
            draft: None,
            ..self.clone()
        })
    }

    /// The writer of a list of sockets in the wanted format, and to the file of `--save`.
    #[must_use]
    pub fn row_writer(&self, command: &'static str, columns: Columns) -> Box<dyn RowWriter> {
        let writer = self.own_row_writer(command, columns);
        match self.for_file() {
            Some(file) => {
                let envelope = Envelope::new(file.out(), file.head(command), true);
                Box::new(Tee::new(Box::new(envelope), writer))
            }
            None => writer,
        }
    }

    fn own_row_writer(&self, command: &'static str, columns: Columns) -> Box<dyn RowWriter> {
        if let Some(events) = self.events(command) {
            return Box::new(events);
        }
        let (out, header) = (self.out(), !self.options.no_header);
        match self.format {
            Format::Table if self.is_redrawn => {
                Box::new(List::new(out, columns, self.frame()).telling_first())
            }
            Format::Table => Box::new(List::new(out, columns, self.frame())),
            Format::Plain => Box::new(Plain::new(out, columns.program, header)),
            Format::Csv => Box::new(Csv::new(out, columns.program, header)),
            Format::Json => Box::new(Envelope::new(out, self.head(command), true)),
            Format::Ndjson => Box::new(Lines::new(out, &self.head(command))),
        }
    }

    /// The stream of events, where that is wanted.
    pub(crate) fn events(&self, command: &'static str) -> Option<Events<Box<dyn Write>>> {
        let memory = self.events.clone()?;
        Some(Events::new(
            self.out(),
            &self.head(command),
            self.at,
            memory,
        ))
    }

    /// Writes rows that are no sockets in lines of JSON, or what is different about them.
    pub(crate) fn lines<R: EventRow>(
        &self,
        command: &'static str,
        rows: impl Iterator<Item = R>,
        report: &Report,
    ) -> io::Result<()> {
        if let Some(mut events) = self.events(command) {
            return events.records(rows, report);
        }
        let mut lines = Lines::new(self.out(), &self.head(command));
        for row in rows {
            lines.object(&row)?;
        }
        lines.end(report)
    }

    /// Says what could not be seen and, with `-v`, what was done.
    pub fn notes(&self, report: &Report) {
        if self.options.verbose {
            for line in &report.trace {
                self.tell(line);
            }
        }
        for problem in &report.problems {
            let hint = problem.hint.as_deref();
            let hint = hint.map_or_else(String::new, |hint| format!(" ({hint})"));
            self.tell(&format!("note: {}{hint}", problem.message));
        }
    }

    /// Says that nothing was found, and where nobody looked; where something could not be seen,
    /// no more than that.
    pub fn tell_nothing(&self, report: &Report, line: &str) {
        let far = if report.complete() {
            ""
        } else {
            ", as far as can be seen"
        };
        self.tell(&format!("{line}{far}{}", self.left_out()));
    }

    /// Says one line on standard error, or beside the answer of a round; nothing with `-q`.
    pub fn tell(&self, line: &str) {
        match &self.output {
            _ if self.options.quiet => {}
            Output::Round(block) => block.0.borrow_mut().notes.push(safe_line(line)),
            Output::Streams | Output::File(_) => say(line),
        }
    }
}

/// One line on standard error, made safe; a closed one is no reason to fail.
pub(crate) fn say(line: &str) {
    let line = format!("sockscope: {}\n", safe_line(line));
    let _ = Stderr.write_all(line.as_bytes());
}
