//! Every view at every width, over rows with long names, long addresses and large numbers:
//! nothing is wider than the terminal, no number is cut, no word is half.

use std::io::Write;
use std::num::{NonZeroU32, NonZeroU64};

use crate::analyze::bind::Around;
use crate::analyze::buildup as piles;
use crate::analyze::crowds;
use crate::analyze::doctor::{Diagnosis, Evidence, Finding, RULES, Severity, Subject};
use crate::analyze::port::{Asked, ByPort, entries};
use crate::analyze::states::{By, StatesView, Tally};
use crate::columns::{COLUMNS, Row, select};
use crate::explain::topics;
use crate::look::sample::Sample;
use crate::model::{
    AcceptQueue, Endpoint, Entry, Event, Facts, Family, FamilySet, Figure, Files, Holder,
    HolderIndex, Kernel, Memory, NetnsId, OwnerStatus, PortRange, Process, Protocol, ProtocolSet,
    Queue, Record, Report, Role, RowKind, Snapshot, Socket, SocketOptions, State, TcpInfo, Timer,
    TimerKind, Uid, Via,
};
use crate::text::faults::Words;
use crate::text::frame::{Size, Title, compose};
use crate::text::grid::Frame;
use crate::text::marks;
use crate::text::marks::marked;
use crate::text::theme::Theme;
use crate::text::{Columns, RowWriter};
use crate::view::inspect::Inspected;
use crate::view::overview::Glance;
use crate::view::story::Telling;
use crate::view::{buildup, counts, diff, doctor, explain, inspect, list, story};

/// Widths of lines. A frame that is drawn in place has two columns less for them.
const WIDTHS: std::ops::RangeInclusive<usize> = 18..=220;

/// Widths of frames that are drawn in place.
const FRAMES: [usize; 9] = [20, 25, 40, 60, 78, 80, 100, 120, 200];

const LONG: &str = "[2001:db8:1234:5678:9abc:def0:1234:5678]:65535";

fn end(text: &str) -> Endpoint {
    let address: std::net::SocketAddr = text.parse().unwrap();
    Endpoint::new(address.ip(), address.port())
}

