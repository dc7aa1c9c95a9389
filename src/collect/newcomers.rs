//! Connections as they come, with who holds them: for those that are over before a second look.
//!
//! The table is asked for what a process can hold, without owners, which costs a fraction of a
//! millisecond. Of what is new there, the descriptors of those who held newcomers before are read;
//! where these leave something, of processes that have begun since, and of some of the others in
//! turn; those of everybody at once only for what is new to all, or stays.
//!
//! The kernel's notices of what ends (`SKNLGRP_INET_TCP_DESTROY`) name nobody: they come when the
//! descriptor is gone, with inode 0, and of a connection that nobody had looked at with another
//! cookie than its TIME_WAIT gets.

use std::num::NonZeroU32;
use std::sync::atomic::AtomicBool;

use rustc_hash::{FxHashMap, FxHashSet};

use super::owners::Finder;
use super::{Collector, Netlink, Sink, Table};
use crate::host::{FdRange, Host, Proc};
use crate::model::{Endpoint, Narrow, NetnsId, Protocol, Socket, State, StateSet};
use crate::query::{Needs, OwnerSource};
use crate::wire::fd_link::FdLink;
use crate::wire::task_file::Chosen;

/// The states in which a process may hold a connection.
const HELD: StateSet = StateSet::NONE
    .with(State::SynSent)
    .with(State::Established)
    .with(State::FinWait1)
    .with(State::FinWait2)
    .with(State::CloseWait)
    .with(State::LastAck)
    .with(State::Closing);
/// So many who held newcomers are asked first.
const USUAL: usize = 8;
/// So many of all processes are read in turn, where these do not have it.
const IN_TURN: usize = 16;
/// What was looked for everywhere so often has no owner that can be seen.
const IN_VAIN: u8 = 2;
/// So many ends are remembered at most.
const FAMILIAR: usize = 10_000;

/// Looks at connections that come, from its making on.
pub struct Newcomers {
    netns: Option<NetnsId>,
    table: Netlink,
    proc: Proc,
    finder: Finder,
    /// Who held newcomers, the last one first.
    usual: Vec<u32>,
    /// Every process there was at the last look for owners, in order.
    pids: Vec<u32>,
    /// Up to where these were read in turn.
    turn: usize,
    /// How often sockets without an owner were looked for everywhere.
    in_vain: FxHashMap<NonZeroU32, u8>,
    /// Sockets without an owner of the look before.
    waiting: FxHashSet<NonZeroU32>,
    /// Ends whose sockets were looked for everywhere once.
    familiar: FxHashSet<Endpoint>,
}

/// A connection that came, and who holds it: the lowest pid, and its name.
#[derive(Clone, Debug)]
pub struct Newcomer {
    /// The connection.
    pub socket: Socket,
    /// Whoever holds it; `None` where nobody was found.
    pub process: Option<(u32, Vec<u8>)>,
}

impl Newcomers {
    /// Begins to look; `None` where that cannot be done often: without `sock_diag`, or /proc.
    #[must_use]
    pub fn watch(host: &Host, source: OwnerSource) -> Option<Self> {
        let proc = Proc::open(host).ok()?;
        let pids = sorted(proc.pids().ok()?);
        Some(Self {
            netns: host.netns().and_then(|inode| NetnsId::new(inode.get())),
            table: Netlink::open(host).ok()?.in_turn(),
            finder: Finder::new(host, source),
            proc,
            usual: Vec::new(),
            pids,
            turn: 0,
            in_vain: FxHashMap::default(),
            waiting: FxHashSet::default(),
            familiar: FxHashSet::default(),
        })
    }

    /// The connections with a file whose owner is not `known`, and whoever holds them now. `None`
    /// when the table cannot be read.
    pub fn look(&mut self, known: &dyn Fn(&Socket) -> bool) -> Option<Vec<Newcomer>> {
        let mut new = New {
            netns: self.netns,
            known,
            rows: Vec::new(),
        };
        let table = Table {
            protocol: Protocol::Tcp,
            family: None,
            states: HELD,
            narrow: Narrow::ALL,
            needs: Needs::NOTHING,
            strict: false,
        };
        self.table.read(table, &mut new).ok()?;
        let rows = new.rows;
        let found = if rows.is_empty() {
            FxHashMap::default()
        } else {
            self.holders(&rows)
        };
        let names = self.names(&found);
        let newcomer = |socket: Socket| {
            let pid = socket.inode.and_then(|inode| found.get(&inode).copied());
            let process = pid.and_then(|pid| Some((pid, names.get(&pid)?.clone())));
            Newcomer { socket, process }
        };
        Some(rows.into_iter().map(newcomer).collect())
    }

    /// Whether the process of this name still has this pid.
    #[must_use]
    pub fn still_runs(&self, pid: u32, name: &[u8]) -> bool {
        self.name(pid).is_some_and(|now| now == name)
    }

