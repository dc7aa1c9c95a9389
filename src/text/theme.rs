//! Colours by meaning. The one place that knows them.

use owo_colors::{OwoColorize, Style};

use crate::model::State;

/// Whether, and how, text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Colours are written.
    pub colour: bool,
}

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
    /// `text` in the colour of `tone`.
    #[must_use]
    pub fn paint(self, text: &str, tone: Tone) -> String {
        if !self.colour || tone == Tone::Normal || text.is_empty() {
            return text.to_owned();
        }
        text.style(style(tone)).to_string()
    }
}

fn style(tone: Tone) -> Style {
    let style = Style::new();
    match tone {
        Tone::Normal => style,
        Tone::Heading => style.bold().dimmed(),
        Tone::Strong => style.bold(),
        Tone::Calm => style.green(),
        Tone::Waiting => style.yellow(),
        Tone::Bad => style.red().bold(),
        Tone::Quiet => style.dimmed(),
    }
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
