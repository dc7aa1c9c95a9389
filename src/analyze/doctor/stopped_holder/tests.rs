//! The fault, its healthy twin, near misses, and what is said where the source is absent.

use super::super::stage::Stage;
use super::super::{RULES, diagnose};
use super::*;
use crate::model::Tracer;

/// A server with so many in the queue of its listener.
fn server(length: u32, condition: Condition) -> Stage {
    let mut stage = Stage::new();
    stage.process(10, "python3", 1024);
    stage.listener(8080, length, 5, 10);
    is(&mut stage, 10, condition);
    stage
}

fn is(stage: &mut Stage, pid: u32, condition: Condition) {
    let processes = &mut stage.sample.snapshot.facts.processes;
    processes.get_mut(&pid).unwrap().condition = Some(condition);
}

fn tracer(comm: &str) -> Condition {
    Condition::Traced(Some(Tracer {
        pid: 99,
        comm: comm.into(),
    }))
}

#[test]
fn whoever_waits_for_a_stopped_server_makes_it_critical() {
    for condition in [
        Condition::Stopped,
        Condition::Frozen("/c/cgroup.freeze".into()),
        tracer("gdb"),
    ] {
        for stage in [
            server(3, condition.clone()),
            server(3, condition.clone()).steady(),
        ] {
            let finding = stage.only(&RULE);
            assert_eq!(finding.severity, Severity::Critical, "{finding:?}");
            assert_eq!(finding.evidence.get("waiting"), Some(3.into()));
            assert_eq!(finding.subject.port, Some(8080));
            assert_eq!(finding.holders[0].pid, 10);
        }
        let alone = server(0, condition).steady().only(&RULE);
        assert_eq!(alone.severity, Severity::Warning, "{alone:?}");
    }
    let finding = server(3, Condition::Stopped).only(&RULE);
    assert_eq!(
        finding.title,
        "python3 (pid 10, stopped) cannot run: nobody accepts on port 8080, and 3 connections wait"
    );
    assert!(finding.remedy[0].contains("kill -CONT 10"), "{finding:?}");
    assert!(finding.remedy[1].contains("fg"), "{finding:?}");
}

#[test]
fn a_server_that_runs_or_ends_or_waits_for_a_disk_is_none() {
    for condition in [
        Condition::Runs,
        Condition::Zombie,
        Condition::Uninterruptible,
    ] {
        server(3, condition).steady().none(&RULE);
    }
}

/// Somebody stopped it while we looked, or lets it go on.
#[test]
fn it_has_to_be_so_at_both_looks() {
    server(3, Condition::Stopped)
        .after(server(3, Condition::Runs), 1.0)
        .none(&RULE);
    server(3, Condition::Runs)
        .after(server(3, Condition::Stopped), 1.0)
        .none(&RULE);
}

/// strace stops a process at each of its calls.
#[test]
fn whoever_only_watches_a_server_holds_nobody_up() {
    server(0, tracer("strace")).steady().none(&RULE);
    server(0, Condition::Traced(None)).steady().none(&RULE);
    let waits = server(2, tracer("strace")).steady().only(&RULE);
    assert_eq!(waits.severity, Severity::Critical);
}

/// A master and two workers of its name.
fn nginx(conditions: [Condition; 3]) -> Stage {
    let mut stage = Stage::new();
    stage.process(10, "nginx", 1024);
    stage.listener(80, 2, 511, 10);
    for (pid, condition) in (10..).zip(conditions) {
        if pid > 10 {
            stage.process(pid, "nginx", 1024).shared(pid);
            let processes = &mut stage.sample.snapshot.facts.processes;
            processes.get_mut(&pid).unwrap().parent = Some(10);
        }
        is(&mut stage, pid, condition);
    }
    stage
}

#[test]
fn a_worker_that_runs_is_enough_and_a_master_is_not() {
    use Condition::{Runs, Stopped};
    nginx([Stopped, Runs, Runs]).steady().none(&RULE);
    nginx([Runs, Stopped, Runs]).steady().none(&RULE);
    let all = nginx([Runs, Stopped, Stopped]).steady().only(&RULE);
    assert_eq!(all.subject.process, Some((11, b"nginx".to_vec())));
    assert!(all.remedy[0].contains("kill -CONT 11 12"), "{all:?}");
    assert!(
        all.title.contains("(pid 11, stopped, and 1 more)"),
        "{all:?}"
    );
}

