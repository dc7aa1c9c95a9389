//! `sockscope inspect FILTER`: everything about the few sockets that match.

use std::io::Write;

use rustc_hash::FxHashSet;

use super::absent;
use super::list;
use super::list::{List, Order};
use crate::analyze::ends::ByEnds;
use crate::cli::exit::{Exit, Failure, Usage};
use crate::cli::session::Session;
use crate::collect::addresses;
use crate::columns::{COLUMNS, Row};
use crate::filter::Filter;
use crate::host::Host;
use crate::json::envelope::{Envelope, Lines};
use crate::look::pipeline;
use crate::look::pipeline::Request;
use crate::look::untold;
use crate::model::{FamilySet, PortRange, Report, Snapshot, Socket, StateSet};
use crate::query::Needs;
use crate::text::theme::Tone;
use crate::text::wrap::sentence;
use crate::text::{Columns, Format, RowWriter};
use crate::view::inspect::json::InspectedRow;
use crate::view::inspect::{Inspected, tell};

/// Sockets told in full on a terminal; --limit shows more.
const FEW: usize = 10;
/// What `--columns +a` adds to.
const TABLE: &[&str] = &["protocol", "state", "local", "peer", "process"];

pub(crate) fn run(session: &Session, words: &[String]) -> Result<Exit, Failure> {
    if words.is_empty() {
        let usage = Usage::new("inspect shows everything about a few sockets: which?");
        return Err(usage
            .hint("for example: sockscope inspect port=8080, or pid=812, or inode=4711")
            .into());
    }
    let filter = session.filter(words)?;
    let request = session.request(StateSet::ALL, filter.clone())?;
    let (found, report) = match session.format {
        Format::Table if session.options.columns.is_none() => whole(session, request)?,
        Format::Table | Format::Plain | Format::Csv if !session.wants_json() => {
            rows(session, &request)?
        }
        _ => whole(session, request)?,
    };
    session.notes(&report);
    if !found {
        session.tell_nothing(
            &report,
            &absent::because(&session.host, "no socket matches", &filter),
        );
    }
    Ok(session.exit(&report, found))
}

/// One row a socket, with every column there is.
fn rows(session: &Session, request: &Request) -> Result<(bool, Report), Failure> {
    let order = session.sort()?;
    let list = List {
        command: "inspect",
        request,
        columns: columns(session)?,
        order: order.map(|(column, reverse)| Order::Column(column, reverse)),
        remarks: None,
        screen: None,
        looks_abroad: false,
    };
    let (listed, report) = list::write(session, list)?;
    Ok((listed.found > 0, report))
}

fn columns(session: &Session) -> Result<Columns, Usage> {
    let every: Vec<&str> = COLUMNS.iter().map(|column| column.id).collect();
    session.columns(TABLE, &every)
}

/// Everything, for a person or in JSON; or, beside JSON, one row a socket.
fn whole(session: &Session, mut request: Request) -> Result<(bool, Report), Failure> {
    request.query.need(Needs::EVERYTHING);
    let order = session.sort()?;
    let mut snapshot = pipeline::snapshot(&session.host, &request)?;
    untold::shown(&session.host, &request.query, &[], &mut snapshot.report);
    let guesses = untold::wildcards(request.query.families, &snapshot.sockets);
    snapshot.report.problems.extend(guesses);
    if let Some((column, reverse)) = order {
        let Snapshot { sockets, facts, .. } = &mut snapshot;
        list::sort(sockets, facts, Order::Column(column, reverse));
    }
    // Of few sockets everything is told; the others are read for them, once for each form.
    let near = ByEnds::of(&snapshot.sockets);
    let shown = shown(session, &snapshot);
    let others = others(&session.host, &request, &near, shown)?;
    let columns = columns(session)?;
    session.forms(|session| {
        let shown = self::shown(session, &snapshot);
        let inspected = inspected(shown, &snapshot, &near, &others);
        write(session, &inspected, &snapshot, &columns)
    })?;
    Ok((!snapshot.sockets.is_empty(), snapshot.report))
}

/// The sockets that are told of: on a terminal few, unless more are asked for.
fn shown<'a>(session: &Session, snapshot: &'a Snapshot) -> &'a [Socket] {
    let few = match session.format {
        Format::Table if crate::terminal::is_terminal() && !session.wants_json() => FEW,
        _ => usize::MAX,
    };
    let limit = session.options.limit.unwrap_or(few);
    snapshot.sockets.get(..limit).unwrap_or(&snapshot.sockets)
}

