//! Reading every wanted table: the choice of the collector, the fallback table by table,
//! and each row once.

use std::thread::Builder;

use super::netlink::FIRST_TCP_STATES;
use super::rows::{Gathered, Rows};
use super::{Collector, Netlink, Netstat2, Procfs, Table, TableError};
use crate::host::Host;
use crate::model::{Family, Narrow, Problem, Protocol, Report, Socket, State, StateSet};
use crate::query::{CollectorChoice, Needs, Query};

/// Reads the tables that `query` wants in the network namespace of a host.
///
/// Listeners come before the connections of their protocol, whatever the query's states: the
/// role of a connection depends on them. Each socket comes once.
///
/// # Errors
/// When no table at all could be read, or a collector asked for by name cannot be used.
pub fn read_tables(
    host: &Host,
    query: &Query,
    each: &mut dyn FnMut(Socket),
) -> Result<Report, Problem> {
    let mut reader = Reader::new(host, query, each)?;
    for protocol in Protocol::ALL {
        if query.wants(protocol) {
            reader.read_protocol(protocol);
        }
    }
    reader.finish()
}

/// The collectors of a choice, best first; that `auto` does without one is a problem.
///
/// # Errors
/// When a collector asked for by name cannot be used.
pub(super) fn open_collectors(
    host: &Host,
    choice: CollectorChoice,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Box<dyn Collector>>, Problem> {
    let mut collectors: Vec<Box<dyn Collector>> = Vec::new();
    let auto = choice == CollectorChoice::Auto;
    if auto || choice == CollectorChoice::Netlink {
        match Netlink::open(host) {
            Ok(netlink) => collectors.push(Box::new(netlink)),
            Err(error) if auto => problems.push(Problem::new(
                "sock_diag_unavailable",
                format!("sock_diag cannot be used ({error}); /proc/net was read instead, which has fewer columns"),
            )),
            Err(error) => {
                let message = format!("cannot open a sock_diag socket: {error}");
                return Err(Problem::incomplete("sock_diag_unavailable", message)
                    .hint("--collector procfs reads /proc/net instead"));
            }
        }
    }
    if auto || choice == CollectorChoice::Procfs {
        collectors.push(Box::new(Procfs::new(host)));
    }
    if choice == CollectorChoice::Netstat2 {
        collectors.push(Box::new(Netstat2::new(host)));
    }
    Ok(collectors)
}

/// Why sockets that are bound only cannot be seen through `collector`; `None` where they can.
pub(super) fn bound_only_unseen(host: &Host, collector: Option<&str>) -> Option<Problem> {
    let why = match collector {
        Some("netlink") if host.kernel_version().is_some_and(|v| v < (6, 8)) => {
            "this kernel does not list them (Linux 6.8 does)"
        }
        Some("netlink") => return None,
        Some("netstat2") => "netstat2 does not list them",
        _ => "/proc/net/tcp does not list them",
    };
    let message =
        format!("TCP sockets that are bound but neither listen nor connect cannot be seen: {why}");
    Some(Problem::incomplete("bound_only_unseen", message))
}

struct Reader<'a> {
    host: &'a Host,
    query: &'a Query,
    /// The collectors, best first; a table that the first does not give is asked of the next.
    collectors: Vec<Box<dyn Collector>>,
    rows: Rows<'a>,
    report: Report,
    tcp: Poorest,
    bound_only: Poorest,
    any: Poorest,
    read: u32,
    failed: Option<TableError>,
}

impl<'a> Reader<'a> {
    fn new(
        host: &'a Host,
        query: &'a Query,
        each: &'a mut dyn FnMut(Socket),
    ) -> Result<Self, Problem> {
        let mut report = Report::default();
        let collectors = open_collectors(host, query.collector, &mut report.problems)?;
        Ok(Self {
            host,
            query,
            collectors,
            rows: Rows::new(host.netns(), each),
            report,
            tcp: Poorest::default(),
            bound_only: Poorest::default(),
            any: Poorest::default(),
            read: 0,
            failed: None,
        })
    }

