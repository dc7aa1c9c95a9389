//! peer-not-reading: this side has data to send, and the peer takes none.
//!
//! Sources: bytes not acknowledged, with a window of the peer of 0 (`tcp_info.tcpi_snd_wnd`)
//! or the zero-window timer (4); no probe need have been sent yet. The stall lasts since data
//! last went out (`tcpi_last_data_sent`; a probe is no data). RFC 9293, section 3.8.6.1.

use super::case::{tells_timers, unsent};
use super::holders::with_hindrance;
use super::known::{Rows, Told};
use super::stall::{self, SURE_MS, Stalled, StalledGroup, span};
use super::{Case, Evidence, Finding, Number, Outcome, Rule};
use crate::model::foreign::shown;
use crate::model::{Protocol, Socket, State, TimerKind};

/// States in which data can still be sent, or waits to be.
const SENDING: &[State] = &[
    State::Established,
    State::CloseWait,
    State::FinWait1,
    State::LastAck,
    State::Closing,
];

pub(super) const RULE: Rule = Rule {
    id: "peer-not-reading",
    summary: "a peer takes no more data: its window is closed",
    protocol: Some(Protocol::Tcp),
    thresholds: stall::thresholds,
    check,
};

fn check(case: &Case<'_>) -> Outcome {
    let rows = Rows::split(case.tcp(SENDING), |socket| told(case, socket));
    let stalled: Vec<_> = rows
        .known
        .iter()
        .filter(|socket| is_blocked(socket) == Some(true))
        .filter_map(|socket| stalled(case, socket))
        .collect();
    let groups = stall::groups(case, &stalled);
    let findings = groups.into_iter().map(|group| tell(case, group));
    let untimed = case.tcp(SENDING).any(|s| is_blocked(s) == Some(true));
    let why = if untimed && case.before.is_none() {
        "one look at this source does not report how long a window is closed: look twice (--for 1s)"
    } else {
        "this source does not report what waits in connections, and the windows of peers: sock_diag is needed"
    };
    rows.outcome_of_queues(findings.collect(), why)
}

/// What is known of a connection: what waits, whether the peer takes it, and since when.
fn told(case: &Case<'_>, socket: &Socket) -> Told {
    let timed = case.before.is_some() || silent_ms(socket).is_some();
    match is_blocked(socket) {
        Some(_) if timed => Told::All,
        Some(false) => Told::Enough,
        _ => Told::TooLittle,
    }
}

/// Whether something waits and the peer takes nothing; `None` where that is not known.
fn is_blocked(socket: &Socket) -> Option<bool> {
    if unsent(socket)? == 0 {
        return Some(false);
    }
    let window = socket.tcp.as_ref().and_then(|tcp| tcp.send_window);
    let probing = socket.timer.is_some_and(|t| t.kind == TimerKind::Probe);
    (window.is_some() || tells_timers(socket)).then_some(window == Some(0) || probing)
}

/// Milliseconds since data last went out.
fn silent_ms(socket: &Socket) -> Option<u64> {
    Some(socket.tcp.as_ref()?.since_sent_ms?.into())
}

/// The stall, when it is sure: nothing was acknowledged between two looks, or it has lasted.
fn stalled<'a>(case: &Case<'a>, socket: &'a Socket) -> Option<Stalled<'a>> {
    let acked = socket.tcp.as_deref().and_then(|tcp| tcp.bytes_acked);
    let ms = silent_ms(socket);
    if is_read(case, socket) {
        return None;
    }
    let sure = match (case.was(socket), acked) {
        (Some(was), Some(_)) => was.acked == acked,
        (Some(was), None) => was.queue == socket.queue,
        (None, _) => case.before.is_none() && ms >= Some(SURE_MS),
    };
    sure.then(|| Stalled::new(case, socket, ms))
}

/// Whether the far end, where it is here, was read from between the looks: a slow reader opens
/// its window late, in large steps.
fn is_read(case: &Case<'_>, socket: &Socket) -> bool {
    let Some(far) = case.other_end(socket) else {
        return false;
    };
    case.was(far).is_some_and(|was| was.queue != far.queue)
}

