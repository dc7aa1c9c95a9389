//! ephemeral-ports: the local ports towards one destination run out.
//!
//! Sources: connections with the same source, destination and destination port whose local
//! port lies in `net.ipv4.ip_local_port_range`, against that range less
//! `ip_local_reserved_ports`. When all are taken connect() fails with EADDRNOTAVAIL, for that
//! destination alone (`__inet_hash_connect`). A program that binds before it connects, without
//! `IP_BIND_ADDRESS_NO_PORT`, shares one range among all destinations; that cannot be seen
//! from outside.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Case, Evidence, Finding, Outcome, Rule, Severity, Subject};
use crate::analyze::ephemeral::{Destination, Usable, Use, uses};
use crate::model::{Family, Process, Protocol};

/// Shares of the usable ports that are a warning, and critical, in percent.
const WARNING: u64 = 50;
const CRITICAL: u64 = 85;

pub(super) const RULE: Rule = Rule {
    id: "ephemeral-ports",
    summary: "the local ports towards one destination run out",
    protocol: Some(Protocol::Tcp),
    thresholds: || {
        vec![
            format!("critical: {CRITICAL} % of the usable ports or more are used towards one destination"),
            format!("warning: {WARNING} % or more"),
            "one step less where TIME_WAIT that tcp_tw_reuse lets the kernel use again makes the difference".to_owned(),
        ]
    },
    check,
};

fn check(case: &Case<'_>) -> Outcome {
    let name = "net.ipv4.ip_local_port_range";
    let kernel = &case.now.kernel;
    let usable = Usable::of(kernel)
        .ok_or_else(|| format!("{name} is not known: {}", kernel.why_unknown(name)))?;
    let uses = uses(case.now.sockets(), &usable);
    let mut full: Vec<_> = uses
        .into_iter()
        .filter_map(|(to, used)| Some((to, used, judge(case, to, used, &usable)?)))
        .collect();
    full.sort_by_key(|(to, used, _)| (std::cmp::Reverse(used.used), *to));
    let findings = full
        .into_iter()
        .map(|(to, used, severity)| tell(case, to, used, &usable, severity));
    Ok(findings.collect::<Vec<_>>().into())
}

fn judge(case: &Case<'_>, to: Destination, used: Use, usable: &Usable) -> Option<Severity> {
    let by = |used: u64| {
        let share = Severity::by(used * 100, usable.count * WARNING, usable.count * CRITICAL);
        share.filter(|_| used > 0)
    };
    let all = by(used.used)?;
    if !reuses_time_wait(case, to) {
        return Some(all);
    }
    let busy = by(used.used - used.time_wait);
    let one_less = match all {
        Severity::Critical => Severity::Warning,
        _ => Severity::Info,
    };
    Some(busy.unwrap_or(one_less).max(one_less))
}

/// Whether a new connection there may take a port in TIME_WAIT: with `tcp_tw_reuse` 1 always,
/// with 2, the default, on loopback; both need timestamps.
fn reuses_time_wait(case: &Case<'_>, to: Destination) -> bool {
    let timestamps = case.setting("net.ipv4.tcp_timestamps") != Some(0);
    match case.setting("net.ipv4.tcp_tw_reuse") {
        Some(1) => timestamps,
        Some(2) => timestamps && to.peer.address.is_loopback(),
        _ => false,
    }
}

fn tell(
    case: &Case<'_>,
    to: Destination,
    used: Use,
    usable: &Usable,
    severity: Severity,
) -> Finding {
    let user = user(case, to, usable);
    let subject = Subject {
        source: Some(to.source),
        family: Some(match to.source {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }),
        destination: Some((to.peer.address, Some(to.peer.port))),
        ..Subject::process(user)
    };
    let who = subject.who();
    let (first, last) = (usable.range.first, usable.range.last);
    let count = used.used;
    let mut remedy = vec![
        format!("let {who} reuse connections: a pool, HTTP keep-alive; see them with sockscope states --by process pport={}", to.peer.port),
        format!("widen the range: sysctl -w net.ipv4.ip_local_port_range=\"10240 65535\" (now {first} {last}; keep listening ports out of it with ip_local_reserved_ports)"),
        "use more source or destination addresses; set IP_BIND_ADDRESS_NO_PORT where the program binds before it connects".to_owned(),
    ];
    if used.time_wait * 2 > used.used && !reuses_time_wait(case, to) {
        let knob = match case.setting("net.ipv4.tcp_timestamps") {
            Some(0) => "net.ipv4.tcp_timestamps=1 net.ipv4.tcp_tw_reuse=1",
            _ => "net.ipv4.tcp_tw_reuse=1",
        };
        remedy.insert(1, format!("most of them are in TIME_WAIT: sysctl -w {knob} lets outgoing connections take such ports again"));
    }
    Finding {
        id: RULE.id,
        holders: Vec::new(),
        severity,
        title: format!(
            "{count} of {} ephemeral ports are used from {} to port {} of {}",
            usable.count, to.source, to.peer.port, to.peer.address
        ),
        subject,
        evidence: Evidence::default()
            .with("used", count)
            .with("usable", usable.count)
            .with("time_wait", used.time_wait)
            .with("reserved", usable.reserved_count)
            .with("percent", count * 100 / usable.count.max(1)),
        cause: cause(case, to, used, usable, &who),
        remedy,
    }
}

