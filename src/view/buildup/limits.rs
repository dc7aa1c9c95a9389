//! The limits that piles run into, with a bar each on a terminal.

use std::io::{self, Write};
use std::net::SocketAddr;

use crate::analyze::buildup::{Buildup, Used};
use crate::text::grid::{Cell, Frame, flow};
use crate::text::theme::Tone;

/// Columns of a bar, and of a share.
const BAR: usize = 20;
const SHARE: usize = 5;
/// Shares from which a bar is no longer calm, in percent.
const WAITING: u64 = 50;
const BAD: u64 = 85;

/// A limit as it is shown.
struct LimitLine {
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
    let widest = |text: &dyn Fn(&LimitLine) -> String| {
        let widths = lines.iter().map(|line| text(line).chars().count());
        widths.max().unwrap_or(0)
    };
    let (names, counts) = (widest(&|line| line.name.to_owned()), widest(&count));
    // Name, count and share; a bar where there is room for it, and at last lines for each.
    let bare = names + 2 + counts + 2 + SHARE;
    let room = frame.width.unwrap_or(bare);
    let has_bars = frame.width.is_some() && bare + BAR + 2 <= room;
    for line in &lines {
        let name = if bare <= room {
            format!("{:names$}", line.name)
        } else {
            line.name.to_owned()
        };
        let mut parts = vec![Cell::new(name, Tone::Normal)];
        if has_bars {
            let (bar, tone) = bar(line);
            parts.push(Cell::new(bar, tone));
        }
        let share = share(line).map_or_else(|| "?".to_owned(), |share| share.to_string());
        if bare <= room {
            let figures = format!("{:counts$}  {share:>3} %", count(line));
            parts.push(Cell::new(figures, Tone::Normal));
        } else {
            let figures = [count(line), format!("{share} %")];
            parts.extend(figures.map(|text| Cell::new(text, Tone::Normal)));
        }
        if !line.note.is_empty() {
            parts.push(Cell::new(line.note.clone(), Tone::Normal));
        }
        let head = parts.remove(0);
        writeln!(out, "{}", flow(&head, &parts, "  ", frame))?;
    }
    Ok(())
}

fn lines(view: &Buildup) -> Vec<LimitLine> {
    let limits = &view.limits;
    let line = |name, Used { value, used }, note: &str| LimitLine {
        name,
        used,
        limit: value,
        note: note.to_owned(),
    };
    let mut lines = vec![line("tcp_max_tw_buckets", limits.time_wait, "")];
    if let Some(ports) = limits.ports {
        let towards = ports.destination.map_or_else(String::new, |to| {
            format!(
                " towards {}",
                SocketAddr::new(to.peer.address, to.peer.port)
            )
        });
        lines.push(LimitLine {
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

fn count(line: &LimitLine) -> String {
    let known = |number: Option<u64>| number.map_or_else(|| "?".to_owned(), |n| n.to_string());
    format!("{} of {}", known(line.used), known(line.limit))
}

/// The share in percent.
fn share(line: &LimitLine) -> Option<u64> {
    let limit = line.limit.filter(|limit| *limit > 0)?;
    Some(line.used?.saturating_mul(100) / limit)
}

/// A bar in eighths of a column; what is used shows at least as a sliver.
fn bar(line: &LimitLine) -> (String, Tone) {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let Some(share) = share(line) else {
        return (" ".repeat(BAR), Tone::Quiet);
    };
    let eighths = usize::try_from(share.min(100)).unwrap_or(100) * BAR * 8 / 100;
    let eighths = eighths.max(usize::from(line.used > Some(0)));
    let part = EIGHTHS.get(eighths % 8).copied().unwrap_or_default();
    let bar = "█".repeat(eighths / 8) + part;
    let tone = match share {
        share if share >= BAD => Tone::Bad,
        share if share >= WAITING => Tone::Waiting,
        _ => Tone::Calm,
    };
    let rest = "·".repeat(BAR - bar.chars().count());
    (bar + &rest, tone)
}
