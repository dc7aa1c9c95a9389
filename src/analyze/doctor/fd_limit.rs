//! fd-limit: a process that holds sockets runs out of descriptors.
//!
//! Sources: the size of /proc/PID/fd (Linux 6.2, else its entries) against the soft
//! `RLIMIT_NOFILE` of /proc/PID/limits; for the machine /proc/sys/fs/file-nr. At the limit
//! accept(), socket() and open() fail with EMFILE, and clients wait in the accept queue.

use rustc_hash::FxHashMap;

use super::known::outcome;
use super::{Case, Evidence, Finding, Number, Outcome, Rule, Severity, Subject};
use crate::analyze::{float, round};
use crate::model::{Files, OwnerStatus, Process};

/// Shares of the limit that are a warning, and critical, in percent.
const WARNING: u64 = 70;
const CRITICAL: u64 = 90;

pub(super) const RULE: Rule = Rule {
    id: "fd-limit",
    summary: "a process that holds sockets runs out of descriptors",
    protocol: None,
    thresholds: || {
        vec![
            format!(
                "critical: {CRITICAL} % of RLIMIT_NOFILE (of the machine: of fs.file-max) or more are open"
            ),
            format!("warning: {WARNING} % or more"),
        ]
    },
    check,
};

fn check(case: &Case<'_>) -> Outcome {
    if !case.has_owners {
        return Err("the processes that hold sockets were not looked for".to_owned());
    }
    let sockets = sockets_of(case);
    let denied = |s: &crate::model::Socket| s.owner_status == OwnerStatus::Denied;
    if case.now.facts().processes.is_empty() && case.now.sockets().iter().any(denied) {
        return Err(
            "no process that holds a socket here may be looked at (that takes CAP_SYS_PTRACE)"
                .to_owned(),
        );
    }
    // Those too that hold sockets which no table lists: not bound yet, or of another kind.
    let mut processes: Vec<_> = case.now.facts().processes.values().collect();
    processes.sort_by_key(|process| process.pid);
    let of_processes = processes.iter().filter_map(|process| {
        let count = sockets.get(&process.pid).copied().unwrap_or(0);
        of_process(case, process, count)
    });
    let mut findings: Vec<_> = of_processes.collect();
    findings.extend(of_host(case));
    let unread = processes.iter().filter(|p| p.files.is_none()).count() as u64;
    let hidden = case.now.sockets().iter().filter(|s| denied(s)).count() as u64;
    let why = if hidden > 0 {
        "the process may not be looked at (that takes CAP_SYS_PTRACE)"
    } else {
        "neither /proc/PID/fd nor /proc/PID/limits could be read"
    };
    // What is seen of some processes says nothing of those that are not.
    outcome(findings, 0, unread + hidden, why)
}

/// How many sockets of any kind each process holds.
fn sockets_of(case: &Case<'_>) -> FxHashMap<u32, u64> {
    case.now.facts().holders.per_process()
}

fn severity(open: u64, limit: u64) -> Option<Severity> {
    Severity::by(
        open * 100,
        limit.saturating_mul(WARNING),
        limit.saturating_mul(CRITICAL),
    )
}

fn of_process(case: &Case<'_>, process: &Process, sockets: u64) -> Option<Finding> {
    let Files {
        open,
        limit,
        hard_limit,
    } = process.files?;
    let limit = limit?;
    let severity = severity(open, limit)?;
    let subject = Subject::process(Some(process));
    let who = subject.who();
    let pid = process.pid;
    let before = case.before.and_then(|before| before.files(pid));
    let growth = before.and_then(|before| case.growth(open.saturating_sub(before.open)));
    let left = growth
        .and_then(Number::rate)
        .filter(|growth| *growth > 0.0)
        .map(|growth| round(float(limit.saturating_sub(open)) / growth));
    let soon = left.map_or_else(String::new, |left| {
        format!("; at the pace of this sample it is full in {left} s")
    });
    Some(Finding {
        id: RULE.id,
        holders: Vec::new(),
        severity,
        title: format!("{who} has {open} descriptors open, its limit is {limit}"),
        cause: format!(
            "{sockets} of them sockets{soon}; at the limit accept() and socket() fail with EMFILE, and clients are left waiting in the accept queue"
        ),
        evidence: Evidence::default()
            .with("open", open)
            .with("limit", limit)
            .with("sockets", sockets)
            .with_known("growth_per_second", growth)
            .with_known("seconds_left", left),
        remedy: vec![
            format!("see what they are: sockscope states pid={pid}; ls -l /proc/{pid}/fd"),
            raise(pid, limit, hard_limit),
            "for good: LimitNOFILE= in its systemd unit (ulimit -n elsewhere), once it is sure that nothing leaks".to_owned(),
        ],
        subject,
    })
}

