//! The terminal that the answer is written to.

use std::io::IsTerminal;

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

/// Whether standard input is a terminal, from which keys can be read.
#[must_use]
pub fn is_interactive() -> bool {
    std::io::stdin().is_terminal()
}
