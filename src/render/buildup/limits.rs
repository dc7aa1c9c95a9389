//! The limits that piles run into, with a bar each on a terminal.

use std::io::{self, Write};

use crate::analyze::buildup::{Buildup, Used};
use crate::render::grid::Frame;
use crate::render::theme::Tone;

/// Columns of a bar.
const BAR: u64 = 20;
/// Shares from which a bar is no longer calm, in percent.
const WAITING: u64 = 50;
const BAD: u64 = 85;

/// A limit as it is shown.
struct Line {
    name: &'static str,
    used: Option<u64>,
    limit: Option<u64>,
    note: String,
}

/// Writes what is used of each limit.
///
/// # Errors
/// What writing says.
pub fn limits(out: &mut dyn Write, view: &Buildup, frame: &Frame) -> io::Result<()> {
    let lines = lines(view);
    let widest = |text: &dyn Fn(&Line) -> String| {
        let widths = lines.iter().map(|line| text(line).chars().count());
        widths.max().unwrap_or(0)
    };
    let (names, counts) = (widest(&|line| line.name.to_owned()), widest(&count));
    for line in &lines {
        let mut text = format!("{:names$}  ", line.name);
        if frame.width.is_some() {
            let (bar, tone) = bar(line);
            text.push_str(&frame.theme.paint(&bar, tone));
            text.push_str("  ");
        }
        let share = share(line).map_or_else(String::new, |share| format!("{share:>3} %"));
        let count = format!("{:counts$}", count(line));
        let end = format!("{count}  {share:5}  {}", line.note);
        text.push_str(end.trim_end());
        writeln!(out, "{}", text.trim_end())?;
    }
    Ok(())
}

fn lines(view: &Buildup) -> Vec<Line> {
    let limits = &view.limits;
    let line = |name, Used { value, used }, note: &str| Line {
        name,
        used,
        limit: value,
        note: note.to_owned(),
    };
    let mut lines = vec![line("tcp_max_tw_buckets", limits.time_wait, "")];
    if let Some(ports) = limits.ports {
        let towards = ports.destination.map_or_else(String::new, |to| {
            format!(" towards port {} of {}", to.peer.port, to.peer.address)
        });
        lines.push(Line {
            name: "ip_local_port_range",
            used: Some(ports.used),
            limit: Some(ports.usable),
            note: format!("{}-{}{towards}", ports.range.first, ports.range.last),
        });
    }
    lines.push(line("tcp_max_orphans", limits.orphans, "of the whole host"));
    lines.push(line(
        "somaxconn",
        limits.accept_queue,
        "the longest accept queue",
    ));
    lines
}

fn count(line: &Line) -> String {
    let known = |number: Option<u64>| number.map_or_else(|| "?".to_owned(), |n| n.to_string());
    format!("{} of {}", known(line.used), known(line.limit))
}

/// The share in percent.
fn share(line: &Line) -> Option<u64> {
    let limit = line.limit.filter(|limit| *limit > 0)?;
    Some(line.used?.saturating_mul(100) / limit)
}

/// A bar; what is used shows at least a little, and only a full one is full.
fn bar(line: &Line) -> (String, Tone) {
    let Some(share) = share(line) else {
        return (" ".repeat(20), Tone::Quiet);
    };
    let filled = match share {
        share if share >= 100 => BAR,
        share => (share * BAR / 100).max(u64::from(line.used > Some(0))),
    };
    let tone = match share {
        share if share >= BAD => Tone::Bad,
        share if share >= WAITING => Tone::Waiting,
        _ => Tone::Calm,
    };
    let bar = (0..BAR).map(|place| if place < filled { '█' } else { '░' });
    (bar.collect(), tone)
}
