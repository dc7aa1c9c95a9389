//! Why nothing matched: what a filter names and this machine does not have.

use crate::collect::Processes;
use crate::filter::{Filter, did_you_mean};
use crate::model::foreign::{exact, shown};
use crate::sys::names;

/// `nothing`, and what of the filter does not exist, where that explains it.
pub(super) fn because(nothing: &str, filter: &Filter) -> String {
    match reason(filter) {
        Some(reason) => format!("{nothing}: {reason}"),
        None => nothing.to_owned(),
    }
}

/// What the filter asks for and is not there: processes or interfaces.
pub(super) fn reason(filter: &Filter) -> Option<String> {
    let named = filter.named();
    let no_process = named.processes.iter().find_map(|alternatives| {
        let exists = |name: &&[u8]| is_process(name);
        match alternatives.as_slice() {
            [] => None,
            alternatives if alternatives.iter().any(exists) => None,
            [first, ..] => Some(no_process(first)),
        }
    });
    let no_device = || {
        let missing = |name: &&&[u8]| names::interface_index(name).is_none();
        let name = named.devices.iter().find(missing)?;
        Some(format!("there is no interface '{}'", shown(name)))
    };
    no_process.or_else(no_device)
}

/// Whether there is a process of this name, or number.
fn is_process(name: &[u8]) -> bool {
    // Without /proc nothing is said of processes.
    Processes::open().is_none_or(|all| match number(name) {
        Some(pid) if all.exists(pid) => true,
        _ => !all.called(name).is_empty(),
    })
}

fn number(name: &[u8]) -> Option<u32> {
    std::str::from_utf8(name).ok()?.parse().ok()
}

/// That there is no such process, with the name that is near.
pub(super) fn no_process(name: &[u8]) -> String {
    if let Some(pid) = number(name) {
        return format!("there is no process {pid}");
    }
    let known = Processes::open().map_or_else(Vec::new, |all| all.names());
    let known: Vec<String> = known.iter().map(|name| shown(name).to_string()).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let near = did_you_mean(&exact(name), &known);
    match near.trim_end() {
        "" => format!("no process is called '{}'", shown(name)),
        near => format!("no process is called '{}', {near}", shown(name)),
    }
}
