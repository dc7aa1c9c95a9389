//! The body: the rows of each tab, and what is told below them.

use ratatui::text::Line;

use super::seen::{is_chosen, seats, seen};
use super::style::span;
use super::table::{Look, Row, Table};
use super::{findings, piles};
use crate::columns::{self, Align, Kind, Spare};
use crate::model::foreign::shown;
use crate::model::{Identity, State};
use crate::text::grid::{Cell, Give, GridColumn};
use crate::text::theme::{Tone, state_tone};
use crate::text::units;
use crate::text::wrap::wrap;
use crate::view::counts::key_cell;
use crate::view::list as rows;
use crate::watch::Tab;
use crate::watch::state::App;
use crate::watch::state::content::RowIndex;
use crate::watch::state::content::{Content, Group, SortBy};
use crate::watch::state::event::Happened;
use crate::watch::state::round::Rate;
use crate::watch::state::trend::sparkline;

/// The body: its lines, and the columns that it has no room for.
#[derive(Debug, Default)]
pub(crate) struct Body {
    pub lines: Vec<Line<'static>>,
    pub left_out: Vec<String>,
}

/// The body as at most `height` lines.
pub(crate) fn body(app: &App, height: u16) -> Body {
    let theme = app.setup.theme;
    let of_lines = |lines| Body {
        lines,
        left_out: Vec::new(),
    };
    let Some(table) = table(app, height) else {
        return of_lines(match &app.content {
            Content::Findings(diagnosis) => findings::lines(app, diagnosis, height),
            _ => vec![Line::from(span(theme, "looking ...", Tone::Quiet))],
        });
    };
    let is_empty = table.rows.is_empty();
    let mut drawn = table.drawn(usize::from(app.size.columns), theme);
    let left_out = std::mem::take(&mut drawn.left_out);
    let mut lines = drawn.lines(height.into());
    if is_empty {
        let text = wrap(
            nothing(app),
            Some(usize::from(app.size.columns).saturating_sub(2)),
        );
        let tone = match app.tab {
            Tab::Buildup => Tone::Calm,
            _ => Tone::Quiet,
        };
        let text = text.into_iter().map(|line| format!("  {line}"));
        lines.extend(text.map(|line| Line::from(span(theme, line, tone))));
    }
    Body { lines, left_out }
}

/// Rows that are seen whole in a body of this height.
pub(crate) fn page(app: &App, height: u16) -> usize {
    let Some(table) = table(app, height) else {
        return height.into();
    };
    let drawn = table.drawn(usize::from(app.size.columns), app.setup.theme);
    match drawn.rows.len() {
        0 => usize::from(height).saturating_sub(drawn.head.len()),
        all => match drawn.page(height.into()) {
            // There is room for more than there is.
            page if page == all => seats(height).max(page),
            page => page,
        },
    }
}

fn table(app: &App, height: u16) -> Option<Table> {
    match &app.content {
        Content::Nothing | Content::Findings(_) => None,
        Content::Sockets(indices) => Some(sockets(app, indices, height)),
        Content::Groups(groups) => Some(grouped(app, groups, height)),
        Content::States(states) => Some(counted(app, states, height)),
        Content::Piles(view, trends) => Some(piles::table(app, view, trends, height)),
    }
}

/// Why there is no row.
fn nothing(app: &App) -> &'static str {
    match app.tab {
        Tab::Buildup if app.words.is_empty() => {
            "nothing piles up: no connection is in a state that should pass"
        }
        _ if app.toggles.changed_only => "nothing changed in the last seconds (d shows all)",
        _ if !app.words.is_empty() => "nothing matches the filter (Esc takes it away)",
        Tab::Listen => "nothing is listening here",
        Tab::Conns => "there are no connections here",
        _ => "there are no sockets here",
    }
}

/// The columns of the list, and the one that it is sorted by.
fn list_columns(app: &App) -> Vec<&'static columns::Column> {
    let mut chosen = match app.tab {
        Tab::Listen => app.setup.columns.listen.clone(),
        _ => app.setup.columns.conns.clone(),
    };
    if let SortBy::Column(sorted) = app.sort()
        && !chosen.contains(&sorted)
    {
        chosen.insert(chosen.len().saturating_sub(1), sorted);
    }
    chosen
}

