//! half-open-risk: idle connections that would never notice that the peer is gone.
//!
//! Sources: ESTABLISHED without a running timer (keepalive would show as timer 2), idle by
//! `tcp_info`. RFC 9293, section 3.8.4: keep-alives are off unless the program asks for them.
//! Peers on this host cannot vanish without a word, so they are left out.

use super::case::{by_party, is_held, subject, tells_timers};
use super::known::{Rows, Told};
use super::{Case, Evidence, Finding, Number, Outcome, Rule, Severity};
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
    let far = case
        .tcp(&[State::Established])
        .filter(|socket| is_held(socket) && socket.timer.is_none())
        .filter(|socket| socket.peer.ip().is_some_and(|peer| !case.is_here(peer)));
    // Without the addresses of this namespace a peer on this host looks like a far one.
    let has_addresses = !case.now.kernel.addresses().is_empty();
    let far = Rows::split(far, |socket| {
        Told::all(has_addresses && tells_timers(socket) && idle_ms(socket).is_some())
    });
    let idle = far.known.iter().copied();
    let idle = idle.filter(|socket| idle_ms(socket) > Some(IDLE_MS));
    let groups = by_party(case, idle);
    let findings = groups.values().map(|sockets| tell(case, sockets));
    let why = if has_addresses {
        "this source does not report timers, and how long a connection is idle: sock_diag is needed"
    } else {
        "the addresses of this namespace are not known (/proc/net/fib_trie, if_inet6), so none of the peers is known to be far"
    };
    far.outcome(findings.collect(), why)
}

/// Milliseconds in which nothing moved, where that is known.
fn idle_ms(socket: &Socket) -> Option<u32> {
    let tcp = socket.tcp.as_deref()?;
    let known = tcp.idle_ms().into_iter().chain(tcp.since_acked_ms);
    known.min()
}

fn tell(case: &Case<'_>, sockets: &[&Socket]) -> Finding {
    let longest = sockets
        .iter()
        .filter_map(|s| idle_ms(s))
        .max()
        .map(u64::from);
    let subject = subject(case, sockets);
    let who = subject.who();
    let count = sockets.len() as u64;
    Finding {
        id: RULE.id,
        holders: Vec::new(),
        severity: Severity::Info,
        title: format!(
            "{who} has {count} connection{} that are idle for up to {} hours, without keepalive",
            if count == 1 { "" } else { "s" },
            longest.unwrap_or(0) / 3_600_000
        ),
        evidence: Evidence::default()
            .with("connections", count)
            .with_known("idle_ms", longest.map(Number::Age)),
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
        assert_eq!(finding.evidence.get("idle_ms"), Some(Number::Age(expected)));
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
        here.each(|made| made.0.peer.inet_mut().address = stage::HERE);
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
