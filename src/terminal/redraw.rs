//! A terminal that is drawn on in place, and left as it was found.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use rustix::termios::{LocalModes, OptionalActions, Termios};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::iterator::Signals;

use crate::host::live::start_thread;

/// What comes from the terminal, or from whoever ends the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A byte that was typed.
    Key(u8),
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGTERM, SIGHUP.
    Terminate,
    /// SIGTSTP: Ctrl-Z.
    Suspend,
    /// SIGCONT: somebody may have drawn here meanwhile.
    Continue,
    /// The terminal has another size.
    Resize,
    /// The terminal is gone.
    Lost,
}

/// The modes in which the terminal was found; there while it is drawn on.
static FOUND: Mutex<Option<Found>> = Mutex::new(None);

struct Found {
    /// None where they cannot be read.
    modes: Option<(OwnedFd, Termios)>,
}

/// The alternate screen, without a cursor and without lines that wrap.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[2J";
const LEAVE: &[u8] = b"\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";

/// Begins to draw: keys come as they are typed and are not shown. A panic restores the terminal.
///
/// # Errors
/// When nothing can be written.
pub fn enter() -> io::Result<()> {
    static HOOK: std::sync::Once = std::sync::Once::new();
    HOOK.call_once(|| {
        let told = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            leave();
            told(panic);
        }));
    });
    wait_for_foreground();
    let modes = keyboard().and_then(|terminal| {
        let found = rustix::termios::tcgetattr(&terminal).ok()?;
        Some((terminal, found))
    });
    *found() = Some(Found { modes });
    resume()
}

/// Draws on, where somebody else may have changed the terminal meanwhile.
///
/// # Errors
/// When nothing can be written.
pub fn resume() -> io::Result<()> {
    if let Some(Found {
        modes: Some((terminal, modes)),
    }) = &*found()
    {
        let mut typed = modes.clone();
        // Signals still come from keys: Ctrl-C works whatever this process is busy with.
        typed
            .local_modes
            .remove(LocalModes::ICANON | LocalModes::ECHO);
        let _ = rustix::termios::tcsetattr(terminal, OptionalActions::Now, &typed);
    }
    write(ENTER)
}

/// Restores the terminal; nothing happens where that was done.
pub fn leave() {
    let Some(found) = found().take() else { return };
    let _ = write(LEAVE);
    if let Some((terminal, modes)) = found.modes
        && is_foreground()
    {
        let _ = rustix::termios::tcsetattr(terminal, OptionalActions::Now, &modes);
    }
}

/// Stops this process as Ctrl-Z does, until it is in the foreground again.
pub fn suspend() {
    stop();
    wait_for_foreground();
}

/// Writes to the terminal at once.
///
/// # Errors
/// What writing says: EIO where the terminal is gone.
pub fn write(bytes: &[u8]) -> io::Result<()> {
    crate::files::streams::Stdout.write_all(bytes)
}

/// Hands on what comes, from threads that never end.
///
/// # Errors
/// When signals cannot be taken, or no thread can be made.
pub fn listen(tell: impl Fn(Event) + Clone + Send + 'static) -> io::Result<()> {
    let hand = tell.clone();
    signals(
        &[SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH],
        move |signal| {
            hand(match signal {
                SIGINT => Event::Interrupt,
                SIGTSTP => Event::Suspend,
                SIGCONT => Event::Continue,
                SIGWINCH => Event::Resize,
                _ => Event::Terminate,
            });
        },
    )?;
    if let Some(terminal) = keyboard() {
        start_thread(move || read_keys(File::from(terminal), tell))?;
    }
    Ok(())
}

/// Tells of SIGINT, SIGTERM and SIGHUP instead of dying of them; `true` is SIGINT.
///
/// # Errors
/// When signals cannot be taken, or no thread can be made.
pub fn on_end(end: impl Fn(bool) + Send + 'static) -> io::Result<()> {
    signals(&[SIGINT, SIGTERM, SIGHUP], move |signal| {
        end(signal == SIGINT);
    })
}

fn signals(which: &[i32], tell: impl Fn(i32) + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new(which)?;
    start_thread(move || signals.forever().for_each(tell))
}

fn read_keys(mut terminal: File, tell: impl Fn(Event)) {
    let mut keys = [0; 64];
    loop {
        match terminal.read(&mut keys) {
            Ok(0) => return tell(Event::Lost),
            Ok(count) => {
                let typed = keys.iter().take(count);
                typed.for_each(|key| tell(Event::Key(*key)));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A terminal that can only be written to has no keys.
            Err(error) if error.raw_os_error() == Some(libc::EBADF) => return,
            Err(_) => return tell(Event::Lost),
        }
    }
}

/// Where keys come from: standard input if it is a terminal, else the terminal that is drawn on.
fn keyboard() -> Option<OwnedFd> {
    if io::stdin().is_terminal() {
        return io::stdin().as_fd().try_clone_to_owned().ok();
    }
    let out = io::stdout();
    out.is_terminal()
        .then(|| out.as_fd().try_clone_to_owned().ok())?
}

/// A process in the background must not draw on the terminal of others: it stops, as if it had
/// tried to.
fn wait_for_foreground() {
    while !is_foreground() {
        stop();
    }
}

/// Also where there is no job control.
fn is_foreground() -> bool {
    let foreground = rustix::termios::tcgetpgrp(io::stdout());
    foreground.is_err() || foreground == Ok(rustix::process::getpgrp())
}

fn stop() {
    let _ = signal_hook::low_level::emulate_default_handler(SIGTSTP);
}

fn found() -> std::sync::MutexGuard<'static, Option<Found>> {
    FOUND.lock().unwrap_or_else(PoisonError::into_inner)
}
