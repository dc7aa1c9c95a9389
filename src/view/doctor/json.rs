//! Findings in JSON.

use std::borrow::Cow;
use std::net::IpAddr;
use std::num::NonZeroU64;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::analyze::doctor::{
    Diagnosis, Evidence, Finding, HoldingProcess, Number, Rule, Severity, Subject,
};
use crate::json::ProcessName;
use crate::json::stream::{EventRow, figure, known_by};
use crate::model::{Condition, Figure, Protocol, Record};

/// The answer of `doctor`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DoctorAnswer<'a> {
    #[serde(flatten)]
    findings: Findings<'a>,
    /// The ids of the rules that could look.
    checked: &'a [&'static str],
    /// The rules that could not.
    not_checked: Vec<NotChecked<'a>>,
    /// What rules that could look could not judge, for want of facts.
    partly_checked: Vec<PartlyChecked<'a>>,
    /// Milliseconds between the two looks; 0 when there was one.
    sampled_ms: u64,
}

impl<'a> DoctorAnswer<'a> {
    /// What all rules said, and the time between the looks.
    #[must_use]
    pub fn new(diagnosis: &'a Diagnosis, sampled: Duration) -> Self {
        let not_checked = diagnosis.not_checked.iter();
        let unjudged = diagnosis.unjudged.iter();
        Self {
            findings: Findings::new(&diagnosis.findings),
            checked: &diagnosis.checked,
            not_checked: not_checked
                .map(|(id, reason)| NotChecked { id, reason })
                .collect(),
            partly_checked: unjudged
                .map(|(id, unjudged)| PartlyChecked {
                    id,
                    count: unjudged.count,
                    reason: &unjudged.reason,
                })
                .collect(),
            sampled_ms: u64::try_from(sampled.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// What is wrong.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Findings<'a> {
    /// What is wrong, the worst first.
    findings: Vec<FindingRow<'a>>,
}

impl<'a> Findings<'a> {
    /// All of these.
    #[must_use]
    pub fn new(findings: &'a [Finding]) -> Self {
        Self {
            findings: findings.iter().map(FindingRow::new).collect(),
        }
    }
}

/// A rule that could not look.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct NotChecked<'a> {
    /// The id of the rule.
    id: &'static str,
    /// Why not.
    reason: &'a str,
}

/// A rule that could look, but not at all of it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct PartlyChecked<'a> {
    /// The id of the rule.
    id: &'static str,
    /// How many sockets or processes it could not judge.
    count: u64,
    /// Why not.
    reason: &'a str,
}

/// Something that is wrong.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Finding"))]
pub struct FindingRow<'a> {
    /// The rule that found it. More may come; an id never changes its meaning.
    #[cfg_attr(test, schemars(extend("examples" = rule_ids())))]
    id: &'static str,
    severity: Severity,
    /// One line.
    title: &'a str,
    subject: SubjectEntry<'a>,
    /// The numbers that show it, by name. A rate that is only known to be less than something,
    /// because nothing came in so short a look, is not there: `<name>_below` is.
    #[cfg_attr(test, schemars(with = "std::collections::BTreeMap<String, f64>"))]
    evidence: Numbers<'a>,
    /// The processes that hold the socket it is about, those to blame first; absent where it is
    /// not about one socket or its processes are not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    holders: Vec<HolderRow<'a>>,
    /// Why it is so.
    cause: &'a str,
    /// What to do: commands, or changes of code, the best first.
    remedy: &'a [String],
}

impl<'a> FindingRow<'a> {
    /// One finding.
    #[must_use]
    pub fn new(finding: &'a Finding) -> Self {
        Self {
            id: finding.id,
            severity: finding.severity,
            title: &finding.title,
            subject: SubjectEntry::new(&finding.subject),
            evidence: Numbers(&finding.evidence),
            holders: finding.holders.iter().map(HolderRow::new).collect(),
            cause: &finding.cause,
            remedy: &finding.remedy,
        }
    }
}

impl EventRow for FindingRow<'_> {
    const NAME: &'static str = "finding";

    /// Its words repeat its evidence, with ages in them.
    fn record(&self) -> Record {
        let holders = Some(&self.holders).filter(|holders| !holders.is_empty());
        known_by(&(self.id, &self.subject))
            .with("severity", figure(&self.severity))
            .with("evidence", self.evidence.figure())
            .with_known("holders", holders.map(figure))
    }
}

