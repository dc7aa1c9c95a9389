//! connect-failing: connections are tried again and again, and the destination answers none.
//!
//! Sources: sockets in `SYN_SENT` by destination (`inet_diag`), how often the SYN of each was sent
//! again (its retransmission timer; a source that does not tell it proves it by a second look: a
//! SYN is sent again after a second), and those that were there at the first look and are gone
//! without ever having been more. `Tcp.AttemptFails` and `TcpExt.TCPSynRetrans` are of the
//! namespace and stand beside it. A destination that answers anybody is not told, nor a listener
//! here whose accept queue is full: that is accept-queue-full. One attempt alone is path-loss.
//! What is refused is no socket by then: see [`refused`].

mod refused;

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use super::known::outcome;
use super::path_loss::{CRITICAL, WARNING, linear, waits_for_accept};
use super::{Case, Evidence, Finding, Outcome, Rule, Severity, Subject};
use crate::analyze::attempts::{Attempts, Opening, Target, retransmits};
use crate::model::{Identity, Protocol, Socket, State};

/// So many failing attempts are a warning.
const SEVERAL: usize = 3;
/// So many are worth knowing.
const FEW: usize = 2;
/// In one look an attempt fails for certain when its SYN was sent again so often.
const SURE: u8 = 2;
/// A SYN that has no answer is sent again after so long: milliseconds (`TCP_TIMEOUT_INIT`, less
/// what looks may differ).
const SENT_AGAIN_MS: u64 = 900;
/// A connection that ended so short a time ago shows that somebody answers: milliseconds.
const RECENT_MS: u64 = 10_000;

pub(super) const RULE: Rule = Rule {
    id: "connect-failing",
    summary: "a destination answers none of several attempts to connect, or refuses them",
    protocol: Some(Protocol::Tcp),
    thresholds: || {
        vec![
            format!(
                "critical: and a SYN was sent again {CRITICAL} times after tcp_syn_linear_timeouts"
            ),
            format!(
                "warning: {SEVERAL} attempts failed or were sent again, some at both looks, and none is answered (in one look: each sent again {SURE} times)"
            ),
            format!(
                "info: {FEW} attempts, or more that end before a SYN is sent again (in one look: sent again once)"
            ),
            refused::THRESHOLDS.to_owned(),
        ]
    },
    check,
};

fn check(case: &Case<'_>) -> Outcome {
    let failing = failing(case);
    let known = failing.iter().map(|failing| failing.waiting.len() as u64);
    let (known, unknown) = (known.sum(), unknown(case, &failing));
    let mut findings: Vec<_> = failing.iter().map(|failing| tell(case, failing)).collect();
    findings.extend(refused::findings(case, &failing));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let why = "this source does not tell whether a SYN was sent again: look twice, a second apart (--for 1s), or through sock_diag";
    outcome(findings, known, unknown, why)
}

/// A destination that answers nobody, and the attempts.
#[derive(Debug)]
pub(super) struct Failing<'a> {
    target: Target,
    /// The sockets that wait for an answer now.
    waiting: Vec<&'a Socket>,
    /// How many waited before.
    before: u64,
    /// Of those waiting, whose SYN was sent again.
    sent_again: u64,
    /// Attempts of the first look that are gone, unanswered.
    given_up: u64,
    /// The attempts of each process that is known.
    pids: BTreeMap<u32, u64>,
    severity: Severity,
}

/// Whether a socket is one of the attempts that are told as failing.
pub(super) fn is_told(failing: &[Failing<'_>], socket: &Socket) -> bool {
    let target = Target::of(socket).filter(|_| socket.state == State::SynSent);
    target.is_some_and(|target| failing.iter().any(|failing| failing.target == target))
}

/// Every destination that answers none of several attempts.
pub(super) fn failing<'a>(case: &Case<'a>) -> Vec<Failing<'a>> {
    let attempts = case.attempts();
    if attempts.is_empty() {
        return Vec::new();
    }
    let answered = answered(case);
    let unanswered = attempts.iter();
    let unanswered = unanswered.filter(|(target, _)| !answered.contains(target));
    let failing = unanswered.filter_map(|(target, now)| judge(case, *target, now));
    failing.collect()
}

