//! Made-up cases of accept queues.

use super::super::stage::Stage;
use super::*;

fn queue(length: u32, limit: u32) -> Stage {
    let mut stage = Stage::new();
    stage.process(10, "java", 1024);
    stage.listener(8080, length, limit, 10);
    stage.kernel().set("net.core.somaxconn", "4096");
    stage.kernel().count("TcpExt", "ListenOverflows", 0);
    stage
}

fn dropped(mut stage: Stage, drops: u32) -> Stage {
    stage.each(|made| made.0.drops = Some(drops));
    stage
        .kernel()
        .count("TcpExt", "ListenOverflows", drops.into());
    stage
}

#[test]
fn full_at_both_looks_is_critical_and_names_the_knob() {
    let finding = queue(5, 4).steady().only(&RULE);
    assert_eq!(finding.severity, Severity::Critical);
    assert_eq!(finding.subject.port, Some(8080));
    assert_eq!(finding.evidence.get("waiting"), Some(5.into()));
    assert_eq!(finding.evidence.get("limit"), Some(4.into()));
    let remedy = finding.remedy.join("\n");
    assert!(remedy.contains("raise the listen() backlog in java (pid 10): the limit 4 is the application's, somaxconn is 4096"), "{remedy}");
    let capped = queue(4097, 4096).steady().only(&RULE);
    let remedy = capped.remedy.join("\n");
    assert!(remedy.contains("sysctl -w net.core.somaxconn"), "{remedy}");
}

#[test]
fn one_look_proves_less() {
    assert_eq!(queue(5, 4).only(&RULE).severity, Severity::Warning);
    queue(4, 4).none(&RULE);
}

#[test]
fn nearly_full_needs_to_stay_so() {
    let severity = |length| queue(length, 10).steady().only(&RULE).severity;
    assert_eq!(severity(7), Severity::Warning);
    queue(6, 10).steady().none(&RULE);
    queue(7, 10).after(queue(0, 10), 1.0).none(&RULE);
    queue(0, 0).steady().none(&RULE);
}

#[test]
fn drops_count_by_their_rate_and_old_ones_are_old_news() {
    let severity = |before, now| {
        let now = dropped(queue(0, 10), now);
        now.after(dropped(queue(0, 10), before), 1.0)
            .only(&RULE)
            .severity
    };
    assert_eq!(severity(0, 6), Severity::Critical);
    assert_eq!(severity(3, 5), Severity::Warning);
    assert_eq!(severity(4, 5), Severity::Info);
    assert_eq!(severity(500, 500), Severity::Info);
}

#[test]
fn drops_without_an_overflow_are_of_the_syn_queue() {
    let mut now = queue(0, 10);
    now.each(|made| made.0.drops = Some(100));
    now.after(queue(0, 10), 1.0).none(&RULE);
}

#[test]
fn without_limits_nothing_can_be_said() {
    let mut stage = queue(5, 4);
    stage.each(|made| {
        made.0.queue = Some(Queue::Accept(AcceptQueue {
            length: 5,
            limit: None,
        }));
    });
    assert!(stage.outcome(&RULE).unwrap_err().contains("sock_diag"));
}

/// A master and its workers, of which some are kept from running.
fn workers(conditions: &[Condition]) -> Finding {
    let mut stage = queue(5, 4);
    for (n, condition) in (0_u32..).zip(conditions) {
        let (pid, name) = (11 + n, format!("worker-{n}"));
        stage.process(pid, &name, 1024).shared(pid);
        let process = stage.sample.snapshot.facts.processes.get_mut(&pid);
        process.unwrap().condition = Some(condition.clone());
    }
    stage.steady().only(&RULE)
}

#[test]
fn many_that_are_kept_by_the_same_are_told_in_one_sentence() {
    let all = workers(&vec![Condition::Stopped; 40]);
    let told = "40 of the 41 that should accept cannot: worker-0 (pid 11), worker-1 (pid 12), worker-2 (pid 13), worker-3 (pid 14), worker-4 (pid 15) and 35 more are stopped (state T): nothing of them runs until they get SIGCONT";
    assert!(all.cause.ends_with(told), "{}", all.cause);
    let first = "let them go on: kill -CONT 11 12 13 14 15, and 35 more";
    assert!(all.remedy[0].starts_with(first), "{:?}", all.remedy);
    // The text has said why.
    let remedy = all.remedy.join("\n");
    assert!(!remedy.contains("find out why"), "{remedy}");
    let two = workers(&[
        Condition::Stopped,
        Condition::Traced(None),
        Condition::Stopped,
    ]);
    let told = "worker-0 (pid 11) and worker-2 (pid 13) are stopped";
    assert!(two.cause.contains(told), "{}", two.cause);
    assert!(
        two.cause
            .contains("; worker-1 (pid 12) is held by a debugger")
    );
}

#[test]
fn whether_other_threads_accept_is_not_known() {
    let ended = workers(&[Condition::Zombie, Condition::Runs]);
    assert!(!ended.cause.contains("cannot"), "{}", ended.cause);
    assert!(ended.cause.contains("not known"), "{}", ended.cause);
    assert!(ended.remedy[1].contains("find out why"), "{ended:?}");
    let both = workers(&[Condition::Zombie, Condition::Stopped]);
    assert!(both.cause.contains("1 of the 3"), "{}", both.cause);
}
