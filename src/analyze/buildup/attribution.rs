//! Whose a socket is that has no owner in the kernel.

use std::borrow::Cow;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::look::past::{FarEnd, Past};
use crate::look::sample::Sample;
use crate::model::{Held, NetnsId, Protocol, Role, Socket, State};

/// How it is known whose a socket is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Attribution {
    /// A process holds it.
    Owner,
    /// A process held it when it was seen alive: the same cookie.
    Cookie,
    /// A listener holds its local port: most likely the same program.
    Listener,
    /// Nothing but its destination is known. If one process alone was seen with connections there,
    /// it is most likely that.
    #[default]
    Destination,
}

impl Attribution {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Cookie => "cookie",
            Self::Listener => "listener",
            Self::Destination => "destination",
        }
    }

    /// Whether this is a fact, and no conclusion.
    #[must_use]
    pub const fn is_certain(self) -> bool {
        matches!(self, Self::Owner | Self::Cookie)
    }
}

/// Whose a socket is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Whose {
    /// The lowest pid.
    pub pid: Option<u32>,
    /// How that is known.
    pub attribution: Attribution,
}

/// Finds out whose sockets are.
#[derive(Debug)]
pub struct Attributor<'a> {
    now: &'a Sample,
    before: Option<&'a Past>,
    /// The lowest pid that holds a listener of the port, in each namespace.
    listeners: FxHashMap<(Option<NetnsId>, Option<u16>), u32>,
    /// Some socket that each process holds.
    held: FxHashMap<u32, Held>,
    /// The one process that was seen with connections to a far end; `None` where there are several.
    makers: FxHashMap<FarEnd, Option<u32>>,
    /// Of the processes of one name that have ended, the lowest pid.
    ended: FxHashMap<&'a [u8], u32>,
}

impl<'a> Attributor<'a> {
    /// Looks at who holds what once.
    #[must_use]
    pub fn new(now: &'a Sample, before: Option<&'a Past>) -> Self {
        let mut listeners = FxHashMap::default();
        let mut held = FxHashMap::default();
        for socket in now.sockets() {
            let Some(process) = now.facts().owner_processes(socket).next() else {
                continue;
            };
            held.entry(process.pid).or_insert(socket.held);
            if socket.protocol == Protocol::Tcp && socket.state == State::Listen {
                let key = (socket.netns, socket.local.port());
                let pid = listeners.entry(key).or_insert(process.pid);
                *pid = process.pid.min(*pid);
            }
        }
        let mut attributor = Self {
            now,
            before,
            listeners,
            held,
            makers: FxHashMap::default(),
            ended: ended(before),
        };
        attributor.find_makers();
        attributor
    }

    /// Finds out who alone goes where, now and at earlier looks.
    fn find_makers(&mut self) {
        let mut makers: FxHashMap<FarEnd, Option<u32>> = FxHashMap::default();
        let mut note = |end, pid: Option<u32>| {
            let maker = makers.entry(end).or_insert(pid);
            *maker = maker.filter(|known| Some(*known) == pid);
        };
        let sockets = self.now.sockets().iter();
        for socket in sockets.filter(|socket| socket.role == Some(Role::Outbound)) {
            let owner = self.now.facts().owner_processes(socket).next();
            if let (Some(process), Some(peer)) = (owner, socket.peer.inet()) {
                note((socket.netns, peer), Some(process.pid));
            }
        }
        for (end, seen) in self.before.into_iter().flat_map(Past::makers) {
            for pid in &seen.pids {
                note(*end, Some(self.one_of_name(*pid)));
            }
            // Somebody else who was not seen goes there, too.
            if seen.uids.len() > 1 {
                note(*end, None);
            }
        }
        self.makers = makers;
    }

    /// The process; of those of one name that have ended, the lowest pid: a program that is started
    /// for each connection is told as one.
    fn one_of_name(&self, pid: u32) -> u32 {
        let before = self.before.filter(|before| before.has_ended(pid));
        let name = before.and_then(|before| before.name(pid));
        let first = name.and_then(|name| self.ended.get(name).copied());
        first.unwrap_or(pid)
    }

    /// How many processes these were who held the sockets when they were seen alive.
    #[must_use]
    pub fn processes(&self, sockets: &[&Socket]) -> u64 {
        let before = sockets.iter().filter_map(|socket| {
            let was = self.before?.of_socket(socket)?;
            was.owner
        });
        before.collect::<FxHashSet<u32>>().len().max(1) as u64
    }

    /// The socket as if the process held it whose it is, where nobody does.
    #[must_use]
    pub fn stand_in<'s>(&self, socket: &'s Socket) -> Cow<'s, Socket> {
        let whose = self.whose(socket);
        let held = whose.pid.and_then(|pid| self.held.get(&pid));
        match held.filter(|_| whose.attribution != Attribution::Owner) {
            None => Cow::Borrowed(socket),
            Some(&held) => Cow::Owned(Socket {
                held,
                ..socket.clone()
            }),
        }
    }

    /// Whose the socket is, as far as that can be known.
    #[must_use]
    pub fn whose(&self, socket: &Socket) -> Whose {
        let whose = |pid, attribution| Whose {
            pid: Some(pid),
            attribution,
        };
        if let Some(process) = self.now.facts().owner_processes(socket).next() {
            return whose(process.pid, Attribution::Owner);
        }
        let was = self.before.and_then(|before| before.of_socket(socket));
        if let Some(pid) = was.and_then(|was| was.owner) {
            return whose(self.one_of_name(pid), Attribution::Cookie);
        }
        if socket.inode.is_some() {
            // Somebody holds it who cannot be seen.
            return Whose::default();
        }
        let listener = self.listeners.get(&(socket.netns, socket.local.port()));
        if let Some(pid) = listener {
            return whose(*pid, Attribution::Listener);
        }
        let peer = socket.peer.inet().map(|peer| (socket.netns, peer));
        let maker = peer.and_then(|end| *self.makers.get(&end)?);
        maker.map_or_else(Whose::default, |pid| whose(pid, Attribution::Destination))
    }

    /// The name of a process, one that has ended meanwhile too.
    #[must_use]
    pub fn name(&self, pid: u32) -> Option<&'a [u8]> {
        let alive = self.now.facts().processes.get(&pid);
        let alive = alive.map(|process| process.comm.as_slice());
        alive.or_else(|| self.before?.name(pid))
    }
}

/// The lowest pid of those of each name that have ended.
fn ended(before: Option<&Past>) -> FxHashMap<&[u8], u32> {
    let mut ended = FxHashMap::default();
    let Some(before) = before else {
        return ended;
    };
    for (pid, name) in before.names().filter(|(pid, _)| before.has_ended(*pid)) {
        let lowest = ended.entry(name).or_insert(pid);
        *lowest = pid.min(*lowest);
    }
    ended
}