/// The destinations of attempts that answer somebody.
fn answered(case: &Case<'_>) -> FxHashSet<Target> {
    let attempts = case.attempts();
    let before = case.before.map(|before| &before.attempts);
    let of_before = before.into_iter().flat_map(Attempts::iter);
    let mut answered: FxHashSet<Target> = of_before
        .filter(|(_, opening)| opening.is_answered)
        .map(|(target, _)| *target)
        .collect();
    for socket in case.now.sockets() {
        if let Some(target) = Target::of(socket)
            && attempts.towards(&target).is_some()
            && (is_answer(case, socket) || waits_for_accept(case, socket))
        {
            answered.insert(target);
        }
    }
    answered
}

/// Whether a socket shows that its peer answers now: it is established, or was while this
/// looked. What has been closing for long tells of the past.
fn is_answer(case: &Case<'_>, socket: &Socket) -> bool {
    match socket.state {
        State::SynSent => false,
        State::Established => true,
        _ if case.before.is_some() => match case.was(socket) {
            None => true,
            Some(was) => matches!(was.state, State::SynSent | State::Established),
        },
        State::TimeWait => socket.age().is_some_and(|age| age.ms < RECENT_MS),
        _ => false,
    }
}

fn judge<'a>(case: &Case<'a>, target: Target, now: &Opening) -> Option<Failing<'a>> {
    let before = case
        .before
        .and_then(|before| before.attempts.towards(&target));
    let none = Opening::default();
    let before = before.unwrap_or(&none);
    let gone = before.attempts.iter();
    let gone: Vec<_> = gone
        .filter(|(identity, _)| !now.attempts.contains_key(identity))
        .map(|(_, attempt)| attempt)
        .collect();
    let waited = |identity: &Identity, sent: Option<u8>| match sent {
        Some(sent) => sent > 0,
        None => before.attempts.contains_key(identity) && is_long(case),
    };
    let attempts = now.attempts.iter();
    let sent_again = attempts.filter(|(identity, attempt)| waited(identity, attempt.retransmits));
    let sent_again = sent_again.count();
    let given_up = gone.iter().filter(|attempt| {
        // Beside one that has no answer, what is gone had none either.
        sent_again > 0 || attempt.retransmits > Some(0)
    });
    let given_up = given_up.count();
    let all = now.attempts.len() + gone.len();
    let sure = now.attempts.values();
    let sure = sure.filter(|attempt| attempt.retransmits >= Some(SURE));
    let severity = if case.before.is_none() {
        in_one_look(sure.count(), sent_again)
    } else if before.attempts.is_empty() {
        None
    } else {
        let brief = gone.len().min(now.attempts.len());
        in_two_looks(all, sent_again + given_up, brief)
    };
    let waiting = case.tcp(&[State::SynSent]);
    let waiting: Vec<_> = waiting.filter(|s| Target::of(s) == Some(target)).collect();
    let severity = severity?.max(by_retransmits(case, &waiting));
    let mut pids = BTreeMap::new();
    let pid_of = now.attempts.values().chain(gone.iter().copied());
    for pid in pid_of.filter_map(|attempt| attempt.pid) {
        *pids.entry(pid).or_default() += 1;
    }
    Some(Failing {
        target,
        before: before.attempts.len() as u64,
        sent_again: sent_again as u64,
        given_up: gone.len() as u64,
        pids,
        severity,
        waiting,
    })
}

/// Whether the looks are so far apart that a SYN without an answer was sent again between them.
fn is_long(case: &Case<'_>) -> bool {
    case.window_ms() >= Some(SENT_AGAIN_MS)
}

