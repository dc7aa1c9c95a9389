//! What piled up, in JSON.

use std::io::Write;

use serde_json::{Map, Value as Json, json};

use crate::analyze::buildup::{Buildup, Limits, Pile, SharedEnd, Used};
use crate::analyze::close_wait::Verdicts;
use crate::render::counts;
use crate::render::json::{Envelope, process_key};

/// Adds the rows and the limits.
pub fn add_to<W: Write>(envelope: &mut Envelope<W>, view: &Buildup) {
    let rows = view.piles.iter().map(|pile| {
        let members = members(pile).into_iter();
        Json::Object(
            members
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        )
    });
    envelope.add("buildup", rows.collect());
    envelope.add("limits", limits(&view.limits));
}

/// The members of a row's object.
#[must_use]
pub fn members(pile: &Pile) -> Vec<(&'static str, Json)> {
    let process = pile.process.as_ref();
    let verdicts = pile.verdicts;
    let mut members = vec![
        ("state", pile.state.to_string().into()),
        ("count", pile.count.into()),
        ("oldest_ms", pile.oldest_ms.into()),
        (
            "process",
            process.map_or(Json::Null, |(pid, comm)| process_key(*pid, comm)),
        ),
        ("attribution", pile.attribution.name().into()),
        ("local", end(pile.local)),
        ("peer", end(pile.peer)),
        (
            "verdict",
            verdicts.as_ref().and_then(Verdicts::words).into(),
        ),
    ];
    if let Some(verdicts) = verdicts {
        let parts = json!({
            "unread_fin": verdicts.unread_fin,
            "stopped_reading": verdicts.stopped_reading,
            "eof_read": verdicts.eof_read,
        });
        members.push(("verdicts", parts));
    }
    if let Some(files) = pile.files {
        members.push(("fd_open", files.open.into()));
        members.push(("fd_limit", files.limit.into()));
    }
    if let Some(growth) = pile.growth {
        members.push(("new_per_second", growth.into()));
    }
    if let Some(group) = &pile.group {
        members.push(("key", counts::key_json(group)));
    }
    members
}

/// An end as far as it is shared; null where nothing of it is.
fn end(end: SharedEnd) -> Json {
    match end {
        SharedEnd {
            address: None,
            port: None,
        } => Json::Null,
        SharedEnd { address, port } => json!({"address": address, "port": port}),
    }
}

fn limits(limits: &Limits) -> Json {
    let used = |Used { value, used }| json!({"value": value, "used": used});
    let mut object = Map::new();
    object.insert("tcp_max_tw_buckets".to_owned(), used(limits.time_wait));
    let Used {
        value,
        used: orphans,
    } = limits.orphans;
    let orphans = json!({"value": value, "used": orphans, "scope": "host"});
    object.insert("tcp_max_orphans".to_owned(), orphans);
    let ports = limits.ports.map(|ports| {
        let to = ports.destination;
        json!({
            "value": [ports.range.first, ports.range.last],
            "usable": ports.usable,
            "reserved": ports.reserved,
            "used": ports.used,
            "source": to.map(|to| to.source),
            "destination": to.map(|to| json!({"address": to.peer.address, "port": to.peer.port})),
        })
    });
    object.insert(
        "ip_local_port_range".to_owned(),
        ports.unwrap_or(Json::Null),
    );
    object.insert("somaxconn".to_owned(), used(limits.accept_queue));
    Json::Object(object)
}
