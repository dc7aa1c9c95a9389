//! Why nothing matched: what a filter names and this machine does not have.

use std::borrow::Cow;

use crate::cli::session::Session;
use crate::collect::Processes;
use crate::filter::{Filter, did_you_mean};
use crate::host::Host;
use crate::model::Report;
use crate::model::foreign::{exact, shown};

/// `nothing`, and what of the filter does not exist, where that explains it.
pub(crate) fn because(host: &Host, nothing: &str, filter: &Filter) -> String {
    match reason(host, filter) {
        Some(reason) => format!("{nothing}: {reason}"),
        None => nothing.to_owned(),
    }
}

impl Session {
    /// Says of counts that are all zero what the filter asks for and is not there, if anything is.
    pub(crate) fn tell_absent(&self, report: &Report, filter: &Filter) {
        if let Some(reason) = reason(&self.host, filter) {
            self.tell_nothing(report, &format!("no socket matches: {reason}"));
        }
    }
}

/// What the filter asks for and is not there: processes, users or interfaces.
pub(crate) fn reason(host: &Host, filter: &Filter) -> Option<String> {
    let named = filter.named();
    let no_process = named.processes.iter().find_map(|alternatives| {
        let exists = |name: &Cow<'_, [u8]>| is_process(host, name);
        (!alternatives.is_empty() && !alternatives.iter().any(exists)).then(|| {
            let names: Vec<&[u8]> = alternatives.iter().map(AsRef::as_ref).collect();
            no_processes(host, &names)
        })
    });
    let no_user = || {
        let exists = |name: &String| name.parse::<u32>().is_ok() || host.uid(name).is_some();
        let names = named.users.iter().find(|names| !names.iter().any(exists))?;
        Some(format!("there is no user {}", quoted(names)))
    };
    let no_device = || {
        let missing = |name: &&&[u8]| host.interface_index(name).is_none();
        let name = named.devices.iter().find(missing)?;
        Some(format!("there is no interface '{}'", shown(name)))
    };
    no_process.or_else(no_user).or_else(no_device)
}

/// `'jav' or 'nginz'`.
fn quoted<T: AsRef<[u8]>>(names: &[T]) -> String {
    let names: Vec<_> = names
        .iter()
        .map(|name| format!("'{}'", shown(name.as_ref())))
        .collect();
    names.join(" or ")
}

/// That there is none of these processes.
fn no_processes(host: &Host, names: &[&[u8]]) -> String {
    let (pids, names): (Vec<&[u8]>, Vec<&[u8]>) =
        names.iter().partition(|name| number(name).is_some());
    match (pids.as_slice(), names.as_slice()) {
        ([pid], []) => no_process(host, pid),
        ([], [name]) => no_process(host, name),
        (pids, []) => format!("there is no process {}", plain(pids)),
        ([], names) => format!("no process is called {}", quoted(names)),
        (pids, names) => format!(
            "there is no process {}, and none is called {}",
            plain(pids),
            quoted(names)
        ),
    }
}

/// `7 or 8`.
fn plain(pids: &[&[u8]]) -> String {
    let pids: Vec<_> = pids.iter().map(|pid| shown(pid).to_string()).collect();
    pids.join(" or ")
}

/// Whether there is a process of this name, or number.
fn is_process(host: &Host, name: &[u8]) -> bool {
    // Without /proc nothing is said of processes.
    Processes::open(host).is_none_or(|all| match number(name) {
        Some(pid) if all.exists(pid) => true,
        _ => !all.called(name).is_empty(),
    })
}

fn number(name: &[u8]) -> Option<u32> {
    std::str::from_utf8(name).ok()?.parse().ok()
}

/// That there is no such process, with the name that is near.
pub(crate) fn no_process(host: &Host, name: &[u8]) -> String {
    if let Some(pid) = number(name) {
        return format!("there is no process {pid}");
    }
    let known = Processes::open(host).map_or_else(Vec::new, |all| all.names());
    let known: Vec<String> = known.iter().map(|name| shown(name).to_string()).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let near = did_you_mean(&exact(name), &known);
    match near.trim_end() {
        "" => format!("no process is called '{}'", shown(name)),
        near => format!("no process is called '{}', {near}", shown(name)),
    }
}
