//! udp-drops: a UDP socket loses packets because its program does not read fast enough.
//!
//! Sources: drops and memory of each socket (`INET_DIAG_SKMEMINFO`, drops also in
//! /proc/net/udp). A packet is dropped when the receive buffer is full
//! (`__udp_enqueue_schedule_skb`); `Udp.RcvbufErrors` counts the same for the namespace.

use super::holders::with_hindrance;
use super::known::{Rows, Told};
use super::{Case, Evidence, Finding, Outcome, Rule, Severity};
use crate::model::{Family, Protocol, Socket};

/// More packets lost in a second than this are a warning, and critical.
const WARNING: f64 = 10.0;
const CRITICAL: f64 = 1000.0;
/// A buffer that is so full takes no packet of usual size any more, in percent.
const FULL: u64 = 80;

pub(super) const RULE: Rule = Rule {
    id: "udp-drops",
    summary: "a UDP socket loses packets because its program does not read fast enough",
    protocol: Some(Protocol::Udp),
    thresholds: || {
        vec![
            format!(
                "critical: more than {CRITICAL} packets a second are lost all through the sample"
            ),
            format!(
                "warning: more than {WARNING} a second all through the sample, or some were lost and the buffer is {FULL} % full or was not read between the looks"
            ),
            "info: some are lost now, or were lost in the past".to_owned(),
        ]
    },
    check,
};

fn check(case: &Case<'_>) -> Outcome {
    let sockets = Rows::split(case.udp(), |socket| Told::all(socket.drops.is_some()));
    let findings = sockets.known.iter();
    let findings = findings.filter_map(|socket| judge(case, socket));
    sockets.outcome(
        findings.collect(),
        "this source does not report the drops of sockets: sock_diag or /proc/net/udp is needed",
    )
}

fn judge(case: &Case<'_>, socket: &Socket) -> Option<Finding> {
    let drops = u64::from(socket.drops.filter(|drops| *drops > 0)?);
    let before = case.was(socket).and_then(|was| was.drops);
    let new = before.map(|before| drops.saturating_sub(before.into()));
    let rate = new.and_then(|new| case.per_second(new));
    let full = is_full(case, socket);
    let severity = match case.steady_drops(socket) {
        Some(rate) if rate > CRITICAL => Severity::Critical,
        Some(rate) if rate > WARNING => Severity::Warning,
        _ if full => Severity::Warning,
        _ => Severity::Info,
    };
    Some(tell(
        case,
        (socket, socket.local.port()?),
        rate,
        full,
        severity,
    ))
}

/// Whether the buffer takes no more: it is nearly full, or what waits in it was not read
/// between two looks.
fn is_full(case: &Case<'_>, socket: &Socket) -> bool {
    let nearly = socket
        .memory
        .as_ref()
        .is_some_and(|m| u64::from(m.received) * 100 >= u64::from(m.receive_limit) * FULL);
    // What waits is told as memory: more of it than none, and as much as before.
    let held = held(socket).filter(|held| *held > 0);
    let unread = case
        .was(socket)
        .is_some_and(|was| was.held.map(u64::from) == held);
    nearly || (held.is_some() && unread)
}

/// The memory that unread packets hold, with the kernel's overhead.
fn held(socket: &Socket) -> Option<u64> {
    socket.memory_received().map(u64::from)
}

