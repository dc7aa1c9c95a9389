//! Made-up cases of connects that fail, or do not.

use super::super::Severity;
use super::super::path_loss;
use super::super::stage::{self, Stage};
use super::*;
use crate::model::{State, TimerKind};
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU64;

/// `count` attempts, the first of them the socket `first`, each with its SYN sent again.
fn attempts(count: u16, first: u16, sent_again: u8) -> Stage {
    let mut stage = Stage::new();
    stage.process(10, "java", 1024);
    for n in first..first + count {
        attempt(&mut stage, n, sent_again, 10);
    }
    stage
}

fn attempt(stage: &mut Stage, n: u16, sent_again: u8, pid: u32) {
    let made = stage.outbound(State::SynSent, 40_000 + n, 443, Some(pid));
    let made = made.timer(TimerKind::Retransmit, sent_again);
    made.0.cookie = NonZeroU64::new(u64::from(n) + 1);
    made.0.tcp.as_mut().unwrap().unacked = 1;
}

fn severity(stage: &Stage) -> Severity {
    stage.only(&RULE).severity
}

#[test]
fn several_at_both_looks_are_a_warning_with_who_and_where_to() {
    let finding = attempts(12, 0, 2).steady().only(&RULE);
    assert_eq!(finding.severity, Severity::Warning);
    assert_eq!(finding.subject.process, Some((10, b"java".to_vec())));
    assert_eq!(finding.subject.destination, Some((stage::FAR, Some(443))));
    for (name, count) in [("attempts", 12), ("waiting", 12), ("sent_again", 12)] {
        assert_eq!(finding.evidence.get(name), Some(count.into()), "{name}");
    }
    // One cause is one finding.
    attempts(12, 0, 7).steady().none(&path_loss::RULE);
}

#[test]
fn attempts_that_follow_each_other_count_by_their_cookies() {
    // One thread that gives up and tries again: two attempts, and three.
    let twice = attempts(1, 1, 1).after(attempts(1, 0, 1), 1.0);
    assert_eq!(severity(&twice), Severity::Info);
    let mut before = attempts(1, 0, 1);
    attempt(&mut before, 1, 1, 10);
    let thrice = attempts(1, 2, 1).after(before, 1.0);
    assert_eq!(severity(&thrice), Severity::Warning);
    let finding = thrice.only(&RULE);
    assert_eq!(finding.evidence.get("attempts"), Some(3.into()));
    assert_eq!(finding.evidence.get("given_up"), Some(2.into()));
}

#[test]
fn programs_that_give_up_before_the_second_syn_are_worth_knowing() {
    let brief = attempts(12, 12, 0).after(attempts(12, 0, 0), 1.0);
    assert_eq!(severity(&brief), Severity::Info);
    attempts(2, 2, 0).after(attempts(2, 0, 0), 1.0).none(&RULE);
}

#[test]
fn workers_of_one_destination_are_judged_together() {
    let mut stage = Stage::new();
    for pid in 10..14 {
        stage.process(pid, "php-fpm", 1024);
        attempt(&mut stage, u16::try_from(pid).unwrap(), 2, pid);
    }
    let finding = stage.steady().only(&RULE);
    assert_eq!(finding.severity, Severity::Warning);
    assert_eq!(finding.evidence.get("processes"), Some(4.into()));
    assert!(finding.title.contains("4 processes"), "{}", finding.title);
}

#[test]
fn a_slow_start_and_a_destination_that_answers_are_healthy() {
    attempts(1, 0, 1).steady().none(&RULE);
    attempts(12, 0, 0).after_nothing(1.0).none(&RULE);
    attempts(12, 0, 0).none(&RULE);
    let answers = |state| {
        let mut stage = attempts(12, 0, 1);
        stage.outbound(state, 50_000, 443, Some(10));
        stage
    };
    answers(State::Established).steady().none(&RULE);
    answers(State::Established).none(&RULE);
    // It came and went between the looks: somebody answered.
    answers(State::LastAck)
        .after(attempts(12, 0, 1), 1.0)
        .none(&RULE);
    // What has been closing for long says nothing of now.
    assert_eq!(
        severity(&answers(State::CloseWait).steady()),
        Severity::Warning
    );
    // Another port of the same host is another destination.
    let mut other = attempts(12, 0, 1);
    other.outbound(State::Established, 50_000, 80, Some(10));
    assert_eq!(severity(&other.steady()), Severity::Warning);
}

