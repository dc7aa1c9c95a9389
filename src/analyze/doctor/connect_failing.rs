//! connect-failing: connections are tried again and again, and the destination answers none.
//!
//! Sources: sockets in `SYN_SENT` by destination (`inet_diag`), how often the SYN of each was sent
//! again (its retransmission timer; a source that does not tell it proves it by a second look: a
//! SYN is sent again after a second), and those that were there at the first look and are gone
//! without ever having been more. `Tcp.AttemptFails` and `TcpExt.TCPSynRetrans` are of the
//! namespace and stand beside it. A destination that answers anybody is not told, nor a listener
//! here whose accept queue is full: that is accept-queue-full. One attempt alone is path-loss, but
//! where a program tries several destinations once each, and reaches nobody, the way is at fault.
//! What is refused is no socket by then: see [`refused`].

mod judge;
mod refused;
#[cfg(test)]
mod tests;
mod tries;

use super::known::outcome;
use super::retransmits::CRITICAL;
use super::{Case, Evidence, Finding, Outcome, Rule, Subject};
use crate::model::Protocol;
use crate::model::foreign::shown;
use judge::{FEW, Failing, SEVERAL, SURE};

pub(super) use judge::told;

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
            format!("all: towards one destination, or {SEVERAL} of one process, or address"),
            refused::THRESHOLDS.to_owned(),
        ]
    },
    check,
};

fn check(case: &Case<'_>) -> Outcome {
    let judged = judge::judge(case);
    let failing = &judged.failing;
    let known = failing.iter().map(|failing| failing.waiting().count());
    let (known, unknown) = (known.sum::<usize>() as u64, judged.unknown);
    let mut findings: Vec<_> = failing.iter().map(|failing| tell(case, failing)).collect();
    findings.extend(refused::findings(case, failing));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let why = "this source does not report whether a SYN was sent again: look twice, a second apart (--for 1s), or through sock_diag";
    outcome(findings, known, unknown, why)
}

fn tell(case: &Case<'_>, failing: &Failing<'_>) -> Finding {
    let subject = subject(case, failing);
    let who = who(case, failing, &subject);
    let counts = failing.counts(case);
    let (targets, processes) = (failing.targets(), failing.pids().len());
    let several = |n: usize| Some(n as u64).filter(|n| *n > 1);
    let most = failing.tries.iter().filter_map(|t| t.attempt.retransmits);
    let is_past = case.before.is_some();
    Finding {
        id: RULE.id,
        holders: Vec::new(),
        severity: failing.severity,
        title: format!(
            "{} none of {} attempts to connect of {who}",
            whereto(failing),
            failing.tries.len()
        ),
        evidence: Evidence::default()
            .with("attempts", failing.tries.len() as u64)
            .with_known("destinations", several(targets.len()))
            .with("waiting", failing.waiting().count() as u64)
            .with_known("waiting_before", is_past.then_some(counts.at_first as u64))
            .with("sent_again", counts.sent_again as u64)
            .with_known("given_up", is_past.then_some(counts.gone as u64))
            .with_known("retransmits", most.max().map(u64::from))
            .with_known("processes", several(processes))
            .with_known(
                "namespace_failed_attempts_per_second",
                case.rate("Tcp", "AttemptFails"),
            )
            .with_known(
                "namespace_syn_retransmits_per_second",
                case.rate("TcpExt", "TCPSynRetrans"),
            ),
        cause: cause(case, failing, counts.gone),
        remedy: remedy(case, failing, &who),
        subject,
    }
}

/// The name of a process that tries, or tried.
fn name(case: &Case<'_>, pid: u32) -> Vec<u8> {
    let alive = case.now.facts().processes.get(&pid);
    let comm = alive.map(|process| process.comm.as_slice());
    let comm = comm.or_else(|| case.before?.name(pid));
    comm.unwrap_or_default().to_vec()
}

