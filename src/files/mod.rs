//! Files of the user: the configuration, and saved answers.

pub mod save;
pub mod start;
pub mod streams;

use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};

/// No configuration is longer than this.
const LONGEST: u64 = 64 * 1024;

/// What there is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A file of this user or of root, and its bytes.
    Bytes(Vec<u8>),
    /// A file of another user, who has this uid: it was not read.
    Foreign(u32),
    /// Nothing, as far as this user can see.
    Nothing,
}

/// Reads a small file, if it belongs to the effective user or to root: with the environment of
/// another user (`sudo -E`) nobody's file may steer this program but one's own.
///
/// # Errors
/// When it is there and cannot be read, is no regular file, or is too long.
pub fn read_own(path: &Path) -> io::Result<Found> {
    let Ok(before) = std::fs::metadata(path) else {
        return Ok(Found::Nothing);
    };
    if !is_own(before.uid()) {
        return Ok(Found::Foreign(before.uid()));
    }
    // A fifo that somebody put there must not make this wait.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = std::fs::File::from(openat(CWD, path, flags, Mode::empty())?);
    let now = file.metadata()?;
    if !is_own(now.uid()) {
        return Ok(Found::Foreign(now.uid()));
    }
    if !now.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(io::Error::other("it is longer than 64 KiB"));
    }
    Ok(Found::Bytes(bytes))
}

/// No saved answer is longer than this: a million sockets have half of it.
const LONGEST_ANSWER: u64 = 1 << 30;

/// Reads a file of the user to its end.
///
/// # Errors
/// When it cannot be opened or read, or is too long.
pub fn read_whole(path: &Path) -> io::Result<Vec<u8>> {
    to_the_end(std::fs::File::open(path)?)
}

/// Reads standard input to its end.
///
/// # Errors
/// When it cannot be read, or is too long.
pub fn read_stdin() -> io::Result<Vec<u8>> {
    to_the_end(io::stdin().lock())
}

fn to_the_end(source: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(LONGEST_ANSWER + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST_ANSWER {
        return Err(io::Error::other("it is longer than 1 GiB"));
    }
    Ok(bytes)
}

fn is_own(uid: u32) -> bool {
    uid == 0 || uid == rustix::process::geteuid().as_raw()
}
