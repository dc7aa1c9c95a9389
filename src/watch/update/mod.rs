//! How events change the state. Pure.

mod content;
mod drill;
mod keys;
mod list;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::geometry;
use super::parts::overlay;
use crate::filter::{FilterError, Names};
use crate::model::Identity;
use crate::watch::Tab;
use crate::watch::state::content::SortBy;
use crate::watch::state::event::{Effect, Event, Happened, Mark, Overlay};
use crate::watch::state::round::Round;
use crate::watch::state::trend::Growth;
use crate::watch::state::{App, FLASH, Past, read_filter};

/// How long what changed is shown where only that is shown.
const RECENT: Duration = Duration::from_secs(10);
/// The shortest and the longest time between looks.
const INTERVALS: [u64; 10] = [
    100, 200, 500, 1000, 2000, 3000, 5000, 10_000, 30_000, 60_000,
];

impl App {
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
            Event::Round(round) => {
                self.take(*round);
                self.measure_overlay();
            }
            Event::Failed(message) => self.message = Some(message),
            Event::Details(details) => {
                if let Overlay::Details(identity, known) = &mut self.overlay
                    && *identity == details.identity
                    // What is gone stays as it was seen last.
                    && (known.is_none() || details.inspected().is_some())
                {
                    *known = Some(details);
                    self.measure_overlay();
                }
            }
            Event::Resize(size) => {
                self.size = size;
                self.measure_overlay();
            }
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
        for index in 0..gone.snapshot.sockets.len() {
            let gone = Arc::clone(&gone);
            self.gone.push(Past { gone, index, at });
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

    /// Makes the body anew, and keeps what is chosen chosen.
    pub(super) fn refresh(&mut self) {
        self.content = content::of(self);
        if let Some(id) = &self.chosen {
            if let Some(index) = self.content.find(self, id) {
                self.cursor = index;
            } else {
                self.cursor = self.cursor.min(self.content.len().saturating_sub(1));
                self.chosen = self.content.id(self, self.cursor);
            }
        }
        self.settle();
    }

    /// Scrolls so that what is chosen is seen, and no further than to the end.
    pub(super) fn settle(&mut self) {
        let last = self
            .content
            .len()
            .saturating_sub(geometry::page(self).max(1));
        self.top = self.top.min(last);
        if self.chosen.is_some() {
            self.top = self.top.min(self.cursor);
            // Rows that take several lines: a page is as long as what stands on it.
            while self.cursor >= self.top.saturating_add(geometry::page(self).max(1)) {
                self.top = (self.top + 1).max(self.cursor.saturating_sub(self.most_rows()));
            }
        }
        let page = geometry::overlay_page(self).max(1);
        let last = self.overlay_length.saturating_sub(page);
        self.overlay_top = self.overlay_top.min(last);
    }

    /// Lays something over the body, or takes it away.
    pub(super) fn lay_over(&mut self, overlay: Overlay) {
        self.overlay = overlay;
        self.overlay_top = 0;
        self.measure_overlay();
    }

    /// Counts the lines of what lies over the body, which take time to make: only where they may
    /// be others.
    fn measure_overlay(&mut self) {
        self.overlay_length = overlay::lines(self).len();
    }

    /// More rows than any screen of this size has.
    fn most_rows(&self) -> usize {
        self.size.lines.into()
    }

    /// Chooses the row at `index`, or the nearest one there is.
    pub(super) fn choose(&mut self, index: usize) {
        self.cursor = index.min(self.content.len().saturating_sub(1));
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
        self.set_filter_with(words, self.setup.names)
    }

    /// The same while it is being typed.
    pub(super) fn set_typed_filter(&mut self, words: &str) -> Result<(), FilterError> {
        let names = Names {
            is_typed: true,
            ..self.setup.names
        };
        self.set_filter_with(words, names)
    }

    fn set_filter_with(&mut self, words: &str, names: Names<'_>) -> Result<(), FilterError> {
        let text = words.trim();
        let filter = read_filter(text, names)?;
        if text != self.words {
            self.filter = filter;
            text.clone_into(&mut self.words);
            // Other sockets are counted now: that is no growth.
            self.growth = Growth::default();
            self.refresh();
        }
        Ok(())
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
}
