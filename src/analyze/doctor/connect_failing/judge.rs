//! Which attempts fail together: those towards one destination; else those of one process, or
//! towards one address.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use rustc_hash::FxHashSet;

use super::tries::{Reached, Try, tries};
use crate::analyze::doctor::retransmits::{CRITICAL, WARNING, linear_syns};
use crate::analyze::doctor::{Case, Severity};
use crate::look::attempts::Target;
use crate::model::{Identity, Socket};

/// So many failing attempts are a warning.
pub(super) const SEVERAL: usize = 3;
/// So many are worth knowing.
pub(super) const FEW: usize = 2;
/// In one look an attempt fails for certain when its SYN was sent again so often.
pub(super) const SURE: u8 = 2;
/// A SYN that has no answer is sent again after so long: milliseconds (`TCP_TIMEOUT_INIT`, less
/// what looks may differ).
const SENT_AGAIN_MS: u64 = 900;

/// Attempts that fail together.
#[derive(Debug)]
pub(super) struct Failing<'a> {
    pub tries: Vec<Try<'a>>,
    pub severity: Severity,
}

impl<'a> Failing<'a> {
    /// The sockets that wait for an answer now.
    pub fn waiting(&self) -> impl Iterator<Item = &'a Socket> + use<'_, 'a> {
        self.tries.iter().filter_map(|t| t.waiting)
    }

    /// Where they go.
    pub fn targets(&self) -> BTreeSet<Target> {
        self.tries.iter().map(|t| t.target).collect()
    }

    /// The address, where it is the same for all.
    pub fn address(&self) -> Option<IpAddr> {
        same(self.tries.iter().map(|t| t.target.peer.address))
    }

    /// The port of the far end, where it is the same for all.
    pub fn port(&self) -> Option<u16> {
        same(self.tries.iter().map(|t| t.target.peer.port))
    }

    /// Whether all go to this host.
    pub fn is_here(&self, case: &Case<'_>) -> bool {
        let mut tries = self.tries.iter();
        tries.all(|t| case.is_here(t.target.peer.address))
    }

    /// The attempts of each process that is known.
    pub fn pids(&self) -> BTreeMap<u32, usize> {
        let mut pids = BTreeMap::new();
        for pid in self.tries.iter().filter_map(|t| t.attempt.pid) {
            *pids.entry(pid).or_default() += 1;
        }
        pids
    }

    /// What became of them.
    pub fn counts(&self, case: &Case<'_>) -> TryCounts {
        TryCounts::of(case, &self.tries)
    }
}

fn same<T: PartialEq>(mut all: impl Iterator<Item = T>) -> Option<T> {
    let first = all.next()?;
    all.all(|other| other == first).then_some(first)
}

/// What the attempts say.
#[derive(Debug)]
pub(super) struct Judged<'a> {
    pub failing: Vec<Failing<'a>>,
    /// Attempts of which it is not known whether they fail.
    pub unknown: u64,
}

/// The attempts that are reported as failing.
pub(in crate::analyze::doctor) fn told(case: &Case<'_>) -> FxHashSet<Identity> {
    let failing = judge(case).failing;
    let tries = failing.iter().flat_map(|failing| &failing.tries);
    tries.map(|t| t.identity).collect()
}

/// Judges all attempts that nobody answered, each once: by their destinations where that is
/// enough for a warning, by whose they are, by addresses, and again by destinations.
pub(super) fn judge<'a>(case: &Case<'a>) -> Judged<'a> {
    let mut failing = Vec::new();
    let all = tries(case);
    if all.is_empty() {
        return Judged {
            failing,
            unknown: 0,
        };
    }
    let reached = Reached::of(case);
    let target = |t: &Try<'_>| Some(t.target);
    let rest = take(&mut failing, all, target, |tries| {
        by_number(case, tries).filter(|severity| *severity > Severity::Info)
    });
    let process = |t: &Try<'_>| t.attempt.pid.filter(|pid| !reached.pids.contains(pid));
    let rest = take(&mut failing, rest, process, |tries| {
        of_several(case, &reached, tries)
    });
    let address = |t: &Try<'_>| {
        let address = t.target.peer.address;
        let is_free = !reached.addresses.contains(&address);
        is_free.then_some((t.target.netns, address))
    };
    let rest = take(&mut failing, rest, address, |tries| {
        of_several(case, &reached, tries)
    });
    let rest = take(&mut failing, rest, target, |tries| by_number(case, tries));
    for failing in &mut failing {
        let severity = by_retransmits(case, &failing.tries);
        failing.severity = failing.severity.max(severity);
    }
    Judged {
        failing,
        unknown: unknown(case, &rest),
    }
}

