//! The tables on one thread, the owners on others, side by side.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

use rustc_hash::{FxHashMap, FxHashSet};

use super::blind_spot::{BlindSpot, blind_spot};
use super::owners::{Finder, Scan};
use super::processes::Seen;
use super::{Processes, read_tables};
use crate::model::{Held, Holder, HolderIndex, Problem, Process, Report, Socket, StateSet};
use crate::query::{OwnerSource, Query};
use crate::sys::netns;
use crate::wire::task_file::Chosen;

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

/// Reads the tables and sends the rows in batches. Of tables that could not be read nothing is
/// sent, so that nothing is begun to be written.
fn read_batches(query: &Query, send: &dyn Fn(Vec<Socket>)) -> Result<Report, Problem> {
    let mut batch = Vec::with_capacity(BATCH);
    let report = read_tables(query, &mut |socket| {
        batch.push(socket);
        if batch.len() == BATCH {
            send(std::mem::replace(&mut batch, Vec::with_capacity(BATCH)));
        }
    })?;
    send(batch);
    Ok(report)
}

/// All rows and all owners.
#[derive(Debug)]
pub struct Gathered {
    /// The rows, listeners of each protocol first, each with the place of its holders.
    pub sockets: Vec<Socket>,
    /// Who holds which.
    pub holders: HolderIndex,
    /// The processes that hold rows that can be shown.
    pub processes: FxHashMap<u32, Process>,
    /// Why an owner may exist without being seen.
    pub blind_spot: Option<BlindSpot>,
    /// Where it came from.
    pub report: Report,
}

/// Whether a row can be in the answer, as far as its socket alone tells: only the owners of
/// such rows are worth a look.
pub type Shown<'a> = &'a dyn Fn(&Socket) -> bool;

/// Reads tables and fd tables side by side, then the processes that hold the rows, then looks
/// again for the owners still missing.
///
/// # Errors
/// What [`read_tables`] says. Owners that cannot be read are a problem in the report.
pub fn gather(query: &Query, shown: Shown<'_>) -> Result<Gathered, Problem> {
    let (tables, mut finder, found) = side_by_side(query, shown);
    let (sockets, report) = tables?;
    let mut gathered = Gathered {
        sockets,
        holders: HolderIndex::default(),
        processes: FxHashMap::default(),
        blind_spot: None,
        report,
    };
    gathered.report.trace.append(&mut finder.trace);
    match found {
        Ok(found) => {
            gathered.report.owners_from = Some(finder.name());
            gathered.blind_spot = blind_spot(&found.scan.denied);
            gathered.holders = found.holders;
            gathered.find_holders(shown);
            gathered.attach(&found.scan.seen, query, shown);
            gathered.look_again(&mut finder, query, shown);
            if query.files {
                gathered.add_neighbours(query);
            }
        }
        Err(problem) => {
            gathered.report.problems.push(problem);
            gathered.blind_spot = Some(BlindSpot::NoProc);
        }
    }
    Ok(gathered)
}

impl Gathered {
    /// Reads the processes that hold a row. One that has ended holds nothing any more.
    fn attach(&mut self, seen: &FxHashMap<u32, Seen>, query: &Query, shown: Shown<'_>) {
        let Some(processes) = Processes::open() else {
            return;
        };
        let mut ended = FxHashSet::default();
        let mut last = None;
        for socket in &self.sockets {
            for &Holder { pid, .. } in self.holders.at(socket.held) {
                // Sockets of one process often come together.
                if last == Some(pid) || self.processes.contains_key(&pid) || ended.contains(&pid) {
                    continue;
                }
                last = Some(pid);
                match processes.read_seen(pid, seen.get(&pid), query.owners) {
                    Some(mut process) => {
                        if query.files {
                            process.files = processes.files(pid);
                        }
                        self.processes.insert(pid, process);
                    }
                    None => {
                        ended.insert(pid);
                    }
                }
            }
        }
        if !ended.is_empty() {
            let holders = std::mem::take(&mut self.holders);
            self.holders = holders.retained(|holder| !ended.contains(&holder.pid));
            self.find_holders(shown);
        }
    }

    /// Reads the processes of this namespace that hold only sockets which no table lists.
    fn add_neighbours(&mut self, query: &Query) {
        let (Some(processes), Some(ours)) = (Processes::open(), netns::mark(None)) else {
            return;
        };
        let own = std::process::id();
        for pid in self.holders.per_process().into_keys() {
            let is_known = pid == own || self.processes.contains_key(&pid);
            if is_known || netns::mark(Some(pid)) != Some(ours) {
                continue;
            }
            if let Some(mut process) = processes.read(pid, query.owners) {
                process.files = processes.files(pid);
                self.processes.insert(pid, process);
            }
        }
    }

    fn find_holders(&mut self, shown: Shown<'_>) {
        for socket in &mut self.sockets {
            if shown(socket) {
                socket.held = self.holders.find(socket.inode);
            }
        }
    }

    /// The inodes of rows that no process is known to hold.
    fn unowned(&self, shown: Shown<'_>) -> FxHashSet<NonZeroU32> {
        self.sockets
            .iter()
            .filter(|socket| socket.held == Held::default() && shown(socket))
            .filter_map(|socket| socket.inode)
            .collect()
    }