#[test]
fn data_waits_for_a_stopped_reader_and_a_quiet_connection_does_not() {
    let reader = |recv, outbound| {
        let mut stage = Stage::new();
        stage.process(10, "ssh", 1024);
        is(&mut stage, 10, Condition::Stopped);
        let made = if outbound {
            stage.outbound(State::Established, 40000, 22, Some(10))
        } else {
            stage.connection(State::Established, 22, 40000, Some(10))
        };
        made.recv(recv);
        stage.steady()
    };
    let server = reader(500, false).only(&RULE);
    assert_eq!(server.severity, Severity::Critical);
    assert_eq!(server.evidence.get("unread_bytes"), Some(500.into()));
    assert!(
        server
            .title
            .ends_with("500 bytes that came wait in a socket"),
        "{server:?}"
    );
    // Its user has put it aside.
    assert_eq!(reader(500, true).only(&RULE).severity, Severity::Warning);
    reader(0, false).none(&RULE);
    let mut closed = Stage::new();
    closed.process(10, "ssh", 1024);
    is(&mut closed, 10, Condition::Stopped);
    // The FIN is no data.
    closed
        .connection(State::CloseWait, 22, 40000, Some(10))
        .recv(1);
    closed.steady().none(&RULE);
}

#[test]
fn datagrams_wait_too() {
    let udp = |used| {
        let mut stage = Stage::new();
        stage.process(10, "dnsmasq", 1024);
        stage.udp(53, used, 0, 10);
        is(&mut stage, 10, Condition::Stopped);
        stage.steady()
    };
    assert_eq!(udp(768).only(&RULE).severity, Severity::Critical);
    udp(0).none(&RULE);
}

#[test]
fn one_process_with_many_ports_is_one_finding() {
    let mut stage = server(1, Condition::Stopped);
    for port in [1, 2, 3, 4, 5] {
        stage.listener(port, 0, 5, 10);
    }
    let finding = stage.only(&RULE);
    assert!(
        finding
            .title
            .contains("on ports 1, 2, 3, 4, 5 and 1 more, and 1 connection"),
        "{finding:?}"
    );
    assert_eq!(finding.subject.port, None);
    assert_eq!(finding.evidence.get("listeners"), Some(6.into()));
}

#[test]
fn where_nobody_tells_the_state_nothing_is_said_of_it() {
    let mut unknown = server(3, Condition::Stopped);
    let processes = &mut unknown.sample.snapshot.facts.processes;
    processes.get_mut(&10).unwrap().condition = None;
    let why = unknown.outcome(&RULE).unwrap_err();
    assert!(why.contains("/proc/PID/stat"), "{why}");
    let mut denied = server(3, Condition::Stopped);
    denied.connection(State::Established, 9, 4000, None).recv(1);
    denied.listener(9, 0, 5, 10).0.owner_status = OwnerStatus::Denied;
    let judged = denied.outcome(&RULE).unwrap();
    assert_eq!(
        (judged.findings.len(), judged.unjudged.unwrap().count),
        (1, 2)
    );
    let mut unasked = server(3, Condition::Stopped);
    unasked.sample.snapshot.report.owners_from = Some("none");
    assert!(unasked.outcome(&RULE).is_err());
}

/// The full queue of a stopped server is told once as a fault, by its cause.
#[test]
fn what_follows_from_it_is_an_info() {
    let severities = |stage: Stage| -> Vec<(&str, Severity)> {
        let sample = stage.finished();
        let rules: Vec<_> = RULES.iter().collect();
        let found = diagnose(&Stage::case(&sample), &rules).findings;
        found
            .iter()
            .map(|finding| (finding.id, finding.severity))
            .collect()
    };
    assert_eq!(
        severities(server(6, Condition::Stopped)),
        [
            ("stopped-holder", Severity::Critical),
            ("accept-queue-full", Severity::Info)
        ]
    );
    assert_eq!(
        severities(server(6, Condition::Runs)),
        [("accept-queue-full", Severity::Warning)]
    );
}
