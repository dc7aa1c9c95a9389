//! The terminal that the answer is written to.

use std::io::{self, IsTerminal};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Whether standard output is a terminal.
#[must_use]
pub fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// The width of the terminal in columns: `COLUMNS`, else what the terminal says, else 80.
/// `None` when standard output is no terminal: then nothing is cut.
#[must_use]
pub fn width() -> Option<usize> {
    if !is_terminal() {
        return None;
    }
    let from_environment = std::env::var("COLUMNS")
        .ok()
        .and_then(|text| text.parse().ok());
    let from_terminal = || {
        let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
        (size.ws_col > 0).then_some(usize::from(size.ws_col))
    };
    let width: usize = from_environment.or_else(from_terminal).unwrap_or(80);
    Some(width.max(20))
}

/// Waits for so long, or until nobody reads standard output any more: then at once, and `true`.
#[must_use]
pub fn reader_goes_within(time: Duration) -> bool {
    let end = super::monotonic() + time;
    loop {
        let left = end.saturating_sub(super::monotonic());
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
