//! A row of a saved answer that is no socket: a group, a pile, a finding, a value.

/// What a row is about, and what it says of that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// What makes it the same row in two answers: exact, and for no eye.
    pub identity: String,
    /// What it is about, for people: text of others, not yet safe to show.
    pub label: String,
    /// What it says, by name: numbers and words.
    pub figures: Vec<(String, String)>,
}

impl Entry {
    /// The figure called `name`.
    #[must_use]
    pub fn figure(&self, name: &str) -> Option<&str> {
        let found = self.figures.iter().find(|(known, _)| known == name)?;
        Some(found.1.as_str())
    }
}

/// What a saved row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// A socket.
    Socket,
    /// A group of `states`.
    Group,
    /// A row of `buildup`.
    Pile,
    /// A finding of `doctor`.
    Finding,
    /// A live value of `explain`.
    Value,
}

impl RowKind {
    /// The key of one such row in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Group => "group",
            Self::Pile => "pile",
            Self::Finding => "finding",
            Self::Value => "value",
        }
    }

    /// Several of them, in a sentence.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Socket => "sockets",
            Self::Group => "groups",
            Self::Pile => "piles",
            Self::Finding => "findings",
            Self::Value => "values",
        }
    }
}