/// A host of which everything is long.
fn host() -> Snapshot {
    let mut facts = Facts::default();
    let processes: [(u32, &[u8]); 5] = [
        (812, b"nginx"),
        (4_194_303, b"systemd-resolve"),
        (1113, b"redis-server"),
        (77, "日本語の長い名前".as_bytes()),
        (900_001, b"worker 12345678"),
    ];
    for (pid, comm) in processes {
        let mut process = Process::named(pid, comm.to_vec());
        process.uid = Some(if pid == 812 { 33 } else { 4_294_967_294 });
        process.command = Some(
            b"/usr/lib/a/long/path/to-it --port=65535 --listen 10.20.30.40"
                .repeat(4)
                .into(),
        );
        process.started = Some(1_700_000_000);
        process.cgroup = Some("/system.slice/a-service-with-a-long-name@12345.service".into());
        process.files = Some(Files {
            open: 1_048_576,
            limit: Some(1_048_576),
            hard_limit: None,
        });
        facts.processes.insert(pid, process);
    }
    facts
        .users
        .insert(33, Some("a-user-with-a-long-name".into()));
    facts.users.insert(4_294_967_294, None);
    let interface = NonZeroU32::new(7);
    let netns = NetnsId::new(4_026_531_840);
    facts
        .interfaces
        .insert((netns, interface.unwrap()), "enp0s31f6.4094".into());
    let mut sockets = Vec::new();
    let mut holders = Vec::new();
    let mut add = |state, local: &str, peer: Option<&str>, pids: &[u32], queue| {
        let family = if local.starts_with('[') {
            Family::V6
        } else {
            Family::V4
        };
        let mut socket = Socket::new(Protocol::Tcp, family, state, end(local));
        socket.peer = peer.map(end).into();
        let count = u32::try_from(sockets.len()).unwrap() + 4_294_960_000;
        socket.inode = NonZeroU32::new(count).filter(|_| !pids.is_empty());
        socket.cookie = NonZeroU64::new(u64::MAX - u64::from(count));
        socket.netns = netns;
        socket.uid = Uid::new(if pids == [812] { 33 } else { 4_294_967_294 });
        socket.queue = Some(queue);
        socket.role = Some(match (state, socket.local.port()) {
            (State::Listen, _) => Role::Listener,
            (_, Some(443)) => Role::Inbound,
            _ => Role::Outbound,
        });
        socket.owner_status = match state {
            _ if !pids.is_empty() => OwnerStatus::Found,
            State::TimeWait => OwnerStatus::TimeWait,
            State::SynRecv => OwnerStatus::Handshake,
            State::Established => OwnerStatus::Unaccepted,
            _ => OwnerStatus::KernelOrHidden,
        };
        holders.extend(pids.iter().filter_map(|pid| {
            Some(Holder {
                inode: socket.inode?,
                pid: *pid,
                via: Via::Fd(1_048_575),
            })
        }));
        sockets.push(socket);
    };
    let accept = |length, limit| {
        Queue::Accept(AcceptQueue {
            length,
            limit: Some(limit),
        })
    };
    let bytes = |recv, send| Queue::Bytes { recv, send };
    add(
        State::Listen,
        "0.0.0.0:443",
        None,
        &[812, 1113, 77],
        accept(0, 511),
    );
    add(
        State::Listen,
        LONG,
        None,
        &[4_194_303],
        accept(65_536, 65_535),
    );
    add(State::Listen, "[::]:22", None, &[77], accept(0, 4096));
    add(
        State::Established,
        "192.0.2.101:443",
        Some("203.0.113.207:50001"),
        &[812],
        bytes(0, 0),
    );
    add(
        State::Established,
        "192.0.2.101:443",
        Some("203.0.113.207:50002"),
        &[],
        bytes(4_294_967_295, 0),
    );
    add(
        State::Established,
        "127.0.0.1:6379",
        Some("127.0.0.1:40072"),
        &[1113],
        bytes(0, 131_072),
    );
    add(
        State::CloseWait,
        "[fe80::1234:5678:9abc:def0]:443",
        Some(LONG),
        &[900_001],
        bytes(1, 0),
    );
    add(
        State::TimeWait,
        "10.20.30.40:40000",
        Some("198.51.100.9:443"),
        &[],
        bytes(0, 0),
    );
    add(
        State::SynRecv,
        "192.0.2.101:443",
        Some("203.0.113.208:6"),
        &[],
        bytes(0, 0),
    );
    add(
        State::FinWait2,
        "192.0.2.101:40001",
        Some("192.0.2.9:443"),
        &[],
        bytes(0, 0),
    );
    add(
        State::BoundInactive,
        "127.0.0.1:9999",
        None,
        &[1113],
        bytes(0, 0),
    );
    let mut udp = Socket::new(
        Protocol::Udp,
        Family::V4,
        State::Unconnected,
        end("127.0.0.53:53"),
    );
    udp.netns = netns;
    udp.queue = Some(bytes(0, 0));
    udp.drops = Some(4_294_967_295);
    sockets.push(udp);
    for socket in &mut sockets {
        let local = socket.local.inet().unwrap();
        let is_bound = local.port == 53 || local.address.to_string().starts_with("fe80");
        socket.interface = interface.filter(|_| is_bound);
        socket.memory = Some(Box::new(Memory {
            receive_limit: 4_294_967_295,
            ..Memory::default()
        }));
        socket.options = Some(Box::new(SocketOptions {
            congestion: Some("bbr".into()),
            mark: Some(0xdead_beef),
            flags: Some(0xffff),
            ..SocketOptions::default()
        }));
        if socket.state == State::Established || socket.state == State::CloseWait {
            socket.tcp = Some(Box::new(TcpInfo {
                rtt_us: 1_234_567,
                rtt_var_us: 987_654,
                total_retransmits: 4_294_967_295,
                bytes_acked: Some(u64::MAX / 3),
                delivery_rate: Some(12_345_678_901),
                ..TcpInfo::default()
            }));
            socket.timer = Some(Timer {
                kind: TimerKind::Retransmit,
                expires_ms: 119_000,
                retransmits: 15,
            });
        }
    }
    facts.holders = HolderIndex::new(holders);
    for socket in &mut sockets {
        socket.held = facts.holders.find(socket.inode);
    }
    Snapshot {
        sockets,
        facts,
        report: Report::default(),
    }
}

