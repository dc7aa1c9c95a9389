//! accept-queue-full: clients come faster than the program calls accept().
//!
//! Sources: length and limit of the queue of each listener (`inet_diag` of a LISTEN socket;
//! full is length > limit, `sk_acceptq_is_full`), its drops (`SK_MEMINFO_DROPS`), and
//! `TcpExt.ListenOverflows` of the namespace: drops alone do not prove it, because a SYN that
//! is dropped for want of place in the SYN queue counts there too. The limit is
//! min(listen() backlog, `net.core.somaxconn`), fixed when listen() is called.

use rustc_hash::FxHashMap;

use super::case::accept_queue;
use super::holders::{accepting, cure, hindered, holders, why};
use super::known::{Rows, Told};
use super::{Case, Evidence, Finding, HoldingProcess, Outcome, Rule, Severity};
use crate::model::{AcceptQueue, Condition, OwnerStatus, Protocol, Queue, Socket, State};

/// Dropped packets in a second that are a warning, and critical.
const DROPS_WARNING: f64 = 1.0;
const DROPS_CRITICAL: f64 = 5.0;
/// A queue that is so full at both looks is a warning, in percent.
const NEARLY_FULL: u64 = 70;

pub(super) const RULE: Rule = Rule {
    id: "accept-queue-full",
    summary: "clients come faster than the program accepts them",
    protocol: Some(Protocol::Tcp),
    thresholds: || {
        vec![
            format!(
                "critical: full at both looks, or more than {DROPS_CRITICAL} packets a second dropped for it all through the sample"
            ),
            format!(
                "warning: {NEARLY_FULL} % full or more at both looks, or more than {DROPS_WARNING} packet a second dropped all through; full at the only look"
            ),
            "info: full at one look of two, or packets dropped in a burst or in the past"
                .to_owned(),
        ]
    },
    check,
};

/// What is seen at one listener.
struct QueueSeen {
    port: u16,
    queue: AcceptQueue,
    limit: u32,
    before: Option<AcceptQueue>,
    drops: Option<u64>,
    syn_recv: u64,
    /// Dropped in a second between the looks, where these were for a full queue.
    rate: Option<f64>,
    /// The same, as thresholds see it.
    steady: f64,
}

fn check(case: &Case<'_>) -> Outcome {
    let tells =
        |socket: &Socket| Told::all(accept_queue(socket).is_some_and(|q| q.limit.is_some()));
    let listeners = Rows::split(case.tcp(&[State::Listen]), tells);
    let around = Around::of(case);
    let findings = listeners.known.iter().filter_map(|socket| {
        let seen = look(case, &around, socket)?;
        let severity = judge(case, &seen)?;
        Some(tell(case, socket, &seen, severity))
    });
    let why = "this source does not report the limits of accept queues: sock_diag is needed";
    listeners.outcome(findings.collect(), why)
}

/// What is the same for all listeners.
struct Around {
    /// Whether some queue overflowed between the looks, as far as the namespace says, and
    /// none was seen full that it could have been.
    overflowed: bool,
    /// Half-open handshakes of each local port.
    syn_recv: FxHashMap<Option<u16>, u64>,
}

impl Around {
    fn of(case: &Case<'_>) -> Self {
        let grown = case.grown("TcpExt", "ListenOverflows");
        let any_full = case.tcp(&[State::Listen]).any(|s| was_full(case, s));
        let mut syn_recv = FxHashMap::default();
        for socket in case.tcp(&[State::SynRecv]) {
            *syn_recv.entry(socket.local.port()).or_default() += 1;
        }
        Self {
            overflowed: grown.is_none_or(|n| n > 0) && !any_full,
            syn_recv,
        }
    }
}

