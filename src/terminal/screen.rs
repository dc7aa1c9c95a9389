//! The terminal as a screen: taken over and given back, whatever happens; keys and signals.

use std::io::{self, BufWriter, Stdout, Write, stdout};
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread::sleep;
use std::time::Duration;

use ratatui::backend::{Backend, ClearType, CrosstermBackend};
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{self, Event, KeyEvent, KeyEventKind};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::layout::Rect;
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::iterator::Signals;

use super::job;
use super::job::Who;
use crate::host::live::start_thread;
use crate::terminal;

/// Bytes of a frame that are gathered: what is written at once is not seen in parts.
const FRAME: usize = 64 * 1024;
/// How long a signal waits for a thread that cannot write, before it ends the process itself.
const PATIENCE: Duration = Duration::from_secs(1);

/// The terminal, taken over: alternate screen, no echo, every key at once.
///
/// It is given back when this is dropped, and by a panic before its message is shown.
pub struct Screen {
    /// Never dropped: it would show the cursor on a terminal that is given back already, and
    /// panic where that is gone.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<BufWriter<Stdout>>>>,
    size: (u16, u16),
}

/// Whether the terminal is taken over now: it is given back once, by whoever comes first.
static TAKEN: AtomicBool = AtomicBool::new(false);

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// When standard output is no terminal, or does not answer.
    pub fn take() -> io::Result<Self> {
        restore_on_panic();
        let size = terminal::size();
        let out = BufWriter::with_capacity(FRAME, stdout());
        // Of a fixed size: it is asked for in one place, here, and a frame always has it.
        let viewport = Viewport::Fixed(Rect::new(0, 0, size.0, size.1));
        let options = TerminalOptions { viewport };
        let drawn = Terminal::with_options(CrosstermBackend::new(out), options)?;
        let terminal = ManuallyDrop::new(drawn);
        let screen = Self { terminal, size };
        begin()?;
        Ok(screen)
    }

    /// Draws a frame on a screen of this size.
    ///
    /// # Errors
    /// When the terminal does not answer any more.
    pub fn draw(&mut self, size: (u16, u16), frame: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        if size != self.size {
            self.size = size;
            self.clear()?;
        }
        self.terminal.draw(frame)?;
        Ok(())
    }

    /// Gives the terminal back, stops as Ctrl-Z does, and takes the terminal over again.
    ///
    /// # Errors
    /// When the terminal does not answer any more.
    pub fn suspend(&mut self, who: Who) -> io::Result<()> {
        give_back();
        job::stop(who)?;
        self.resume()
    }

    /// Takes the terminal over again, after whatever was done to it meanwhile.
    ///
    /// # Errors
    /// When the terminal does not answer any more.
    pub fn resume(&mut self) -> io::Result<()> {
        begin()?;
        self.clear()
    }

    /// Begins with an empty screen. (`Terminal::clear` would ask the terminal where the cursor
    /// is, and wait for the answer that the other thread reads.)
    fn clear(&mut self) -> io::Result<()> {
        self.terminal.backend_mut().clear_region(ClearType::All)?;
        let (width, height) = self.size;
        self.terminal.resize(Rect::new(0, 0, width, height))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn begin() -> io::Result<()> {
    // Whoever had the terminal meanwhile may have set another mode.
    disable_raw_mode()?;
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(stdout(), EnterAlternateScreen, Hide)
}

/// Gives the terminal back, if it was taken. A terminal that is gone cannot be helped.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(stdout(), LeaveAlternateScreen, Show);
        restore_mode();
    }
}

/// Gives the terminal its mode back, unless a shell has taken it and set its own.
fn restore_mode() {
    if job::is_in_foreground() {
        let _ = disable_raw_mode();
    }
}

/// Lets a panic give the terminal back before it is told, in whichever thread, and end the
/// process: what is left of it has nothing to show any more.
fn restore_on_panic() {
    static SET: AtomicBool = AtomicBool::new(false);
    if SET.swap(true, Ordering::SeqCst) {
        return;
    }
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !TAKEN.load(Ordering::SeqCst) {
            return usual(panic);
        }
        // Held to the end: no other thread draws over the message.
        let mut out = stdout().lock();
        let _ = out.flush();
        give_back();
        usual(panic);
        std::process::abort();
    }));
}

/// What comes from the terminal, and from those who send signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// A key.
    Key(KeyEvent),
    /// `SIGWINCH`: another size, perhaps.
    Resize,
    /// `SIGTERM`, `SIGINT`, `SIGHUP` or `SIGQUIT`: leave, and die of it.
    End(i32),
    /// `SIGTSTP`: stop.
    Stop,
    /// `SIGCONT`: somebody else stopped us, and had the terminal.
    Continue,
    /// The terminal is gone.
    Lost,
}

/// Catches signals from now on, and sends them until nobody listens.
///
/// # Errors
/// When signals cannot be caught or no thread can be made.
pub fn catch_signals<T: From<Input> + Send + 'static>(to: Sender<T>) -> io::Result<()> {
    let caught = [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH];
    let mut signals = Signals::new(caught)?;
    start_thread(move || {
        for signal in signals.forever() {
            let input = match signal {
                SIGTSTP => Input::Stop,
                SIGCONT => Input::Continue,
                SIGWINCH => Input::Resize,
                signal => Input::End(signal),
            };
            if to.send(input.into()).is_err() {
                return;
            }
            if let Input::End(signal) = input {
                // Whoever draws may wait for a terminal that takes nothing any more.
                sleep(PATIENCE);
                restore_mode();
                die_of(signal);
            }
        }
    })
}

/// Sends keys until nobody listens.
///
/// # Errors
/// When no thread can be made.
pub fn read_keys<T: From<Input> + Send + 'static>(to: Sender<T>) -> io::Result<()> {
    start_thread(move || {
        loop {
            let input = match event::read() {
                Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => Input::Key(key),
                Ok(_) => continue,
                Err(_) => Input::Lost,
            };
            if to.send(input.into()).is_err() || input == Input::Lost {
                return;
            }
        }
    })
}

/// Dies of a signal, as whoever sent it expects.
pub fn die_of(signal: i32) {
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}

/// Whether the terminal has hung up: reading it would give nothing, again and again.
#[must_use]
pub fn is_lost() -> bool {
    let stdin = io::stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    poll(&mut fds, Some(&at_once)).is_ok() && fds.iter().any(|fd| fd.revents().intersects(gone))
}