#[test]
fn an_attempt_that_was_answered_meanwhile_is_an_answer() {
    let mut now = attempts(4, 0, 1);
    now.sample.snapshot.sockets[3].state = State::Established;
    now.after(attempts(4, 0, 1), 1.0).none(&RULE);
}

#[test]
fn one_look_tells_by_how_often_each_was_sent_again() {
    assert_eq!(severity(&attempts(3, 0, 2)), Severity::Warning);
    assert_eq!(severity(&attempts(3, 0, 1)), Severity::Info);
    assert_eq!(severity(&attempts(2, 0, 2)), Severity::Info);
    attempts(2, 0, 1).none(&RULE);
    let long = attempts(3, 0, 6);
    assert_eq!(severity(&long), Severity::Critical);
    let mut linear = attempts(3, 0, 6);
    let setting = "net.ipv4.tcp_syn_linear_timeouts";
    linear.kernel().set(setting, "4");
    assert_eq!(severity(&linear), Severity::Warning);
}

#[test]
fn a_listener_here_that_is_full_is_another_finding() {
    let mut stage = Stage::new();
    stage.process(10, "java", 1024);
    stage.listener(443, 5, 4, 10);
    for n in 0..4 {
        attempt(&mut stage, n, 2, 10);
    }
    stage.each(|made| {
        if made.0.peer.is_some() {
            made.0.peer.inet_mut().address = stage::HERE;
        }
    });
    stage.steady().none(&RULE);
}

#[test]
fn a_source_without_timers_needs_two_looks() {
    let mut untold = attempts(12, 0, 1);
    untold.each(|made| made.0.timer = None);
    assert!(untold.outcome(&RULE).unwrap_err().contains("look twice"));
    let short = untold.clone().after(untold.clone(), 0.3);
    assert!(short.outcome(&RULE).is_err());
    assert_eq!(severity(&untold.steady()), Severity::Warning);
}

fn count(finding: &Finding, name: &str) -> u64 {
    match finding.evidence.get(name) {
        Some(super::super::Number::Count(count)) => count,
        other => panic!("{name}: {other:?} in {finding:?}"),
    }
}

#[test]
fn what_waited_before_is_what_the_first_look_saw() {
    // Four threads that gave up and tried again before the look in between.
    let now = attempts(4, 4, 0).after(attempts(4, 0, 4), 1.0);
    let finding = now.between(attempts(4, 4, 0)).only(&RULE);
    assert_eq!(count(&finding, "waiting_before"), 4);
    assert_eq!(count(&finding, "attempts"), 8);
    assert_eq!(count(&finding, "given_up"), 4);
    assert_eq!(count(&finding, "retransmits"), 4, "ever seen");
}

#[test]
fn when_attempts_give_up_does_not_decide() {
    // Every look finds attempts that have just begun: only the kernel knows what was between.
    let stage = |first, syns: u64| {
        let mut stage = attempts(4, first, 0);
        stage.kernel().count("TcpExt", "TCPSynRetrans", syns);
        stage
    };
    let looks = |syns| {
        let now = stage(8, syns).after(stage(0, 0), 10.0);
        severity(&now.between(stage(4, 0)))
    };
    assert_eq!(looks(16), Severity::Warning);
    assert_eq!(looks(3), Severity::Info);
    // The one that was sent again most often decides, also when it is gone.
    let long = attempts(4, 4, 0).after(attempts(4, 0, 6), 1.0);
    assert_eq!(severity(&long), Severity::Critical);
}

#[test]
fn several_processes_are_named_as_what_they_are() {
    let stage = |names: &[&str], attempts: &[u32]| {
        let mut stage = Stage::new();
        let mut n = 0;
        for ((name, pid), count) in names.iter().zip(10..).zip(attempts) {
            stage.process(pid, name, 1024);
            for _ in 0..*count {
                n += 1;
                attempt(&mut stage, n, 2, pid);
            }
        }
        stage.steady().only(&RULE)
    };
    let same = stage(&["python3"; 6], &[1; 6]);
    let who = "6 processes called python3 (pid 10 and 5 more)";
    assert!(same.title.ends_with(who), "{}", same.title);
    let last = same.remedy.last().unwrap();
    assert!(last.contains("let them give up"), "{last}");
    let other = stage(&["java", "curl"], &[2, 2]);
    assert!(other.title.ends_with(" of 2 processes"), "{}", other.title);
    let most = stage(&["java", "curl"], &[3, 1]);
    let who = "2 processes, most of them java (pid 10)'s";
    assert!(most.title.ends_with(who), "{}", most.title);
}

