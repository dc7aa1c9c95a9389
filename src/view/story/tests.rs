//! The story at every width: no line is longer than the terminal, no number is cut.

use std::num::NonZeroU32;

use unicode_width::UnicodeWidthStr;

use super::{Telling, tell};
use crate::analyze::bind::Around;
use crate::analyze::port::{Asked, ByPort, entries};
use crate::model::{
    AcceptQueue, Background, Condition, Endpoint, Facts, Family, FamilySet, Holder, HolderIndex,
    Kernel, OwnerStatus, PortRange, Process, Protocol, ProtocolSet, Queue, Role, Socket, State,
    Timer, TimerKind, Uid, Via,
};
use crate::text::theme::Theme;

/// A server and two workers with a listener for each family, which they share.
fn facts() -> Facts {
    let mut facts = Facts::default();
    let mut holders = Vec::new();
    for (pid, parent, command) in [
        (
            41201,
            1,
            "nginx: master process /usr/sbin/nginx -g daemon on; master_process on;",
        ),
        (41202, 41201, "nginx: worker process"),
        (41203, 41201, "nginx: worker process"),
    ] {
        for (inode, fd) in [(701, 6), (702, 7)] {
            holders.push(Holder {
                inode: NonZeroU32::new(inode).unwrap(),
                pid,
                via: Via::Fd(fd),
            });
        }
        let process = Process {
            command_later: false,
            pid,
            comm: b"nginx".to_vec(),
            command: Some(command.as_bytes().into()),
            uid: Some(33),
            parent: Some(parent),
            started: Some(1_000_000),
            cgroup: Some("/system.slice/nginx.service".into()),
            files: None,
            condition: None,
            background: None,
            program: None,
        };
        facts.processes.insert(pid, process);
    }
    facts.holders = HolderIndex::new(holders);
    facts
}

fn sockets(facts: &Facts) -> Vec<Socket> {
    let end = |address: &str, port| Endpoint::new(address.parse().unwrap(), port);
    let listener = |family, address, inode| {
        let mut socket = Socket::new(Protocol::Tcp, family, State::Listen, end(address, 8080));
        socket.inode = NonZeroU32::new(inode);
        socket.held = facts.holders.find(socket.inode);
        socket.owner_status = OwnerStatus::Found;
        socket.role = Some(Role::Listener);
        socket.v6_only = (family == Family::V6).then_some(true);
        let limit = Some(511);
        socket.queue = Some(Queue::Accept(AcceptQueue { length: 3, limit }));
        socket
    };
    let mut all = vec![
        listener(Family::V4, "0.0.0.0", 701),
        listener(Family::V6, "::", 702),
    ];
    for (number, state) in [State::Established, State::CloseWait, State::TimeWait]
        .into_iter()
        .cycle()
        .take(60)
        .enumerate()
    {
        let local = end("192.168.100.200", 8080);
        let mut socket = Socket::new(Protocol::Tcp, Family::V4, state, local);
        let far = format!("10.100.200.{}", number % 20);
        socket.peer = end(&far, 40000).into();
        socket.role = Some(Role::Inbound);
        all.push(socket);
    }
    all
}

fn story(width: Option<usize>) -> String {
    let facts = facts();
    told(&facts, &sockets(&facts), width)
}

