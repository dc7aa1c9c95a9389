use crate::model::TimerKind;
use std::time::Duration;

use super::*;
use crate::analyze::doctor::stage::Stage;
use crate::model::Timer;

fn everything(_: &Socket) -> bool {
    true
}

fn rows(stage: &Stage, by: Option<By>) -> Vec<Pile> {
    buildup(&stage.finished(), None, by, &everything).piles
}

/// A web server with so many TIME_WAIT of clients, and so many towards a database.
fn stage(clients: u16, database: u16) -> Stage {
    let mut stage = Stage::new();
    stage.process(10, "web", 1024);
    stage.listener(8080, 0, 128, 10);
    for n in 0..clients {
        time_wait(
            stage.connection(State::TimeWait, 8080, 40_000 + n, None).0,
            50_000,
        );
    }
    for n in 0..database {
        time_wait(
            stage.outbound(State::TimeWait, 50_000 + n, 5432, None).0,
            10_000,
        );
    }
    stage
}

fn time_wait(socket: &mut Socket, left_ms: u32) {
    socket.inode = None;
    socket.tcp = None;
    socket.timer = Some(Timer {
        kind: TimerKind::TimeWait,
        expires_ms: left_ms,
        retransmits: 0,
    });
}

#[test]
fn time_wait_is_of_its_listener_or_else_of_its_destination() {
    let rows = rows(&stage(3, 300), None);
    assert_eq!(rows.len(), 2, "{rows:#?}");
    let (database, clients) = (&rows[0], &rows[1]);
    assert_eq!((database.count, database.oldest_ms), (300, Some(50_000)));
    assert_eq!(database.peer.port, Some(5432));
    assert_eq!(database.local.port, None);
    assert_eq!(database.process, None);
    assert_eq!(database.attribution, Attribution::Destination);
    assert_eq!((clients.count, clients.oldest_ms), (3, Some(10_000)));
    assert_eq!(clients.local.port, Some(8080));
    assert_eq!(clients.process, Some((10, b"web".to_vec())));
    assert_eq!(clients.attribution, Attribution::Listener);
}

#[test]
fn one_seen_alive_is_known_by_its_cookie() {
    let mut alive = Stage::new();
    alive.process(10, "client", 1024);
    alive.outbound(State::Established, 50_000, 5432, Some(10));
    let mut past = Past::of(alive.finished());
    // A later look without an owner does not forget it.
    let mut closed = alive.clone();
    closed.each(|made| {
        made.0.state = State::TimeWait;
        time_wait(made.0, 59_000);
    });
    past.absorb(&closed.finished().snapshot);
    let mut now = closed.finished();
    now.at = Duration::from_secs(1);
    let piles = buildup(&now, Some(&past), None, &everything).piles;
    assert_eq!(piles[0].process, Some((10, b"client".to_vec())));
    assert_eq!(piles[0].attribution, Attribution::Cookie);
}

#[test]
fn close_wait_is_of_its_owner_with_a_verdict_and_descriptors() {
    let mut stage = Stage::new();
    stage.process(10, "java", 64);
    for n in 0..4 {
        let made = stage.connection(State::CloseWait, 8080, 40_000 + n, Some(10));
        made.recv(u32::from(n % 2)).quiet(3040);
    }
    let rows = rows(&stage, None);
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!((row.count, row.oldest_ms), (4, Some(3040)));
    assert_eq!(row.attribution, Attribution::Owner);
    let verdicts = row.verdicts.unwrap();
    assert_eq!((verdicts.eof_read, verdicts.unread_fin), (2, 2));
    assert_eq!(row.files.unwrap().limit, Some(64));
    assert_eq!(row.local.port, Some(8080));
}

#[test]
fn a_server_whose_listener_is_gone_is_one_row() {
    let mut stage = stage(0, 0);
    for n in 0..5 {
        let made = stage.outbound(State::TimeWait, 9090, 40_000 + n, None);
        time_wait(made.0, 50_000);
    }
    let rows = rows(&stage, None);
    assert_eq!(rows.len(), 1, "{rows:#?}");
    assert_eq!(rows[0].local.port, Some(9090));
    assert_eq!(rows[0].peer.port, None);
}

#[test]
fn rows_can_be_made_of_something_else() {
    let stage = stage(3, 5);
    let by = |by| rows(&stage, Some(by));
    assert_eq!(by(By::State).len(), 1);
    assert_eq!(by(By::State)[0].count, 8);
    let ports = by(By::Port);
    assert_eq!(ports.len(), 6);
    assert_eq!(ports[0].group, Some(states::GroupedBy::Port(8080)));
    let processes = by(By::Process);
    assert_eq!(processes.len(), 2);
    assert_eq!(processes[1].process, Some((10, b"web".to_vec())));
}

#[test]
fn limits_tell_what_is_used_of_them() {
    let mut stage = stage(0, 5);
    let kernel = stage.kernel();
    kernel.set("net.ipv4.tcp_max_tw_buckets", "1000");
    kernel.count("sockstat.TCP", "tw", 5);
    kernel.set("net.ipv4.ip_local_port_range", "50000 50099");
    kernel.set("net.core.somaxconn", "4096");
    let limits = buildup(&stage.finished(), None, None, &everything).limits;
    assert_eq!(
        (limits.time_wait.value, limits.time_wait.used),
        (Some(1000), Some(5))
    );
    assert_eq!(limits.orphans, Used::default());
    let ports = limits.ports.unwrap();
    assert_eq!((ports.used, ports.usable), (5, 100));
    assert_eq!(ports.destination.unwrap().peer.port, 5432);
    assert_eq!(limits.accept_queue.used, Some(0));
}

