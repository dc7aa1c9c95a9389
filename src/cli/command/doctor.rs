//! `sockscope doctor`: what is wrong, how that is known, and what to do.

use std::time::Duration;

use crate::analyze::doctor::{Case, Diagnosis, RULES, Rule, Severity, diagnose};
use crate::cli::args::doctor::{DoctorArgs, FailOn};
use crate::cli::exit::{Exit, Failure, Usage};
use crate::cli::session::Session;
use crate::collect::Endings;
use crate::filter::{Filter, did_you_mean};
use crate::host::Host;
use crate::json::envelope::{Envelope, Lines};
use crate::look::past::Past;
use crate::look::pipeline;
use crate::look::pipeline::Request;
use crate::look::sample::Sample;
use crate::model::{FamilySet, State, StateSet};
use crate::query::Needs;
use crate::terminal::size;
use crate::text::{Format, RowWriter};
use crate::view::doctor as render;

/// From this on a sample is halved: what grows in one half only is a burst.
const HALVED: Duration = Duration::from_millis(800);
/// A look that lasts longer than this is announced.
const ANNOUNCED: Duration = Duration::from_secs(2);

pub(crate) fn run(session: &Session, args: &DoctorArgs) -> Result<Exit, Failure> {
    let rules = choose(args)?;
    if args.list {
        session.forms(|session| list(session, &rules))?;
        return Ok(Exit::Found);
    }
    check_options(session)?;
    let request = request(session)?;
    let mut look = Look::new(session, &request, args.period)?;
    let report = &mut look.now.snapshot.report;
    report
        .problems
        .extend(report.elsewhere.problems("sockscope doctor"));
    let diagnosis = look.diagnose(session, &rules);
    session.forms(|session| write(session, &diagnosis, &look))?;
    let report = look.now.report();
    session.notes(report);
    let is_bad = diagnosis
        .worst()
        .is_some_and(|worst| args.fail_on.holds(worst));
    Ok(session.exit(report, !is_bad))
}

impl FailOn {
    fn holds(self, worst: Severity) -> bool {
        match self {
            Self::Info => true,
            Self::Warning => worst >= Severity::Warning,
            Self::Critical => worst >= Severity::Critical,
            Self::Never => false,
        }
    }
}

/// Options that choose or order columns of sockets, which there are none of.
fn check_options(session: &Session) -> Result<(), Usage> {
    if session.options.columns.is_some() {
        return Err(Usage::new("the columns of findings cannot be changed")
            .hint("--format json has every field of a finding"));
    }
    match session.options.sort.as_deref() {
        None | Some("-severity") => Ok(()),
        Some(_) => Err(
            Usage::new("findings are sorted by severity, the worst first").hint("leave --sort out"),
        ),
    }
}

/// An id as it is written in the table of rules.
fn plain(id: &str) -> String {
    id.trim().to_ascii_lowercase().replace('_', "-")
}

/// The rules that `--only` and `--skip` leave.
fn choose(args: &DoctorArgs) -> Result<Vec<&'static Rule>, Usage> {
    let ids = |given: &[String]| -> Vec<String> {
        let ids = given.iter().map(|id| plain(id));
        ids.filter(|id| !id.is_empty()).collect()
    };
    let (only, skip) = (ids(&args.only), ids(&args.skip));
    for id in only.iter().chain(&skip) {
        if crate::analyze::doctor::rule(id).is_none() {
            let known: Vec<_> = RULES.iter().map(|rule| rule.id).collect();
            let near = did_you_mean(id, &known);
            return Err(Usage::new(format!("there is no rule '{id}'"))
                .hint(format!("{near}rules are: {}", known.join(", "))));
        }
    }
    let is_chosen = |rule: &&Rule| {
        let named = |ids: &[String]| ids.iter().any(|id| id == rule.id);
        (only.is_empty() || named(&only)) && !named(&skip)
    };
    Ok(RULES.iter().filter(is_chosen).collect())
}

/// Everything a rule may look at, of every socket.
fn request(session: &Session) -> Result<Request, Usage> {
    let mut request = session.request(StateSet::ALL, Filter::default())?;
    request.query.need(LOOKED_AT);
    // A rule may need the other family: a dual-stack listener holds IPv4 clients.
    request.query.families = FamilySet::BOTH;
    request.query.name_owners_only();
    request.resolve = false;
    Ok(request)
}

