//! `sockscope` alone: the host at a glance.

use std::io::Write;

use super::doctor;
use super::list;
use super::list::Order;
use crate::analyze::doctor::{Case, Finding, RULES, diagnose};
use crate::analyze::states::{StatesView, Tally};
use crate::cli::exit::{Exit, Failure};
use crate::cli::session::Session;
use crate::filter::Filter;
use crate::json::envelope::Envelope;
use crate::look::pipeline;
use crate::model::{Snapshot, Socket, StateSet};
use crate::text::{Columns, Format, RowWriter};
use crate::view::overview::Glance;
use crate::view::{counts, doctor as render};

const TABLE: &[&str] = &["protocol", "local", "queue", "process", "user"];
const PROGRAM: &[&str] = &["protocol", "local", "queue", "user", "pid", "comm"];
/// Listeners shown on a terminal before "and more".
const SHOWN: usize = 20;

/// The host at a glance.
struct Overview {
    counts: StatesView,
    findings: Vec<Finding>,
    listeners: Snapshot,
}

pub(crate) fn run(session: &Session) -> Result<Exit, Failure> {
    let columns = session.columns(TABLE, PROGRAM)?;
    let overview = look(session, &columns)?;
    let listeners = &overview.listeners;
    session.forms(|session| write(session, &overview, columns.clone()))?;
    session.notes(&listeners.report);
    Ok(session.exit(&listeners.report, true))
}

fn write(session: &Session, overview: &Overview, columns: Columns) -> Result<(), Failure> {
    let listeners = &overview.listeners;
    match session.format {
        Format::Table => table(session, overview, &columns)?,
        Format::Json => {
            let mut envelope = Envelope::new(session.out(), session.head("overview"), true);
            envelope.add(&counts::Totals::new(&overview.counts))?;
            envelope.add(&render::Findings::new(&overview.findings))?;
            envelope.begin()?;
            envelope.rows(limited(session, listeners), &listeners.facts)?;
            envelope.end(&listeners.report)?;
        }
        Format::Ndjson | Format::Plain | Format::Csv => {
            let mut writer = session.row_writer("overview", columns);
            writer.begin()?;
            writer.rows(limited(session, listeners), &listeners.facts)?;
            writer.end(&listeners.report)?;
        }
    }
    Ok(())
}

/// Everything at one look: counts of all sockets, what is wrong, and the listeners.
fn look(session: &Session, columns: &Columns) -> Result<Overview, Failure> {
    let mut request = session.request(StateSet::ALL, Filter::default())?;
    request.query.need(doctor::LOOKED_AT);
    let request = session.with_needs(request, columns);
    let sample = pipeline::sample(&session.host, &request)?;
    let mut tally = Tally::new(None);
    for socket in sample.sockets() {
        tally.add(socket, sample.facts());
    }
    let rules: Vec<_> = RULES.iter().collect();
    let findings = diagnose(&Case::new(&sample, None, session.protocols()), &rules).findings;
    let mut listeners = sample.snapshot;
    listeners.sockets.retain(Socket::is_listener);
    let order = session.sort()?;
    let order = order.map_or(Order::Port, |(column, reverse)| {
        Order::Column(column, reverse)
    });
    list::sort(&mut listeners.sockets, &listeners.facts, order);
    let report = &mut listeners.report;
    report
        .problems
        .extend(report.elsewhere.problems("sockscope"));
    Ok(Overview {
        counts: tally.finish(),
        findings,
        listeners,
    })
}

fn limited<'a>(session: &Session, listeners: &'a Snapshot) -> &'a [crate::model::Socket] {
    let limit = session.options.limit.unwrap_or(usize::MAX);
    listeners.sockets.get(..limit).unwrap_or(&listeners.sockets)
}

fn table(session: &Session, overview: &Overview, columns: &Columns) -> Result<(), Failure> {
    let for_person = session.for_person();
    let limit = if for_person { SHOWN } else { usize::MAX };
    let glance = Glance {
        host: &session.host.name(),
        time: &session.now.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        protocols: session.protocols(),
        counts: &overview.counts,
        findings: &overview.findings,
        listeners: &overview.listeners,
        columns,
        limit: session.options.limit.unwrap_or(limit),
        for_person,
    };
    let mut out = session.out();
    glance.draw(&mut out, &session.frame())?;
    out.flush()?;
    Ok(())
}