const fn in_one_look(sure: usize, sent_again: usize) -> Option<Severity> {
    if sure >= SEVERAL {
        Some(Severity::Warning)
    } else if sure >= FEW || sent_again >= SEVERAL {
        Some(Severity::Info)
    } else {
        None
    }
}

/// Of `all` attempts so many have failed; `brief`: so many ended unseen while as many began.
const fn in_two_looks(all: usize, failed: usize, brief: usize) -> Option<Severity> {
    if all >= SEVERAL && failed >= SEVERAL {
        Some(Severity::Warning)
    } else if failed >= FEW || brief >= SEVERAL {
        Some(Severity::Info)
    } else {
        None
    }
}

/// How bad it is that the SYN of one socket was sent again so often, as path-loss has it.
fn by_retransmits(case: &Case<'_>, waiting: &[&Socket]) -> Severity {
    let over = |limit: u8| {
        let mut sockets = waiting.iter();
        sockets.any(|socket| retransmits(socket) >= Some(limit + linear(case, socket)))
    };
    if over(CRITICAL) {
        Severity::Critical
    } else if over(WARNING) {
        Severity::Warning
    } else {
        Severity::Info
    }
}

/// Attempts of which nothing tells whether they fail: several towards a destination that does
/// not answer.
fn unknown(case: &Case<'_>, failing: &[Failing<'_>]) -> u64 {
    if is_long(case) {
        return 0;
    }
    let answered = answered(case);
    let attempts = case.attempts().iter();
    let untold = attempts.filter_map(|(target, opening)| {
        let is_told = failing.iter().any(|failing| failing.target == *target);
        let untold = opening.attempts.values();
        let untold = untold
            .filter(|attempt| attempt.retransmits.is_none())
            .count();
        (untold >= FEW && !is_told && !answered.contains(target)).then_some(untold as u64)
    });
    untold.sum()
}

fn tell(case: &Case<'_>, failing: &Failing<'_>) -> Finding {
    let subject = subject(case, failing);
    let peer = failing.target.peer;
    let most = failing.waiting.iter().filter_map(|s| retransmits(s)).max();
    let all = failing.waiting.len() as u64 + failing.given_up;
    let processes = failing.pids.len() as u64;
    let who = match processes {
        0 | 1 => subject.who(),
        n => format!("{n} processes, most of them {}'s", subject.who()),
    };
    Finding {
        id: RULE.id,
        holders: Vec::new(),
        severity: failing.severity,
        title: format!(
            "{} port {} answers none of {all} attempts to connect of {who}",
            peer.address, peer.port
        ),
        evidence: Evidence::default()
            .with("attempts", all)
            .with("waiting", failing.waiting.len() as u64)
            .with_known("waiting_before", case.before.map(|_| failing.before))
            .with("sent_again", failing.sent_again)
            .with_known("given_up", case.before.map(|_| failing.given_up))
            .with_known("retransmits", most.map(u64::from))
            .with_known("processes", Some(processes).filter(|n| *n > 1))
            .with_known(
                "namespace_failed_attempts_per_second",
                case.rate("Tcp", "AttemptFails"),
            )
            .with_known(
                "namespace_syn_retransmits_per_second",
                case.rate("TcpExt", "TCPSynRetrans"),
            ),
        cause: cause(case, failing),
        remedy: remedy(case, failing, &subject.who()),
        subject,
    }
}

/// The process that tries most, and where to.
fn subject(case: &Case<'_>, failing: &Failing<'_>) -> Subject {
    let most = failing
        .pids
        .iter()
        .max_by_key(|(pid, n)| (**n, std::cmp::Reverse(**pid)));
    let process = most.map(|(&pid, _)| {
        let alive = case.now.facts().processes.get(&pid);
        let comm = alive.map(|process| process.comm.as_slice());
        let comm = comm.or_else(|| case.before?.name(pid));
        (pid, comm.unwrap_or_default().to_vec())
    });
    let peer = failing.target.peer;
    Subject {
        process,
        destination: Some((peer.address, Some(peer.port))),
        ..super::case::subject(case, &failing.waiting)
    }
}

