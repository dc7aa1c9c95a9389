//! Counts as plain and csv: one line a state, or one line a group with a column for every
//! state.

use std::io::{self, Write};

use crate::analyze::states::{By, Group, GroupedBy, StatesView};
use crate::model::foreign::escape;
use crate::model::{Foreign, State};
use crate::text::records;

/// Writes aligned columns; absent is `-`.
///
/// # Errors
/// What writing says.
pub fn plain(
    out: &mut dyn Write,
    by: Option<By>,
    view: &StatesView,
    header: bool,
) -> io::Result<()> {
    records::plain(out, &rows(by, view), header, false)
}

/// Writes comma-separated values; absent is empty.
///
/// # Errors
/// What writing says.
pub fn csv(out: &mut dyn Write, by: Option<By>, view: &StatesView, header: bool) -> io::Result<()> {
    records::csv(out, &rows(by, view), header)
}

/// The header and the rows.
fn rows(by: Option<By>, view: &StatesView) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let Some(by) = by else {
        rows.push(vec!["state".to_owned(), "count".to_owned()]);
        let states = view.total.all();
        rows.extend(states.map(|(state, count)| vec![state.to_string(), count.to_string()]));
        return rows;
    };
    let mut ids: Vec<String> = key_ids(by).iter().map(|&id| id.to_owned()).collect();
    ids.push("total".to_owned());
    ids.extend(State::TCP.map(|state| state.to_string().to_lowercase()));
    rows.push(ids);
    rows.extend(view.groups.iter().map(|group| group_row(by, group)));
    rows
}

fn group_row(by: By, group: &Group) -> Vec<String> {
    let mut row = key_cells(by, group);
    row.push(group.counts.total().to_string());
    row.extend(State::TCP.map(|state| group.counts.of(state).to_string()));
    row
}

/// The columns that name a group. Groups made of owners say why there is none.
const fn key_ids(by: By) -> &'static [&'static str] {
    match by {
        By::Process => &["owner_status", "pid", "comm"],
        By::Name => &["owner_status", "comm", "processes"],
        By::Command => &["owner_status", "command", "processes"],
        By::User => &["uid", "user"],
        By::Port => &["port"],
        By::Peer => &["peer"],
        By::State => &["state"],
        By::Netns => &["netns"],
        By::Unit => &["owner_status", "unit"],
        By::Container => &["owner_status", "container"],
    }
}

/// The cells that name a group, as many as [`key_ids`]; empty is absent.
fn key_cells(by: By, group: &Group) -> Vec<String> {
    let found = || "found".to_owned();
    let text = |text: &Option<Foreign>| {
        text.as_ref()
            .map_or_else(String::new, |text| escape(text.bytes()))
    };
    let processes = || {
        let count = group.processes;
        count.map_or_else(String::new, |count| count.to_string())
    };
    match &group.key {
        GroupedBy::Name(comm) => vec![found(), escape(comm), processes()],
        GroupedBy::Command(command) => {
            let command = command.as_deref().map_or_else(String::new, escape);
            vec![found(), command, processes()]
        }
        GroupedBy::Process { pid, comm } => vec![found(), pid.to_string(), escape(comm)],
        GroupedBy::NoOwner(status) => {
            let mut cells = vec![status.name().to_owned()];
            cells.resize(key_ids(by).len(), String::new());
            cells
        }
        GroupedBy::User { uid, name } => {
            vec![
                uid.map_or_else(String::new, |uid| uid.to_string()),
                text(name),
            ]
        }
        GroupedBy::Port(port) => vec![port.to_string()],
        GroupedBy::Peer(address) => vec![address.map_or_else(String::new, |a| a.to_string())],
        GroupedBy::State(state) => vec![state.to_string()],
        GroupedBy::Netns(netns) => vec![netns.map_or_else(String::new, |n| n.to_string())],
        GroupedBy::Unit(name) | GroupedBy::Container(name) => vec![found(), text(name)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::states::Tally;
    use crate::model::{Endpoint, Facts, Family, OwnerStatus, Protocol, Socket};
    use std::net::{IpAddr, Ipv4Addr};

    #[test]
    fn every_row_has_a_cell_for_every_heading() {
        for by in [
            By::Process,
            By::Name,
            By::Command,
            By::User,
            By::Port,
            By::Peer,
            By::State,
            By::Netns,
            By::Unit,
            By::Container,
        ] {
            let local = Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 80);
            let mut socket = Socket::new(Protocol::Tcp, Family::V4, State::TimeWait, local);
            socket.owner_status = OwnerStatus::TimeWait;
            let mut tally = Tally::new(Some(by));
            tally.add(&socket, &Facts::default());
            let view = tally.finish();
            let rows = rows(Some(by), &view);
            assert_eq!(rows.len(), 2);
            assert_eq!(rows[0].len(), rows[1].len(), "{by:?}");
            let mut out = Vec::new();
            plain(&mut out, Some(by), &view, true).unwrap();
            let text = String::from_utf8(out).unwrap();
            let fields = |line: &str| line.split_whitespace().count();
            let mut lines = text.lines().map(fields);
            assert_eq!(lines.next(), lines.next(), "{by:?}: {text}");
        }
    }
}
