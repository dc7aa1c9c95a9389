//! close-wait-leak: the peers have closed, the program has not.
//!
//! Sources: state and receive queue of `inet_diag` (a received FIN counts as one byte until
//! end-of-file was read, `tcp_diag_get_info`), `tcp_info` for the age (nothing can come from
//! the peer after its FIN but acknowledgements), `RLIMIT_NOFILE`.
//! RFC 9293, section 3.6: CLOSE-WAIT waits for the local user, without a limit in time.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use super::case::{quiet_ms, unsent};
use super::holders::with_hindrance;
use super::known::outcome;
use super::{Case, Evidence, Finding, Number, Outcome, Rule, Severity, Subject};
use crate::analyze::close_wait::Verdicts;
use crate::analyze::{float, round};
use crate::model::{Files, OwnerStatus, Protocol, Role, Socket, State};

/// More than this many that stay are critical.
const MANY: u64 = 100;
/// More than this share of the limit of descriptors is critical, in percent, from so many on.
const SHARE: u64 = 10;
const FEW: u64 = 10;
/// One that is as old as this, while they grow, is a warning: milliseconds.
const OLD_MS: u64 = 60_000;
/// A sample of less cannot tell that nothing grows: seconds.
const LONG_S: f64 = 60.0;
/// Peers on this host that closed only their half may wait so long for an answer:
/// milliseconds.
const WAITING_MS: u64 = 10_000;
/// One that is younger, and was not there at the first look, may be closed at any moment:
/// milliseconds.
const SETTLED_MS: u64 = 1_000;

pub(super) const RULE: Rule = Rule {
    id: "close-wait-leak",
    summary: "the peers have closed, this program never calls close()",
    protocol: Some(Protocol::Tcp),
    thresholds: || {
        vec![
            format!(
                "critical: over {MANY} stay, or {FEW} or more that are over {SHARE} % of the fd limit"
            ),
            format!("warning: one is {} s old, and they grow", OLD_MS / 1000),
            format!(
                "info: one is {} s old; many, of peers here that wait for an answer (a warning after {} s)",
                OLD_MS / 1000,
                WAITING_MS / 1000
            ),
        ]
    },
    check,
};

/// The CLOSE_WAIT sockets of one process, or of one port whose process is not known.
#[derive(Default)]
struct Leak<'a> {
    stay: Vec<&'a Socket>,
    young: u64,
    /// How many of these have a known age.
    told: u64,
    /// Of how many it is not known whether they stay.
    unknown: u64,
    verdicts: Verdicts,
    oldest_ms: Option<u64>,
}

/// So many peers are looked at to know whether they still hold their end.
const LOOKED_AT: usize = 20;

/// A process, or a local port and the reason why its process is not known.
type HeldBy = Result<u32, (OwnerStatus, Option<u16>)>;

fn check(case: &Case<'_>) -> Outcome {
    let mut leaks: BTreeMap<HeldBy, Leak<'_>> = BTreeMap::new();
    for socket in case.tcp(&[State::CloseWait]) {
        if socket.owner_status == OwnerStatus::Unaccepted || is_serving(case, socket) {
            // Not the program's yet; or a half-closed client that still gets its answer.
            continue;
        }
        let leak = leaks.entry(holder(case, socket)).or_default();
        match stays(case, socket) {
            Some(true) => leak.add(socket),
            Some(false) => {
                leak.young += 1;
                leak.told += u64::from(quiet_ms(socket).is_some());
            }
            None => leak.unknown += 1,
        }
    }
    let before = before(case);
    let mut findings = Vec::new();
    let mut spread: BTreeMap<Option<u16>, Leak<'_>> = BTreeMap::new();
    for (holder, leak) in &leaks {
        let before = holder.ok().and_then(|pid| {
            let before = before.as_ref()?;
            Some(before.get(&pid).copied().unwrap_or(0))
        });
        let found = judge(case, before, leak);
        if found.is_none() {
            for socket in &leak.stay {
                if socket.role == Some(Role::Inbound) {
                    spread.entry(socket.local.port()).or_default().add(socket);
                }
            }
        }
        findings.extend(found);
    }
    // Workers of one port may each hold too few to speak of.
    let of_ports = spread.values().filter(|leak| leak.stay.len() as u64 > MANY);
    findings.extend(of_ports.filter_map(|leak| judge(case, None, leak)));
    let untimed: u64 = leaks.values().map(|leak| leak.unknown).sum();
    let without_limit = leaks.values().filter(|leak| !has_limit(case, leak));
    let without_limit: u64 = without_limit.map(|leak| leak.stay.len() as u64).sum();
    let all = leaks.values();
    let told: u64 = all.map(|leak| leak.stay.len() as u64 + leak.told).sum();
    let why = if untimed > 0 {
        "this source does not report how long connections are in CLOSE_WAIT: look twice, a second apart (--for 1s)"
    } else {
        "whose these connections are, and how many descriptors that process may have, is not known"
    };
    outcome(findings, told - without_limit, untimed + without_limit, why)
}