fn cause(case: &Case<'_>, failing: &Failing<'_>) -> String {
    let why = if case.is_here(failing.target.peer.address) {
        "a packet filter of this host drops it, or the program there is deaf to it"
    } else {
        "a firewall drops it without a word, the host or the way to it is down, or the accept queue there is full"
    };
    let gone = match failing.given_up {
        0 => String::new(),
        n => format!("; {n} were given up while this looked, and tried anew"),
    };
    format!(
        "no SYN+ACK and no refusal comes back: {why}{gone}. Each waits until its program gives up, or the kernel does after about two minutes (tcp_syn_retries)"
    )
}

fn remedy(case: &Case<'_>, failing: &Failing<'_>, who: &str) -> Vec<String> {
    let peer = failing.target.peer;
    let (address, port) = (peer.address, peer.port);
    let mut remedy = Vec::new();
    if case.is_here(address) {
        remedy.push(format!(
            "look at the packet filter of this host: nft list ruleset; and at who should answer: sockscope port {port}"
        ));
    } else {
        remedy.push(format!(
            "look at the way: ip route get {address}; ping {address}; another port of it; then firewalls and security groups on both sides for port {port} (here: nft list ruleset)"
        ));
    }
    remedy.push(format!(
        "see them: sockscope conns state=syn_sent pport={port}"
    ));
    remedy.push(format!(
        "let {who} give up sooner and wait longer between attempts: each holds a thread or a descriptor, and a local port"
    ));
    remedy
}

#[cfg(test)]
mod tests {
    use super::super::path_loss;
    use super::super::stage::{self, Stage};
    use super::*;
    use crate::model::TimerKind;
    use std::num::NonZeroU64;

    /// `count` attempts, the first of them the socket `first`, each with its SYN sent again.
    fn attempts(count: u16, first: u16, sent_again: u8) -> Stage {
        let mut stage = Stage::new();
        stage.process(10, "java", 1024);
        for n in first..first + count {
            attempt(&mut stage, n, sent_again, 10);
        }
        stage
    }

    fn attempt(stage: &mut Stage, n: u16, sent_again: u8, pid: u32) {
        let made = stage.outbound(State::SynSent, 40_000 + n, 443, Some(pid));
        let made = made.timer(TimerKind::Retransmit, sent_again);
        made.0.cookie = NonZeroU64::new(u64::from(n) + 1);
        made.0.tcp.as_mut().unwrap().unacked = 1;
    }

    fn severity(stage: &Stage) -> Severity {
        stage.only(&RULE).severity
    }

    #[test]
    fn several_at_both_looks_are_a_warning_with_who_and_where_to() {
        let finding = attempts(12, 0, 2).steady().only(&RULE);
        assert_eq!(finding.severity, Severity::Warning);
        assert_eq!(finding.subject.process, Some((10, b"java".to_vec())));
        assert_eq!(finding.subject.destination, Some((stage::FAR, Some(443))));
        for (name, count) in [("attempts", 12), ("waiting", 12), ("sent_again", 12)] {
            assert_eq!(finding.evidence.get(name), Some(count.into()), "{name}");
        }
        // One cause is one finding.
        attempts(12, 0, 7).steady().none(&path_loss::RULE);
    }

    #[test]
    fn attempts_that_follow_each_other_count_by_their_cookies() {
        // One thread that gives up and tries again: two attempts, and three.
        let twice = attempts(1, 1, 1).after(attempts(1, 0, 1), 1.0);
        assert_eq!(severity(&twice), Severity::Info);
        let mut before = attempts(1, 0, 1);
        attempt(&mut before, 1, 1, 10);
        let thrice = attempts(1, 2, 1).after(before, 1.0);
        assert_eq!(severity(&thrice), Severity::Warning);
        let finding = thrice.only(&RULE);
        assert_eq!(finding.evidence.get("attempts"), Some(3.into()));
        assert_eq!(finding.evidence.get("given_up"), Some(2.into()));
    }

