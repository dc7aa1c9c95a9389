//! Findings as text: a story for people, rows for programs, JSON.

mod json;

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use crate::analyze::doctor::{Diagnosis, Finding, HoldingProcess, Number, Rule, Severity};
use crate::model::foreign::escape;
use crate::text::Format;
use crate::text::beside;
use crate::text::beside::Told;
use crate::text::cut::cut_after_word;
use crate::text::grid::{Cell, Frame, flow};
use crate::text::records;
use crate::text::theme::Tone;
use crate::text::wrap::{measure, wrap};

pub use json::{DoctorAnswer, FindingRow, Findings, RuleRow, RulesAnswer};

/// So many holders of a socket are named.
const HOLDERS: usize = 8;
/// A title that has less room is left out of a line: the id says what it is about.
const NARROWEST: usize = 20;
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

/// Tells each finding, and then what was looked at, over `sampled` (`1.0 s`).
///
/// # Errors
/// What writing says.
pub fn tell(
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
    part(out, "seen", &evidence(finding), Tone::Normal, frame)?;
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

/// The numbers of a finding: `close_wait 150, eof_read 75`.
fn evidence(finding: &Finding) -> String {
    let numbers = finding.evidence.0.iter().map(|(name, value)| match value {
        Number::Count(count) | Number::Age(count) => format!("{name} {count}"),
        Number::Rate(rate) => format!("{name} {rate}"),
        Number::Below(rate) => format!("{name} <{rate}"),
    });
    numbers.collect::<Vec<_>>().join(", ")
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

/// One line for a finding, for a view that only mentions it; cut where the terminal ends.
///
/// # Errors
/// What writing says.
pub fn line(out: &mut dyn Write, finding: &Finding, frame: &Frame) -> io::Result<()> {
    let severity = format!("{:8}", finding.severity.name().to_uppercase());
    let title = escape(finding.title.as_bytes());
    let used = severity.len() + finding.id.len() + 4;
    let room = frame.width.map(|width| width.saturating_sub(used));
    if room.is_some_and(|room| room < NARROWEST.min(title.width())) {
        let severity = Cell::new(severity.trim_end(), tone(finding.severity));
        let id = Cell::new(finding.id, Tone::Quiet);
        return writeln!(out, "{}", flow(&severity, &[id], "  ", frame));
    }
    let title = room.map_or_else(|| title.clone(), |room| cut_after_word(&title, room));
    let severity = frame.theme.paint(&severity, tone(finding.severity));
    let id = frame.theme.paint(finding.id, Tone::Quiet);
    writeln!(out, "{severity}  {id}  {title}")
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
