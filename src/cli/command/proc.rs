//! `sockscope proc PID|NAME`: everything one process has open on the network.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use rustc_hash::FxHashSet;

use super::list;
use super::list::{List, Order};
use super::unlisted::Rest;
use super::{conns, pids as only};
use crate::cli::exit::{Exit, Failure, Usage};
use crate::cli::session::Session;
use crate::collect::Processes;
use crate::filter::Filter;
use crate::model::StateSet;
use crate::model::foreign::shown;

const TABLE: &[&str] = &[
    "protocol", "state", "recv_q", "send_q", "local", "peer", "role", "fd", "process",
];
const PROGRAM: &[&str] = &[
    "protocol", "state", "recv_q", "send_q", "local", "peer", "role", "fd", "pid", "comm",
];

pub(crate) fn run(
    session: &Session,
    target: &OsStr,
    words: &[String],
    pids_only: bool,
) -> Result<Exit, Failure> {
    if session.options.no_owners {
        let usage = Usage::new("proc looks for the sockets of a process, so it needs owners");
        return Err(usage.hint("leave --no-owners out").into());
    }
    if target.is_empty() {
        return Err(Usage::new("proc takes a pid or the name of a process").into());
    }
    let filter = Session::filter(words)?;
    let pids = match target.to_str().map(str::parse) {
        Some(Ok(pid)) => vec![pid],
        _ => Processes::open(&session.host)
            .map_or_else(Vec::new, |all| all.called(target.as_bytes())),
    };
    let request = session.request(StateSet::ALL, Filter::pids(&pids).and(filter))?;
    let named = shown(target.as_bytes()).to_string();
    let rest = |listed: &_| Rest::new(&session.host, &named, &pids, &request.query, listed);
    let is_chosen = !words.is_empty();
    if pids_only {
        // A socket may have further owners, who were not asked for.
        let mut found = only::look(session, &request)?;
        found.pids.retain(|pid| pids.contains(pid));
        return found.tell(session, || {
            rest(&FxHashSet::default()).why_nothing(is_chosen)
        });
    }
    // Of one process asked for by pid, every row would say the same.
    let table = match pids.as_slice() {
        [_] => TABLE.strip_suffix(&["process"]).unwrap_or(TABLE),
        _ => TABLE,
    };
    let order = session.sort()?;
    let remarks = |listed: &_| rest(listed).problems(is_chosen);
    let list = List {
        command: "proc",
        request: &request,
        columns: session.columns(table, PROGRAM)?,
        order: order.map(|(column, reverse)| Order::Column(column, reverse)),
        remarks: Some(&remarks),
        screen: None,
        looks_abroad: false,
    };
    let (listed, report) = list::write(session, list)?;
    conns::summary(session, &listed)?;
    session.notes(&report);
    if listed.found == 0 {
        let rest = rest(&FxHashSet::default());
        let why = rest.why_nothing(is_chosen);
        if rest.is_denied() {
            session.tell(&why);
        } else {
            session.tell_nothing(&report, &why);
        }
    }
    Ok(session.exit(&report, listed.found > 0))
}
