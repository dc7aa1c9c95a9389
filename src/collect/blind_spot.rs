//! Why the owner of a socket may exist without being seen.

use rustc_hash::FxHashSet;
use rustix::io::Errno;

use super::gaps::Gaps;
use crate::host::{Host, Sight};
use crate::model::Problem;

/// Why owners of sockets may exist without being seen; the default: they may not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlindSpot {
    /// Processes whose open files may not be looked at.
    denied: u64,
    /// How many of these are in this network namespace, as far as can be told.
    here: u64,
    /// In how many others the rest of them are.
    elsewhere: u64,
    /// Processes whose open files could not be read whole, and why.
    unread: u64,
    why: Option<Errno>,
    /// Processes whose threads were not looked at one by one.
    threads: u64,
    /// Processes in all.
    processes: u64,
    /// What /proc shows.
    sight: Sight,
    /// /proc cannot be read at all: that was told already.
    no_proc: bool,
    /// A refusal is the exception: this process may look into every other.
    may_trace_all: bool,
}

impl BlindSpot {
    /// The blind spot that `gaps` make.
    #[must_use]
    pub fn of(host: &Host, gaps: &Gaps) -> Self {
        let own = host.mark();
        let (mut here, mut others) = (0, FxHashSet::default());
        for &pid in &gaps.denied {
            match host.mark_of(pid) {
                Some(mark) if own.is_some_and(|own| own != mark) => {
                    others.insert(mark);
                }
                Some(_) => here += 1,
                None => here += u64::from(host.may_have(pid)),
            }
        }
        Self {
            denied: gaps.denied.len() as u64,
            here,
            elsewhere: others.len() as u64,
            unread: gaps.unread.len() as u64,
            why: gaps.why,
            threads: gaps.threads.len() as u64,
            processes: gaps.of,
            sight: gaps.sight,
            no_proc: false,
            may_trace_all: !gaps.denied.is_empty() && host.may_trace_all(),
        }
    }

    /// The one of who sees no process at all.
    #[must_use]
    pub fn no_proc() -> Self {
        Self {
            no_proc: true,
            ..Self::default()
        }
    }

    /// Adds a process of which it could not be read what it is.
    pub(super) fn add_unread(&mut self, why: Errno) {
        self.unread += 1;
        self.why.get_or_insert(why);
    }

    /// The same with what a further look could not see.
    #[must_use]
    pub(super) fn and(mut self, other: &Self) -> Self {
        let sight = match (self.sight, other.sight) {
            (Sight::Whole, sight) | (sight, _) => sight,
        };
        self.denied = self.denied.max(other.denied);
        self.here = self.here.max(other.here);
        self.elsewhere = self.elsewhere.max(other.elsewhere);
        self.unread = self.unread.max(other.unread);
        self.why = self.why.or(other.why);
        self.threads = self.threads.max(other.threads);
        self.processes = self.processes.max(other.processes);
        self.sight = sight;
        self.no_proc |= other.no_proc;
        self.may_trace_all |= other.may_trace_all;
        self
    }

    /// Other network namespaces with processes that may not be looked into.
    pub(super) const fn namespaces(&self) -> u64 {
        self.elsewhere
    }

    /// Whether a socket without an owner is to be called denied, rather than the kernel's.
    ///
    /// Refusals are the rule for a user, so any of them may hide the owner. For who may look
    /// everywhere they are the exception: one of another namespace explains nothing here.
    #[must_use]
    pub fn explains(&self) -> bool {
        self.no_proc
            || self.sight != Sight::Whole
            || self.unread > 0
            || self.threads > 0
            || self.is_denied()
    }

    fn is_denied(&self) -> bool {
        self.here > 0 || (self.denied > 0 && !self.may_trace_all)
    }