fn tell(
    case: &Case<'_>,
    (socket, port): (&Socket, u16),
    rate: Option<f64>,
    full: bool,
    severity: Severity,
) -> Finding {
    let mut subject = super::case::subject(case, &[socket]);
    subject.protocol = Some(Protocol::Udp);
    let who = subject.who();
    let drops = socket.drops.unwrap_or(0);
    let losing = rate.is_some_and(|rate| rate > 0.0);
    let title = match rate {
        Some(rate) if losing => format!("{who} loses {rate} packets a second on UDP port {port}"),
        _ if full => format!(
            "{who} does not read UDP port {port}: its buffer is full, {drops} packets were lost"
        ),
        _ => format!("{who} has lost {drops} packets on UDP port {port} in the past"),
    };
    let cause = match (losing, full) {
        (_, true) => "its receive buffer is full, and every packet that comes now is dropped",
        (true, false) => {
            "its receive buffer fills up between two reads, and what comes meanwhile is dropped"
        }
        (false, false) if rate.is_some() => {
            "its receive buffer was full some time since it was made; nothing was lost while this looked"
        }
        (false, false) => {
            "its receive buffer was full some time since it was made; whether packets are lost now takes two looks (--for 1s)"
        }
    };
    let errors = match socket.family {
        Family::V4 => "Udp",
        Family::V6 => "Udp6",
    };
    let max = case.setting("net.core.rmem_max");
    let max = max.map_or_else(String::new, |max| format!(" (net.core.rmem_max is {max})"));
    let finding = Finding {
        id: RULE.id,
        holders: Vec::new(),
        severity,
        title,
        evidence: Evidence::default()
            .with("drops", u64::from(drops))
            .with_known("drops_per_second", rate)
            .with_known(
                "receive_buffer_used",
                socket.memory_received().map(u64::from),
            )
            .with_known(
                "receive_buffer",
                socket.memory.as_ref().map(|m| u64::from(m.receive_limit)),
            )
            .with_known(
                "namespace_errors_per_second",
                case.rate(errors, "RcvbufErrors"),
            ),
        cause: cause.to_owned(),
        remedy: vec![
            format!(
                "let {who} read faster: a thread that only reads, recvmmsg(), or several sockets with SO_REUSEPORT"
            ),
            format!(
                "against bursts: a larger SO_RCVBUF in the program, and room for it{max}: sysctl -w net.core.rmem_max=8388608"
            ),
        ],
        subject,
    };
    with_hindrance(case, finding, case.owner(socket))
}

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use super::*;

    fn udp(used: u32, drops: u32) -> Stage {
        let mut stage = Stage::new();
        stage.process(10, "dns", 1024);
        stage.udp(53, used, drops, 10);
        stage
    }

    #[test]
    fn the_rate_decides() {
        let severity = |now| udp(0, now).after(udp(0, 100), 1.0).only(&RULE).severity;
        assert_eq!(severity(1101), Severity::Critical);
        assert_eq!(severity(111), Severity::Warning);
        assert_eq!(severity(110), Severity::Info);
        assert_eq!(severity(100), Severity::Info);
        let finding = udp(0, 150).after(udp(0, 100), 2.0).only(&RULE);
        assert_eq!(finding.subject.port, Some(53));
        assert_eq!(finding.subject.process, Some((10, b"dns".to_vec())));
        assert_eq!(finding.evidence.get("drops_per_second"), Some(25.0.into()));
    }

    #[test]
    fn a_full_buffer_that_dropped_is_a_warning_without_a_rate() {
        assert_eq!(udp(800, 5).only(&RULE).severity, Severity::Warning);
        assert_eq!(udp(799, 5).only(&RULE).severity, Severity::Info);
        // Not read between two looks: no room for packets of another size.
        assert_eq!(udp(10, 5).steady().only(&RULE).severity, Severity::Warning);
    }

    #[test]
    fn a_burst_in_one_half_of_the_sample_is_an_info() {
        let sample = |midway| {
            udp(0, 200)
                .after(udp(0, 100), 1.0)
                .midway(midway)
                .only(&RULE)
        };
        assert_eq!(sample(100).severity, Severity::Info);
        assert_eq!(sample(200).severity, Severity::Info);
        assert_eq!(sample(150).severity, Severity::Warning);
        // A short sample is not made longer than it was.
        let short = udp(0, 109).after(udp(0, 100), 0.3).only(&RULE);
        assert_eq!(short.severity, Severity::Info);
    }

    #[test]
    fn nothing_lost_is_nothing() {
        udp(1000, 0).none(&RULE);
        udp(0, 0).steady().none(&RULE);
    }

    #[test]
    fn a_source_without_drops_cannot_tell() {
        let mut stage = udp(0, 5);
        stage.each(|made| made.0.drops = None);
        assert!(stage.outcome(&RULE).is_err());
    }
}
