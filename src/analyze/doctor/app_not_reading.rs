//! app-not-reading: data has come, and the program here does not read it.
//!
//! Sources: bytes in the receive queue with an own window of 0 (`tcp_info.tcpi_rcv_wnd`,
//! Linux 6.2), or a receive buffer that is full (`INET_DIAG_SKMEMINFO`) where the window is
//! not told. The stall lasts since data last came (`tcpi_last_data_recv`).

use super::case::{is_held, unread};
use super::holders::with_hindrance;
use super::known::{Rows, Told};
use super::stall::{self, SURE_MS, Stalled, StalledGroup, span};
use super::{Case, Evidence, Finding, Number, Outcome, Rule};
use crate::model::{Protocol, Socket, State, Ulp};

pub(super) const RULE: Rule = Rule {
    id: "app-not-reading",
    summary: "a program does not read what has come: its own window is closed",
    protocol: Some(Protocol::Tcp),
    thresholds: stall::thresholds,
    check,
};

fn check(case: &Case<'_>) -> Outcome {
    let held = case.tcp(&[State::Established, State::FinWait2]);
    let held = held.filter(|socket| is_held(socket));
    let held = Rows::split(held, |socket| told(case, socket));
    let waits = |socket: &&&Socket| unread(socket) > Some(0) && is_full(socket) == Some(true);
    let stalled: Vec<_> = held
        .known
        .iter()
        .filter(waits)
        .filter_map(|socket| stalled(case, socket))
        .collect();
    let groups = stall::groups(case, &stalled);
    let findings = groups.into_iter().map(|group| tell(case, group));
    let why = match held.known.first() {
        None if case.before.is_none() => {
            "this source does not report how much waits in connections, their windows and for how long: sock_diag is needed"
        }
        _ => {
            "this source does not report what waits in connections, and their windows: sock_diag is needed"
        }
    };
    held.outcome_of_queues(findings.collect(), why)
}

/// What is known of a connection: what waits, whether more can come, and since when.
fn told(case: &Case<'_>, socket: &Socket) -> Told {
    let (unread, full) = (unread(socket), is_full(socket));
    let timed = case.before.is_some() || silent_ms(socket).is_some();
    match (unread, full) {
        (Some(_), Some(_)) if timed => Told::All,
        (Some(0), _) | (_, Some(false)) => Told::Enough,
        _ => Told::TooLittle,
    }
}

/// Whether no more can come; `None` where that is not known: the window of a subflow of MPTCP is not
/// that of its connection.
fn is_full(socket: &Socket) -> Option<bool> {
    if socket.ulp == Some(Ulp::Mptcp) {
        return None;
    }
    let window = socket.tcp.as_ref().and_then(|tcp| tcp.receive_window);
    match (window, socket.memory.as_ref()) {
        (Some(window), _) => Some(window == 0),
        (None, Some(memory)) => Some(memory.received >= memory.receive_limit),
        (None, None) => None,
    }
}

/// Milliseconds since data last came.
fn silent_ms(socket: &Socket) -> Option<u64> {
    Some(socket.tcp.as_ref()?.since_received_ms?.into())
}

/// The stall, when it is sure: nothing came and nothing was read between two looks, or it has
/// lasted.
fn stalled<'a>(case: &Case<'a>, socket: &'a Socket) -> Option<Stalled<'a>> {
    let tcp = socket.tcp.as_deref();
    let ms = silent_ms(socket);
    let sure = match case.was(socket) {
        Some(was) => {
            was.received == tcp.and_then(|tcp| tcp.bytes_received) && was.queue == socket.queue
        }
        None => case.before.is_none() && ms >= Some(SURE_MS),
    };
    sure.then(|| Stalled::new(case, socket, ms))
}

