//! What TCP knows of a connection: its path, its congestion control, its counters.

use super::{FactGroup, Told, plain};
use crate::analyze::float;
use crate::columns::Row;
use crate::model::{CongestionState, TcpInfo};
use crate::text::grid::Cell;
use crate::text::theme::Tone;
use crate::text::units::{bytes, micros, rate};

/// How far and how wide the path is.
pub(super) fn path(info: &TcpInfo) -> FactGroup {
    let mut parts = Vec::new();
    if let Some(rtt) = info.rtt() {
        let spread = micros(info.rtt_var_us.into());
        parts.push(plain(format!("rtt {} +- {spread}", micros(rtt.into()))));
    }
    let least = info
        .min_rtt_us
        .map(|us| format!("least {}", micros(us.into())));
    parts.extend(least.map(plain));
    if info.receive_rtt_us > 0 {
        let text = format!("as receiver {}", micros(info.receive_rtt_us.into()));
        parts.push(plain(text));
    }
    parts.push(plain(format!("mss {} B", info.send_mss)));
    parts.push(plain(format!("mtu {} B", info.path_mtu)));
    let mut agreed: Vec<_> = info.agreed.words().map(str::to_owned).collect();
    if agreed.iter().any(|word| word == "wscale") {
        let (theirs, ours) = info.window_scale;
        agreed.retain(|word| word != "wscale");
        agreed.push(format!("window scale {theirs} and {ours}"));
    }
    let peers = plain(format!("peer's mss {} B", info.receive_mss));
    let agreed = agreed.into_iter().map(plain);
    let agreed = std::iter::once(peers).chain(agreed).collect();
    FactGroup {
        name: "path",
        lines: vec![Told::Parts(parts, ", "), Told::Parts(agreed, ", ")],
    }
}

/// How much may be under way, what is, and how fast it goes.
pub(super) fn congestion(row: Row<'_>, info: &TcpInfo) -> FactGroup {
    let name = row
        .socket
        .options
        .as_deref()
        .and_then(|set| set.congestion.as_ref());
    let mut parts: Vec<Cell> = name
        .map(|name| plain(name.to_string()))
        .into_iter()
        .collect();
    let state = info.congestion_state;
    let tone = match state {
        CongestionState::Open => Tone::Normal,
        _ => Tone::Waiting,
    };
    parts.push(Cell::new(state.name(), tone));
    let window = u64::from(info.congestion_window) * u64::from(info.send_mss);
    let segments = info.congestion_window;
    parts.push(plain(format!(
        "window {segments} segments ({})",
        bytes(window)
    )));
    let threshold = info.slow_start_threshold;
    parts.extend(threshold.map(|segments| plain(format!("threshold {segments}"))));
    parts.push(plain(format!("{} unacked", info.unacked)));
    for (count, what) in [
        (info.sacked, "out of order at the peer"),
        (info.lost, "lost"),
        (info.retransmitted_now, "sent again now"),
    ] {
        if count > 0 {
            parts.push(Cell::new(format!("{count} {what}"), Tone::Waiting));
        }
    }
    FactGroup {
        name: "congestion",
        lines: vec![Told::Parts(parts, ", "), Told::Parts(rates(info), ", ")],
    }
}

fn rates(info: &TcpInfo) -> Vec<Cell> {
    let mut parts = Vec::new();
    if let Some(delivered) = info.delivery_rate {
        let note = if info.delivery_rate_app_limited {
            " (application-limited)"
        } else {
            ""
        };
        parts.push(plain(format!("delivers {}{note}", rate(delivered))));
    }
    parts.extend(
        info.pacing_rate
            .map(|paced| plain(format!("paced at {}", rate(paced)))),
    );
    let Some(busy) = info.busy_us else {
        return parts;
    };
    parts.push(plain(format!("busy {}", micros(busy))));
    for (limited, by) in [
        (info.window_limited_us, "the peer's window"),
        (info.buffer_limited_us, "the send buffer"),
    ] {
        if let Some(limited) = limited.filter(|us| *us > 0) {
            let share = float(limited) * 100.0 / float(busy.max(limited));
            let text = format!("held back {} ({share:.0} %) by {by}", micros(limited));
            parts.push(Cell::new(text, Tone::Waiting));
        }
    }
    parts
}

/// `1 segment`, `2 segments`.
fn counted(segments: u32) -> String {
    match segments {
        1 => "1 segment".to_owned(),
        many => format!("{many} segments"),
    }
}

/// What was sent, what came, and what went wrong on the way.
pub(super) fn counters(info: &TcpInfo) -> FactGroup {
    let mut sent = Vec::new();
    let segments = |count: Option<u32>, what: &str| {
        count.map(|count| plain(format!("{what} {}", counted(count))))
    };
    let amount = |count: Option<u64>, what: &str| {
        count.map(|count| plain(format!("{}{what}", bytes(count))))
    };
    sent.extend(segments(info.segs_out, "sent"));
    sent.extend(amount(info.bytes_sent, ""));
    sent.extend(amount(info.data_acked(), " acked"));
    if info.total_retransmits > 0 {
        let count = info.total_retransmits;
        sent.push(Cell::new(
            format!("{} sent again", counted(count)),
            Tone::Waiting,
        ));
        sent.extend(amount(info.bytes_retransmitted, " of it"));
    }
    let odd = |count: Option<u32>, what: &str| {
        let count = count.filter(|count| *count > 0)?;
        Some(Cell::new(format!("{count} {what}"), Tone::Waiting))
    };
    sent.extend(odd(info.timeouts.map(u32::from), "time-outs"));
    sent.extend(odd(info.duplicates, "received twice"));
    sent.extend(odd(info.reorderings_seen, "times out of order"));
    let mut received = Vec::new();
    received.extend(segments(info.segs_in, "received"));
    received.extend(amount(info.bytes_received, ""));
    received.extend(odd(info.out_of_order, "out of order"));
    let lines = [sent, received]
        .into_iter()
        .filter(|parts| !parts.is_empty());
    FactGroup {
        name: "counters",
        lines: lines.map(|parts| Told::Parts(parts, ", ")).collect(),
    }
}
