//! path-loss: what this side sends is not acknowledged.
//!
//! Sources: the retransmission timer and its count of `inet_diag` (`icsk_retransmits`), and
//! `tcp_info` for what is unacknowledged. A peer that took its place in a full accept queue of
//! this host, or waits for one, is not reported here: that is accept-queue-full. Nor are several
//! attempts towards a destination that answers none: that is connect-failing.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::case::{Party, subject, sum, tells_timers, unsent};
use super::connect_failing;
use super::known::{Rows, Told};
use super::retransmits::{CRITICAL, WARNING, linear_syns, waits_for_accept};
use super::{Case, Evidence, Finding, Number, Outcome, Rule, Severity};
use crate::model::{Identity, Protocol, Role, Socket, State, TimerKind};

/// Of the clients of one port, fewer than one in so many are clients that went away.
const ONE_IN: u64 = 100;

/// States in which something of ours may wait for its acknowledgement.
const SENDING: &[State] = &[
    State::SynSent,
    State::Established,
    State::CloseWait,
    State::FinWait1,
    State::Closing,
    State::LastAck,
];

pub(super) const RULE: Rule = Rule {
    id: "path-loss",
    summary: "what is sent is not acknowledged: loss on the way, or a peer that is gone",
    protocol: Some(Protocol::Tcp),
    thresholds: || {
        vec![
            format!("critical: {CRITICAL} retransmissions in a row or more"),
            format!(
                "warning: {WARNING} or more (of a SYN both after those of tcp_syn_linear_timeouts)"
            ),
            format!(
                "info: the same of a single client of a port, or of fewer than one client in {ONE_IN}: clients go away without a word"
            ),
        ]
    },
    check,
};

fn check(case: &Case<'_>) -> Outcome {
    let rows = Rows::split(case.tcp(SENDING), |s| Told::all(tells_timers(s)));
    let told = connect_failing::told(case);
    let lossy = rows
        .known
        .iter()
        .copied()
        .filter(|socket| retransmits(socket) >= WARNING + linear(case, socket))
        .filter(|socket| !waits_for_accept(case, socket))
        .filter(|socket| !told.contains(&Identity::of(socket)));
    let mut findings: Vec<_> = groups(case, lossy)
        .into_iter()
        .map(|sockets| tell(case, &sockets))
        .collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let why = "this source does not report timers and retransmissions: sock_diag or /proc/net/tcp is needed";
    rows.outcome(findings, why)
}

/// Retransmissions in a row of what is unacknowledged.
fn retransmits(socket: &Socket) -> u8 {
    let timer = socket
        .timer
        .filter(|timer| timer.kind == TimerKind::Retransmit);
    let unacked = socket.tcp.as_ref().is_none_or(|tcp| tcp.unacked > 0);
    timer
        .filter(|_| unacked)
        .map_or(0, |timer| timer.retransmits)
}

/// Retransmissions of a socket that mean little.
fn linear(case: &Case<'_>, socket: &Socket) -> u8 {
    match socket.state {
        State::SynSent => linear_syns(case),
        _ => 0,
    }
}

/// Clients of one port, or connections of one process to one address: one finding each.
fn groups<'a>(case: &Case<'_>, sockets: impl Iterator<Item = &'a Socket>) -> Vec<Vec<&'a Socket>> {
    let mut groups: BTreeMap<_, Vec<&Socket>> = BTreeMap::new();
    for socket in sockets {
        let party = Party::of(case, socket);
        let key = (party.pid, party.port, party.peer.map(|peer| peer.address));
        groups.entry(key).or_default().push(socket);
    }
    groups.into_values().collect()
}

fn judge(case: &Case<'_>, sockets: &[&Socket], most: u8) -> Severity {
    let Some(first) = sockets.first() else {
        return Severity::Info;
    };
    if first.role == Some(Role::Inbound) {
        let port = first.local.port();
        let clients = case.tcp(SENDING).filter(|s| s.local.port() == port).count() as u64;
        let lossy = sockets.len() as u64;
        if lossy == 1 || lossy * ONE_IN < clients {
            return Severity::Info;
        }
    }
    if most >= CRITICAL + linear(case, first) {
        Severity::Critical
    } else {
        Severity::Warning
    }
}

