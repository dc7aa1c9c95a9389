//! Looking again and again, as rarely as is quick enough, until it is so or too late.

use std::thread::sleep;
use std::time::Duration;

use super::holders::{Held, Holders, Wanted, of_port, with_bound};
use crate::analyze::bind::Around;
use crate::analyze::port::assign_roles;
use crate::analyze::wait::{Condition, Target, pause_after, rest_after};
use crate::cli::command::abroad::Abroad;
use crate::cli::command::around::around;
use crate::cli::exit::Failure;
use crate::cli::session::Session;
use crate::collect::{BoundOnly, Probe};
use crate::filter::Filter;
use crate::host::live;
use crate::look::pipeline;
use crate::look::pipeline::{Request, Stop};
use crate::model::{Facts, PortRange, Problem, Report, Snapshot, Socket, StateSet};
use crate::query::{Needs, Query};
use crate::text::Format;

/// Looks in a row that may fail before anything was seen: the first ones.
const FEW_FAILURES: u32 = 3;
/// Looks in a row that may fail later: about a second.
const MANY_FAILURES: u32 = 20;

/// A wait that goes on.
pub(super) struct Wait<'a> {
    session: &'a Session,
    target: Target,
    probe: Probe,
    request: Request,
    holders: Option<Holders>,
    /// Sockets that count, as the last look saw them.
    rows: Vec<Socket>,
    /// Connections that stay although the port is free.
    remains: Vec<Socket>,
    /// What tells which side opened a connection.
    around: Around,
    /// When what neither listens nor is a UDP socket may be asked for again.
    rest_due: Duration,
    /// What the last look at listeners took.
    cost: Duration,
    started: Duration,
    looks: u32,
    spent: Duration,
    has_seen: bool,
    told: bool,
}

/// A wait that is over.
pub(super) struct Ended {
    /// What was waited for.
    pub target: Target,
    /// Whether it came.
    pub reached: bool,
    /// How long it took.
    pub waited: Duration,
    /// How long it might have taken.
    pub timeout: Option<Duration>,
    /// The sockets of the port that are there now, those that do not count among them.
    pub sockets: Vec<Socket>,
    /// What tells which side opened a connection.
    pub around: Around,
    /// Owners and names.
    pub facts: Facts,
    /// What could not be seen.
    pub report: Report,
    /// Whether it was told already that owners cannot be seen.
    pub told: bool,
}

impl<'a> Wait<'a> {
    pub fn start(
        session: &'a Session,
        target: Target,
        wanted: Option<Wanted>,
    ) -> Result<Self, Failure> {
        let started = live::monotonic();
        let request = session.request(StateSet::ALL, Filter::default())?;
        let mut request = of_port(request, &target);
        if session.options.quiet {
            let shown = Needs::PROCESSES.and(Needs::USERS);
            request.query.needs = request.query.needs.without(shown);
        }
        let probe =
            Probe::open(&session.host, request.query, target.port).map_err(Stop::Problem)?;
        Ok(Self {
            session,
            target,
            probe,
            request,
            holders: wanted.map(Holders::new),
            rows: Vec::new(),
            remains: Vec::new(),
            around: Around::default(),
            rest_due: Duration::ZERO,
            cost: Duration::ZERO,
            started,
            looks: 0,
            spent: Duration::ZERO,
            has_seen: false,
            told: false,
        })
    }

    /// Looks until it is so, or `timeout` has passed: then once more. Whether it is so.
    pub fn until(&mut self, timeout: Option<Duration>) -> Result<bool, Failure> {
        let deadline = timeout.and_then(|timeout| self.started.checked_add(timeout));
        let mut failures = 0;
        loop {
            let began = live::monotonic();
            let is_last = deadline.is_some_and(|deadline| began >= deadline);
            let outcome = self.look(is_last);
            let now = live::monotonic();
            self.looks += 1;
            self.spent += now.saturating_sub(began);
            match outcome {
                Ok(true) => return Ok(true),
                Ok(false) => {
                    failures = 0;
                    self.has_seen = true;
                }
                Err(Stop::Problem(problem)) => {
                    failures += 1;
                    let patience = if self.has_seen {
                        MANY_FAILURES
                    } else {
                        FEW_FAILURES
                    };
                    if is_last || failures >= patience {
                        return Err(Stop::Problem(problem).into());
                    }
                }
                Err(stop) => return Err(stop.into()),
            }
            if is_last {
                return Ok(false);
            }
            let left = deadline.map_or(Duration::MAX, |deadline| deadline.saturating_sub(now));
            sleep(pause_after(self.cost).min(left));
        }
    }

