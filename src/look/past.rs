//! What an earlier look leaves behind for a later one: enough to know what stayed, what moved
//! and who held what, in a fraction of the memory.

use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use super::attempts::Attempts;
use super::changes::Look;
use super::sample::Sample;
use crate::model::{
    Condition, Facts, FailedConnects, Files, Identity, Kernel, Queue, Snapshot, Socket, State,
};

/// What a socket was at an earlier look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Was {
    /// Its state at the last look.
    pub state: State,
    /// Its state at the first look; `None` when it was not there yet.
    pub first: Option<State>,
    /// What waited in it.
    pub queue: Option<Queue>,
    /// Memory that what it had received and not read held.
    pub held: Option<u32>,
    /// Packets it had dropped.
    pub drops: Option<u32>,
    /// Bytes the peer had acknowledged.
    pub acked: Option<u64>,
    /// Bytes it had received.
    pub received: Option<u64>,
    /// Packets it had dropped at the look between the others.
    pub drops_midway: Option<u32>,
    /// The lowest pid that held it.
    pub owner: Option<u32>,
}

/// The memory that unread data of a socket takes; where the source does not know it, the bytes
/// of that data.
fn held(socket: &Socket) -> Option<u32> {
    match (socket.memory.as_ref(), socket.queue) {
        (Some(memory), _) => Some(memory.received),
        (None, Some(Queue::Bytes { recv, .. })) => Some(recv),
        _ => None,
    }
}

/// One or several earlier looks. Of each socket the last one counts.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// Counters at the first look.
    pub kernel: Kernel,
    /// Counters at a look between the others, where there was one.
    pub midway: Option<Kernel>,
    /// When the first look was.
    pub at: Duration,
    /// Connections that were being opened, by their destinations.
    pub attempts: Attempts,
    /// Attempts to connect that have failed since.
    pub failed: FailedConnects,
    seen: FxHashMap<Identity, Was>,
    files: FxHashMap<u32, Files>,
    /// Processes that no signal reached.
    stuck: FxHashSet<u32>,
    names: FxHashMap<u32, Vec<u8>>,
    has_looked: bool,
}

impl Past {
    /// What a first look leaves behind.
    #[must_use]
    pub fn of(sample: Sample) -> Self {
        let mut past = Self::default();
        past.absorb(&sample.snapshot);
        past.note(sample.facts());
        past.kernel = sample.kernel;
        past.at = sample.at;
        past
    }

    /// Notes what is remembered of processes.
    fn note(&mut self, facts: &Facts) {
        for process in facts.processes.values() {
            self.files
                .extend(process.files.map(|files| (process.pid, files)));
            if process.condition == Some(Condition::Uninterruptible) {
                self.stuck.insert(process.pid);
            }
        }
    }

    /// What a look leaves behind that knows who held the sockets before it.
    #[must_use]
    pub fn of_look(look: &Look) -> Self {
        let mut past = Self::default();
        past.absorb(&look.sample.snapshot);
        past.kernel = look.sample.kernel.clone();
        past.at = look.sample.at;
        past.note(look.facts());
        for socket in look.sockets() {
            let Some(owner) = look.former_owner(socket) else {
                continue;
            };
            if let Some(was) = past.seen.get_mut(&Identity::of(socket)) {
                was.owner = Some(owner.pid);
            }
            let name = past.names.entry(owner.pid);
            name.or_insert_with(|| owner.comm.clone());
        }
        past
    }

    /// Takes in a further look at the sockets.
    pub fn absorb(&mut self, snapshot: &Snapshot) {
        for socket in &snapshot.sockets {
            let owner = snapshot.facts.owner_processes(socket).next();
            if let Some(process) = owner
                && !self.names.contains_key(&process.pid)
            {
                self.names.insert(process.pid, process.comm.clone());
            }
            let identity = Identity::of(socket);
            // A socket that has lost its owner is still remembered with it.
            let before = self.seen.get(&identity);
            let first = match before {
                Some(before) => before.first,
                None => Some(socket.state).filter(|_| !self.has_looked),
            };
            let owner_before = before.and_then(|was| was.owner);
            let was = Was {
                state: socket.state,
                first,
                queue: socket.queue,
                held: held(socket),
                drops: socket.drops,
                drops_midway: None,
                acked: socket.tcp.as_ref().and_then(|tcp| tcp.bytes_acked),
                received: socket.tcp.as_ref().and_then(|tcp| tcp.bytes_received),
                owner: owner.map(|process| process.pid).or(owner_before),
            };
            self.seen.insert(identity, was);
        }
        self.attempts.add(snapshot);
        self.has_looked = true;
    }

    /// Takes in what a look between the others saw of drops, of sockets and of the namespace.
    pub fn pass(&mut self, sockets: &[Socket], kernel: Kernel) {
        for socket in sockets {
            if let Some(was) = self.seen.get_mut(&Identity::of(socket)) {
                was.drops_midway = socket.drops;
            }
        }
        self.attempts.add_sockets(sockets, &Facts::default());
        self.midway = Some(kernel);
    }

    /// What `socket` was; `None` when it was not there.
    #[must_use]
    pub fn of_socket(&self, socket: &Socket) -> Option<&Was> {
        self.seen.get(&Identity::of(socket))
    }

    /// All sockets there were.
    pub fn all(&self) -> impl Iterator<Item = &Was> {
        self.seen.values()
    }

    /// The descriptors a process had.
    #[must_use]
    pub fn files(&self, pid: u32) -> Option<Files> {
        self.files.get(&pid).copied()
    }

    /// Whether no signal reached a process.
    #[must_use]
    pub fn is_stuck(&self, pid: u32) -> bool {
        self.stuck.contains(&pid)
    }

    /// The name of a process that held a socket.
    #[must_use]
    pub fn name(&self, pid: u32) -> Option<&[u8]> {
        self.names.get(&pid).map(Vec::as_slice)
    }
}
