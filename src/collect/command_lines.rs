//! Command lines of processes: each read within a time, equal ones kept once.
//!
//! The kernel reads a command line out of the memory of its process, and waits for that memory
//! as long as the process keeps it locked: a read may never come back. And a command line may
//! have megabytes, which hundreds of processes share.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use rustc_hash::FxHashSet;
use rustix::io::Errno;

use super::gaps::errno;
use crate::host::{Pinned, sleeps_of_thread};
use crate::wire::proc_pid;

/// How long one read may sleep; those that come back do so in microseconds.
const PATIENCE: Duration = Duration::from_millis(250);
/// How long one may take that does not sleep: on a machine that has too much to do, or of gigabytes.
const PATIENCE_AT_WORK: Duration = Duration::from_secs(5);
/// How long all reads of a run that do not come back may take, and how many there may be.
const PATIENCE_IN_ALL: Duration = Duration::from_secs(2);
const MOST_STUCK: u32 = 16;
/// So many bytes of command lines are kept; what goes beyond it is left out and told.
const ROOM: usize = 64 << 20;

/// Why a command line is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// The process did not let its memory be read in time.
    Stuck,
    /// There was no more room.
    NoRoom,
    /// Nobody wants it, so far.
    Unwanted,
    /// The process has ended.
    Gone,
    /// It may not be looked at.
    Refused,
    /// Something else was wrong.
    Failed(i32),
}

impl Missing {
    /// Why something is missing of a process that is there: an entry that cannot be found is
    /// hidden.
    pub const fn of(error: Errno) -> Self {
        match error {
            Errno::NOENT | Errno::SRCH | Errno::ACCESS | Errno::PERM => Self::Refused,
            error => Self::Failed(error.raw_os_error()),
        }
    }
}

/// A command line; `None` where a process has none.
pub(super) type Answer = Result<Option<Arc<[u8]>>, Missing>;

/// Whether a command line is wanted: what is not is not kept.
pub(super) type IsWanted<'a> = &'a dyn Fn(&[u8]) -> bool;

/// Reads command lines.
#[derive(Debug, Default)]
pub(super) struct CommandLines {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    reader: Option<Reader>,
    stuck: u32,
    waited: Duration,
    known: FxHashSet<Arc<[u8]>>,
    bytes: usize,
}

/// A thread that reads, one after the other.
#[derive(Debug)]
struct Reader {
    /// Its id, once it runs.
    thread: Arc<OnceLock<i32>>,
    wanted: Sender<Arc<Pinned>>,
    given: Receiver<io::Result<Vec<u8>>>,
}

impl Reader {
    /// Starts one; an error where there can be no thread (`RLIMIT_NPROC`).
    fn start() -> io::Result<Self> {
        let (wanted, to_read) = channel::<Arc<Pinned>>();
        let (give, given) = channel();
        let thread = Arc::new(OnceLock::new());
        let id = Arc::clone(&thread);
        let work = move || {
            let _ = id.set(rustix::thread::gettid().as_raw_nonzero().get());
            while let Ok(process) = to_read.recv() {
                if give.send(process.read("cmdline")).is_err() {
                    return;
                }
            }
        };
        Builder::new().name("cmdline".to_owned()).spawn(work)?;
        Ok(Self {
            thread,
            wanted,
            given,
        })
    }

    /// What the read gives; `None` where it sleeps and sleeps.
    ///
    /// A read that only waits for a processor is not stuck, however long that takes.
    fn wait(&self) -> Option<io::Result<Vec<u8>>> {
        let started = Instant::now();
        let mut slept = None;
        loop {
            if let Ok(answer) = self.given.recv_timeout(PATIENCE) {
                return Some(answer);
            }
            let sleeps = self.thread.get().and_then(|id| sleeps_of_thread(*id));
            if (sleeps.is_some() && sleeps == slept) || started.elapsed() > PATIENCE_AT_WORK {
                return self.given.try_recv().ok();
            }
            slept = sleeps;
        }
    }
}

impl CommandLines {
    /// Reads the command line of a process; `meanwhile` is done while it is read.
    pub fn read<T>(
        &self,
        process: &Arc<Pinned>,
        is_wanted: IsWanted<'_>,
        meanwhile: impl FnOnce() -> T,
    ) -> (Answer, T) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.begin(process);
        let done = meanwhile();
        let answer = inner.end(process);
        let kept = answer.and_then(|bytes| inner.keep(bytes, is_wanted));
        (kept, done)
    }
}

impl Inner {
    fn begin(&mut self, process: &Arc<Pinned>) {
        if self.reader.is_none() && self.may_wait() {
            self.reader = Reader::start().ok();
        }
        if let Some(reader) = &self.reader {
            // It answers as long as this end is here.
            let _ = reader.wanted.send(Arc::clone(process));
        }
    }

    fn may_wait(&self) -> bool {
        self.stuck < MOST_STUCK && self.waited < PATIENCE_IN_ALL
    }

