//! The tables on one thread, the owners on others, side by side.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use rustc_hash::{FxHashMap, FxHashSet};

use super::owners::{self, BlindSpot, Scan};
use super::read_tables;
use crate::model::{HolderIndex, Problem, Report, Socket};
use crate::query::Query;

/// Rows that travel together.
const BATCH: usize = 1024;
/// Batches that may wait: the reader of the kernel stops when the writer of rows lags.
const WAITING: usize = 4;

/// The rows of the tables as they come, read on a thread of its own; where no thread can be
/// made (`RLIMIT_NPROC`), read at once.
#[derive(Debug)]
pub struct SocketStream {
    batches: Receiver<Vec<Socket>>,
    reader: Reader,
}

#[derive(Debug)]
enum Reader {
    Beside(JoinHandle<Result<Report, Problem>>),
    Done(Box<Result<Report, Problem>>),
}

impl SocketStream {
    /// Starts reading in the caller's network namespace.
    #[must_use]
    pub fn start(query: Query) -> Self {
        let (sender, batches) = sync_channel(WAITING);
        let beside = Builder::new().spawn(move || {
            read_batches(&query, &|rows| {
                // Nobody listens any more: the rows are not wanted.
                let _ = sender.send(rows);
            })
        });
        if let Ok(reader) = beside {
            let reader = Reader::Beside(reader);
            return Self { batches, reader };
        }
        let (sender, batches) = channel();
        let report = read_batches(&query, &|rows| {
            let _ = sender.send(rows);
        });
        let reader = Reader::Done(Box::new(report));
        Self { batches, reader }
    }

    /// The next rows; `None` when all have come.
    #[must_use]
    pub fn next_batch(&self) -> Option<Vec<Socket>> {
        self.batches.recv().ok()
    }

    /// What the reading found out, once the rows have come.
    ///
    /// # Errors
    /// What [`read_tables`] says.
    pub fn finish(self) -> Result<Report, Problem> {
        drop(self.batches);
        let ended = || Problem::incomplete("no_table", "the thread that reads the tables ended");
        match self.reader {
            Reader::Beside(reader) => reader.join().unwrap_or_else(|_| Err(ended())),
            Reader::Done(report) => *report,
        }
    }
}

/// Reads the tables and sends the rows in batches.
fn read_batches(query: &Query, send: &dyn Fn(Vec<Socket>)) -> Result<Report, Problem> {
    let mut batch = Vec::with_capacity(BATCH);
    let report = read_tables(query, &mut |socket| {
        batch.push(socket);
        if batch.len() == BATCH {
            send(std::mem::replace(&mut batch, Vec::with_capacity(BATCH)));
        }
    });
    send(batch);
    report
}

/// All rows and all owners.
#[derive(Debug)]
pub struct Gathered {
    /// The rows, listeners of each protocol first.
    pub sockets: Vec<Socket>,
    /// Who holds which.
    pub holders: HolderIndex,
    /// Why an owner may exist without being seen.
    pub blind_spot: Option<BlindSpot>,
    /// Where it came from.
    pub report: Report,
}

/// Whether a row can be in the answer, as far as its socket alone tells: only the owners of
/// such rows are worth a second look.
pub type Shown<'a> = &'a dyn Fn(&Socket) -> bool;

