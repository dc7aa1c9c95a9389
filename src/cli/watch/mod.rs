//! `sockscope watch`: the full-screen live view.
//!
//! Three things go on at once: looks are taken, keys and signals come in, and this thread
//! changes the state and draws it.

mod feed;
mod input;

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use super::args::WatchArgs;
use super::session::{Session, Usage};
use super::{Exit, Failure};
use crate::columns;
use crate::filter::{Filter, did_you_mean};
use crate::model::{FamilySet, Problem, StateSet};
use crate::pipeline::Stop;
use crate::query::{Needs, ProcessDetail, Query};
use crate::render::Format;
use crate::sys::screen::{self, Input, Screen};
use crate::sys::{monotonic, names, netns, terminal};
use crate::watch::Tab;
use crate::watch::app::App;
use crate::watch::content::SortBy;
use crate::watch::details::Details;
use crate::watch::event::{Effect, Event, Overlay, Setup, Toggles};
use crate::watch::round::Round;
use crate::watch::ui;
use feed::Order;

/// How often the terminal is asked whether it is still there, and marks are taken away.
const TICK: Duration = Duration::from_millis(500);
/// The shortest time between looks.
const SHORTEST: Duration = Duration::from_millis(100);

/// What comes to the thread that draws.
#[derive(Debug)]
enum Message {
    Input(Input),
    Round(Box<Round>),
    Failed(String),
    Details(Box<Details>),
}

impl From<Input> for Message {
    fn from(input: Input) -> Self {
        Self::Input(input)
    }
}

pub(super) fn run(session: &Session, args: &WatchArgs) -> Result<Exit, Failure> {
    let mut app = App::new(setup(session, args)?);
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
    feed::start(order(&app, &base, true), ordered, sender.clone()).map_err(screen)?;
    let end = {
        let mut taken = Screen::take().map_err(screen)?;
        screen::listen(&sender).map_err(screen)?;
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
            screen::die_of(signal);
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
        loop {
            let size = self.screen.size();
            if size != self.app.size {
                self.app.update(Event::Resize(size.0, size.1));
                is_stale = true;
            }
            if is_stale {
                let app = &*self.app;
                if self
                    .screen
                    .terminal
                    .draw(|frame| ui::draw(frame, app))
                    .is_err()
                {
                    return End::Lost;
                }
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
                Err(RecvTimeoutError::Timeout) if screen::is_lost() => return End::Lost,
                Err(RecvTimeoutError::Timeout) => {
                    let is_moving = self.app.is_moving();
                    self.app.update(Event::Tick(monotonic()));
                    is_moving
                }
                Err(RecvTimeoutError::Disconnected) => return End::Lost,
            };
        }
    }

    fn take(&mut self, message: Message) -> Option<End> {
        let event = match message {
            Message::Input(Input::Lost) => return Some(End::Lost),
            Message::Input(Input::End(signal)) => return Some(End::Signal(signal)),
            Message::Input(Input::Stop) => return self.suspend(),
            Message::Input(Input::Continue) => {
                return self.screen.resume().is_err().then_some(End::Lost);
            }
            Message::Input(Input::Resize(columns, lines)) => Event::Resize(columns, lines),
            Message::Input(Input::Key(key)) => Event::Key(input::key(key)?),
            Message::Failed(message) if self.app.round.is_none() => {
                return Some(End::Failed(message));
            }
            Message::Failed(message) => Event::Failed(message),
            Message::Round(round) => Event::Round(round),
            Message::Details(details) => Event::Details(details),
        };
        match self.app.update(event)? {
            Effect::Leave => Some(End::Left),
            Effect::Suspend => self.suspend(),
            Effect::Order { now } => {
                // Should nobody read it, the next message tells.
                let _ = self.orders.send(order(self.app, &self.base, now));
                None
            }
        }
    }

    fn suspend(&mut self) -> Option<End> {
        self.screen.suspend().is_err().then_some(End::Lost)
    }
}

/// The first word, when it is a view.
fn view(words: &[String]) -> Option<Tab> {
    let first = words.first()?;
    Tab::ALL.into_iter().find(|tab| tab.name() == first)
}

fn setup(session: &Session, args: &WatchArgs) -> Result<Setup, Usage> {
    check(session, args)?;
    let tab = view(&args.words);
    let words = args
        .words
        .get(usize::from(tab.is_some())..)
        .unwrap_or_default();
    let filter = Session::filter(words).map_err(|mut usage| {
        let names: Vec<_> = Tab::ALL.into_iter().map(Tab::name).collect();
        let near = args.words.first().map(|word| did_you_mean(word, &names));
        if let (None, Some(near)) = (tab, near.filter(|near| !near.is_empty())) {
            usage.hint = Some(format!("{near}views are: {}", names.join(", ")));
        }
        usage
    })?;
    if session.options.no_owners && filter.process_detail() != ProcessDetail::None {
        return Err(Usage::new("a filter by process needs owners")
            .hint("leave --no-owners out, or the filter"));
    }
    let sort = session.sort()?;
    let columns = match &session.options.columns {
        None => None,
        Some(_) => Some(session.columns(usual(tab.unwrap_or_default()), &[])?.table),
    };
    Ok(Setup {
        host: crate::sys::host_name(),
        netns: netns::current().map(std::num::NonZeroU64::get),
        tab: tab.unwrap_or_default(),
        filter: words.join(" "),
        interval: args.interval,
        toggles: Toggles {
            protocols: session.protocols(),
            families: session.families(),
            listening: session.options.all,
            established: false,
            changed_only: false,
        },
        by: args.by,
        sort: sort.map(|(column, reverse)| (SortBy::Column(column), reverse)),
        columns,
        limit: session.options.limit.unwrap_or(usize::MAX),
        theme: session.theme,
        size: (80, 24),
        ports: names::port_of,
    })
}

/// What `--columns +a` adds to.
const fn usual(tab: Tab) -> &'static [&'static str] {
    match tab {
        Tab::Listen => super::listen::TABLE,
        _ => super::conns::TABLE,
    }
}

/// Options that mean something else than this view can do.
fn check(session: &Session, args: &WatchArgs) -> Result<(), Usage> {
    if session.format != Format::Table {
        return Err(Usage::new("the live view is for people")
            .hint("for scripts: sockscope conns --watch --format ndjson"));
    }
    if args.interval < SHORTEST {
        return Err(Usage::new("looks are at least 100 ms apart").hint("--interval 100ms, or more"));
    }
    Ok(())
}

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
    let nothing = Needs::NOTHING;
    let needs = match app.tab {
        Tab::Listen => Needs {
            users: true,
            ..nothing
        },
        Tab::Conns | Tab::Buildup => Needs {
            info: true,
            ..nothing
        },
        Tab::States => nothing,
        Tab::Doctor => Needs {
            info: true,
            memory: true,
            ..nothing
        },
    };
    query.need(needs);
    query.files = matches!(app.tab, Tab::Buildup | Tab::Doctor);
    query.need(columns::needs(&app.filter.columns()));
    query.need(columns::needs(
        app.setup.columns.as_deref().unwrap_or_default(),
    ));
    if let SortBy::Column(column) = app.sort() {
        query.need(column.needs);
    }
    query.need(Needs {
        owners: app.filter.process_detail(),
        users: app.filter.needs_users(),
        ..nothing
    });
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
