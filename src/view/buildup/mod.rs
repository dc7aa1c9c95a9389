//! What piled up, as text: a table with the limits below it, rows for programs, JSON.

mod json;
mod limits;

use std::io::{self, Write};

use super::counts::{key_cell, key_text};
use crate::analyze::buildup::{Attribution, Buildup, Growth, Meanwhile, Pile, SharedEnd};
use crate::analyze::states::GroupedBy;
use crate::columns::Align;
use crate::model::foreign::{escape, shown};
use crate::model::{OwnerStatus, State};
use crate::text::cell::reason;
use crate::text::grid;
use crate::text::grid::{Cell, Frame, Give, GridColumn};
use crate::text::theme::{Tone, state_tone};
use crate::text::wrap::{measure, sentence, wrap};
use crate::text::{Format, records};

pub use json::{BuildupAnswer, PileRow};
pub use limits::limits;

/// Blanks before what is said about a row.
const DETAIL: usize = 12;

/// Draws the rows, and below them the limits.
///
/// # Errors
/// What writing says.
pub fn table(out: &mut dyn Write, view: &Buildup, frame: &Frame) -> io::Result<()> {
    let shown = view.piles.as_slice();
    if shown.is_empty() {
        let text = "nothing piles up: no connection is in a state that should pass";
        sentence(out, text, Tone::Calm, frame)?;
    } else {
        rows_of(out, shown, frame)?;
        for line in legend(view) {
            sentence(out, line, Tone::Quiet, frame)?;
        }
        let made = view.meanwhile.and_then(|meanwhile| words(&meanwhile));
        if let Some(made) = made {
            sentence(out, &made, Tone::Normal, frame)?;
        }
    }
    if frame.header {
        writeln!(out)?;
        limits(out, view, frame)?;
    }
    Ok(())
}

/// The table, with what there is to say about a row below it.
fn rows_of(out: &mut dyn Write, shown: &[Pile], frame: &Frame) -> io::Result<()> {
    let all = columns(shown);
    let rows: Vec<Vec<Cell>> = shown
        .iter()
        .map(|pile| all.iter().map(|column| (column.cell)(pile)).collect())
        .collect();
    let columns: Vec<GridColumn> = all.iter().map(GridColumn::from).collect();
    let fit = grid::layout(&columns, &rows, frame);
    let mut drawn = grid::lines_of_rows(&columns, &rows, &fit, frame).into_iter();
    let heading = drawn.by_ref().take(usize::from(frame.header));
    for line in heading.flatten() {
        writeln!(out, "{line}")?;
    }
    for (lines, pile) in drawn.zip(shown) {
        for line in lines {
            writeln!(out, "{line}")?;
        }
        if let Some(text) = remark(pile) {
            tell_below(out, &text, frame)?;
        }
    }
    Ok(())
}

/// Says something about the row above.
fn tell_below(out: &mut dyn Write, text: &str, frame: &Frame) -> io::Result<()> {
    let is_narrow = frame.width.is_some_and(|width| width < 4 * DETAIL);
    let indent = if is_narrow { DETAIL / 3 } else { DETAIL };
    let width = measure(frame.width).map(|width| width.saturating_sub(indent));
    for line in wrap(text, width) {
        let blanks = " ".repeat(indent);
        writeln!(out, "{blanks}{}", frame.theme.paint(&line, Tone::Quiet))?;
    }
    Ok(())
}

/// A column of this table.
struct PileColumn {
    header: &'static str,
    align: Align,
    give: Give,
    cell: fn(&Pile) -> Cell,
}

impl From<&PileColumn> for GridColumn {
    fn from(column: &PileColumn) -> Self {
        Self::new(column.header, column.align).giving(column.give)
    }
}

