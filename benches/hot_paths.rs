//! What every socket passes through, without the kernel: decode, join, filter, render.
//!
//! `cargo bench` tells the time of 10,000 sockets; the whole program beside others is measured
//! by `benches/compare.sh`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_possible_truncation,
    reason = "a benchmark fails by panicking"
)]

use std::hint::black_box;
use std::io::sink;
use std::num::NonZeroU32;
use std::time::Duration;

use divan::Bencher;
use divan::counter::ItemsCount;
use sockscope::columns;
use sockscope::filter::Filter;
use sockscope::json::envelope::{Envelope, Head, Lines};
use sockscope::look::changes::Look;
use sockscope::look::join::{Owners, attribute};
use sockscope::look::sample::Sample;
use sockscope::model::{
    Facts, Holder, HolderIndex, ListenerPorts, Process, Protocol, Report, Snapshot, Socket, Via,
};
use sockscope::text::csv::Csv;
use sockscope::text::grid::Frame;
use sockscope::text::palette::Palette;
use sockscope::text::plain::Plain;
use sockscope::text::theme::Theme;
use sockscope::text::{Columns, RowWriter};
use sockscope::view::list::List;
use sockscope::wire::inet_diag;

const SOCKETS: u32 = 10_000;
const PROCESSES: u32 = 100;

fn main() {
    divan::main();
}

/// An established IPv4 connection as the kernel writes it: `struct inet_diag_msg`.
fn message(place: u32) -> Vec<u8> {
    let mut row = vec![2, 1, 0, 0];
    row.extend(((place % 28_000) as u16 + 32_768).to_be_bytes());
    row.extend(8080_u16.to_be_bytes());
    let mut address = |network: u8, host: u32| {
        row.extend([network, (host >> 16) as u8, (host >> 8) as u8, host as u8]);
        row.extend([0; 12]);
    };
    address(10, place);
    address(127, place / 7);
    for word in [0, place + 1, 7, 0, 0, 0, 1000, place + 100_000] {
        row.extend(word.to_ne_bytes());
    }
    row
}

fn messages() -> Vec<Vec<u8>> {
    (0..SOCKETS).map(message).collect()
}

fn decoded() -> Vec<Socket> {
    let socket = |row: &Vec<u8>| inet_diag::socket(row, Protocol::Tcp).expect("a whole message");
    messages().iter().map(socket).collect()
}

fn holders() -> Vec<Holder> {
    let holder = |place: u32| Holder {
        inode: NonZeroU32::new(place + 100_000).expect("not zero"),
        pid: 1000 + place % PROCESSES,
        via: Via::Fd(place / PROCESSES),
    };
    (0..SOCKETS).map(holder).collect()
}

fn process(pid: u32) -> Process {
    Process {
        pid,
        comm: b"nginx".to_vec(),
        command: Some(b"nginx: worker process"[..].into()),
        command_later: false,
        uid: Some(33),
        parent: Some(1),
        started: None,
        condition: None,
        background: None,
        program: None,
        cgroup: None,
        files: None,
    }
}

fn snapshot() -> Snapshot {
    let mut facts = Facts {
        holders: HolderIndex::new(holders()),
        ..Facts::default()
    };
    for pid in 1000..1000 + PROCESSES {
        facts.processes.insert(pid, process(pid));
    }
    let mut sockets = decoded();
    join(&mut sockets, &facts.holders);
    Snapshot {
        sockets,
        facts,
        report: Report::default(),
    }
}

fn join(sockets: &mut [Socket], holders: &HolderIndex) {
    let listeners = ListenerPorts::default();
    for socket in sockets {
        socket.held = holders.find(socket.inode);
        attribute(socket, &listeners, Owners::Searched { denied: false });
    }
}

#[divan::bench]
fn decode(bencher: Bencher<'_, '_>) {
    let rows = messages();
    bencher.counter(ItemsCount::new(SOCKETS)).bench_local(|| {
        for row in &rows {
            black_box(inet_diag::socket(black_box(row), Protocol::Tcp));
        }
    });
}

