use super::*;
use crate::model::{Family, Holder, HolderIndex, Process, Timer, Via};
use std::num::NonZeroU32;

/// Rows with owners, as they are made.
#[derive(Default)]
struct Made {
    rows: Vec<Socket>,
    holders: Vec<Holder>,
    facts: Facts,
}

impl Made {
    fn row(&mut self, state: State, port: u16, peer: u16) -> &mut Socket {
        let end = |port| Endpoint::new([127, 0, 0, 1].into(), port);
        let mut socket = Socket::new(Protocol::Tcp, Family::V4, state, end(port));
        socket.role = Some(match port {
            0..1024 => Role::Inbound,
            _ => Role::Outbound,
        });
        if state == State::Listen {
            socket.role = Some(Role::Listener);
        } else {
            socket.peer = end(peer).into();
            socket.queue = Some(Queue::Bytes { recv: 0, send: 0 });
        }
        self.rows.push(socket);
        self.rows.last_mut().unwrap()
    }

    fn owned(&mut self, comm: &str, pid: u32, state: State, port: u16, peer: u16) -> &mut Socket {
        let inode = NonZeroU32::new(100 + u32::try_from(self.rows.len()).unwrap());
        self.holders.push(Holder {
            inode: inode.unwrap(),
            pid,
            via: Via::Fd(3),
        });
        self.facts
            .processes
            .insert(pid, Process::named(pid, comm.into()));
        let socket = self.row(state, port, peer);
        socket.inode = inode;
        socket.owner_status = OwnerStatus::Found;
        socket
    }

    fn arranged(mut self, folds: bool) -> FirstScreen {
        self.facts.holders = HolderIndex::new(self.holders);
        for socket in &mut self.rows {
            socket.held = self.facts.holders.find(socket.inode);
        }
        let listens = |socket: &mut Socket| socket.is_listener();
        let listeners: Vec<_> = self.rows.extract_if(.., listens).collect();
        arrange(&self.rows, &listeners, &self.facts, folds)
    }

    fn order(self) -> Vec<usize> {
        self.arranged(true).order
    }
}

fn repeating(retransmits: u8, kind: TimerKind) -> Timer {
    Timer {
        kind,
        expires_ms: 100,
        retransmits,
    }
}

#[test]
fn trouble_is_first_then_what_works_by_port_and_what_has_ended_last() {
    let mut made = Made::default();
    made.row(State::TimeWait, 80, 5000);
    made.owned("nginx", 8, State::Established, 443, 5001);
    made.owned("nginx", 8, State::Established, 80, 5002);
    made.row(State::SynSent, 6000, 25).timer = Some(repeating(2, TimerKind::Retransmit));
    made.row(State::FinWait2, 80, 5003);
    made.owned("curl", 9, State::Established, 6001, 443);
    made.owned("java", 7, State::Established, 80, 5004).queue =
        Some(Queue::Bytes { recv: 0, send: 9 });
    made.owned("java", 7, State::CloseWait, 80, 5005);
    // Handshakes and data on their way are no trouble.
    made.row(State::SynRecv, 80, 5006).timer = Some(repeating(0, TimerKind::Retransmit));
    assert_eq!(made.order(), [7, 6, 3, 2, 1, 5, 4, 8, 0]);
}

#[test]
fn the_worst_is_first_and_what_belongs_together_stands_together() {
    let mut made = Made::default();
    made.owned("a", 1, State::CloseWait, 80, 5000);
    made.owned("b", 2, State::CloseWait, 81, 5001);
    made.owned("a", 1, State::Established, 80, 5002).queue =
        Some(Queue::Bytes { recv: 0, send: 100 });
    made.owned("b", 2, State::CloseWait, 81, 5003).queue = Some(Queue::Bytes { recv: 5, send: 0 });
    made.owned("c", 3, State::Established, 82, 5004).queue = Some(Queue::Bytes {
        recv: 7000,
        send: 0,
    });
    made.owned("a", 1, State::Established, 80, 5005).queue =
        Some(Queue::Bytes { recv: 0, send: 300 });
    let stuck = made.owned("d", 4, State::Established, 83, 5006);
    stuck.queue = Some(Queue::Bytes { recv: 0, send: 1 });
    stuck.timer = Some(repeating(3, TimerKind::Retransmit));
    // Two that leak are worse than one; what is sent in vain is worse than a long queue.
    assert_eq!(made.order(), [3, 1, 0, 6, 4, 5, 2]);
}

