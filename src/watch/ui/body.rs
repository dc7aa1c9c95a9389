//! The body: the rows of each tab, and what is told below them.

use ratatui::text::Line;

use super::style::span;
use super::table::{Column, Look, Row, Table};
use super::{findings, piles};
use crate::columns::{self, Align};
use crate::model::{Identity, State};
use crate::render::counts::key_text;
use crate::render::grid::{Cell, Frame};
use crate::render::sanitize::escape;
use crate::render::theme::{Tone, state_tone};
use crate::render::{list as rows, units};
use crate::watch::Tab;
use crate::watch::app::App;
use crate::watch::content::{Content, Group};
use crate::watch::event::Happened;
use crate::watch::list::Place;
use crate::watch::round::Rate;
use crate::watch::trend::sparkline;

const LISTEN: &[&str] = &["protocol", "local", "queue", "process", "user"];
const CONNS: &[&str] = &[
    "protocol", "state", "recv_q", "send_q", "local", "peer", "process",
];

/// The body as at most `height` lines.
pub(super) fn lines(app: &App, height: u16) -> Vec<Line<'static>> {
    let theme = app.setup.theme;
    let table = match &app.content {
        Content::Nothing => {
            return vec![Line::from(span(theme, "looking ...", Tone::Quiet))];
        }
        Content::Findings(diagnosis) => return findings::lines(app, diagnosis, height),
        Content::Sockets(places) => sockets(app, places),
        Content::Groups(groups) => grouped(app, groups),
        Content::States(states) => counted(app, states),
        Content::Piles(view, trends) => piles::table(app, view, trends),
    };
    let is_empty = table.rows.is_empty();
    let mut lines = table.lines(usize::from(app.size.0), theme);
    if is_empty {
        lines.push(Line::from(nothing(app)));
    }
    lines
}

/// Why there is no row.
fn nothing(app: &App) -> ratatui::text::Span<'static> {
    let text = match app.tab {
        Tab::Buildup if app.words.is_empty() => {
            "  nothing piles up: no connection is in a state that should pass"
        }
        _ if app.toggles.changed_only => "  nothing changed in the last seconds (d shows all)",
        _ if !app.words.is_empty() => "  nothing matches the filter (Esc takes it away)",
        Tab::Listen => "  nothing is listening here",
        Tab::Conns => "  there are no connections here",
        _ => "  there are no sockets here",
    };
    let tone = match app.tab {
        Tab::Buildup => Tone::Calm,
        _ => Tone::Quiet,
    };
    span(app.setup.theme, text, tone)
}

/// The places of the rows that can be seen.
pub(super) fn seen<'a, T>(
    app: &App,
    items: &'a [T],
) -> impl Iterator<Item = (usize, &'a T)> + use<'a, T> {
    let items = items.iter().enumerate().skip(app.top);
    items.take(super::page(app))
}

pub(super) fn is_chosen(app: &App, place: usize) -> bool {
    app.chosen.is_some() && app.cursor == place
}

/// The columns of the lists: those chosen, else the usual ones.
fn chosen_columns(app: &App) -> Vec<&'static columns::Column> {
    let usual = match app.tab {
        Tab::Listen => LISTEN,
        _ => CONNS,
    };
    let chosen = app.setup.columns.clone();
    chosen.unwrap_or_else(|| columns::select(usual))
}

fn sockets(app: &App, places: &[Place]) -> Table {
    let chosen = chosen_columns(app);
    let has_rates = app.tab == Tab::Conns && app.setup.columns.is_none();
    let seen: Vec<_> = seen(app, places).collect();
    let mut columns: Vec<Column> = rows::grid_columns(&chosen)
        .into_iter()
        .zip(&chosen)
        .map(|(grid, column)| Column {
            grid,
            least: match column.id {
                "state" => 11,
                "local" | "peer" => 15,
                "process" => 16,
                _ => 0,
            },
            spare: match column.id {
                "recv_q" | "send_q" => 3,
                "protocol" => 2,
                "user" => 1,
                _ => 0,
            },
        })
        .collect();
    // The process stands last: it is what gives way.
    let rates_at = columns.len().saturating_sub(1);
    if has_rates {
        let rate = |name| Column::new(name, Align::Right, 5, 1);
        columns.splice(rates_at..rates_at, [rate("IN/s"), rate("OUT/s")]);
    }
    let rows = seen.into_iter().filter_map(|(place, socket)| {
        let mut row = socket_row(app, &chosen, *socket)?;
        if has_rates {
            row.cells.splice(rates_at..rates_at, rates(app, *socket));
        }
        row.is_chosen = is_chosen(app, place);
        Some(row)
    });
    let rows = rows.collect();
    Table { columns, rows }
}

