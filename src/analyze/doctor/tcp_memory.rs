//! tcp-memory: TCP uses more memory than it may.
//!
//! Sources: `mem` of /proc/net/sockstat in pages against the three numbers of
//! `net.ipv4.tcp_mem` (low, pressure, maximum), all of the machine; the limits exist in the
//! initial namespace only. Above pressure every buffer is moderated, above the maximum packets
//! and connections are dropped (`TcpExt.TCPAbortOnMemory`).

use super::case::{sum, unread, unsent};
use super::{Case, Evidence, Finding, Judgement, Outcome, Rule, Severity, Subject};
use crate::model::Protocol;
use crate::model::foreign::shown;

/// The share of the maximum that is critical, in percent.
const CRITICAL: u64 = 90;

pub(super) const RULE: Rule = Rule {
    id: "tcp-memory",
    summary: "TCP uses more memory than it may",
    protocol: Some(Protocol::Tcp),
    thresholds: || {
        vec![
            format!(
                "critical: more than {CRITICAL} % of the maximum of tcp_mem, or connections end for want of memory now"
            ),
            "warning: above the pressure mark of tcp_mem".to_owned(),
        ]
    },
    check,
};

fn check(case: &Case<'_>) -> Outcome {
    let kernel = &case.now.kernel;
    let name = "net.ipv4.tcp_mem";
    let mark = |index| {
        kernel
            .number_at(name, index)
            .ok_or_else(|| kernel.why_unknown(name).to_owned())
    };
    let (pressure, limit) = (mark(1)?, mark(2)?);
    let pages = case
        .counter("sockstat.TCP", "mem")
        .ok_or("the memory of TCP is not in /proc/net/sockstat")?;
    let aborts = case.grown("TcpExt", "TCPAbortOnMemory").unwrap_or(0);
    let severity = if pages * 100 > limit * CRITICAL || aborts > 0 {
        Severity::Critical
    } else if pages > pressure {
        Severity::Warning
    } else {
        return Ok(Judgement::default());
    };
    let mut remedy = largest(case);
    remedy.push("a queue that stays long is a program that does not read, or a peer that does not: sockscope doctor --only app-not-reading,peer-not-reading".to_owned());
    remedy.push(format!(
        "if the machine has memory to spare: sysctl -w net.ipv4.tcp_mem=\"{} {} {}\" (pages)",
        pressure * 2 * 3 / 4,
        pressure * 2,
        limit * 2
    ));
    let finding = Finding {
        id: RULE.id,
        holders: Vec::new(),
        severity,
        title: format!("TCP holds {pages} pages of memory; pressure begins at {pressure}, the maximum is {limit}"),
        subject: Subject::host(),
        evidence: Evidence::default()
            .with("pages", pages)
            .with("pressure", pressure)
            .with("limit", limit)
            .with_known("aborts_per_second", case.rate("TcpExt", "TCPAbortOnMemory")),
        cause: "what waits in the queues of all sockets of this host together is too much; the kernel shrinks windows now, and drops packets and connections at the maximum".to_owned(),
        remedy,
    };
    Ok(vec![finding].into())
}

/// The owners of the longest queues here, as lines.
fn largest(case: &Case<'_>) -> Vec<String> {
    let mut sums: std::collections::BTreeMap<u32, (u64, &[u8])> = std::collections::BTreeMap::new();
    for socket in case.now.sockets() {
        if let Some(process) = case.owner(socket) {
            let waiting = sum([unread(socket), unsent(socket)].into_iter());
            let entry = sums.entry(process.pid).or_insert((0, &process.comm));
            entry.0 += waiting.unwrap_or(0);
        }
    }
    let mut sums: Vec<_> = sums.into_iter().filter(|(_, (sum, _))| *sum > 0).collect();
    sums.sort_by_key(|(_, (sum, _))| std::cmp::Reverse(*sum));
    let lines = sums.into_iter().take(3).map(|(pid, (sum, comm))| {
        let comm = shown(comm);
        format!(
            "{comm} (pid {pid}) has {sum} bytes in its queues: sockscope proc {pid} --sort -recv_q"
        )
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use super::*;
    use crate::model::State;

    fn memory(pages: u64, aborts: u64) -> Stage {
        let mut stage = Stage::new();
        stage.kernel().set("net.ipv4.tcp_mem", "500\t700\t1000");
        stage.kernel().count("sockstat.TCP", "mem", pages);
        stage.kernel().count("TcpExt", "TCPAbortOnMemory", aborts);
        stage
    }

    #[test]
    fn pressure_and_maximum() {
        assert_eq!(memory(901, 0).only(&RULE).severity, Severity::Critical);
        assert_eq!(memory(701, 0).only(&RULE).severity, Severity::Warning);
        memory(700, 0).none(&RULE);
    }

    #[test]
    fn connections_that_end_for_it_are_critical_and_old_ones_nothing() {
        let finding = memory(10, 5).after(memory(10, 0), 1.0).only(&RULE);
        assert_eq!(finding.severity, Severity::Critical);
        memory(10, 5).steady().none(&RULE);
    }

    #[test]
    fn the_owners_of_long_queues_are_named() {
        let mut stage = memory(901, 0);
        stage.process(10, "java", 64);
        let made = stage.connection(State::Established, 80, 4000, Some(10));
        made.recv(5000);
        assert!(stage.only(&RULE).remedy[0].starts_with("java (pid 10) has 5000 bytes"));
    }

    #[test]
    fn without_the_limits_nothing_can_be_said() {
        let mut stage = Stage::new();
        stage.kernel().count("sockstat.TCP", "mem", 9);
        assert!(stage.outcome(&RULE).is_err());
    }
}