fn frame(width: Option<usize>, colour: bool) -> Frame {
    Frame {
        theme: if colour {
            Theme::COLOURED
        } else {
            Theme::PLAIN
        },
        width,
        header: true,
        indent: 0,
    }
}

/// Draws a view without a limit, and then at every width; `more` is said only where it is narrow.
fn check(name: &str, more: &str, view: &dyn Fn(&mut Vec<u8>, &Frame)) {
    let drawn = |width, colour| {
        let mut out = Vec::new();
        view(&mut out, &frame(width, colour));
        String::from_utf8(out).unwrap()
    };
    let whole = drawn(None, false);
    assert!(!whole.is_empty(), "{name}");
    let words = Words::of(&[&whole, &drawn(Some(220), false), more]);
    let in_place = InPlace::new(&words);
    for width in WIDTHS {
        let text = drawn(Some(width), false);
        let faults = words.faults(&text, width);
        assert!(faults.is_empty(), "{name} at {width}: {faults:#?}\n{text}");
        let uneven = text.lines().find(|line| line.trim_end() != *line);
        assert_eq!(uneven, None, "{name} at {width}");
        if FRAMES.contains(&(width + marks::GUTTER)) {
            in_place.check(name, &drawn(Some(width), true), width);
        }
    }
}

/// The same as a frame that is drawn in place, after one of which a line was another.
struct InPlace {
    words: Words,
    title: Title,
    notes: [String; 1],
}

impl InPlace {
    fn new(words: &Words) -> Self {
        let title = Title {
            command: "sockscope command --option=12345 words".to_owned(),
            status: ["every 1 s", "12:34:56Z", "q quits"]
                .map(str::to_owned)
                .to_vec(),
        };
        let note = "note: could not keep up with 12345678 looks (run as root)".to_owned();
        let frame = Words::of(&[&title.command, &title.status.join(" "), &note]);
        Self {
            words: words.and(&frame),
            title,
            notes: [note],
        }
    }

    fn check(&self, name: &str, text: &str, width: usize) {
        let before: String = text.split_inclusive('\n').skip(1).collect();
        let size = Size {
            columns: u16::try_from(width + marks::GUTTER).unwrap(),
            lines: u16::try_from(text.lines().count() * 2 + 20).unwrap(),
        };
        let theme = Theme::COLOURED;
        for before in [None, Some(before.as_str())] {
            let body = marked(before, text, size.lines.into(), theme);
            let lines = compose(&self.title, &body, &self.notes, size, theme);
            let lines = lines.iter().map(|line| uncoloured(line));
            // Marks, and lines that have gone, stand between parts of a word.
            let lines = lines.filter(|line| !line.starts_with("- "));
            let of_body = |line: &str| line.strip_prefix(['+', '~', ' ']).map(str::to_owned);
            let lines: Vec<String> = lines.map(|line| of_body(&line).unwrap_or(line)).collect();
            let faults = self.words.faults(&lines.join("\n"), size.columns.into());
            assert!(
                faults.is_empty(),
                "{name} in place at {width}: {faults:#?}\n{lines:#?}"
            );
        }
    }
}

fn uncoloured(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + part.split_once('m').map_or("", |(_, text)| text)
    })
}

