//! syn-backlog-full: more handshakes are half open than a listener may have.
//!
//! Sources: SYN_RECV sockets of each listener against its limit (full is count > limit,
//! `inet_csk_reqsk_queue_is_full`: the same limit as the accept queue's, not
//! tcp_max_syn_backlog), and `TcpExt.TCPReqQFullDoCookies` and `TCPReqQFullDrop`: a full queue
//! answers with a cookie where tcp_syncookies allows it, else the SYN is dropped.

use std::collections::BTreeMap;

use super::case::accept_queue;
use super::known::outcome;
use super::{Case, Evidence, Finding, Outcome, Rule, Severity};
use crate::model::{Protocol, Socket, State};

/// SYNs in a second that found no place: a warning, and critical.
const REFUSED_WARNING: f64 = 1.0;
const REFUSED_CRITICAL: f64 = 5.0;
/// A SYN queue that is so full at both looks is a warning, in percent.
const NEARLY_FULL: u64 = 70;
/// Fewer half-open handshakes than this are no flood, whatever the limit.
const FEW: u64 = 10;

pub(super) const RULE: Rule = Rule {
    id: "syn-backlog-full",
    summary: "more handshakes are half open than a listener may have: a flood, or lost answers",
    protocol: Some(Protocol::Tcp),
    thresholds: || {
        vec![
            format!(
                "critical: more than {REFUSED_CRITICAL} SYNs a second find no place, or the queue is full at both looks and cookies are off"
            ),
            format!(
                "warning: more than {REFUSED_WARNING} SYN a second finds no place, or the queue is {NEARLY_FULL} % full or more at both looks (and holds {FEW} or more)"
            ),
            "info: nearly full at the only look".to_owned(),
        ]
    },
    check,
};

fn check(case: &Case<'_>) -> Outcome {
    let mut half_open: BTreeMap<u16, u64> = BTreeMap::new();
    for socket in case.tcp(&[State::SynRecv]) {
        if let Some(port) = socket.local.port() {
            *half_open.entry(port).or_default() += 1;
        }
    }
    let rate = |name| case.steady_rate("TcpExt", name);
    let refused = rate("TCPReqQFullDoCookies") + rate("TCPReqQFullDrop");
    let share = |port: u16, count: u64| {
        let limit = limit(case.listeners_on(port)).unwrap_or(u64::MAX);
        count.saturating_mul(1_000_000) / limit.max(1)
    };
    let fullest = half_open.iter().max_by_key(|(p, n)| share(**p, **n));
    let fullest = fullest.map(|(port, _)| *port);
    let mut findings = Vec::new();
    let (mut known, mut unknown) = (0, 0);
    for (&port, &count) in &half_open {
        let listeners = case.listeners_on(port);
        // A full accept queue drops the last ACK: the clients have answered, and that is
        // accept-queue-full.
        let is_full = |socket: &Socket| accept_queue(socket)?.is_full();
        if listeners.iter().any(|socket| is_full(socket) == Some(true)) {
            continue;
        }
        let Some(limit) = limit(listeners) else {
            unknown += u64::from(!listeners.is_empty() && count >= FEW);
            continue;
        };
        known += 1;
        // The counters are of the namespace: they are reported with the listener that is fullest.
        let refused = if Some(port) == fullest { refused } else { 0.0 };
        if let Some(severity) = judge(case, port, count, limit, refused) {
            findings.extend(
                listeners
                    .first()
                    .map(|listener| tell(case, (listener, port), count, limit, severity)),
            );
        }
    }
    let why = "this source does not report the limits of listeners: sock_diag is needed";
    outcome(findings, known, unknown, why)
}

/// The limit of all listeners of a port together.
fn limit(listeners: &[&Socket]) -> Option<u64> {
    let limits = listeners.iter().map(|socket| accept_queue(socket)?.limit);
    let limits: Option<Vec<u32>> = limits.collect();
    let limits = limits.filter(|limits| !limits.is_empty())?;
    Some(limits.into_iter().map(u64::from).sum())
}

fn judge(case: &Case<'_>, port: u16, count: u64, limit: u64, refused: f64) -> Option<Severity> {
    if refused > REFUSED_CRITICAL {
        return Some(Severity::Critical);
    }
    if refused > REFUSED_WARNING {
        return Some(Severity::Warning);
    }
    let nearly = |count: u64| count >= FEW && count * 100 >= limit * NEARLY_FULL;
    if !nearly(count) {
        return None;
    }
    let full = count > limit;
    let no_cookies = case.setting("net.ipv4.tcp_syncookies") == Some(0);
    let Some(before) = case.before else {
        return Some(if full {
            Severity::Warning
        } else {
            Severity::Info
        });
    };
    // Half-open handshakes have no cookie that lasts: what counts is how many stayed.
    let stayed = case
        .tcp(&[State::SynRecv])
        .filter(|socket| socket.local.port() == Some(port) && before.of_socket(socket).is_some())
        .count() as u64;
    if full && no_cookies && nearly(stayed) {
        Some(Severity::Critical)
    } else {
        nearly(stayed).then_some(Severity::Warning)
    }
}