/// How to raise the limit of a running process: up to its hard limit anybody may, who may
/// touch the process.
fn raise(pid: u32, limit: u64, hard_limit: Option<u64>) -> String {
    let wanted = (limit * 4).max(4096);
    match hard_limit {
        Some(hard) if hard <= limit => format!(
            "at once, without a restart (raising the hard limit takes CAP_SYS_RESOURCE): prlimit --pid {pid} --nofile={wanted}:{wanted}"
        ),
        hard => {
            let wanted = hard.map_or(wanted, |hard| wanted.min(hard));
            format!("at once, without a restart: prlimit --pid {pid} --nofile={wanted}:")
        }
    }
}

/// The limit of the machine.
fn of_host(case: &Case<'_>) -> Option<Finding> {
    let open = case.counter("file-nr", "open")?;
    let limit = case.counter("file-nr", "limit")?;
    let severity = severity(open, limit)?;
    Some(Finding {
        id: RULE.id,
        holders: Vec::new(),
        severity,
        title: format!("the host has {open} files open, its limit is {limit}"),
        subject: Subject::host(),
        evidence: Evidence::default().with("open", open).with("limit", limit),
        cause: "all processes together are near fs.file-max; at it every open() and socket() fails with ENFILE".to_owned(),
        remedy: vec![
            "see who holds most: ls -d /proc/[0-9]*/fd | xargs -n1 sh -c 'echo $(ls $0 | wc -l) $0' | sort -n | tail".to_owned(),
            format!("sysctl -w fs.file-max={}", limit.saturating_mul(2)),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use super::*;
    use crate::model::State;

    fn open(open: u64, limit: u64) -> Stage {
        let mut stage = Stage::new();
        stage.process(10, "java", limit);
        stage.connection(State::Established, 80, 4000, Some(10));
        let processes = &mut stage.sample.snapshot.facts.processes;
        let limit = Some(limit);
        processes.get_mut(&10).unwrap().files = Some(Files {
            open,
            limit,
            hard_limit: Some(4096),
        });
        stage
    }

    #[test]
    fn shares_of_the_limit() {
        let finding = open(60, 64).only(&RULE);
        assert_eq!(finding.severity, Severity::Critical);
        assert_eq!(finding.subject.process, Some((10, b"java".to_vec())));
        assert_eq!(finding.evidence.get("open"), Some(60.into()));
        assert_eq!(finding.evidence.get("sockets"), Some(1.into()));
        assert_eq!(open(70, 100).only(&RULE).severity, Severity::Warning);
        open(69, 100).none(&RULE);
    }

    #[test]
    fn growth_tells_when_it_is_full() {
        let finding = open(80, 100).after(open(70, 100), 2.0).only(&RULE);
        assert_eq!(finding.evidence.get("growth_per_second"), Some(5.0.into()));
        assert_eq!(finding.evidence.get("seconds_left"), Some(4.0.into()));
    }

    #[test]
    fn the_machine_has_a_limit_too() {
        let mut stage = open(10, 100);
        stage.kernel().count("file-nr", "open", 95);
        stage.kernel().count("file-nr", "limit", 100);
        assert!(stage.only(&RULE).subject.of_host);
    }

    #[test]
    fn without_owners_nothing_can_be_said() {
        let mut stage = open(60, 64);
        stage.sample.snapshot.report.owners_from = Some("none");
        assert!(stage.outcome(&RULE).is_err());
        let mut denied = Stage::new();
        denied.connection(State::Established, 80, 4000, None);
        assert!(
            denied
                .outcome(&RULE)
                .unwrap_err()
                .contains("CAP_SYS_PTRACE")
        );
    }
}