fn told(facts: &Facts, sockets: &[Socket], width: Option<usize>) -> String {
    let ports = [PortRange {
        first: 8080,
        last: 8080,
    }];
    let asked = Asked {
        ports: &ports,
        protocols: ProtocolSet {
            tcp: true,
            udp: false,
            raw: false,
        },
        families: FamilySet::BOTH,
    };
    let entries = entries(asked, sockets, facts, &Around::default());
    let telling = Telling {
        sockets: &ByPort::new(sockets),
        facts,
        kernel: &Kernel::default(),
        theme: Theme::PLAIN,
        width,
        now: 1_000_090,
        limit: None,
        may_be_root: true,
    };
    let mut out = Vec::new();
    tell(&mut out, &entries[0], telling).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn no_line_is_longer_than_the_terminal_and_no_number_is_cut() {
    for width in 24..=220 {
        let story = story(Some(width));
        for line in story.lines() {
            assert!(line.width() <= width, "{width}: {line}\n{story}");
        }
        for whole in [
            "41201",
            "41202",
            "41203",
            "6,7",
            "0.0.0.0:8080",
            "[::]:8080",
        ] {
            assert!(story.contains(whole), "{width}: {whole}\n{story}");
        }
    }
}

#[test]
fn a_server_with_its_workers_is_a_line_each() {
    let told = story(Some(100));
    let held: Vec<&str> = told
        .lines()
        .filter(|line| line.contains("pid 412"))
        .collect();
    assert_eq!(
        held,
        [
            "  held by     nginx     pid 41201 (master)  fd 6,7  uid 33  nginx: master process /usr/sbin/nginx -…",
            "              ├─ nginx  pid 41202           fd 6,7  uid 33  nginx: worker process",
            "              └─ nginx  pid 41203           fd 6,7  uid 33  nginx: worker process",
        ]
    );
    assert!(told.contains("  unit        nginx.service\n"), "{told}");
    assert_eq!(told.matches("since").count(), 1, "{told}");
}

#[test]
fn many_workers_are_few_lines_and_a_stopped_one_is_named_all_the_same() {
    let mut facts = facts();
    let mut holders = Vec::new();
    for pid in 41201..=41264 {
        let holder = |inode, fd| Holder {
            inode: NonZeroU32::new(inode).unwrap(),
            pid,
            via: Via::Fd(fd),
        };
        holders.extend([holder(701, 6), holder(702, 7)]);
        let worker = facts.processes[&41203].clone();
        let condition = match pid {
            41202 | 41260 => Condition::Stopped,
            _ => Condition::Runs,
        };
        let directory = Some("/srv/www".into());
        facts.processes.insert(
            pid,
            Process {
                pid,
                parent: Some(if pid == 41201 { 700 } else { 41201 }),
                condition: Some(condition),
                background: Some(Box::new(Background {
                    directory,
                    parent: Some("runsv".into()),
                })),
                ..worker
            },
        );
    }
    facts.holders = HolderIndex::new(holders);
    let told = told(&facts, &sockets(&facts), Some(100));
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(told.matches("─ nginx").count(), 7, "{told}");
    assert!(lines.len() < 25, "{told}");
    for line in [
        "  held by     nginx     pid 41201 (master)           fd 6,7  uid 33  nginx: worker process",
        "              ├─ nginx  pid 41202           stopped  fd 6,7  uid 33  nginx: worker process",
        "              ├─ nginx  pid 41203                    fd 6,7  uid 33  nginx: worker process",
        "              and 56 more processes hold it (--limit 64 shows all)",
        "  state       pids 41202 and 41260 stopped (Ctrl-Z or SIGSTOP); kill -CONT 41202 41260 lets them go",
        "              on",
        "  directory   /srv/www",
        "  parent      runsv (pid 700)",
        "  unit        nginx.service",
    ] {
        assert!(lines.contains(&line), "{line}\n{told}");
    }
}

#[test]
fn the_timers_say_when_the_next_time_wait_ends() {
    let facts = facts();
    let told_of = |timers: &[Option<u32>]| {
        let mut all = sockets(&facts);
        all.truncate(2);
        for expires_ms in timers {
            let local = Endpoint::new("192.0.2.1".parse().unwrap(), 8080);
            let mut socket = Socket::new(Protocol::Tcp, Family::V4, State::TimeWait, local);
            socket.peer = Endpoint::new("192.0.2.2".parse().unwrap(), 4000).into();
            socket.role = Some(Role::Inbound);
            socket.timer = expires_ms.map(|expires_ms| Timer {
                kind: TimerKind::TimeWait,
                expires_ms,
                retransmits: 0,
            });
            all.push(socket);
        }
        let told = told(&facts, &all, Some(80));
        let lines = told.lines().skip_while(|line| !line.contains("connected"));
        let lines: Vec<String> = lines.take(2).map(str::to_owned).collect();
        lines[1].trim().to_owned()
    };
    let wanted = [
        (
            &[Some(11_001), Some(57_999)][..],
            "TIME_WAIT: the next ends in 12 s, the last in 58 s",
        ),
        (&[Some(1)], "TIME_WAIT ends in 1 s"),
        (&[Some(900), Some(1000)], "TIME_WAIT: all end in 1 s"),
        // Not of all: nothing is said of any.
        (&[Some(900), None], "peers       192.0.2.2 (2)"),
    ];
    for (timers, line) in wanted {
        assert_eq!(told_of(timers), line);
    }
}

#[test]
fn whoever_may_not_look_hears_whose_it_is_and_how_it_is_named() {
    let mut facts = facts();
    facts.holders = HolderIndex::new(Vec::new());
    facts.users.insert(33, Some("www-data".into()));
    let denied = |uids: [Option<u32>; 2]| {
        let mut all = sockets(&facts);
        all.truncate(2);
        for (socket, uid) in all.iter_mut().zip(uids) {
            socket.owner_status = OwnerStatus::Denied;
            socket.uid = uid.and_then(Uid::new);
        }
        let told = told(&facts, &all, Some(100));
        let line = told.lines().find(|line| line.contains("held by"));
        line.unwrap().trim_start().to_owned()
    };
    for (uids, line) in [
        (
            [Some(33); 2],
            "held by     a process of www-data; sudo sockscope port 8080 names it",
        ),
        (
            [Some(33), Some(7)],
            "held by     a process of uid 7 and www-data; sudo sockscope port 8080 names it",
        ),
        (
            [Some(33), None],
            "held by     unknown: no permission to read open files of its process",
        ),
    ] {
        assert_eq!(denied(uids), line);
    }
}