fn columns(ids: &[&str], asked: &[&'static str]) -> Columns {
    Columns {
        table: select(ids),
        program: Vec::new(),
        asked: asked.to_vec(),
    }
}

fn tally(snapshot: &Snapshot, by: Option<By>) -> StatesView {
    let mut tally = Tally::new(by);
    for _ in 0..1000 {
        for socket in &snapshot.sockets {
            tally.add(socket, &snapshot.facts);
        }
    }
    tally.finish()
}

/// What is said of columns that were left out: any of these.
fn left_out() -> String {
    let ids = ["protocol", "recv_q", "send_q", "role", "fd", "user"];
    let mut text = "narrow terminal: left out; --columns or a wider terminal shows it them \
                    PROTO RECV SEND ROLE FD USER"
        .to_owned();
    for set in 1..1_u32 << ids.len() {
        let chosen = ids
            .iter()
            .enumerate()
            .filter(|(bit, _)| set >> bit & 1 == 1);
        let chosen: Vec<_> = chosen.map(|(_, id)| *id).collect();
        text.extend([" +", &chosen.join(",")]);
    }
    text
}

#[test]
fn lists() {
    let host = host();
    let connected = |socket: &&Socket| socket.state != State::Listen;
    let rows = |is_listen: bool| -> Vec<Socket> {
        let chosen = host.sockets.iter().filter(|s| connected(s) != is_listen);
        chosen.cloned().collect()
    };
    let few = |from: &[Socket], places: &[usize]| -> Vec<Socket> {
        places.iter().map(|place| from[*place].clone()).collect()
    };
    let (listeners, others) = (rows(true), rows(false));
    // Rows of one kind, a long one among many short ones, and everything.
    let usual: Vec<Socket> = (0..12)
        .map(|_| others[2].clone())
        .chain([others[3].clone()])
        .collect();
    let cases = [
        (
            "listen",
            &["protocol", "local", "queue", "process", "user"][..],
            listeners.clone(),
        ),
        (
            "listen, short",
            &["protocol", "local", "queue", "process", "user"],
            few(&listeners, &[0, 2]),
        ),
        (
            "conns",
            &[
                "protocol", "state", "recv_q", "send_q", "local", "peer", "process",
            ],
            others.clone(),
        ),
        (
            "conns, one long",
            &[
                "protocol", "state", "recv_q", "send_q", "local", "peer", "process",
            ],
            usual,
        ),
        (
            "conns, idle",
            &[
                "protocol", "state", "recv_q", "send_q", "local", "peer", "process",
            ],
            few(&others, &[0, 4, 5]),
        ),
        (
            "proc",
            &[
                "protocol", "state", "recv_q", "send_q", "local", "peer", "role", "fd",
            ],
            others.clone(),
        ),
    ];
    for (name, ids, sockets) in cases {
        check(name, &left_out(), &|out, frame| {
            let mut list = list::List::new(out, columns(ids, &[]), *frame);
            list.begin().unwrap();
            list.rows(&sockets, &host.facts).unwrap();
            list.end(&Report::default()).unwrap();
        });
    }
    // What was asked for stays, whatever the width.
    let ids: Vec<&'static str> = COLUMNS.iter().map(|column| column.id).collect();
    for ids in [&ids[..], &["pid", "timer", "command", "cookie"]] {
        check("every column", "", &|out, frame| {
            let mut list = list::List::new(out, columns(ids, ids), *frame);
            list.rows(&host.sockets, &host.facts).unwrap();
            list.end(&Report::default()).unwrap();
        });
    }
}

#[test]
fn rows_behind_the_first_thousand() {
    let host = host();
    let short = host.sockets[3].clone();
    let ids = [
        "protocol", "state", "recv_q", "send_q", "local", "peer", "process",
    ];
    let sockets: Vec<Socket> = (0..1000).map(|_| short.clone()).collect();
    for width in [20, 40, 60, 80, 120] {
        for colour in [false, true] {
            let mut drawn = Vec::new();
            let mut list =
                list::List::new(&mut drawn, columns(&ids, &[]), frame(Some(width), colour));
            list.rows(&sockets, &host.facts).unwrap();
            list.rows(&host.sockets, &host.facts).unwrap();
            list.end(&Report::default()).unwrap();
            drop(list);
            let mut whole = Vec::new();
            let mut list = list::List::new(&mut whole, columns(&ids, &[]), frame(None, false));
            list.rows(&host.sockets, &host.facts).unwrap();
            list.end(&Report::default()).unwrap();
            drop(list);
            let words = Words::of(&[&String::from_utf8(whole).unwrap(), &left_out()]);
            let text = uncoloured(&String::from_utf8(drawn).unwrap());
            let faults = words.faults(&text, width);
            assert!(faults.is_empty(), "{width}: {faults:#?}");
        }
    }
}

#[test]
fn states() {
    let host = host();
    let all = [
        By::Process,
        By::Name,
        By::Command,
        By::User,
        By::Port,
        By::Peer,
        By::State,
        By::Netns,
        By::Unit,
        By::Container,
    ];
    for by in std::iter::once(None).chain(all.map(Some)) {
        let view = tally(&host, by);
        // Each state of a group with its number, as they stand where there is no column for each.
        let counts = view.groups.iter().flat_map(|group| group.counts.present());
        let counts: Vec<String> = counts
            .map(|(state, n)| format!("{n} {state} STATES"))
            .collect();
        check(
            &format!("states by {by:?}"),
            &counts.join(" "),
            &|out, frame| {
                let told = crowds::folded(&view.groups, None);
                counts::table(out, by, &view, &told, frame).unwrap();
            },
        );
    }
}

fn finding(title: &str) -> Finding {
    Finding {
        id: "accept-queue-full",
        severity: Severity::Critical,
        title: title.to_owned(),
        subject: Subject::host(),
        holders: Vec::new(),
        evidence: Evidence::default()
            .with("accept_queue_length", 4_294_967_295_u64)
            .with("recv_q", 184_467_440_737_u64)
            .with("oldest_ms", 184_467_440_737_u64)
            .with("listen_overflows", 184_467_440_737_u64),
        cause: format!("systemd-resolve 4194303 does not call accept() on {LONG} quickly enough"),
        remedy: vec![
            "raise net.ipv4.tcp_max_syn_backlog=16384 and net.core.somaxconn=65535".to_owned(),
            format!("see sockscope conns 'peer = {LONG}' and /proc/4194303/limits"),
        ],
    }
}

#[test]
fn doctor_and_the_overview() {
    let host = host();
    let mut findings: Vec<Finding> = (0..7)
        .map(|_| finding("the accept queue of systemd-resolve 4194303 on port 65535 is full"))
        .collect();
    findings[1].subject = Subject {
        process: Some((4_194_303, b"systemd-resolve".to_vec())),
        destination: Some((end(LONG).address, Some(65_535))),
        ..Subject::default()
    };
    findings[2].subject = Subject {
        process: Some((4_194_303, b"systemd-resolve".to_vec())),
        port: Some(65_535),
        ..Subject::default()
    };
    let diagnosis = Diagnosis {
        findings: findings.clone(),
        checked: vec!["accept-queue-full"; 14],
        not_checked: vec![(
            "fd-limit",
            "the limits of 12345 processes may not be read".to_owned(),
        )],
        ..Diagnosis::default()
    };
    check("doctor", "", &|out, frame| {
        doctor::tell(out, &diagnosis, "in 12.3 s", frame, None).unwrap();
    });
    let rules: Vec<_> = RULES.iter().collect();
    check("doctor --list", "", &|out, frame| {
        doctor::rules(out, &rules, frame).unwrap();
    });
    let counts = tally(&host, None);
    let columns = columns(&["protocol", "local", "queue", "process", "user"], &[]);
    check("overview", &left_out(), &|out, frame| {
        let glance = Glance {
            host: &"a-host-with-a-long-name-12345.example.org".into(),
            time: "2026-11-28 08:20:12 UTC",
            protocols: ProtocolSet {
                tcp: true,
                udp: true,
                raw: false,
            },
            counts: &counts,
            findings: &findings,
            listeners: &host,
            columns: &columns,
            limit: 3,
            for_person: true,
        };
        glance.draw(out, frame).unwrap();
    });
}

#[test]
fn stories_of_ports() {
    let host = host();
    let range = PortRange {
        first: 1,
        last: 65_535,
    };
    let protocols = ProtocolSet {
        tcp: true,
        udp: true,
        raw: false,
    };
    let asked = Asked {
        ports: &[range],
        protocols,
        families: FamilySet::BOTH,
    };
    let entries = entries(asked, &host.sockets, &host.facts, &Around::default());
    assert!(entries.len() > 5);
    for entry in &entries {
        check(&format!("port {}", entry.port), "", &|out, frame| {
            let telling = Telling {
                sockets: &ByPort::new(&host.sockets),
                facts: &host.facts,
                theme: frame.theme,
                width: frame.width,
                now: 1_764_000_000,
                kernel: &Kernel::default(),
                limit: None,
                may_be_root: true,
            };
            story::tell(out, entry, telling).unwrap();
        });
    }
}

#[test]
fn sockets_in_full() {
    let host = host();
    let facts = &host.facts;
    for (place, socket) in host.sockets.iter().enumerate() {
        check(&format!("inspect {place}"), "", &|out, frame| {
            let inspected = Inspected {
                row: Row { socket, facts },
                other: Some(Row {
                    socket: &host.sockets[6],
                    facts,
                }),
            };
            inspect::tell(out, inspected, 1_764_000_000, frame).unwrap();
        });
    }
}

#[test]
fn pages() {
    let mut kernel = Kernel::default();
    for name in topics().flat_map(|topic| {
        topic
            .live
            .iter()
            .filter_map(crate::explain::LiveFact::sysctl)
    }) {
        kernel.set(name, "1048576");
    }
    let counts = tally(&host(), None).total;
    let room: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let room = format!(
        "(a terminal of columns has room for the drawing) {}",
        room.join(" ")
    );
    for topic in topics() {
        let rule = crate::analyze::doctor::rule(topic.name);
        let rule = rule.map_or_else(Vec::new, |rule| (rule.thresholds)());
        let mut bare = Vec::new();
        for line in topic.drawing.lines(false) {
            let text: Vec<_> = line.iter().map(|piece| piece.text.as_str()).collect();
            writeln!(bare, "{}", text.concat()).unwrap();
        }
        let more = room.clone() + &String::from_utf8(bare).unwrap();
        check(topic.name, &more, &|out, frame| {
            explain::page(out, topic, &kernel, Some(&counts), &rule, frame).unwrap();
        });
    }
    check("the topics", "", &|out, frame| {
        explain::list(out, frame).unwrap();
    });
}

#[test]
fn what_piles_up() {
    let mut host = host();
    host.sockets
        .retain(|socket| socket.protocol == Protocol::Tcp);
    let many: Vec<Socket> = host.sockets.iter().cycle().take(12_000).cloned().collect();
    host.sockets = many;
    let mut kernel = Kernel::default();
    kernel.set("net.ipv4.tcp_max_tw_buckets", "2147483647");
    kernel.set("net.ipv4.ip_local_port_range", "32768 60999");
    kernel.set("net.core.somaxconn", "2147483647");
    kernel.set("net.ipv4.tcp_max_orphans", "2147483647");
    let sample = Sample {
        snapshot: host,
        kernel,
        at: std::time::Duration::from_secs(10),
    };
    for by in [
        None,
        Some(By::Peer),
        Some(By::Process),
        Some(By::User),
        Some(By::Name),
    ] {
        let mut view = piles::buildup(&sample, None, by, &|_| true);
        for pile in &mut view.piles {
            pile.growth = Some(piles::Growth::PerSecond(1234.5));
        }
        check(&format!("buildup by {by:?}"), "", &|out, frame| {
            buildup::table(out, &view, frame).unwrap();
        });
    }
}

fn side<'a>(
    snapshot: &'a Snapshot,
    entries: &'a [Entry],
    states: Option<StatesView>,
) -> diff::DiffSide<'a> {
    diff::DiffSide {
        collected_at: "2026-11-28T08:20:12.123Z",
        host: "a-host-with-a-long-name-12345.example.org",
        command: Some("buildup"),
        raw: &[],
        snapshot,
        entries,
        states,
    }
}