    /// The problems, when owners may be missing because of it: of the `unowned` sockets of the
    /// answer, or further ones of `further` sockets, where the question is for all of them.
    #[must_use]
    pub fn problems(&self, host: &Host, unowned: u64, further: u64) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.unread > 0 {
            problems.push(self.unread_problem());
        }
        if self.threads > 0 {
            let message = format!(
                "sockets may have more owners: {} of {} processes have too many threads to check each one",
                self.threads, self.processes
            );
            let problem = Problem::incomplete("owners_partial", message).count(self.threads);
            problems.push(problem.hint("as root, the kernel lists them (CAP_BPF and CAP_PERFMON)"));
        }
        let is_denied = self.is_denied() && (unowned > 0 || self.here > 0);
        if (unowned > 0 || further > 0) && (is_denied || self.sight != Sight::Whole) {
            problems.push(self.hidden_problem(host, unowned));
        }
        problems
    }

    /// What failed is told in any case: a process that was not read may hold any socket.
    fn unread_problem(&self) -> Problem {
        let why = self.why.unwrap_or(Errno::IO);
        let message = format!(
            "owners may be missing: {} of {} processes could not be read completely: {why}",
            self.unread, self.processes
        );
        let hint = match why {
            Errno::MFILE | Errno::NFILE => "allow more open files (ulimit -n)",
            _ => "try again",
        };
        let problem = Problem::incomplete("owners_unread", message);
        problem.hint(hint).count(self.unread)
    }

    fn hidden_problem(&self, host: &Host, unowned: u64) -> Problem {
        let whose = match unowned {
            0 => "sockets may have more owners".to_owned(),
            1 => "1 socket has no visible owner".to_owned(),
            n => format!("{n} sockets have no visible owner"),
        };
        let (code, why) = match self.sight {
            Sight::Whole => (
                "owners_denied",
                format!(
                    "the open files of {} of {} processes could not be read",
                    self.denied, self.processes
                ),
            ),
            // Whoever is hidden is not among those that refuse; that is the greater lack.
            Sight::Unproven => (
                "owners_hidden",
                "/proc may not show every process (its mount options cannot be read)".to_owned(),
            ),
            Sight::Hidden => (
                "owners_hidden",
                "/proc hides the processes of other users (hidepid)".to_owned(),
            ),
        };
        let hint = if host.is_root() {
            "root without CAP_SYS_PTRACE on the host, or under a security policy, cannot see them"
        } else {
            "run as root to see every owner"
        };
        Problem::incomplete(code, format!("{whose}: {why}"))
            .hint(hint)
            .count(unowned.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(spot: &BlindSpot, unowned: u64, further: u64) -> Vec<&'static str> {
        let problems = spot.problems(&Host::live(), unowned, further);
        assert!(problems.iter().all(|problem| problem.incomplete));
        problems.iter().map(|problem| problem.code).collect()
    }

    #[test]
    fn what_is_seen_whole_hides_nothing() {
        let none = BlindSpot::of(&Host::live(), &Gaps::default());
        assert!(!none.explains());
        assert_eq!(codes(&none, 5, 5), [""; 0]);
    }

    #[test]
    fn what_failed_is_told_whatever_the_rows() {
        let gaps = Gaps {
            unread: vec![7, 8],
            why: Some(Errno::MFILE),
            of: 9,
            ..Gaps::default()
        };
        let spot = BlindSpot::of(&Host::live(), &gaps);
        assert!(spot.explains());
        assert_eq!(codes(&spot, 0, 0), ["owners_unread"]);
        let problem = &spot.problems(&Host::live(), 3, 0)[0];
        assert_eq!(problem.count, 2);
        assert!(problem.message.contains("2 of 9"), "{problem:?}");
        assert!(problem.hint.as_deref().unwrap().contains("ulimit -n"));
    }

    #[test]
    fn a_proc_that_is_not_proved_whole_may_hide_the_owner() {
        for sight in [Sight::Hidden, Sight::Unproven] {
            // That one which is shown refuses is the lesser lack.
            let denied = vec![7];
            let gaps = Gaps {
                sight,
                denied,
                of: 9,
                ..Gaps::default()
            };
            assert_eq!(
                codes(&BlindSpot::of(&Host::live(), &gaps), 1, 0),
                ["owners_hidden"]
            );
            let gaps = Gaps {
                sight,
                ..Gaps::default()
            };
            let spot = BlindSpot::of(&Host::live(), &gaps);
            assert!(spot.explains());
            assert_eq!(codes(&spot, 1, 0), ["owners_hidden"]);
            assert_eq!(codes(&spot, 0, 1), ["owners_hidden"]);
            assert_eq!(codes(&spot, 0, 0), [""; 0]);
            assert!(BlindSpot::default().and(&spot).explains());
        }
    }

    #[test]
    fn threads_that_were_not_looked_at_are_told() {
        let gaps = Gaps {
            threads: vec![7],
            ..Gaps::default()
        };
        assert_eq!(
            codes(&BlindSpot::of(&Host::live(), &gaps), 0, 0),
            ["owners_partial"]
        );
    }
}