    fn end(&mut self, process: &Arc<Pinned>) -> Result<Vec<u8>, Missing> {
        let Some(reader) = &self.reader else {
            // Without a thread it is read here, unless that is known to be dangerous.
            return match self.stuck {
                0 => process.read("cmdline").map_err(|error| reason(&error)),
                _ => Err(Missing::Stuck),
            };
        };
        let started = Instant::now();
        if let Some(answer) = reader.wait() {
            return answer.map_err(|error| reason(&error));
        }
        // The thread stays where it is; it ends with this process.
        self.reader = None;
        self.stuck += 1;
        self.waited += started.elapsed();
        Err(Missing::Stuck)
    }

    /// Keeps a command line, unless an equal one is kept already.
    fn keep(&mut self, bytes: Vec<u8>, is_wanted: IsWanted<'_>) -> Answer {
        let Some(line) = proc_pid::command_line(bytes) else {
            return Ok(None);
        };
        if let Some(known) = self.known.get(line.as_slice()) {
            return Ok(Some(Arc::clone(known)));
        }
        if !is_wanted(&line) {
            return Err(Missing::Unwanted);
        }
        if self.bytes + line.len() > ROOM {
            return Err(Missing::NoRoom);
        }
        self.bytes += line.len();
        let line: Arc<[u8]> = line.into();
        self.known.insert(Arc::clone(&line));
        Ok(Some(line))
    }
}

fn reason(error: &io::Error) -> Missing {
    match errno(error) {
        Errno::NOENT | Errno::SRCH => Missing::Gone,
        error => Missing::of(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    /// A directory that stands in for /proc, with the processes 7, 8 and 9.
    struct Proc(PathBuf);

    impl Proc {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir();
            let path = path.join(format!("sockscope-{name}-{}", std::process::id()));
            for pid in [7, 8, 9] {
                std::fs::create_dir_all(path.join(pid.to_string())).unwrap();
            }
            Self(path)
        }

        fn file(&self, pid: u32) -> PathBuf {
            self.0.join(pid.to_string()).join("cmdline")
        }

        fn pin(&self, pid: u32) -> Arc<Pinned> {
            Arc::new(crate::host::Proc::at(&self.0).unwrap().pin(pid).unwrap())
        }
    }

    impl Drop for Proc {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn equal_ones_are_kept_once() {
        let proc = Proc::new("equal");
        for pid in [7, 8] {
            std::fs::write(proc.file(pid), b"a\0b\0").unwrap();
        }
        std::fs::write(proc.file(9), b"").unwrap();
        let lines = CommandLines::default();
        let read = |pid| lines.read(&proc.pin(pid), &|_| true, || pid);
        let (first, done) = read(7);
        let (first, second) = (first.unwrap().unwrap(), read(8).0.unwrap().unwrap());
        assert_eq!((&*first, done), (&b"a b"[..], 7));
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(read(9).0, Ok(None));
        std::fs::remove_file(proc.file(9)).unwrap();
        assert_eq!(read(9).0, Err(Missing::Gone));
    }

    #[test]
    fn there_is_room_for_so_much_that_is_wanted_and_no_more() {
        let mut inner = Inner::default();
        let all = |_: &[u8]| true;
        let line = |first: u8| {
            let mut line = vec![b'x'; ROOM / 2];
            line[0] = first;
            line
        };
        for first in 10..20 {
            let kept = inner.keep(line(first), &|line| line[0] < 10);
            assert_eq!(kept, Err(Missing::Unwanted));
        }
        assert!(inner.keep(line(1), &all).is_ok() && inner.keep(line(2), &all).is_ok());
        assert_eq!(inner.keep(line(3), &all), Err(Missing::NoRoom));
        assert!(inner.keep(line(2), &all).is_ok(), "known");
    }

    /// A fifo that nobody writes to is as silent as memory that stays locked.
    #[test]
    fn who_does_not_answer_is_not_waited_for() {
        let proc = Proc::new("stuck");
        let fifo = std::ffi::CString::new(proc.file(7).to_str().unwrap()).unwrap();
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, kind, mode, 0).unwrap();
        std::fs::write(proc.file(8), b"x").unwrap();
        let lines = CommandLines::default();
        let read = |pid| lines.read(&proc.pin(pid), &|_| true, || ()).0;
        assert_eq!(read(7), Err(Missing::Stuck));
        assert!(read(8).unwrap().is_some());
        for _ in 0..20 {
            assert_eq!(read(7), Err(Missing::Stuck));
        }
        // Who has waited long enough does not wait for others either.
        let stuck = lines.inner.lock().unwrap().stuck;
        assert!(stuck < 20, "{stuck}");
        // Lets the threads go.
        drop(
            std::fs::OpenOptions::new()
                .read(true)
                .write(true)
                .open(proc.file(7)),
        );
    }
}
