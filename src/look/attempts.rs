//! Connections that are being opened, by where they go: who tries, and whether anybody answers.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::model::{
    Endpoint, Facts, Identity, NetnsId, Protocol, Role, Snapshot, Socket, State, TimerKind,
};

/// Where connections go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    /// The network namespace out of which they go.
    pub netns: Option<NetnsId>,
    pub peer: Endpoint,
}

impl Target {
    /// Where a TCP connection goes; `None` for one that came.
    #[must_use]
    pub fn of(socket: &Socket) -> Option<Self> {
        let goes_out = socket.protocol == Protocol::Tcp && socket.role != Some(Role::Inbound);
        let peer = socket.peer.inet().filter(|_| goes_out)?;
        Some(Self {
            netns: socket.netns,
            peer,
        })
    }
}

/// One attempt: a socket in `SYN_SENT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// How often its SYN was sent again, as far as any look saw; `None` where the source does not
    /// tell.
    pub retransmits: Option<u8>,
    /// The lowest pid that holds it.
    pub pid: Option<u32>,
    /// Whether the first look saw it.
    pub at_first: bool,
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
pub struct Attempts {
    openings: BTreeMap<Target, Opening>,
    has_looked: bool,
}

impl Attempts {
    /// The attempts of one look.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut attempts = Self::default();
        attempts.add(snapshot);
        attempts
    }

    /// Takes in a further look.
    pub fn add(&mut self, snapshot: &Snapshot) {
        self.add_sockets(&snapshot.sockets, &snapshot.facts);
    }

    /// The same, of sockets whose owners may not be known.
    pub fn add_sockets(&mut self, sockets: &[Socket], facts: &Facts) {
        let opening = sockets.iter().filter(|s| s.state == State::SynSent);
        let is_first = !std::mem::replace(&mut self.has_looked, true);
        for socket in opening {
            let Some(target) = Target::of(socket) else {
                continue;
            };
            let pid = facts.owner_processes(socket).next().map(|owner| owner.pid);
            let attempts = &mut self.openings.entry(target).or_default().attempts;
            let attempt = attempts.entry(Identity::of(socket)).or_insert(Attempt {
                retransmits: None,
                pid: None,
                at_first: is_first,
            });
            attempt.retransmits = attempt.retransmits.max(retransmits(socket));
            attempt.pid = pid.or(attempt.pid);
        }
        if self.openings.is_empty() {
            return;
        }
        let established = sockets.iter().filter(|s| s.state == State::Established);
        for target in established.filter_map(Target::of) {
            if let Some(opening) = self.openings.get_mut(&target) {
                opening.is_answered = true;
            }
        }
    }

    /// Every destination with its attempts.
    pub fn iter(&self) -> impl Iterator<Item = (&Target, &Opening)> {
        self.openings.iter()
    }

    /// The attempts towards one destination.
    #[must_use]
    pub fn towards(&self, target: &Target) -> Option<&Opening> {
        self.openings.get(target)
    }

    /// Whether nothing is being opened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.openings.is_empty()
    }
}

/// How often the SYN of a socket was sent again; `None` where its timer is not known: while a SYN
/// is under way that timer always runs.
#[must_use]
pub fn retransmits(socket: &Socket) -> Option<u8> {
    let timer = socket.timer?;
    (timer.kind == TimerKind::Retransmit).then_some(timer.retransmits)
}