    fn look_again(&mut self, finder: &mut Finder, query: &Query, shown: Shown<'_>) {
        let missing = self.unowned(shown);
        if missing.is_empty() {
            return;
        }
        let started = Instant::now();
        let search = finder.search(&missing, self.blind_spot);
        self.report.owners_from = Some(finder.name());
        self.report.trace.append(&mut finder.trace);
        self.report.trace.push(format!(
            "owners: {} sockets without an owner looked for again, {} holders found in {:.1} ms",
            missing.len(),
            search.holders.len(),
            started.elapsed().as_secs_f64() * 1e3,
        ));
        if !search.holders.is_empty() {
            self.holders = std::mem::take(&mut self.holders).extended(search.holders);
            self.find_holders(shown);
            self.attach(&search.seen, query, shown);
        }
        self.blind_spot = search.blind_spot;
        if self.blind_spot.is_some_and(BlindSpot::explains) {
            return;
        }
        self.settle(query, shown);
        let missing = self.unowned(shown).len() as u64;
        if search.vanished > 0 && missing > 0 {
            let message = format!(
                "sockets without an owner: {missing}; processes ended, or passed sockets on, while they were looked at"
            );
            let problem = Problem::incomplete("owners_raced", message).count(missing);
            self.report.problems.push(problem.hint("ask again"));
        }
    }

    /// Looks at what became of the sockets without an owner: one that was closed meanwhile is
    /// left out, one that changed its state is shown as it is now.
    ///
    /// Without this, every connection that lived for a moment would be shown as the kernel's.
    fn settle(&mut self, query: &Query, shown: Shown<'_>) {
        let missing = self.unowned(shown);
        let is_missing = |s: &Socket| s.inode.is_some_and(|inode| missing.contains(&inode));
        let cookies = self.sockets.iter().filter(|s| is_missing(s));
        let mut wanted: FxHashMap<_, Option<Socket>> = cookies
            .filter_map(|socket| Some((socket.cookie?, None)))
            .collect();
        if wanted.is_empty() {
            return;
        }
        let again = read_tables(query, &mut |socket| {
            if let Some(now) = socket.cookie.and_then(|cookie| wanted.get_mut(&cookie)) {
                *now = Some(socket);
            }
        });
        // Only a second reading that is as good as the first proves that a socket is gone.
        let is_whole = |report: Report| report.problems == self.report.problems;
        if !again.is_ok_and(is_whole) {
            return;
        }
        let holders = &self.holders;
        self.sockets.retain_mut(|socket| {
            let Some(now) = socket.cookie.and_then(|cookie| wanted.get_mut(&cookie)) else {
                return true;
            };
            let Some(now) = now.take() else { return false };
            *socket = now;
            socket.held = holders.find(socket.inode);
            true
        });
    }
}

type Tables = Result<(Vec<Socket>, Report), Problem>;

/// What the look at the fd tables found.
struct Found {
    /// Who holds which socket.
    holders: HolderIndex,
    /// The rest of it.
    scan: Scan,
}

/// Reads both at the same time. When the tables turn out to hold nothing that could be shown
/// with an owner, the fd tables are not read to their end.
fn side_by_side(query: &Query, shown: Shown<'_>) -> (Tables, Finder, Result<Found, Problem>) {
    let stream = SocketStream::start(*query);
    let needless = AtomicBool::new(false);
    let (choose, chosen) = channel();
    let look = |chosen: Receiver<_>| find_holders(query, &chosen, &needless);
    std::thread::scope(|scope| {
        let scanner = Builder::new().spawn_scoped(scope, move || look(chosen));
        let mut sockets = Vec::new();
        while let Some(batch) = stream.next_batch() {
            sockets.extend(batch);
        }
        let report = stream.finish();
        let wanted = sockets.iter().filter(|socket| shown(socket));
        let mut inodes = wanted.filter_map(|socket| socket.inode).peekable();
        needless.store(inodes.peek().is_none(), Ordering::Relaxed);
        if gives_few_rows(query) {
            // Whoever waits for it has ended, or waits.
            let _ = choose.send(Chosen::of(inodes));
        }
        drop(choose);
        let (finder, found) = match scanner {
            Ok(scanner) => scanner.join().unwrap_or_else(|_| {
                let ended = Problem::incomplete(
                    "proc_unreadable",
                    "the thread that looks for owners ended",
                );
                (Finder::new(OwnerSource::Proc), Err(ended))
            }),
            // Without a thread (RLIMIT_NPROC), and without a choice: that was lost with it.
            Err(_) => look(channel().1),
        };
        (report.map(|report| (sockets, report)), finder, found)
    })
}

/// Looks at the fd tables: at once for all sockets, or, where the rows will be few, for those
/// rows once they are known.
fn find_holders(
    query: &Query,
    chosen: &Receiver<Chosen>,
    needless: &AtomicBool,
) -> (Finder, Result<Found, Problem>) {
    let mut finder = Finder::new(query.owner_source);
    let waits = finder.can_choose() && gives_few_rows(query);
    let chosen = if waits { chosen.recv().ok() } else { None };
    let started = Instant::now();
    let all = Chosen::all;
    let scan = finder.scan(&chosen.unwrap_or_else(all), needless);
    let found = scan.map(|mut scan| {
        finder.note(&scan, started.elapsed());
        let holders = HolderIndex::new(std::mem::take(&mut scan.holders));
        Found { holders, scan }
    });
    (finder, found)
}

/// Whether the rows can only be listeners: few beside connections, and read in no time.
fn gives_few_rows(query: &Query) -> bool {
    // All sockets of a process count where its descriptors are looked at.
    !query.files && !query.states.intersects(StateSet::LISTENING.complement())
}
