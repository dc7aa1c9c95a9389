//! The full-screen live view: a pure reducer over (state, event), and a pure drawing of the
//! state.
//!
//! ```text
//! look -> Round -> update -> App (state) -> draw
//!                   ^ keys, sizes, ticks
//! ```
//!
//! `parts` says what stands in each part of the screen, `geometry` where that is and how much of it
//! is seen; both the update, which scrolls, and the drawing are made of them.
//!
//! Nothing here reads or writes anything: `cli/command/watch` feeds it rounds and keys, and carries out
//! the effects that it asks for.

pub mod draw;
mod geometry;
mod parts;
pub mod state;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod update;

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

    /// The tab so many steps further, around the end.
    #[must_use]
    pub fn further(self, steps: usize) -> Self {
        let index = Self::ALL.iter().position(|tab| *tab == self).unwrap_or(0);
        Self::ALL
            .get((index + steps) % Self::ALL.len())
            .copied()
            .unwrap_or_default()
    }
}
