//! Connections that are refused: nobody listens where they go.
//!
//! Such a socket is gone at once, so that no look finds it. Sources: what the kernel tells of
//! sockets that end ([`FailedConnects`]): where to, and how many. Else `Tcp.AttemptFails` and
//! `Tcp.ActiveOpens` of the namespace: only how many. It is not known whose they were.

use std::cmp::Reverse;
use std::net::IpAddr;

use super::{Failing, RULE, SEVERAL};
use crate::analyze::doctor::{Case, Evidence, Finding, Severity, Subject};
use crate::look::attempts::Target;
use crate::model::{Endpoint, FailedConnects, Failures, NetnsId, State, Towards};

pub(super) const THRESHOLDS: &str = "refused ones: warning: 3 towards a destination that answers none, in both halves of the sample; info: 3 in one half; where only counters tell of them: info: half of all fail at once, 5 a second";
/// Attempts that fail in a second, all through the sample, that are worth knowing.
const OFTEN: f64 = 5.0;

/// What is refused beside what is not answered.
pub(super) fn findings(case: &Case<'_>, failing: &[Failing<'_>]) -> Vec<Finding> {
    let Some(failed) = case.before.map(|before| &before.failed) else {
        return Vec::new();
    };
    if failed.iter().next().is_none() {
        let counted = by_counters(case).filter(|_| failing.is_empty());
        return counted.into_iter().collect();
    }
    let told = failed.iter().filter(|(towards, failures)| {
        failures.count >= SEVERAL as u64 && !is_answered(case, failed, **towards)
    });
    let mut told: Vec<_> = told.collect();
    // Those that are known best come first, then those that fail most.
    told.sort_by_key(|((_, port), failures)| (port.is_none(), Reverse(failures.count)));
    let told = told.into_iter();
    told.map(|(towards, failures)| tell(case, *towards, *failures))
        .collect()
}

/// Whether somebody answers there, or attempts there wait for an answer: then it is not a refusal, or
/// not one that matters.
///
/// Programs try the addresses of a name one after the other (RFC 8305): a port that is refused on
/// `::1` and served on 127.0.0.1 is a healthy one.
fn is_answered(case: &Case<'_>, failed: &FailedConnects, (address, port): Towards) -> bool {
    let Some(port) = port else {
        let waits = waiting(case).any(|peer| peer.address == address);
        return waits || !most_fail(case);
    };
    let answers = |peer: &Endpoint| {
        let is_twin = peer.address.is_ipv4() != address.is_ipv4();
        peer.port == port && (peer.address == address || is_twin)
    };
    established(case).any(|peer| answers(&peer)) || failed.answered().any(answers)
}

/// Where attempts wait for an answer, now or at the first look.
fn waiting<'a>(case: &'a Case<'_>) -> impl Iterator<Item = Endpoint> + 'a {
    let before = case.before.into_iter();
    let before = before.flat_map(|before| before.attempts.iter());
    let targets = case.attempts().iter().chain(before);
    targets.map(|(target, _)| target.peer)
}

/// The far ends of connections that were made from here.
fn established<'a>(case: &'a Case<'_>) -> impl Iterator<Item = Endpoint> + 'a {
    let sockets = case.now.sockets().iter();
    let made = sockets.filter(|socket| !matches!(socket.state, State::SynSent | State::Listen));
    made.filter_map(Target::of).map(|target| target.peer)
}

/// Whether more than half of the attempts of this namespace fail: of two addresses that are tried one
/// after the other, half do.
fn most_fail(case: &Case<'_>) -> bool {
    let counted = |name| case.grown("Tcp", name);
    match (counted("AttemptFails"), counted("ActiveOpens")) {
        (Some(failed), Some(opened)) => failed * 2 > opened,
        _ => true,
    }
}

fn tell(case: &Case<'_>, (address, port): Towards, failures: Failures) -> Finding {
    let count = failures.count;
    let in_both_halves = (1..count).contains(&failures.in_first_half);
    let has_halves = case.before.is_some_and(|before| before.midway.is_some());
    let (title, why) = match port {
        Some(port) => (
            format!("{address} port {port} refuses connections: {count} attempts while this looked"),
            format!("no program listens on port {port} there, or a firewall refuses for it"),
        ),
        None => (
            format!("{count} attempts to connect to {address} failed at once while this looked"),
            "no program listens on the port that is tried (the kernel does not tell which), a firewall refuses, or there is no way to it".to_owned(),
        ),
    };
    Finding {
        id: RULE.id,
        holders: Vec::new(),
        severity: if in_both_halves || !has_halves {
            Severity::Warning
        } else {
            Severity::Info
        },
        title,
        subject: Subject {
            destination: Some((address, port)),
            ..of_namespace(case)
        },
        evidence: Evidence::default()
            .with("failed", count)
            .with_known("failed_per_second", case.per_second(count))
            .with_known(
                "namespace_failed_attempts_per_second",
                case.rate("Tcp", "AttemptFails"),
            ),
        cause: format!(
            "{why}. Their sockets are gone before anybody can look: the kernel tells where they went, but not whose they were"
        ),
        remedy: remedy(case, address, port),
    }
}

fn remedy(case: &Case<'_>, address: IpAddr, port: Option<u16>) -> Vec<String> {
    let there = match port {
        Some(port) if case.is_here(address) => {
            format!(
                "see who should listen there: sockscope port {port}; start it, or correct who connects"
            )
        }
        None if case.is_here(address) => {
            "see who listens here: sockscope listen; start what is missing, or correct who connects"
                .to_owned()
        }
        _ => format!(
            "see on {address} whether the program runs and listens; start it, or correct who connects"
        ),
    };
    vec![there, ASK_PROGRAMS.to_owned()]
}

