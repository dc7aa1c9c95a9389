//! What stands in the body of a tab.

use super::round::Rate;
use super::trend::{PileKey, Trend};
use crate::analyze::buildup::Buildup;
use crate::analyze::doctor::Diagnosis;
use crate::analyze::states::{Counts, GroupedBy};
use crate::columns::Column;
use crate::model::{Identity, State};

/// The body of a tab.
#[derive(Clone, Debug, Default)]
pub enum Content {
    /// Nothing was looked at yet.
    #[default]
    Nothing,
    /// Sockets, by their indices.
    Sockets(Vec<RowIndex>),
    /// Groups of sockets.
    Groups(Vec<Group>),
    /// Every state and how many sockets are in it.
    States(Vec<(State, u64)>),
    /// What piles up, and how each pile grows.
    Piles(Box<Buildup>, Vec<Option<Trend>>),
    /// What is wrong.
    Findings(Box<Diagnosis>),
}

/// Sockets that have something in common.
#[derive(Clone, Debug)]
pub struct Group {
    /// What.
    pub key: GroupedBy,
    /// How many, in which TCP states.
    pub counts: Counts,
    /// How many of them are no TCP sockets.
    pub others: u64,
    /// Bytes a second of all of them.
    pub rate: Rate,
}

impl Group {
    /// How many sockets there are in it.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.total() + self.others
    }
}

/// What a row stands for, from round to round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemId {
    /// A socket.
    Socket(Identity),
    /// A group.
    Group(GroupedBy),
    /// A state.
    State(State),
    /// A pile.
    Pile(PileKey),
    /// A finding: its rule and its subject.
    Finding(&'static str, String),
}

/// The order of rows.
#[derive(Clone, Copy, Debug, Default)]
pub enum SortBy {
    /// As the command has it: listeners by port, the worst piles and findings first.
    #[default]
    Usual,
    /// When it was first seen, the latest first.
    Newest,
    /// By a column.
    Column(&'static Column),
    /// Bytes received in a second, most first.
    Received,
    /// Bytes sent in a second, most first.
    Sent,
    /// How many sockets, most first.
    Total,
    /// By what the group has in common.
    Key,
    /// How fast it grows, fastest first.
    Growth,
}

impl SortBy {
    /// The name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usual => "usual",
            Self::Newest => "newest",
            Self::Column(column) => column.id,
            Self::Received => "in/s",
            Self::Sent => "out/s",
            Self::Total => "count",
            Self::Key => "name",
            Self::Growth => "growth",
        }
    }
}

impl PartialEq for SortBy {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Content {
    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Sockets(indices) => indices.len(),
            Self::Groups(groups) => groups.len(),
            Self::States(states) => states.len(),
            Self::Piles(view, _) => view.piles.len(),
            Self::Findings(diagnosis) => diagnosis.findings.len(),
        }
    }
}

/// Where a socket that is shown is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowIndex {
    /// In the last look.
    Live(usize),
    /// Among those that are gone.
    Gone(usize),
}
