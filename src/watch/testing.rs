//! A made-up host for the tests of the view: sockets that come, change and go, look by look.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::Tab;
use super::draw::draw;
use super::state::App;
use super::state::event::{Columns, Effect, Event, Setup, Toggles};
use super::state::key::Key;
use super::state::round::Round;
use crate::columns;
use crate::filter::Names;
use crate::look::changes::Look;
use crate::look::past::Past;
use crate::look::sample::Sample;
use crate::model::{
    AcceptQueue, Endpoint, Facts, Family, FamilySet, Files, Holder, HolderIndex, Kernel,
    OwnerStatus, Problem, Process, Protocol, ProtocolSet, Queue, Report, Role, Snapshot, Socket,
    State, TcpInfo, Timer, TimerKind, Uid, Via,
};
use crate::text::frame::Size;
use crate::text::theme::Theme;

/// A host, and its clock.
pub(super) struct World {
    at: Duration,
    sockets: Vec<(Socket, Option<u32>)>,
    processes: Vec<(u32, Vec<u8>)>,
    kernel: Kernel,
    pub problems: Vec<Problem>,
    pub poorest: Option<&'static str>,
    last: Option<Arc<Look>>,
}

fn end(text: &str) -> Endpoint {
    let address: SocketAddr = text.parse().unwrap();
    Endpoint::new(address.ip(), address.port())
}

impl World {
    pub fn new() -> Self {
        let mut kernel = Kernel::default();
        kernel.set("net.ipv4.tcp_max_tw_buckets", "1000");
        kernel.set("net.ipv4.ip_local_port_range", "32768 60999");
        kernel.set("net.core.somaxconn", "4096");
        Self {
            at: Duration::from_secs(100),
            sockets: Vec::new(),
            processes: Vec::new(),
            kernel,
            problems: Vec::new(),
            poorest: None,
            last: None,
        }
    }

    pub fn process(&mut self, pid: u32, comm: &[u8]) {
        self.processes.push((pid, comm.to_vec()));
    }

    pub fn socket(&mut self, cookie: u64) -> &mut Socket {
        let wanted = NonZeroU64::new(cookie);
        let mut all = self.sockets.iter_mut();
        &mut all.find(|(s, _)| s.cookie == wanted).unwrap().0
    }

    pub fn has(&self, cookie: u64) -> bool {
        let wanted = NonZeroU64::new(cookie);
        self.sockets
            .iter()
            .any(|(socket, _)| socket.cookie == wanted)
    }

    fn add(&mut self, cookie: u64, socket: Socket, pid: Option<u32>) -> &mut Socket {
        let mut socket = socket;
        socket.cookie = NonZeroU64::new(cookie);
        socket.inode = pid.and_then(|_| NonZeroU32::new(u32::try_from(cookie).unwrap() + 1000));
        socket.uid = pid.and(Uid::new(0));
        self.sockets.push((socket, pid));
        &mut self.sockets.last_mut().unwrap().0
    }

    pub fn listener(&mut self, cookie: u64, local: &str, pid: u32) {
        let family = if local.starts_with('[') {
            Family::V6
        } else {
            Family::V4
        };
        let mut socket = Socket::new(Protocol::Tcp, family, State::Listen, end(local));
        socket.queue = Some(Queue::Accept(AcceptQueue {
            length: 0,
            limit: Some(128),
        }));
        self.add(cookie, socket, Some(pid));
    }

    pub fn udp(&mut self, cookie: u64, local: &str, pid: u32) {
        let local = end(local);
        let socket = Socket::new(Protocol::Udp, Family::V4, State::Unconnected, local);
        self.add(cookie, socket, Some(pid));
    }

    pub fn tcp(&mut self, cookie: u64, state: State, ends: [&str; 2], pid: Option<u32>) {
        let family = if ends[0].starts_with('[') {
            Family::V6
        } else {
            Family::V4
        };
        let mut socket = Socket::new(Protocol::Tcp, family, state, end(ends[0]));
        socket.peer = end(ends[1]).into();
        socket.queue = Some(Queue::Bytes { recv: 0, send: 0 });
        socket.role = Some(match socket.local.port() {
            Some(443 | 8080) => Role::Inbound,
            _ => Role::Outbound,
        });
        socket.tcp = Some(Box::default());
        self.add(cookie, socket, pid);
        self.turn(cookie, state);
    }

