//! `--pids`: the owners and nothing else, for `kill $(sockscope port 8080 --pids)`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use super::abroad::Abroad;
use super::absent;
use crate::cli::exit::{Exit, Failure};
use crate::cli::session::Session;
use crate::look::pipeline;
use crate::look::pipeline::Request;
use crate::model::{Facts, OwnerStatus, Report, Socket};
use crate::text::cell::explanation;

/// The owners of some sockets, and why others have none.
#[derive(Debug)]
pub(crate) struct Found {
    /// Each owner once, in order.
    pub pids: BTreeSet<u32>,
    /// Sockets without an owner, by reason.
    without: BTreeMap<OwnerStatus, u64>,
    report: Report,
}

impl Found {
    /// The owners of `sockets`.
    pub fn of(sockets: &[&Socket], facts: &Facts, report: Report) -> Self {
        let mut found = Self {
            pids: BTreeSet::new(),
            without: BTreeMap::new(),
            report,
        };
        for socket in sockets {
            let owners = facts.owners(socket).map(|(holder, _)| holder.pid);
            found.pids.extend(owners);
            if socket.owner_status != OwnerStatus::Found {
                *found.without.entry(socket.owner_status).or_default() += 1;
            }
        }
        found
    }

    /// Prints the pids, one a line; without any, says why: `nothing` where there is no socket.
    pub fn tell(
        self,
        session: &Session,
        nothing: impl FnOnce() -> String,
    ) -> Result<Exit, Failure> {
        let mut out = session.out();
        for pid in &self.pids {
            writeln!(out, "{pid}")?;
        }
        out.flush()?;
        session.notes(&self.report);
        if self.pids.is_empty() {
            self.say_why(session, nothing);
        }
        Ok(session.exit(&self.report, !self.pids.is_empty()))
    }

    fn say_why(&self, session: &Session, nothing: impl FnOnce() -> String) {
        if self.without.is_empty() {
            return session.tell_nothing(&self.report, &nothing());
        }
        let told = |status: &OwnerStatus| {
            matches!(status, OwnerStatus::Denied | OwnerStatus::KernelOrHidden)
        };
        if !self.report.complete() && self.without.keys().all(told) {
            // The notes have said it.
            return;
        }
        let each = self.without.iter();
        let reasons: Vec<_> = each
            .map(|(status, count)| match count {
                1 => format!("1 socket: {}", explanation(*status)),
                n => format!("{n} sockets: {}", explanation(*status)),
            })
            .collect();
        session.tell(&format!("no owner of {}", reasons.join("; ")));
    }
}

/// The owners of what is asked for.
pub(crate) fn look(session: &Session, request: &Request) -> Result<Found, Failure> {
    let snapshot = pipeline::snapshot(&session.host, request)?;
    let sockets: Vec<_> = snapshot.sockets.iter().collect();
    Ok(Found::of(&sockets, &snapshot.facts, snapshot.report))
}

/// `--pids` of a list.
pub(crate) fn of_rows(
    session: &Session,
    request: &Request,
    nothing: &str,
) -> Result<Exit, Failure> {
    let mut found = look(session, request)?;
    if found.pids.is_empty() && found.without.is_empty() {
        found
            .report
            .problems
            .extend(Abroad::of_filter(&session.host, request));
    }
    found.tell(session, || {
        absent::because(&session.host, nothing, &request.filter)
    })
}