#[test]
fn a_probe_a_keepalive_without_answer_and_what_is_not_accepted_are_trouble() {
    for (trouble, change) in [
        (
            true,
            (|s| s.timer = Some(repeating(0, TimerKind::Probe))) as fn(&mut Socket),
        ),
        (true, |s| s.timer = Some(repeating(1, TimerKind::Keepalive))),
        (true, |s| s.owner_status = OwnerStatus::Unaccepted),
        (false, |s| {
            s.timer = Some(repeating(0, TimerKind::Keepalive));
        }),
        (false, |s| {
            s.timer = Some(repeating(0, TimerKind::Retransmit));
        }),
        (false, |s| s.owner_status = OwnerStatus::Denied),
    ] {
        let mut made = Made::default();
        made.row(State::Established, 80, 5000);
        change(made.row(State::Established, 90, 5001));
        let first = made.order().first().copied();
        assert_eq!(first == Some(1), trouble);
    }
}

#[test]
fn many_that_have_ended_are_one_line_that_names_the_largest_parts() {
    let mut made = Made::default();
    made.owned("nginx", 8, State::Listen, 80, 0);
    // Known by a connection that lives, and not at all.
    made.owned("redis", 9, State::Established, 637, 5000);
    for peer in 0..3 {
        made.row(State::TimeWait, 80, 5000 + peer);
        made.row(State::TimeWait, 2000 + peer, 9000);
    }
    for peer in 0..2 {
        made.row(State::TimeWait, 637, 5000 + peer);
    }
    // Its server has gone: no role is known by a listener.
    for peer in 0..5 {
        made.row(State::TimeWait, 7000, 5000 + peer);
    }
    let screen = made.arranged(true);
    assert_eq!(screen.order, [0]);
    let pile = screen.folded.unwrap();
    assert_eq!(pile.count, 13);
    let port = |port, name: Option<&str>| Part::Port(port, name.map(Into::into));
    let towards = Part::Towards(Endpoint::new([127, 0, 0, 1].into(), 9000));
    let expected = [
        (port(7000, None), 5),
        (port(80, Some("nginx")), 3),
        (towards, 3),
        (port(637, Some("redis")), 2),
    ];
    assert_eq!(pile.parts, expected);
}

#[test]
fn few_that_have_ended_and_those_asked_for_are_listed() {
    let made = |count| {
        let mut made = Made::default();
        for peer in 0..count {
            made.row(State::TimeWait, 80, 5000 + peer);
        }
        made
    };
    let few = made(4).arranged(true);
    assert_eq!((few.order.len(), few.folded), (4, None));
    let asked = made(5).arranged(false);
    assert_eq!((asked.order, asked.folded), (vec![0, 1, 2, 3, 4], None));
    let many = made(5).arranged(true);
    assert_eq!((many.order.len(), many.folded.unwrap().count), (0, 5));
}

#[test]
fn no_row_is_lost_or_shown_twice() {
    let mut made = Made::default();
    for (index, state) in (0..).zip(State::TCP.into_iter().cycle().take(60)) {
        made.row(state, 80 + index % 3, 5000 + index);
    }
    let rows = made.rows.iter().filter(|row| !row.is_listener()).count();
    let mut order = made.arranged(false).order;
    order.sort_unstable();
    assert_eq!(order, (0..rows).collect::<Vec<_>>());
}
