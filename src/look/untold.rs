//! What the source of an answer does not tell: rows chosen by it may be missing, and a row that is
//! shown may be a guess.

use crate::columns::{Column, Source};
use crate::filter::Filter;
use crate::host::Host;
use crate::model::{FamilySet, Problem, ProtocolSet, Report, Socket};
use crate::query::{Needs, Query};

/// Where it is told.
const HINT: &str = "use --collector netlink";

/// The source that told least; `None` for `sock_diag`, which tells all there is.
fn source(report: &Report) -> Option<&'static str> {
    match report.poorest {
        Some("procfs") => Some("/proc/net"),
        Some("netstat2") => Some("netstat2"),
        _ => None,
    }
}

/// Says what `filter` compares and nobody told: rows may be missing.
#[must_use]
pub fn compared(host: &Host, query: &Query, filter: &Filter, report: &Report) -> Vec<Problem> {
    compared_by(query.protocols, filter, report, || marks_hint(host))
}

/// What a reader can do whom the kernel does not tell the marks of sockets; `None` where it does.
#[must_use]
pub fn marks_hint(host: &Host) -> Option<&'static str> {
    match (host.may_administer(), host.is_root()) {
        (true, _) => None,
        (false, true) => Some(
            "root here lacks CAP_NET_ADMIN in the user namespace that owns this network namespace",
        ),
        (false, false) => Some("run as root"),
    }
}

/// The same for a reader of whom somebody else knows the [`marks_hint`].
#[must_use]
pub fn compared_by(
    protocols: ProtocolSet,
    filter: &Filter,
    report: &Report,
    marks_hint: impl FnOnce() -> Option<&'static str>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let columns = filter.columns();
    let Some(source) = source(report) else {
        let hidden = marks_hidden(report, &columns, marks_hint);
        problems.extend(hidden.map(|problem| Problem {
            incomplete: true,
            ..problem
        }));
        return problems;
    };
    if filter.needs_cgroup_ids() {
        let message = format!("{source} does not report the cgroup of a socket");
        problems.push(Problem::incomplete("cgroups_unknown", message).hint(HINT));
    }
    let untold = columns
        .iter()
        .filter(|column| !tells(protocols, report, column));
    let mut untold: Vec<&str> = untold.map(|column| column.id).collect();
    untold.extend(filter.compares_interfaces().then_some("interface"));
    untold.extend(
        filter
            .compares_wildcards()
            .then_some("whether [::] takes IPv4"),
    );
    untold.sort_unstable();
    untold.dedup();
    if !untold.is_empty() {
        let what = untold.join(", ");
        let message = format!("{source} does not report what the filter compares: {what}");
        problems.push(Problem::incomplete("details_unknown", message).hint(HINT));
    }
    problems
}

/// Whether a source that is not `sock_diag` tells a column.
fn tells(protocols: ProtocolSet, report: &Report, column: &Column) -> bool {
    let is_procfs = report.poorest == Some("procfs");
    let has_queues = || !report.problems.iter().any(|p| p.code == "queues_unknown");
    match column.source {
        Source::Usual => !column.needs.has_any(Needs::DETAILS),
        Source::Kernel => is_procfs,
        Source::Queues => is_procfs && has_queues(),
        Source::Datagrams => is_procfs && !protocols.tcp,
        Source::SockDiag | Source::Administrators => false,
    }
}

/// Says what is shown empty, or by guess, because the source does not tell it; what was said
/// already of the filter is not said again.
pub fn shown(host: &Host, query: &Query, columns: &[&'static Column], report: &mut Report) {
    let is_told = |code| report.problems.iter().any(|p: &Problem| p.code == code);
    let problem = match source(report) {
        None => marks_hidden(report, columns, || marks_hint(host)),
        Some(source) if query.needs.has_any(Needs::DETAILS) => {
            let message =
                format!("{source} does not report TCP details, memory or options of sockets");
            Some(Problem::new("details_unknown", message).hint(HINT))
        }
        Some(_) => None,
    };
    let problem = problem.filter(|problem| !is_told(problem.code));
    report.problems.extend(problem);
}

/// Says when marks are looked at that the kernel does not show this reader.
fn marks_hidden(
    report: &Report,
    columns: &[&'static Column],
    marks_hint: impl FnOnce() -> Option<&'static str>,
) -> Option<Problem> {
    let looks = columns
        .iter()
        .any(|column| column.source == Source::Administrators);
    let hint = (looks && report.collector.is_some()).then(marks_hint)??;
    let message = "the kernel shows socket marks only to root (CAP_NET_ADMIN)";
    Some(Problem::new("marks_hidden", message).hint(hint))
}

/// Says when a row is shown of which it is not told whether it takes IPv4. Who asks for IPv4 may
/// have got too much.
#[must_use]
pub fn wildcards(families: FamilySet, sockets: &[Socket]) -> Option<Problem> {
    let known = sockets.iter().map(Socket::takes_both_families);
    let count = known.filter(Option::is_none).count() as u64;
    let message = "this source does not report whether [::] accepts IPv4 too";
    let problem = Problem {
        incomplete: !families.v6,
        ..Problem::new("v6only_unknown", message)
    };
    (count > 0).then(|| problem.count(count).hint("use --collector netlink"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(collector: &'static str, filter: &str) -> Vec<Problem> {
        let filter = Filter::parse(&[filter.to_owned()]).unwrap();
        let report = Report {
            collector: Some(collector),
            poorest: Some(collector),
            ..Report::default()
        };
        compared(&Host::live(), &Query::everything(), &filter, &report)
    }

    #[test]
    fn who_compares_what_is_not_told_is_told_so() {
        for (filter, procfs, netstat2) in [
            ("lport = 80 and uid = 0", "", ""),
            ("local = 0.0.0.0:80 or inode = 5", "", ""),
            ("recv_q = 0", "", "recv_q"),
            ("timer = keepalive", "", "timer"),
            ("rtt > 1 or mark = 3", "mark, rtt", "mark, rtt"),
            ("dev = lo", "interface", "interface"),
            ("interface = lo", "interface", "interface"),
            ("local = 127.0.0.53%lo:53", "interface", "interface"),
            ("cookie = 00000000000000ab", "cookie", "cookie"),
            (
                "not local = *:80",
                "whether [::] takes IPv4",
                "whether [::] takes IPv4",
            ),
            (
                "laddr = *",
                "whether [::] takes IPv4",
                "whether [::] takes IPv4",
            ),
            (
                "local = [::]:80",
                "whether [::] takes IPv4",
                "whether [::] takes IPv4",
            ),
        ] {
            for (collector, untold) in [("procfs", procfs), ("netstat2", netstat2)] {
                let told = told(collector, filter);
                let said = told.iter().map(|problem| {
                    assert!(problem.incomplete, "{filter}");
                    problem.message.rsplit("compares: ").next().unwrap()
                });
                let said: Vec<&str> = said.collect();
                let wanted: Vec<&str> =
                    (!untold.is_empty()).then_some(untold).into_iter().collect();
                assert_eq!(said, wanted, "{collector}: {filter}");
            }
            assert!(filter.contains("mark") || told("netlink", filter).is_empty());
        }
    }
}
