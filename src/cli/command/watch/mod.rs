//! `sockscope watch`: the full-screen live view.
//!
//! Three things go on at once: looks are taken, keys and signals come in, and this thread
//! changes the state and draws it.

mod feed;
mod keys;
mod options;

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use ratatui::crossterm::event::KeyEvent;

use super::doctor::LOOKED_AT;
use crate::analyze::states::By;
use crate::cli::args::watch::WatchArgs;
use crate::cli::exit::{Exit, Failure, Usage};
use crate::cli::session::Session;
use crate::columns;
use crate::filter::Filter;
use crate::host::live::monotonic;
use crate::look::pipeline::Stop;
use crate::model::{FamilySet, Problem, StateSet};
use crate::query::{Needs, Query};
use crate::terminal;
use crate::terminal::input::{self, Input};
use crate::terminal::job::Who;
use crate::terminal::screen::Screen;
use crate::text::frame::Size;
use crate::watch::Tab;
use crate::watch::draw::draw;
use crate::watch::state::App;
use crate::watch::state::content::SortBy;
use crate::watch::state::details::Details;
use crate::watch::state::event::{Effect, Event, Overlay};
use crate::watch::state::round::Round;
use feed::Order;

/// How often the terminal is asked whether it is still there, and marks are taken away.
const TICK: Duration = Duration::from_millis(500);

/// What comes to the thread that draws.
#[derive(Debug)]
enum Message {
    Input(Input<KeyEvent>),
    Round(Box<Round>),
    Failed(String),
    Details(Box<Details>),
}

pub(crate) fn run(session: &Session, args: &WatchArgs) -> Result<Exit, Failure> {
    let mut app = App::new(options::setup(session, args)?);
    let base = base(session)?;
    if !terminal::is_terminal() || !terminal::is_interactive() {
        return Err(Usage::new("the live view needs a terminal")
            .hint("for scripts: sockscope conns --watch --format ndjson")
            .into());
    }
    let screen = |error: std::io::Error| {
        let problem = Problem::new(
            "terminal",
            format!("cannot take over the terminal: {error}"),
        );
        Failure::Stop(Stop::Problem(problem))
    };
    let (sender, messages) = channel();
    let (orders, ordered) = channel();
    let host = session.host.clone();
    feed::start(host, order(&app, &base, true), ordered, sender.clone()).map_err(screen)?;
    let end = {
        // Before the terminal is taken over: who sends a signal then finds it as it was.
        let tell = move |input| sender.send(Message::Input(input)).is_ok();
        input::catch_signals(tell.clone()).map_err(screen)?;
        let mut taken = Screen::take().map_err(screen)?;
        input::read_keys(tell).map_err(screen)?;
        View {
            app: &mut app,
            base,
            screen: &mut taken,
            orders,
        }
        .run(&messages)
    };
    match end {
        End::Left => Ok(Exit::Found),
        End::Lost => Ok(Exit::Failure),
        End::Signal(signal) => {
            input::die_of(signal);
            Ok(Exit::Failure)
        }
        End::Failed(message) => {
            let problem = Problem::new("no_look", message);
            Err(Failure::Stop(Stop::Problem(problem)))
        }
    }
}

/// How the view ended.
enum End {
    Left,
    Lost,
    Signal(i32),
    Failed(String),
}

struct View<'a> {
    app: &'a mut App,
    base: Query,
    screen: &'a mut Screen,
    orders: Sender<Order>,
}

