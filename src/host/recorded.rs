//! A recording that answers in place of the machine.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::answer::{Failure, Kept};
use super::recording::{ABOUT, FORMAT, failed_at, path};

/// A directory of answers.
#[derive(Debug)]
pub(super) struct Recorded {
    root: PathBuf,
    asked: Mutex<HashMap<String, Asked>>,
}

/// How often a question was asked, and the last answer to it.
#[derive(Debug, Default)]
struct Asked {
    count: u32,
    last: Option<Kept>,
}

impl Recorded {
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let about = fs::read_to_string(root.join(ABOUT))?;
        if about.lines().next() != Some(FORMAT) {
            return Err(io::Error::other(
                "it is not a recording that this version can read",
            ));
        }
        Ok(Self {
            root: root.to_owned(),
            asked: Mutex::default(),
        })
    }

    /// The answer to a question: the second one to a question that is asked again. Where there
    /// is none of that number, the machine said the same as before.
    pub(super) fn answer(&self, key: &str) -> Kept {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let path = |number| path(&self.root, key, number);
        let asked = asked.entry(key.to_owned()).or_default();
        asked.count += 1;
        if let Some(kept) = read(path(asked.count)) {
            asked.last = Some(kept);
        }
        asked.last.clone().unwrap_or(Kept::Failed(Failure::UNASKED))
    }
}

fn read(path: PathBuf) -> Option<Kept> {
    if let Ok(bytes) = fs::read(&path) {
        return Some(Kept::Bytes(bytes));
    }
    let why = fs::read_to_string(failed_at(path)).ok()?;
    Some(Kept::Failed(Failure::read(&why)))
}
