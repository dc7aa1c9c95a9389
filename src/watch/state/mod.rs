//! The state of the live view.

pub mod content;
pub mod details;
pub mod event;
pub mod key;
mod lookup;
pub mod round;
pub mod trend;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;

use self::content::{Content, ItemId, SortBy};
use self::event::{Happened, Mark, Overlay, Setup, Toggles, Typing};
use self::round::{Gone, Round};
use self::trend::{Growth, History};
use crate::analyze::states::By;
use crate::filter::{Filter, FilterError, Names};
use crate::model::{Facts, Identity, Socket};
use crate::text::frame::Size;
use crate::watch::Tab;

/// How long a change is marked, and a socket that is gone stays.
pub const FLASH: Duration = Duration::from_millis(3500);

/// A socket that is gone: the round's, its index in it, and since when.
#[derive(Clone, Debug)]
pub(crate) struct Past {
    pub(crate) gone: Arc<Gone>,
    pub(crate) index: usize,
    pub(crate) at: Duration,
}

/// What was shown before a row was entered.
#[derive(Clone, Debug)]
pub(crate) struct Back {
    pub(crate) tab: Tab,
    pub(crate) by: Option<By>,
    pub(crate) words: String,
    pub(crate) toggles: Toggles,
    pub(crate) chosen: Option<ItemId>,
}

/// The state of the live view.
#[derive(Debug)]
pub struct App {
    /// What it began with; columns, host and colours stay as they are.
    pub setup: Setup,
    /// What is shown.
    pub tab: Tab,
    /// What groups are made of.
    pub by: Option<By>,
    /// Which sockets are shown.
    pub toggles: Toggles,
    /// Time between looks.
    pub interval: Duration,
    /// Whether no looks are taken.
    pub paused: bool,
    /// The words of the filter that holds.
    pub words: String,
    /// The filter that holds.
    pub filter: Filter,
    /// The filter as it is being typed, and what is wrong with it.
    pub typing: Option<Typing>,
    /// What lies over the body.
    pub overlay: Overlay,
    /// Lines of the overlay that are scrolled past.
    pub overlay_top: usize,
    /// Lines of the overlay.
    pub overlay_length: usize,
    /// The last round.
    pub round: Option<Rc<Round>>,
    /// The last rounds.
    pub history: History,
    /// How piles grow.
    pub growth: Growth,
    /// The body.
    pub content: Content,
    /// The row that is chosen, by what it stands for.
    pub chosen: Option<ItemId>,
    /// Its line in the body.
    pub cursor: usize,
    /// Rows that are scrolled past.
    pub top: usize,
    /// What to say in the last line: why the last look failed.
    pub message: Option<String>,
    /// Columns and lines of the terminal.
    pub size: Size,
    /// At most so many rows in a list.
    pub limit: usize,
    /// Rows that the limit leaves out.
    pub cut: usize,
    /// What was shown before a row was entered, the last one last.
    pub(crate) back: Vec<Back>,
    /// Sockets that are gone and still shown.
    pub(crate) gone: Vec<Past>,
    pub(crate) marks: FxHashMap<Identity, Mark>,
    pub(crate) orders: [(SortBy, bool); 5],
    pub(crate) now: Duration,
}

impl App {
    /// The state before the first look.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let mut orders = [(SortBy::Usual, false); 5];
        if let Some(order) = orders.get_mut(Tab::Conns as usize) {
            order.0 = SortBy::Newest;
        }
        if let (Some(order), Some(wanted)) = (orders.get_mut(setup.tab as usize), setup.sort) {
            *order = wanted;
        }
        let words = setup.filter.trim();
        // What is wrong with it was said before the view began.
        let filter = read_filter(words, setup.names);
        let (words, filter) = filter.map_or_else(|_| Default::default(), |f| (words.to_owned(), f));
        Self {
            tab: setup.tab,
            by: setup.by,
            toggles: setup.toggles,
            interval: setup.interval,
            paused: false,
            words,
            filter,
            typing: None,
            overlay: Overlay::None,
            overlay_top: 0,
            overlay_length: 0,
            round: None,
            history: History::default(),
            growth: Growth::default(),
            content: Content::Nothing,
            chosen: None,
            cursor: 0,
            top: 0,
            message: None,
            size: setup.size,
            limit: setup.limit,
            cut: 0,
            back: Vec::new(),
            gone: Vec::new(),
            marks: FxHashMap::default(),
            orders,
            now: Duration::ZERO,
            setup,
        }
    }

    /// Whether anything is marked that will not be for long: then time matters.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        !(self.paused || self.marks.is_empty() && self.gone.is_empty())
    }

    /// The order of the tab that is shown.
    #[must_use]
    pub fn sort(&self) -> SortBy {
        self.orders
            .get(self.tab as usize)
            .copied()
            .unwrap_or_default()
            .0
    }

    /// Whether the order is reversed.
    #[must_use]
    pub fn is_reversed(&self) -> bool {
        self.orders
            .get(self.tab as usize)
            .is_some_and(|order| order.1)
    }

    /// Whether protocol, family and filter let a socket be shown.
    #[must_use]
    pub fn is_wanted(&self, socket: &Socket, facts: &Facts) -> bool {
        self.toggles.protocols.contains(socket.protocol)
            && socket.serves(self.toggles.families)
            && self.filter.matches(socket, facts)
    }

    /// What happened to a socket in the last seconds.
    #[must_use]
    pub fn mark(&self, identity: Identity) -> Option<Mark> {
        self.marks.get(&identity).copied()
    }

    /// The mark that is still to be shown: where only changes are shown, they stay for longer.
    #[must_use]
    pub fn flash(&self, identity: Identity) -> Option<Happened> {
        let mark = self.mark(identity)?;
        (mark.at + FLASH > self.now).then_some(mark.what)
    }
}

/// The filter that these words are.
pub(crate) fn read_filter(words: &str, names: Names<'_>) -> Result<Filter, FilterError> {
    let words = Some(words.to_owned()).filter(|words| !words.is_empty());
    Filter::parse_with(words.as_slice(), names)
}