fn tell(case: &Case<'_>, group: StalledGroup<'_>) -> Finding {
    let who = group.subject.who();
    let waiting: u64 = group.sockets.iter().filter_map(|s| unread(s)).sum();
    let count = group.sockets.len() as u64;
    let pid = group.subject.process.as_ref().map(|(pid, _)| *pid);
    let look = match pid {
        Some(pid) => format!(
            "see what it does instead: cat /proc/{pid}/wchan; strace -f -p {pid}; sockscope proc {pid} --sort -recv_q"
        ),
        None => "run as root to see which process it is".to_owned(),
    };
    let reader = pid.and_then(|pid| case.now.facts().processes.get(&pid));
    let finding = Finding {
        id: RULE.id,
        holders: Vec::new(),
        severity: group.severity,
        title: format!(
            "{who} has had no room for new data for {}: {waiting} bytes wait to be read in {count} connection{}",
            span(group.longest_ms),
            if count == 1 { "" } else { "s" }
        ),
        evidence: Evidence::default()
            .with("connections", count)
            .with("recv_q", waiting)
            .with("stalled_ms", Number::Age(group.longest_ms)),
        cause: format!(
            "the receive queue is full and its window closed: {who} does not call read(), or too seldom, and the peer has to wait"
        ),
        remedy: vec![
            look,
            "a program that waits for something else (a lock, a database, another write) should read in a thread or an event loop of its own".to_owned(),
        ],
        subject: group.subject,
    };
    with_hindrance(case, finding, reader)
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::super::stage::Stage;
    use super::*;
    use crate::model::{Condition, Memory, OwnerStatus};

    fn stalled(ms: u32, received: u64) -> Stage {
        let mut stage = Stage::new();
        stage.process(10, "java", 1024);
        let made = stage.connection(State::Established, 80, 4000, Some(10));
        made.recv(5000).quiet(ms).acked(received);
        stage
    }

    #[test]
    fn the_time_decides() {
        let severity = |ms| stalled(ms, 7).steady().only(&RULE).severity;
        assert_eq!(severity(60_001), Severity::Critical);
        assert_eq!(severity(10_001), Severity::Warning);
        assert_eq!(severity(2_000), Severity::Info);
        let finding = stalled(10_001, 7).only(&RULE);
        assert_eq!(finding.evidence.get("recv_q"), Some(5000.into()));
        assert_eq!(finding.subject.process, Some((10, b"java".to_vec())));
    }

    #[test]
    fn what_moves_or_has_a_window_is_no_stall() {
        stalled(0, 9).after(stalled(0, 7), 1.0).none(&RULE);
        stalled(900, 7).none(&RULE);
        let mut open = stalled(60_000, 7);
        open.each(|made| {
            let tcp = made.0.tcp.as_mut().unwrap();
            tcp.receive_window = Some(1);
        });
        open.steady().none(&RULE);
    }

    #[test]
    fn connections_that_wait_for_accept_are_not_its_fault() {
        let mut stage = stalled(60_001, 7);
        stage.each(|made| {
            made.0.inode = None;
            made.0.owner_status = OwnerStatus::Unaccepted;
        });
        stage.none(&RULE);
    }

    #[test]
    fn an_older_kernel_tells_by_the_buffer() {
        let older = |received| {
            let mut stage = stalled(60_001, 7);
            stage.each(|made| {
                made.0.tcp.as_mut().unwrap().receive_window = None;
                made.0.memory = Some(Box::new(Memory {
                    received,
                    receive_limit: 1000,
                    sending: 0,
                    send_limit: 1000,
                    ..Memory::default()
                }));
            });
            stage
        };
        assert_eq!(older(1000).only(&RULE).severity, Severity::Critical);
        older(999).none(&RULE);
    }

    #[test]
    fn a_stopped_reader_is_let_go_on_first() {
        let mut stage = stalled(60_001, 7);
        let processes = &mut stage.sample.snapshot.facts.processes;
        processes.get_mut(&10).unwrap().condition = Some(Condition::Stopped);
        let finding = stage.only(&RULE);
        assert!(finding.remedy[0].contains("kill -CONT 10"), "{finding:?}");
        assert!(finding.cause.contains("stopped"), "{finding:?}");
        assert_eq!(finding.holders[0].pid, 10);
    }

    /// A subflow of MPTCP has no queue of its own: that is not an empty one.
    #[test]
    fn a_queue_that_is_not_told_is_not_empty() {
        let mut stage = stalled(60_001, 7);
        stage.each(|made| made.0.queue = None);
        assert!(stage.outcome(&RULE).is_err());
        let made = stage.connection(State::Established, 80, 4001, Some(10));
        made.recv(0).quiet(1);
        let found = stage.outcome(&RULE).unwrap();
        assert_eq!(
            (found.findings.len(), found.unjudged.unwrap().count),
            (0, 1)
        );
    }

    /// The window of the subflow is open, whatever waits in its connection.
    #[test]
    fn a_subflow_of_mptcp_is_not_judged_and_that_is_no_fault_of_the_source() {
        let mut stage = stalled(60_001, 7);
        stage.each(|made| {
            made.0.queue = None;
            made.0.ulp = Some(Ulp::Mptcp);
            made.0.tcp.as_mut().unwrap().receive_window = Some(1000);
        });
        let why = stage.clone().steady().outcome(&RULE).unwrap_err();
        assert!(why.contains("MPTCP") && !why.contains("sock_diag"), "{why}");
        let made = stage.connection(State::Established, 80, 4001, Some(10));
        made.recv(0).quiet(1);
        let unjudged = stage.steady().outcome(&RULE).unwrap().unjudged.unwrap();
        assert_eq!((unjudged.count, unjudged.reason), (1, why));
    }

    #[test]
    fn without_windows_nothing_can_be_said() {
        let mut stage = stalled(60_001, 7);
        stage.each(|made| made.0.tcp = None);
        assert!(stage.outcome(&RULE).is_err());
    }
}
