//! The terminal that the answer is written to.

pub(crate) mod guard;
pub(crate) mod input;
pub(crate) mod job;
pub(crate) mod screen;
mod size;

use std::io::{self, IsTerminal};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

pub use size::{frame_width, size, width};

/// Whether standard output is a terminal.
#[must_use]
pub fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Waits for so long, or until nobody reads standard output any more: then at once, and `true`.
#[must_use]
pub fn reader_goes_within(time: Duration) -> bool {
    let end = crate::host::live::monotonic() + time;
    loop {
        let left = end.saturating_sub(crate::host::live::monotonic());
        if left.is_zero() {
            return false;
        }
        let out = io::stdout();
        // Errors are told without being asked for: those of a pipe without a reader, and of a
        // terminal that is gone.
        let mut fds = [PollFd::new(&out, PollFlags::empty())];
        let timeout = Timespec::try_from(left).ok();
        let told = poll(&mut fds, timeout.as_ref());
        let events = fds.first().map_or(PollFlags::empty(), PollFd::revents);
        match told {
            Ok(1..) if events.intersects(PollFlags::ERR | PollFlags::HUP) => return true,
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            // What cannot be polled is no reason not to wait.
            Ok(_) | Err(_) => std::thread::sleep(left),
        }
    }
}

/// Whether standard input is a terminal, from which keys can be read.
#[must_use]
pub fn is_interactive() -> bool {
    std::io::stdin().is_terminal()
}
