//! The terminal, taken over, and given back once: by its end, a signal or a panic, whichever comes
//! first.

use std::io::{self, IsTerminal, Write, stdin, stdout};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::job::{self, Who};
use crate::files::streams::Stdout;

/// Which keys come as they are typed. None is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// Every key.
    All,
    /// All but those that send signals: Ctrl-C works whatever this process is busy with.
    ButSignals,
}

/// The terminal as it was found; `None` inside where its modes cannot be read.
struct Found(Option<(OwnedFd, Termios)>);

/// There while the terminal is taken over.
static FOUND: Mutex<Option<Found>> = Mutex::new(None);

/// The alternate screen, without a cursor and without lines that wrap.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[2J";
const LEAVE: &[u8] = b"\x1b[0m\x1b[?7h\x1b[?1049l\x1b[?25h";

/// The terminal while it is taken over; dropped, it is given back.
#[derive(Debug)]
pub(crate) struct Guard(Keys);

impl Guard {
    /// Takes the terminal over. Of a process in the background the kernel makes this wait until
    /// the shell lets it have the terminal (SIGTTOU).
    ///
    /// # Errors
    /// When the terminal cannot be set or written to.
    pub fn take(keys: Keys) -> io::Result<Self> {
        give_back_on_panic();
        let guard = Self(keys);
        guard.take_again()?;
        Ok(guard)
    }

    fn take_again(&self) -> io::Result<()> {
        *found() = Some(Found(keyboard().and_then(|terminal| {
            let modes = tcgetattr(&terminal).ok()?;
            Some((terminal, modes))
        })));
        self.resume()
    }

    /// Draws on, where somebody else may have changed the terminal meanwhile.
    ///
    /// # Errors
    /// When the terminal cannot be set or written to.
    pub fn resume(&self) -> io::Result<()> {
        self.set_modes()?;
        Stdout.write_all(ENTER)
    }

    fn set_modes(&self) -> io::Result<()> {
        let found = found();
        let Some(Found(Some((terminal, modes)))) = &*found else {
            return Ok(());
        };
        let mut typed = modes.clone();
        match self.0 {
            Keys::All => typed.make_raw(),
            Keys::ButSignals => typed
                .local_modes
                .remove(LocalModes::ICANON | LocalModes::ECHO),
        }
        Ok(tcsetattr(terminal, OptionalActions::Now, &typed)?)
    }

    /// Gives the terminal back, stops as Ctrl-Z does, and takes the terminal over again.
    ///
    /// # Errors
    /// When this process cannot stop, or the terminal cannot be set or written to.
    pub fn suspend(&self, who: Who) -> io::Result<()> {
        give_back();
        job::stop(who)?;
        self.take_again()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the terminal back, if it was taken. One that is gone cannot be helped.
pub(crate) fn give_back() {
    // Before anything is written: a terminal that takes nothing has its modes back all the same.
    restore_modes();
    let was_taken = found().take().is_some();
    if was_taken {
        let _ = Stdout.write_all(LEAVE);
    }
}

/// Gives the terminal the modes back in which it was found, unless a shell has taken it meanwhile
/// and set its own.
pub(crate) fn restore_modes() {
    if let Some(Found(Some((terminal, modes)))) = &*found()
        && job::is_in_foreground(terminal)
    {
        let _ = tcsetattr(terminal, OptionalActions::Now, modes);
    }
}

/// Lets a panic give the terminal back before it is told, in whichever thread, and end the
/// process: what is left of it has nothing to show any more.
fn give_back_on_panic() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if found().is_none() {
                return usual(panic);
            }
            // Held to the end: no other thread draws over the message.
            let mut out = stdout().lock();
            let _ = out.flush();
            give_back();
            usual(panic);
            std::process::abort();
        }));
    });
}

/// Where keys come from: standard input if it is a terminal, else the terminal that is drawn on.
pub(super) fn keyboard() -> Option<OwnedFd> {
    if stdin().is_terminal() {
        return stdin().as_fd().try_clone_to_owned().ok();
    }
    let out = stdout();
    out.is_terminal()
        .then(|| out.as_fd().try_clone_to_owned().ok())?
}

fn found() -> MutexGuard<'static, Option<Found>> {
    FOUND.lock().unwrap_or_else(PoisonError::into_inner)
}