/// A process that holds the socket which a finding is about.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Holder"))]
struct HolderRow<'a> {
    #[serde(flatten)]
    process: ProcessName<'a>,
    /// Whether it can run: runs, stopped (by a signal), traced, zombie (its first thread has
    /// ended), frozen (its cgroup) or uninterruptible (it waits in the kernel); null where that
    /// is not known. More may come.
    state: Option<&'static str>,
    /// Whether it only passes the socket on to its children, which hold it too.
    passes_on: bool,
}

impl<'a> HolderRow<'a> {
    fn new(holder: &'a HoldingProcess) -> Self {
        Self {
            process: ProcessName::new(holder.pid, &holder.comm),
            state: holder.condition.as_ref().map(Condition::name),
            passes_on: holder.passes_on,
        }
    }
}

/// Whom a finding is about, as far as it applies: what does not is absent.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Subject"))]
struct SubjectEntry<'a> {
    #[serde(flatten)]
    process: Option<ProcessName<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Protocol"))]
    protocol: Option<Protocol>,
    /// The local port.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "u16"))]
    port: Option<u16>,
    /// The local address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "IpAddr"))]
    source: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Destination"))]
    destination: Option<Destination>,
    /// The network namespace, where the figure is that of the namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "NonZeroU64"))]
    netns: Option<NonZeroU64>,
    /// There when the figure is that of the machine, not of the network namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "String", extend("const" = "host")))]
    scope: Option<&'static str>,
}

/// The far end.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Destination {
    address: IpAddr,
    /// Null where it is not the same for all.
    port: Option<u16>,
}

impl<'a> SubjectEntry<'a> {
    fn new(subject: &'a Subject) -> Self {
        let process = subject.process.as_ref();
        let destination = subject.destination;
        Self {
            process: process.map(|(pid, comm)| ProcessName::new(*pid, comm)),
            protocol: subject.protocol,
            port: subject.port,
            source: subject.source,
            destination: destination.map(|(address, port)| Destination { address, port }),
            netns: subject.netns,
            scope: subject.of_host.then_some("host"),
        }
    }
}

/// Evidence, as an object of numbers.
#[derive(Debug)]
struct Numbers<'a>(&'a Evidence);

impl Numbers<'_> {
    fn named(&self) -> impl Iterator<Item = (Cow<'static, str>, &Number)> {
        self.0.0.iter().map(|(name, number)| match number {
            // What is only known to be less has a name of its own: it is no measured rate.
            Number::Below(_) => (Cow::Owned(format!("{name}_below")), number),
            _ => (Cow::Borrowed(*name), number),
        })
    }

    fn figure(&self) -> Figure {
        let parts = self.named().map(|(name, number)| match number {
            Number::Age(ms) => (name, Figure::Age(*ms)),
            Number::Rate(_) => (name, Figure::Measured),
            Number::Count(_) | Number::Below(_) => (name, figure(number)),
        });
        Figure::Parts(parts.collect())
    }
}

impl Serialize for Numbers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.named())
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(count) | Self::Age(count) => serializer.serialize_u64(*count),
            Self::Rate(rate) | Self::Below(rate) => serializer.serialize_f64(*rate),
        }
    }
}

/// The answer of `doctor --list`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RulesAnswer {
    /// Every rule.
    rules: Vec<RuleRow>,
}

impl RulesAnswer {
    /// All of these.
    #[must_use]
    pub fn new(rules: &[&Rule]) -> Self {
        let rules = rules.iter().copied();
        Self {
            rules: rules.map(RuleRow::new).collect(),
        }
    }
}

/// A rule of `doctor`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Rule"))]
pub struct RuleRow {
    /// The id of its findings. More may come; an id never changes its meaning.
    #[cfg_attr(test, schemars(extend("examples" = rule_ids())))]
    id: &'static str,
    /// What it looks for, in one line.
    summary: &'static str,
    /// When it speaks, one line a severity.
    thresholds: Vec<String>,
}

impl RuleRow {
    /// One rule.
    #[must_use]
    pub fn new(rule: &Rule) -> Self {
        Self {
            id: rule.id,
            summary: rule.summary,
            thresholds: (rule.thresholds)(),
        }
    }
}

#[cfg(test)]
fn rule_ids() -> Vec<&'static str> {
    crate::analyze::doctor::RULES
        .iter()
        .map(|rule| rule.id)
        .collect()
}
