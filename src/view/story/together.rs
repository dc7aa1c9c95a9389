//! Sockets that the same processes hold, put together: each holder is named once.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use crate::model::{Facts, OwnerStatus, Socket};

/// Sockets that hang together by their holders: two sockets of one process do, and so does what
/// the processes hold with which it shares one. Those without a holder hang together by why.
pub(super) struct Together<'s> {
    /// The sockets, by address.
    pub sockets: Vec<&'s Socket>,
}

/// Puts the sockets together, in the order of the first address of each.
pub(super) fn together<'s>(
    sockets: impl Iterator<Item = &'s Socket>,
    facts: &Facts,
) -> Vec<Together<'s>> {
    let mut sockets: Vec<&Socket> = sockets.collect();
    sockets.sort_by_key(|s| (s.local.inet(), s.family, s.interface, s.inode));
    let mut groups = Groups::default();
    let mut without: BTreeMap<OwnerStatus, usize> = BTreeMap::new();
    for (index, socket) in sockets.iter().enumerate() {
        let pids: BTreeSet<u32> = facts.owner_processes(socket).map(|p| p.pid).collect();
        groups.add(index);
        for pid in &pids {
            groups.tie(index, *pid);
        }
        if pids.is_empty() {
            let first = *without.entry(socket.owner_status).or_insert(index);
            groups.join(first, index);
        }
    }
    let mut found: BTreeMap<usize, Together<'s>> = BTreeMap::new();
    for (index, socket) in sockets.into_iter().enumerate() {
        let group = groups.first(index);
        let empty = || Together {
            sockets: Vec::new(),
        };
        found
            .entry(group)
            .or_insert_with(empty)
            .sockets
            .push(socket);
    }
    found.into_values().collect()
}

/// Which sockets belong together: each leads to one before it, the first of a group to itself.
#[derive(Default)]
struct Groups {
    leads: Vec<usize>,
    of_pid: FxHashMap<u32, usize>,
}

impl Groups {
    fn add(&mut self, index: usize) {
        self.leads.push(index);
    }

    fn tie(&mut self, index: usize, pid: u32) {
        let first = *self.of_pid.entry(pid).or_insert(index);
        self.join(first, index);
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.first(a), self.first(b));
        if let Some(lead) = self.leads.get_mut(a.max(b)) {
            *lead = a.min(b);
        }
    }

    /// The first of the group of `index`.
    fn first(&mut self, mut index: usize) -> usize {
        while let Some(&lead) = self.leads.get(index)
            && lead != index
        {
            // Halves the way for whoever comes next.
            let further = self.leads.get(lead).copied().unwrap_or(lead);
            if let Some(own) = self.leads.get_mut(index) {
                *own = further;
            }
            index = lead;
        }
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, Family, Protocol, State};

    #[test]
    fn what_shares_no_holder_stays_apart() {
        let mut groups = Groups::default();
        // Two workers with a socket each, which their parent holds, too; and another program.
        for (index, pids) in [[1, 2], [1, 3], [7, 8], [2, 9]].iter().enumerate() {
            groups.add(index);
            for pid in pids {
                groups.tie(index, *pid);
            }
        }
        let firsts = [0, 1, 2, 3].map(|index| groups.first(index));
        assert_eq!(firsts, [0, 0, 2, 0]);
    }

    #[test]
    fn sockets_without_a_holder_stand_together_by_why() {
        let socket = |address: &str, status| {
            let local = Endpoint::new(address.parse().unwrap(), 80);
            let mut socket = Socket::new(Protocol::Tcp, Family::V4, State::Listen, local);
            socket.owner_status = status;
            socket
        };
        let sockets = [
            socket("127.0.0.2", OwnerStatus::Denied),
            socket("127.0.0.3", OwnerStatus::KernelOrHidden),
            socket("127.0.0.1", OwnerStatus::Denied),
        ];
        let told = together(sockets.iter(), &Facts::default());
        let told: Vec<Vec<String>> = told
            .iter()
            .map(|one| {
                one.sockets
                    .iter()
                    .map(|s| s.local.ip().unwrap().to_string())
                    .collect()
            })
            .collect();
        assert_eq!(told, [vec!["127.0.0.1", "127.0.0.2"], vec!["127.0.0.3"]]);
    }
}
