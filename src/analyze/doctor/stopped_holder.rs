//! stopped-holder: a listener, or data that came in, waits for processes that are stopped.
//!
//! Sources: the state of each process that holds the socket (/proc/PID/stat) and of its cgroup
//! (`cgroup.events`, `freezer.state`); accept and receive queues (`inet_diag`). Only where all
//! who could accept or read are stopped, at both looks where there are two: a master that passes
//! the listener on does not count, nor does a worker beside others that run.
//!
//! It leads: what other rules find of the same processes (a full accept queue, data that is not
//! read) follows from it, and is an info then.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet;

use super::case::{accept_queue, is_held, sum, unread};
use super::holders::{accepting, cure, hindered, holders, why};
use super::known::{Rows, Told};
use super::{Case, Evidence, Finding, HoldingProcess, Outcome, Rule, Severity};
use crate::model::{Condition, OwnerStatus, Process, Protocol, Queue, Role, Socket, State};

/// Ports that are named; further ones are counted.
const NAMED: usize = 5;
/// Those who stop what they trace at each system call, and let it go on at once.
const PASSING: [&[u8]; 2] = [b"strace", b"ltrace"];

pub(super) const RULE: Rule = Rule {
    id: "stopped-holder",
    summary: "a listener, or data that came, waits for a process that is stopped or frozen",
    protocol: None,
    thresholds: || {
        vec![
            "critical: connections wait for accept(), or data that came from clients waits to be read, and all who could are stopped, traced or frozen (at both looks)".to_owned(),
            "warning: so are all who should accept, and nobody waits yet; or data waits for a client that is stopped".to_owned(),
        ]
    },
    check,
};

/// What waits for the same processes.
#[derive(Default)]
struct Waiting<'a> {
    holders: Vec<HoldingProcess>,
    listeners: Vec<&'a Socket>,
    /// Sockets with data that nobody reads.
    unread: Vec<&'a Socket>,
}

fn check(case: &Case<'_>) -> Outcome {
    if !case.has_owners {
        return Err("the processes that hold sockets were not looked for".to_owned());
    }
    let sockets = case.now.sockets().iter().filter(|socket| may_wait(socket));
    let rows = Rows::split(sockets, |socket| told(case, socket));
    let mut groups: BTreeMap<Vec<u32>, Waiting<'_>> = BTreeMap::new();
    for socket in &rows.known {
        let Some(holders) = stopped(case, socket) else {
            continue;
        };
        let acting = holders.iter().filter(|holder| !holder.passes_on);
        let pids = acting.map(|holder| holder.pid).collect();
        let group = groups.entry(pids).or_default();
        group.holders = holders;
        match socket.state {
            State::Listen => group.listeners.push(socket),
            _ => group.unread.push(socket),
        }
    }
    let findings = groups.values().filter_map(|group| tell(case, group));
    let is_denied = |socket: &Socket| socket.owner_status == OwnerStatus::Denied;
    let why = if case.now.sockets().iter().any(is_denied) {
        "the processes that hold the sockets may not be looked at (that takes CAP_SYS_PTRACE)"
    } else {
        "whether the processes that hold the sockets can run (/proc/PID/stat), or what waits for them, could not be read"
    };
    rows.outcome(findings.collect(), why)
}

/// Whether somebody may wait for the holder: a client for accept(), data for being read. What the
/// source does not tell of may be there.
fn may_wait(socket: &Socket) -> bool {
    match (socket.protocol, socket.state) {
        (Protocol::Tcp, State::Listen) => true,
        (Protocol::Tcp, State::Established | State::CloseWait | State::FinWait2) => {
            is_held(socket) && bytes(socket) != Some(0)
        }
        (Protocol::Udp, _) => bytes(socket).is_some_and(|bytes| bytes > 0),
        _ => false,
    }
}

/// Bytes that came and were not read, without the FIN; of UDP the memory that they take.
fn bytes(socket: &Socket) -> Option<u64> {
    match (socket.state, socket.queue) {
        (_, Some(Queue::Memory { received, .. })) => Some(received.into()),
        (State::CloseWait, _) => unread(socket).map(|bytes| bytes.saturating_sub(1)),
        _ => unread(socket),
    }
}

/// What is known: one that runs is enough, and a socket that nobody holds waits for nobody.
fn told(case: &Case<'_>, socket: &Socket) -> Told {
    let processes = || case.now.facts().owner_processes(socket);
    let condition = |process: &Process| process.condition.as_ref().map(Condition::is_stopped);
    if socket.owner_status == OwnerStatus::Denied {
        return Told::TooLittle;
    }
    if processes().next().is_none() {
        return Told::Enough;
    }
    if processes().any(|process| condition(process) == Some(false)) {
        return Told::All;
    }
    let is_known = processes().all(|process| condition(process).is_some());
    Told::all(is_known && (socket.state == State::Listen || bytes(socket).is_some()))
}

/// The holders, where none of those runs who could accept or read.
fn stopped(case: &Case<'_>, socket: &Socket) -> Option<Vec<HoldingProcess>> {
    let mut processes = case.now.facts().owner_processes(socket);
    processes.find(|process| {
        let condition = process.condition.as_ref();
        condition.is_some_and(Condition::is_stopped)
    })?;
    let holders = holders(case, socket);
    let was_stopped = |pid| case.before.is_none_or(|before| before.is_stopped(pid));
    let is_stopped = |holder: &HoldingProcess| {
        let condition = holder.condition.as_ref();
        condition.is_some_and(Condition::is_stopped) && was_stopped(holder.pid)
    };
    let mut acting = holders.iter().filter(|holder| !holder.passes_on);
    acting.all(is_stopped).then_some(holders)
}