impl View<'_> {
    fn run(mut self, messages: &Receiver<Message>) -> End {
        let mut is_stale = true;
        let mut checked = Instant::now();
        loop {
            let size = terminal::size();
            if size != self.app.size {
                self.app.update(Event::Resize(size));
                is_stale = true;
            }
            if is_stale && self.draw(size).is_err() {
                return End::Lost;
            }
            is_stale = match messages.recv_timeout(TICK) {
                Ok(message) => {
                    // All that waits, before anything is drawn.
                    let more = std::iter::from_fn(|| messages.try_recv().ok());
                    for message in std::iter::once(message).chain(more) {
                        if let Some(end) = self.take(message) {
                            return end;
                        }
                    }
                    true
                }
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => return End::Lost,
            };
            // However much comes: a lost terminal is read in vain, again and again.
            if checked.elapsed() >= TICK {
                checked = Instant::now();
                if input::is_lost() {
                    return End::Lost;
                }
                is_stale |= self.app.is_moving();
                self.app.update(Event::Tick(monotonic()));
            }
        }
    }

    fn draw(&mut self, size: Size) -> std::io::Result<()> {
        panic_on_demand("draw", self.app.round.is_some());
        let app = &*self.app;
        self.screen.draw(size, |frame| draw(frame, app))
    }

    fn take(&mut self, message: Message) -> Option<End> {
        let event = match message {
            Message::Input(Input::Lost) => return Some(End::Lost),
            Message::Input(Input::End(signal)) => return Some(End::Signal(signal)),
            Message::Input(Input::Stop) => return self.suspend(Who::Process),
            Message::Input(Input::Continue) => {
                return self.screen.resume().is_err().then_some(End::Lost);
            }
            // The size is asked for before each frame.
            Message::Input(Input::Resize) => return None,
            Message::Input(Input::Key(key)) => Event::Key(keys::key(key)?),
            Message::Failed(message) if self.app.round.is_none() => {
                return Some(End::Failed(message));
            }
            Message::Failed(message) => Event::Failed(message),
            Message::Round(round) => Event::Round(round),
            Message::Details(details) => Event::Details(details),
        };
        match self.app.update(event)? {
            Effect::Leave => Some(End::Left),
            Effect::Suspend => self.suspend(Who::Job),
            Effect::Order { now } => {
                // Should nobody read it, the next message tells.
                let _ = self.orders.send(order(self.app, &self.base, now));
                None
            }
        }
    }

    fn suspend(&mut self, who: Who) -> Option<End> {
        self.screen.suspend(who).is_err().then_some(End::Lost)
    }
}

/// A panic in one of the threads, for the tests of what it leaves behind; never in a release.
#[cfg(debug_assertions)]
fn panic_on_demand(thread: &str, is_time: bool) {
    let wanted = std::env::var("SOCKSCOPE_TEST_PANIC");
    let is_wanted = is_time && wanted.is_ok_and(|wanted| wanted == thread);
    assert!(!is_wanted, "SOCKSCOPE_TEST_PANIC={thread} asks for it");
}

#[cfg(not(debug_assertions))]
const fn panic_on_demand(_: &str, _: bool) {}

/// What is asked of the kernel in any case.
fn base(session: &Session) -> Result<Query, Usage> {
    let mut query = session.request(StateSet::ALL, Filter::default())?.query;
    let raw = session.options.raw;
    query.protocols = Query::everything().protocols;
    query.protocols.raw = raw;
    query.families = FamilySet::BOTH;
    query.states = StateSet::ALL;
    Ok(query)
}

/// What is to be looked at for what is shown now.
fn order(app: &App, base: &Query, now: bool) -> Order {
    let mut query = *base;
    query.need(match app.tab {
        Tab::Listen => Needs::USERS,
        Tab::Conns => Needs::INFO,
        Tab::Buildup => Needs::INFO.and(Needs::FILES),
        Tab::States => Needs::NOTHING,
        Tab::Doctor => LOOKED_AT,
    });
    query.need(app.filter.needs());
    query.need(columns::needs(match app.tab {
        Tab::Listen => app.setup.columns.listen.as_slice(),
        Tab::Conns => app.setup.columns.conns.as_slice(),
        Tab::States | Tab::Buildup | Tab::Doctor => &[],
    }));
    query.need(by_needs(app.by));
    if let SortBy::Column(column) = app.sort() {
        query.need(column.needs);
    }
    let details = match &app.overlay {
        Overlay::Details(identity, _) => app.socket(*identity).cloned().map(Box::new),
        _ => None,
    };
    Order {
        query,
        tab: app.tab,
        interval: app.interval,
        paused: app.paused,
        details,
        now,
    }
}

/// What groups are made of.
fn by_needs(by: Option<By>) -> Needs {
    by.map_or(Needs::NOTHING, By::needs)
}
