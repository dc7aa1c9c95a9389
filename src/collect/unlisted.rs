//! The sockets of a process that no listed table shows: where they are, and of what kind.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64};

use rustc_hash::FxHashSet;

use super::fd_tables;
use crate::model::{Protocol, Via};
use crate::query::Query;
use crate::sys::netns;
use crate::sys::proc::{self, ProcDir};

/// What one process has beside the sockets that were listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unlisted {
    /// Sockets of kinds that are listed, in other network namespaces.
    pub elsewhere: u64,
    /// One of these namespaces.
    pub netns: Option<NonZeroU64>,
    /// Sockets here that have no port and no peer yet: no table of the kernel has them.
    pub unused: u64,
    /// The others by their kind, in the kernel's word for it and in small letters.
    pub kinds: BTreeMap<String, u64>,
}

impl Unlisted {
    /// How many there are in this namespace.
    #[must_use]
    pub fn here(&self) -> u64 {
        self.unused + self.kinds.values().sum::<u64>()
    }
}

/// Where a process is, and what it has beside the sockets that were listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is no such process.
    Gone,
    /// Its open files may not be looked at.
    Denied,
    /// It is in this network namespace, or that cannot be told.
    Here(Unlisted),
    /// It is in another one.
    Elsewhere(Unlisted),
}

/// Compares what a process has open with what was listed.
#[must_use]
pub fn compare(pid: u32, query: &Query, is_listed: &dyn Fn(NonZeroU32) -> bool) -> Standing {
    if !proc::exists(pid) {
        return Standing::Gone;
    }
    let Some(holders) = fd_tables::holders_of(pid) else {
        return Standing::Denied;
    };
    let own = netns::current();
    let is_here = netns::may_be_ours(pid);
    let mut found = Unlisted {
        netns: netns::of_process(pid).filter(|_| !is_here),
        ..Unlisted::default()
    };
    let mut counted = FxHashSet::default();
    for holder in holders {
        if is_listed(holder.inode) || !counted.insert(holder.inode) {
            continue;
        }
        let fd = match holder.via {
            Via::Fd(fd) => Some(fd),
            Via::IoUring => None,
        };
        let kind = fd.and_then(|fd| proc::socket_kind(pid, fd));
        if kind.is_none() && has_ended(pid) {
            return Standing::Gone;
        }
        let kind = kind.unwrap_or_else(|| "unknown".to_owned());
        let protocol = listed_as(&kind);
        // To ask, the socket has to be copied: whoever looks meanwhile sees it held by this process. Of a process
        // elsewhere, what is here was listed, where it could be.
        let asks = match protocol {
            Some(protocol) => is_here || !query.wants(protocol),
            None => false,
        };
        let netns = fd.filter(|_| asks);
        let netns = netns.and_then(|fd| netns::of_socket(pid, fd).ok());
        let is_elsewhere = match (netns, own) {
            (Some(netns), Some(own)) => netns != own,
            _ => !is_here,
        };
        match protocol {
            Some(_) if is_elsewhere => {
                found.elsewhere += 1;
                found.netns = found.netns.or(netns);
            }
            Some(protocol) if protocol != Protocol::Raw && query.wants(protocol) => {
                found.unused += 1;
            }
            _ => *found.kinds.entry(kind).or_default() += 1,
        }
    }
    if is_here {
        Standing::Here(found)
    } else {
        Standing::Elsewhere(found)
    }
}

/// Whether a process has ended, if only to wait for being reaped.
fn has_ended(pid: u32) -> bool {
    !ProcDir::open().is_ok_and(|proc| proc.has_table(pid, None))
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
        let standing = compare(me, &Query::everything(), &|_| false);
        let Standing::Here(found) = standing else {
            panic!("{standing:?}");
        };
        let unix: u64 = found
            .kinds
            .iter()
            .filter(|k| k.0.starts_with("unix"))
            .map(|k| k.1)
            .sum();
        assert!(unix >= 2, "{found:?}");
        assert_eq!(compare(0, &Query::everything(), &|_| false), Standing::Gone);
    }
}