fn look(case: &Case<'_>, around: &Around, socket: &Socket) -> Option<QueueSeen> {
    let queue = accept_queue(socket)?;
    let was = case.was(socket);
    let before = was.and_then(|was| match was.queue {
        Some(Queue::Accept(queue)) => Some(queue),
        _ => None,
    });
    let drops = socket.drops.map(u64::from);
    let syn_recv = around.syn_recv.get(&socket.local.port()).copied();
    let syn_recv = syn_recv.unwrap_or(0);
    // Beyond the limit of the SYN queue the drops may be of that one.
    let for_full = was_full(case, socket)
        || (around.overflowed && queue.limit.is_none_or(|limit| syn_recv <= limit.into()));
    let dropped = was
        .and_then(|was| was.drops)
        .and_then(|before| Some(drops?.saturating_sub(before.into())));
    let dropped = dropped.map(|dropped| if for_full { dropped } else { 0 });
    let steady = case.steady_drops(socket).filter(|_| for_full);
    Some(QueueSeen {
        port: socket.local.port()?,
        limit: queue.limit?,
        syn_recv,
        queue,
        before,
        drops,
        rate: dropped.and_then(|dropped| case.per_second(dropped)),
        steady: steady.unwrap_or(0.0),
    })
}

/// Whether the queue of a listener was full at one of the looks.
fn was_full(case: &Case<'_>, socket: &Socket) -> bool {
    let before = case.was(socket).and_then(|was| was.queue);
    let queues = [socket.queue, before];
    queues
        .iter()
        .any(|queue| matches!(queue, Some(Queue::Accept(queue)) if queue.is_full() == Some(true)))
}

fn judge(case: &Case<'_>, seen: &QueueSeen) -> Option<Severity> {
    let full = |queue: AcceptQueue| queue.is_full() == Some(true);
    let nearly = |queue: AcceptQueue| {
        queue.length > 0 && u64::from(queue.length) * 100 >= u64::from(seen.limit) * NEARLY_FULL
    };
    let rate = seen.steady;
    let now = seen.queue;
    if let Some(before) = seen.before {
        if (full(now) && full(before)) || rate > DROPS_CRITICAL {
            return Some(Severity::Critical);
        }
        if (nearly(now) && nearly(before)) || rate > DROPS_WARNING {
            return Some(Severity::Warning);
        }
    } else if full(now) {
        return Some(Severity::Warning);
    }
    let once = full(now);
    // Old drops are reported only where the namespace knows of a queue that overflowed.
    let overflows = case.counter("TcpExt", "ListenOverflows");
    let dropped_once = seen.drops > Some(0) && overflows.is_none_or(|n| n > 0);
    (once || dropped_once).then_some(Severity::Info)
}

fn tell(case: &Case<'_>, socket: &Socket, seen: &QueueSeen, severity: Severity) -> Finding {
    let mut subject = super::case::subject(case, &[socket]);
    subject.source = socket.local.ip();
    let holders = holders(case, socket);
    if let Some(first) = holders.first() {
        subject.process = Some((first.pid, first.comm.clone()));
    }
    let who = accepting(&holders, false).unwrap_or_else(|| subject.who());
    let named = accepting(&holders, true).unwrap_or_else(|| subject.who());
    let (length, limit, port) = (seen.queue.length, seen.limit, seen.port);
    let somaxconn = case.setting("net.core.somaxconn");
    let full = seen.queue.is_full() == Some(true);
    let nearly = u64::from(length) * 100 >= u64::from(limit) * NEARLY_FULL && length > 0;
    let title = if full {
        format!(
            "the accept queue of {named} on port {port} is full: {length} wait, the limit is {limit}"
        )
    } else if nearly {
        format!(
            "the accept queue of {named} on port {port} is nearly full: {length} wait, the limit is {limit}"
        )
    } else if seen.rate.is_some_and(|rate| rate > 0.0) {
        format!("the accept queue of {named} on port {port} overflows now and then")
    } else {
        format!(
            "{named} on port {port} has dropped {} packets of clients in the past",
            seen.drops.unwrap_or(0)
        )
    };
    let gone = waiting(case, socket, State::CloseWait);
    Finding {
        id: RULE.id,
        severity,
        title,
        evidence: Evidence::default()
            .with("waiting", u64::from(length))
            .with("limit", u64::from(limit))
            .with_known("drops", seen.drops)
            .with_known("drops_per_second", seen.rate)
            .with_known(
                "overflows_per_second",
                case.rate("TcpExt", "ListenOverflows"),
            )
            .with("waiting_and_left", gone)
            .with("syn_recv", seen.syn_recv)
            .with_known("somaxconn", somaxconn),
        cause: cause(seen, &who, full || nearly, gone) + &hindrances(&holders),
        remedy: remedy(seen, &holders, &who, port, somaxconn),
        holders,
        subject,
    }
}

