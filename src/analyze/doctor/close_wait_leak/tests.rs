use super::super::stage::{self, Stage};
use super::*;

fn leak(count: u16, age_ms: u32, limit: u64) -> Stage {
    let mut stage = Stage::new();
    stage.process(10, "java", limit);
    for n in 0..count {
        let socket = stage.connection(State::CloseWait, 8080, 40_000 + n, Some(10));
        socket.recv(u32::from(n % 2)).quiet(age_ms);
    }
    stage
}

#[test]
fn many_that_stay_are_critical_and_tell_the_verdict() {
    let finding = leak(150, 5_000, 1_048_576).only(&RULE);
    assert_eq!(finding.severity, Severity::Critical);
    assert_eq!(finding.subject.process, Some((10, b"java".to_vec())));
    assert_eq!(finding.subject.port, Some(8080));
    assert_eq!(finding.evidence.get("close_wait"), Some(150.into()));
    assert_eq!(finding.evidence.get("eof_read"), Some(75.into()));
    assert_eq!(finding.evidence.get("unread_fin"), Some(75.into()));
}

#[test]
fn a_share_of_the_descriptors_is_critical_too() {
    assert_eq!(leak(10, 5_000, 64).only(&RULE).severity, Severity::Critical);
    leak(6, 5_000, 64).none(&RULE);
    leak(9, 5_000, 64).none(&RULE);
    leak(12, 5_000, 128).none(&RULE);
}

#[test]
fn a_burst_and_a_few_are_nothing() {
    leak(100, 5_000, 1_048_576).none(&RULE);
    // Young, and seen once: nobody can tell.
    let burst = leak(150, 20, 1_048_576).only(&RULE);
    assert_eq!(burst.severity, Severity::Info);
    // Young, and not there before: a burst.
    leak(150, 20, 1_048_576).after_nothing(1.0).none(&RULE);
}

#[test]
fn growth_makes_old_ones_a_warning() {
    let old = leak(3, 61_000, 1_048_576);
    assert_eq!(old.only(&RULE).severity, Severity::Info);
    let grown = leak(3, 61_000, 1_048_576).after_nothing(2.0).only(&RULE);
    assert_eq!(grown.severity, Severity::Warning);
    assert_eq!(grown.evidence.get("growth_per_second"), Some(1.5.into()));
}

#[test]
fn workers_that_leak_a_little_each_are_told_by_their_port() {
    let workers = |count: u16| {
        let mut stage = Stage::new();
        for pid in 10..14 {
            stage.process(pid, "worker", 1_048_576);
        }
        for n in 0..count {
            let pid = 10 + u32::from(n % 4);
            let made = stage.connection(State::CloseWait, 8080, 40_000 + n, Some(pid));
            made.recv(0).quiet(5_000);
        }
        stage
    };
    let finding = workers(160).only(&RULE);
    assert_eq!(finding.severity, Severity::Critical);
    assert_eq!(
        (finding.subject.process, finding.subject.port),
        (None, Some(8080))
    );
    assert_eq!(finding.evidence.get("processes"), Some(4.into()));
    workers(100).none(&RULE);
}

#[test]
fn a_peer_here_that_still_holds_its_end_may_wait_for_an_answer() {
    let waiting = |age_ms: u32| {
        let mut stage = leak(150, age_ms, 1_048_576);
        for n in 0..150 {
            let made = stage.outbound(State::FinWait2, 40_000 + n, 8080, Some(10));
            made.0.local.inet_mut().address = stage::FAR;
            made.0.peer.inet_mut().address = stage::HERE;
        }
        stage.kernel().has_address(stage::FAR);
        stage.only(&RULE).severity
    };
    assert_eq!(waiting(2_000), Severity::Info);
    assert_eq!(waiting(10_000), Severity::Warning);
}

#[test]
fn a_half_closed_client_that_is_served_is_no_leak() {
    let mut stage = leak(150, 5_000, 64);
    stage.each(|socket| {
        socket.send(1000);
    });
    stage.none(&RULE);
}

#[test]
fn a_source_without_ages_proves_less() {
    let mut stage = leak(150, 5_000, 64);
    stage.each(|made| made.0.tcp = None);
    let finding = stage.steady().only(&RULE);
    assert_eq!(finding.severity, Severity::Info);
    assert_eq!(finding.evidence.get("oldest_ms"), None);
}

#[test]
fn sockets_nobody_is_seen_to_hold_are_told_by_port() {
    let mut stage = Stage::new();
    for n in 0..101 {
        stage
            .connection(State::CloseWait, 8080, 40_000 + n, None)
            .recv(1)
            .quiet(9_000);
    }
    let finding = stage.only(&RULE);
    assert_eq!(finding.subject.process, None);
    assert_eq!(finding.subject.port, Some(8080));
}