fn tell(
    case: &Case<'_>,
    (listener, port): (&Socket, u16),
    count: u64,
    limit: u64,
    severity: Severity,
) -> Finding {
    let mut subject = super::case::subject(case, &[listener]);
    subject.source = listener.local.ip();
    let who = subject.who();
    let cookies = case.setting("net.ipv4.tcp_syncookies");
    let then = match cookies {
        Some(0) => "beyond the limit SYNs are dropped, because tcp_syncookies is 0",
        _ => {
            "beyond the limit the kernel answers with cookies, which keeps the port reachable but drops TCP options of old clients"
        }
    };
    let mut remedy = vec![
        format!(
            "see who they are: sockscope conns state=syn_recv lport={port}; many addresses that never answer are a flood or a broken way back"
        ),
        format!(
            "raise the listen() backlog in {who}: the SYN queue has the limit of the accept queue, {limit}; tcp_max_syn_backlog does not widen it"
        ),
    ];
    if cookies == Some(0) {
        remedy.insert(0, "sysctl -w net.ipv4.tcp_syncookies=1".to_owned());
    }
    Finding {
        id: RULE.id,
        holders: Vec::new(),
        severity,
        title: format!(
            "{count} half-open handshakes on port {port} of {who}, the limit is {limit}"
        ),
        subject,
        evidence: Evidence::default()
            .with("syn_recv", count)
            .with("limit", limit)
            .with_known(
                "cookies_per_second",
                case.rate("TcpExt", "TCPReqQFullDoCookies"),
            )
            .with_known("drops_per_second", case.rate("TcpExt", "TCPReqQFullDrop"))
            .with_known("syncookies", cookies),
        cause: format!("each has sent a SYN and has not answered the SYN+ACK of this host; {then}"),
        remedy,
    }
}

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use super::*;

    fn half_open(count: u16, limit: u32, cookies: &str) -> Stage {
        let mut stage = Stage::new();
        stage.process(10, "java", 1024);
        stage.listener(8080, 0, limit, 10);
        for n in 0..count {
            stage.connection(State::SynRecv, 8080, 40_000 + n, None);
        }
        stage.kernel().set("net.ipv4.tcp_syncookies", cookies);
        stage.kernel().count("TcpExt", "TCPReqQFullDoCookies", 0);
        stage.kernel().count("TcpExt", "TCPReqQFullDrop", 0);
        stage
    }

    #[test]
    fn a_full_queue_without_cookies_is_critical() {
        let finding = half_open(17, 16, "0").steady().only(&RULE);
        assert_eq!(finding.severity, Severity::Critical);
        assert_eq!(finding.subject.port, Some(8080));
        assert_eq!(finding.subject.process, Some((10, b"java".to_vec())));
        assert_eq!(finding.evidence.get("syn_recv"), Some(17.into()));
        let with_cookies = half_open(17, 16, "1").steady().only(&RULE);
        assert_eq!(with_cookies.severity, Severity::Warning);
    }

    #[test]
    fn few_and_passing_ones_are_nothing() {
        half_open(11, 16, "0").steady().none(&RULE);
        half_open(9, 4, "0").steady().none(&RULE);
        half_open(17, 16, "1").after_nothing(1.0).none(&RULE);
        assert_eq!(half_open(12, 16, "1").only(&RULE).severity, Severity::Info);
    }

    #[test]
    fn a_full_accept_queue_is_another_finding() {
        let mut stage = half_open(17, 16, "0");
        stage.each(|made| {
            if let Some(crate::model::Queue::Accept(queue)) = &mut made.0.queue {
                queue.length = 17;
            }
        });
        stage.steady().none(&RULE);
    }

    #[test]
    fn cookies_count_by_their_rate() {
        let mut now = half_open(2, 16, "1");
        now.kernel().count("TcpExt", "TCPReqQFullDoCookies", 6);
        let finding = now.after(half_open(2, 16, "1"), 1.0).only(&RULE);
        assert_eq!(finding.severity, Severity::Critical);
        let mut old = half_open(2, 16, "1");
        old.kernel().count("TcpExt", "TCPReqQFullDoCookies", 6);
        old.steady().none(&RULE);
    }
}
