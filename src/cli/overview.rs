//! `sockscope` alone: the host at a glance.

use std::io::Write;

use super::list::{self, Order};
use super::session::Session;
use super::{Exit, Failure};
use crate::analyze::states::{StatesView, Tally};
use crate::columns::{Column, Row};
use crate::filter::Filter;
use crate::model::{Report, Snapshot, StateSet};
use crate::pipeline;
use crate::query::ProcessDetail;
use crate::render::grid::{self, Cell};
use crate::render::json::{Envelope, Lines};
use crate::render::theme::{Tone, state_tone};
use crate::render::{Columns, Format, RowWriter, counts, list as rows};
use crate::sys;

const TABLE: &[&str] = &["protocol", "local", "queue", "process", "user"];
const PROGRAM: &[&str] = &["protocol", "local", "queue", "user", "pid", "comm"];
/// Listeners shown on a terminal before "and more".
const SHOWN: usize = 20;

pub(super) fn run(session: &Session) -> Result<Exit, Failure> {
    let columns = session.columns(TABLE, PROGRAM)?;
    let (view, listeners) = look(session, &columns)?;
    match session.format {
        Format::Table => table(session, &view, &listeners, &columns.table)?,
        Format::Json => {
            let mut envelope = Envelope::new(session.out(), session.head("overview"), true);
            counts::add_to(&mut envelope, &view, false);
            envelope.begin()?;
            envelope.rows(limited(session, &listeners), &listeners.facts)?;
            envelope.end(&listeners.report)?;
        }
        Format::Ndjson => {
            let mut lines = Lines::new(session.out(), &session.head("overview"));
            lines.rows(limited(session, &listeners), &listeners.facts)?;
            lines.end(&listeners.report)?;
        }
        Format::Plain | Format::Csv => {
            let mut writer = session.row_writer("overview", columns);
            writer.begin()?;
            writer.rows(limited(session, &listeners), &listeners.facts)?;
            writer.end(&listeners.report)?;
        }
    }
    session.notes(&listeners.report);
    Ok(session.exit(&listeners.report, true))
}

/// Counts of everything, and the listeners with their owners: two readings, because only
/// the few listeners need to be held.
fn look(session: &Session, columns: &Columns) -> Result<(StatesView, Snapshot), Failure> {
    let mut request = session.request(StateSet::ALL, Filter::default())?;
    request.query.owners = ProcessDetail::None;
    request.query.users = false;
    request.resolve = false;
    let mut tally = Tally::new(None);
    let counted = pipeline::stream(&request, &mut |sockets, facts| {
        for socket in &sockets {
            tally.add(socket, facts);
        }
        Ok(())
    })?;
    let request = session.request(StateSet::LISTENING, Filter::default())?;
    let request = session.with_users(request, columns);
    let mut listeners = pipeline::snapshot(&request)?;
    let order = session.sort()?;
    let order = order.map_or(Order::Port, |(column, reverse)| {
        Order::Column(column, reverse)
    });
    list::sort(&mut listeners.sockets, &listeners.facts, order);
    merge(&mut listeners.report, counted);
    Ok((tally.finish(), listeners))
}

/// What either reading could not see.
fn merge(report: &mut Report, other: Report) {
    for problem in other.problems {
        if !report.problems.contains(&problem) {
            report.problems.push(problem);
        }
    }
    report.trace.extend(other.trace);
}

fn limited<'a>(session: &Session, listeners: &'a Snapshot) -> &'a [crate::model::Socket] {
    let limit = session.options.limit.unwrap_or(usize::MAX);
    listeners.sockets.get(..limit).unwrap_or(&listeners.sockets)
}

fn table(
    session: &Session,
    view: &StatesView,
    listeners: &Snapshot,
    columns: &[&'static Column],
) -> Result<(), Failure> {
    let mut out = session.out();
    totals(session, &mut out, view)?;
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
        let text = "more: sockscope listen | port PORT | conns | states --by process | --help";
        writeln!(out, "\n{}", session.theme.paint(text, Tone::Quiet))?;
    }
    out.flush()?;
    Ok(())
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
