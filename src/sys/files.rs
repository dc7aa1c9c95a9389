//! Files of the user: the configuration.

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
        return Err(io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(io::Error::other("it is longer than 64 KiB"));
    }
    Ok(Found::Bytes(bytes))
}

fn is_own(uid: u32) -> bool {
    uid == 0 || uid == rustix::process::geteuid().as_raw()
}