/// `count` attempts of one process, each to another address, or to another port.
fn scattered(count: u16, first: u16, sent_again: u8, by_port: bool) -> Stage {
    let mut stage = attempts(count, first, sent_again);
    for (socket, n) in stage.sample.snapshot.sockets.iter_mut().zip(0..) {
        let peer = socket.peer.inet_mut();
        if by_port {
            peer.port = 5000 + n;
        } else {
            peer.address = IpAddr::V4(Ipv4Addr::from(0xc633_6400 + u32::from(n)));
        }
    }
    stage
}

#[test]
fn all_destinations_of_a_process_at_once_are_one_finding() {
    let hosts = scattered(8, 0, 2, false).steady().only(&RULE);
    assert_eq!(hosts.severity, Severity::Warning);
    assert_eq!(hosts.subject.process, Some((10, b"java".to_vec())));
    assert_eq!(hosts.subject.destination, None);
    assert_eq!(count(&hosts, "destinations"), 8);
    let title = "8 addresses (port 443) answer none of 8 attempts to connect of java (pid 10)";
    assert_eq!(hosts.title, title);
    assert!(hosts.remedy[1].contains("pid=10"), "{hosts:?}");
    let ports = scattered(8, 0, 2, true).steady().only(&RULE);
    assert_eq!(ports.subject.destination, Some((stage::FAR, None)));
    assert!(ports.title.contains("(8 ports) answers none"), "{ports:?}");
    // Once, and also when each has given up and tried again.
    let late = scattered(8, 0, 7, false).steady();
    assert_eq!(late.only(&RULE).severity, Severity::Critical);
    late.none(&path_loss::RULE);
    for sent_again in [0, 1] {
        let again = scattered(8, 8, sent_again, false).after(scattered(8, 0, 4, false), 3.0);
        assert_eq!(again.only(&RULE).severity, Severity::Warning);
    }
    assert_eq!(severity(&scattered(3, 0, 2, false)), Severity::Warning);
    assert_eq!(severity(&scattered(3, 0, 1, false)), Severity::Info);
    // Workers that try one port each have the address in common.
    let mut workers = scattered(0, 0, 0, true);
    for (pid, port) in [(11, 81), (12, 82), (13, 83)] {
        workers.process(pid, "worker", 1024);
        attempt(&mut workers, port, 2, pid);
        let sockets = &mut workers.sample.snapshot.sockets;
        sockets.last_mut().unwrap().peer.inet_mut().port = port;
    }
    let finding = workers.steady().only(&RULE);
    assert_eq!(finding.subject.destination, Some((stage::FAR, None)));
    assert!(finding.title.contains("3 processes called worker"));
}

#[test]
fn a_process_that_reaches_others_has_a_way_out() {
    let with = |state, owner, quiet| {
        let mut stage = scattered(8, 0, 2, false);
        let made = stage.outbound(state, 50_000, 80, owner).quiet(quiet);
        if owner.is_none() {
            made.0.inode = None;
        }
        stage
    };
    let before = || scattered(8, 0, 2, false);
    let established = with(State::Established, Some(10), 5);
    established.none(&RULE);
    established.clone().steady().none(&RULE);
    established.after(before(), 1.0).none(&RULE);
    // It has stood for long, and nothing came of late.
    let old = with(State::Established, Some(10), 70_000).steady();
    assert_eq!(severity(&old), Severity::Warning);
    // Another process reaches somebody.
    let other = with(State::Established, Some(99), 5).steady();
    assert_eq!(severity(&other), Severity::Warning);
    // Somebody did, and it is not known who.
    let unknown = with(State::TimeWait, None, 5).after(before(), 1.0);
    assert_eq!(severity(&unknown), Severity::Info);
    // Few, and slow ones.
    scattered(2, 0, 2, false).steady().none(&RULE);
    scattered(8, 0, 0, false).steady().none(&RULE);
    scattered(8, 0, 0, false).none(&RULE);
}