/// Whether a tracer may let it go on in a moment.
fn is_passing(holder: &HoldingProcess) -> bool {
    match &holder.condition {
        Some(Condition::Traced(Some(tracer))) => PASSING.contains(&tracer.comm.bytes()),
        Some(Condition::Traced(None)) => true,
        _ => false,
    }
}

fn tell(case: &Case<'_>, group: &Waiting<'_>) -> Option<Finding> {
    let acting: Vec<&HoldingProcess> = group.holders.iter().filter(|h| !h.passes_on).collect();
    let queues = group.listeners.iter().map(|socket| accept_queue(socket));
    let waiting = sum(queues.map(|queue| Some(queue?.length.into())));
    let is_waited_for = waiting > Some(0) || !group.unread.is_empty();
    if !is_waited_for && acting.iter().any(|holder| is_passing(holder)) {
        return None;
    }
    let serves = group.unread.iter().any(|s| s.role != Some(Role::Outbound));
    let severity = if waiting > Some(0) || serves {
        Severity::Critical
    } else {
        Severity::Warning
    };
    let sockets: Vec<&Socket> = group
        .listeners
        .iter()
        .chain(&group.unread)
        .copied()
        .collect();
    let mut subject = super::case::subject(case, &sockets);
    let first = acting.first()?;
    subject.process = Some((first.pid, first.comm.clone()));
    let ports: BTreeSet<u16> = sockets.iter().filter_map(|s| s.local.port()).collect();
    let is_udp = |socket: &&Socket| socket.protocol == Protocol::Udp;
    subject.protocol = sockets.iter().all(is_udp).then_some(Protocol::Udp);
    subject.port = ports.first().copied().filter(|_| ports.len() == 1);
    let who = accepting(&group.holders, true)?;
    let reasons = hindered(acting.iter().copied());
    let mut cause: Vec<String> = reasons.iter().filter_map(|group| why(group)).collect();
    cause.extend(consequence(group).map(str::to_owned));
    let mut remedy: Vec<String> = reasons.iter().filter_map(|group| cure(group)).collect();
    if acting
        .iter()
        .any(|h| h.condition == Some(Condition::Stopped))
    {
        remedy.push("if it was Ctrl-Z: fg or bg in the shell where it was started".to_owned());
    }
    remedy.extend(
        subject
            .port
            .map(|port| format!("who started it, and where it runs: sockscope port {port}")),
    );
    let unread = sum(group.unread.iter().map(|socket| bytes(socket)));
    Some(Finding {
        id: RULE.id,
        severity,
        title: format!("{who} cannot run: {}", what_waits(group, &ports, waiting)),
        evidence: Evidence::default()
            .with_known("waiting", waiting)
            .with("listeners", group.listeners.len() as u64)
            .with("unread_sockets", group.unread.len() as u64)
            .with_known("unread_bytes", unread),
        cause: cause.join("; "),
        remedy,
        holders: group.holders.clone(),
        subject,
    })
}

/// `nobody accepts on port 80, and 5 connections wait; 100 bytes in 2 sockets are not read`.
fn what_waits(group: &Waiting<'_>, ports: &BTreeSet<u16>, waiting: Option<u64>) -> String {
    let mut parts = Vec::new();
    if !group.listeners.is_empty() {
        let shown: Vec<String> = ports.iter().take(NAMED).map(u16::to_string).collect();
        let word = if ports.len() == 1 { "port" } else { "ports" };
        let more = match ports.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let wait = match waiting {
            None => String::new(),
            Some(0) => ", nobody waits yet".to_owned(),
            Some(1) => ", and 1 connection waits".to_owned(),
            Some(n) => format!(", and {n} connections wait"),
        };
        let shown = shown.join(", ");
        parts.push(format!("nobody accepts on {word} {shown}{more}{wait}"));
    }
    if let Some(bytes) = sum(group.unread.iter().map(|socket| bytes(socket))) {
        let sockets = match group.unread.len() {
            1 => "a socket".to_owned(),
            n => format!("{n} sockets"),
        };
        parts.push(format!("{bytes} bytes that came wait in {sockets}"));
    }
    parts.join("; ")
}

/// What becomes of those who wait.
fn consequence(group: &Waiting<'_>) -> Option<&'static str> {
    let accepts = !group.listeners.is_empty();
    accepts.then_some(
        "clients still connect, as the kernel completes the handshake, and get no answer until the queue is full; then they time out",
    )
}

/// What was found of those who are stopped follows from that: it is worth knowing, and not told
/// as another fault.
pub(super) fn lead(findings: &mut [Finding]) {
    let acting = |finding: &Finding| -> Vec<u32> {
        let acting = finding.holders.iter().filter(|holder| !holder.passes_on);
        acting.map(|holder| holder.pid).collect()
    };
    let leading = findings.iter().filter(|finding| finding.id == RULE.id);
    let stopped: FxHashSet<u32> = leading.flat_map(acting).collect();
    for finding in findings.iter_mut().filter(|finding| finding.id != RULE.id) {
        let pids = acting(finding);
        if !pids.is_empty() && pids.iter().all(|pid| stopped.contains(pid)) {
            finding.severity = Severity::Info;
            finding.cause.push_str("; this follows from stopped-holder");
        }
    }
}

#[cfg(test)]
mod tests;