/// Those who should accept and cannot run. Of one whose first thread has ended that is not known:
/// others of its threads may accept.
fn cannot(holders: &[HoldingProcess]) -> impl Iterator<Item = &HoldingProcess> {
    let accepting = holders.iter().filter(|holder| !holder.passes_on);
    accepting.filter(|holder| {
        let hindrance = holder.hindrance();
        hindrance.is_some_and(|hindrance| *hindrance != Condition::Zombie)
    })
}

/// Who of the holders cannot run, as the end of a cause; empty where all can.
fn hindrances(holders: &[HoldingProcess]) -> String {
    let all = holders.iter().filter(|holder| !holder.passes_on).count();
    let ended = holders.iter();
    let ended = ended.filter(|h| !h.passes_on && h.hindrance() == Some(&Condition::Zombie));
    let words = |groups: Vec<Vec<&HoldingProcess>>| {
        let why: Vec<_> = groups.iter().filter_map(|group| why(group)).collect();
        why.join("; ")
    };
    let cannot_run = words(hindered(cannot(holders)));
    let cannot_run = match cannot(holders).count() {
        0 => String::new(),
        n if n == all => format!(". {cannot_run}"),
        n => format!(". {n} of the {all} that should accept cannot: {cannot_run}"),
    };
    let ended = words(hindered(ended));
    let ended = if ended.is_empty() {
        ended
    } else {
        format!(". {ended}")
    };
    cannot_run + &ended
}

/// Connections of the listener that wait for accept(), in one state.
fn waiting(case: &Case<'_>, listener: &Socket, state: State) -> u64 {
    let waits = |socket: &&Socket| {
        let here = socket.local.inet();
        socket.local.port() == listener.local.port()
            && socket.owner_status == OwnerStatus::Unaccepted
            && here
                .and_then(|here| case.listener_at(here))
                .is_some_and(|l| l.local == listener.local)
    };
    case.tcp(&[state]).filter(waits).count() as u64
}

fn cause(seen: &QueueSeen, who: &str, waits: bool, gone: u64) -> String {
    if !waits {
        return format!(
            "clients came faster than {who} called accept(), and the queue had no place; each retry of a client counts again"
        );
    }
    let left = match gone {
        0 => String::new(),
        gone => format!(" ({gone} of them have left already)"),
    };
    let wait = seen.queue.length;
    format!(
        "{wait} established connections wait until {who} calls accept(){left}; beyond the limit the kernel drops the SYN, so new clients are not refused but time out"
    )
}

fn remedy(
    seen: &QueueSeen,
    holders: &[HoldingProcess],
    who: &str,
    port: u16,
    somaxconn: Option<u64>,
) -> Vec<String> {
    let limit = u64::from(seen.limit);
    let knob = match somaxconn {
        Some(max) if limit == max => format!(
            "the limit {limit} equals net.core.somaxconn, so the sysctl may be what caps it: sysctl -w net.core.somaxconn={}, and raise the listen() backlog in {who}; a restart of it applies both",
            (max * 4).max(4096)
        ),
        Some(max) => format!(
            "raise the listen() backlog in {who}: the limit {limit} is the application's, somaxconn is {max}"
        ),
        None => format!("raise the listen() backlog in {who}: the limit is {limit}"),
    };
    let groups = hindered(holders.iter());
    let mut remedy: Vec<_> = groups.iter().filter_map(|group| cure(group)).collect();
    // Who cannot run has been told, and why.
    if cannot(holders).next().is_none() {
        remedy.push(format!(
            "find out why {who} does not call accept(): it serves one client at a time, or its workers are all busy or stuck (sockscope port {port} shows what they hold)"
        ));
    }
    remedy.push(knob);
    remedy.push(
        "a longer queue only helps against bursts; a program that is too slow fills any".to_owned(),
    );
    remedy
}

#[cfg(test)]
mod tests;