/// Whether a leak can be judged: few enough not to matter, so many that they do, or against the
/// limit of descriptors of their process.
fn has_limit(case: &Case<'_>, leak: &Leak<'_>) -> bool {
    let count = leak.stay.len() as u64;
    let owner = leak.stay.first().and_then(|socket| case.owner(socket));
    let files = owner.and_then(|process| process.files);
    !(FEW..=MANY).contains(&count) || files.is_some()
}

impl<'a> Leak<'a> {
    /// Adds a socket that stays.
    fn add(&mut self, socket: &'a Socket) {
        self.verdicts.add(socket);
        self.oldest_ms = self.oldest_ms.max(quiet_ms(socket));
        self.stay.push(socket);
    }
}

fn holder(case: &Case<'_>, socket: &Socket) -> HeldBy {
    let owner = case.owner(socket).map(|process| process.pid);
    owner.ok_or((socket.owner_status, socket.local.port()))
}

/// Whether data still goes to the peer, which has closed only its own half.
fn is_serving(case: &Case<'_>, socket: &Socket) -> bool {
    let acked = socket.tcp.as_ref().and_then(|tcp| tcp.bytes_acked);
    let moved = match case.was(socket) {
        Some(was) if was.state == State::CloseWait => was.acked < acked,
        _ => false,
    };
    unsent(socket) > Some(0) || moved
}

/// Whether a socket is in CLOSE_WAIT for a while; `None` where that is not known. The age is that
/// of the peer's last word, so at least that of its FIN.
fn stays(case: &Case<'_>, socket: &Socket) -> Option<bool> {
    let was_there = case
        .was(socket)
        .is_some_and(|was| was.state == State::CloseWait);
    let window = case.window_ms().unwrap_or(0);
    if was_there && window >= SETTLED_MS * 9 / 10 {
        return Some(true);
    }
    if !was_there && case.before.is_some() {
        return Some(quiet_ms(socket).is_some_and(|age| age >= SETTLED_MS));
    }
    quiet_ms(socket).map(|age| age >= SETTLED_MS)
}

