//! The full-screen live view: a pure reducer over (state, event), and a pure drawing of the
//! state.
//!
//! ```text
//! look -> Round -> App (update) -> ui (draw)
//!                   ^ keys, sizes, ticks
//! ```
//!
//! Nothing here reads or writes anything: `cli/watch` feeds it rounds and keys, and carries out
//! the effects that it asks for.

pub mod app;
pub mod content;
pub mod details;
mod drill;
pub mod event;
pub mod keys;
mod list;
mod lookup;
pub mod round;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod trend;
pub mod ui;

/// What is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// Who is listening.
    Listen,
    /// Every other socket.
    #[default]
    Conns,
    /// Counts by state.
    States,
    /// What piles up.
    Buildup,
    /// What is wrong.
    Doctor,
}

impl Tab {
    /// All of them, in the order of their keys.
    pub const ALL: [Self; 5] = [
        Self::Listen,
        Self::Conns,
        Self::States,
        Self::Buildup,
        Self::Doctor,
    ];

    /// The name, which is that of the command.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Listen => "listen",
            Self::Conns => "conns",
            Self::States => "states",
            Self::Buildup => "buildup",
            Self::Doctor => "doctor",
        }
    }

    /// The tab so many places further, around the end.
    #[must_use]
    pub fn further(self, steps: usize) -> Self {
        let place = Self::ALL.iter().position(|tab| *tab == self).unwrap_or(0);
        Self::ALL
            .get((place + steps) % Self::ALL.len())
            .copied()
            .unwrap_or_default()
    }
}
