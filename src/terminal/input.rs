//! What comes from the terminal, and from those who send signals.

use std::fs::File;
use std::io::{self, Read, stdin};
use std::thread::sleep;
use std::time::Duration;

use ratatui::crossterm::event::{self, KeyEvent, KeyEventKind};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::iterator::Signals;

use super::guard;
use crate::host::live::start_thread;

/// How long a signal waits for a thread that cannot write, before it ends the process itself.
const PATIENCE: Duration = Duration::from_secs(1);

/// What came; keys as whoever draws knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input<Key> {
    Key(Key),
    /// `SIGWINCH`: another size, perhaps.
    Resize,
    /// `SIGTERM`, `SIGINT`, `SIGHUP` or `SIGQUIT`: leave.
    End(i32),
    /// `SIGTSTP`: stop.
    Stop,
    /// `SIGCONT`: somebody else stopped us, and had the terminal.
    Continue,
    /// The terminal is gone.
    Lost,
}

/// Catches signals from now on, and tells of them while somebody listens: `tell` says so.
///
/// # Errors
/// When signals cannot be caught or no thread can be made.
pub(crate) fn catch_signals<Key>(
    tell: impl Fn(Input<Key>) -> bool + Send + 'static,
) -> io::Result<()> {
    let caught = [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH];
    on_signals(&caught, move |signal| {
        let input = match signal {
            SIGTSTP => Input::Stop,
            SIGCONT => Input::Continue,
            SIGWINCH => Input::Resize,
            signal => Input::End(signal),
        };
        let is_end = matches!(input, Input::End(_));
        if tell(input) && is_end {
            // Whoever draws may wait for a terminal that takes nothing any more.
            sleep(PATIENCE);
            guard::restore_modes();
            die_of(signal);
        }
    })
}

/// Tells of SIGINT, SIGTERM and SIGHUP instead of dying of them; `true` is SIGINT.
///
/// # Errors
/// When signals cannot be caught or no thread can be made.
pub(crate) fn on_end(end: impl Fn(bool) + Send + 'static) -> io::Result<()> {
    on_signals(&[SIGINT, SIGTERM, SIGHUP], move |signal| {
        end(signal == SIGINT);
    })
}

fn on_signals(which: &[i32], tell: impl Fn(i32) + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new(which)?;
    start_thread(move || signals.forever().for_each(tell))
}

/// Tells of keys while somebody listens.
///
/// # Errors
/// When no thread can be made.
pub(crate) fn read_keys(tell: impl Fn(Input<KeyEvent>) -> bool + Send + 'static) -> io::Result<()> {
    start_thread(move || {
        loop {
            let input = match event::read() {
                Ok(event::Event::Key(key)) if key.kind != KeyEventKind::Release => Input::Key(key),
                Ok(_) => continue,
                Err(_) => Input::Lost,
            };
            if !tell(input) || input == Input::Lost {
                return;
            }
        }
    })
}

/// The same byte by byte, where a letter is all that is wanted.
///
/// # Errors
/// When no thread can be made.
pub(crate) fn read_bytes(tell: impl Fn(Input<u8>) -> bool + Send + 'static) -> io::Result<()> {
    let Some(terminal) = guard::keyboard() else {
        return Ok(());
    };
    start_thread(move || {
        let mut terminal = File::from(terminal);
        let mut keys = [0; 64];
        let mut goes_on = true;
        while goes_on {
            goes_on = match terminal.read(&mut keys) {
                Ok(count @ 1..) => {
                    let mut typed = keys.iter().take(count);
                    typed.all(|key| tell(Input::Key(*key)))
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => true,
                // A terminal that can only be written to has no keys.
                Err(error) if error.raw_os_error() == Some(libc::EBADF) => false,
                Ok(_) | Err(_) => {
                    tell(Input::Lost);
                    false
                }
            };
        }
    })
}

/// Dies of a signal, as whoever sent it expects.
pub(crate) fn die_of(signal: i32) {
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}

/// Whether the terminal has hung up: reading it would give nothing, again and again.
#[must_use]
pub(crate) fn is_lost() -> bool {
    let stdin = stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    poll(&mut fds, Some(&at_once)).is_ok() && fds.iter().any(|fd| fd.revents().intersects(gone))
}