    #[test]
    fn programs_that_give_up_before_the_second_syn_are_worth_knowing() {
        let brief = attempts(12, 12, 0).after(attempts(12, 0, 0), 1.0);
        assert_eq!(severity(&brief), Severity::Info);
        attempts(2, 2, 0).after(attempts(2, 0, 0), 1.0).none(&RULE);
    }

    #[test]
    fn workers_of_one_destination_are_judged_together() {
        let mut stage = Stage::new();
        for pid in 10..14 {
            stage.process(pid, "php-fpm", 1024);
            attempt(&mut stage, u16::try_from(pid).unwrap(), 2, pid);
        }
        let finding = stage.steady().only(&RULE);
        assert_eq!(finding.severity, Severity::Warning);
        assert_eq!(finding.evidence.get("processes"), Some(4.into()));
        assert!(finding.title.contains("4 processes"), "{}", finding.title);
    }

    #[test]
    fn a_slow_start_and_a_destination_that_answers_are_healthy() {
        attempts(1, 0, 1).steady().none(&RULE);
        attempts(12, 0, 0).after_nothing(1.0).none(&RULE);
        attempts(12, 0, 0).none(&RULE);
        let answers = |state| {
            let mut stage = attempts(12, 0, 1);
            stage.outbound(state, 50_000, 443, Some(10));
            stage
        };
        answers(State::Established).steady().none(&RULE);
        answers(State::Established).none(&RULE);
        // It came and went between the looks: somebody answered.
        answers(State::LastAck)
            .after(attempts(12, 0, 1), 1.0)
            .none(&RULE);
        // What has been closing for long says nothing of now.
        assert_eq!(
            severity(&answers(State::CloseWait).steady()),
            Severity::Warning
        );
        // Another port of the same host is another destination.
        let mut other = attempts(12, 0, 1);
        other.outbound(State::Established, 50_000, 80, Some(10));
        assert_eq!(severity(&other.steady()), Severity::Warning);
    }

    #[test]
    fn an_attempt_that_was_answered_meanwhile_is_an_answer() {
        let mut now = attempts(4, 0, 1);
        now.sample.snapshot.sockets[3].state = State::Established;
        now.after(attempts(4, 0, 1), 1.0).none(&RULE);
    }

    #[test]
    fn one_look_tells_by_how_often_each_was_sent_again() {
        assert_eq!(severity(&attempts(3, 0, 2)), Severity::Warning);
        assert_eq!(severity(&attempts(3, 0, 1)), Severity::Info);
        assert_eq!(severity(&attempts(2, 0, 2)), Severity::Info);
        attempts(2, 0, 1).none(&RULE);
        let long = attempts(3, 0, 6);
        assert_eq!(severity(&long), Severity::Critical);
        let mut linear = attempts(3, 0, 6);
        let setting = "net.ipv4.tcp_syn_linear_timeouts";
        linear.kernel().set(setting, "4");
        assert_eq!(severity(&linear), Severity::Warning);
    }

    #[test]
    fn a_listener_here_that_is_full_is_another_finding() {
        let mut stage = Stage::new();
        stage.process(10, "java", 1024);
        stage.listener(443, 5, 4, 10);
        for n in 0..4 {
            attempt(&mut stage, n, 2, 10);
        }
        stage.each(|made| {
            if let Some(peer) = &mut made.0.peer {
                peer.address = stage::HERE;
            }
        });
        stage.steady().none(&RULE);
    }

    #[test]
    fn a_source_without_timers_needs_two_looks() {
        let mut untold = attempts(12, 0, 1);
        untold.each(|made| made.0.timer = None);
        assert!(untold.outcome(&RULE).unwrap_err().contains("look twice"));
        let short = untold.clone().after(untold.clone(), 0.3);
        assert!(short.outcome(&RULE).is_err());
        assert_eq!(severity(&untold.steady()), Severity::Warning);
    }
}
