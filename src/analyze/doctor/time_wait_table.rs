//! time-wait-table: the table of TIME_WAIT sockets is full, or soon to be.
//!
//! Sources: `tw` of /proc/net/sockstat against `net.ipv4.tcp_max_tw_buckets`, both of the
//! namespace, and `TcpExt.TCPTimeWaitOverflow`. Beyond the limit a connection is simply
//! forgotten, so that an old segment may meet a new connection (RFC 9293, section 3.4.1).

use std::collections::BTreeMap;

use super::{Case, Evidence, Finding, Judgement, Outcome, Rule, Severity, Subject};
use crate::model::{NetnsId, Protocol, Role, State};

/// Shares of the limit that are a warning, and critical, in percent.
const WARNING: u64 = 75;
const CRITICAL: u64 = 100;

pub(super) const RULE: Rule = Rule {
    id: "time-wait-table",
    summary: "the table of TIME_WAIT sockets is full",
    protocol: Some(Protocol::Tcp),
    thresholds: || {
        vec![
            "critical: full, or it overflows now".to_owned(),
            format!("warning: {WARNING} % of tcp_max_tw_buckets or more"),
            "info: it overflowed in the past".to_owned(),
        ]
    },
    check,
};

fn check(case: &Case<'_>) -> Outcome {
    let kernel = &case.now.kernel;
    let name = "net.ipv4.tcp_max_tw_buckets";
    let limit = case
        .setting(name)
        .ok_or_else(|| format!("{name} is not known: {}", kernel.why_unknown(name)))?;
    let used = case
        .counter("sockstat.TCP", "tw")
        .ok_or("the number of TIME_WAIT sockets is not in /proc/net/sockstat")?;
    let overflows = case.counter("TcpExt", "TCPTimeWaitOverflow");
    let overflowed = case.grown("TcpExt", "TCPTimeWaitOverflow").unwrap_or(0);
    let by_share = Severity::by(used * 100, limit * WARNING, (limit * CRITICAL).max(1));
    let severity = match by_share {
        _ if overflowed > 0 => Severity::Critical,
        Some(severity) if used > 0 => severity,
        _ if overflows.is_some_and(|n| n > 0) => Severity::Info,
        _ => return Ok(Judgement::default()),
    };
    Ok(vec![tell(case, used, limit, overflows, severity)].into())
}

fn tell(
    case: &Case<'_>,
    used: u64,
    limit: u64,
    overflows: Option<u64>,
    severity: Severity,
) -> Finding {
    let title = match severity {
        Severity::Info => format!(
            "the TIME_WAIT table overflowed in the past ({} connections); {used} of {limit} are used now",
            overflows.unwrap_or(0)
        ),
        _ => format!("the TIME_WAIT table is at {used} of {limit}"),
    };
    let (whose, port, destination) = whose(case);
    let subject = Subject {
        netns: case.now.netns().map(NetnsId::inode),
        port,
        destination,
        ..Subject::default()
    };
    Finding {
        id: RULE.id,
        holders: Vec::new(),
        severity,
        title,
        subject,
        evidence: Evidence::default()
            .with("time_wait", used)
            .with("limit", limit)
            .with_known("overflows", overflows)
            .with_known("overflows_per_second", case.rate("TcpExt", "TCPTimeWaitOverflow")),
        cause: format!(
            "this host closes first, again and again, and each close holds a place for 60 s{whose}; beyond the limit the kernel forgets connections at once, and late segments can disturb new ones"
        ),
        remedy: vec![
            "reuse connections: keep-alive, a pool, or let the other side close first".to_owned(),
            format!("sysctl -w net.ipv4.tcp_max_tw_buckets={}", limit.max(1024) * 4),
            "never shorten TIME_WAIT by other means: tcp_tw_recycle broke clients behind NAT and is gone since Linux 4.12".to_owned(),
        ],
    }
}

type Whose = (String, Option<u16>, Option<(std::net::IpAddr, Option<u16>)>);

/// Where most of them are, when one place has more than half.
fn whose(case: &Case<'_>) -> Whose {
    let mut inbound: BTreeMap<u16, u64> = BTreeMap::new();
    let mut outbound = BTreeMap::new();
    let mut all = 0_u64;
    for socket in case.tcp(&[State::TimeWait]) {
        all += 1;
        let is_inbound = socket.role == Some(Role::Inbound);
        if let Some(port) = socket.local.port().filter(|_| is_inbound) {
            *inbound.entry(port).or_default() += 1;
        } else if let Some(peer) = socket.peer.inet() {
            *outbound.entry(peer).or_insert(0_u64) += 1;
        }
    }
    let port = inbound.into_iter().max_by_key(|(_, count)| *count);
    let peer = outbound.into_iter().max_by_key(|(_, count)| *count);
    match (port, peer) {
        (Some((port, count)), _) if count * 2 > all => (
            format!(" ({count} of {all} are of clients of port {port})"),
            Some(port),
            None,
        ),
        (_, Some((peer, count))) if count * 2 > all => (
            format!(
                " ({count} of {all} went to port {} of {})",
                peer.port, peer.address
            ),
            None,
            Some((peer.address, Some(peer.port))),
        ),
        _ => (String::new(), None, None),
    }
}

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use super::*;

    fn table(used: u64, limit: &str, overflows: u64) -> Stage {
        let mut stage = Stage::new();
        stage.kernel().set("net.ipv4.tcp_max_tw_buckets", limit);
        stage.kernel().count("sockstat.TCP", "tw", used);
        stage
            .kernel()
            .count("TcpExt", "TCPTimeWaitOverflow", overflows);
        stage
    }

    #[test]
    fn shares_of_the_limit() {
        let severity = |used| table(used, "100", 0).only(&RULE).severity;
        assert_eq!(severity(100), Severity::Critical);
        assert_eq!(severity(75), Severity::Warning);
        table(74, "100", 0).steady().none(&RULE);
        table(0, "0", 0).none(&RULE);
    }

    #[test]
    fn an_overflow_now_is_critical_and_an_old_one_is_old_news() {
        let now = table(10, "100", 30).after(table(10, "100", 20), 2.0);
        let finding = now.only(&RULE);
        assert_eq!(finding.severity, Severity::Critical);
        assert_eq!(
            finding.evidence.get("overflows_per_second"),
            Some(5.0.into())
        );
        let old = table(10, "100", 20).steady().only(&RULE);
        assert_eq!(old.severity, Severity::Info);
        assert_eq!(old.evidence.get("overflows"), Some(20.into()));
    }

    #[test]
    fn the_destination_of_most_is_named() {
        let mut stage = table(3, "3", 0);
        for n in 0..3 {
            stage.outbound(State::TimeWait, 40_000 + n, 443, None);
        }
        let finding = stage.only(&RULE);
        let (_, port) = finding.subject.destination.unwrap();
        assert_eq!(port, Some(443));
    }

    #[test]
    fn without_the_limit_nothing_can_be_said() {
        let mut stage = Stage::new();
        stage.kernel().count("sockstat.TCP", "tw", 5);
        let reason = stage.outcome(&RULE).unwrap_err();
        assert!(reason.contains("tcp_max_tw_buckets"), "{reason}");
    }
}
