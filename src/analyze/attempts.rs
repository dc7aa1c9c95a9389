//! Connections that are being opened, by where they go: who tries, and whether anybody answers.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use rustc_hash::FxHashMap;

use crate::model::{Endpoint, Facts, Identity, Protocol, Role, Snapshot, Socket, State, TimerKind};

/// Where connections go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    /// The network namespace out of which they go.
    pub netns: Option<NonZeroU64>,
    /// The peer.
    pub peer: Endpoint,
}

impl Target {
    /// Where a TCP connection goes; `None` for one that came.
    #[must_use]
    pub fn of(socket: &Socket) -> Option<Self> {
        let goes_out = socket.protocol == Protocol::Tcp && socket.role != Some(Role::Inbound);
        let peer = socket.peer.filter(|_| goes_out)?;
        Some(Self {
            netns: socket.netns,
            peer,
        })
    }
}

/// One attempt: a socket in `SYN_SENT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// How often its SYN was sent again; `None` where the source does not tell.
    pub retransmits: Option<u8>,
    /// The lowest pid that holds it.
    pub pid: Option<u32>,
}

/// The attempts towards one destination, and what else goes there.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// The sockets in `SYN_SENT`.
    pub attempts: FxHashMap<Identity, Attempt>,
    /// Whether a connection there was established.
    pub is_answered: bool,
}

/// Attempts by destination, over one or several looks.
#[derive(Clone, Debug, Default)]
pub struct Attempts(BTreeMap<Target, Opening>);

impl Attempts {
    /// The attempts of one look.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut attempts = Self::default();
        attempts.add(snapshot);
        attempts
    }

    /// Takes in a further look: of each attempt the last one counts.
    pub fn add(&mut self, snapshot: &Snapshot) {
        self.add_sockets(&snapshot.sockets, &snapshot.facts);
    }

    /// The same, of sockets whose owners may not be known.
    pub fn add_sockets(&mut self, sockets: &[Socket], facts: &Facts) {
        let opening = sockets.iter().filter(|s| s.state == State::SynSent);
        let mut any = false;
        for socket in opening {
            let Some(target) = Target::of(socket) else {
                continue;
            };
            any = true;
            let pid = facts.owner_processes(socket).next().map(|owner| owner.pid);
            let attempts = &mut self.0.entry(target).or_default().attempts;
            let known = attempts.get(&Identity::of(socket));
            let attempt = Attempt {
                retransmits: retransmits(socket),
                pid: pid.or(known.and_then(|known| known.pid)),
            };
            attempts.insert(Identity::of(socket), attempt);
        }
        if !any && self.0.is_empty() {
            return;
        }
        let established = sockets.iter().filter(|s| s.state == State::Established);
        for target in established.filter_map(Target::of) {
            if let Some(opening) = self.0.get_mut(&target) {
                opening.is_answered = true;
            }
        }
    }

    /// Every destination with its attempts.
    pub fn iter(&self) -> impl Iterator<Item = (&Target, &Opening)> {
        self.0.iter()
    }

    /// The attempts towards one destination.
    #[must_use]
    pub fn towards(&self, target: &Target) -> Option<&Opening> {
        self.0.get(target)
    }

    /// Whether nothing is being opened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// How often the SYN of a socket was sent again; `None` where its timer is not told: while a SYN
/// is under way that timer always runs.
#[must_use]
pub fn retransmits(socket: &Socket) -> Option<u8> {
    let timer = socket.timer?;
    (timer.kind == TimerKind::Retransmit).then_some(timer.retransmits)
}