/// The columns that have something to say.
fn columns(piles: &[Pile]) -> Vec<PileColumn> {
    let column = |header, align, give, cell: fn(&Pile) -> Cell| PileColumn {
        header,
        align,
        give,
        cell,
    };
    let mut columns = vec![
        column("STATE", Align::Left, Give::Nothing, |pile| {
            Cell::new(pile.state.to_string(), state_tone(pile.state))
        }),
        column("COUNT", Align::Right, Give::Nothing, |pile| {
            Cell::new(pile.count.to_string(), Tone::Strong)
        }),
    ];
    if piles.iter().any(|pile| pile.growth.is_some()) {
        columns.push(column("NEW/MIN", Align::Right, Give::Nothing, |pile| {
            let text = pile.growth.map_or_else(|| "-".to_owned(), per_minute);
            Cell::new(text, Tone::Normal)
        }));
    }
    columns.push(column("OLDEST", Align::Right, Give::Nothing, |pile| {
        Cell::new(age(pile), Tone::Normal)
    }));
    if piles.iter().any(has_other_group) {
        columns.push(column("GROUP", Align::Left, Give::Name, |pile| {
            let group = pile.group.as_ref();
            group.map_or_else(Cell::default, |key| key_cell(key, Tone::Normal))
        }));
    }
    columns.push(column("PROCESS", Align::Left, Give::Name, process));
    columns.push(column("LOCAL", Align::Left, Give::Nothing, |pile| {
        Cell::new(end(pile.local), Tone::Normal)
    }));
    columns.push(column("PEER", Align::Left, Give::Nothing, |pile| {
        Cell::new(end(pile.peer), Tone::Normal)
    }));
    columns
}

/// How many more there are in a minute: `720`, and `<60` where none came in a second.
fn per_minute(growth: Growth) -> String {
    let (bound, rate) = match growth {
        Growth::PerSecond(rate) => ("", rate),
        Growth::Below(rate) => ("<", rate),
    };
    let rate = rate * 60.0;
    if rate < 10.0 {
        format!("{bound}{rate:.1}")
    } else {
        format!("{bound}{rate:.0}")
    }
}

/// Whether the row is made of something that its own columns do not show.
const fn has_other_group(pile: &Pile) -> bool {
    !matches!(
        pile.group,
        None | Some(GroupedBy::Process { .. } | GroupedBy::State(_))
    )
}

/// What there is to say about a pile: what waits in its sockets, and its share of the limit.
#[must_use]
pub fn remark(pile: &Pile) -> Option<String> {
    let verdict = pile.verdict()?;
    Some(format!("{verdict}{}", share(pile).unwrap_or_default()))
}

/// The age of the oldest: `>=` marks what is a lower bound.
#[must_use]
pub fn age(pile: &Pile) -> String {
    let bound = match pile.state {
        State::TimeWait => "",
        _ => ">=",
    };
    match pile.oldest_ms {
        None => "-".to_owned(),
        Some(ms) if ms < 1000 => format!("{bound}{ms} ms"),
        Some(ms) if ms < 120_000 => format!("{bound}{} s", ms / 1000),
        Some(ms) if ms < 7_200_000 => format!("{bound}{} min", ms / 60_000),
        Some(ms) => format!("{bound}{} h", ms / 3_600_000),
    }
}

/// The process, with a mark where that is a conclusion; or why there is none.
#[must_use]
pub fn process(pile: &Pile) -> Cell {
    if let Some((pid, comm)) = &pile.process {
        let mark = if pile.attribution.is_certain() {
            ""
        } else {
            "~"
        };
        let tail = match pile.processes {
            0 | 1 => format!(" {pid}"),
            many => format!(" x{many}"),
        };
        let text = format!("{mark}{}{tail}", shown(comm));
        return Cell::new(text, Tone::Strong).keeping(tail.len());
    }
    let text = match pile.state {
        _ if pile.is_held => match pile.owner_status {
            OwnerStatus::Found => "(several)",
            OwnerStatus::NotAsked => "(not asked)",
            status => reason(status),
        },
        State::TimeWait => reason(OwnerStatus::TimeWait),
        State::SynRecv => reason(OwnerStatus::Handshake),
        State::CloseWait => reason(OwnerStatus::Unaccepted),
        _ => reason(OwnerStatus::Orphaned),
    };
    Cell::new(text, Tone::Quiet)
}

/// The share of the process's descriptors that these sockets take.
fn share(pile: &Pile) -> Option<String> {
    if pile.state != State::CloseWait {
        return None;
    }
    let limit = pile.files?.limit.filter(|limit| *limit > 0)?;
    let share = pile.count * 100 / limit;
    Some(format!("; {share} % of its limit of {limit} descriptors"))
}

/// An end as far as it is shared.
#[must_use]
pub fn end(end: SharedEnd) -> String {
    match (end.address, end.port) {
        (Some(address), Some(port)) => std::net::SocketAddr::new(address, port).to_string(),
        (Some(address), None) => address.to_string(),
        // `*` would be a socket of both families.
        (None, Some(port)) => format!(":{port}"),
        (None, None) => "-".to_owned(),
    }
}

