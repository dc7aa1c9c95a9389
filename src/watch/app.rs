//! The state of the live view, and how events change it. Pure.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::Tab;
use super::content::{self, Content, ItemId, SortBy};
use super::drill::Back;
use super::event::{Effect, Event, Happened, Mark, Overlay, Setup, Toggles, Typing};
use super::keys;
use super::round::{Gone, Round};
use super::trend::{Growth, History};
use super::ui;
use crate::analyze::states::By;
use crate::filter::{Filter, FilterError};
use crate::model::{Facts, Identity, Socket};

/// How long a change is marked, and a socket that is gone stays.
pub const FLASH: Duration = Duration::from_millis(3500);
/// How long what changed is shown where only that is shown.
const RECENT: Duration = Duration::from_secs(10);
/// The shortest and the longest time between looks.
const INTERVALS: [u64; 10] = [
    100, 200, 500, 1000, 2000, 3000, 5000, 10_000, 30_000, 60_000,
];

/// A socket that is gone: the round's, its place in it, and since when.
#[derive(Clone, Debug)]
pub(super) struct Past {
    pub(super) gone: Arc<Gone>,
    pub(super) place: usize,
    at: Duration,
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
    pub size: (u16, u16),
    /// At most so many rows in a list.
    pub limit: usize,
    /// Rows that the limit leaves out.
    pub cut: usize,
    /// What was shown before a row was entered, the last one last.
    pub(super) back: Vec<Back>,
    /// Sockets that are gone and still shown.
    pub(super) gone: Vec<Past>,
    marks: FxHashMap<Identity, Mark>,
    orders: [(SortBy, bool); 5],
    now: Duration,
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
        let mut app = Self {
            tab: setup.tab,
            by: setup.by,
            toggles: setup.toggles,
            interval: setup.interval,
            paused: false,
            words: String::new(),
            filter: Filter::default(),
            typing: None,
            overlay: Overlay::None,
            overlay_top: 0,
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
        };
        let words = app.setup.filter.clone();
        // What is wrong with it was said before the view began.
        let _ = app.set_filter(&words);
        app
    }

    /// Takes in an event; says what is to be done about it.
    pub fn update(&mut self, event: Event) -> Option<Effect> {
        let effect = self.happen(event);
        // Whatever it was: rows, their number, or the room for them.
        self.settle();
        effect
    }

    fn happen(&mut self, event: Event) -> Option<Effect> {
        match event {
            Event::Key(key) => return keys::press(self, key),
            Event::Round(round) => self.take(*round),
            Event::Failed(message) => self.message = Some(message),
            Event::Details(details) => {
                if let Overlay::Details(identity, known) = &mut self.overlay
                    && *identity == details.identity
                    // What is gone stays as it was seen last.
                    && (known.is_none() || details.inspected().is_some())
                {
                    *known = Some(details);
                }
            }
            Event::Resize(columns, lines) => self.size = (columns, lines),
            // What is paused stays as it is, its marks too.
            Event::Tick(_) if self.paused => {}
            Event::Tick(now) => {
                self.now = now;
                if self.forget() {
                    self.refresh();
                }
            }
        }
        None
    }

    fn take(&mut self, round: Round) {
        let at = round.look.sample.at;
        self.now = at;
        self.message = None;
        self.forget();
        let mut mark = |identity: &Identity, what| {
            self.marks.insert(*identity, Mark { what, at });
        };
        for identity in &round.changed {
            mark(identity, Happened::Changed);
        }
        for (identity, was) in &round.turned {
            mark(identity, Happened::Turned(*was));
        }
        for identity in &round.opened {
            mark(identity, Happened::Opened);
        }
        let gone = Arc::clone(&round.gone);
        for place in 0..gone.snapshot.sockets.len() {
            let gone = Arc::clone(&gone);
            self.gone.push(Past { gone, place, at });
        }
        self.history.note(&round);
        self.round = Some(Rc::new(round));
        self.refresh();
    }

    /// Forgets what happened too long ago; whether there was any.
    fn forget(&mut self) -> bool {
        let lasts = if self.toggles.changed_only {
            RECENT
        } else {
            FLASH
        };
        let now = self.now;
        let before = self.marks.len() + self.gone.len();
        self.marks.retain(|_, mark| mark.at + lasts > now);
        self.gone.retain(|past| past.at + lasts > now);
        before != self.marks.len() + self.gone.len()
    }

    /// Whether anything is marked that will not be for long: then time matters.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        !(self.paused || self.marks.is_empty() && self.gone.is_empty())
    }

    /// Makes the body anew, and keeps what is chosen chosen.
    pub(super) fn refresh(&mut self) {
        self.content = content::of(self);
        if let Some(id) = &self.chosen {
            if let Some(place) = self.content.find(self, id) {
                self.cursor = place;
            } else {
                self.cursor = self.cursor.min(self.content.len().saturating_sub(1));
                self.chosen = self.content.id(self, self.cursor);
            }
        }
        self.settle();
    }

    /// Scrolls so that what is chosen is seen, and no further than to the end.
    pub(super) fn settle(&mut self) {
        let last = self.content.len().saturating_sub(ui::page(self).max(1));
        self.top = self.top.min(last);
        if self.chosen.is_some() {
            self.top = self.top.min(self.cursor);
            // Rows that take several lines: a page is as long as what stands on it.
            while self.cursor >= self.top.saturating_add(ui::page(self).max(1)) {
                self.top = (self.top + 1).max(self.cursor.saturating_sub(self.most_rows()));
            }
        }
        let page = ui::overlay_page(self).max(1);
        let last = ui::overlay_length(self).saturating_sub(page);
        self.overlay_top = self.overlay_top.min(last);
    }

    /// More rows than any screen of this size has.
    fn most_rows(&self) -> usize {
        self.size.1.into()
    }

    /// Chooses the row at `place`, or the nearest one there is.
    pub(super) fn choose(&mut self, place: usize) {
        self.cursor = place.min(self.content.len().saturating_sub(1));
        self.chosen = self.content.id(self, self.cursor);
        self.settle();
    }

    /// Nothing is chosen, and the view stays at its beginning whatever comes.
    pub(super) fn choose_nothing(&mut self) {
        (self.chosen, self.cursor, self.top) = (None, 0, 0);
    }

    /// Shows another tab.
    pub(super) fn go(&mut self, tab: Tab) {
        self.tab = tab;
        self.choose_nothing();
        self.refresh();
    }

    /// Reads a filter and, when it is one, lets it hold.
    pub(super) fn set_filter(&mut self, words: &str) -> Result<(), FilterError> {
        let text = words.trim();
        let parts: Vec<String> = Some(text.to_owned())
            .filter(|t| !t.is_empty())
            .into_iter()
            .collect();
        let filter = Filter::parse_with(&parts, self.setup.names)?;
        if text != self.words {
            self.filter = filter;
            text.clone_into(&mut self.words);
            // Other sockets are counted now: that is no growth.
            self.growth = Growth::default();
            self.refresh();
        }
        Ok(())
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

    pub(super) fn set_order(&mut self, sort: SortBy, reversed: bool) {
        if let Some(order) = self.orders.get_mut(self.tab as usize) {
            *order = (sort, reversed);
        }
        self.refresh();
    }

    /// Another time between looks: the next longer or shorter one.
    pub(super) fn set_interval(&mut self, longer: bool) {
        let now = u64::try_from(self.interval.as_millis()).unwrap_or(u64::MAX);
        let next = if longer {
            INTERVALS.into_iter().find(|ms| *ms > now)
        } else {
            INTERVALS.into_iter().rev().find(|ms| *ms < now)
        };
        if let Some(ms) = next {
            self.interval = Duration::from_millis(ms);
        }
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
