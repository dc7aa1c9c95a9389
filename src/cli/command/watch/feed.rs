//! Takes the looks, on a thread of its own: a key never waits for one.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use super::Message;
use crate::collect::Processes;
use crate::filter::Filter;
use crate::host::Host;
use crate::host::live::start_thread;
use crate::look::changes::Look;
use crate::look::past::Past;
use crate::look::pipeline;
use crate::look::pipeline::{Request, Stop};
use crate::model::{Facts, Identity, PortRange, Process, Socket, StateSet};
use crate::query::{Needs, ProcessDetail, Query};
use crate::watch::Tab;
use crate::watch::state::details::Details;
use crate::watch::state::round::Round;

/// Ancestors of a process that are told: more there are only in loops.
const GENERATIONS: usize = 12;

/// What is to be looked at, and how often.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// What is asked of the kernel.
    pub query: Query,
    /// For whom: what is wrong needs to know how it was.
    pub tab: Tab,
    /// Time between looks.
    pub interval: Duration,
    /// No looks at all.
    pub paused: bool,
    /// The socket of which everything is wanted.
    pub details: Option<Box<Socket>>,
    /// Do not wait for the next look.
    pub now: bool,
}

/// Starts the thread; it ends when nobody listens to it or orders anything any more.
///
/// # Errors
/// When no thread can be made.
pub(super) fn start(
    host: Host,
    order: Order,
    orders: Receiver<Order>,
    to: Sender<Message>,
) -> io::Result<()> {
    let feed = Feed {
        host,
        order,
        last: None,
        pasts: Pasts::default(),
    };
    start_thread(move || feed.run(&orders, &to))
}

struct Feed {
    host: Host,
    order: Order,
    last: Option<Arc<Look>>,
    pasts: Pasts,
}

impl Feed {
    fn run(mut self, orders: &Receiver<Order>, to: &Sender<Message>) {
        let mut due = Instant::now();
        let mut missed = 0;
        loop {
            let wait = if self.order.paused {
                Duration::from_secs(3600)
            } else {
                due.saturating_duration_since(Instant::now())
            };
            match orders.recv_timeout(wait) {
                Ok(order) => {
                    let sooner = Instant::now() + order.interval;
                    due = if order.now {
                        Instant::now()
                    } else {
                        due.min(sooner)
                    };
                    let wants_details = order.details.is_some() && order.paused;
                    self.order = order;
                    if wants_details && !self.tell_details(to) {
                        return;
                    }
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) if self.order.paused => continue,
                Err(RecvTimeoutError::Timeout) => {}
            }
            let message = match self.look() {
                Ok(mut round) => {
                    round.missed = missed;
                    Message::Round(Box::new(round))
                }
                Err(reason) => Message::Failed(reason),
            };
            if to.send(message).is_err() || !self.tell_details(to) {
                return;
            }
            (due, missed) = next(due, self.order.interval, Instant::now());
        }
    }

    /// One round.
    fn look(&mut self) -> Result<Round, String> {
        let request = Request {
            query: self.order.query,
            filter: Filter::default(),
            resolve: false,
            listeners_too: false,
        };
        super::panic_on_demand("feed", self.last.is_some());
        let started = Instant::now();
        let sample = pipeline::sample(&self.host, &request).map_err(reason)?;
        let took = started.elapsed();
        let time = jiff::Zoned::now().strftime("%H:%M:%S").to_string();
        let mut round = match &self.last {
            None => Round::first(sample, took),
            Some(last) => {
                let before = self.pasts.before(self.order.tab, last, &sample);
                Round::after(last, sample, before, took)
            }
        };
        round.time = time;
        self.last = Some(Arc::clone(&round.look));
        Ok(round)
    }

    /// Looks at the one socket of which everything is wanted; whether anybody still listens.
    fn tell_details(&self, to: &Sender<Message>) -> bool {
        let Some(socket) = &self.order.details else {
            return true;
        };
        match details(&self.host, socket, self.order.query) {
            Ok(details) => to.send(Message::Details(Box::new(details))).is_ok(),
            Err(reason) => to.send(Message::Failed(reason)).is_ok(),
        }
    }
}

fn reason(stop: Stop) -> String {
    match stop {
        Stop::Problem(problem) => problem.message,
        Stop::Output(error) => error.to_string(),
    }
}

/// When the look after the one that was due at `due` is due, and how many are left out because
/// their time has passed.
fn next(due: Instant, interval: Duration, now: Instant) -> (Instant, u64) {
    let next = due + interval;
    let late = now.saturating_duration_since(next).as_nanos();
    let missed = late.checked_div(interval.as_nanos()).unwrap_or(0);
    let missed = u32::try_from(missed).unwrap_or(u32::MAX);
    (next + interval.saturating_mul(missed), missed.into())
}

/// What earlier looks left behind.
#[derive(Default)]
struct Pasts {
    /// The look before the last one, and the last one as a look between.
    older: Option<Past>,
}

impl Pasts {
    /// What the view needs to know of earlier looks: what piles up, of the last one; what is
    /// wrong, of two, so that a burst is told from what goes on.
    fn before(&mut self, tab: Tab, last: &Look, now: &crate::look::sample::Sample) -> Option<Past> {
        match tab {
            Tab::Buildup => Some(Past::of_look(last)),
            Tab::Doctor => {
                let newer = Past::of_look(last);
                let mut between = newer.clone();
                between.pass(now.sockets(), now.kernel.clone());
                let older = self.older.replace(between);
                Some(older.unwrap_or(newer))
            }
            _ => {
                self.older = None;
                None
            }
        }
    }
}

/// Everything about one socket, its other end, and its ancestry.
fn details(host: &Host, socket: &Socket, query: Query) -> Result<Details, String> {
    let mut query = query;
    query.need(Needs::EVERYTHING);
    query.states = StateSet::ALL;
    let port = |port| PortRange {
        first: port,
        last: port,
    };
    let request = Request {
        query,
        filter: Filter::ports(socket.local.port().map(port).into_iter().collect()),
        resolve: false,
        listeners_too: false,
    };
    let snapshot = pipeline::snapshot(host, &request).map_err(reason)?;
    let identity = Identity::of(socket);
    let found = snapshot.sockets.iter();
    let found = found.filter(|socket| Identity::of(socket) == identity);
    let ancestry = found
        .flat_map(|socket| ancestry(host, socket, &snapshot.facts, query.needs.owners()))
        .collect();
    Ok(Details {
        identity,
        ancestry,
        snapshot,
        now: Some(host.now().as_second()),
    })
}

/// The process that holds a socket, its parent, and so on.
fn ancestry(host: &Host, socket: &Socket, facts: &Facts, detail: ProcessDetail) -> Vec<Process> {
    let mut line: Vec<Process> = facts.owner_processes(socket).take(1).cloned().collect();
    let Some(processes) = Processes::open(host).filter(|_| detail == ProcessDetail::Full) else {
        return line;
    };
    while line.len() < GENERATIONS
        && let Some(parent) = line.last().and_then(|process| process.parent)
        && let Some(process) = processes.read(parent, ProcessDetail::Full)
    {
        line.push(process);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_keep_their_pace_and_those_that_are_late_are_left_out() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(next(start, second, at(300)), (at(1000), 0));
        assert_eq!(next(start, second, at(1700)), (at(1000), 0));
        assert_eq!(next(start, second, at(3400)), (at(3000), 2));
        assert_eq!(next(start, Duration::ZERO, at(10)), (start, 0));
    }
}