/// The sockets with their other ends, among themselves or among the `others`.
fn inspected<'a>(
    shown: &'a [Socket],
    snapshot: &'a Snapshot,
    near: &ByEnds<'a>,
    others: &'a Snapshot,
) -> Vec<Inspected<'a>> {
    let far = ByEnds::of(&others.sockets);
    let row = |facts| move |socket| Row { socket, facts };
    let other = |socket| {
        let matching = near.other(socket).map(row(&snapshot.facts));
        matching.or_else(|| far.other(socket).map(row(&others.facts)))
    };
    let inspected = shown.iter().map(|socket| Inspected {
        row: row(&snapshot.facts)(socket),
        other: other(socket),
    });
    inspected.collect()
}

fn write(
    session: &Session,
    inspected: &[Inspected<'_>],
    snapshot: &Snapshot,
    columns: &Columns,
) -> Result<(), Failure> {
    let head = session.head("inspect");
    let told = || {
        let rows = inspected.iter();
        rows.map(|one| InspectedRow::new(*one, &head.columns))
    };
    match session.format {
        Format::Json => {
            let mut envelope = Envelope::new(session.out(), head.clone(), true);
            envelope.begin()?;
            for row in told() {
                envelope.row(&row)?;
            }
            envelope.end(&snapshot.report)?;
        }
        Format::Ndjson => {
            if let Some(mut events) = session.events("inspect") {
                let shown = Snapshot {
                    sockets: inspected.iter().map(|one| one.row.socket.clone()).collect(),
                    facts: snapshot.facts.clone(),
                    ..Snapshot::default()
                };
                let told: Result<_, _> = told().map(serde_json::to_value).collect();
                let told = told.map_err(std::io::Error::from)?;
                events.sockets(shown, Some(told), &snapshot.report)?;
                return Ok(());
            }
            let mut lines = Lines::new(session.out(), &head);
            for row in told() {
                lines.object(&row)?;
            }
            lines.end(&snapshot.report)?;
        }
        Format::Table if session.options.columns.is_none() => {
            person(session, inspected, snapshot.sockets.len())?;
        }
        Format::Table | Format::Plain | Format::Csv => {
            let mut writer = session.row_writer("inspect", columns.clone());
            writer.begin()?;
            for one in inspected {
                writer.rows(std::slice::from_ref(one.row.socket), one.row.facts)?;
            }
            writer.end(&snapshot.report)?;
        }
    }
    Ok(())
}

/// Each socket once: the second end of a pair is told with the first.
fn person(session: &Session, inspected: &[Inspected<'_>], found: usize) -> Result<(), Failure> {
    let mut out = session.out();
    let frame = session.frame();
    let mut told: FxHashSet<*const Socket> = FxHashSet::default();
    for one in inspected {
        let ends = [Some(one.row), one.other].into_iter().flatten();
        let is_first = told.is_empty();
        let was_told = told.contains(&std::ptr::from_ref(one.row.socket));
        told.extend(ends.map(|row| std::ptr::from_ref(row.socket)));
        if was_told {
            continue;
        }
        if !is_first {
            writeln!(out)?;
        }
        tell(&mut out, *one, session.now.as_second(), &frame)?;
    }
    let more = found.saturating_sub(inspected.len());
    if more > 0 && !session.options.no_header {
        let text = format!("{more} more match; --limit {found} shows all, conns lists them");
        writeln!(out)?;
        sentence(&mut out, &text, Tone::Quiet, &frame)?;
    }
    out.flush()?;
    Ok(())
}

/// The sockets that may be the other ends of `shown` and do not match themselves. They are read
/// a moment later: one that has gone meanwhile is not shown.
fn others(
    host: &Host,
    request: &Request,
    near: &ByEnds<'_>,
    shown: &[Socket],
) -> Result<Snapshot, Failure> {
    let mut here = None;
    let mut is_here = |socket: &Socket| {
        socket.peer.ip().is_some_and(|peer| {
            peer.is_loopback()
                || socket.local.ip() == Some(peer)
                || here.get_or_insert_with(|| addresses(host)).contains(&peer)
        })
    };
    let mut ports: Vec<u16> = shown
        .iter()
        .filter(|socket| is_here(socket))
        .filter(|socket| near.other(socket).is_none())
        .filter_map(|socket| socket.peer.port())
        .collect();
    ports.sort_unstable();
    ports.dedup();
    if ports.is_empty() {
        return Ok(Snapshot::default());
    }
    let ports = ports.into_iter().map(|port| PortRange {
        first: port,
        last: port,
    });
    let mut wider = request.clone();
    wider.filter = Filter::ports(ports.collect());
    wider.query.states = StateSet::ALL;
    wider.query.families = FamilySet::BOTH;
    Ok(pipeline::snapshot(host, &wider)?)
}
