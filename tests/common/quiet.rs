//! A namespace in which nothing changes, and the comparison of two answers about it, field by field.

use super::{Row, Scene, sockets};
use serde_json::Value;
use std::collections::BTreeSet;

/// Every state of TCP in both families, accepted and not, and UDP.
pub fn quiet_scenes() -> Vec<Scene> {
    let kinds: [&[&str]; 9] = [
        &["all"],
        &["all", "--family", "6"],
        &["mapped"],
        &["unaccepted", "--count", "3"],
        &["udp-bound"],
        &["udp-bound", "--family", "6"],
        &["udp-connected"],
        &["forked"],
        &["other-user"],
    ];
    kinds.iter().map(|kind| Scene::start(kind)).collect()
}

/// What tells the sockets of a quiet namespace apart, without inode and cookie, which not every source knows.
pub fn name(socket: &Value) -> String {
    format!(
        "{} {} {} {}",
        socket["protocol"], socket["family"], socket["local"], socket["peer"]
    )
}

/// Each socket of `less` is in `full`, and each field is the same there or, if the source cannot know it, null.
///
/// Answers the fields that were lost.
pub fn lost_fields(less: &Value, full: &Value) -> BTreeSet<String> {
    let mut lost = BTreeSet::new();
    for socket in sockets(less) {
        let found: Vec<&Value> = sockets(full)
            .iter()
            .filter(|other| name(other) == name(socket))
            .collect();
        assert_eq!(found.len(), 1, "{socket}");
        compare(socket, found[0], "", &mut lost);
    }
    lost
}

fn compare(less: &Value, full: &Value, path: &str, lost: &mut BTreeSet<String>) {
    match (less, full) {
        // Time passes between two looks.
        _ if path == ".timer.expires_ms" || path == ".timer.retransmits" => {
            assert!(less.is_u64(), "{less}");
        }
        (Value::Object(less), Value::Object(full)) => {
            for (key, value) in full {
                let other = less.get(key).unwrap_or(&Value::Null);
                compare(other, value, &format!("{path}.{key}"), lost);
            }
        }
        (Value::Null, full) if !full.is_null() => {
            lost.insert(path.to_owned());
        }
        // What only the lesser source tells (drops of a UDP socket) is no contradiction.
        (_, Value::Null) => {}
        (less, full) => assert_eq!(less, full, "{path}"),
    }
}

/// The rows that a source without bound-only sockets can show.
pub fn without_bound_only(rows: Vec<Row>) -> Vec<Row> {
    rows.into_iter()
        .filter(|row| row.state != "BOUND_INACTIVE")
        .collect()
}

pub fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
