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
