//! One network namespace of the machine: its texts, settings, interfaces, and the way to others.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fmt::Arguments;
use std::io::{self, Read};
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::Builder;

use super::answer::{Answer, Digest, Surely};
use super::live::{self, names, netns};
use super::{Host, Proc};
use crate::model::Foreign;

/// From where the machine is seen.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Its name in keys.
    name: Arc<str>,
    /// Who makes the calls; `None` for the namespace of this process.
    there: Option<Arc<Worker>>,
}

impl Place {
    pub(super) fn own() -> Self {
        Self {
            name: "here".into(),
            there: None,
        }
    }
}

/// A thread inside another network namespace: what it opens belongs to that, whoever uses it.
#[derive(Debug)]
struct Worker {
    jobs: Sender<Job>,
}

type Job = Box<dyn FnOnce() + Send>;

impl Worker {
    /// Starts one in the namespace of a process.
    fn enter(pid: u32) -> io::Result<(Self, NonZeroU64)> {
        let namespace = netns::open(pid)?;
        let inode = namespace.inode()?;
        let (jobs, to_do) = channel::<Job>();
        let (entered, has_entered) = channel();
        Builder::new().spawn(move || {
            let is_there = namespace.enter();
            let stays = is_there.is_ok();
            let _ = entered.send(is_there);
            while stays && let Ok(job) = to_do.recv() {
                job();
            }
        })?;
        has_entered.recv().unwrap_or_else(|_| Err(ended()))?;
        Ok((Self { jobs }, inode))
    }

    fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
        let (give, given) = channel();
        let job = move || {
            let _ = give.send(work());
        };
        self.jobs.send(Box::new(job)).map_err(|_| ended())?;
        given.recv().map_err(|_| ended())
    }
}

fn ended() -> io::Error {
    io::Error::other("the thread in the namespace ended")
}

