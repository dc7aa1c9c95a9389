//! What is done before anything else, in place of the runtime of the language.
//!
//! That one ends the process by a signal where it cannot do what it wants: where a standard
//! stream is closed and there is no /dev/null, and where a filter of system calls refuses
//! signal(). Here neither is a reason to give no answer.
#![allow(unsafe_code)]

use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::stdio::{stderr, stdin, stdout};

/// Puts the process in order: every standard stream is taken, and a write that fails is an
/// error and not the end.
pub fn begin() {
    for stream in [stdin(), stdout(), stderr()] {
        take(stream);
    }
    for signal in [libc::SIGPIPE, libc::SIGXFSZ] {
        // SAFETY: no handler is given, so nothing of ours is called. Where it is refused, the
        // signal ends the process, which is as good an end as a closed pipe has.
        let _ = unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// A stream that is closed gets a descriptor that can neither be read nor written: a socket
/// that is opened later must not be taken for standard output.
fn take(stream: BorrowedFd<'_>) {
    if rustix::io::fcntl_getfd(stream) != Err(Errno::BADF) {
        return;
    }
    let nothing = rustix::fs::open("/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
    if let Ok(nothing) = nothing
        && nothing.as_raw_fd() == stream.as_raw_fd()
    {
        // It stays to the end.
        let _ = nothing.into_raw_fd();
    }
}

/// The words of the command line, the name of the program first.
///
/// # Safety
/// They are what the C library hands to `main`.
#[must_use]
pub unsafe fn arguments(count: c_int, words: *const *const c_char) -> Vec<OsString> {
    let count = usize::try_from(count).unwrap_or_default();
    let word = |index| {
        // SAFETY: there are `count` pointers, to strings that end with a zero and live as long
        // as the process; a null one ends them early.
        let word = unsafe { *words.add(index) };
        // SAFETY: as above.
        (!word.is_null()).then(|| unsafe { CStr::from_ptr(word) })
    };
    let words = (0..count).map_while(word);
    words
        .map(|word| OsStr::from_bytes(word.to_bytes()).to_owned())
        .collect()
}