/// The process that tries most, and where to.
fn subject(case: &Case<'_>, failing: &Failing<'_>) -> Subject {
    let pids = failing.pids().into_iter();
    let most = pids.max_by_key(|(pid, n)| (*n, std::cmp::Reverse(*pid)));
    let destination = failing.address().map(|address| {
        let port = failing.port().filter(|_| failing.targets().len() == 1);
        (address, port)
    });
    let waiting: Vec<_> = failing.waiting().collect();
    Subject {
        process: most.map(|(pid, _)| (pid, name(case, pid))),
        destination,
        ..super::case::subject(case, &waiting)
    }
}

/// Who tries: `6 processes called python3 (pid 7 and 5 more)`.
fn who(case: &Case<'_>, failing: &Failing<'_>, subject: &Subject) -> String {
    let pids = failing.pids();
    let Some((pid, comm)) = subject.process.as_ref().filter(|_| pids.len() > 1) else {
        return subject.who();
    };
    let count = pids.len();
    if pids.keys().all(|pid| name(case, *pid) == *comm) {
        let comm = shown(comm);
        return format!(
            "{count} processes called {comm} (pid {pid} and {} more)",
            count - 1
        );
    }
    let all: usize = pids.values().sum();
    match pids.get(pid) {
        Some(most) if most * 2 > all => {
            format!("{count} processes, most of them {}'s", subject.who())
        }
        _ => format!("{count} processes"),
    }
}

/// Who does not answer, up to the verb.
fn whereto(failing: &Failing<'_>) -> String {
    let count = failing.targets().len();
    match (failing.address(), failing.port()) {
        (Some(address), Some(port)) => format!("{address} port {port} answers"),
        (Some(address), None) => format!("{address} ({count} ports) answers"),
        (None, Some(port)) => format!("{count} addresses (port {port}) answer"),
        (None, None) => format!("{count} destinations answer"),
    }
}

fn cause(case: &Case<'_>, failing: &Failing<'_>, gone: usize) -> String {
    let why = if failing.is_here(case) {
        "a packet filter of this host drops it, or the program there is deaf to it"
    } else if failing.address().is_none() {
        "the way out or a network behind it is down, or a firewall drops without a word what goes there"
    } else {
        "a firewall drops it without a word, the host or the way to it is down, or the accept queue there is full"
    };
    let gone = match gone {
        0 => String::new(),
        n => format!("; {n} were given up while this looked, and tried anew"),
    };
    format!(
        "no SYN+ACK and no refusal comes back: {why}{gone}. Each waits until its program gives up, or the kernel does after about two minutes (tcp_syn_retries)"
    )
}

fn remedy(case: &Case<'_>, failing: &Failing<'_>, who: &str) -> Vec<String> {
    let Some(first) = failing.targets().first().map(|target| target.peer) else {
        return Vec::new();
    };
    let (address, port) = (first.address, first.port);
    let is_one = failing.targets().len() == 1;
    let look = match (failing.is_here(case), failing.address()) {
        (true, _) => format!(
            "look at the packet filter of this host: nft list ruleset; and at who should answer: sockscope port {port}"
        ),
        (false, Some(_)) if is_one => format!(
            "look at the way: ip route get {address}; ping {address}; another port of it; then firewalls and security groups on both sides for port {port} (here: nft list ruleset)"
        ),
        (false, Some(_)) => format!(
            "look at the way: ip route get {address}; ping {address}; then firewalls and security groups on both sides (here: nft list ruleset)"
        ),
        (false, None) => format!(
            "look at what the ways have in common: ip route get {address} (and the others); ip -s link; ping the gateway; then firewalls on the way out (here: nft list ruleset)"
        ),
    };
    let pids = failing.pids();
    let see = match (failing.address(), pids.first_key_value()) {
        (Some(_), _) if is_one => format!("pport={port}"),
        (None, Some((pid, _))) => format!("pid={pid}"),
        _ => format!("peer={address}"),
    };
    let (whom, each) = match pids.len() {
        0 | 1 => (who, "each holds"),
        _ => ("them", "each attempt holds"),
    };
    vec![
        look,
        format!("see them: sockscope conns state=syn_sent {see}"),
        format!(
            "let {whom} give up sooner and wait longer between attempts: {each} a thread or a descriptor, and a local port"
        ),
    ]
}
