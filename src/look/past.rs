//! What an earlier look leaves behind for a later one: enough to know what stayed, what moved
//! and who held what, in a fraction of the memory.

use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use super::attempts::Attempts;
use super::changes::Look;
use super::sample::Sample;
use crate::collect::Newcomer;
use crate::model::{
    Condition, Endpoint, Facts, FailedConnects, Files, Identity, Kernel, NetnsId, Queue, Snapshot,
    Socket, State, Uid,
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

/// A far end, as it is seen from a namespace.
pub type FarEnd = (Option<NetnsId>, Endpoint);

/// Who had connections to a far end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Makers {
    /// The processes, as far as they were seen.
    pub pids: FxHashSet<u32>,
    /// The users of all these connections: one whose process was not seen has a user, too.
    pub uids: FxHashSet<u32>,
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
    /// Processes that were stopped, traced or frozen.
    stopped: FxHashSet<u32>,
    names: FxHashMap<u32, Vec<u8>>,
    /// Who had connections to which far end.
    makers: FxHashMap<FarEnd, Makers>,
    /// Local ports that clients come to.
    listening: FxHashSet<(Option<NetnsId>, u16)>,
    /// Processes that have ended since.
    ended: FxHashSet<u32>,
    /// How often it was looked.
    looks: u64,
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
            if process
                .condition
                .as_ref()
                .is_some_and(Condition::is_stopped)
            {
                self.stopped.insert(process.pid);
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
            if socket.state == State::Listen {
                let port = socket.local.port();
                self.listening.extend(port.map(|port| (socket.netns, port)));
            }
        }
        for socket in &snapshot.sockets {
            let owner = snapshot.facts.owner_processes(socket).next();
            self.keep(
                socket,
                owner.map(|process| (process.pid, &process.comm[..])),
            );
        }
        self.attempts.add(snapshot);
        self.looks += 1;
    }

    /// Takes in connections that came since, and who holds them.
    pub fn meet(&mut self, newcomers: &[Newcomer]) {
        for Newcomer { socket, process } in newcomers {
            let process = process.as_ref().map(|(pid, name)| (*pid, &name[..]));
            // A pid that has changed hands meanwhile would name the wrong one.
            let is_same = |pid, name| self.name(pid).is_none_or(|known| known == name);
            let process = process.filter(|(pid, name)| is_same(*pid, *name));
            self.keep(socket, process);
        }
        self.looks += 1;
    }

    fn keep(&mut self, socket: &Socket, owner: Option<(u32, &[u8])>) {
        if let Some((pid, name)) = owner {
            let known = self.names.entry(pid);
            known.or_insert_with(|| name.to_vec());
        }
        self.note_maker(socket, owner.map(|(pid, _)| pid));
        let identity = Identity::of(socket);
        // A socket that has lost its owner is still remembered with it.
        let before = self.seen.get(&identity);
        let first = match before {
            Some(before) => before.first,
            None => Some(socket.state).filter(|_| self.looks == 0),
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
            owner: owner.map(|(pid, _)| pid).or(owner_before),
        };
        self.seen.insert(identity, was);
    }

    fn note_maker(&mut self, socket: &Socket, pid: Option<u32>) {
        let comes_to = socket.local.port().map(|port| (socket.netns, port));
        let is_inbound = comes_to.is_some_and(|end| self.listening.contains(&end));
        let peer = socket.peer.inet().filter(|_| !is_inbound);
        if let Some(peer) = peer.filter(|_| socket.inode.is_some()) {
            let makers = self.makers.entry((socket.netns, peer)).or_default();
            makers.pids.extend(pid);
            makers.uids.extend(socket.uid.map(Uid::get));
        }
    }

    /// Whether it is known who held a socket.
    #[must_use]
    pub fn knows_owner(&self, socket: &Socket) -> bool {
        let was = self.of_socket(socket);
        was.is_some_and(|was| was.owner.is_some())
    }

    /// Who had connections to which far end.
    pub fn makers(&self) -> impl Iterator<Item = (&FarEnd, &Makers)> {
        self.makers.iter()
    }

    /// The processes that held sockets, by pid.
    pub fn names(&self) -> impl Iterator<Item = (u32, &[u8])> {
        self.names.iter().map(|(pid, name)| (*pid, &name[..]))
    }

    /// Notes which of the processes have ended.
    pub fn note_ended(&mut self, has_ended: &dyn Fn(u32, &[u8]) -> bool) {
        let ended = self.names().filter(|(pid, name)| has_ended(*pid, name));
        self.ended = ended.map(|(pid, _)| pid).collect();
    }

    /// Whether a process has ended since.
    #[must_use]
    pub fn has_ended(&self, pid: u32) -> bool {
        self.ended.contains(&pid)
    }

    /// How often it was looked.
    #[must_use]
    pub const fn looks(&self) -> u64 {
        self.looks
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

    /// Whether a process was stopped, traced or frozen.
    #[must_use]
    pub fn is_stopped(&self, pid: u32) -> bool {
        self.stopped.contains(&pid)
    }

    /// The name of a process that held a socket.
    #[must_use]
    pub fn name(&self, pid: u32) -> Option<&[u8]> {
        self.names.get(&pid).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Family, Protocol};
    use std::num::{NonZeroU32, NonZeroU64};

    fn newcomer(number: u32, process: Option<(u32, &str)>) -> Newcomer {
        let end = |port| Endpoint::new([10, 0, 0, 9].into(), port);
        let mut socket = Socket::new(Protocol::Tcp, Family::V4, State::Established, end(40_000));
        socket.peer = end(443).into();
        socket.cookie = NonZeroU64::new(number.into());
        socket.inode = NonZeroU32::new(number);
        let process = process.map(|(pid, name)| (pid, name.into()));
        Newcomer { socket, process }
    }

    #[test]
    fn who_came_is_known_by_pid_and_name() {
        let mut past = Past::default();
        let met = [
            newcomer(1, Some((7, "curl"))),
            newcomer(2, None),
            // The pid has gone to another process.
            newcomer(3, Some((7, "wget"))),
        ];
        past.meet(&met);
        let known = met.each_ref().map(|met| past.knows_owner(&met.socket));
        assert_eq!(known, [true, false, false]);
        // A later look that finds nobody forgets nothing.
        past.meet(&[newcomer(1, None), newcomer(2, Some((8, "curl")))]);
        let known = met.each_ref().map(|met| past.knows_owner(&met.socket));
        assert_eq!(known, [true, true, false]);
        let (_, makers) = past.makers().next().unwrap();
        assert_eq!(makers.pids, [7, 8].into_iter().collect());
        assert_eq!(past.looks(), 2);
        past.note_ended(&|pid, name| pid == 7 && name == b"curl");
        assert!(past.has_ended(7) && !past.has_ended(8));
    }
}
