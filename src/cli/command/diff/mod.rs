//! `sockscope diff A B`: what differs between two saved answers.

mod notes;

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::analyze::states::{StatesView, UdpCounts};
use crate::cli::args::diff::DiffArgs;
use crate::cli::exit::{Exit, Failure, Usage};
use crate::cli::session::Session;
use crate::columns::{self, Column, Row};
use crate::json::envelope::{Envelope, Lines};
use crate::json::read;
use crate::json::read::Saved;
use crate::look::compare::{self, Changes};
use crate::look::diff;
use crate::model::foreign::shown;
use crate::model::{Aspects, Event, Problem, Protocol, Report, RowKind, Snapshot, State};
use crate::query::CollectorChoice;
use crate::text::theme::Tone;
use crate::text::wrap::sentence;
use crate::text::{Columns, Format, RowWriter};
use crate::view::diff::{Change, DiffAnswer, DiffSide, DiffView, lines, program, summary, table};

const TABLE: &[&str] = &["protocol", "state", "local", "peer", "process"];
const PROGRAM: &[&str] = &[
    "protocol", "state", "recv_q", "send_q", "local", "peer", "role", "pid", "comm",
];

pub(crate) fn run(session: &Session, args: &DiffArgs) -> Result<Exit, Failure> {
    refuse_live_options(session)?;
    if args.before == "-" && args.after == "-" {
        let usage = Usage::new("only one of the two can be standard input");
        return Err(usage.hint("name a file for the other").into());
    }
    let columns = columns_of(session)?;
    let order = session.sort()?;
    let texts = [text_of(&args.before)?, text_of(&args.after)?];
    let mut before = read(&args.before, &texts[0])?;
    let mut after = read(&args.after, &texts[1])?;
    same_kind(session, &before, &after)?;
    if session.narrows() {
        choose(session, &mut before);
        choose(session, &mut after);
    }
    let mut report = Report::default();
    notes::files(&before, &after, &mut report.problems);
    let mut changes = match before.kind {
        RowKind::Socket => of_sockets(&before, &after, &mut report.problems),
        _ => of_entries(&before, &after),
    };
    // What is missing in a part may be there all the same. What all was asked for is no part; of two
    // different questions neither answer is the other's.
    let is_part =
        |saved: &Saved<'_>| saved.is_part || (saved.asked.is_some() && before.asked != after.asked);
    let untold = |event| match event {
        Event::Opened => is_part(&before),
        Event::Closed => is_part(&after),
        Event::Present | Event::Changed => false,
    };
    changes.retain(|change| !untold(change.event));
    let count = |event| {
        changes
            .iter()
            .filter(|change| change.event == event)
            .count()
    };
    let found = [Event::Opened, Event::Closed, Event::Changed].map(count);
    if let Some((column, reverse)) = order {
        sort(
            &mut changes,
            &before.snapshot,
            &after.snapshot,
            column,
            reverse,
        );
    }
    changes.truncate(session.options.limit.unwrap_or(usize::MAX));
    let is_same_question = before.asked == after.asked;
    let view = DiffView {
        kind: after.kind,
        before: side(&before, is_same_question),
        after: side(&after, is_same_question),
        changes,
        found,
    };
    write(session, &view, &columns, &report)?;
    session.notes(&report);
    Ok(session.exit(&report, true))
}

/// Nothing is looked at that is there now.
fn refuse_live_options(session: &Session) -> Result<(), Usage> {
    let options = &session.options;
    let given = [
        ("--all", options.all),
        ("--listening", options.listening),
        ("--no-owners", options.no_owners),
        ("--resolve", options.resolve),
        ("--collector", options.collector != CollectorChoice::Auto),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((option, _)) => {
            let usage = Usage::new(format!(
                "diff compares saved reports, so it has no {option}"
            ));
            Err(usage.hint("-t -u -w -4 -6 select among the saved sockets"))
        }
        None => Ok(()),
    }
}

