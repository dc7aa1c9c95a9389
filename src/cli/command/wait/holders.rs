//! Whether the process that is waited for holds one of the sockets.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use crate::analyze::bind::Around;
use crate::analyze::wait::{Condition, Target, owners_rest_after};
use crate::cli::exit::Usage;
use crate::filter::Filter;
use crate::host::{Host, live};
use crate::look::pipeline;
use crate::look::pipeline::{Request, Stop};
use crate::model::{FamilySet, Identity, OwnerStatus, Process, Snapshot, Socket, State, StateSet};
use crate::query::Needs;

/// A process that is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// By its pid.
    Pid(u32),
    /// By its name, as `proc` knows it.
    Name(OsString),
}

impl Wanted {
    /// As it is typed: what can be a pid is one.
    pub fn new(text: &OsStr) -> Result<Self, Usage> {
        if text.is_empty() {
            return Err(Usage::new("--process takes a pid or the name of a process"));
        }
        Ok(match text.to_str().map(str::parse) {
            Some(Ok(pid)) => Self::Pid(pid),
            _ => Self::Name(text.to_owned()),
        })
    }

    fn is(&self, process: &Process) -> bool {
        match self {
            Self::Pid(pid) => process.pid == *pid,
            Self::Name(name) => process.is_called(name.as_bytes()),
        }
    }

    /// How much must be known of a process to tell.
    fn needs(&self) -> Needs {
        match self {
            Self::Name(name) if name.len() > 15 => Needs::PROCESSES,
            _ => Needs::OWNERS,
        }
    }
}

/// Looks who holds the sockets: when there is a new one, and else as rarely as that costs, for a
/// socket may be passed on, and a process may change its name.
pub(super) struct Holders {
    wanted: Wanted,
    /// The sockets that were there when the owners were looked at.
    seen: Vec<Identity>,
    due: Duration,
    /// What that look saw.
    pub last: Option<Held>,
}

/// Who holds the sockets of the port.
pub(super) struct Held {
    /// All sockets that count, with their owners.
    pub snapshot: Snapshot,
    /// Whether the process holds one of them.
    pub by_wanted: bool,
    /// Whether it may hold one of which the owner cannot be seen.
    pub may_be: bool,
}

impl Holders {
    pub fn new(wanted: Wanted) -> Self {
        Self {
            wanted,
            seen: Vec::new(),
            due: Duration::ZERO,
            last: None,
        }
    }

    /// Who holds `rows`; `now` at the latest, where the answer is the last one.
    pub fn look(
        &mut self,
        host: &Host,
        request: &Request,
        target: &Target,
        (rows, around): (&[Socket], &Around),
        is_last: bool,
    ) -> Result<Option<&Held>, Stop> {
        let started = live::monotonic();
        let seen: Vec<Identity> = rows.iter().map(Identity::of).collect();
        let is_new = seen.iter().any(|one| !self.seen.contains(one));
        if is_new || is_last || started >= self.due {
            let mut request = request.clone();
            request.query.needs = request.query.needs.and(self.wanted.needs());
            let mut snapshot = pipeline::snapshot(host, &request)?;
            snapshot
                .sockets
                .retain(|socket| target.counts(socket, around));
            self.seen = seen;
            self.last = Some(self.judge(snapshot));
            let now = live::monotonic();
            self.due = now + owners_rest_after(now.saturating_sub(started));
        }
        Ok(self.last.as_ref())
    }

    fn judge(&self, snapshot: Snapshot) -> Held {
        let holds = |socket: &Socket| {
            let mut owners = snapshot.facts.owner_processes(socket);
            owners.any(|process| self.wanted.is(process))
        };
        let by_wanted = snapshot.sockets.iter().any(holds);
        let report = &snapshot.report;
        let is_hidden = |socket: &Socket| match socket.owner_status {
            OwnerStatus::Denied => true,
            // Outside of this pid namespace, perhaps.
            OwnerStatus::KernelOrHidden => !report.complete(),
            // Where /proc could not be read at all.
            _ => report.owners_from.is_none(),
        };
        let may_be = snapshot.sockets.iter().any(is_hidden);
        Held {
            by_wanted,
            may_be: may_be && !by_wanted,
            snapshot,
        }
    }
}

/// A request for every socket that may count, with owners as far as `request` has them.
pub(super) fn of_port(mut request: Request, target: &Target) -> Request {
    request.filter = Filter::local_port(target.port);
    let query = &mut request.query;
    query.protocols = target.protocols;
    // What serves another family may stand in the way all the same.
    query.families = FamilySet::BOTH;
    query.states = match target.condition {
        Condition::Listening => StateSet::LISTENING,
        Condition::Free => StateSet::ALL,
    };
    // It shows which side opened a connection.
    if target.condition == Condition::Free {
        query.need(Needs::INFO);
    }
    request
}

/// A socket of the port may be bound and not listen: who waits for a listener should know.
pub(super) fn with_bound(request: &Request) -> Request {
    let mut request = request.clone();
    let states = request.query.states;
    request.query.states = states.with(State::BoundInactive).with(State::Close);
    request
}
