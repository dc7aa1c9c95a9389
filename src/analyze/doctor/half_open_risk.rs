//! half-open-risk: idle connections that would never notice that the peer is gone.
//!
//! Sources: ESTABLISHED without a running timer (keepalive would show as timer 2), idle by
//! `tcp_info`. RFC 9293, section 3.8.4: keep-alives are off unless the program asks for them.
//! Peers on this host cannot vanish without a word, so they are left out.

use super::case::{by_party, subject};
use super::{Case, Evidence, Finding, Outcome, Rule, Severity};
use crate::model::{Protocol, Socket, State};

/// Idle for longer than this: milliseconds (two hours, when keepalive would first ask).
const IDLE_MS: u32 = 2 * 3600 * 1000;

pub(super) const RULE: Rule = Rule {
    id: "half-open-risk",
    summary: "idle connections without keepalive: a peer that vanished would not be noticed",
    protocol: Some(Protocol::Tcp),
    thresholds: || {
        vec![format!(
            "info: established, idle for more than {} hours, no keepalive",
            IDLE_MS / 3_600_000
        )]
    },
    check,
};

fn check(case: &Case<'_>) -> Outcome {
    let far: Vec<_> = case
        .tcp(&[State::Established])
        .filter(|socket| case.is_held(socket) && socket.timer.is_none())
        .filter(|socket| socket.peer.is_some_and(|p| !case.is_here(p.address)))
        .collect();
    if !far.is_empty() && far.iter().all(|socket| socket.tcp.is_none()) {
        return Err(
            "/proc/net/tcp does not tell how long a connection is idle: sock_diag is needed"
                .to_owned(),
        );
    }
    let idle = far.into_iter().filter(|socket| idle_ms(socket) > IDLE_MS);
    let groups = by_party(case, idle);
    Ok(groups.values().map(|sockets| tell(case, sockets)).collect())
}

/// Milliseconds in which nothing moved.
fn idle_ms(socket: &Socket) -> u32 {
    let tcp = socket.tcp.as_deref();
    tcp.map_or(0, |tcp| tcp.idle_ms().min(tcp.last_ack_recv_ms))
}

fn tell(case: &Case<'_>, sockets: &[&Socket]) -> Finding {
    let longest = sockets.iter().map(|s| u64::from(idle_ms(s))).max();
    let subject = subject(case, sockets);
    let who = subject.who();
    let count = sockets.len() as u64;
    Finding {
        id: RULE.id,
        severity: Severity::Info,
        title: format!(
            "{who} has {count} connection{} that are idle for up to {} hours, without keepalive",
            if count == 1 { "" } else { "s" },
            longest.unwrap_or(0) / 3_600_000
        ),
        evidence: Evidence::default()
            .with("connections", count)
            .with_known("idle_ms", longest),
        cause: "if the peer lost power or its way, nothing would ever tell: the connection stays ESTABLISHED and its descriptor open".to_owned(),
        remedy: vec![
            format!("let {who} set SO_KEEPALIVE (and TCP_KEEPIDLE, since net.ipv4.tcp_keepalive_time is {} s), or end idle connections itself", case.setting("net.ipv4.tcp_keepalive_time").unwrap_or(7200)),
        ],
        subject,
    }
}

#[cfg(test)]
mod tests {
    use super::super::stage::{self, Stage};
    use super::*;
    use crate::model::TimerKind;

    fn idle(ms: u32) -> Stage {
        let mut stage = Stage::new();
        stage.process(10, "java", 1024);
        let made = stage.outbound(State::Established, 40_000, 443, Some(10));
        made.quiet(ms);
        stage
    }

    #[test]
    fn two_hours_without_keepalive() {
        let finding = idle(IDLE_MS + 1).only(&RULE);
        assert_eq!(finding.severity, Severity::Info);
        assert_eq!(finding.subject.process, Some((10, b"java".to_vec())));
        let expected = u64::from(IDLE_MS) + 1;
        assert_eq!(finding.evidence.get("idle_ms"), Some(expected.into()));
        idle(IDLE_MS).none(&RULE);
    }

    #[test]
    fn keepalive_or_a_peer_on_this_host_is_no_risk() {
        let mut kept = Stage::new();
        kept.process(10, "java", 1024);
        let made = kept.outbound(State::Established, 40_000, 443, Some(10));
        made.quiet(IDLE_MS + 1).timer(TimerKind::Keepalive, 0);
        kept.none(&RULE);
        let mut here = idle(IDLE_MS + 1);
        here.each(|made| made.0.peer.as_mut().unwrap().address = stage::HERE);
        here.none(&RULE);
        let mut own = idle(IDLE_MS + 1);
        own.kernel().has_address(stage::FAR);
        own.none(&RULE);
    }

    #[test]
    fn without_tcp_info_nothing_can_be_said() {
        let mut stage = idle(IDLE_MS + 1);
        stage.each(|made| made.0.tcp = None);
        assert!(stage.outcome(&RULE).is_err());
    }
}
