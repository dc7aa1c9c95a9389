//! orphans: too many connections that no process holds any more.
//!
//! Sources: `orphan` of /proc/net/sockstat against `net.ipv4.tcp_max_orphans`. Both are of the
//! machine, whichever namespace asks; the limit exists in the initial namespace only. Beyond
//! it the kernel resets connections that are still closing (`tcp_too_many_orphans`). Each may
//! hold 64 KiB of memory that cannot be swapped (ip-sysctl). TIME_WAIT, and an orphan in
//! FIN_WAIT2 that has become one of its kind, are not counted.

use super::{Case, Evidence, Finding, Judgement, Outcome, Rule, Severity, Subject};
use crate::model::Protocol;

/// Shares of the limit that are a warning, and critical, in percent.
const WARNING: u64 = 25;
const CRITICAL: u64 = 50;

pub(super) const RULE: Rule = Rule {
    id: "orphans",
    summary: "too many connections that no process holds any more",
    protocol: Some(Protocol::Tcp),
    thresholds: || {
        vec![
            format!("critical: {CRITICAL} % of tcp_max_orphans or more"),
            format!("warning: {WARNING} % or more"),
        ]
    },
    check,
};

fn check(case: &Case<'_>) -> Outcome {
    let name = "net.ipv4.tcp_max_orphans";
    let limit = case
        .setting(name)
        .ok_or_else(|| case.now.kernel.why_unknown(name).to_owned())?;
    let orphans = case
        .counter("sockstat.TCP", "orphan")
        .ok_or("the number of orphans is not in /proc/net/sockstat")?;
    let severity = Severity::by(orphans * 100, limit * WARNING, limit * CRITICAL);
    let Some(severity) = severity.filter(|_| orphans > 0) else {
        return Ok(Judgement::default());
    };
    let finding = Finding {
        id: RULE.id,
        holders: Vec::new(),
        severity,
        title: format!("{orphans} orphaned connections on this host, the limit is {limit}"),
        subject: Subject::host(),
        evidence: Evidence::default()
            .with("orphans", orphans)
            .with("limit", limit),
        cause: "programs have closed connections whose last data or FIN the peers do not acknowledge; beyond the limit the kernel resets them, and data is lost".to_owned(),
        remedy: vec![
            "see towards whom: sockscope states --by peer; sockscope conns state=fin_wait1,last_ack,closing".to_owned(),
            "let the program wait for the peer's end before it closes, or end hopeless ones sooner: sysctl -w net.ipv4.tcp_orphan_retries=2".to_owned(),
            format!("if memory allows it (up to 64 KiB each): sysctl -w net.ipv4.tcp_max_orphans={}", limit.max(1024) * 2),
        ],
    };
    Ok(vec![finding].into())
}

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use super::*;

    fn orphans(count: u64) -> Stage {
        let mut stage = Stage::new();
        stage.kernel().set("net.ipv4.tcp_max_orphans", "1000");
        stage.kernel().count("sockstat.TCP", "orphan", count);
        stage
    }

    #[test]
    fn shares_of_the_limit() {
        let finding = orphans(500).only(&RULE);
        assert_eq!(finding.severity, Severity::Critical);
        assert!(finding.subject.of_host);
        assert_eq!(orphans(250).only(&RULE).severity, Severity::Warning);
        orphans(249).none(&RULE);
    }

    #[test]
    fn a_limit_that_may_not_be_read_is_told() {
        let mut stage = Stage::new();
        stage.kernel().count("sockstat.TCP", "orphan", 5);
        let why = "only in the initial network namespace".to_owned();
        stage.kernel().refuse("net.ipv4.tcp_max_orphans", why);
        let reason = stage.outcome(&RULE).unwrap_err();
        assert!(reason.contains("initial network namespace"), "{reason}");
    }
}
