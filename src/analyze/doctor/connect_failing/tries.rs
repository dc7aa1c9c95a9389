//! The attempts to connect that nobody answered, and who was answered meanwhile.

use std::net::IpAddr;

use rustc_hash::FxHashSet;

use crate::analyze::doctor::Case;
use crate::analyze::doctor::case::quiet_ms;
use crate::analyze::doctor::retransmits::waits_for_accept;
use crate::look::attempts::{Attempt, Attempts, Target};
use crate::model::{Identity, Socket, State};

/// A connection that ended so short a time ago shows that somebody answers: milliseconds.
const RECENT_MS: u64 = 10_000;
/// One that stands shows it when something came from its peer so short a time ago: milliseconds.
const HEARD_MS: u64 = 60_000;

/// One attempt that nobody answered, at any look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Try<'a> {
    pub target: Target,
    pub identity: Identity,
    /// What all looks know of it.
    pub attempt: Attempt,
    /// Whether an earlier look saw it.
    pub was_seen: bool,
    /// Its socket, where it still waits.
    pub waiting: Option<&'a Socket>,
}

/// Every attempt towards destinations that answer nobody.
pub(super) fn tries<'a>(case: &Case<'a>) -> Vec<Try<'a>> {
    let none = Attempts::default();
    let before = case.before.map_or(&none, |before| &before.attempts);
    let now = case.attempts();
    if now.is_empty() {
        return Vec::new();
    }
    let find = |attempts: &Attempts, target: &Target, identity: &Identity| {
        attempts.towards(target)?.attempts.get(identity).copied()
    };
    let waiting = case.tcp(&[State::SynSent]).filter_map(|socket| {
        let (target, identity) = (Target::of(socket)?, Identity::of(socket));
        let is = find(now, &target, &identity)?;
        let was = find(before, &target, &identity);
        let attempt = Attempt {
            retransmits: is.retransmits.max(was.and_then(|was| was.retransmits)),
            pid: is.pid.or(was.and_then(|was| was.pid)),
            at_first: was.is_some_and(|was| was.at_first),
        };
        Some(Try {
            target,
            identity,
            attempt,
            was_seen: was.is_some(),
            waiting: Some(socket),
        })
    });
    let gone = before.iter().flat_map(|(target, opening)| {
        let gone = opening.attempts.iter();
        let gone = gone.filter(|(identity, _)| find(now, target, identity).is_none());
        gone.map(|(identity, attempt)| Try {
            target: *target,
            identity: *identity,
            attempt: *attempt,
            was_seen: true,
            waiting: None,
        })
    });
    let answered = answered(case, before);
    let tries = waiting.chain(gone);
    tries.filter(|t| !answered.contains(&t.target)).collect()
}

/// The destinations of attempts that answer somebody.
fn answered(case: &Case<'_>, before: &Attempts) -> FxHashSet<Target> {
    let now = case.attempts();
    let of_before = before.iter().filter(|(_, opening)| opening.is_answered);
    let mut answered: FxHashSet<Target> = of_before.map(|(target, _)| *target).collect();
    for socket in case.now.sockets() {
        if let Some(target) = Target::of(socket)
            && (now.towards(&target).is_some() || before.towards(&target).is_some())
            && (is_answer(case, socket) || waits_for_accept(case, socket))
        {
            answered.insert(target);
        }
    }
    answered
}

/// Whether a socket shows that its peer answers now: it is established, or was while this
/// looked. What has been closing for long tells of the past.
fn is_answer(case: &Case<'_>, socket: &Socket) -> bool {
    match socket.state {
        State::SynSent => false,
        State::Established => true,
        _ if case.before.is_some() => match case.was(socket) {
            None => true,
            Some(was) => matches!(was.state, State::SynSent | State::Established),
        },
        State::TimeWait => socket.age().is_some_and(|age| age.ms < RECENT_MS),
        _ => false,
    }
}

/// Who reached somebody of late, and whom.
#[derive(Debug, Default)]
pub(super) struct Reached {
    pub pids: FxHashSet<u32>,
    pub addresses: FxHashSet<IpAddr>,
    /// Whether somebody did of whom nothing is known: a connection that is over has no owner.
    pub by_unknown: bool,
}

impl Reached {
    /// By connections that were made from here.
    pub fn of(case: &Case<'_>) -> Self {
        let mut reached = Self::default();
        for socket in case.now.sockets() {
            let Some(target) = Target::of(socket).filter(|_| is_heard(case, socket)) else {
                continue;
            };
            reached.addresses.insert(target.peer.address);
            let now = case.now.facts().owner_processes(socket);
            reached.pids.extend(now.map(|process| process.pid));
            let was = case.was(socket).and_then(|was| was.owner);
            reached.pids.extend(was);
            reached.by_unknown |= was.is_none() && socket.inode.is_none();
        }
        reached
    }
}

/// Whether something came from the peer of late: a connection that was made before the way went
/// down stands for long.
fn is_heard(case: &Case<'_>, socket: &Socket) -> bool {
    let is_silent = socket.state == State::Established && quiet_ms(socket) >= Some(HEARD_MS);
    is_answer(case, socket) && !is_silent
}
