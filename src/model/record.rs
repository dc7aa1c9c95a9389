//! Rows that are no sockets, as they are compared: groups, piles, findings, pages.

use std::borrow::Cow;

/// A figure under its name.
type Named = (Cow<'static, str>, Figure);

/// What makes a row the same one in two looks, and what it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// What makes it the same row: exact, and for no eye.
    pub identity: String,
    /// What it says, by name.
    pub figures: Vec<Named>,
}

/// Something that a row says, by what makes it another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Another text is a change.
    Text(String),
    /// Milliseconds that grow by themselves: only fewer of them are a change.
    Age(u64),
    /// Measured anew at each look: another value is no change.
    Measured,
    /// Figures of its own: it changes where one of them does.
    Parts(Vec<Named>),
}

impl Record {
    /// A row that says nothing yet.
    #[must_use]
    pub fn new(identity: String) -> Self {
        Self {
            identity,
            figures: Vec::new(),
        }
    }

    /// The same with a figure.
    #[must_use]
    pub fn with(mut self, name: &'static str, figure: Figure) -> Self {
        self.figures.push((name.into(), figure));
        self
    }

    /// The same with a figure, where there is one.
    #[must_use]
    pub fn with_known(self, name: &'static str, figure: Option<Figure>) -> Self {
        match figure {
            Some(figure) => self.with(name, figure),
            None => self,
        }
    }

    /// The figures that are texts, by their names.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.figures
            .iter()
            .filter_map(|(name, figure)| match figure {
                Figure::Text(text) => Some((name.as_ref(), text.as_str())),
                Figure::Age(_) | Figure::Measured | Figure::Parts(_) => None,
            })
    }

    /// The text of the figure called `name`.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        let found = self.texts().find(|(known, _)| *known == name)?;
        Some(found.1)
    }

    /// The names of the figures that are others in `now`, in its order; then of those it lacks.
    #[must_use]
    pub fn changes(&self, now: &Self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in changes(&self.figures, &now.figures) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        names
    }
}

fn changes<'a>(was: &'a [Named], is: &'a [Named]) -> impl Iterator<Item = &'a str> {
    let lost = was.iter().filter(|(name, _)| find(is, name).is_none());
    let names = is.iter().chain(lost).map(|(name, _)| name.as_ref());
    names.filter(|name| match (find(was, name), find(is, name)) {
        (Some(was), Some(is)) => was.changes(is),
        _ => true,
    })
}

impl Figure {
    fn changes(&self, now: &Self) -> bool {
        match (self, now) {
            (Self::Age(was), Self::Age(is)) => is < was,
            (Self::Parts(was), Self::Parts(is)) => changes(was, is).next().is_some(),
            (was, is) => was != is,
        }
    }
}

fn find<'a>(figures: &'a [Named], name: &str) -> Option<&'a Figure> {
    let found = figures.iter().find(|(known, _)| known == name)?;
    Some(&found.1)
}

/// A row of a saved answer that is no socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// What it is compared by.
    pub record: Record,
    /// What it is about, for people: text of others, not yet safe to show.
    pub label: String,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn row(count: &str, figures: &[(&'static str, Figure)]) -> Record {
        let row = Record::new("row".to_owned()).with("count", Figure::Text(count.to_owned()));
        let with =
            |row: Record, (name, figure): &(&'static str, Figure)| row.with(name, figure.clone());
        figures.iter().fold(row, with)
    }

    #[test]
    fn an_age_that_grows_and_a_rate_are_no_change() {
        let at = |ms| [("oldest", Figure::Age(ms)), ("rate", Figure::Measured)];
        assert_eq!(row("1", &at(5)).changes(&row("1", &at(9))), [""; 0]);
        assert_eq!(row("1", &at(5)).changes(&row("1", &at(4))), ["oldest"]);
        assert_eq!(row("1", &at(5)).changes(&row("2", &at(5))), ["count"]);
        // What comes or goes is a change, whatever it says.
        let none = row("1", &[]);
        assert_eq!(none.changes(&row("1", &at(5))), ["oldest", "rate"]);
        assert_eq!(row("1", &at(5)).changes(&none), ["oldest", "rate"]);
    }

    #[test]
    fn parts_change_where_one_of_them_does() {
        let parts = |ms| {
            [(
                "evidence",
                Figure::Parts(vec![("idle".into(), Figure::Age(ms))]),
            )]
        };
        assert_eq!(row("1", &parts(5)).changes(&row("1", &parts(6))), [""; 0]);
        assert_eq!(
            row("1", &parts(5)).changes(&row("1", &parts(4))),
            ["evidence"]
        );
    }
}