#[test]
fn what_differs() {
    let (before, mut after) = (host(), host());
    for socket in &mut after.sockets {
        socket.queue = Some(Queue::Bytes {
            recv: 4_294_967_295,
            send: 7,
        });
        socket.state = State::CloseWait;
    }
    let change = |place: usize| {
        let (event, before, after) = match place % 3 {
            0 => (Event::Opened, None, Some(place)),
            1 => (Event::Closed, Some(place), None),
            _ => (Event::Changed, Some(place), Some(place)),
        };
        diff::Change {
            event,
            before,
            after,
            changes: ["state", "recv_q", "send_q", "owners"]
                .map(str::to_owned)
                .to_vec(),
            previous_state: (place % 3 == 2).then_some(State::Established),
        }
    };
    let view = diff::DiffView {
        kind: RowKind::Socket,
        before: side(&before, &[], Some(tally(&before, None))),
        after: side(&after, &[], Some(tally(&after, None))),
        changes: (0..before.sockets.len()).map(change).collect(),
        found: [4, 4, 4],
    };
    let ids = ["protocol", "state", "local", "peer", "process"];
    check("diff of sockets", &left_out(), &|out, frame| {
        diff::table(out, &view, &columns(&ids, &[]), frame).unwrap();
        crate::text::wrap::sentence(
            out,
            &diff::summary(&view),
            crate::text::theme::Tone::Quiet,
            frame,
        )
        .unwrap();
    });
    let entry = |place: u64| Entry {
        record: Record::new(place.to_string())
            .with(
                "count",
                Figure::Text((99_999_999_999 / (place + 1)).to_string()),
            )
            .with("oldest_ms", Figure::Text("4294967295".to_owned())),
        label: format!("TIME_WAIT systemd-resolve 4194303 to {LONG}"),
    };
    let entries: [Vec<Entry>; 2] = [(0..9).map(entry).collect(), (1..10).map(entry).collect()];
    let change = |place| diff::Change {
        changes: ["count", "oldest_ms"].map(str::to_owned).to_vec(),
        ..change(place)
    };
    let view = diff::DiffView {
        kind: RowKind::Pile,
        before: side(&before, &entries[0], None),
        after: side(&after, &entries[1], None),
        changes: (0..9).map(change).collect(),
        found: [3, 3, 3],
    };
    check("diff of piles", &left_out(), &|out, frame| {
        diff::table(out, &view, &columns(&ids, &[]), frame).unwrap();
    });
}

#[test]
fn sentences() {
    let host = host();
    let listeners: Vec<&Socket> = host.sockets.iter().take(3).collect();
    let text = format!(
        "65535 is listening after 12.3 s: {}",
        crate::view::wait::holders(&listeners, &host.facts)
    );
    check("wait", "", &|out, frame| {
        crate::text::wrap::sentence(out, &text, crate::text::theme::Tone::Normal, frame).unwrap();
    });
    check("--columns help", "", &|out, frame| {
        crate::cli::command::columns::table(out, frame).unwrap();
    });
}