/// Reads tables and fd tables side by side, then looks again for the owners still missing.
///
/// # Errors
/// What [`read_tables`] says. Owners that cannot be read are a problem in the report.
pub fn gather(query: &Query, shown: Shown<'_>) -> Result<Gathered, Problem> {
    let (tables, scan) = side_by_side(query, shown);
    let (mut sockets, mut report) = tables?;
    let scan = match scan {
        Ok(scan) => scan,
        Err(problem) => {
            report.problems.push(problem);
            return Ok(Gathered {
                sockets,
                holders: HolderIndex::default(),
                blind_spot: Some(BlindSpot::NoProc),
                report,
            });
        }
    };
    report.owners_from = Some("proc");
    let mut holders = HolderIndex::new(scan.holders.clone());
    let missing = unowned(&sockets, &holders, shown);
    let mut blind_spot = None;
    if !missing.is_empty() {
        blind_spot = owners::blind_spot(&scan);
        let started = Instant::now();
        let found = owners::search(&missing);
        report.trace.push(format!(
            "owners: {} sockets without an owner looked for again, {} holders found in {:.1} ms",
            missing.len(),
            found.len(),
            started.elapsed().as_secs_f64() * 1e3,
        ));
        holders = holders.extended(found);
    }
    let explained = blind_spot.is_some_and(BlindSpot::explains);
    if !explained && !missing.is_empty() {
        settle(query, &mut sockets, &missing, &holders);
    }
    Ok(Gathered {
        sockets,
        holders,
        blind_spot,
        report,
    })
}

type Tables = Result<(Vec<Socket>, Report), Problem>;

/// Reads both at the same time. When the tables turn out to hold nothing that could be shown
/// with an owner, the fd tables are not read to their end.
fn side_by_side(query: &Query, shown: Shown<'_>) -> (Tables, Result<Scan, Problem>) {
    let stream = SocketStream::start(*query);
    let needless = AtomicBool::new(false);
    let timed_scan = || {
        let started = Instant::now();
        (owners::scan(&needless), started.elapsed())
    };
    std::thread::scope(|scope| {
        let scanner = Builder::new().spawn_scoped(scope, timed_scan);
        let mut sockets = Vec::new();
        while let Some(batch) = stream.next_batch() {
            sockets.extend(batch);
        }
        let report = stream.finish();
        let has_owner = |socket: &Socket| socket.inode.is_some() && shown(socket);
        needless.store(!sockets.iter().any(has_owner), Ordering::Relaxed);
        let ended = || Problem::incomplete("proc_unreadable", "the thread that reads /proc ended");
        let (scan, took) = match scanner {
            Ok(scanner) => scanner
                .join()
                .unwrap_or_else(|_| (Err(ended()), Duration::ZERO)),
            Err(_) => timed_scan(),
        };
        let tables = report.map(|mut report| {
            report
                .trace
                .extend(scan.as_ref().ok().map(|scan| scan.trace(took)));
            (sockets, report)
        });
        (tables, scan)
    })
}

/// The inodes that no process is known to hold.
fn unowned(sockets: &[Socket], holders: &HolderIndex, shown: Shown<'_>) -> FxHashSet<NonZeroU32> {
    sockets
        .iter()
        .filter(|socket| shown(socket))
        .filter_map(|socket| socket.inode)
        .filter(|&inode| !holders.contains(inode))
        .collect()
}

/// Looks at what became of the sockets without an owner: one that was closed meanwhile is
/// left out, one that changed its state is shown as it is now.
///
/// Without this, every connection that lived for a moment would be shown as the kernel's.
fn settle(
    query: &Query,
    sockets: &mut Vec<Socket>,
    missing: &FxHashSet<NonZeroU32>,
    holders: &HolderIndex,
) {
    let is_open = |s: &Socket| {
        s.inode
            .is_some_and(|inode| missing.contains(&inode) && !holders.contains(inode))
    };
    let has_cookie = |s: &Socket| is_open(s) && s.cookie.is_some();
    if !sockets.iter().any(has_cookie) {
        return;
    }
    let mut wanted: FxHashMap<_, Option<Socket>> = sockets
        .iter()
        .filter(|s| has_cookie(s))
        .filter_map(|s| Some((s.cookie?, None)))
        .collect();
    let again = read_tables(query, &mut |socket| {
        if let Some(now) = socket.cookie.and_then(|cookie| wanted.get_mut(&cookie)) {
            *now = Some(socket);
        }
    });
    if !again.is_ok_and(|report| report.collector == Some("netlink")) {
        return;
    }
    sockets.retain_mut(|socket| {
        let Some(now) = socket.cookie.and_then(|cookie| wanted.get_mut(&cookie)) else {
            return true;
        };
        now.take().map(|now| *socket = now).is_some()
    });
}