    /// One look: whether it is so.
    fn look(&mut self, is_last: bool) -> Result<bool, Stop> {
        self.rows = self.listeners()?;
        match self.target.condition {
            Condition::Listening if self.rows.is_empty() => Ok(false),
            Condition::Listening => {
                let held = self.held(is_last)?;
                Ok(held.is_none_or(|held| held.by_wanted))
            }
            Condition::Free => self.is_free(is_last),
        }
    }

    fn is_free(&mut self, is_last: bool) -> Result<bool, Stop> {
        if self.rows.is_empty() && self.target.protocols.tcp {
            let began = live::monotonic();
            if began < self.rest_due && !is_last {
                return Ok(false);
            }
            self.rows = self.rest()?;
            let now = live::monotonic();
            self.rest_due = now + rest_after(now.saturating_sub(began));
            if self.rows.is_empty() {
                // What was bound during the first look may listen since the second.
                self.rows = self.listeners()?;
            }
        }
        if self.rows.is_empty() {
            return Ok(true);
        }
        let held = self.held(is_last)?;
        Ok(held.is_some_and(|held| !held.by_wanted && !held.may_be))
    }

    /// What has the port besides listeners and UDP sockets: bound only, or connected. For both the
    /// kernel walks long tables.
    fn rest(&mut self) -> Result<Vec<Socket>, Stop> {
        let mut rows = match self.probe.sees_bound_only() {
            BoundOnly::Listed => self.probe.bound_only().map_err(Stop::Problem)?,
            BoundOnly::Unseen | BoundOnly::Unasked => Vec::new(),
        };
        rows.extend(self.probe.connections().map_err(Stop::Problem)?);
        self.around = around(
            &self.session.host,
            &self.request.query,
            &[self.port()],
            &mut rows,
        );
        let (target, around) = (&self.target, &self.around);
        let remains = rows.extract_if(.., |socket| target.remains(socket, around));
        self.remains = remains.collect();
        rows.retain(|socket| target.counts(socket, around));
        Ok(rows)
    }

    fn port(&self) -> PortRange {
        PortRange {
            first: self.target.port,
            last: self.target.port,
        }
    }

    fn listeners(&mut self) -> Result<Vec<Socket>, Stop> {
        let began = live::monotonic();
        let rows = match self.target.condition {
            Condition::Listening => self.probe.listeners(),
            Condition::Free => self.probe.holders(),
        };
        self.cost = live::monotonic().saturating_sub(began);
        let mut rows = rows.map_err(Stop::Problem)?;
        rows.retain(|socket| self.target.counts(socket, &self.around));
        Ok(rows)
    }

    /// Who holds the sockets, where a process is waited for.
    fn held(&mut self, is_last: bool) -> Result<Option<&Held>, Stop> {
        let Some(holders) = &mut self.holders else {
            return Ok(None);
        };
        let held = holders.look(
            &self.session.host,
            &self.request,
            &self.target,
            (&self.rows, &self.around),
            is_last,
        )?;
        if let Some(held) = held
            && held.may_be
            && !std::mem::replace(&mut self.told, true)
        {
            // Whoever waits should know now why it may be in vain.
            self.session.tell(&why_unknown(held));
        }
        Ok(held)
    }

    /// The end: one look with owners, where they are told.
    pub fn end(mut self, reached: bool, timeout: Option<Duration>) -> Ended {
        let waited = live::monotonic().saturating_sub(self.started);
        let mut report = Report {
            collector: self.probe.collector(),
            owners_from: Some("none"),
            problems: self.probe.problems().to_vec(),
            trace: vec![self.trace(waited)],
            ..Report::default()
        };
        let known = self.holders.take().and_then(|holders| holders.last);
        let snapshot = match known {
            Some(held) if !self.rows.is_empty() => Some(held.snapshot),
            _ if self.is_told_already(reached) => None,
            _ if reached || self.target.condition == Condition::Free => {
                pipeline::snapshot(&self.session.host, &self.request).ok()
            }
            // Beside a listener that was found, nothing else is worth a look.
            _ => pipeline::snapshot(&self.session.host, &with_bound(&self.request)).ok(),
        };
        let Snapshot {
            mut sockets, facts, ..
        } = self.merge(snapshot, &mut report);
        let counts = |socket: &Socket| self.target.counts(socket, &self.around);
        if !sockets.iter().any(counts) {
            // Gone since, or not to be seen a second time: what was found is told all the same.
            sockets.append(&mut self.rows);
        }
        let remains = |socket: &Socket| self.target.remains(socket, &self.around);
        if !sockets.iter().any(remains) {
            sockets.append(&mut self.remains);
        }
        assign_roles(&mut sockets, &[self.port()], &self.around);
        self.note_guess(&sockets, &mut report.problems);
        Ended {
            target: self.target,
            reached,
            waited,
            timeout,
            sockets,
            around: self.around,
            facts,
            report,
            told: self.told,
        }
    }