fn judge(case: &Case<'_>, before: Option<u64>, leak: &Leak<'_>) -> Option<Finding> {
    let count = leak.stay.len() as u64;
    let process = leak.stay.first().and_then(|socket| case.owner(socket));
    let owners = leak.stay.iter().filter_map(|socket| case.owner(socket));
    let owners: BTreeSet<u32> = owners.map(|process| process.pid).collect();
    let files = process.and_then(|process| process.files);
    let files = files.filter(|_| owners.len() == 1);
    let growth = before.and_then(|before| case.growth((count + leak.young).saturating_sub(before)));
    let old = leak.oldest_ms.is_some_and(|age| age >= OLD_MS);
    let grows = growth.and_then(Number::rate).is_some();
    let tells = |socket: &&Socket| socket.tcp.is_some() && unsent(socket).is_some();
    let known = leak.stay.iter().all(tells);
    let half_closed = half_closed(case, leak);
    let severity = if count > MANY || takes_too_much(count, files) {
        // A peer that closed only its half may still be served: that shows in tcp_info, and
        // at the other end where that is here.
        match (known, half_closed) {
            (true, false) => Severity::Critical,
            (true, true) if leak.oldest_ms >= Some(WAITING_MS) => Severity::Warning,
            _ => Severity::Info,
        }
    } else if old && grows {
        Severity::Warning
    } else if old {
        Severity::Info
    } else {
        return unsure(case, leak);
    };
    let mut subject = super::case::subject(case, &leak.stay);
    if owners.len() > 1 {
        subject.process = None;
        subject.nobody = "several processes";
    }
    let who = subject.who();
    let processes = Some(owners.len() as u64).filter(|count| *count > 1);
    let told = leak.verdicts.words().map(|_| leak.verdicts);
    let mut evidence = Evidence::default()
        .with("close_wait", count)
        .with_known("eof_read", told.map(|told| told.eof_read))
        .with_known("unread_fin", told.map(|told| told.unread_fin))
        .with_known("stopped_reading", told.map(|told| told.stopped_reading))
        .with_known("processes", processes)
        .with_known("oldest_ms", leak.oldest_ms.map(Number::Age))
        .with_known("growth_per_second", growth);
    if let Some(files) = files {
        evidence = evidence
            .with("fd_open", files.open)
            .with_known("fd_limit", files.limit)
            .with_known("seconds_to_fd_limit", seconds_left(files, growth));
    }
    let finding = Finding {
        id: RULE.id,
        holders: Vec::new(),
        severity,
        title: match (processes, subject.port) {
            (Some(processes), Some(port)) => format!(
                "{processes} processes on port {port} do not close {count} connections that their peers have closed"
            ),
            _ if half_closed => {
                format!("{who} does not end {count} connections that its peers have half-closed")
            }
            _ => format!("{who} does not close {count} connections that its peers have closed"),
        },
        cause: if half_closed {
            format!(
                "the peers, on this host, have sent their FIN and still hold their end: they wait for an answer of {who}, or for its close()"
            )
        } else {
            cause(case, leak, &who, growth, known)
        },
        remedy: remedy(case, &subject, leak, growth),
        subject,
        evidence,
    };
    let holder = process.filter(|_| owners.len() == 1);
    Some(with_hindrance(case, finding, holder))
}

/// Whether most of the peers are on this host and still hold their end: they called
/// shutdown(), and may wait for an answer.
fn half_closed(case: &Case<'_>, leak: &Leak<'_>) -> bool {
    let holds = |socket: &&&Socket| {
        let far = case.other_end(socket);
        far.is_some_and(|far| far.state == State::FinWait2 && far.inode.is_some())
    };
    // A few stand for all: each is looked for in the whole table.
    let looked_at = leak.stay.iter().take(LOOKED_AT);
    let holding = looked_at.clone().filter(holds).count();
    holding * 2 > looked_at.count()
}

fn takes_too_much(count: u64, files: Option<Files>) -> bool {
    let limit = files.and_then(|files| files.limit);
    count >= FEW && limit.is_some_and(|limit| count * 100 > limit * SHARE)
}

/// Many that are younger than a second, seen once: a burst or a leak.
fn unsure(case: &Case<'_>, leak: &Leak<'_>) -> Option<Finding> {
    let count = leak.stay.len() as u64 + leak.young + leak.unknown;
    (case.before.is_none() && count > MANY).then(|| Finding {
        id: RULE.id,
        holders: Vec::new(),
        severity: Severity::Info,
        title: format!("{count} connections are in CLOSE_WAIT at this moment"),
        subject: Subject::default(),
        evidence: Evidence::default().with("close_wait", count),
        cause: if leak.unknown == 0 {
            "they are younger than a second: a burst of clients that leave, or the start of a leak"
        } else {
            "how old they are this source does not report: a burst of clients that leave, or a leak"
        }
        .to_owned(),
        remedy: vec!["to be sure, look twice: sockscope doctor --for 5s".to_owned()],
    })
}