    /// The lowest pid that holds each socket, as far as one was found.
    fn holders(&mut self, rows: &[Socket]) -> FxHashMap<NonZeroU32, u32> {
        let wanted: FxHashSet<_> = rows.iter().filter_map(|socket| socket.inode).collect();
        let mut found = FxHashMap::default();
        for pid in &self.usual {
            read_table(&self.proc, *pid, &wanted, &mut found);
        }
        if found.len() < wanted.len() {
            for pid in self.others() {
                read_table(&self.proc, pid, &wanted, &mut found);
            }
        }
        let worth_it: FxHashSet<_> = rows
            .iter()
            .filter_map(|socket| Some((socket.inode?, socket)))
            .filter(|(inode, _)| !found.contains_key(inode))
            .filter(|(inode, socket)| self.is_worth_a_search(*inode, socket))
            .map(|(inode, _)| inode)
            .collect();
        if !worth_it.is_empty() {
            self.search(&worth_it, &mut found);
            self.remember_ends(rows);
        }
        self.in_vain.retain(|inode, _| wanted.contains(inode));
        self.waiting = wanted;
        self.waiting.retain(|inode| !found.contains_key(inode));
        self.remember(&found);
        found
    }

    /// Who else may hold a newcomer: those who have begun since, and the next few of all. A look at
    /// all takes longer than a short connection lives, so that its process is met in turn.
    fn others(&mut self) -> Vec<u32> {
        let Ok(pids) = self.proc.pids() else {
            return Vec::new();
        };
        let pids = sorted(pids);
        let is_new = |pid: &&u32| self.pids.binary_search(pid).is_err();
        let mut others: Vec<u32> = pids.iter().filter(is_new).copied().collect();
        let all = pids.len().max(1);
        let in_turn = pids.iter().cycle().skip(self.turn % all);
        others.extend(in_turn.take(IN_TURN.min(pids.len())));
        self.turn = (self.turn + IN_TURN) % all;
        self.pids = pids;
        others
    }

    /// Whether all descriptors are to be read for a socket: one towards an end that was never looked
    /// for, or one that is still there. Others were closed meanwhile, most likely.
    fn is_worth_a_search(&self, inode: NonZeroU32, socket: &Socket) -> bool {
        let is_familiar = ends(socket).any(|end| self.familiar.contains(&end));
        let in_vain = self.in_vain.get(&inode).copied().unwrap_or(0);
        in_vain < IN_VAIN && (!is_familiar || self.waiting.contains(&inode))
    }

    fn search(&mut self, wanted: &FxHashSet<NonZeroU32>, found: &mut FxHashMap<NonZeroU32, u32>) {
        let chosen = Chosen::of(wanted.iter().copied());
        let Ok(scan) = self.finder.scan(&chosen, &AtomicBool::new(false)) else {
            return;
        };
        let holders = scan.holders.into_iter();
        for holder in holders.filter(|holder| wanted.contains(&holder.inode)) {
            note(found, holder.inode, holder.pid);
        }
        for inode in wanted.iter().filter(|inode| !found.contains_key(inode)) {
            *self.in_vain.entry(*inode).or_default() += 1;
        }
    }

    fn remember_ends(&mut self, rows: &[Socket]) {
        if self.familiar.len() > FAMILIAR {
            self.familiar.clear();
        }
        self.familiar.extend(rows.iter().flat_map(ends));
    }

    fn remember(&mut self, found: &FxHashMap<NonZeroU32, u32>) {
        let pids: FxHashSet<u32> = found.values().copied().collect();
        self.usual.retain(|pid| !pids.contains(pid));
        self.usual.splice(0..0, pids);
        self.usual.truncate(USUAL);
    }

    fn names(&self, found: &FxHashMap<NonZeroU32, u32>) -> FxHashMap<u32, Vec<u8>> {
        let pids: FxHashSet<u32> = found.values().copied().collect();
        let named = pids.into_iter();
        named
            .filter_map(|pid| Some((pid, self.name(pid)?)))
            .collect()
    }

    fn name(&self, pid: u32) -> Option<Vec<u8>> {
        let mut name = self.proc.read(pid, "comm").ok()?;
        if name.last() == Some(&b'\n') {
            name.pop();
        }
        Some(name)
    }
}

impl std::fmt::Debug for Newcomers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Newcomers").finish_non_exhaustive()
    }
}

/// What tells that a connection is like another: where it goes to, or what it came to.
fn ends(socket: &Socket) -> impl Iterator<Item = Endpoint> {
    let local = socket.local.inet();
    [local, socket.peer.inet()].into_iter().flatten()
}

/// Notes which of the wanted sockets a process holds.
fn read_table(
    proc: &Proc,
    pid: u32,
    wanted: &FxHashSet<NonZeroU32>,
    found: &mut FxHashMap<NonZeroU32, u32>,
) {
    // One that ends meanwhile holds nothing; one that may not be looked at cannot be named.
    let _ = proc.scan_fds(pid, None, FdRange::ALL, &mut |_, link| {
        if let FdLink::Socket(inode) = link
            && wanted.contains(&inode)
        {
            note(found, inode, pid);
        }
    });
}

fn sorted(mut pids: Vec<u32>) -> Vec<u32> {
    pids.sort_unstable();
    pids
}

fn note(found: &mut FxHashMap<NonZeroU32, u32>, inode: NonZeroU32, pid: u32) {
    let lowest = found.entry(inode).or_insert(pid);
    *lowest = pid.min(*lowest);
}

/// Takes the rows that are new.
struct New<'a> {
    netns: Option<NetnsId>,
    known: &'a dyn Fn(&Socket) -> bool,
    rows: Vec<Socket>,
}

impl Sink for New<'_> {
    fn push(&mut self, mut socket: Socket) -> bool {
        socket.netns = self.netns;
        if socket.inode.is_some() && socket.cookie.is_some() && !(self.known)(&socket) {
            self.rows.push(socket);
        }
        true
    }

    fn unreadable(&mut self, _count: u64) {}

    fn inconsistent(&mut self, _why: String) {}
}
