//! The screen of `--watch`: one thread draws, whatever the looks are busy with, and ends the
//! process when it is told to.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGQUIT};

use crate::cli::exit::Exit;
use crate::files::streams::Stdout;
use crate::host::live;
use crate::host::live::start_thread;
use crate::terminal;
use crate::terminal::guard::{Guard, Keys, give_back};
use crate::terminal::input::{self, Input};
use crate::terminal::job::Who;
use crate::text::frame::{Title, compose, drawing};
use crate::text::marks::marked;
use crate::text::theme::Theme;

/// The answer of one round.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// What stands in the first line.
    pub title: Title,
    /// The answer.
    pub text: String,
    /// What stands below it.
    pub notes: Vec<String>,
    /// The width that it was made for: texts of different widths are not compared.
    pub width: Option<usize>,
    /// How the process ends after it.
    pub exit: Exit,
}

enum Message {
    Frame(Frame),
    Input(Input<u8>),
}

/// The side of the looks.
pub(crate) struct Drawer {
    frames: Sender<Message>,
    resized: Receiver<()>,
}

impl Drawer {
    /// Takes the terminal, until the process ends.
    pub fn start(theme: Theme) -> io::Result<Self> {
        let (frames, messages) = channel();
        let (tell_resize, resized) = channel();
        let events = frames.clone();
        // The screen lives as long as the process.
        let tell = move |input| events.send(Message::Input(input)).is_ok();
        input::catch_signals(tell.clone())?;
        input::read_bytes(tell)?;
        let screen = Screen {
            guard: Guard::take(Keys::ButSignals)?,
            theme,
            before: None,
            now: None,
            tell_resize,
        };
        start_thread(move || screen.run(&messages))?;
        Ok(Self { frames, resized })
    }

    /// Draws the next frame.
    pub fn show(&self, frame: Frame) {
        let _ = self.frames.send(Message::Frame(frame));
    }

    /// Waits until `then`; no longer than until the terminal has another size, and then `true`.
    ///
    /// # Errors
    /// When nobody draws any more.
    pub fn is_resized_before(&self, then: Duration) -> io::Result<bool> {
        let left = then.saturating_sub(live::monotonic());
        match self.resized.recv_timeout(left) {
            Err(RecvTimeoutError::Timeout) => Ok(false),
            Err(RecvTimeoutError::Disconnected) => Err(io::ErrorKind::BrokenPipe.into()),
            Ok(()) => {
                // Whoever drags a corner sends many.
                while self.resized.try_recv().is_ok() {}
                Ok(true)
            }
        }
    }
}

/// The side of the terminal.
struct Screen {
    guard: Guard,
    theme: Theme,
    before: Option<Frame>,
    now: Option<Frame>,
    tell_resize: Sender<()>,
}

impl Screen {
    fn run(mut self, messages: &Receiver<Message>) {
        for message in messages {
            match message {
                Message::Frame(frame) => {
                    self.before = self.now.replace(frame);
                    self.draw();
                }
                Message::Input(input) => self.take(input),
            }
        }
    }

    fn take(&self, input: Input<u8>) {
        match input {
            Input::Key(b'q' | b'Q' | 3) | Input::End(SIGINT) => self.end(Some(Exit::Found), true),
            Input::End(SIGQUIT) => {
                give_back();
                input::die_of(SIGQUIT);
            }
            Input::End(_) => self.end(None, false),
            Input::Lost => self.lost(),
            Input::Stop => self.again(&self.guard.suspend(Who::ProcessSurely)),
            Input::Continue => self.again(&self.guard.resume()),
            Input::Resize => {
                self.draw();
                let _ = self.tell_resize.send(());
            }
            Input::Key(_) => {}
        }
    }

    fn again(&self, entered: &io::Result<()>) {
        if entered.is_err() {
            self.lost();
        }
        self.draw();
    }

    /// The lines of the screen as it is.
    fn lines(&self) -> Option<Vec<String>> {
        let frame = self.now.as_ref()?;
        let size = terminal::size();
        let alike = |before: &&Frame| before.width == frame.width;
        let before = self.before.as_ref().filter(alike);
        let before = before.map(|before| before.text.as_str());
        let body = marked(before, &frame.text, size.lines.into(), self.theme);
        Some(compose(&frame.title, &body, &frame.notes, size, self.theme))
    }

    fn draw(&self) {
        let Some(lines) = self.lines() else { return };
        let text = drawing(&lines, terminal::size());
        // At once: what is written in parts is seen in parts.
        if Stdout.write_all(text.as_bytes()).is_err() {
            self.lost();
        }
    }

    /// Ends the process; the last frame stays to be read where that is wanted.
    fn end(&self, exit: Option<Exit>, keeps: bool) {
        let lines = self.lines().filter(|_| keeps).unwrap_or_default();
        give_back();
        let mut out = Stdout;
        for line in lines {
            let _ = writeln!(out, "{line}");
        }
        let last = self.now.as_ref().map_or(Exit::Found, |frame| frame.exit);
        std::process::exit(exit.unwrap_or(last) as i32);
    }

    /// There is nobody to show anything to.
    fn lost(&self) {
        let last = self.now.as_ref().map_or(Exit::Found, |frame| frame.exit);
        give_back();
        std::process::exit(last as i32);
    }
}
