//! The terminal that the answer is written to.

pub mod job;
pub mod redraw;
pub mod screen;

use std::io::{self, IsTerminal};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Whether standard output is a terminal.
#[must_use]
pub fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// What a terminal that does not tell its size is taken for: a serial line says 0x0.
const USUAL: (u16, u16) = (80, 24);
/// Columns and lines of the largest frame that is drawn. What says more (65535x65535) is no
/// terminal that anybody sees, and a frame of that size would take all memory.
const LARGEST: (u16, u16) = (1000, 500);
/// Narrower lines have no room for a state and its count.
const NARROWEST: usize = 20;

/// Columns and lines of the terminal: those that a frame is laid out for, and drawn in.
#[must_use]
pub fn size() -> (u16, u16) {
    let told = rustix::termios::tcgetwinsize(io::stdout());
    bounded(told.map_or((0, 0), |size| (size.ws_col, size.ws_row)))
}

/// A size that can be drawn in, whatever a terminal tells.
fn bounded((columns, lines): (u16, u16)) -> (u16, u16) {
    let or_usual = |told, usual| if told > 0 { told } else { usual };
    (
        or_usual(columns, USUAL.0).min(LARGEST.0),
        or_usual(lines, USUAL.1).min(LARGEST.1),
    )
}

/// The width of lines on the terminal, in columns: `COLUMNS`, else what the terminal says, else
/// 80. `None` when standard output is no terminal: then nothing is cut.
#[must_use]
pub fn width() -> Option<usize> {
    if !is_terminal() {
        return None;
    }
    let variable = std::env::var("COLUMNS").ok();
    Some(columns(variable.as_deref(), size().0))
}

/// The same for a frame that is drawn in place: never wider than the terminal is.
#[must_use]
pub fn frame_width() -> Option<usize> {
    Some(width()?.min(usize::from(size().0)))
}

/// What `COLUMNS` asks for, where it is a number of columns; else what the terminal has.
fn columns(variable: Option<&str>, told: u16) -> usize {
    let asked = variable.and_then(|text| text.trim().parse().ok());
    let asked = asked.filter(|columns: &usize| *columns > 0);
    let most = usize::from(u16::MAX);
    asked.unwrap_or(usize::from(told)).clamp(NARROWEST, most)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_size_becomes_one_that_can_be_drawn_in() {
        for (told, drawn) in [
            ((0, 0), (80, 24)),
            ((0, 50), (80, 50)),
            ((132, 0), (132, 24)),
            ((1, 1), (1, 1)),
            ((200, 50), (200, 50)),
            ((u16::MAX, u16::MAX), LARGEST),
            ((u16::MAX, 10), (1000, 10)),
        ] {
            assert_eq!(bounded(told), drawn, "{told:?}");
        }
    }

    #[test]
    fn a_variable_that_is_no_number_of_columns_is_passed_over() {
        for (variable, width) in [
            (None, 100),
            (Some(""), 100),
            (Some("0"), 100),
            (Some("-5"), 100),
            (Some("wide"), 100),
            (Some("99999999999999999999999999"), 100),
            (Some("60"), 60),
            (Some(" 60 "), 60),
            (Some("3"), 20),
            (Some("4000000000"), 65_535),
        ] {
            assert_eq!(columns(variable, 100), width, "{variable:?}");
        }
        assert_eq!(columns(None, 4), 20);
    }
}
