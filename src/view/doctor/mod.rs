//! Findings as text: a story for people, rows for programs, JSON.

mod json;
mod line;
mod seen;

use std::io::{self, Write};

use crate::analyze::doctor::{Diagnosis, Finding, HoldingProcess, Rule, Severity};
use crate::model::foreign::escape;
use crate::text::Format;
use crate::text::beside;
use crate::text::beside::Told;
use crate::text::grid::{Cell, Frame, flow};
use crate::text::records;
use crate::text::theme::Tone;
use crate::text::wrap::{measure, wrap};

pub use json::{DoctorAnswer, FindingRow, Findings, RuleRow, RulesAnswer};
pub use line::line;

/// So many holders of a socket are named.
const HOLDERS: usize = 8;
/// Columns of what a finding's parts are called.
const LABEL: usize = 8;

/// The colour of a severity.
#[must_use]
pub const fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Critical => Tone::Bad,
        Severity::Warning => Tone::Waiting,
        Severity::Info => Tone::Strong,
    }
}

/// Tells each finding, and then what was looked at, over `sampled` (`1.0 s`); at the end a line for
/// each finding where there are several, or what is told is longer than the `screen`.
///
/// # Errors
/// What writing says.
pub fn tell(
    out: &mut dyn Write,
    diagnosis: &Diagnosis,
    sampled: &str,
    frame: &Frame,
    screen: Option<usize>,
) -> io::Result<()> {
    let mut told = Vec::new();
    in_full(&mut told, diagnosis, sampled, frame)?;
    out.write_all(&told)?;
    // The prompt takes a line, too.
    let lines = told.split(|byte| *byte == b'\n').count();
    let scrolls = screen.is_some_and(|screen| lines > screen);
    if diagnosis.findings.len() > 1 || scrolls {
        line::last_lines(out, &diagnosis.findings, frame)?;
    }
    Ok(())
}

fn in_full(
    out: &mut dyn Write,
    diagnosis: &Diagnosis,
    sampled: &str,
    frame: &Frame,
) -> io::Result<()> {
    for finding in &diagnosis.findings {
        story(out, finding, frame)?;
        writeln!(out)?;
    }
    for line in wrap(&summary(diagnosis, sampled), measure(frame.width)) {
        let tone = match diagnosis.worst() {
            None => Tone::Calm,
            Some(_) => Tone::Normal,
        };
        writeln!(out, "{}", frame.theme.paint(&line, tone))?;
    }
    for (id, reason) in &diagnosis.not_checked {
        part(
            out,
            "not run",
            &format!("{id}: {reason}"),
            Tone::Quiet,
            frame,
        )?;
    }
    for (id, unjudged) in &diagnosis.unjudged {
        let text = format!("{id}: {} not judged: {}", unjudged.count, unjudged.reason);
        part(out, "partly", &text, Tone::Quiet, frame)?;
    }
    Ok(())
}

fn story(out: &mut dyn Write, finding: &Finding, frame: &Frame) -> io::Result<()> {
    let severity = finding.severity.name().to_uppercase();
    let severity = Cell::new(severity, tone(finding.severity));
    let id = Cell::new(finding.id, Tone::Quiet);
    writeln!(out, "{}", flow(&severity, &[id], "  ", frame))?;
    part(out, "", &finding.title, Tone::Strong, frame)?;
    part(out, "because", &finding.cause, Tone::Normal, frame)?;
    facts(out, "seen", seen::parts(&finding.evidence), frame)?;
    if let Some(holders) = holders(finding) {
        part(out, "held by", &holders, Tone::Normal, frame)?;
    }
    for (index, line) in finding.remedy.iter().enumerate() {
        let label = if index == 0 { "do" } else { "" };
        part(out, label, line, Tone::Normal, frame)?;
    }
    Ok(())
}

/// A labelled part of a story; its further lines stand below its text.
fn part(out: &mut dyn Write, label: &str, text: &str, tone: Tone, frame: &Frame) -> io::Result<()> {
    let label = Cell::new(format!("{label:>LABEL$}  "), Tone::Quiet);
    let told = Told::Prose(Cell::new(escape(text.as_bytes()), tone));
    let width = measure(frame.width);
    beside::write(out, &label, &told, &Frame { width, ..*frame })
}

