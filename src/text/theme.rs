//! Text by its meaning.

use owo_colors::{OwoColorize, Style, XtermColors};

use super::palette::{Colour, Ink, Palette, is_bold};
use crate::model::State;

/// Whether, and how, text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme(Option<Palette>);

/// What a piece of text means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Ordinary text.
    #[default]
    Normal,
    /// A heading.
    Heading,
    /// What is asked about.
    Strong,
    /// Works as it should.
    Calm,
    /// Passes by itself; worth a look in great numbers.
    Waiting,
    /// Wrong, or soon to be.
    Bad,
    /// Beside the point.
    Quiet,
}

impl Theme {
    /// Without colours.
    pub const PLAIN: Self = Self(None);

    /// With the terminal's own.
    #[cfg(test)]
    pub(crate) const COLOURED: Self = Self(Some(Palette::Terminal));

    /// With these colours.
    #[must_use]
    pub const fn coloured(palette: Palette) -> Self {
        Self(Some(palette))
    }

    /// Whether colours are written.
    #[must_use]
    pub const fn is_coloured(self) -> bool {
        self.0.is_some()
    }

    /// How text of this tone is written; without colours only its weight tells.
    #[must_use]
    pub(crate) const fn ink(self, tone: Tone) -> Ink {
        match self.0 {
            Some(palette) => palette.ink(tone),
            None => Ink {
                colour: None,
                is_bold: is_bold(tone),
                is_dim: matches!(tone, Tone::Heading | Tone::Quiet),
            },
        }
    }

    /// `text` in the colour of `tone`.
    #[must_use]
    pub fn paint(self, text: &str, tone: Tone) -> String {
        if !self.is_coloured() || tone == Tone::Normal || text.is_empty() {
            return text.to_owned();
        }
        text.style(style(self.ink(tone))).to_string()
    }
}

fn style(ink: Ink) -> Style {
    let style = Style::new();
    let style = match ink.colour {
        None => style,
        Some(Colour::Red) => style.red(),
        Some(Colour::Green) => style.green(),
        Some(Colour::Yellow) => style.yellow(),
        Some(Colour::Indexed(index)) => style.color(XtermColors::from(index)),
    };
    let style = if ink.is_bold { style.bold() } else { style };
    if ink.is_dim { style.dimmed() } else { style }
}

/// What a state means for the one who looks.
#[must_use]
pub const fn state_tone(state: State) -> Tone {
    match state {
        State::Listen | State::Established | State::Unconnected => Tone::Calm,
        State::CloseWait => Tone::Bad,
        State::TimeWait => Tone::Quiet,
        State::SynSent
        | State::SynRecv
        | State::FinWait1
        | State::FinWait2
        | State::LastAck
        | State::Closing => Tone::Waiting,
        State::Close | State::BoundInactive | State::Unknown(_) => Tone::Normal,
    }
}
