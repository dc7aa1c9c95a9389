//! Counts in JSON: in the envelope, and one object a line.

use std::io::{self, Write};

use serde_json::{Map, Value as Json, json};

use crate::analyze::states::{Counts, Group, Key, StatesView};
use crate::render::json::{Envelope, Lines, process_key};

/// Adds the total, every state, and UDP apart; with `groups` the groups too.
pub fn add_to<W: Write>(envelope: &mut Envelope<W>, view: &StatesView, groups: bool) {
    envelope.add("total", view.total.total().into());
    envelope.add("states", states(&view.total));
    envelope.add("udp", udp(view));
    if groups {
        let objects = view.groups.iter().map(|group| {
            let members = group_members(group).into_iter();
            Json::Object(
                members
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect::<Map<_, _>>(),
            )
        });
        envelope.add("groups", objects.collect());
    }
}

/// Writes one line a group, or one with the totals where no groups were asked for.
///
/// # Errors
/// What writing says.
pub fn lines<W: Write>(out: &mut Lines<W>, view: &StatesView, groups: bool) -> io::Result<()> {
    if !groups {
        return out.object(&[
            ("total", view.total.total().into()),
            ("states", states(&view.total)),
            ("udp", udp(view)),
        ]);
    }
    for group in &view.groups {
        out.object(&group_members(group))?;
    }
    Ok(())
}

fn group_members(group: &Group) -> [(&'static str, Json); 3] {
    [
        ("key", key(&group.key)),
        ("total", group.counts.total().into()),
        ("states", states(&group.counts)),
    ]
}

fn udp(view: &StatesView) -> Json {
    json!({"connected": view.udp.connected, "unconnected": view.udp.unconnected})
}

/// Every state, zeros included.
fn states(counts: &Counts) -> Json {
    let all = counts.all();
    let members = all.map(|(state, count)| (state.to_string(), count.into()));
    Json::Object(members.collect())
}

/// The key of a group.
#[must_use]
pub fn key(key: &Key) -> Json {
    match key {
        Key::Process { pid, comm } => process_key(*pid, comm),
        Key::NoOwner(status) => json!({"owner_status": status.name()}),
        Key::User { uid, name } => json!({"uid": uid, "user": name}),
        Key::Port(port) => json!({"port": port}),
        Key::Peer(address) => json!({"peer": address}),
        Key::State(state) => json!({"state": state.to_string()}),
        Key::Netns(netns) => json!({"netns": netns}),
        Key::Unit(unit) => json!({"unit": unit}),
        Key::Container(container) => json!({"container": container}),
    }
}