const ASK_PROGRAMS: &str = "see who tries: the logs of the programs here (\"connection refused\"), or strace -f -e trace=connect -p PID";

fn of_namespace(case: &Case<'_>) -> Subject {
    Subject {
        netns: case.now.netns().map(NetnsId::inode),
        ..Subject::default()
    }
}

/// Where at least half of what is opened fails, these are not a few that are tried in vain, nor what
/// others do to this host.
fn by_counters(case: &Case<'_>) -> Option<Finding> {
    let rate = case.steady_rate("Tcp", "AttemptFails");
    let failed = case.grown("Tcp", "AttemptFails")?;
    let opened = case.grown("Tcp", "ActiveOpens")?;
    if rate < OFTEN || failed > opened || failed * 2 < opened {
        return None;
    }
    Some(Finding {
        id: RULE.id,
        holders: Vec::new(),
        severity: Severity::Info,
        title: format!("{failed} of {opened} attempts to connect failed at once while this looked"),
        subject: of_namespace(case),
        evidence: Evidence::default()
            .with("failed", failed)
            .with("opened", opened)
            .with_known("failed_per_second", case.rate("Tcp", "AttemptFails")),
        cause: "most of what programs here try to reach refuses them: nobody listens there, or a firewall sends a reset. Their sockets are gone before anybody can look, so the counters of this namespace tell how many, but not whose and where to".to_owned(),
        remedy: vec![
            ASK_PROGRAMS.to_owned(),
            "then start, or correct, what they should reach".to_owned(),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::stage::{FAR, Stage};
    use super::*;
    use crate::model::Ending;
    use std::net::Ipv6Addr;

    fn counted(failed: u64, opened: u64) -> Stage {
        let mut stage = Stage::new();
        stage.kernel().count("Tcp", "AttemptFails", failed);
        stage.kernel().count("Tcp", "ActiveOpens", opened);
        stage
    }

    fn after(failed: u64, opened: u64) -> Stage {
        counted(100 + failed, 500 + opened).after(counted(100, 500), 1.0)
    }

    /// `first` in the first half, `second` in the second.
    fn ended(first: &[Ending], second: &[Ending]) -> FailedConnects {
        let mut failed = FailedConnects::default();
        for ending in first {
            failed.add(*ending);
        }
        failed.half_is_over();
        for ending in second {
            failed.add(*ending);
        }
        failed
    }

    fn refused() -> Ending {
        Ending::Refused(Endpoint::new(FAR, 443))
    }

    #[test]
    fn where_no_socket_tells_the_counters_do() {
        let finding = after(82, 90).only(&RULE);
        assert_eq!(finding.severity, Severity::Info);
        assert_eq!(finding.evidence.get("failed"), Some(82.into()));
        // A few; some of many; and more than were opened here: others are refused by this host.
        after(4, 4).none(&RULE);
        after(10, 21).none(&RULE);
        after(10, 9).none(&RULE);
        counted(82, 90).none(&RULE);
    }

    #[test]
    fn a_destination_that_refuses_is_named() {
        let stage = |failed| after(20, 20).midway(0).failed(failed);
        let finding = stage(ended(&[refused(); 2], &[refused()])).only(&RULE);
        assert_eq!(finding.severity, Severity::Warning);
        assert_eq!(finding.subject.destination, Some((FAR, Some(443))));
        assert_eq!(finding.evidence.get("failed"), Some(3.into()));
        // A burst, and a few.
        let finding = stage(ended(&[], &[refused(); 3])).only(&RULE);
        assert_eq!(finding.severity, Severity::Info);
        stage(ended(&[refused()], &[refused()])).none(&RULE);
        let many = [refused(), Ending::Refused(Endpoint::new(FAR, 80))];
        assert_eq!(
            stage(ended(&many.repeat(2), &many))
                .outcome(&RULE)
                .unwrap()
                .findings
                .len(),
            2
        );
    }

    #[test]
    fn who_is_served_elsewhere_is_healthy() {
        let stage = |failed| after(20, 40).midway(0).failed(failed);
        let v6 = Endpoint::new(Ipv6Addr::LOCALHOST.into(), 443);
        let tries = [
            Ending::Refused(v6),
            Ending::Established(Endpoint::new(FAR, 443)),
        ];
        stage(ended(&tries.repeat(3), &tries.repeat(3))).none(&RULE);
        // The same destination answers others.
        let mut answered = stage(ended(&[refused(); 3], &[refused(); 3]));
        answered.outbound(State::Established, 40_000, 443, None);
        answered.none(&RULE);
        // Another address of the same family is another destination.
        let other = Endpoint::new("192.0.2.8".parse().unwrap(), 443);
        let tries = [refused(), Ending::Established(other)];
        assert_eq!(
            stage(ended(&tries.repeat(3), &tries)).only(&RULE).severity,
            Severity::Warning
        );
    }

    #[test]
    fn without_a_port_most_have_to_fail() {
        let failed = || ended(&[Ending::Failed(FAR); 3], &[Ending::Failed(FAR); 3]);
        let finding = after(20, 30).midway(0).failed(failed()).only(&RULE);
        assert_eq!(finding.severity, Severity::Warning);
        assert_eq!(finding.subject.destination, Some((FAR, None)));
        after(20, 40).midway(0).failed(failed()).none(&RULE);
    }
}
