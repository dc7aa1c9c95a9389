//! Where the answer and the notes of a run go: the standard streams, a round of `--watch`, a file.

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;

use crate::cli::exit::Failure;
use crate::files::save::Draft;
use crate::files::streams::Stderr;
use crate::look::pipeline::Stop;
use crate::model::Problem;
use crate::model::foreign::{safe_line, shown};

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

/// One line on standard error, made safe; a closed one is no reason to fail.
pub(crate) fn say(line: &str) {
    let line = format!("sockscope: {}\n", safe_line(line));
    let _ = Stderr.write_all(line.as_bytes());
}