fn socket_row(app: &App, columns: &[&'static columns::Column], place: Place) -> Option<Row> {
    let row = app.row(place)?;
    let mut cells = rows::cells(columns, row);
    if let Some(owner) = app.former_owner(place) {
        let at = columns.iter().position(|column| column.id == "process");
        if let Some(cell) = at.and_then(|at| cells.get_mut(at)) {
            let tail = format!(" {}", owner.pid);
            let text = format!("was {}{tail}", escape(&owner.comm));
            *cell = Cell::new(text, Tone::Quiet).keeping(tail.len());
        }
    }
    let happened = app.flash(Identity::of(row.socket));
    let (mark, look) = match (place, happened) {
        (Place::Gone(_), _) => ('-', Look::Gone),
        (_, Some(Happened::Opened)) => ('+', Look::New),
        (_, Some(Happened::Turned(_) | Happened::Changed)) => ('~', Look::Usual),
        (_, None) => (' ', Look::Usual),
    };
    if let Some(Happened::Turned(was)) = happened
        && let Place::Live(_) = place
    {
        let at = columns.iter().position(|column| column.id == "state");
        if let Some(cell) = at.and_then(|at| cells.get_mut(at)) {
            cell.text = format!("{was} → {}", cell.text);
        }
    }
    Some(Row {
        mark,
        look,
        cells,
        is_chosen: false,
    })
}

/// Bytes a second, received and sent.
fn rates(app: &App, place: Place) -> [Cell; 2] {
    let rate = app.row(place).and_then(|row| {
        let round = app.round.as_ref()?;
        round.rates.get(&Identity::of(row.socket)).copied()
    });
    let Rate { received, sent } = rate.unwrap_or_default();
    [rate_cell(received), rate_cell(sent)]
}

/// `-` where nothing moves; else in few columns.
fn rate_cell(rate: u64) -> Cell {
    match rate {
        0 => Cell::new("-", Tone::Quiet),
        rate => Cell::new(short_rate(rate), Tone::Normal),
    }
}

/// `14`, `1.4k`, `128M`: the heading tells that it is bytes a second.
fn short_rate(rate: u64) -> String {
    let text = units::rate(rate);
    let text = text.trim_end_matches("B/s");
    text.replace(' ', "")
}

fn grouped(app: &App, groups: &[Group]) -> Table {
    let most_states: Vec<State> = {
        let mut states: Vec<State> = Vec::new();
        for state in State::TCP {
            if groups.iter().any(|group| group.counts.of(state) > 0) {
                states.push(state);
            }
        }
        states
    };
    let has_others = groups.iter().any(|group| group.others > 0);
    let name = match app.by {
        Some(by) => format!("{by:?}").to_uppercase(),
        None => String::new(),
    };
    let mut columns = vec![
        Column::new(&name, Align::Left, 20, 0).giving_way(),
        Column::new("TOTAL", Align::Right, 5, 0),
        Column::new("IN/s", Align::Right, 5, 0),
        Column::new("OUT/s", Align::Right, 5, 0),
    ];
    for state in &most_states {
        // What is usual goes first where there is no room for all.
        let spare = match state_tone(*state) {
            Tone::Bad => 1,
            Tone::Waiting => 2,
            _ => 3,
        };
        columns.push(Column::new(&state.to_string(), Align::Right, 0, spare));
    }
    if has_others {
        columns.push(Column::new("UDP", Align::Right, 0, 4));
    }
    let rows = seen(app, groups).map(|(place, group)| {
        let mut cells = vec![
            Cell::new(key_text(&group.key), Tone::Strong),
            Cell::new(group.total().to_string(), Tone::Normal),
            rate_cell(group.rate.received),
            rate_cell(group.rate.sent),
        ];
        let number = |count: u64, tone| match count {
            0 => Cell::new("-", Tone::Quiet),
            count => Cell::new(count.to_string(), tone),
        };
        let states = most_states.iter();
        cells.extend(states.map(|state| number(group.counts.of(*state), state_tone(*state))));
        if has_others {
            cells.push(number(group.others, Tone::Normal));
        }
        Row {
            mark: ' ',
            look: Look::Usual,
            cells,
            is_chosen: is_chosen(app, place),
        }
    });
    let rows = rows.collect();
    Table { columns, rows }
}

fn counted(app: &App, states: &[(State, u64)]) -> Table {
    let width = usize::from(app.size.0).saturating_sub(34).min(64);
    let columns = vec![
        Column::new("STATE", Align::Left, 14, 0),
        Column::new("SOCKETS", Align::Right, 8, 0),
        Column::new("HISTORY, WHATEVER THE FILTER", Align::Left, width, 1),
    ];
    let rows = seen(app, states).map(|(place, (state, count))| {
        let tone = match count {
            0 => Tone::Quiet,
            _ => state_tone(*state),
        };
        let cells = vec![
            Cell::new(state.to_string(), tone),
            Cell::new(count.to_string(), tone),
            Cell::new(sparkline(&app.history.of(*state), width), tone),
        ];
        Row {
            mark: ' ',
            look: Look::Usual,
            cells,
            is_chosen: is_chosen(app, place),
        }
    });
    let rows = rows.collect();
    Table { columns, rows }
}

/// How other renderers draw for this screen.
pub(super) fn frame(app: &App) -> Frame {
    Frame {
        theme: app.setup.theme,
        width: Some(usize::from(app.size.0)),
        header: true,
        indent: 0,
    }
}