fn tell(case: &Case<'_>, group: StalledGroup<'_>) -> Finding {
    let who = group.subject.who();
    let waiting: u64 = group.sockets.iter().filter_map(|s| unsent(s)).sum();
    let count = group.sockets.len() as u64;
    let to = match group.subject.destination {
        Some((address, Some(port))) => format!("{address} port {port}"),
        Some((address, None)) => address.to_string(),
        None => "several peers".to_owned(),
    };
    let far = group.sockets.first().and_then(|s| case.other_end(s));
    let reader = far.and_then(|socket| case.owner(socket));
    let reader_words = reader.map_or_else(String::new, |process| {
        let comm = shown(&process.comm);
        format!(", which is {comm} (pid {}) on this host,", process.pid)
    });
    let first = match reader {
        Some(process) => format!(
            "find out why pid {0} does not read: sockscope proc {0}; cat /proc/{0}/wchan; gdb or strace -p {0}",
            process.pid
        ),
        None => format!("look at the peer {to}: its program is slow, stuck or stopped"),
    };
    let tcp = group
        .sockets
        .iter()
        .filter_map(|socket| socket.tcp.as_deref());
    let not_sent = tcp.filter_map(|tcp| tcp.not_sent).map(u64::from);
    let not_sent = not_sent.reduce(|a, b| a + b);
    let finding = Finding {
        id: RULE.id,
        holders: Vec::new(),
        severity: group.severity,
        title: format!(
            "{to} has had no room for data of {who} for {}: {waiting} bytes wait in {count} connection{}",
            span(group.longest_ms),
            if count == 1 { "" } else { "s" }
        ),
        evidence: Evidence::default()
            .with("connections", count)
            .with("send_q", waiting)
            .with_known("not_sent", not_sent)
            .with("stalled_ms", Number::Age(group.longest_ms)),
        cause: format!(
            "the peer{reader_words} has closed its receive window: the program there does not read, or reads too little to open it, so {who} cannot send"
        ),
        remedy: vec![
            first,
            "give the writer a limit of time (SO_SNDTIMEO, TCP_USER_TIMEOUT) and of queued bytes, so that one slow client cannot hold it".to_owned(),
        ],
        subject: group.subject,
    };
    with_hindrance(case, finding, reader)
}

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use super::super::{Severity, stage};
    use super::*;

    fn stalled(ms: u32, window: u32, acked: u64) -> Stage {
        let mut stage = Stage::new();
        stage.process(10, "java", 1024);
        let made = stage.connection(State::Established, 80, 4000, Some(10));
        let mut made = made.quiet(ms).window(window).acked(acked);
        made.send(2_800_000);
        stage
    }

    #[test]
    fn the_time_decides() {
        let severity = |ms| stalled(ms, 0, 7).steady().only(&RULE).severity;
        assert_eq!(severity(60_001), Severity::Critical);
        assert_eq!(severity(10_001), Severity::Warning);
        assert_eq!(severity(10_000), Severity::Info);
        let finding = stalled(60_001, 0, 7).only(&RULE);
        assert_eq!(finding.subject.process, Some((10, b"java".to_vec())));
        assert_eq!(finding.subject.port, Some(80));
        assert_eq!(finding.subject.destination, Some((stage::FAR, Some(4000))));
        assert_eq!(finding.evidence.get("send_q"), Some(2_800_000.into()));
        assert_eq!(
            finding.evidence.get("stalled_ms"),
            Some(Number::Age(60_001))
        );
    }

    #[test]
    fn a_window_that_opens_or_bytes_that_move_are_no_stall() {
        stalled(60_001, 1000, 7).steady().none(&RULE);
        stalled(500, 0, 9).after(stalled(0, 0, 7), 1.0).none(&RULE);
        stalled(500, 0, 7).none(&RULE);
        stalled(500, 0, 7).after_nothing(1.0).none(&RULE);
    }

    #[test]
    fn the_zero_window_timer_is_enough_where_the_window_is_not_known() {
        let mut stage = stalled(20_000, 0, 7);
        stage.each(|made| {
            made.0.tcp = None;
            made.0.timer = Some(crate::model::Timer {
                kind: TimerKind::Probe,
                expires_ms: 1,
                retransmits: 0,
            });
        });
        assert!(stage.outcome(&RULE).unwrap_err().contains("look twice"));
        let finding = stage.steady().only(&RULE);
        assert_eq!(finding.severity, Severity::Info);
        assert_eq!(finding.evidence.get("stalled_ms"), Some(Number::Age(1000)));
    }

    #[test]
    fn clients_of_one_port_are_one_finding() {
        let mut stage = stalled(20_000, 0, 7);
        let made = stage.connection(State::Established, 80, 4001, Some(10));
        made.quiet(30_000).window(0).acked(1).send(5);
        let finding = stage.only(&RULE);
        assert_eq!(finding.evidence.get("connections"), Some(2.into()));
        assert_eq!(finding.subject.destination, Some((stage::FAR, None)));
    }
}