fn tell(case: &Case<'_>, sockets: &[&Socket]) -> Finding {
    let most = sockets.iter().map(|s| retransmits(s)).max().unwrap_or(0);
    let subject = subject(case, sockets);
    let who = subject.who();
    let count = sockets.len() as u64;
    let opening = sockets.iter().all(|s| s.state == State::SynSent);
    let to = match subject.destination {
        Some((address, Some(port))) => format!("{address} port {port}"),
        Some((address, None)) => address.to_string(),
        None => "several clients".to_owned(),
    };
    let what = if opening {
        format!("does not answer the SYN of {who}")
    } else {
        format!("does not acknowledge what {who} sends")
    };
    let infos = || sockets.iter().filter_map(|socket| socket.tcp.as_deref());
    let quiet = infos().filter_map(|tcp| tcp.since_acked_ms).map(u64::from);
    let quiet = quiet.max();
    let target = subject.destination.map(|(address, _)| address);
    Finding {
        id: RULE.id,
        holders: Vec::new(),
        severity: judge(case, sockets, most),
        title: format!(
            "{to} {what}: {count} connection{}, up to {most} retransmissions in a row",
            if count == 1 { "" } else { "s" }
        ),
        evidence: Evidence::default()
            .with("connections", count)
            .with("retransmits", u64::from(most))
            .with_known("unacked", sum(infos().map(|tcp| Some(tcp.unacked.into()))))
            .with_known("send_q", sum(sockets.iter().map(|s| unsent(s))))
            .with_known("quiet_ms", quiet.filter(|_| !opening).map(Number::Age))
            .with_known(
                "namespace_retransmits_per_second",
                case.rate("Tcp", "RetransSegs"),
            ),
        cause: cause(opening),
        remedy: remedy(target, opening),
        subject,
    }
}

fn cause(opening: bool) -> String {
    if opening {
        "no SYN+ACK comes back: the host is down, a firewall drops without a word, or its accept queue is full; the kernel tries on for about two minutes (tcp_syn_retries)".to_owned()
    } else {
        "segments or their acknowledgements are lost on the way, or the peer has vanished; the kernel tries on, each time twice as late, for about 15 minutes (tcp_retries2)".to_owned()
    }
}

fn remedy(target: Option<IpAddr>, opening: bool) -> Vec<String> {
    let mut remedy = Vec::new();
    if let Some(address) = target {
        remedy.push(format!(
            "look at the way: ip route get {address}; ping {address}; mtr {address}; then firewalls on both sides (nft list ruleset)"
        ));
    } else {
        remedy.push("see which clients: sockscope conns --columns state,local,peer,timer,process --sort -retransmits".to_owned());
    }
    remedy.push(if opening {
        "give connect() a limit of time in the program, shorter than the kernel's".to_owned()
    } else {
        "let the program notice sooner: TCP_USER_TIMEOUT (10-30 s) on its sockets".to_owned()
    });
    remedy
}

#[cfg(test)]
mod tests {
    use super::super::stage::{self, Stage};
    use super::*;

    fn lossy(retransmits: u8) -> Stage {
        let mut stage = Stage::new();
        stage.process(10, "java", 1024);
        let made = stage.outbound(State::Established, 40_000, 443, Some(10));
        let made = made.timer(TimerKind::Retransmit, retransmits);
        made.0.tcp.as_mut().unwrap().unacked = 1;
        stage
    }

    #[test]
    fn retransmissions_in_a_row_decide() {
        let finding = lossy(6).only(&RULE);
        assert_eq!(finding.severity, Severity::Critical);
        assert_eq!(finding.subject.process, Some((10, b"java".to_vec())));
        assert_eq!(finding.subject.destination, Some((stage::FAR, Some(443))));
        assert_eq!(finding.evidence.get("retransmits"), Some(6.into()));
        assert_eq!(lossy(3).only(&RULE).severity, Severity::Warning);
        lossy(2).none(&RULE);
    }

    #[test]
    fn other_timers_and_acknowledged_data_are_no_loss() {
        let mut probing = lossy(0);
        probing.each(|made| {
            made.0.timer = Some(crate::model::Timer {
                kind: TimerKind::Probe,
                expires_ms: 1,
                retransmits: 9,
            });
        });
        probing.none(&RULE);
        let mut acked = lossy(9);
        acked.each(|made| made.0.tcp.as_mut().unwrap().unacked = 0);
        acked.none(&RULE);
    }

    #[test]
    fn single_clients_go_away_without_a_word() {
        let clients = |lossy: u16, all: u16| {
            let mut stage = Stage::new();
            stage.process(10, "java", 1024);
            for n in 0..all {
                let made = stage.connection(State::Established, 80, 4000 + n, Some(10));
                if n < lossy {
                    let made = made.timer(TimerKind::Retransmit, 7);
                    made.0.tcp.as_mut().unwrap().unacked = 1;
                }
            }
            stage.only(&RULE).severity
        };
        assert_eq!(clients(1, 2), Severity::Info);
        assert_eq!(clients(2, 201), Severity::Info);
        assert_eq!(clients(2, 200), Severity::Critical);
    }

    #[test]
    fn a_full_accept_queue_here_is_another_finding() {
        let mut stage = Stage::new();
        stage.process(10, "java", 1024);
        stage.listener(443, 5, 4, 10);
        let made = stage.outbound(State::SynSent, 40_000, 443, Some(10));
        let made = made.timer(TimerKind::Retransmit, 5);
        made.0.tcp.as_mut().unwrap().unacked = 1;
        made.0.peer.inet_mut().address = stage::HERE;
        stage.none(&RULE);
    }

    #[test]
    fn an_unanswered_syn_is_told_as_one() {
        let mut stage = lossy(3);
        stage.each(|made| made.0.state = State::SynSent);
        assert!(stage.only(&RULE).title.contains("SYN"));
    }
}