/// What the rules look at beside the rows themselves.
pub(crate) const LOOKED_AT: Needs = Needs::MEMORY.and(Needs::INFO).and(Needs::FILES);

/// Looks between the others at what drops packets, listeners and UDP sockets, and at what is being
/// opened: all of that is few.
fn pass(host: &Host, past: &mut Past, request: &Request) -> Result<(), Failure> {
    let mut request = request.clone();
    request.query.states = StateSet::LISTENING.with(State::SynSent);
    let unseen = Needs::PROCESSES.and(Needs::INFO);
    request.query.needs = request.query.needs.without(unseen);
    let sample = pipeline::sample(host, &request)?;
    past.pass(&sample.snapshot.sockets, sample.kernel);
    Ok(())
}

/// One look, or two with time between them.
struct Look {
    before: Option<Past>,
    now: Sample,
}

impl Look {
    fn new(session: &Session, request: &Request, period: Duration) -> Result<Self, Failure> {
        let mut before = None;
        if period > Duration::ZERO {
            let mut endings = Endings::watch(&session.host);
            let mut past = Past::of(pipeline::sample(&session.host, request)?);
            if period > ANNOUNCED && session.for_person() {
                session.tell(&format!("looking for {} s", period.as_secs_f64()));
            }
            endings.sleep(period / 2);
            if period >= HALVED {
                pass(&session.host, &mut past, request)?;
                endings.half_is_over();
            }
            endings.sleep(period.saturating_sub(period / 2));
            past.failed = endings.failed();
            before = Some(past);
        }
        let now = pipeline::sample(&session.host, request)?;
        Ok(Self { before, now })
    }

    fn diagnose(&self, session: &Session, rules: &[&'static Rule]) -> Diagnosis {
        let case = Case::new(&self.now, self.before.as_ref(), session.protocols());
        diagnose(&case, rules).of_families(session.families())
    }

    /// Time between the looks.
    fn sampled(&self) -> Duration {
        let before = self.before.as_ref();
        before.map_or(Duration::ZERO, |before| {
            self.now.at.saturating_sub(before.at)
        })
    }
}

fn write(session: &Session, diagnosis: &Diagnosis, look: &Look) -> Result<(), Failure> {
    let mut out = session.out();
    let mut diagnosis = diagnosis.clone();
    let limit = session.options.limit.unwrap_or(usize::MAX);
    diagnosis.findings.truncate(limit);
    match session.format {
        Format::Table => {
            let sampled = match look.sampled() {
                Duration::ZERO => "in one look".to_owned(),
                sampled => format!("in {:.1} s", sampled.as_secs_f64()),
            };
            let screen = session.for_person().then(|| size().lines.into());
            render::tell(&mut out, &diagnosis, &sampled, &session.frame(), screen)?;
            out.flush()?;
        }
        Format::Json => {
            let mut envelope = Envelope::new(out, session.head("doctor"), false);
            envelope.add(&render::DoctorAnswer::new(&diagnosis, look.sampled()))?;
            envelope.begin()?;
            envelope.end(look.now.report())?;
        }
        Format::Ndjson => {
            let findings = diagnosis.findings.iter().map(render::FindingRow::new);
            session.lines("doctor", findings, look.now.report())?;
        }
        format => render::rows(
            &mut out,
            &diagnosis.findings,
            format,
            !session.options.no_header,
        )?,
    }
    Ok(())
}

/// `--list`.
fn list(session: &Session, rules: &[&'static Rule]) -> Result<(), Failure> {
    let mut out = session.out();
    match session.format {
        Format::Table => {
            render::rules(&mut out, rules, &session.frame())?;
            out.flush()?;
        }
        Format::Json => {
            let mut envelope = Envelope::new(out, session.head("doctor"), false);
            envelope.add(&render::RulesAnswer::new(rules))?;
            envelope.begin()?;
            envelope.end(&crate::model::Report::default())?;
        }
        Format::Ndjson => {
            let mut lines = Lines::new(out, &session.head("doctor"));
            for rule in rules {
                lines.object(&render::RuleRow::new(rule))?;
            }
            lines.end(&crate::model::Report::default())?;
        }
        format => render::rules_rows(&mut out, rules, format, !session.options.no_header)?,
    }
    Ok(())
}