    /// Whether what was seen is all that has to be told.
    fn is_told_already(&self, reached: bool) -> bool {
        let shows_rows = !matches!(self.session.format, Format::Plain | Format::Csv);
        let has_rows = !(self.rows.is_empty() && self.remains.is_empty());
        self.session.options.quiet || (reached && !(shows_rows && has_rows))
    }

    /// The look with owners; its problems stand in the report, each once.
    fn merge(&self, snapshot: Option<Snapshot>, report: &mut Report) -> Snapshot {
        let Some(snapshot) = snapshot else {
            return Snapshot::default();
        };
        let known = report.problems.clone();
        let problems = snapshot.report.problems.iter().filter(|problem| {
            // Of --listening nothing is missing without those that are only bound.
            let is_beside = self.target.condition == Condition::Listening
                && problem.code == "bound_only_unseen";
            !known.contains(problem) && !is_beside
        });
        report.problems.extend(problems.cloned());
        report.collector = snapshot.report.collector.or(report.collector);
        report.owners_from = snapshot.report.owners_from;
        report.trace.extend(snapshot.report.trace.iter().cloned());
        snapshot
    }

    /// Says when an answer depends on whether a wildcard of IPv6 takes IPv4.
    fn note_guess(&self, sockets: &[Socket], problems: &mut Vec<Problem>) {
        if sockets
            .iter()
            .any(|socket| self.target.is_guess(socket, &self.around))
        {
            let message = "this source does not report whether [::] accepts IPv4 too: assumed that \
                           it does";
            let problem = Problem::incomplete("v6only_unknown", message);
            problems.push(problem.hint("use --collector netlink"));
        }
    }

    fn trace(&self, waited: Duration) -> String {
        let looks = self.looks;
        format!(
            "wait: {looks} looks in {:.1} s, {:.2} ms each",
            waited.as_secs_f64(),
            self.spent.as_secs_f64() * 1e3 / f64::from(self.looks.max(1)),
        )
    }
}

/// Why it may be in vain to wait for a process.
fn why_unknown(held: &Held) -> String {
    let report = &held.snapshot.report;
    let owners = report.problems.iter().find(|problem| problem.incomplete);
    let Some(problem) = owners else {
        return "note: the owners of the sockets of this port cannot be seen".to_owned();
    };
    let hint = problem.hint.as_deref();
    let hint = hint.map_or_else(String::new, |hint| format!(" ({hint})"));
    format!("note: {}{hint}", problem.message)
}

impl Ended {
    /// Who waited in vain for a listener should know of one in another namespace.
    pub fn look_abroad(&mut self, session: &Session) {
        let target = self.target;
        let waits = !self.reached && target.condition == Condition::Listening;
        if !waits || !self.sockets.is_empty() || session.options.quiet {
            return;
        }
        let query = Query {
            protocols: target.protocols,
            ..Query::everything()
        };
        let abroad = Abroad::look(&session.host, &query, &|socket| {
            target.counts(socket, &self.around)
        });
        self.report.problems.extend(abroad.problems("is held"));
    }

    /// What is to be noted at the end: not again what was told while waiting.
    pub fn notes(&self) -> Report {
        let mut report = self.report.clone();
        let of_owners = |problem: &Problem| problem.code.starts_with("owners_");
        report
            .problems
            .retain(|problem| !(self.told && of_owners(problem)));
        report
    }

    /// The sockets that were waited for, or that hold the port still.
    pub fn found(&self) -> Vec<&Socket> {
        let counts = |socket: &&Socket| self.target.counts(socket, &self.around);
        match self.target.condition {
            // Who waits for one process's listener has not found another's.
            Condition::Listening if !self.reached => Vec::new(),
            _ => self.sockets.iter().filter(counts).collect(),
        }
    }

    /// Connections that stay although the port is free.
    pub fn remains(&self) -> Vec<&Socket> {
        let remains = |socket: &&Socket| self.target.remains(socket, &self.around);
        self.sockets.iter().filter(remains).collect()
    }
}
