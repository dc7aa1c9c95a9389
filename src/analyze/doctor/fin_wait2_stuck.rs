//! fin-wait2-stuck: this side has closed its half, and the peers never close theirs.
//!
//! Sources: FIN_WAIT2 sockets that a process still holds (it called shutdown(), not close());
//! `tcp_info` for the age. The kernel ends FIN_WAIT2 after `net.ipv4.tcp_fin_timeout` only
//! where no process holds the socket any more (`tcp_close`). RFC 9293, section 3.6, case 1.

use super::case::{by_party, is_held, quiet_ms, subject};
use super::known::{Rows, Told};
use super::{Case, Evidence, Finding, Number, Outcome, Rule, Severity};
use crate::model::foreign::shown;
use crate::model::{Protocol, Socket, State};

/// More than this many that stay are a warning; so are a tenth of them that are old.
const MANY: u64 = 100;
const MANY_OLD: u64 = 10;
/// Old: milliseconds.
const OLD_MS: u64 = 60_000;
/// Waiting for an answer may take so long: milliseconds.
const WAITING_MS: u64 = 10_000;
/// One that was not there before stays when it is as old as this: milliseconds.
const SETTLED_MS: u64 = 1_000;

pub(super) const RULE: Rule = Rule {
    id: "fin-wait2-stuck",
    summary: "this side has closed its half, the peers never close theirs",
    protocol: Some(Protocol::Tcp),
    thresholds: || {
        vec![
            format!(
                "warning: more than {MANY} stay in FIN_WAIT2 with their process for {} s, or {MANY_OLD} or more for {} s",
                WAITING_MS / 1000,
                OLD_MS / 1000
            ),
            format!(
                "info: more than {MANY} for {} s, or one for {} s",
                SETTLED_MS / 1000,
                OLD_MS / 1000
            ),
        ]
    },
    check,
};

fn check(case: &Case<'_>) -> Outcome {
    let held = case
        .tcp(&[State::FinWait2])
        .filter(|socket| is_held(socket));
    let held = Rows::split(held, |socket| Told::all(quiet_ms(socket).is_some()));
    let stuck = held.known.iter().copied();
    let groups = by_party(case, stuck.filter(|socket| stays(case, socket)));
    let findings = groups.values().filter_map(|sockets| judge(case, sockets));
    let why = "this source does not report whether the peers still send: sock_diag is needed";
    held.outcome(findings.collect(), why)
}

/// Whether nothing has come for so long: what is not known is no time.
fn is_old(socket: &Socket, ms: u64) -> bool {
    quiet_ms(socket).is_some_and(|quiet| quiet >= ms)
}

/// Whether the peer neither closed nor sent anything for a while: one that still sends is
/// what FIN_WAIT2 is for.
fn stays(case: &Case<'_>, socket: &Socket) -> bool {
    let received = socket.tcp.as_ref().and_then(|tcp| tcp.bytes_received);
    let settled = is_old(socket, SETTLED_MS);
    match case.was(socket) {
        Some(was) => was.state == State::FinWait2 && was.received == received && settled,
        None => settled,
    }
}

fn judge(case: &Case<'_>, sockets: &[&Socket]) -> Option<Finding> {
    let count = sockets.len() as u64;
    let old = sockets.iter().filter(|s| is_old(s, OLD_MS)).count() as u64;
    let waiting = sockets.iter().filter(|s| is_old(s, WAITING_MS)).count() as u64;
    let severity = if waiting > MANY || old >= MANY_OLD {
        Severity::Warning
    } else if count > MANY || old > 0 {
        Severity::Info
    } else {
        return None;
    };
    let subject = subject(case, sockets);
    let who = subject.who();
    let oldest = sockets.iter().filter_map(|s| quiet_ms(s)).max();
    let far = sockets.first().and_then(|socket| case.other_end(socket));
    let peer = far.and_then(|socket| case.owner(socket));
    let peer = peer.map_or_else(
        || "the program at the other end".to_owned(),
        |p| format!("{} (pid {})", shown(&p.comm), p.pid),
    );
    Some(Finding {
        id: RULE.id,
        holders: Vec::new(),
        severity,
        title: format!(
            "{who} waits for the end of {count} connections that its peers do not close"
        ),
        evidence: Evidence::default()
            .with("fin_wait2", count)
            .with_known("oldest_ms", oldest.map(Number::Age))
            .with_known("fin_timeout_s", case.setting("net.ipv4.tcp_fin_timeout")),
        cause: format!(
            "{who} called shutdown() and keeps the descriptors to read what may still come; {peer} has seen the end and does not close: it sits in CLOSE_WAIT there"
        ),
        remedy: vec![
            format!("repair {peer}: it must call close() after end-of-file"),
            format!(
                "let {who} close() after a limit of time: an orphan in FIN_WAIT2 ends after tcp_fin_timeout, one that is held never does"
            ),
        ],
        subject,
    })
}

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use super::*;

    fn waiting(count: u16, age_ms: u32) -> Stage {
        let mut stage = Stage::new();
        stage.process(10, "client", 1024);
        for n in 0..count {
            let made = stage.outbound(State::FinWait2, 40_000 + n, 80, Some(10));
            made.quiet(age_ms);
        }
        stage
    }

    #[test]
    fn many_or_old_ones() {
        assert_eq!(waiting(101, 5_000).only(&RULE).severity, Severity::Info);
        let finding = waiting(101, 10_000).only(&RULE);
        assert_eq!(finding.severity, Severity::Warning);
        assert_eq!(finding.subject.process, Some((10, b"client".to_vec())));
        assert_eq!(finding.evidence.get("fin_wait2"), Some(101.into()));
        assert_eq!(waiting(10, 60_000).only(&RULE).severity, Severity::Warning);
        assert_eq!(waiting(1, 60_000).only(&RULE).severity, Severity::Info);
        waiting(100, 5_000).steady().none(&RULE);
    }

    #[test]
    fn a_peer_that_still_sends_is_what_it_is_for() {
        let received = |bytes: u64| {
            let mut stage = waiting(150, 5_000);
            stage.each(|made| made.0.tcp.as_mut().unwrap().bytes_received = Some(bytes));
            stage
        };
        received(9).after(received(5), 1.0).none(&RULE);
        received(9).steady().only(&RULE);
    }

    #[test]
    fn without_tcp_info_nothing_can_be_said() {
        let mut stage = waiting(150, 10);
        stage.each(|made| made.0.tcp = None);
        assert!(stage.outcome(&RULE).is_err());
    }

    #[test]
    fn a_burst_and_orphans_are_nothing() {
        waiting(150, 20).after_nothing(1.0).none(&RULE);
        let mut orphans = waiting(150, 20_000);
        orphans.each(|made| made.0.inode = None);
        orphans.none(&RULE);
    }
}
