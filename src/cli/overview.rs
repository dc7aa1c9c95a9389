//! `sockscope` alone: the host at a glance.

use std::io::Write;

use super::doctor;
use super::list::{self, Order};
use super::session::Session;
use super::{Exit, Failure};
use crate::analyze::doctor::{Case, Finding, RULES, diagnose};
use crate::analyze::states::{StatesView, Tally};
use crate::columns::{Column, Row};
use crate::filter::Filter;
use crate::model::{Snapshot, Socket, StateSet};
use crate::pipeline;
use crate::render::grid::{self, Cell};
use crate::render::json::Envelope;
use crate::render::theme::{Tone, state_tone};
use crate::render::{Columns, Format, RowWriter, counts, doctor as render, list as rows};
use crate::sys;

const TABLE: &[&str] = &["protocol", "local", "queue", "process", "user"];
const PROGRAM: &[&str] = &["protocol", "local", "queue", "user", "pid", "comm"];
/// Listeners shown on a terminal before "and more".
const SHOWN: usize = 20;

/// Findings shown before "and more".
const WORST: usize = 5;

/// The host at a glance.
struct Overview {
    counts: StatesView,
    findings: Vec<Finding>,
    listeners: Snapshot,
}

pub(super) fn run(session: &Session) -> Result<Exit, Failure> {
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
        Format::Table => table(session, overview, &columns.table)?,
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
    doctor::complete(&mut request.query);
    let request = session.with_needs(request, columns);
    let sample = pipeline::sample(&request)?;
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
        .extend(report.elsewhere.problem("sockscope"));
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

fn table(
    session: &Session,
    overview: &Overview,
    columns: &[&'static Column],
) -> Result<(), Failure> {
    let listeners = &overview.listeners;
    let mut out = session.out();
    totals(session, &mut out, &overview.counts)?;
    worst(session, &mut out, &overview.findings)?;
    let all = listeners.sockets.len();
    let limit = if session.for_person() {
        SHOWN
    } else {
        usize::MAX
    };
    let limit = session.options.limit.unwrap_or(limit);
    let shown = listeners.sockets.get(..limit).unwrap_or(&listeners.sockets);
    if !shown.is_empty() {
        writeln!(out)?;
        let cells: Vec<_> = shown
            .iter()
            .map(|socket| {
                let facts = &listeners.facts;
                rows::cells(columns, Row { socket, facts })
            })
            .collect();
        grid::draw(
            &mut out,
            &rows::grid_columns(columns),
            &cells,
            &session.frame(),
        )?;
    }
    if all > shown.len() {
        let text = format!("and {} more: sockscope listen", all - shown.len());
        writeln!(out, "{}", session.theme.paint(&text, Tone::Quiet))?;
    }
    if session.for_person() {
        let text =
            "more: sockscope doctor | listen | port PORT | conns | buildup | explain | --help";
        writeln!(out, "\n{}", session.theme.paint(text, Tone::Quiet))?;
    }
    out.flush()?;
    Ok(())
}

/// The worst findings, a line each.
fn worst(session: &Session, out: &mut dyn Write, findings: &[Finding]) -> std::io::Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let frame = session.frame();
    for finding in findings.iter().take(WORST) {
        render::line(out, finding, &frame)?;
    }
    let more = match findings.len() - findings.len().min(WORST) {
        0 => "why, and what to do: sockscope doctor".to_owned(),
        more => format!("and {more} more; why, and what to do: sockscope doctor"),
    };
    writeln!(out, "{}", session.theme.paint(&more, Tone::Quiet))
}

/// One line for TCP with the states that occur, one for UDP.
fn totals(session: &Session, out: &mut dyn Write, view: &StatesView) -> std::io::Result<()> {
    let theme = session.theme;
    let host = format!(
        "{}  {}",
        sys::host_name(),
        session.now.strftime("%Y-%m-%d %H:%M:%S UTC")
    );
    writeln!(out, "{}", theme.paint(&host, Tone::Quiet))?;
    let protocols = session.protocols();
    if protocols.tcp {
        let states = view.total.present();
        let parts: Vec<Cell> = states
            .map(|(state, n)| Cell::new(format!("{n} {state}"), state_tone(state)))
            .collect();
        let head = Cell::new(format!("TCP {}", view.total.total()), Tone::Strong);
        let line = grid::flow(&head, &parts, "  ", &session.frame());
        writeln!(out, "{line}")?;
    }
    if protocols.udp {
        let udp = view.udp;
        let total = theme.paint(
            &format!("UDP {}", udp.connected + udp.unconnected),
            Tone::Strong,
        );
        writeln!(
            out,
            "{total}  {} bound  {} connected",
            udp.unconnected, udp.connected
        )?;
    }
    Ok(())
}
