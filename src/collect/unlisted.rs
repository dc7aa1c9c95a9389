//! The sockets of a process that no listed table shows: where they are, and of what kind.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64};

use rustc_hash::{FxHashMap, FxHashSet};

use super::{fd_tables, read_tables};
use crate::host::{Host, Proc};
use crate::model::{Holder, Protocol, ProtocolSet, Socket, StateSet, Via};
use crate::query::{CollectorChoice, Needs, Query};

/// What a socket is that the list does not have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unshown {
    /// Of a kind that was not asked for: the kernel's word for it in small letters.
    Kind(String),
    /// Over IPv4, which was not asked for.
    Ipv4,
    /// Over IPv6, which was not asked for.
    Ipv6,
    /// In a state that was not asked for.
    OtherState,
    /// The collector that was asked for by name does not tell of it.
    Untold,
    /// Without a port, and so in no table: it has not got one yet, or its connection is over.
    Portless,
}

/// What one process has beside the sockets that were listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unlisted {
    /// A thread of it that has not ended: the first one, where that has not.
    pub task: u32,
    /// Sockets of kinds that are listed, in other network namespaces.
    pub elsewhere: u64,
    /// One of these namespaces.
    pub netns: Option<NonZeroU64>,
    /// The others, by what they are.
    pub here: BTreeMap<Unshown, u64>,
}

/// Where a process is, and what it has beside the sockets that were listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is no such process.
    Gone,
    /// It has ended, and waits to be reaped.
    Ended,
    /// It is a thread of this process.
    ThreadOf(u32),
    /// Its open files may not be looked at.
    Denied,
    /// It is in this network namespace, or that cannot be told.
    Here(Unlisted),
    /// It is in another one.
    Elsewhere(Unlisted),
}

/// Compares what a process has open with what was listed.
#[must_use]
pub fn compare(
    host: &Host,
    pid: u32,
    query: &Query,
    is_listed: &dyn Fn(NonZeroU32) -> bool,
) -> Standing {
    let task = match alive(host, pid) {
        Ok(task) => task,
        Err(standing) => return standing,
    };
    let Some(holders) = fd_tables::holders_of(host, pid) else {
        return Standing::Denied;
    };
    let is_here = host.may_have(task);
    let look = Look {
        host,
        pid,
        task,
        is_here,
        tables: Tables::new(host, query),
    };
    let mut found = Unlisted {
        task,
        netns: host.netns_of(task).filter(|_| !is_here),
        ..Unlisted::default()
    };
    let mut counted = FxHashSet::default();
    for holder in holders {
        if is_listed(holder.inode) || !counted.insert(holder.inode) {
            continue;
        }
        if let Err(standing) = look.add(&holder, &mut found) {
            return standing;
        }
    }
    if is_here {
        Standing::Here(found)
    } else {
        Standing::Elsewhere(found)
    }
}

/// A look at what one process holds.
struct Look<'a> {
    host: &'a Host,
    pid: u32,
    task: u32,
    is_here: bool,
    tables: Tables<'a>,
}

impl Look<'_> {
    /// Adds one socket to what was found; an error when the process ended meanwhile.
    fn add(&self, holder: &Holder, found: &mut Unlisted) -> Result<(), Standing> {
        let fd = match holder.via {
            Via::Fd(fd) => Some(fd),
            Via::IoUring => None,
        };
        let kind = fd.and_then(|fd| self.host.socket_kind(self.task, fd));
        if kind.is_none() {
            alive(self.host, self.pid)?;
            // Closed meanwhile.
            if fd.is_some_and(|fd| !self.host.has_socket(self.task, fd, holder.inode)) {
                return Ok(());
            }
        }
        let kind = kind.unwrap_or_else(|| "unknown".to_owned());
        let what = match listed_as(&kind) {
            Some(protocol) => match self.place(fd, protocol) {
                (true, netns) => {
                    found.elsewhere += 1;
                    found.netns = found.netns.or(netns);
                    None
                }
                (false, _) => self.tables.why(holder.inode, protocol, kind),
            },
            None => Some(Unshown::Kind(kind)),
        };
        if let Some(what) = what {
            *found.here.entry(what).or_default() += 1;
        }
        Ok(())
    }

    /// Whether a socket is in another network namespace, and which that is, if it was asked.
    fn place(&self, fd: Option<u32>, protocol: Protocol) -> (bool, Option<NonZeroU64>) {
        // To ask, the socket has to be copied: whoever looks meanwhile sees it held by this process. Of a process
        // elsewhere, what is here was listed, where it could be.
        let asks = self.is_here || !self.tables.query.wants(protocol);
        let netns = fd.filter(|_| asks);
        let netns = netns.and_then(|fd| self.host.netns_of_socket(self.pid, fd).ok());
        let is_elsewhere = match (netns, self.host.netns()) {
            (Some(netns), Some(own)) => netns != own,
            _ => !self.is_here,
        };
        (is_elsewhere, netns)
    }
}