/// The columns: those of which a saved socket knows something.
fn columns_of(session: &Session) -> Result<Columns, Usage> {
    let chosen = session.columns(TABLE, PROGRAM)?;
    let sorted = session.sort()?.map(|(column, _)| column);
    let mut all = chosen.table.iter().chain(&chosen.program).chain(&sorted);
    match all.find(|column| !is_saved(column)) {
        Some(column) => {
            let saved: Vec<_> = columns::COLUMNS.iter().filter(|c| is_saved(c)).collect();
            let saved: Vec<_> = saved.iter().map(|column| column.id).collect();
            Err(Usage::new(format!("a saved socket has no '{}'", column.id))
                .hint(format!("it has: {}", saved.join(", "))))
        }
        None => Ok(chosen),
    }
}

/// Whether the JSON of every list has what a column shows.
const fn is_saved(column: &Column) -> bool {
    column.key.is_some()
}

/// The file as a user knows it.
fn name(file: &OsStr) -> String {
    match file.to_str() {
        Some("-") => "standard input".to_owned(),
        _ => shown(file.as_bytes()).to_string(),
    }
}

fn text_of(file: &OsStr) -> Result<String, Usage> {
    let fault = |why: String| Usage::new(format!("cannot read {}: {why}", name(file)));
    let read = match file.to_str() {
        Some("-") => crate::files::read_stdin(),
        _ => crate::files::read_whole(Path::new(file)),
    };
    let bytes = read.map_err(|error| fault(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let valid = crate::model::foreign::exact(error.as_bytes().get(..at).unwrap_or_default());
        let what = read::Fault::new("it is not UTF-8").at_byte(&valid, at);
        fault(what.to_string())
    })
}

fn read<'a>(file: &OsStr, text: &'a str) -> Result<Saved<'a>, Usage> {
    read::read(text).map_err(|fault| {
        let mut usage = Usage::new(format!("cannot compare {}: {fault}", name(file)));
        usage.hint = fault.hint.map(str::to_owned);
        usage
    })
}

/// Answers of unlike commands have nothing in common.
fn same_kind(session: &Session, before: &Saved<'_>, after: &Saved<'_>) -> Result<(), Usage> {
    if let (Some(was), Some(is)) = (&before.command, &after.command)
        && was != is
    {
        let usage = Usage::new(format!("'{was}' and '{is}' cannot be compared"));
        return Err(usage.hint("save both with the same command"));
    }
    if before.kind != after.kind {
        let (was, is) = (before.kind.plural(), after.kind.plural());
        let usage = Usage::new(format!("{was} and {is} cannot be compared"));
        return Err(usage.hint("save both with the same command"));
    }
    let options = &session.options;
    let shaped = [
        ("--columns", options.columns.is_some()),
        ("--sort", options.sort.is_some()),
        ("a choice of protocols or families", session.narrows()),
    ];
    match shaped.iter().find(|(_, given)| *given) {
        Some((what, _)) if after.kind != RowKind::Socket => {
            let kind = after.kind.plural();
            Err(Usage::new(format!(
                "{what} applies to sockets, and these are {kind}"
            )))
        }
        _ => Ok(()),
    }
}

fn choose(session: &Session, saved: &mut Saved<'_>) {
    let options = &session.options;
    let any = !(options.tcp || options.udp || options.raw);
    let (protocols, families) = (session.protocols(), session.families());
    saved.retain(|socket| (any || protocols.contains(socket.protocol)) && socket.serves(families));
}

fn of_sockets(before: &Saved<'_>, after: &Saved<'_>, problems: &mut Vec<Problem>) -> Vec<Change> {
    let same_host = before.host == after.host;
    let found = diff::sockets(&before.snapshot, &after.snapshot, same_host);
    problems.extend(found.apart.map(notes::apart));
    notes::owners(before, after, problems);
    events(found.changes, |was, what| {
        let state = before.snapshot.sockets.get(was).map(|was| was.state);
        let names = what.names().map(str::to_owned).collect();
        (names, state.filter(|_| what.contains(Aspects::STATE)))
    })
}

fn of_entries(before: &Saved<'_>, after: &Saved<'_>) -> Vec<Change> {
    let found = compare::records(&before.entries, &after.entries, |entry| &entry.record);
    events(found, |_, names| (names, None))
}

