//! A recording in the making: what the machine answers goes into files, too.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::answer::{Answer, Kept};

/// The file that says what a directory is, and its first line.
pub(super) const ABOUT: &str = "about";
pub(super) const FORMAT: &str = "sockscope recorded host 1";

/// A directory that is being filled.
#[derive(Debug)]
pub(super) struct Recording {
    root: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    asked: HashMap<String, Asked>,
    failed: Option<io::Error>,
}

/// How often a question was asked, and the last answer to it with its number.
#[derive(Debug, Default)]
struct Asked {
    count: u32,
    last: Option<(u32, Kept)>,
}

/// The place of an answer that is still to come.
#[derive(Debug)]
pub(super) struct Slot {
    key: String,
    number: u32,
}

impl Recording {
    /// Begins one in a new or empty directory.
    pub(super) fn begin(root: &Path) -> io::Result<Self> {
        // What is told of processes is nobody else's business.
        let only_owner = fs::Permissions::from_mode(0o700);
        match fs::DirBuilder::new().mode(0o700).create(root) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if fs::read_dir(root)?.next().is_some() {
                    return Err(io::Error::other("it is not empty"));
                }
                fs::set_permissions(root, only_owner)?;
            }
            made => made?,
        }
        fs::write(root.join(ABOUT), format!("{FORMAT}\n"))?;
        Ok(Self {
            root: root.to_owned(),
            state: Mutex::default(),
        })
    }

    /// Keeps what `live` answers.
    pub(super) fn ask<A: Answer>(&self, key: String, live: impl FnOnce() -> A) -> A {
        let slot = self.reserve(key);
        let answer = live();
        self.keep(&slot, answer.keep());
        answer
    }

    /// Notes that a question is asked now.
    pub(super) fn reserve(&self, key: String) -> Slot {
        let mut state = self.lock();
        let asked = state.asked.entry(key.clone()).or_default();
        asked.count += 1;
        let number = asked.count;
        Slot { key, number }
    }

    /// Writes the answer, unless it is that of the time before.
    pub(super) fn keep(&self, slot: &Slot, kept: Kept) {
        let mut state = self.lock();
        let State { asked, failed } = &mut *state;
        let asked = asked.entry(slot.key.clone()).or_default();
        let before = asked.last.replace((slot.number, kept));
        let Some((_, kept)) = &asked.last else { return };
        if before.is_some_and(|(number, last)| number + 1 == slot.number && last == *kept) {
            return;
        }
        if let Err(error) = self.write(slot, kept) {
            failed.get_or_insert(error);
        }
    }

    fn write(&self, slot: &Slot, kept: &Kept) -> io::Result<()> {
        let path = path(&self.root, &slot.key, slot.number);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        match kept {
            Kept::Bytes(bytes) => fs::write(path, bytes),
            Kept::Failed(failure) => fs::write(failed_at(path), failure.text()),
        }
    }

    /// Whether everything could be written.
    pub(super) fn finish(&self) -> io::Result<()> {
        self.lock().failed.take().map_or(Ok(()), Err)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the answer to a question stands that is asked for the `number`th time.
pub(super) fn path(root: &Path, key: &str, number: u32) -> PathBuf {
    root.join(format!("{key}.{number}"))
}

/// Where it stands why there was none.
pub(super) fn failed_at(mut path: PathBuf) -> PathBuf {
    path.as_mut_os_string().push(".error");
    path
}
