//! `sockscope explain TOPIC`: a state, a call or a finding, with this host's live values.

use std::io::Write;

use crate::analyze::doctor;
use crate::analyze::states::{Counts, Tally};
use crate::cli::exit::{Exit, Failure, Usage};
use crate::cli::session::Session;
use crate::collect::kernel;
use crate::explain::{self, Topic};
use crate::filter::Filter;
use crate::json::envelope::{Envelope, Lines};
use crate::look::pipeline;
use crate::model::{Kernel, Report, StateSet};
use crate::query::Needs;
use crate::text::{Format, RowWriter, records};
use crate::view::explain as render;

pub(crate) fn run(session: &Session, words: &[String]) -> Result<Exit, Failure> {
    if words.is_empty() {
        session.forms(list)?;
        return Ok(Exit::Found);
    }
    let word = words.join("-");
    let Some(topic) = explain::find(&word) else {
        let near = explain::nearest(&word);
        let near = near.map_or_else(String::new, |near| format!("did you mean '{near}'? "));
        return Err(Usage::new(format!("there is no topic '{word}'"))
            .hint(format!("{near}sockscope explain lists all topics"))
            .into());
    };
    let (counts, report) = count(session)?;
    // Read once: each form tells of the same look.
    let kernel = kernel(&session.host);
    session.forms(|session| page(session, topic, &kernel, counts.as_ref(), &report))?;
    session.notes(&report);
    Ok(session.exit(&report, true))
}

/// TCP sockets by state now; `None` where they cannot be read: the page is worth reading all
/// the same.
fn count(session: &Session) -> Result<(Option<Counts>, Report), Failure> {
    let mut request = session.request(StateSet::ALL, Filter::default())?;
    request.query.needs = Needs::NOTHING;
    request.resolve = false;
    let mut tally = Tally::new(None);
    let counted = pipeline::stream(&session.host, &request, &mut |sockets, facts| {
        for socket in &sockets {
            tally.add(socket, facts);
        }
        Ok(())
    });
    match counted {
        Ok(report) => Ok((Some(tally.finish().total), report)),
        Err(pipeline::Stop::Problem(problem)) => {
            let report = Report {
                problems: vec![problem],
                ..Report::default()
            };
            Ok((None, report))
        }
        Err(stop) => Err(stop.into()),
    }
}

fn page(
    session: &Session,
    topic: &Topic,
    kernel: &Kernel,
    counts: Option<&Counts>,
    report: &Report,
) -> Result<(), Failure> {
    let rule = doctor::rule(topic.name);
    let thresholds = rule.map_or_else(Vec::new, |rule| (rule.thresholds)());
    let mut out = session.out();
    if session.format == Format::Table {
        render::page(
            &mut out,
            topic,
            kernel,
            counts,
            &thresholds,
            &session.frame(),
        )?;
        out.flush()?;
        return Ok(());
    }
    let page = render::Page::new(topic, kernel, counts, &thresholds);
    match session.format {
        Format::Json => {
            let mut envelope = Envelope::new(out, session.head("explain"), false);
            envelope.add(&page)?;
            envelope.begin()?;
            envelope.end(report)?;
        }
        Format::Ndjson => {
            let page = std::iter::once(page);
            session.lines("explain", page, report)?;
        }
        format => {
            let rows = rows(topic, kernel, counts, &thresholds);
            records::write(&mut out, &rows, format, !session.options.no_header)?;
        }
    }
    Ok(())
}

/// A page for programs: the part, the name in it, the text or value.
fn rows(
    topic: &Topic,
    kernel: &Kernel,
    counts: Option<&Counts>,
    thresholds: &[String],
) -> Vec<Vec<String>> {
    let row = |part: &str, name: &str, value: &str| {
        vec![part.to_owned(), name.to_owned(), value.to_owned()]
    };
    let mut rows = vec![row("part", "name", "value")];
    rows.push(row("topic", topic.name, topic.title));
    let points = topic.points.iter();
    rows.extend(points.map(|point| row("point", point.heading, point.text)));
    rows.extend(thresholds.iter().map(|text| row("threshold", "", text)));
    rows.extend(topic.live.iter().map(|live| {
        let value = live.value(kernel, counts);
        let value = value.map_or_else(String::new, |value| value.to_string());
        row("live", &live.name(), &value)
    }));
    rows
}

/// Without a topic: the list of them.
fn list(session: &Session) -> Result<(), Failure> {
    let mut out = session.out();
    let report = Report::default();
    match session.format {
        Format::Table => {
            render::list(&mut out, &session.frame())?;
            out.flush()?;
        }
        Format::Json => {
            let mut envelope = Envelope::new(out, session.head("explain"), false);
            envelope.add(&render::TopicsAnswer::all())?;
            envelope.begin()?;
            envelope.end(&report)?;
        }
        Format::Ndjson => {
            let mut lines = Lines::new(out, &session.head("explain"));
            for topic in explain::topics() {
                lines.object(&render::TopicRow::new(topic))?;
            }
            lines.end(&report)?;
        }
        format => {
            let row = |name: &str, title: &str| vec![name.to_owned(), title.to_owned()];
            let mut rows = vec![row("topic", "title")];
            rows.extend(explain::topics().map(|topic| row(topic.name, topic.title)));
            records::write(&mut out, &rows, format, !session.options.no_header)?;
        }
    }
    Ok(())
}
