//! A run of `buildup`, and its rows.

use super::json;
use super::witness::ss_states;
use serde_json::Value;
use std::collections::BTreeMap;

/// The states that pile up.
pub const STATES: [&str; 8] = [
    "TIME_WAIT",
    "CLOSE_WAIT",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "LAST_ACK",
    "CLOSING",
];

/// `buildup --json` with these arguments; the form of every row is checked.
pub fn buildup(arguments: &[&str]) -> Value {
    let told = json(&[&["buildup", "--json"], arguments].concat());
    assert_eq!(told["command"], "buildup");
    for row in all(&told) {
        assert!(STATES.contains(&row["state"].as_str().unwrap()), "{row}");
        assert!(row["count"].as_u64().unwrap() > 0, "{row}");
        for key in ["oldest_ms", "process", "local", "peer", "verdict"] {
            assert!(row.get(key).is_some(), "no {key} in {row}");
        }
        let attribution = row["attribution"].as_str();
        let known = ["owner", "cookie", "listener", "destination"];
        assert!(attribution.is_none_or(|by| known.contains(&by)), "{row}");
    }
    told
}

/// Every row.
pub fn all(told: &Value) -> &Vec<Value> {
    told["buildup"].as_array().unwrap()
}

/// The rows of one state.
pub fn of_state<'a>(told: &'a Value, state: &str) -> Vec<&'a Value> {
    let rows = all(told).iter();
    rows.filter(|row| row["state"] == state).collect()
}

/// The one row of this state.
pub fn one<'a>(told: &'a Value, state: &str) -> &'a Value {
    let rows = of_state(told, state);
    assert_eq!(rows.len(), 1, "one row of {state} wanted: {told}");
    rows[0]
}

/// How many of each state all rows together count; states without a row are not in it.
pub fn counts(told: &Value) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for row in all(told) {
        let state = row["state"].as_str().unwrap().to_owned();
        *counts.entry(state).or_insert(0) += row["count"].as_u64().unwrap();
    }
    counts
}

/// What ss counts of the states that pile up.
pub fn witnessed() -> Option<BTreeMap<String, u64>> {
    let mut states = ss_states()?;
    states.retain(|state, _| STATES.contains(&state.as_str()));
    Some(states)
}