/// What opened, what closed, what changed; `tell` names the differences of what was at an index,
/// and the state in which it was.
fn events<A>(
    found: Changes<A>,
    tell: impl Fn(usize, A) -> (Vec<String>, Option<State>),
) -> Vec<Change> {
    let change = |event, before, after| Change {
        event,
        before,
        after,
        changes: Vec::new(),
        previous_state: None,
    };
    let opened = found.opened.into_iter();
    let opened = opened.map(|row| change(Event::Opened, None, Some(row)));
    let closed = found.closed.into_iter();
    let closed = closed.map(|row| change(Event::Closed, Some(row), None));
    let changed = found.changed.into_iter().map(|changed| {
        let (changes, previous_state) = tell(changed.before, changed.what);
        Change {
            changes,
            previous_state,
            ..change(Event::Changed, Some(changed.before), Some(changed.now))
        }
    });
    opened.chain(closed).chain(changed).collect()
}

/// Sorts by a column of the socket as it is, or as it was last.
fn sort(
    changes: &mut [Change],
    before: &Snapshot,
    after: &Snapshot,
    column: &Column,
    reverse: bool,
) {
    let value = |change: &Change| {
        let (snapshot, place) = match (change.after, change.before) {
            (Some(place), _) => (after, place),
            (None, place) => (before, place.unwrap_or(usize::MAX)),
        };
        let socket = snapshot.sockets.get(place)?;
        let facts = &snapshot.facts;
        Some((column.value)(Row { socket, facts })).filter(|value| !value.is_absent())
    };
    changes.sort_by(|a, b| match (value(a), value(b)) {
        (Some(a), Some(b)) if reverse => b.compare(&a),
        (Some(a), Some(b)) => a.compare(&b),
        // What is absent stays last in both directions.
        (a, b) => a.is_none().cmp(&b.is_none()),
    });
}

fn side<'a>(saved: &'a Saved<'a>, has_counts: bool) -> DiffSide<'a> {
    DiffSide {
        collected_at: &saved.collected_at,
        host: &saved.host,
        command: saved.command.as_deref(),
        raw: &saved.raw,
        snapshot: &saved.snapshot,
        entries: &saved.entries,
        states: states(saved).filter(|_| has_counts),
    }
}

/// Counts by state: those that the answer has, else those of its sockets.
fn states(saved: &Saved<'_>) -> Option<StatesView> {
    let mut view = StatesView::default();
    if let Some(totals) = &saved.totals {
        for (state, count) in &totals.tcp {
            view.total.add_many(*state, *count);
        }
        view.udp = UdpCounts {
            connected: totals.udp_connected.into(),
            unconnected: totals.udp_unconnected.into(),
        };
        return Some(view);
    }
    if saved.kind != RowKind::Socket || saved.is_part {
        return None;
    }
    for socket in &saved.snapshot.sockets {
        match (socket.protocol, socket.state) {
            (Protocol::Tcp, state) => view.total.add(state),
            (Protocol::Udp, State::Unconnected) => view.udp.unconnected += 1,
            (Protocol::Udp, _) => view.udp.connected += 1,
            (Protocol::Raw, _) => {}
        }
    }
    Some(view)
}

fn write(
    session: &Session,
    view: &DiffView<'_>,
    columns: &Columns,
    report: &Report,
) -> Result<(), Failure> {
    let mut out = session.out();
    match session.format {
        Format::Table => {
            table(&mut out, view, columns, &session.frame())?;
            if !session.options.no_header {
                writeln!(out)?;
                sentence(&mut out, &summary(view), Tone::Normal, &session.frame())?;
            }
            out.flush()?;
        }
        Format::Json => {
            let mut envelope = Envelope::new(out, session.head("diff"), false);
            envelope.add(&DiffAnswer::new(view))?;
            envelope.begin()?;
            envelope.end(report)?;
        }
        Format::Ndjson => {
            let mut writer = Lines::new(out, &session.head("diff"));
            lines(&mut writer, view)?;
            writer.end(report)?;
        }
        format => {
            let header = !session.options.no_header;
            program(&mut out, view, &columns.program, format, header)?;
        }
    }
    Ok(())
}

impl Session {
    /// Whether protocols or families were chosen.
    const fn narrows(&self) -> bool {
        let options = &self.options;
        options.tcp || options.udp || options.raw || options.ipv4 || options.ipv6
    }
}
