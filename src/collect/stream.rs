//! The rows of the tables as they come.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::thread::{Builder, JoinHandle};

use super::read_tables;
use crate::host::Host;
use crate::model::{Problem, Report, Socket};
use crate::query::{Needs, Query};

/// Whether a row can be in the answer, as far as its socket alone tells: only the owners of
/// such rows are worth a look.
pub type MayShow = Arc<dyn Fn(&Socket) -> bool + Send + Sync>;

/// Rows that travel together.
const BATCH: usize = 512;
/// Batches that may wait: the reader of the kernel stops when the writer of rows lags.
const WAITING: usize = 64;

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
    /// Starts reading in the network namespace of a host.
    #[must_use]
    pub fn start(host: &Host, query: Query) -> Self {
        let nobody_asks: MayShow = Arc::new(|_: &Socket| false);
        Self::with_room(host, query, WAITING, &nobody_asks, &Arc::default())
    }

    /// The same with room for `waiting` batches. When all have been read, `nobody_can_own` tells that
    /// no row which is shown has a file, so that nobody can hold one.
    pub(super) fn with_room(
        host: &Host,
        query: Query,
        waiting: usize,
        may_show: &MayShow,
        nobody_can_own: &Arc<AtomicBool>,
    ) -> Self {
        let (sender, batches) = sync_channel(waiting);
        let beside = Builder::new().spawn({
            let (host, may_show, nobody_can_own) = (
                host.clone(),
                Arc::clone(may_show),
                Arc::clone(nobody_can_own),
            );
            move || {
                read_batches(&host, &query, &may_show, &nobody_can_own, &|rows| {
                    // Nobody listens any more: the rows are not wanted.
                    let _ = sender.send(rows);
                })
            }
        });
        if let Ok(reader) = beside {
            let reader = Reader::Beside(reader);
            return Self { batches, reader };
        }
        let (sender, batches) = channel();
        let report = read_batches(host, &query, may_show, nobody_can_own, &|rows| {
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
fn read_batches(
    host: &Host,
    query: &Query,
    may_show: &MayShow,
    nobody_can_own: &AtomicBool,
    send: &dyn Fn(Vec<Socket>),
) -> Result<Report, Problem> {
    let mut batch = Vec::with_capacity(BATCH);
    let mut has_files = false;
    let report = read_tables(host, query, &mut |socket| {
        has_files = has_files || (socket.inode.is_some() && may_show(&socket));
        batch.push(socket);
        if batch.len() == BATCH {
            send(std::mem::replace(&mut batch, Vec::with_capacity(BATCH)));
        }
    })?;
    // What processes have open is looked at without any row, too.
    // What is recorded, and told again, does not depend on who was faster.
    nobody_can_own.store(
        host.is_live() && !has_files && !query.needs.has(Needs::FILES),
        Ordering::Relaxed,
    );
    send(batch);
    Ok(report)
}
