//! Stopping and going on as a job of a shell.

use std::io;
use std::os::fd::AsFd;

use rustix::process::{Signal, kill_current_process_group};
use rustix::termios::tcgetpgrp;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGSTOP, SIGTERM, SIGTSTP};

/// Signals that are caught while the terminal is taken over.
const CAUGHT: [i32; 5] = [SIGTSTP, SIGTERM, SIGINT, SIGHUP, SIGQUIT];

/// Who is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// This process, which alone got the signal.
    Process,
    /// The same, also where nobody could let it go on.
    ProcessSurely,
    /// The whole job, as when Ctrl-Z is typed: a script that waits for us stops too.
    Job,
}

/// Stops, and returns when somebody lets us go on.
///
/// Meanwhile every signal does what it does by default: a stopped program that is told to end
/// does not come back first. The kernel stops nothing that nobody could let go on (a program
/// that is a terminal's first): then this returns at once.
///
/// # Errors
/// What `sigaction(2)` and `kill(2)` say.
pub(super) fn stop(who: Who) -> io::Result<()> {
    let kept = CAUGHT.map(|signal| (signal, default(signal)));
    let stopped = match who {
        Who::Process => signal_hook::low_level::raise(SIGTSTP),
        Who::ProcessSurely => signal_hook::low_level::raise(SIGSTOP),
        // The first thread gets it, which is this one, before the call returns.
        Who::Job => kill_current_process_group(Signal::TSTP).map_err(io::Error::from),
    };
    for (signal, action) in kept {
        if let Ok(action) = action {
            set(signal, &action);
        }
    }
    stopped
}

/// Whether the terminal is ours to set: a shell that has put us into the background has it.
#[must_use]
pub(super) fn is_in_foreground(terminal: impl AsFd) -> bool {
    match tcgetpgrp(terminal) {
        Ok(group) => group == rustix::process::getpgrp(),
        // No terminal of our session: nobody else sets it.
        Err(_) => true,
    }
}

/// Gives a signal its default action; the one it had.
#[allow(unsafe_code)]
fn default(signal: i32) -> io::Result<libc::sigaction> {
    // SAFETY: sigaction is plain data for which all zeros is valid: SIG_DFL, no flags, no mask.
    let (new, mut old): (libc::sigaction, libc::sigaction) =
        unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
    // SAFETY: both pointers are to live locals.
    if unsafe { libc::sigaction(signal, &raw const new, &raw mut old) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(old)
}

/// Gives a signal back the action it had.
#[allow(unsafe_code)]
fn set(signal: i32, action: &libc::sigaction) {
    // SAFETY: the action is the one that the kernel told of this signal; null asks for no answer.
    unsafe { libc::sigaction(signal, action, std::ptr::null_mut()) };
}
