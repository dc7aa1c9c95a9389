//! The terminal as a screen: taken over and given back, whatever happens; keys and signals.

use std::io::{self, Stdout, stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread::Builder;

use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{self, Event, KeyEvent, KeyEventKind};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;

/// The terminal, taken over: alternate screen, no echo, every key at once.
///
/// It is given back when this is dropped, and by a panic before its message is shown.
pub struct Screen {
    /// Where frames are drawn.
    pub terminal: ratatui::Terminal<CrosstermBackend<Stdout>>,
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
        begin()?;
        let terminal = ratatui::Terminal::new(CrosstermBackend::new(stdout()));
        if terminal.is_err() {
            give_back();
        }
        Ok(Self {
            terminal: terminal?,
        })
    }

    /// Gives the terminal back, stops this process as Ctrl-Z does, and takes the terminal over
    /// again when it goes on.
    ///
    /// # Errors
    /// When the terminal does not answer any more.
    pub fn suspend(&mut self) -> io::Result<()> {
        give_back();
        // Nobody catches this one, so the shell sees what it always sees.
        signal_hook::low_level::raise(signal_hook::consts::SIGSTOP)?;
        self.resume()
    }

    /// Takes the terminal over again, after whatever was done to it meanwhile.
    ///
    /// # Errors
    /// When the terminal does not answer any more.
    pub fn resume(&mut self) -> io::Result<()> {
        begin()?;
        self.terminal.clear()
    }

    /// Columns and lines.
    #[must_use]
    pub fn size(&self) -> (u16, u16) {
        self.terminal
            .size()
            .map_or((80, 24), |size| (size.width, size.height))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn begin() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(stdout(), EnterAlternateScreen, Hide)
}

/// Gives the terminal back, if it was taken. A terminal that is gone cannot be helped.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(stdout(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

/// Lets a panic give the terminal back before it is told, in whichever thread.
fn restore_on_panic() {
    static SET: AtomicBool = AtomicBool::new(false);
    if SET.swap(true, Ordering::SeqCst) {
        return;
    }
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        give_back();
        usual(panic);
    }));
}

/// What comes from the terminal, and from those who send signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// A key.
    Key(KeyEvent),
    /// Another size.
    Resize(u16, u16),
    /// `SIGTERM`, `SIGINT` or `SIGHUP`: leave, and die of it.
    End(i32),
    /// `SIGTSTP`: stop.
    Stop,
    /// `SIGCONT`: somebody else stopped us, and had the terminal.
    Continue,
    /// The terminal is gone.
    Lost,
}

/// Sends what comes, each from a thread of its own, until nobody listens.
///
/// # Errors
/// When signals cannot be caught or no thread can be made.
pub fn listen<T: From<Input> + Send + 'static>(to: &Sender<T>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGTSTP, SIGCONT])?;
    let sender = to.clone();
    Builder::new().spawn(move || {
        for signal in signals.forever() {
            let input = match signal {
                SIGTSTP => Input::Stop,
                SIGCONT => Input::Continue,
                signal => Input::End(signal),
            };
            if sender.send(input.into()).is_err() {
                return;
            }
        }
    })?;
    let sender = to.clone();
    Builder::new().spawn(move || {
        loop {
            let input = match event::read() {
                Ok(event) => input(&event),
                Err(_) => Some(Input::Lost),
            };
            let Some(input) = input else { continue };
            if sender.send(input.into()).is_err() || input == Input::Lost {
                return;
            }
        }
    })?;
    Ok(())
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

fn input(event: &Event) -> Option<Input> {
    match event {
        Event::Resize(columns, lines) => Some(Input::Resize(*columns, *lines)),
        Event::Key(key) if key.kind != KeyEventKind::Release => Some(Input::Key(*key)),
        _ => None,
    }
}