#[test]
fn a_filter_by_process_finds_what_is_most_likely_its() {
    let stage = stage(3, 5).finished();
    let facts = stage.facts().clone();
    let is_web = |socket: &Socket| facts.owner_processes(socket).any(|p| p.comm == b"web");
    let piles = buildup(&stage, None, None, &is_web).piles;
    assert_eq!(piles.len(), 1);
    assert_eq!(piles[0].count, 3);
}

/// Connections of these processes to a database, each alone in its look, and `TIME_WAIT` towards it.
fn towards_a_database(pids: &[u32]) -> (Sample, Past) {
    let mut alive = Stage::new();
    let mut now = Stage::new();
    for (n, pid) in (0..).zip(pids) {
        let name = if *pid < 20 { "client" } else { "other" };
        alive.process(*pid, name, 1024);
        alive.outbound(State::Established, 50_000 + n, 5432, Some(*pid));
        let over = now.outbound(State::TimeWait, 50_000 + n, 5432, None);
        time_wait(over.0, 59_000);
    }
    // Never seen alive: one of the far end that they went to, and one of another.
    for port in [5432, 6000] {
        time_wait(now.outbound(State::TimeWait, 60_000, port, None).0, 58_000);
    }
    let past = Past::of(alive.finished());
    let mut now = now.finished();
    now.at = Duration::from_secs(1);
    (now, past)
}

fn told(piles: &[Pile]) -> Vec<(u64, Option<u32>, u64, Attribution)> {
    let told = piles.iter().map(|pile| {
        let pid = pile.process.as_ref().map(|(pid, _)| *pid);
        (pile.count, pid, pile.processes, pile.attribution)
    });
    told.collect()
}

#[test]
fn one_never_seen_alive_is_most_likely_of_who_alone_goes_there() {
    let (now, past) = towards_a_database(&[10]);
    let view = buildup(&now, Some(&past), None, &everything);
    let mut rows = told(&view.piles);
    rows.sort_by_key(|(_, pid, _, attribution)| (*attribution, *pid));
    assert_eq!(
        rows,
        [
            (1, Some(10), 1, Attribution::Cookie),
            (1, None, 1, Attribution::Destination),
            (1, Some(10), 1, Attribution::Destination),
        ]
    );
    let meanwhile = view.meanwhile.unwrap();
    assert_eq!((meanwhile.looks, meanwhile.time_wait), (1, 3));
    let by = (meanwhile.named, meanwhile.inferred, meanwhile.unnamed);
    assert_eq!((by, meanwhile.unseen), ((1, 1, 1), 2));
}

#[test]
fn of_two_who_go_there_neither_is_named_without_having_been_seen() {
    let (now, past) = towards_a_database(&[10, 20]);
    let view = buildup(&now, Some(&past), None, &everything);
    let certain = view.piles.iter().filter(|pile| pile.process.is_some());
    assert!(certain.clone().all(|pile| pile.attribution.is_certain()));
    assert_eq!(certain.count(), 2);
    let meanwhile = view.meanwhile.unwrap();
    let by = (meanwhile.named, meanwhile.inferred, meanwhile.unnamed);
    assert_eq!(by, (2, 0, 2));
}

#[test]
fn another_user_who_goes_there_unseen_is_another_process() {
    let (now, mut past) = towards_a_database(&[10]);
    let mut others = Stage::new();
    for (n, uid) in [(0, 0), (1, 1000)] {
        let made = others.outbound(State::Established, 51_000 + n, 5432, None);
        made.0.uid = crate::model::Uid::new(uid);
    }
    past.absorb(&others.finished().snapshot);
    let view = buildup(&now, Some(&past), None, &everything);
    assert_eq!(view.meanwhile.unwrap().inferred, 0);
}

#[test]
fn a_program_that_is_started_for_each_connection_is_one() {
    let (now, mut past) = towards_a_database(&[12, 11, 13]);
    past.note_ended(&|pid, _| pid != 13);
    let mut rows = told(&buildup(&now, Some(&past), None, &everything).piles);
    rows.sort_by_key(|(_, pid, ..)| *pid);
    // Those that have ended are one row; one that runs is itself, and nobody is the only one.
    assert_eq!(
        rows[2..],
        [
            (2, Some(11), 2, Attribution::Cookie),
            (1, Some(13), 1, Attribution::Cookie),
        ]
    );
    assert!(rows[..2].iter().all(|(_, pid, ..)| pid.is_none()));
    past.note_ended(&|_, _| true);
    let view = buildup(&now, Some(&past), None, &everything);
    assert_eq!(view.meanwhile.unwrap().inferred, 1);
}

#[test]
fn what_was_over_before_is_no_part_of_meanwhile() {
    let (now, _) = towards_a_database(&[10]);
    let past = Past::of(now.clone());
    let view = buildup(&now, Some(&past), None, &everything);
    let meanwhile = view.meanwhile.unwrap();
    assert_eq!((meanwhile.time_wait, meanwhile.looks), (0, 1));
    assert_eq!(buildup(&now, None, None, &everything).meanwhile, None);
}
