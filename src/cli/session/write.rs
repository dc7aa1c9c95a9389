//! What a run says: its answer in each form that is wanted, and its notes.

use std::io::{self, Write};

use super::Session;
use super::output::{Output, say};
use crate::cli::exit::{Exit, Failure};
use crate::files::streams::Stdout;
use crate::json::envelope::{Envelope, Lines};
use crate::json::stream::{EventRow, Events};
use crate::look::pipeline::Stop;
use crate::model::Report;
use crate::model::foreign::safe_line;
use crate::text::csv::Csv;
use crate::text::plain::Plain;
use crate::text::tee::Tee;
use crate::text::{Columns, Format, RowWriter};
use crate::view::list::List;

/// Bytes that are gathered before they are written.
const OUT_BUFFER: usize = 64 * 1024;

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

    /// One line for what happened, one more for what to do.
    pub(crate) fn fail(&self, failure: &Failure) -> Exit {
        let (message, hint) = match failure {
            // The reader has seen enough.
            Failure::Stop(Stop::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                return Exit::Found;
            }
            Failure::Stop(Stop::Output(error)) => {
                (format!("cannot write to standard output: {error}"), None)
            }
            Failure::Stop(Stop::Problem(problem)) => {
                (problem.message.clone(), problem.hint.clone())
            }
            Failure::Usage(usage) => (usage.message.clone(), usage.hint.clone()),
        };
        self.tell(&message);
        if let Some(hint) = hint {
            self.tell(&format!("hint: {hint}"));
        }
        Exit::Failure
    }
}