    /// The socket is in another state now.
    pub fn turn(&mut self, cookie: u64, state: State) {
        let socket = self.socket(cookie);
        socket.state = state;
        if state == State::TimeWait {
            socket.tcp = None;
            socket.timer = Some(Timer {
                kind: TimerKind::TimeWait,
                expires_ms: 59_000,
                retransmits: 0,
            });
            self.give(cookie, None);
        }
    }

    /// Somebody else holds the socket now, or nobody.
    pub fn give(&mut self, cookie: u64, pid: Option<u32>) {
        let wanted = NonZeroU64::new(cookie);
        let mut all = self.sockets.iter_mut();
        let (socket, owner) = all.find(|(s, _)| s.cookie == wanted).unwrap();
        *owner = pid;
        socket.inode = pid.and_then(|_| NonZeroU32::new(u32::try_from(cookie).unwrap() + 1000));
        socket.uid = pid.and(Uid::new(0));
    }

    /// So many connections wait to be accepted.
    pub fn wait(&mut self, cookie: u64, length: u32) {
        self.socket(cookie).queue = Some(Queue::Accept(AcceptQueue {
            length,
            limit: Some(128),
        }));
    }

    /// So many bytes have come in and gone out in all.
    pub fn moved(&mut self, cookie: u64, received: u64, sent: u64) {
        let socket = self.socket(cookie);
        socket.tcp = Some(Box::new(TcpInfo {
            bytes_received: Some(received),
            bytes_acked: Some(sent),
            ..TcpInfo::default()
        }));
    }

    pub fn close(&mut self, cookie: u64) {
        let closed = NonZeroU64::new(cookie);
        self.sockets.retain(|(socket, _)| socket.cookie != closed);
    }

    fn sample(&self) -> Sample {
        let mut facts = Facts::default();
        let holders = self.sockets.iter().filter_map(|(socket, pid)| {
            Some(Holder {
                inode: socket.inode?,
                pid: (*pid)?,
                via: Via::Fd(3),
            })
        });
        facts.holders = HolderIndex::new(holders.collect());
        facts.users.insert(0, Some("root".into()));
        for (pid, comm) in &self.processes {
            let process = Process {
                command_later: false,
                pid: *pid,
                comm: comm.clone(),
                command: Some([b"/usr/sbin/", &comm[..], b" --serve"].concat().into()),
                uid: Some(0),
                parent: None,
                started: None,
                condition: Some(crate::model::Condition::Runs),
                background: None,
                program: None,
                cgroup: None,
                files: Some(Files {
                    open: 24,
                    limit: Some(1024),
                    hard_limit: None,
                }),
            };
            facts.processes.insert(*pid, process);
        }
        let sockets = self.sockets.iter().map(|(socket, pid)| {
            let mut socket = socket.clone();
            socket.held = facts.holders.find(socket.inode);
            socket.owner_status = match (pid, socket.state) {
                (Some(_), _) => OwnerStatus::Found,
                (None, State::TimeWait) => OwnerStatus::TimeWait,
                (None, State::SynRecv) => OwnerStatus::Handshake,
                (None, State::Established | State::CloseWait) => OwnerStatus::Unaccepted,
                (None, _) => OwnerStatus::Orphaned,
            };
            socket
        });
        let sockets: Vec<Socket> = sockets.collect();
        let waiting = sockets.iter().filter(|s| s.state == State::TimeWait);
        let mut kernel = self.kernel.clone();
        kernel.count("sockstat.TCP", "tw", waiting.count() as u64);
        Sample {
            snapshot: Snapshot {
                sockets,
                facts,
                report: Report {
                    collector: Some("netlink"),
                    owners_from: Some("proc"),
                    problems: self.problems.clone(),
                    poorest: self.poorest,
                    ..Report::default()
                },
            },
            kernel,
            at: self.at,
        }
    }

    /// A look, `seconds` after the one before.
    pub fn look_after(&mut self, seconds: u64) -> Event {
        let took = Duration::from_millis(7);
        let sample = |world: &Self| world.sample();
        let mut round = match self.last.take() {
            None => Round::first(sample(self), took),
            Some(last) => {
                self.at += Duration::from_secs(seconds);
                let before = Some(Past::of_look(&last));
                Round::after(&last, sample(self), before, took)
            }
        };
        round.time = "03:00:00".to_owned();
        self.last = Some(Arc::clone(&round.look));
        Event::Round(Box::new(round))
    }

    /// The next look, a second later.
    pub fn look(&mut self) -> Event {
        self.look_after(1)
    }
}

/// A view of this size, before the first look.
pub(super) fn app(tab: Tab, size: (u16, u16)) -> App {
    let mut setup = setup(tab);
    setup.size = Size::new(size.0, size.1);
    App::new(setup)
}