/// What stays when the terminal is narrow is what tells who and whom; of the rest the last goes
/// first. What it is sorted by stays too.
fn spare(app: &App, column: &columns::Column, index: usize) -> u8 {
    let index = u8::try_from(index).unwrap_or(u8::MAX).min(30);
    match column.spare {
        Spare::First => 60,
        Spare::BesideState if app.tab == Tab::Conns => 55,
        Spare::Early => 50,
        Spare::Never => 0,
        Spare::NotOfListeners if app.tab == Tab::Listen => 0,
        _ => 1 + index,
    }
}

/// A column of sockets as it stands in this view.
fn list_column(app: &App, grid: GridColumn, column: &'static columns::Column) -> GridColumn {
    grid.steady(match column.kind {
        Kind::State => state_width(app),
        _ => column.steady,
    })
}

fn sockets(app: &App, indices: &[RowIndex], height: u16) -> Table {
    let chosen = list_columns(app);
    let has_rates = app.tab == Tab::Conns && app.setup.columns.has_rates;
    let grids = rows::grid_columns(&chosen, &[]).into_iter().zip(&chosen);
    let mut columns: Vec<GridColumn> = grids
        .enumerate()
        .map(|(index, (grid, column))| {
            let is_sorted = app.sort() == SortBy::Column(column);
            let spare = if is_sorted {
                0
            } else {
                spare(app, column, index)
            };
            list_column(app, grid.spared(spare), column)
        })
        .collect();
    // The process stands last: it is what gives way.
    let rates_at = columns.len().saturating_sub(1);
    if has_rates {
        let rate = |name, sort| {
            let spare = if app.sort() == sort { 0 } else { 49 };
            GridColumn::new(name, Align::Right).spared(spare).steady(5)
        };
        let rates = if is_narrow(app) {
            vec![rate("IO/s", SortBy::Received)]
        } else {
            vec![rate("IN/s", SortBy::Received), rate("OUT/s", SortBy::Sent)]
        };
        columns.splice(rates_at..rates_at, rates);
    }
    let rows = seen(app, indices, height).filter_map(|(index, socket)| {
        let mut row = socket_row(app, &chosen, *socket)?;
        if has_rates {
            row.cells.splice(rates_at..rates_at, rates(app, *socket));
        }
        row.is_chosen = is_chosen(app, index);
        Some(row)
    });
    let rows = rows.collect();
    Table { columns, rows }
}

