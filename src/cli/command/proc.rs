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
use crate::filter::{Filter, one_of};
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
    let filter = session.filter(words)?;
    let (name, pids) = if let Some(Ok(pid)) = target.to_str().map(str::parse) {
        (target.as_bytes().to_vec(), vec![pid])
    } else {
        let name = one_name(session, target)?;
        let all = Processes::open(&session.host);
        let pids = all.map_or_else(Vec::new, |all| all.called(&name));
        (name, pids)
    };
    let request = session.request(StateSet::ALL, Filter::pids(&pids).and(filter))?;
    let named = shown(&name).to_string();
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

/// The name that is meant: the word itself, or the one name that begins with it.
fn one_name(session: &Session, target: &OsStr) -> Result<Vec<u8>, Usage> {
    let target = target.as_bytes();
    match session.called(target).as_slice() {
        [] => Ok(target.to_vec()),
        [only] => Ok(only.clone()),
        several => {
            let usage = Usage::new(format!(
                "several processes have a name that begins with '{}'",
                shown(target)
            ));
            Err(usage.hint(one_of(several)))
        }
    }
}