/// What the marks mean that occur.
fn legend(view: &Buildup) -> Vec<&'static str> {
    let piles = &view.piles;
    let mut lines = Vec::new();
    let by_listener = |pile: &Pile| pile.attribution == Attribution::Listener;
    if piles.iter().any(by_listener) {
        lines.push("~ the listener of the local port: the kernel keeps no owner in this state");
    }
    let by_destination = |pile: &&Pile| pile.attribution == Attribution::Destination;
    let mut by_destination = piles.iter().filter(by_destination);
    if by_destination.clone().any(|pile| pile.process.is_some()) {
        lines.push("~ the only process that was seen with connections to the same destination");
    }
    if by_destination.any(|pile| pile.state == State::TimeWait && pile.process.is_none()) {
        lines.push(match view.meanwhile {
            Some(_) => "TIME_WAIT without a process: over before this looked, or not seen alive",
            None => "TIME_WAIT without a process: --for 10s knows those that it sees alive",
        });
    }
    if piles
        .iter()
        .any(|pile| matches!(pile.growth, Some(Growth::Below(_))))
    {
        lines.push("< none came while this looked: slower growth is not seen in so short a time");
    }
    lines
}

/// Of how many TIME_WAIT it is known whose they were, and why not of the others; `None` where none
/// came.
fn words(meanwhile: &Meanwhile) -> Option<String> {
    let Meanwhile {
        looks,
        time_wait,
        named,
        inferred,
        unnamed,
        unseen,
    } = *meanwhile;
    if time_wait == 0 {
        return None;
    }
    let of_all = format!("of {time_wait} TIME_WAIT that came meanwhile ");
    let mut parts = vec![format!("{named} were seen with their process")];
    if inferred > 0 {
        parts.push(format!("{inferred} are told by their end (~)"));
    }
    if unnamed > 0 {
        parts.push(format!("{unnamed} are nobody's that is known"));
    }
    let mut text = of_all + &parts.join(", ");
    let unowned = (inferred + unnamed).saturating_sub(unseen);
    let whys = [
        (unseen, "lived too short to be seen alive"),
        (unowned, "were seen, but not who held them"),
    ];
    let whys = whys.iter().filter(|(count, _)| *count > 0);
    let whys: Vec<_> = whys.map(|(count, why)| format!("{count} {why}")).collect();
    if !whys.is_empty() {
        text = format!("{text}: {}", whys.join(", "));
    }
    Some(format!("{text} ({looks} looks)"))
}

/// Rows for programs.
///
/// # Errors
/// What writing says.
pub fn rows(out: &mut dyn Write, piles: &[Pile], format: Format, header: bool) -> io::Result<()> {
    let ids = [
        "state",
        "count",
        "oldest_ms",
        "pid",
        "comm",
        "attribution",
        "laddr",
        "lport",
        "paddr",
        "pport",
        "group",
        "verdict",
    ];
    let mut rows = vec![ids.map(str::to_owned).to_vec()];
    rows.extend(piles.iter().map(row));
    records::write(out, &rows, format, header)
}

fn row(pile: &Pile) -> Vec<String> {
    let (pid, comm) = match &pile.process {
        Some((pid, comm)) => (pid.to_string(), escape(comm)),
        None => (String::new(), String::new()),
    };
    let text = |value: Option<String>| value.unwrap_or_default();
    let address = |end: SharedEnd| text(end.address.map(|address| address.to_string()));
    let port = |end: SharedEnd| text(end.port.map(|port| port.to_string()));
    vec![
        pile.state.to_string(),
        pile.count.to_string(),
        text(pile.oldest_ms.map(|ms| ms.to_string())),
        pid,
        comm,
        pile.attribution.name().to_owned(),
        address(pile.local),
        port(pile.local),
        address(pile.peer),
        port(pile.peer),
        text(pile.group.as_ref().map(key_text)),
        text(pile.verdict()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_how_many_it_could_name_and_why_not_all() {
        let mut meanwhile = Meanwhile {
            looks: 812,
            ..Meanwhile::default()
        };
        assert_eq!(words(&meanwhile), None);
        meanwhile.time_wait = 559;
        meanwhile.named = 559;
        let all =
            "of 559 TIME_WAIT that came meanwhile 559 were seen with their process (812 looks)";
        assert_eq!(words(&meanwhile).unwrap(), all);
        meanwhile.named = 510;
        meanwhile.inferred = 40;
        meanwhile.unnamed = 9;
        meanwhile.unseen = 47;
        let some = "of 559 TIME_WAIT that came meanwhile 510 were seen with their process, 40 are told by their end (~), 9 are nobody's that is known: 47 lived too short to be seen alive, 2 were seen, but not who held them (812 looks)";
        assert_eq!(words(&meanwhile).unwrap(), some);
    }
}
