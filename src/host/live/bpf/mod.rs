//! The open files of all processes, listed by a program of our own in the kernel: an iterator
//! of bpf(2) over `task_file`.
//!
//! It is some ten times faster than reading /proc/PID/fd, and it sees processes whose
//! descriptors /proc does not show. It needs root (`CAP_BPF` and `CAP_PERFMON`), Linux 5.8 and
//! the kernel's BTF; whoever has not all of them is told why, and reads /proc.

mod call;
mod types;

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::OnceLock;

use rustix::io::Errno;

use super::Patience;
use crate::wire::task_file::{self, Chosen, Layout};
use types::Types;

/// Bytes asked for in one read; the kernel gives 32 KiB at most.
const BUFFER: usize = 64 * 1024;
/// Bytes of the verifier's reasons that are kept: its last words are what counts.
const LOG: usize = 256 * 1024;

/// Why the files cannot be listed this way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(String);

impl Refusal {
    /// A refusal in words.
    #[must_use]
    pub const fn new(why: String) -> Self {
        Self(why)
    }

    fn of(what: &str, error: &io::Error) -> Self {
        Self(format!("{what}: {error}"))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

/// The program in the kernel; it is gone when this is dropped.
#[derive(Debug)]
pub struct TaskFiles {
    link: OwnedFd,
    map: OwnedFd,
}

/// Takes the bytes of whole records; whether more are wanted.
pub type Take<'a> = &'a mut dyn FnMut(&[u8]) -> Result<bool, Refusal>;

/// Looks up the places of what the program reads, once in the life of this process.
///
/// # Errors
/// When the types of the kernel cannot be read, or do not have what is looked for.
pub fn layout() -> Result<Layout, Refusal> {
    static LAYOUT: OnceLock<Result<Layout, Refusal>> = OnceLock::new();
    let read = || {
        let types = Types::open().map_err(|error| Refusal::of("the kernel's types", &error))?;
        let unknown = || Refusal("the kernel's types lack what is needed".to_owned());
        Layout::read(types.bytes()).ok_or_else(unknown)
    };
    LAYOUT.get_or_init(read).clone()
}

impl TaskFiles {
    /// Loads the program.
    ///
    /// # Errors
    /// For want of permission (a capability, seccomp, lockdown), of a kernel that has it
    /// (5.8), or because the verifier refuses the program.
    pub fn load() -> Result<Self, Refusal> {
        // First what is quickly refused.
        let map = call::map().map_err(|error| Refusal::of("a bpf map", &error))?;
        let layout = layout()?;
        let link = link(&task_file::program(&layout, map.as_raw_fd()), &layout)?;
        Ok(Self { link, map })
    }

    /// Lists the sockets that are `chosen` (and a few more), and every `io_uring`: their records
    /// go to `take`, until that says `false`.
    ///
    /// # Errors
    /// When the kernel stops in the middle, or gives what is no record.
    pub fn list(&self, chosen: &Chosen, take: Take<'_>) -> Result<(), Refusal> {
        let filled = call::fill(self.map.as_fd(), chosen.bytes());
        filled.map_err(|error| Refusal::of("a bpf map", &error))?;
        read(&self.link, take)
    }

    /// Lists every open file of every process.
    ///
    /// # Errors
    /// As for [`Self::load`] and [`Self::list`].
    pub fn census(take: Take<'_>) -> Result<(), Refusal> {
        let layout = layout()?;
        read(&link(&task_file::census(&layout), &layout)?, take)
    }
}

/// Loads a program and ties it to its target.
fn link(code: &[u64], layout: &Layout) -> Result<OwnedFd, Refusal> {
    let program = call::program(code, layout.target, &mut [])
        .map_err(|error| refused(code, layout, &error))?;
    call::link(program.as_fd()).map_err(|error| Refusal::of("a bpf link", &error))
}

/// Reads one pass of a linked program.
fn read(link: &OwnedFd, take: Take<'_>) -> Result<(), Refusal> {
    let pass = call::iterator(link.as_fd());
    let pass = pass.map_err(|error| Refusal::of("a bpf iterator", &error))?;
    let mut buffer = vec![0; BUFFER];
    let mut patience = Patience::default();
    loop {
        let length = match rustix::io::read(&pass, &mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => length,
            // After a million files of which none was wanted.
            Err(Errno::AGAIN) => continue,
            Err(Errno::INTR) => {
                let again = patience.once_more();
                again.map_err(|error| Refusal::of("reading a bpf iterator", &error))?;
                continue;
            }
            Err(error) => return Err(Refusal::of("reading a bpf iterator", &error.into())),
        };
        patience = Patience::default();
        if !take(buffer.get(..length).unwrap_or_default())? {
            return Ok(());
        }
    }
}

/// Why the program was refused; where it was the verifier, its last word.
fn refused(code: &[u64], layout: &Layout, error: &io::Error) -> Refusal {
    let what = "a bpf program";
    if !matches!(
        error.raw_os_error(),
        Some(libc::EACCES | libc::EINVAL | libc::E2BIG)
    ) {
        return Refusal::of(what, error);
    }
    let mut log = vec![0; LOG];
    let _ = call::program(code, layout.target, &mut log);
    let end = log.iter().position(|&b| b == 0).unwrap_or_default();
    let text = crate::model::foreign::exact(log.get(..end).unwrap_or_default()).into_owned();
    // After the reason there is a line of statistics.
    let said = |line: &&str| !line.trim().is_empty() && !line.starts_with("processed ");
    match text.lines().rev().find(said) {
        Some(line) => Refusal(format!("{what}: {error}: {}", line.trim())),
        None => Refusal::of(what, error),
    }
}
