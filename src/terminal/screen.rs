//! The terminal as a screen of cells: of each frame only what is different is written.

use std::io::{self, BufWriter, Stdout, stdout};
use std::mem::ManuallyDrop;

use ratatui::backend::{Backend, ClearType, CrosstermBackend};
use ratatui::layout::Rect;
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};

use super::guard::{Guard, Keys};
use super::job::Who;
use crate::text::frame::Size;

/// Bytes of a frame that are gathered: what is written at once is not seen in parts.
const FRAME: usize = 64 * 1024;
/// A screen on the terminal, which is taken over.
pub(crate) struct Screen {
    guard: Guard,
    /// Never dropped: it would show the cursor on a terminal that is given back already, and
    /// panic where that is gone.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<BufWriter<Stdout>>>>,
    size: Size,
}

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// When standard output is no terminal, or does not answer.
    pub fn take() -> io::Result<Self> {
        let size = super::size();
        let out = BufWriter::with_capacity(FRAME, stdout());
        // Of a fixed size: it is asked for in one place, here, and a frame always has it.
        let options = TerminalOptions {
            viewport: Viewport::Fixed(area(size)),
        };
        let drawn = Terminal::with_options(CrosstermBackend::new(out), options)?;
        Ok(Self {
            guard: Guard::take(Keys::All)?,
            terminal: ManuallyDrop::new(drawn),
            size,
        })
    }

    /// Draws a frame on a screen of this size.
    ///
    /// # Errors
    /// When the terminal does not answer any more.
    pub fn draw(&mut self, size: Size, frame: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
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
        self.guard.suspend(who)?;
        self.clear()
    }

    /// Takes the terminal over again, after whatever was done to it meanwhile.
    ///
    /// # Errors
    /// When the terminal does not answer any more.
    pub fn resume(&mut self) -> io::Result<()> {
        self.guard.resume()?;
        self.clear()
    }

    /// Begins with an empty screen. (`Terminal::clear` would ask the terminal where the cursor
    /// is, and wait for the answer that the other thread reads.)
    fn clear(&mut self) -> io::Result<()> {
        self.terminal.backend_mut().clear_region(ClearType::All)?;
        self.terminal.resize(area(self.size))
    }
}

const fn area(size: Size) -> Rect {
    Rect::new(0, 0, size.columns, size.lines)
}