/// Questions about the network namespace.
impl Host {
    /// Asks `live` inside the namespace.
    fn there<A: Answer + Send + 'static>(
        &self,
        key: Arguments<'_>,
        live: impl FnOnce() -> A + Send + 'static,
    ) -> A {
        let key = format_args!("{}/{key}", self.place.name);
        self.ask(key, || {
            self.inside_of(live).unwrap_or_else(|_| Self::unasked())
        })
    }

    /// The name of the namespace in keys.
    pub(super) fn place_name(&self) -> &str {
        &self.place.name
    }

    /// Does something inside the namespace.
    pub(super) fn inside_of<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        match &self.place.there {
            None => Ok(work()),
            Some(worker) => worker.run(work),
        }
    }

    /// Does something inside the namespace that makes system calls of its own: what is replayed
    /// cannot do it, nor can it be recorded.
    ///
    /// # Errors
    /// When this is not the live machine.
    pub fn calling_itself<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        if !self.is_live() {
            return Err(io::Error::other(
                "it needs the live machine, not a recording",
            ));
        }
        self.inside_of(work)
    }

    /// The same machine, seen from the network namespace of a process.
    ///
    /// # Errors
    /// When the namespace is gone or entering it is not permitted (`CAP_SYS_ADMIN`).
    pub fn inside(&self, pid: u32) -> io::Result<Self> {
        let mut there = None;
        let enter = || -> io::Result<NonZeroU64> {
            let (worker, inode) = Worker::enter(pid)?;
            there = Some(Arc::new(worker));
            Ok(inode)
        };
        let inode = self.ask(format_args!("proc/{pid}/enter"), enter)?;
        Ok(Self {
            place: Place {
                name: format!("net-{inode}").into(),
                there,
            },
            ..self.clone()
        })
    }

    /// Every other network namespace that a visible process is in, by its mark, with its
    /// processes, lowest pid first.
    #[must_use]
    pub fn namespaces(&self) -> BTreeMap<u64, Vec<u32>> {
        let pids = Proc::open(self).and_then(|proc| proc.pids());
        let mut pids = pids.unwrap_or_default();
        pids.sort_unstable();
        let own = self.mark();
        let mut namespaces: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
        for pid in pids {
            if let Some(mark) = self.mark_of(pid).filter(|&mark| Some(mark) != own) {
                namespaces.entry(mark).or_default().push(pid);
            }
        }
        namespaces
    }

    /// The inode of the namespace; `None` without /proc.
    #[must_use]
    pub fn netns(&self) -> Option<NonZeroU64> {
        self.there(format_args!("netns"), netns::current)
    }

    /// The inode of a process's network namespace; `None` where that may not be looked at.
    #[must_use]
    pub fn netns_of(&self, pid: u32) -> Option<NonZeroU64> {
        self.ask(format_args!("proc/{pid}/netns"), || netns::of_process(pid))
    }

    /// The inode of the network namespace that a socket of a process is in.
    ///
    /// # Errors
    /// When the process does not let its descriptors be copied, or the kernel does not tell
    /// (`CAP_NET_ADMIN` there).
    pub fn netns_of_socket(&self, pid: u32, fd: u32) -> io::Result<NonZeroU64> {
        let key = format_args!("proc/{pid}/socket-{fd}-netns");
        self.ask(key, || netns::of_socket(pid, fd))
    }

    /// A number that tells the namespace from others, without any permission.
    #[must_use]
    pub fn mark(&self) -> Option<u64> {
        self.there(format_args!("mark"), || netns::mark(None))
    }

    /// That number of the namespace of a process; `None` when the process has ended or that
    /// cannot be told.
    #[must_use]
    pub fn mark_of(&self, pid: u32) -> Option<u64> {
        self.ask(format_args!("proc/{pid}/mark"), || netns::mark(Some(pid)))
    }

    /// Whether a process may be in the namespace: it is, or that cannot be told. A process that
    /// has ended is not.
    #[must_use]
    pub fn may_have(&self, pid: u32) -> bool {
        let key = format_args!("may-have-{pid}");
        self.there(key, move || Surely(netns::may_be_ours(pid))).0
    }

    /// Whether this process may administer the namespace.
    #[must_use]
    pub fn may_administer(&self) -> bool {
        let may = self.there(format_args!("may-administer"), || {
            Surely(netns::may_administer())
        });
        may.0
    }

    /// A text table, such as `tcp6`, to be read bit by bit.
    ///
    /// # Errors
    /// `ENOENT` when the kernel has no such table or /proc is not mounted.
    pub fn net_table(&self, name: &str) -> io::Result<Box<dyn Read>> {
        if !self.is_live() {
            return Ok(Box::new(io::Cursor::new(self.net_text(name)?)));
        }
        let name = name.to_owned();
        let file = self.inside_of(move || live::proc::net_table(&name))??;
        Ok(Box::new(file))
    }

    /// The whole of a text, such as `sockstat`.
    ///
    /// # Errors
    /// `ENOENT` when the kernel has no such file or /proc is not mounted.
    pub fn net_text(&self, name: &str) -> io::Result<String> {
        let file = name.to_owned();
        self.there(format_args!("net/{name}"), move || {
            live::proc::net_text(&file)
        })
    }

    /// A setting by its name in sysctl(8), such as `net.core.somaxconn`.
    ///
    /// # Errors
    /// `ENOENT` when the kernel does not have it, or not in this namespace.
    pub fn setting(&self, name: &str) -> io::Result<String> {
        let setting = name.to_owned();
        self.there(format_args!("setting/{name}"), move || {
            live::proc::setting(&setting)
        })
    }

    /// Whether MPTCP may be in use. Its subflows stand among the TCP connections, and only their
    /// ULP tells them apart.
    #[must_use]
    pub fn has_mptcp(&self) -> bool {
        self.there(format_args!("mptcp"), || Surely(live::has_mptcp()))
            .0
    }

    /// Buckets of the table of TCP connections that the namespace uses: its own, or that of the
    /// machine.
    #[must_use]
    pub fn tcp_buckets(&self) -> u64 {
        self.there(format_args!("tcp-buckets"), || Surely(live::tcp_buckets()))
            .0
    }

    /// The index of an interface.
    #[must_use]
    pub fn interface_index(&self, name: &[u8]) -> Option<NonZeroU32> {
        let key = format_args!("interface-index/{}", Digest::of(name));
        let name = name.to_owned();
        self.there(key, move || names::interface_index(&name))
    }

    /// Looks up the names of interfaces.
    #[must_use]
    pub fn interfaces(&self) -> Interfaces<'_> {
        Interfaces {
            host: self,
            live: OnceCell::new(),
        }
    }
}

/// Looks up the names of interfaces, through a socket that is kept.
#[derive(Debug)]
pub struct Interfaces<'a> {
    host: &'a Host,
    live: OnceCell<Option<names::Interfaces>>,
}

impl Interfaces<'_> {
    /// The name of an interface.
    #[must_use]
    pub fn name(&self, index: NonZeroU32) -> Option<Foreign> {
        let host = self.host;
        let key = format_args!("{}/interface/{index}", host.place.name);
        host.ask(key, || {
            let open = || host.inside_of(names::Interfaces::new).ok();
            self.live.get_or_init(open).as_ref()?.name(index)
        })
    }
}