    fn read_protocol(&mut self, protocol: Protocol) {
        let table = |states| Table {
            protocol,
            family: None,
            states,
            narrow: Narrow::ALL,
            needs: self.query.needs,
            strict: self.query.strict,
        };
        if protocol == Protocol::Tcp {
            let wanted = self.query.states;
            let first = wanted.with(State::Listen).intersect(FIRST_TCP_STATES);
            let rest = wanted.intersect(FIRST_TCP_STATES.complement());
            let (first, rest) = (table(first), table(rest));
            // Listeners tell the role of connections, so all of them are needed; so they are
            // for UDP, where both stand in one table.
            let may_have_ulp = rest.states.tcp_mask() != 0 && self.host.has_mptcp();
            let rest = Table {
                narrow: self.query.narrow,
                needs: rest.needs.and(Needs::ULP.when(may_have_ulp)),
                ..rest
            };
            let bound = self.bound_only_beside(first);
            self.read_table(match bound {
                Some(_) => table(StateSet::NONE.with(State::Listen)),
                None => first,
            });
            if rest.states.tcp_mask() != 0 {
                self.read_table(rest);
            }
            self.take_bound_only(bound, first);
            self.note_bound_only();
        } else {
            let table = table(StateSet::ALL);
            self.rows.hold_back();
            self.read_table(table);
            self.rows.release();
        }
    }

    /// Starts reading the bound-only sockets on another thread, where the kernel can list
    /// them: it walks every bound port for them, a third of the time of a whole dump.
    fn bound_only_beside(&self, first: Table) -> Option<BoundOnly> {
        let families = self.query.families.tables();
        let worthwhile = first.states.contains(State::BoundInactive)
            && families.v4
            && families.v6
            && self
                .collectors
                .first()
                .is_some_and(|c| c.name() == "netlink");
        let host = self.host.clone();
        let read = move || {
            let mut rows = Gathered::default();
            let table = Table {
                states: StateSet::NONE.with(State::BoundInactive),
                ..first
            };
            let mut netlink = Netlink::open(&host).ok()?;
            netlink.read(table, &mut rows).ok()?;
            Some(rows)
        };
        // Without a thread (RLIMIT_NPROC) they are read with the listeners.
        worthwhile
            .then(|| Builder::new().spawn(read).ok())
            .flatten()
    }

    /// Takes the bound-only sockets from the other thread, or reads them here after all.
    fn take_bound_only(&mut self, bound: Option<BoundOnly>, first: Table) {
        let Some(bound) = bound else { return };
        match bound.join().ok().flatten() {
            Some(rows) => {
                self.rows.take(rows);
                self.bound_only.note(0, true);
            }
            None => self.read_table(Table {
                states: StateSet::NONE.with(State::BoundInactive),
                ..first
            }),
        }
    }

    /// Reads both families, from the first collector that gives them.
    fn read_table(&mut self, table: Table) {
        self.rows.begin_table();
        let families = self.query.families.tables();
        let joint = families.v4 && families.v6;
        let before = self.rows.given;
        if joint && self.read_with(0, table).is_ok() {
            return;
        }
        let has_part = self.rows.given > before;
        for family in Family::ALL {
            if families.contains(family) {
                let of_family = Table {
                    family: Some(family),
                    ..table
                };
                self.read_family(of_family, has_part);
            }
        }
    }