fn socket_row(app: &App, columns: &[&'static columns::Column], index: RowIndex) -> Option<Row> {
    let row = app.row(index)?;
    let happened = app.flash(Identity::of(row.socket));
    let mut cells = rows::cells(columns, row);
    for (column, cell) in columns.iter().zip(&mut cells) {
        match column.kind {
            Kind::Process => {
                if let Some(owner) = app.former_owner(index) {
                    let tail = format!(" {}", owner.pid);
                    let text = format!("was {}{tail}", shown(&owner.comm));
                    *cell = Cell::new(text, Tone::Quiet).keeping(tail.len());
                }
            }
            Kind::State => {
                if let (RowIndex::Live(_), Some(Happened::Turned(was))) = (index, happened) {
                    cell.text = turned(app, was, &cell.text);
                }
            }
            _ => {}
        }
    }
    let (mark, look) = match (index, happened) {
        (RowIndex::Gone(_), _) => ('-', Look::Gone),
        (_, Some(Happened::Opened)) => ('+', Look::New),
        (_, Some(Happened::Turned(_) | Happened::Changed)) => ('~', Look::Usual),
        (_, None) => (' ', Look::Usual),
    };
    Some(Row {
        mark,
        look,
        cells,
        is_chosen: false,
    })
}

/// Terminals with room for both states in full, and for the old one in short.
const WIDE: u16 = 110;
const MIDDLE: u16 = 72;

/// Columns of the state, those of a change included: rows that change do not make it jump.
const fn state_width(app: &App) -> usize {
    match app.size.columns {
        WIDE.. => 24,
        MIDDLE..WIDE => 17,
        _ => 12,
    }
}

/// The state that a socket was in, and the one it is in.
fn turned(app: &App, was: State, is: &str) -> String {
    match app.size.columns {
        WIDE.. => format!("{was} → {is}"),
        MIDDLE..WIDE => format!("{}→{is}", short(was)),
        _ => format!("→{is}"),
    }
}

/// A state in a few letters.
fn short(state: State) -> String {
    match state {
        State::Established => "ESTAB".to_owned(),
        State::SynSent => "SYN_S".to_owned(),
        State::SynRecv => "SYN_R".to_owned(),
        State::FinWait1 => "FIN_1".to_owned(),
        State::FinWait2 => "FIN_2".to_owned(),
        State::TimeWait => "TIME_W".to_owned(),
        State::CloseWait => "CLOSE_W".to_owned(),
        State::LastAck => "L_ACK".to_owned(),
        State::BoundInactive => "BOUND".to_owned(),
        state => state.to_string(),
    }
}

/// Bytes a second, received and sent.
fn rates(app: &App, index: RowIndex) -> Vec<Cell> {
    let rate = app.row(index).and_then(|row| {
        let round = app.round.as_ref()?;
        round.rates.get(&Identity::of(row.socket)).copied()
    });
    let Rate { received, sent } = rate.unwrap_or_default();
    if is_narrow(app) {
        return vec![rate_cell(received.saturating_add(sent))];
    }
    vec![rate_cell(received), rate_cell(sent)]
}

/// Whether both directions stand in one column, that the name of the process has room.
fn is_narrow(app: &App) -> bool {
    let by_one = matches!(app.sort(), SortBy::Received | SortBy::Sent);
    app.size.columns < 90 && !by_one
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

fn grouped(app: &App, groups: &[Group], height: u16) -> Table {
    let occurs = |state: &State| groups.iter().any(|group| group.counts.of(*state) > 0);
    let states: Vec<State> = State::TCP.into_iter().filter(occurs).collect();
    let has_others = groups.iter().any(|group| group.others > 0);
    let number = |count: u64, tone| match count {
        0 => Cell::new("-", Tone::Quiet),
        count => Cell::new(count.to_string(), tone),
    };
    let rows = seen(app, groups, height).map(|(index, group)| {
        let mut cells = vec![
            key_cell(&group.key, Tone::Strong),
            Cell::new(group.total().to_string(), Tone::Normal),
            rate_cell(group.rate.received),
            rate_cell(group.rate.sent),
        ];
        let counts = states.iter();
        cells.extend(counts.map(|state| number(group.counts.of(*state), state_tone(*state))));
        if has_others {
            cells.push(number(group.others, Tone::Normal));
        }
        Row {
            mark: ' ',
            look: Look::Usual,
            cells,
            is_chosen: is_chosen(app, index),
        }
    });
    let rows = rows.collect();
    Table {
        columns: group_columns(app, &states, has_others),
        rows,
    }
}

fn group_columns(app: &App, states: &[State], has_others: bool) -> Vec<GridColumn> {
    let name = app.by.map(|by| format!("{by:?}").to_uppercase());
    let number = |name: &str| GridColumn::new(name, Align::Right);
    let mut columns = vec![
        GridColumn::new(&name.unwrap_or_default(), Align::Left)
            .giving(Give::Name)
            .steady(20),
        number("TOTAL").steady(5),
        number("IN/s").steady(5).spared(1),
        number("OUT/s").steady(5).spared(1),
    ];
    for (index, state) in (2..).zip(states) {
        // What is usual goes first where there is no room for all, one by one.
        let usual = match (state, state_tone(*state)) {
            (_, Tone::Bad) => 0,
            (State::Established, _) => 20,
            (_, Tone::Waiting) => 40,
            _ => 60,
        };
        columns.push(number(&state.to_string()).spared(index + usual));
    }
    if has_others {
        columns.push(number("UDP").spared(80));
    }
    columns
}

fn counted(app: &App, states: &[(State, u64)], height: u16) -> Table {
    let width = usize::from(app.size.columns).saturating_sub(34).min(64);
    let columns = vec![
        GridColumn::new("STATE", Align::Left).steady(14),
        GridColumn::new("SOCKETS", Align::Right).steady(8),
        GridColumn::new("HISTORY, WHATEVER THE FILTER", Align::Left)
            .steady(width)
            .spared(1),
    ];
    let rows = seen(app, states, height).map(|(index, (state, count))| {
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
            is_chosen: is_chosen(app, index),
        }
    });
    let rows = rows.collect();
    Table { columns, rows }
}
