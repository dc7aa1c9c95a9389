//! Findings in JSON.

use serde_json::{Map, Value as Json, json};

use crate::analyze::doctor::{Diagnosis, Evidence, Finding, Number, Rule, Subject};
use crate::render::json::process_key;

/// The parts of the envelope that a diagnosis fills.
#[must_use]
pub fn to_json(diagnosis: &Diagnosis) -> [(&'static str, Json); 3] {
    let not_checked = diagnosis.not_checked.iter();
    let not_checked = not_checked.map(|(id, reason)| json!({"id": id, "reason": reason}));
    [
        ("findings", findings(&diagnosis.findings)),
        ("checked", diagnosis.checked.iter().copied().collect()),
        ("not_checked", not_checked.collect()),
    ]
}

/// Findings as an array.
#[must_use]
pub fn findings(findings: &[Finding]) -> Json {
    let objects = findings.iter().map(|finding| {
        let members = finding_members(finding).into_iter();
        Json::Object(
            members
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        )
    });
    objects.collect()
}

/// The members of a finding's object.
#[must_use]
pub fn finding_members(finding: &Finding) -> [(&'static str, Json); 7] {
    [
        ("id", finding.id.into()),
        ("severity", finding.severity.name().into()),
        ("title", finding.title.as_str().into()),
        ("subject", subject(&finding.subject)),
        ("evidence", evidence(&finding.evidence)),
        ("cause", finding.cause.as_str().into()),
        (
            "remedy",
            finding.remedy.iter().map(String::as_str).collect(),
        ),
    ]
}

fn subject(subject: &Subject) -> Json {
    let mut object = match &subject.process {
        Some((pid, comm)) => match process_key(*pid, comm) {
            Json::Object(object) => object,
            _ => Map::new(),
        },
        None => Map::new(),
    };
    let mut add = |key: &str, value: Option<Json>| {
        if let Some(value) = value {
            object.insert(key.to_owned(), value);
        }
    };
    let destination = subject.destination;
    add("protocol", subject.protocol.map(|p| p.name().into()));
    add("port", subject.port.map(Json::from));
    add("source", subject.source.map(|a| a.to_string().into()));
    add(
        "destination",
        destination.map(|(address, port)| json!({"address": address, "port": port})),
    );
    add("netns", subject.netns.map(|netns| netns.get().into()));
    add("scope", subject.of_host.then(|| "host".into()));
    Json::Object(object)
}

fn evidence(evidence: &Evidence) -> Json {
    let members = evidence.0.iter().map(|(name, value)| {
        let value = match value {
            Number::Count(count) => Json::from(*count),
            Number::Rate(rate) => Json::from(*rate),
        };
        ((*name).to_owned(), value)
    });
    Json::Object(members.collect())
}

/// The rules as an array.
#[must_use]
pub fn rules(rules: &[&Rule]) -> Json {
    let objects = rules.iter().map(
        |rule| json!({"id": rule.id, "summary": rule.summary, "thresholds": (rule.thresholds)()}),
    );
    objects.collect()
}
