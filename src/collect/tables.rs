//! Reading every wanted table, and telling from where each came; each row once.

use std::thread::Builder;

use super::netlink::FIRST_TCP_STATES;
use super::rows::{Gathered, Rows};
use super::sources::{Asker, Sources, bound_only_unseen, is_without_ipv6, no_table};
use super::{Collector, Netlink, Table, TableError};
use crate::host::Host;
use crate::model::{Family, FamilySet, Narrow, Problem, Protocol, Report, Socket, State, StateSet};
use crate::query::{Needs, Query};

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
    let mut report = Report::default();
    let sources = Sources::open(host, query.collector, false, &mut report.problems)?;
    let mut reader = Reader {
        host,
        query,
        sources,
        told: Told {
            rows: Rows::new(host.netns(), each),
            report,
            parts: NONE,
            tcp: Poorest::default(),
            bound_only: Poorest::default(),
            any: Poorest::default(),
            read: 0,
            failed: None,
        },
    };
    for protocol in Protocol::ALL {
        if query.wants(protocol) {
            reader.read_protocol(protocol);
        }
    }
    reader.finish()
}

/// No family.
const NONE: FamilySet = FamilySet {
    v4: false,
    v6: false,
};

struct Reader<'a> {
    host: &'a Host,
    query: &'a Query,
    sources: Sources,
    told: Told<'a>,
}

/// What the collectors told until now.
struct Told<'a> {
    rows: Rows<'a>,
    report: Report,
    /// The families of this table of which rows came before their collector failed.
    parts: FamilySet,
    tcp: Poorest,
    bound_only: Poorest,
    any: Poorest,
    read: u32,
    failed: Option<TableError>,
}

impl Reader<'_> {
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
            self.told.rows.hold_back();
            self.read_table(table);
            self.told.rows.release();
        }
    }

    /// Starts reading the bound-only sockets on another thread, where the kernel can list
    /// them: it walks every bound port for them, a third of the time of a whole dump.
    fn bound_only_beside(&self, first: Table) -> Option<Beside> {
        let families = self.query.families.tables();
        let worthwhile = first.states.contains(State::BoundInactive)
            && families.v4
            && families.v6
            && self.sources.name(0) == Some("netlink");
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
    fn take_bound_only(&mut self, bound: Option<Beside>, first: Table) {
        let Some(bound) = bound else { return };
        match bound.join().ok().flatten() {
            Some(rows) => {
                self.told.rows.take(rows);
                self.told.bound_only.note(0, true);
            }
            None => self.read_table(Table {
                states: StateSet::NONE.with(State::BoundInactive),
                ..first
            }),
        }
    }

    /// Reads the wanted families, each from the first collector that gives it.
    fn read_table(&mut self, table: Table) {
        self.told.rows.begin_table();
        self.told.parts = NONE;
        let families = self.query.families;
        if let Err(problem) = self.sources.read(table, families, &mut self.told) {
            self.told.report.problems.push(problem);
        }
    }

    /// Says when sockets that are bound only were wanted and could not be seen.
    fn note_bound_only(&mut self) {
        if !self.query.states.contains(State::BoundInactive) || self.told.read == 0 {
            return;
        }
        let problem = bound_only_unseen(self.host, self.name_of(self.told.bound_only));
        self.told.report.problems.extend(problem);
    }

    fn name_of(&self, poorest: Poorest) -> Option<&'static str> {
        let (_, index) = poorest.0?;
        self.sources.name(index)
    }

    fn finish(self) -> Result<Report, Problem> {
        let poorest = self.name_of(self.told.any);
        let of_tcp = self.name_of(self.told.tcp);
        let mut told = self.told;
        told.report.collector = of_tcp.or(poorest);
        told.report.poorest = poorest;
        if told.read == 0 {
            if let Some(error) = told.failed {
                return Err(no_table(&error));
            }
            // Nothing that was asked for can exist, so nothing was read.
            told.report.collector = self.sources.name(0);
        }
        if told.report.collector == Some("netstat2") && self.query.wants(Protocol::Udp) {
            told.report.problems.push(Problem {
                // The connected ones are missing where only these were asked for.
                incomplete: !self.query.states.contains(State::Unconnected),
                ..Problem::new(
                    "udp_state_unknown",
                    "netstat2 does not report which UDP sockets are connected: all are shown as UNCONN",
                )
            });
        }
        if told.rows.unreadable > 0 {
            let count = told.rows.unreadable;
            let rows = if count == 1 { "row" } else { "rows" };
            let message = format!("{count} {rows} of the kernel's tables could not be read");
            let problem = Problem::incomplete("unreadable_rows", message).count(count);
            told.report.problems.push(problem);
        }
        for why in told.rows.inconsistent {
            told.report.problems.push(Problem::incomplete(
                "table_inconsistent",
                format!("{why}: rows may be missing"),
            ));
        }
        Ok(told.report)
    }
}

impl Told<'_> {
    /// Subflows of MPTCP look like any connection there, and theirs are not the data.
    fn note_queues(&mut self) {
        let known = |problem: &Problem| problem.code == "queues_unknown";
        if !self.report.problems.iter().any(known) {
            let message = "MPTCP is in use, and /proc/net/tcp does not mark its subflows: no queues are shown";
            let problem = Problem::new("queues_unknown", message);
            self.report.problems.push(problem);
        }
    }
}

impl Asker for Told<'_> {
    fn read(
        &mut self,
        index: usize,
        collector: &mut dyn Collector,
        table: Table,
    ) -> Result<(), TableError> {
        let started = std::time::Instant::now();
        let before = self.rows.given;
        let result = collector.read(table, &mut self.rows);
        let gave = self.rows.given > before;
        if result.is_err() && gave {
            self.parts.v4 |= table.family != Some(Family::V6);
            self.parts.v6 |= table.family != Some(Family::V4);
        }
        result?;
        let name = collector.name();
        if table.needs.has(Needs::ULP) && name == "procfs" {
            self.note_queues();
        }
        self.read += 1;
        self.any.note(index, gave);
        if table.protocol == Protocol::Tcp {
            self.tcp.note(index, gave);
            if table.states.contains(State::BoundInactive) {
                self.bound_only.note(index, gave);
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

    fn change_source(&mut self) {
        self.rows.change_source();
    }

    fn fell_back(&mut self, table: Table, error: &TableError) {
        let name = table.protocol.name();
        let was_added = table
            .family
            .is_some_and(|family| self.parts.contains(family));
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

    fn missing(&mut self, table: Table, error: TableError) -> Result<(), Problem> {
        if !is_without_ipv6(table, &error, self.read > 0) {
            let known = |p: &Problem| p.code == "table_missing" && p.message == error.to_string();
            if !self.report.problems.iter().any(known) {
                let problem = Problem::incomplete("table_missing", error.to_string());
                self.report.problems.push(problem);
            }
            self.failed.get_or_insert(error);
        }
        Ok(())
    }
}

/// The index of the poorest collector that gave rows, or else of the first that had none to give.
#[derive(Clone, Copy, Debug, Default)]
struct Poorest(Option<(bool, usize)>);

impl Poorest {
    fn note(&mut self, index: usize, gave: bool) {
        if gave || self.0.is_none() {
            self.0 = self.0.max(Some((gave, index)));
        }
    }
}

/// The bound-only sockets, on their way from another thread.
type Beside = std::thread::JoinHandle<Option<Gathered>>;
