//! What the values of a column are: alignment, unit and type follow from it.

use super::{Align, OwnerField};

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One of a few words.
    Word,
    /// A state.
    State,
    /// Text.
    Text,
    /// An address.
    Address,
    /// An address and a port.
    End,
    /// A number that names something.
    Number,
    /// A number of these.
    Count(&'static str),
    /// Bytes.
    Bytes,
    /// Milliseconds.
    Millis,
    /// Microseconds.
    Micros,
    /// Bytes a second.
    Rate,
    /// Bits in a number.
    Bits,
    /// A number in 16 hexadecimal digits.
    Hex,
    /// Length and limit of an accept queue.
    Queue,
    /// A timer.
    Timer,
    /// This of each owner: a number or text.
    Owner(OwnerField),
    /// The owner for people: name and pid, or why there is none.
    Process,
}

impl Kind {
    /// How cells are aligned.
    #[must_use]
    pub const fn align(self) -> Align {
        match self {
            Self::Owner(field) if field.is_number() => Align::Right,
            Self::Word
            | Self::State
            | Self::Text
            | Self::Address
            | Self::End
            | Self::Hex
            | Self::Timer
            | Self::Owner(_)
            | Self::Process => Align::Left,
            Self::Number
            | Self::Count(_)
            | Self::Bytes
            | Self::Millis
            | Self::Micros
            | Self::Rate
            | Self::Bits
            | Self::Queue => Align::Right,
        }
    }

    /// The unit of the numbers that programs get; `None` where there is none.
    #[must_use]
    pub const fn unit(self) -> Option<&'static str> {
        match self {
            Self::Count(what) => Some(what),
            Self::Bytes => Some("bytes"),
            Self::Millis | Self::Timer => Some("ms"),
            Self::Micros => Some("us"),
            Self::Rate => Some("bytes/s"),
            Self::Queue => Some("connections"),
            _ => None,
        }
    }

    /// The type of the fact in JSON.
    #[must_use]
    pub const fn json_type(self) -> &'static str {
        match self {
            Self::Word | Self::State | Self::Text | Self::Address | Self::Hex => "string",
            Self::Number
            | Self::Count(_)
            | Self::Bytes
            | Self::Millis
            | Self::Micros
            | Self::Rate
            | Self::Bits => "integer",
            Self::End | Self::Queue | Self::Timer => "object",
            Self::Owner(_) | Self::Process => "array",
        }
    }

    /// Whether others chose the text, which may be long: it gives way first where a terminal is
    /// narrow.
    #[must_use]
    pub const fn is_chosen_text(self) -> bool {
        match self {
            Self::Text | Self::Process => true,
            Self::Owner(field) => !field.is_number(),
            _ => false,
        }
    }

    /// Whether it is an amount: it is most wanted where it is largest.
    #[must_use]
    pub const fn is_amount(self) -> bool {
        matches!(
            self,
            Self::Count(_) | Self::Bytes | Self::Millis | Self::Micros | Self::Rate | Self::Queue
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_right_and_have_their_units() {
        assert_eq!(Kind::Micros.align(), Align::Right);
        assert_eq!(Kind::Micros.unit(), Some("us"));
        assert_eq!(Kind::Count("segments").unit(), Some("segments"));
        assert_eq!(Kind::Hex.align(), Align::Left);
        assert_eq!(
            (Kind::Number.unit(), Kind::Number.json_type()),
            (None, "integer")
        );
        assert_eq!(Kind::Owner(OwnerField::Pid).align(), Align::Right);
        assert_eq!(Kind::Owner(OwnerField::Comm).align(), Align::Left);
        assert!(Kind::Queue.is_amount() && !Kind::Number.is_amount());
        assert!(Kind::Process.is_chosen_text() && !Kind::Word.is_chosen_text());
    }
}