/// The CLOSE_WAIT sockets of each process at the first look.
fn before(case: &Case<'_>) -> Option<FxHashMap<u32, u64>> {
    let mut counts = FxHashMap::default();
    for was in case.before?.all() {
        if let Some(pid) = was.owner
            && was.state == State::CloseWait
        {
            *counts.entry(pid).or_default() += 1;
        }
    }
    Some(counts)
}

fn seconds_left(files: Files, growth: Option<Number>) -> Option<f64> {
    let left = files.limit?.checked_sub(files.open)?;
    Some(round(float(left) / growth?.rate()?))
}

/// How fast they grow, in words; one look says nothing of slow growth.
fn growth_words(case: &Case<'_>, growth: Option<Number>) -> Option<String> {
    if let Some(rate) = growth?.rate() {
        return Some(format!("{rate} more each second"));
    }
    let seconds = case.seconds().filter(|seconds| *seconds < LONG_S)?;
    Some(format!(
        "none more in {seconds:.1} s, too short a time to see slow growth"
    ))
}

fn cause(
    case: &Case<'_>,
    leak: &Leak<'_>,
    who: &str,
    growth: Option<Number>,
    known: bool,
) -> String {
    let growth = growth_words(case, growth);
    let said: Vec<String> = leak.verdicts.words().into_iter().chain(growth).collect();
    let said = match said.as_slice() {
        [] => String::new(),
        said => format!(" ({})", said.join(", ")),
    };
    if !known {
        return format!(
            "each peer has sent its FIN, and {who} still holds the socket{said}; whether it still sends to some of them, this source does not report"
        );
    }
    format!(
        "each peer has sent its FIN, and {who} still holds the socket{said}; the kernel waits for close() without an end"
    )
}

fn remedy(
    case: &Case<'_>,
    subject: &Subject,
    leak: &Leak<'_>,
    growth: Option<Number>,
) -> Vec<String> {
    let Verdicts {
        unread_fin,
        stopped_reading,
        eof_read,
        ..
    } = leak.verdicts;
    let mut remedy = Vec::new();
    if eof_read > 0 {
        remedy.push("in the code: when read() or recv() returns 0, call close() on that descriptor, in error paths too".to_owned());
    }
    if unread_fin + stopped_reading > 0 {
        remedy.push("in the code: keep watching every open connection for reading (a pool must notice that an idle one was closed), and close it at end-of-file".to_owned());
    }
    if let Some((pid, _)) = subject.process {
        let filter = if leak.stay.iter().all(|s| s.role == Some(Role::Inbound)) {
            "role=inbound "
        } else {
            ""
        };
        remedy.push(format!(
            "see which: sockscope proc {pid} {filter}state=close_wait --columns +fd"
        ));
        remedy.push(
            "until it is repaired, restart the program: no sysctl and no timer ends CLOSE_WAIT"
                .to_owned(),
        );
    } else if let (true, Some(port)) = (subject.nobody == "several processes", subject.port) {
        remedy.push(format!(
            "see which: sockscope states --by process lport={port} state=close_wait"
        ));
    } else {
        let status = leak.stay.first().map(|socket| socket.owner_status);
        remedy.push(match status {
            Some(OwnerStatus::NotAsked) => {
                "leave --no-owners out to see which process holds them".to_owned()
            }
            _ => "run as root to see which process holds them".to_owned(),
        });
    }
    let is_short = case.seconds().is_none_or(|seconds| seconds < LONG_S);
    if is_short && growth.and_then(Number::rate).is_none() {
        remedy.push("to see whether it grows, look for longer: --for 1m".to_owned());
    }
    remedy
}

#[cfg(test)]
mod tests;
