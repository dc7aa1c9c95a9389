//! `sockscope states`: counts by state, in total or by group.

use std::io::Write;

use crate::analyze::crowds;
use crate::analyze::states::{By, StatesView, Tally};
use crate::cli::exit::{Exit, Failure, Usage};
use crate::cli::session::Session;
use crate::collect::settings;
use crate::json::envelope::Envelope;
use crate::look::pipeline;
use crate::model::{PortRange, Report, State, StateSet};
use crate::text::theme::Tone;
use crate::text::wrap::sentence;
use crate::text::{Format, RowWriter};
use crate::view::counts;

pub(crate) fn run(session: &Session, by: Option<By>, words: &[String]) -> Result<Exit, Failure> {
    if session.options.columns.is_some() {
        return Err(Usage::new("the columns of states are the states")
            .hint("choose a grouping: --by process, name, command, user, port, peer, netns, unit, container")
            .into());
    }
    let filter = session.filter(words)?;
    let mut request = session.request(StateSet::ALL, filter)?;
    let needs = session.group_needs(by)?;
    request.query.needs = needs.and(request.filter.needs());
    request.resolve = false;
    let mut tally = Tally::new(by);
    let report = pipeline::stream(&session.host, &request, &mut |sockets, facts| {
        for socket in &sockets {
            tally.add(socket, facts);
        }
        Ok(())
    })?;
    let mut view = tally.finish();
    arrange(session, &mut view)?;
    session.forms(|session| write(session, by, &view, &report))?;
    session.notes(&report);
    let udp = view.udp.connected + view.udp.unconnected;
    if view.total.total() + udp == 0 {
        session.tell_absent(&report, &request.filter);
    }
    Ok(session.exit(&report, true))
}

/// `--sort` and `--limit`, for groups: by the key, by `total`, or by a state.
fn arrange(session: &Session, view: &mut StatesView) -> Result<(), Usage> {
    if let Some(text) = &session.options.sort {
        let (name, reverse) = match text.strip_prefix('-') {
            Some(name) => (name, true),
            None => (text.as_str(), false),
        };
        match (name, State::parse(name)) {
            (
                "key" | "process" | "pid" | "user" | "uid" | "port" | "peer" | "netns" | "unit"
                | "container" | "name" | "comm" | "command",
                _,
            ) => view.groups.sort_by(|a, b| a.key.cmp(&b.key)),
            ("total" | "count", _) => view.groups.sort_by_key(|group| group.counts.total()),
            (_, Some(state)) => view.groups.sort_by_key(|group| group.counts.of(state)),
            _ => {
                return Err(
                    Usage::new(format!("states cannot be sorted by '{name}'")).hint(
                        "sort by key, total, or a state such as close_wait; -total for the reverse",
                    ),
                );
            }
        }
        if reverse {
            view.groups.reverse();
        }
    }
    view.groups
        .truncate(session.options.limit.unwrap_or(usize::MAX));
    Ok(())
}

/// The ports that outgoing connections get, where groups are made of ports.
fn ephemeral(session: &Session, by: Option<By>) -> Option<PortRange> {
    let range = "net.ipv4.ip_local_port_range";
    by.filter(|by| *by == By::Port)
        .and_then(|_| settings(&session.host, &[range]).ephemeral_range())
}

fn write(
    session: &Session,
    by: Option<By>,
    view: &StatesView,
    report: &Report,
) -> Result<(), Failure> {
    let header = !session.options.no_header;
    let mut out = session.out();
    match session.format {
        Format::Ndjson if by.is_none() => {
            let totals = std::iter::once(counts::Totals::new(view));
            session.lines("states", totals, report)?;
        }
        Format::Ndjson => {
            let groups = view.groups.iter().map(counts::GroupRow::new);
            session.lines("states", groups, report)?;
        }
        Format::Table => {
            let is_asked_for = session.options.sort.is_some() || session.options.limit.is_some();
            let told = if is_asked_for {
                crowds::each(&view.groups)
            } else {
                crowds::folded(&view.groups, ephemeral(session, by))
            };
            counts::table(&mut out, by, view, &told, &session.frame())?;
            if session.for_person() {
                sentence(
                    &mut out,
                    &counts::summary(view),
                    Tone::Quiet,
                    &session.frame(),
                )?;
            }
            out.flush()?;
        }
        Format::Plain => counts::plain(&mut out, by, view, header)?,
        Format::Csv => counts::csv(&mut out, by, view, header)?,
        Format::Json => {
            let mut envelope = Envelope::new(out, session.head("states"), false);
            envelope.add(&counts::StatesAnswer::new(view))?;
            envelope.begin()?;
            envelope.end(report)?;
        }
    }
    Ok(())
}
