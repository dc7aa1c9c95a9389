//! What lies over the body: the keys, or everything about one socket.

use ratatui::text::Line;
use unicode_width::UnicodeWidthStr;

use super::style::{painted, span};
use crate::columns::{self, Row};
use crate::model::foreign::{exact, shown};
use crate::model::{Process, Socket};
use crate::text::beside;
use crate::text::beside::Told;
use crate::text::cut::cut;
use crate::text::grid;
use crate::text::grid::{Cell, Frame as GridFrame};
use crate::text::theme::{Theme, Tone};
use crate::view::list as rows;
use crate::watch::state::App;
use crate::watch::state::details::Details;
use crate::watch::state::event::Overlay;
use crate::watch::state::key::HELP;

/// Other sockets of the process that are listed.
const OTHERS: usize = 12;

/// The lines of what lies over the body.
pub(crate) fn lines(app: &App) -> Vec<Line<'static>> {
    let theme = app.setup.theme;
    match &app.overlay {
        Overlay::None => Vec::new(),
        Overlay::Help => help(app),
        Overlay::Finding(finding) => super::findings::story(finding, &frame(app)),
        Overlay::Details(identity, details) => {
            let is_here = app.socket(*identity).is_some();
            let text = match (is_here, details) {
                (true, Some(_)) => None,
                (true, None) => Some("looking ..."),
                (false, Some(_)) => Some("gone since; this is how it was seen last:"),
                (false, None) => Some("the socket is gone"),
            };
            let text = text.map(|text| Line::from(span(theme, text, Tone::Waiting)));
            let told = details.as_ref().map(|details| told(app, details));
            text.into_iter().chain(told.into_iter().flatten()).collect()
        }
    }
}

fn help(app: &App) -> Vec<Line<'static>> {
    let frame = GridFrame {
        width: Some(usize::from(help_width(app)).saturating_sub(2)),
        ..frame(app)
    };
    let mut out = Vec::new();
    for (keys, what) in HELP {
        let keys = Cell::new(format!(" {keys:<12} "), Tone::Strong);
        let what = Told::Prose(Cell::new(*what, Tone::Normal));
        let _ = beside::write(&mut out, &keys, &what, &frame);
    }
    painted(&exact(&out))
}

/// Columns of the keys, with their border.
pub(crate) const fn help_width(app: &App) -> u16 {
    let width = app.size.columns;
    if width <= 82 { width } else { 78 }
}

/// How other renderers draw within the border.
fn frame(app: &App) -> GridFrame {
    GridFrame {
        theme: app.setup.theme,
        width: Some(usize::from(app.size.columns).saturating_sub(2)),
        header: true,
        indent: 0,
    }
}

fn told(app: &App, details: &Details) -> Vec<Line<'static>> {
    let theme = app.setup.theme;
    let width = usize::from(app.size.columns).saturating_sub(2);
    let Some(inspected) = details.inspected() else {
        let text = "the socket is gone";
        return vec![Line::from(span(theme, text, Tone::Waiting))];
    };
    let frame = frame(app);
    let mut out = Vec::new();
    let _ = crate::view::inspect::tell(&mut out, inspected, details.now.unwrap_or(0), &frame);
    let mut lines = painted(&crate::model::foreign::exact(&out));
    if !details.ancestry.is_empty() {
        lines.push(Line::default());
        lines.push(Line::from(span(theme, "processes", Tone::Heading)));
        lines.extend(ancestry(theme, &details.ancestry, width));
    }
    let pid = details.ancestry.first().map(|process| process.pid);
    lines.extend(
        pid.map(|pid| others(app, pid, inspected.row.socket, &frame))
            .unwrap_or_default(),
    );
    lines
}

/// The first ancestor first, each further in than its parent.
fn ancestry(theme: Theme, processes: &[Process], width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (depth, process) in processes.iter().rev().enumerate() {
        let indent = "  ".repeat((depth + 1).min(width / 8));
        let tail = format!(" {}", process.pid);
        let name = Cell::new(format!("{}{tail}", shown(&process.comm)), Tone::Strong);
        let room = width.saturating_sub(indent.len());
        let name = format!("{indent}{}", name.keeping(tail.len()).cut(room));
        let command = process
            .command
            .as_deref()
            .map(|command| shown(command).to_string())
            .unwrap_or_default();
        let command = cut(&command, width.saturating_sub(name.width() + 2));
        lines.push(Line::from(vec![
            span(theme, name, Tone::Strong),
            span(theme, format!("  {command}"), Tone::Quiet),
        ]));
    }
    lines
}

/// What else the process has open on the network.
fn others(app: &App, pid: u32, socket: &Socket, frame: &GridFrame) -> Vec<Line<'static>> {
    let Some(round) = &app.round else {
        return Vec::new();
    };
    let facts = round.look.facts();
    let is_other = |other: &&Socket| {
        other.cookie != socket.cookie || other.local != socket.local || other.peer != socket.peer
    };
    let held = |other: &&Socket| facts.owner_processes(other).any(|p| p.pid == pid);
    let all: Vec<&Socket> = round
        .look
        .sockets()
        .iter()
        .filter(is_other)
        .filter(held)
        .collect();
    if all.is_empty() {
        return Vec::new();
    }
    let columns = columns::select(&["protocol", "state", "local", "peer"]);
    let shown = all.iter().take(OTHERS);
    let cells: Vec<_> = shown
        .map(|socket| rows::cells(&columns, Row { socket, facts }))
        .collect();
    let frame = GridFrame {
        header: false,
        indent: 2,
        ..*frame
    };
    let mut out = Vec::new();
    let _ = grid::draw(&mut out, &rows::grid_columns(&columns, &[]), &cells, &frame);
    let more = all.len() - cells.len();
    let head = format!("its other sockets: {}", all.len());
    let mut lines = vec![
        Line::default(),
        Line::from(span(frame.theme, head, Tone::Heading)),
    ];
    lines.extend(painted(&crate::model::foreign::exact(&out)));
    if more > 0 {
        let text = format!("  and {more} more: filter pid = {pid}");
        lines.push(Line::from(span(frame.theme, text, Tone::Quiet)));
    }
    lines
}