#[divan::bench]
fn index_of_holders(bencher: Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(SOCKETS))
        .with_inputs(holders)
        .bench_local_values(HolderIndex::new);
}

#[divan::bench]
fn join_with_owners(bencher: Bencher<'_, '_>) {
    let index = HolderIndex::new(holders());
    let mut sockets = decoded();
    bencher
        .counter(ItemsCount::new(SOCKETS))
        .bench_local(|| join(black_box(&mut sockets), &index));
}

#[divan::bench(args = [
    "state = close_wait",
    "lport = 40000-41000 and peer in 127.0.0.0/8",
    "process ~ ^ngi",
])]
fn filter(bencher: Bencher<'_, '_>, words: &str) {
    let filter = Filter::parse(&[words.to_owned()]).unwrap();
    let Snapshot { sockets, facts, .. } = snapshot();
    bencher.counter(ItemsCount::new(SOCKETS)).bench_local(|| {
        let matching = sockets
            .iter()
            .filter(|socket| filter.matches(socket, &facts));
        matching.count()
    });
}

/// All rows through one writer.
fn render(bencher: Bencher<'_, '_>, writer: impl Fn() -> Box<dyn RowWriter>) {
    let Snapshot {
        sockets,
        facts,
        report,
    } = snapshot();
    bencher.counter(ItemsCount::new(SOCKETS)).bench_local(|| {
        let mut writer = writer();
        writer.begin().unwrap();
        writer.rows(&sockets, &facts).unwrap();
        writer.end(&report).unwrap();
    });
}

const PROGRAM: &[&str] = &[
    "protocol", "state", "recv_q", "send_q", "local", "peer", "pid", "comm",
];
const TABLE: &[&str] = &[
    "protocol", "state", "recv_q", "send_q", "local", "peer", "process",
];

fn head() -> Head {
    Head {
        command: "conns",
        collected_at: "2026-11-21T00:00:00.000Z".to_owned(),
        host: "bench".into(),
        limit: None,
        asked: None,
        columns: Vec::new(),
    }
}

#[divan::bench]
fn render_plain(bencher: Bencher<'_, '_>) {
    render(bencher, || {
        Box::new(Plain::new(sink(), columns::select(PROGRAM), true))
    });
}

#[divan::bench]
fn render_csv(bencher: Bencher<'_, '_>) {
    render(bencher, || {
        Box::new(Csv::new(sink(), columns::select(PROGRAM), true))
    });
}

#[divan::bench]
fn render_json(bencher: Bencher<'_, '_>) {
    render(bencher, || Box::new(Envelope::new(sink(), head(), true)));
}

#[divan::bench]
fn render_ndjson(bencher: Bencher<'_, '_>) {
    render(bencher, || Box::new(Lines::new(sink(), &head())));
}

#[divan::bench(args = [false, true])]
fn render_table(bencher: Bencher<'_, '_>, colour: bool) {
    let frame = Frame {
        theme: if colour {
            Theme::coloured(Palette::Neutral)
        } else {
            Theme::PLAIN
        },
        width: None,
        header: true,
        indent: 0,
    };
    render(bencher, || {
        let columns = Columns {
            table: columns::select(TABLE),
            program: Vec::new(),
            asked: Vec::new(),
        };
        Box::new(List::new(sink(), columns, frame))
    });
}

/// What changed since the last look, as every round of watching asks.
#[divan::bench]
fn changes(bencher: Bencher<'_, '_>) {
    let sample = |seconds| Sample {
        snapshot: snapshot(),
        at: Duration::from_secs(seconds),
        ..Sample::default()
    };
    let look = Look::first(sample(1));
    bencher
        .counter(ItemsCount::new(SOCKETS))
        .with_inputs(|| sample(2))
        .bench_local_values(|sample| look.next(sample));
}
