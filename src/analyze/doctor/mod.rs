//! `doctor`: what is wrong, the evidence, the cause, the remedy. One file a rule.
//!
//! A rule looks at a [`Case`] and says what it found, or why it could not look. It judges by
//! what stayed and what grew between two looks where there are two, and by what one look can
//! prove where there is one.

#![allow(
    clippy::unnecessary_wraps,
    reason = "every rule has the same shape, those too that can always look"
)]

mod accept_queue_full;
mod app_not_reading;
mod case;
mod close_wait_leak;
mod connect_failing;
mod ephemeral_ports;
mod exposed_listener;
mod fd_limit;
mod fin_wait2_stuck;
mod finding;
mod half_open_risk;
mod holders;
mod known;
mod orphans;
mod path_loss;
mod peer_not_reading;
mod retransmits;
mod stall;
mod stopped_holder;
mod syn_backlog_full;
mod tcp_memory;
mod time_wait_table;
mod udp_drops;

#[cfg(test)]
mod recorded;
#[cfg(test)]
pub(crate) mod stage;

use std::cmp::Reverse;

use crate::model::{FamilySet, Protocol};

pub use case::Case;
pub use finding::{Evidence, Finding, HoldingProcess, Number, Severity, Subject};
pub use known::{Judgement, Outcome, Unjudged};

#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The id of its findings; it never changes its meaning.
    pub id: &'static str,
    /// What it looks for, in one line.
    pub summary: &'static str,
    /// The protocol it looks at; `None` for all.
    pub protocol: Option<Protocol>,
    /// When it speaks, one line a severity.
    pub thresholds: fn() -> Vec<String>,
    /// The rule itself.
    pub check: fn(&Case<'_>) -> Outcome,
}

/// Every rule; findings of one severity come in this order.
pub static RULES: &[Rule] = &[
    stopped_holder::RULE,
    accept_queue_full::RULE,
    close_wait_leak::RULE,
    fd_limit::RULE,
    ephemeral_ports::RULE,
    syn_backlog_full::RULE,
    time_wait_table::RULE,
    tcp_memory::RULE,
    orphans::RULE,
    udp_drops::RULE,
    peer_not_reading::RULE,
    app_not_reading::RULE,
    connect_failing::RULE,
    path_loss::RULE,
    fin_wait2_stuck::RULE,
    half_open_risk::RULE,
    exposed_listener::RULE,
];

/// The rule called `id`.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

/// What all rules said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diagnosis {
    /// What is wrong, the worst first.
    pub findings: Vec<Finding>,
    /// The rules that could look.
    pub checked: Vec<&'static str>,
    /// The others, and why they could not.
    pub not_checked: Vec<(&'static str, String)>,
    /// What rules that could look could not judge.
    pub unjudged: Vec<(&'static str, Unjudged)>,
}

impl Diagnosis {
    /// The findings about sockets of these families, and about neither.
    #[must_use]
    pub fn of_families(mut self, families: FamilySet) -> Self {
        let is_wanted = |finding: &Finding| {
            let family = finding.subject.family;
            family.is_none_or(|family| families.contains(family))
        };
        self.findings.retain(is_wanted);
        self
    }

    /// The worst severity; `None` when nothing was found.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}

/// Asks `rules` about a case.
#[must_use]
pub fn diagnose(case: &Case<'_>, rules: &[&'static Rule]) -> Diagnosis {
    let mut diagnosis = Diagnosis::default();
    for rule in rules {
        let left_out = rule.protocol.filter(|p| !case.protocols.contains(*p));
        let outcome = match left_out {
            Some(protocol) => Err(format!("{} sockets were not asked for", protocol.name())),
            None => (rule.check)(case),
        };
        match outcome {
            Ok(found) => {
                diagnosis.checked.push(rule.id);
                diagnosis.findings.extend(found.findings);
                let unjudged = found.unjudged.map(|unjudged| (rule.id, unjudged));
                diagnosis.unjudged.extend(unjudged);
            }
            Err(reason) => diagnosis.not_checked.push((rule.id, reason)),
        }
    }
    stopped_holder::lead(&mut diagnosis.findings);
    diagnosis
        .findings
        .sort_by_key(|finding| Reverse(finding.severity));
    diagnosis
}
