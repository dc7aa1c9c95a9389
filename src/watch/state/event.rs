//! What the live view begins with, what happens to it, and what it asks for.

use std::time::Duration;

use super::content::SortBy;
use super::details::Details;
use super::key::Key;
use super::round::Round;
use crate::analyze::doctor::Finding;
use crate::analyze::states::By;
use crate::columns::Column;
use crate::filter::{FilterError, Names};
use crate::model::{FamilySet, Foreign, Identity, ProtocolSet, State};
use crate::text::frame::Size;
use crate::text::theme::Theme;
use crate::watch::Tab;

/// What the view begins with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The host's name.
    pub host: Foreign,
    /// The inode of the network namespace, where it is known.
    pub netns: Option<u64>,
    /// The tab that is shown first.
    pub tab: Tab,
    /// The words of the filter.
    pub filter: String,
    /// Time between looks.
    pub interval: Duration,
    /// Which sockets are shown.
    pub toggles: Toggles,
    /// What groups are made of.
    pub by: Option<By>,
    /// The order of the first tab, and whether it is reversed.
    pub sort: Option<(SortBy, bool)>,
    /// The columns of the lists.
    pub columns: Columns,
    /// At most so many rows in a list.
    pub limit: usize,
    /// Colours.
    pub theme: Theme,
    /// Columns and lines of the terminal.
    pub size: Size,
    /// Whether marks of sockets are told to this process.
    pub marks_hint: Option<&'static str>,
    /// Finds the port of a service's name.
    pub names: Names<'static>,
}

/// The columns of the two lists.
#[derive(Clone, Debug)]
pub struct Columns {
    /// Of those who listen.
    pub listen: Vec<&'static Column>,
    /// Of every other socket.
    pub conns: Vec<&'static Column>,
    /// Whether bytes a second stand beside them: not where exactly these were chosen.
    pub has_rates: bool,
}

/// Which sockets are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Toggles {
    /// Protocols.
    pub protocols: ProtocolSet,
    /// Address families.
    pub families: FamilySet,
    /// Listeners among the connections, too.
    pub listening: bool,
    /// Established connections only.
    pub established: bool,
    /// Only what changed in the last seconds.
    pub changed_only: bool,
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// A key.
    Key(Key),
    /// A look was taken.
    Round(Box<Round>),
    /// A look could not be taken, for this reason.
    Failed(String),
    /// What was asked about one socket.
    Details(Box<Details>),
    /// The terminal has another size now.
    Resize(Size),
    /// Time passed: now, on the clock of the looks.
    Tick(Duration),
}

/// What the reducer asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Leave.
    Leave,
    /// Stop, as Ctrl-Z does.
    Suspend,
    /// What is to be looked at is different now; at once, if `now`.
    Order {
        /// Whether the next look should not wait.
        now: bool,
    },
}

/// What happened to a socket in the last seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What.
    pub what: Happened,
    /// When it was seen.
    pub at: Duration,
}

/// What happened to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It was opened.
    Opened,
    /// It was in this state before.
    Turned(State),
    /// Something else about it changed.
    Changed,
}

/// What lies over the body.
#[derive(Debug, Default)]
pub enum Overlay {
    /// Nothing.
    #[default]
    None,
    /// The keys.
    Help,
    /// A finding in full, as it was when it was asked for.
    Finding(Box<Finding>),
    /// Everything about one socket; nothing until it has come.
    Details(Identity, Option<Box<Details>>),
}

/// The filter as it is being typed.
#[derive(Clone, Debug, Default)]
pub struct Typing {
    /// The words.
    pub words: String,
    /// What is wrong with them, and what would be right.
    pub error: Option<FilterError>,
    /// The words before.
    pub before: String,
}