/// A thread of the process that has not ended; or what else has that number.
fn alive(host: &Host, pid: u32) -> Result<u32, Standing> {
    if !host.exists(pid) {
        return Err(Standing::Gone);
    }
    let Ok(proc) = Proc::open(host) else {
        return Ok(pid);
    };
    match proc.process_of(pid) {
        Some(process) if process != pid => Err(Standing::ThreadOf(process)),
        _ => proc.live_task(pid).ok_or(Standing::Ended),
    }
}

/// What the kernel's tables have, whatever was asked for; they are read when it matters.
struct Tables<'a> {
    host: &'a Host,
    query: &'a Query,
    all: OnceCell<FxHashMap<NonZeroU32, Socket>>,
}

impl<'a> Tables<'a> {
    fn new(host: &'a Host, query: &'a Query) -> Self {
        Self {
            host,
            query,
            all: OnceCell::new(),
        }
    }

    fn read(&self) -> FxHashMap<NonZeroU32, Socket> {
        let query = Query {
            protocols: ProtocolSet {
                raw: self.query.protocols.raw,
                ..Query::everything().protocols
            },
            needs: Needs::NOTHING,
            ..Query::everything()
        };
        let mut all = FxHashMap::default();
        // What cannot be read is in no table.
        let _ = read_tables(self.host, &query, &mut |socket| {
            all.extend(socket.inode.map(|inode| (inode, socket)));
        });
        all
    }

    /// Why a socket was not listed that is here, and of a kind that tables have; `None` for one that came into
    /// a table only after the look.
    fn why(&self, inode: NonZeroU32, protocol: Protocol, kind: String) -> Option<Unshown> {
        let query = self.query;
        let wants = query.wants(protocol);
        if protocol == Protocol::Raw && !wants {
            return Some(Unshown::Kind(kind));
        }
        let by_name = matches!(
            query.collector,
            CollectorChoice::Procfs | CollectorChoice::Netstat2
        );
        let is_all = !query.families.is_one() && query.states == StateSet::ALL;
        if wants && is_all && !by_name {
            return Some(Unshown::Portless);
        }
        let Some(socket) = self.all.get_or_init(|| self.read()).get(&inode) else {
            return Some(Unshown::Portless);
        };
        match query.families {
            _ if !query.protocols.contains(protocol) => Some(Unshown::Kind(kind)),
            families if socket.serves(families) => {
                let is_other = !query.states.contains(socket.state);
                let untold = by_name.then_some(Unshown::Untold);
                if is_other {
                    Some(Unshown::OtherState)
                } else {
                    untold
                }
            }
            families if families.v4 => Some(Unshown::Ipv6),
            _ => Some(Unshown::Ipv4),
        }
    }
}

/// The table that has sockets of a kind.
fn listed_as(kind: &str) -> Option<Protocol> {
    match kind.trim_end_matches("v6") {
        "tcp" => Some(Protocol::Tcp),
        "udp" => Some(Protocol::Udp),
        "raw" => Some(Protocol::Raw),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_that_tables_have() {
        assert_eq!(listed_as("tcp"), Some(Protocol::Tcp));
        assert_eq!(listed_as("udpv6"), Some(Protocol::Udp));
        assert_eq!(listed_as("unix"), None);
        assert_eq!(listed_as("mptcp"), None);
    }

    #[test]
    fn the_sockets_of_this_process() {
        let (_a, _b) = std::os::unix::net::UnixStream::pair().unwrap();
        let me = std::process::id();
        let standing = compare(&Host::live(), me, &Query::everything(), &|_| false);
        let Standing::Here(found) = standing else {
            panic!("{standing:?}");
        };
        let unix: u64 = found
            .here
            .iter()
            .filter(|(what, _)| matches!(what, Unshown::Kind(kind) if kind.starts_with("unix")))
            .map(|(_, count)| count)
            .sum();
        assert!(unix >= 2, "{found:?}");
        assert_eq!(
            compare(&Host::live(), 0, &Query::everything(), &|_| false),
            Standing::Gone
        );
    }
}