fn cause(case: &Case<'_>, to: Destination, used: Use, usable: &Usable, who: &str) -> String {
    let waiting = match used.time_wait {
        0 => String::new(),
        n if reuses_time_wait(case, to) => {
            format!(" ({n} are in TIME_WAIT, which the kernel can use again after a second)")
        }
        n => format!(" ({n} are in TIME_WAIT, for 60 s each)"),
    };
    format!(
        "every connection of {who} to one address and port needs a local port of its own out of {}-{}{waiting}; when none is left connect() fails with \"cannot assign requested address\"",
        usable.range.first, usable.range.last
    )
}

/// The process that holds most of them.
fn user<'a>(case: &Case<'a>, to: Destination, usable: &Usable) -> Option<&'a Process> {
    let mut counts: BTreeMap<u32, (u64, &Process)> = BTreeMap::new();
    for socket in case.now.sockets() {
        if Destination::of(socket, usable) == Some(to)
            && let Some(process) = case.owner(socket)
        {
            counts.entry(process.pid).or_insert((0, process)).0 += 1;
        }
    }
    let most = counts.into_values().max_by_key(|(count, _)| *count)?;
    Some(most.1)
}

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use super::*;
    use crate::model::State;

    fn used(count: u16, state: State, reuse: &str) -> Stage {
        let mut stage = Stage::new();
        stage.process(10, "proxy", 1024);
        for n in 0..count {
            stage.outbound(state, 1000 + n, 443, Some(10));
        }
        let kernel = stage.kernel();
        kernel.set("net.ipv4.ip_local_port_range", "1000\t1099");
        kernel.set("net.ipv4.tcp_tw_reuse", reuse);
        stage
    }

    #[test]
    fn shares_of_the_range() {
        let finding = used(85, State::Established, "2").only(&RULE);
        assert_eq!(finding.severity, Severity::Critical);
        assert_eq!(finding.subject.process, Some((10, b"proxy".to_vec())));
        assert_eq!(finding.subject.destination.unwrap().1, Some(443));
        assert_eq!(finding.evidence.get("used"), Some(85.into()));
        assert_eq!(finding.evidence.get("usable"), Some(100.into()));
        let warning = used(50, State::Established, "2").only(&RULE);
        assert_eq!(warning.severity, Severity::Warning);
        used(49, State::Established, "2").none(&RULE);
    }

    #[test]
    fn reserved_ports_cannot_be_used() {
        let mut stage = used(49, State::Established, "2");
        stage
            .kernel()
            .set("net.ipv4.ip_local_reserved_ports", "1050-1099");
        assert_eq!(stage.only(&RULE).severity, Severity::Critical);
    }

    #[test]
    fn time_wait_counts_less_where_it_is_used_again() {
        let severity = |count, reuse| used(count, State::TimeWait, reuse).only(&RULE).severity;
        assert_eq!(severity(85, "2"), Severity::Critical);
        assert_eq!(severity(85, "1"), Severity::Warning);
        assert_eq!(severity(60, "1"), Severity::Info);
    }

    #[test]
    fn clients_of_a_listener_in_the_range_do_not_use_it_up() {
        let mut stage = used(0, State::Established, "2");
        for n in 0..90 {
            stage.connection(State::Established, 1050, 5000 + n, None);
        }
        stage.none(&RULE);
    }

    #[test]
    fn without_the_range_nothing_can_be_said() {
        assert!(Stage::new().outcome(&RULE).is_err());
    }
}
