//! Whose a socket is that has no owner in the kernel.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use crate::look::past::Past;
use crate::look::sample::Sample;
use crate::model::{Held, NetnsId, Protocol, Socket, State};

/// How it is known whose a socket is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Attribution {
    /// A process holds it.
    Owner,
    /// A process held it when it was seen alive: the same cookie.
    Cookie,
    /// A listener holds its local port: most likely the same program.
    Listener,
    /// Nothing but its destination is known.
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
        Self {
            now,
            before,
            listeners,
            held,
        }
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
            return whose(pid, Attribution::Cookie);
        }
        if socket.inode.is_some() {
            // Somebody holds it who cannot be seen.
            return Whose::default();
        }
        let listener = self.listeners.get(&(socket.netns, socket.local.port()));
        listener.map_or_else(Whose::default, |pid| whose(*pid, Attribution::Listener))
    }

    /// The name of a process, one that has ended meanwhile too.
    #[must_use]
    pub fn name(&self, pid: u32) -> Option<&'a [u8]> {
        let alive = self.now.facts().processes.get(&pid);
        let alive = alive.map(|process| process.comm.as_slice());
        alive.or_else(|| self.before?.name(pid))
    }
}