pub(super) fn setup(tab: Tab) -> Setup {
    Setup {
        host: "web1".into(),
        netns: Some(4_026_531_840),
        tab,
        filter: String::new(),
        interval: Duration::from_secs(1),
        toggles: Toggles {
            protocols: ProtocolSet {
                tcp: true,
                udp: true,
                raw: false,
            },
            families: FamilySet::BOTH,
            listening: false,
            established: false,
            changed_only: false,
        },
        marks_hint: None,
        by: None,
        sort: None,
        columns: Columns {
            listen: columns::select(&["protocol", "local", "queue", "process", "user"]),
            conns: columns::select(&[
                "protocol", "state", "recv_q", "send_q", "local", "peer", "process",
            ]),
            has_rates: true,
        },
        limit: usize::MAX,
        theme: Theme::PLAIN,
        size: Size::new(80, 24),
        names: Names {
            port: |name| (name == "https").then_some(443),
            ..Names::NONE
        },
    }
}

/// Types characters; returns the last effect.
pub(super) fn type_in(app: &mut App, keys: &str) -> Option<Effect> {
    let mut effect = None;
    for key in keys.chars() {
        effect = press(app, Key::Char(key));
    }
    effect
}

pub(super) fn press(app: &mut App, key: Key) -> Option<Effect> {
    app.update(Event::Key(key))
}

/// A terminal of the view's size, with the view drawn on it.
pub(super) fn drawn(app: &App) -> Terminal<TestBackend> {
    let Size {
        columns: width,
        lines: height,
    } = app.size;
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, app)).unwrap();
    terminal
}

/// The screen as text: its lines without the blanks at their ends.
pub(super) fn screen(app: &App) -> String {
    let terminal = drawn(app);
    let buffer = terminal.backend().buffer();
    let width = usize::from(buffer.area.width).max(1);
    let mut text = String::new();
    for line in buffer.content().chunks(width) {
        let mut skip = 0;
        let mut drawn = String::new();
        for cell in line {
            // What is two columns wide has an empty cell behind it.
            if skip == 0 {
                drawn.push_str(cell.symbol());
                skip = unicode_width::UnicodeWidthStr::width(cell.symbol()).max(1);
            }
            skip -= 1;
        }
        text.push_str(drawn.trim_end());
        text.push('\n');
    }
    text
}

/// The line of the screen that has this text in it.
pub(super) fn line_with(app: &App, text: &str) -> String {
    let screen = screen(app);
    let line = screen.lines().find(|line| line.contains(text));
    line.unwrap_or_else(|| panic!("no {text:?} in\n{screen}"))
        .to_owned()
}

/// A host with something of everything: two rounds are looked at.
pub(super) fn busy_host() -> World {
    let mut world = World::new();
    world.process(812, b"nginx");
    world.process(900, b"leaky-with-a-name");
    world.process(77, b"evil\x1b[2J\xe2\x80\xae\n");
    world.listener(1, "0.0.0.0:443", 812);
    world.listener(2, "[::]:22", 77);
    world.udp(3, "127.0.0.53:53", 77);
    let peers = [
        "203.0.113.7:50001",
        "203.0.113.7:50002",
        "198.51.100.9:40000",
    ];
    for (cookie, peer) in (10..).zip(peers) {
        let ends = ["192.0.2.1:443", peer];
        world.tcp(cookie, State::Established, ends, Some(812));
        world.moved(cookie, 1000, 1000);
    }
    let far = "[2001:db8:1234:5678:9abc:def0:1234:5678]:65535";
    let ends = ["[2001:db8::1]:443", far];
    world.tcp(20, State::Established, ends, Some(812));
    world.tcp(
        30,
        State::FinWait2,
        ["192.0.2.1:40000", "192.0.2.9:80"],
        None,
    );
    for cookie in 40..52 {
        let peer = format!("10.0.0.1:{}", 1000 + cookie);
        world.tcp(
            cookie,
            State::CloseWait,
            ["192.0.2.1:8080", &peer],
            Some(900),
        );
    }
    world
}

/// What happens on the busy host until the next look.
pub(super) fn pass(world: &mut World) {
    world.moved(10, 151_000, 2_501_000);
    world.turn(11, State::TimeWait);
    world.close(12);
    world.turn(30, State::TimeWait);
    world.wait(1, 129);
    world.tcp(13, State::SynRecv, ["192.0.2.1:443", "203.0.113.8:6"], None);
}