/// A labelled part that is a list of facts, each of which stays whole.
fn facts(out: &mut dyn Write, label: &str, facts: Vec<String>, frame: &Frame) -> io::Result<()> {
    let label = Cell::new(format!("{label:>LABEL$}  "), Tone::Quiet);
    let facts = facts.into_iter();
    let facts = facts.map(|fact| Cell::new(fact, Tone::Normal)).collect();
    let width = measure(frame.width);
    let told = Told::Parts(facts, ", ");
    beside::write(out, &label, &told, &Frame { width, ..*frame })
}

/// The processes that hold the socket of a finding, where there is more to say than whose it is.
fn holders(finding: &Finding) -> Option<String> {
    let holders = finding.holders.as_slice();
    if holders.len() < 2 && holders.iter().all(|holder| holder.hindrance().is_none()) {
        return None;
    }
    let mut words: Vec<_> = holders
        .iter()
        .take(HOLDERS)
        .map(HoldingProcess::words)
        .collect();
    let more = holders.len().saturating_sub(HOLDERS);
    words.extend((more > 0).then(|| format!("and {more} more")));
    Some(words.join(", "))
}

fn summary(diagnosis: &Diagnosis, sampled: &str) -> String {
    let count = |severity| {
        let findings = diagnosis.findings.iter();
        findings.filter(|f| f.severity == severity).count()
    };
    let checked = diagnosis.checked.len();
    let rules = if checked == 1 { "rule" } else { "rules" };
    if diagnosis.findings.is_empty() {
        return format!("{checked} {rules} found nothing wrong {sampled}");
    }
    format!(
        "{checked} {rules} checked {sampled}: {} critical, {} warning, {} info",
        count(Severity::Critical),
        count(Severity::Warning),
        count(Severity::Info)
    )
}

/// Findings as rows for programs.
///
/// # Errors
/// What writing says.
pub fn rows(
    out: &mut dyn Write,
    findings: &[Finding],
    format: Format,
    header: bool,
) -> io::Result<()> {
    let ids = [
        "severity", "id", "pid", "comm", "protocol", "port", "address", "pport", "title",
    ];
    let mut rows = vec![ids.map(str::to_owned).to_vec()];
    rows.extend(findings.iter().map(row));
    records::write(out, &rows, format, header)
}

fn row(finding: &Finding) -> Vec<String> {
    let subject = &finding.subject;
    let text = |value: Option<String>| value.unwrap_or_default();
    let (pid, comm) = match &subject.process {
        Some((pid, comm)) => (pid.to_string(), escape(comm)),
        None => (String::new(), String::new()),
    };
    let (address, pport) = subject.destination.unzip();
    vec![
        finding.severity.name().to_owned(),
        finding.id.to_owned(),
        pid,
        comm,
        text(subject.protocol.map(|protocol| protocol.name().to_owned())),
        text(subject.port.map(|port| port.to_string())),
        text(address.map(|address| address.to_string())),
        text(pport.flatten().map(|port| port.to_string())),
        escape(finding.title.as_bytes()),
    ]
}

/// The rules and when they speak.
///
/// # Errors
/// What writing says.
pub fn rules(out: &mut dyn Write, rules: &[&Rule], frame: &Frame) -> io::Result<()> {
    for rule in rules {
        let id = Cell::new(format!("{}  ", rule.id), Tone::Strong);
        let summary = Told::Prose(Cell::new(rule.summary, Tone::Normal));
        beside::write(out, &id, &summary, frame)?;
        for threshold in (rule.thresholds)() {
            part(out, "", &threshold, Tone::Quiet, frame)?;
        }
    }
    Ok(())
}

/// The rules as rows for programs.
///
/// # Errors
/// What writing says.
pub fn rules_rows(
    out: &mut dyn Write,
    rules: &[&Rule],
    format: Format,
    header: bool,
) -> io::Result<()> {
    let mut records = vec![["id", "severity", "threshold"].map(str::to_owned).to_vec()];
    for rule in rules {
        for threshold in (rule.thresholds)() {
            let (severity, text) = threshold.split_once(": ").unwrap_or(("", &threshold));
            records.push(vec![
                rule.id.to_owned(),
                severity.to_owned(),
                text.to_owned(),
            ]);
        }
    }
    records::write(out, &records, format, header)
}