    /// Reads a family from the first collector that gives it, where another may have given a part.
    fn read_family(&mut self, table: Table, has_part: bool) {
        let mut first_error = None;
        let before = self.rows.given;
        for place in 0..self.collectors.len() {
            if place > 0 {
                self.rows.change_source();
            }
            let was_added = has_part || self.rows.given > before;
            match self.read_with(place, table) {
                Ok(()) => {
                    if let Some(error) = first_error {
                        self.note_fallback(table, &error, was_added);
                    }
                    return;
                }
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        if let Some(error) = first_error {
            self.note_missing(table, error);
        }
    }

    fn read_with(&mut self, place: usize, table: Table) -> Result<(), TableError> {
        let Some(collector) = self.collectors.get_mut(place) else {
            return Err(TableError::Unavailable("no collector".to_owned()));
        };
        let started = std::time::Instant::now();
        let before = self.rows.given;
        collector.read(table, &mut self.rows)?;
        let name = collector.name();
        if table.needs.has(Needs::ULP) && name == "procfs" {
            self.note_queues();
        }
        self.read += 1;
        let gave = self.rows.given > before;
        self.any.note(place, gave);
        if table.protocol == Protocol::Tcp {
            self.tcp.note(place, gave);
            if table.states.contains(State::BoundInactive) {
                self.bound_only.note(place, gave);
            }
        }
        self.report.trace.push(format!(
            "{name}: {}{} table, {} rows in {:.1} ms",
            table.protocol.name(),
            table.family.map_or("", |f| match f {
                Family::V4 => " (ipv4)",
                Family::V6 => " (ipv6)",
            }),
            self.rows.given - before,
            started.elapsed().as_secs_f64() * 1e3,
        ));
        Ok(())
    }

    /// Subflows of MPTCP look like any connection there, and theirs are not the data.
    fn note_queues(&mut self) {
        let known = |problem: &Problem| problem.code == "queues_unknown";
        if !self.report.problems.iter().any(known) {
            let message = "MPTCP is in use, and /proc/net/tcp does not tell its subflows from other connections: no queues are shown";
            let problem = Problem::new("queues_unknown", message);
            self.report.problems.push(problem);
        }
    }

    fn note_fallback(&mut self, table: Table, error: &TableError, was_added: bool) {
        let name = table.protocol.name();
        let message = if was_added {
            format!("{error}; the rest was read from /proc/net/{name}, which has fewer columns")
        } else {
            format!("{error}; /proc/net/{name} was read instead")
        };
        let known = |p: &Problem| p.code == "table_fallback" && p.message == message;
        if !self.report.problems.iter().any(known) {
            self.report
                .problems
                .push(Problem::new("table_fallback", message));
        }
    }

    fn note_missing(&mut self, table: Table, error: TableError) {
        // One family may be missing for good: a kernel without IPv6.
        let no_ipv6 = table.family == Some(Family::V6) && self.read > 0;
        if !(no_ipv6 && matches!(error, TableError::Missing(_))) {
            let known = |p: &Problem| p.code == "table_missing" && p.message == error.to_string();
            if !self.report.problems.iter().any(known) {
                let problem = Problem::incomplete("table_missing", error.to_string());
                self.report.problems.push(problem);
            }
            self.failed.get_or_insert(error);
        }
    }

    /// Says when sockets that are bound only were wanted and could not be seen.
    fn note_bound_only(&mut self) {
        if !self.query.states.contains(State::BoundInactive) || self.read == 0 {
            return;
        }
        let problem = bound_only_unseen(self.host, self.name_of(self.bound_only));
        self.report.problems.extend(problem);
    }

    fn name_of(&self, poorest: Poorest) -> Option<&'static str> {
        let (_, place) = poorest.0?;
        Some(self.collectors.get(place)?.name())
    }

    fn finish(mut self) -> Result<Report, Problem> {
        self.report.collector = self.name_of(self.tcp).or_else(|| self.name_of(self.any));
        self.report.poorest = self.name_of(self.any);
        if self.read == 0 && self.failed.is_none() {
            // Nothing that was asked for can exist, so nothing was read.
            self.report.collector = self.collectors.first().map(|first| first.name());
        }
        if self.read == 0
            && let Some(error) = self.failed
        {
            return Err(Problem::incomplete("no_table", error.to_string()).hint(
                "a seccomp filter, a limit of open files or a missing /proc may stand in the way",
            ));
        }
        if self.report.collector == Some("netstat2") && self.query.wants(Protocol::Udp) {
            self.report.problems.push(Problem {
                // The connected ones are missing where only these were asked for.
                incomplete: !self.query.states.contains(State::Unconnected),
                ..Problem::new(
                    "udp_state_unknown",
                    "netstat2 does not tell which UDP sockets are connected: all are shown as UNCONN",
                )
            });
        }
        if self.rows.unreadable > 0 {
            let count = self.rows.unreadable;
            let rows = if count == 1 { "row" } else { "rows" };
            let message = format!("{count} {rows} of the kernel's tables could not be read");
            let problem = Problem::incomplete("unreadable_rows", message).count(count);
            self.report.problems.push(problem);
        }
        for why in self.rows.inconsistent {
            self.report.problems.push(Problem::incomplete(
                "table_inconsistent",
                format!("{why}: rows may be missing"),
            ));
        }
        Ok(self.report)
    }
}

/// The place of the poorest collector that gave rows, or else of the first that had none to give.
#[derive(Clone, Copy, Debug, Default)]
struct Poorest(Option<(bool, usize)>);

impl Poorest {
    fn note(&mut self, place: usize, gave: bool) {
        if gave || self.0.is_none() {
            self.0 = self.0.max(Some((gave, place)));
        }
    }
}

/// The bound-only sockets, on their way from another thread.
type BoundOnly = std::thread::JoinHandle<Option<Gathered>>;
