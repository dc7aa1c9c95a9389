//! `sockscope buildup`: what piles up in states that should pass.

use std::time::Duration;

use crate::analyze::buildup::{Buildup, buildup};
use crate::analyze::states::By;
use crate::cli::args::buildup::BuildupArgs;
use crate::cli::exit::{Exit, Failure, Usage};
use crate::cli::session::Session;
use crate::collect::Newcomers;
use crate::filter::Filter;
use crate::host::Host;
use crate::json::envelope::Envelope;
use crate::look::past::Past;
use crate::look::pipeline;
use crate::look::pipeline::Request;
use crate::look::sample::Sample;
use crate::look::untold;
use crate::model::{FamilySet, State, StateSet};
use crate::query::{CollectorChoice, Needs, ProcessDetail};
use crate::text::{Format, RowWriter};
use crate::view::buildup as render;

/// Where only whole looks can be had, they follow each other so closely.
const ROUND: Duration = Duration::from_millis(250);
/// Where newcomers can be looked at alone, at most so closely; and for so many times as long as a
/// look took it rests.
const SHORTEST: Duration = Duration::from_millis(1);
const REST: u32 = 4;

pub(crate) fn run(session: &Session, args: &BuildupArgs) -> Result<Exit, Failure> {
    if session.options.columns.is_some() {
        return Err(Usage::new("the columns of buildup cannot be changed")
            .hint("--by changes the groups; --format json has every field")
            .into());
    }
    let protocols = session.protocols();
    if !protocols.tcp {
        return Err(Usage::new("only TCP sockets have states that pile up")
            .hint("leave -u and -w out, or add -t")
            .into());
    }
    let filter = session.filter(&args.filter.words)?;
    let request = request(session, args.by, &filter)?;
    let (before, mut now) = watch(&session.host, &request, args.period)?;
    let report = &mut now.snapshot.report;
    let untold = untold::compared(&session.host, &request.query, &filter, report);
    report.problems.extend(untold);
    let facts = now.facts();
    let families = session.families();
    let states = session.states(StateSet::ALL);
    let mut view = buildup(&now, before.as_ref(), args.by, &|socket| {
        socket.serves(families) && states.contains(socket.state) && filter.matches(socket, facts)
    });
    let is_empty = view.piles.is_empty();
    arrange(session, &mut view)?;
    session.forms(|session| write(session, &view, &now))?;
    let report = now.report();
    session.notes(report);
    if is_empty {
        session.tell_absent(report, &filter);
    }
    Ok(session.exit(report, true))
}

/// Asks for every TCP socket: listeners tell whose a socket is, and connections what is used
/// of the port range.
fn request(session: &Session, by: Option<By>, filter: &Filter) -> Result<Request, Usage> {
    let mut request = session.request(StateSet::ALL, filter.clone())?;
    let query = &mut request.query;
    query.protocols.tcp = true;
    query.protocols.udp = false;
    query.protocols.raw = false;
    query.families = FamilySet::BOTH;
    query.states = StateSet::ALL
        .without(State::BoundInactive)
        .without(State::Unconnected);
    query.name_owners_only();
    let needs = session.group_needs(by)?.and(filter.needs());
    query.need(needs.and(Needs::INFO).and(Needs::FILES));
    request.filter = Filter::default();
    request.resolve = false;
    Ok(request)
}

/// Looks once; or, for so long, again and again, and remembers who held what.
fn watch(
    host: &Host,
    request: &Request,
    period: Duration,
) -> Result<(Option<Past>, Sample), Failure> {
    if period.is_zero() {
        return Ok((None, pipeline::sample(host, request)?));
    }
    let first = pipeline::sample(host, request)?;
    let end = first.at + period;
    let mut past = Past::of(first);
    if let Some(mut newcomers) = often(host, request) {
        look_often(host, &mut newcomers, &mut past, end);
        // In case the table could not be read to the end.
        host.sleep(end.saturating_sub(host.monotonic()));
        let now = pipeline::sample(host, request)?;
        let alive = &now.facts().processes;
        past.note_ended(&|pid, name| !alive.contains_key(&pid) && !newcomers.still_runs(pid, name));
        return Ok((Some(past), now));
    }
    loop {
        let left = end.saturating_sub(host.monotonic());
        host.sleep(left.min(ROUND));
        if left <= ROUND {
            return Ok((Some(past), pipeline::sample(host, request)?));
        }
        past.absorb(&pipeline::snapshot(host, request)?);
    }
}