/// Takes the groups out of `tries` that fail; gives back the rest.
fn take<'a, K: Ord>(
    failing: &mut Vec<Failing<'a>>,
    tries: Vec<Try<'a>>,
    key: impl Fn(&Try<'a>) -> Option<K>,
    judge: impl Fn(&[Try<'a>]) -> Option<Severity>,
) -> Vec<Try<'a>> {
    let mut groups: BTreeMap<K, Vec<Try<'a>>> = BTreeMap::new();
    let mut rest = Vec::new();
    for t in tries {
        match key(&t) {
            Some(key) => groups.entry(key).or_default().push(t),
            None => rest.push(t),
        }
    }
    for tries in groups.into_values() {
        match judge(&tries) {
            Some(severity) => failing.push(Failing { tries, severity }),
            None => rest.extend(tries),
        }
    }
    rest
}

/// What became of several attempts.
#[derive(Clone, Copy, Debug)]
pub(super) struct TryCounts {
    /// Those that the first look saw.
    pub at_first: usize,
    /// Those that wait, and whose SYN was sent again.
    pub sent_again: usize,
    /// Those that wait, and fail for certain.
    sure: usize,
    /// Those of earlier looks that are gone, unanswered.
    pub gone: usize,
    /// Of these, those that had waited for long.
    given_up: usize,
}

impl TryCounts {
    fn of(case: &Case<'_>, tries: &[Try<'_>]) -> Self {
        let waiting = || tries.iter().filter(|t| t.waiting.is_some());
        let gone = || tries.iter().filter(|t| t.waiting.is_none());
        let sent_again = waiting().filter(|t| match t.attempt.retransmits {
            Some(sent) => sent > 0,
            None => t.attempt.at_first && is_long(case),
        });
        let sent_again = sent_again.count();
        let old = gone().filter(|t| t.attempt.at_first).count() as u64;
        // Who gives up every 5 s may be seen only when its attempts are fresh: the kernel has
        // counted what was sent again between.
        let counted = is_long(case) && case.grown("TcpExt", "TCPSynRetrans") >= Some(old);
        let given_up = gone().filter(|t| {
            // Beside one that has no answer, what is gone had none either.
            sent_again > 0 || t.attempt.retransmits > Some(0) || (counted && t.attempt.at_first)
        });
        Self {
            at_first: tries.iter().filter(|t| t.attempt.at_first).count(),
            sent_again,
            sure: waiting()
                .filter(|t| t.attempt.retransmits >= Some(SURE))
                .count(),
            given_up: given_up.count(),
            gone: gone().count(),
        }
    }
}

/// Whether so many attempts have failed that the destination is at fault.
fn by_number(case: &Case<'_>, tries: &[Try<'_>]) -> Option<Severity> {
    let counts = TryCounts::of(case, tries);
    let waiting = tries.len() - counts.gone;
    if waiting == 0 {
        None
    } else if case.before.is_none() {
        in_one_look(counts.sure, counts.sent_again)
    } else if tries.iter().any(|t| t.was_seen) {
        let failed = counts.sent_again + counts.given_up;
        in_two_looks(tries.len(), failed, counts.gone.min(waiting))
    } else {
        None
    }
}

/// Whether attempts towards several destinations fail, of a process that reached nobody else, or
/// to an address that answers nobody.
fn of_several(case: &Case<'_>, reached: &Reached, tries: &[Try<'_>]) -> Option<Severity> {
    let counts = TryCounts::of(case, tries);
    let failed = counts.sent_again + counts.given_up;
    if failed < SEVERAL || same(tries.iter().map(|t| t.target)).is_some() {
        return None;
    }
    // A connection that is over does not tell whose it was: it may have been of this process.
    if reached.by_unknown {
        return Some(Severity::Info);
    }
    by_number(case, tries)
}

/// Whether the looks are so far apart that a SYN without an answer was sent again between them.
fn is_long(case: &Case<'_>) -> bool {
    case.window_ms() >= Some(SENT_AGAIN_MS)
}

const fn in_one_look(sure: usize, sent_again: usize) -> Option<Severity> {
    if sure >= SEVERAL {
        Some(Severity::Warning)
    } else if sure >= FEW || sent_again >= SEVERAL {
        Some(Severity::Info)
    } else {
        None
    }
}

/// Of `all` attempts so many have failed; `brief`: so many ended unseen while as many began.
const fn in_two_looks(all: usize, failed: usize, brief: usize) -> Option<Severity> {
    if all >= SEVERAL && failed >= SEVERAL {
        Some(Severity::Warning)
    } else if failed >= FEW || brief >= SEVERAL {
        Some(Severity::Info)
    } else {
        None
    }
}

/// How bad it is that the SYN of one attempt was sent again so often, as path-loss has it.
fn by_retransmits(case: &Case<'_>, tries: &[Try<'_>]) -> Severity {
    let most = tries.iter().filter_map(|t| t.attempt.retransmits).max();
    let over = |limit: u8| most >= Some(limit + linear_syns(case));
    if over(CRITICAL) {
        Severity::Critical
    } else if over(WARNING) {
        Severity::Warning
    } else {
        Severity::Info
    }
}

/// Attempts of which it is not known whether they fail, where they are several.
fn unknown(case: &Case<'_>, rest: &[Try<'_>]) -> u64 {
    if is_long(case) {
        return 0;
    }
    let untold = |t: &&Try<'_>| t.waiting.is_some() && t.attempt.retransmits.is_none();
    let untold = rest.iter().filter(untold).count();
    if untold < FEW { 0 } else { untold as u64 }
}