/// What looks often, where that can be done: on this machine, by `sock_diag`, and where owners are
/// wanted.
fn often(host: &Host, request: &Request) -> Option<Newcomers> {
    let query = &request.query;
    let by_netlink = matches!(
        query.collector,
        CollectorChoice::Auto | CollectorChoice::Netlink
    );
    let has_owners = query.needs.owners() != ProcessDetail::None;
    (host.is_live() && by_netlink && has_owners)
        .then(|| Newcomers::watch(host, query.owner_source))
        .flatten()
}

/// Looks at what comes, as often as a fifth of the time allows: who is there for a few milliseconds
/// is met on a small host, and a large one is not burdened.
fn look_often(host: &Host, newcomers: &mut Newcomers, past: &mut Past, end: Duration) {
    // Not the time that has passed: on a busy machine most of that is others'.
    let mut taken = host.processor_time();
    while host.monotonic() < end {
        let Some(met) = newcomers.look(&|socket| past.knows_owner(socket)) else {
            return;
        };
        past.meet(&met);
        let now = host.processor_time();
        let pause = (now.saturating_sub(taken) * REST).max(SHORTEST);
        taken = now;
        host.sleep(pause.min(end.saturating_sub(host.monotonic())));
    }
}

/// `--sort` and `--limit`.
fn arrange(session: &Session, view: &mut Buildup) -> Result<(), Usage> {
    if let Some(text) = &session.options.sort {
        let (name, reverse) = match text.strip_prefix('-') {
            Some(name) => (name, true),
            None => (text.as_str(), false),
        };
        let piles = &mut view.piles;
        match name {
            "state" => piles.sort_by_key(|pile| pile.state),
            "count" => piles.sort_by_key(|pile| pile.count),
            "oldest" | "oldest_ms" | "age" => piles.sort_by_key(|pile| pile.oldest_ms),
            "process" | "pid" | "comm" => piles.sort_by(|a, b| a.process.cmp(&b.process)),
            "port" | "lport" | "local" => piles.sort_by_key(|pile| pile.local.port),
            "peer" | "paddr" => piles.sort_by_key(|pile| pile.peer.address),
            _ => {
                return Err(Usage::new(format!("buildup cannot be sorted by '{name}'"))
                    .hint("sort by state, count, oldest, process, port or peer; -count for the reverse"));
            }
        }
        if reverse {
            piles.reverse();
        }
    }
    let limit = session.options.limit.unwrap_or(usize::MAX);
    view.piles.truncate(limit);
    Ok(())
}

fn write(session: &Session, view: &Buildup, now: &Sample) -> Result<(), Failure> {
    let mut out = session.out();
    match session.format {
        Format::Table => {
            render::table(&mut out, view, &session.frame())?;
            out.flush()?;
        }
        Format::Json => {
            let mut envelope = Envelope::new(out, session.head("buildup"), false);
            envelope.add(&render::BuildupAnswer::new(view))?;
            envelope.begin()?;
            envelope.end(now.report())?;
        }
        Format::Ndjson => {
            let piles = view.piles.iter().map(render::PileRow::new);
            session.lines("buildup", piles, now.report())?;
        }
        format => render::rows(&mut out, &view.piles, format, !session.options.no_header)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Cli;
    use crate::cli::session::config::Settings;
    use clap::Parser;

    #[test]
    fn what_the_filter_compares_is_asked_for() {
        let cli = Cli::try_parse_from(["sockscope", "buildup", "--json"]).unwrap();
        let session = Session::new(cli.options, Settings::default(), Host::live());
        let needs = |filter: &str| {
            let filter = Filter::parse(&[filter.to_owned()]).unwrap();
            request(&session, None, &filter).unwrap().query.needs
        };
        let usual = Needs::OWNERS.and(Needs::INFO).and(Needs::FILES);
        assert_eq!(needs("lport = 80"), usual);
        assert_eq!(needs("congestion = cubic"), usual.and(Needs::OPTIONS));
        assert_eq!(needs("user = root"), usual.and(Needs::USERS));
    }
}
