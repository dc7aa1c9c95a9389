//! What piles up: the rows, and below them a remark and the limits.

use std::time::Duration;

use ratatui::text::Line;

use super::seen::{frame, is_chosen, seen};
use super::style::{painted, span};
use super::table::{Look, Row, Table};
use crate::analyze::buildup::Buildup;
use crate::analyze::states::By;
use crate::columns::Align;
use crate::text::grid::{Cell, Give, GridColumn};
use crate::text::theme::{Tone, state_tone};
use crate::view::buildup;
use crate::view::counts::key_cell;
use crate::watch::state::App;
use crate::watch::state::content::Content;
use crate::watch::state::trend::Trend;

/// What piles up, how it grows, and when it meets its limit.
pub(crate) fn table(app: &App, view: &Buildup, trends: &[Option<Trend>], height: u16) -> Table {
    // Process and state have columns of their own.
    let has_groups = !matches!(app.by, None | Some(By::Process | By::State));
    let text = |name| GridColumn::new(name, Align::Left);
    let number = |name| GridColumn::new(name, Align::Right);
    let mut columns = vec![
        text("STATE").steady(11),
        number("COUNT").steady(6),
        number("PER MIN").steady(7),
        number("LIMIT IN").steady(8).spared(3),
        number("OLDEST").steady(8).spared(4),
        text("PROCESS").giving(Give::Name).steady(12),
        text("LOCAL").steady(15).spared(1),
        text("PEER").steady(15).spared(2),
    ];
    let group_at = columns.len() - 3;
    if has_groups {
        columns.insert(group_at, text("GROUP").giving(Give::Name).steady(12));
    }
    let rows = seen(app, &view.piles, height).map(|(index, pile)| {
        let trend = trends.get(index).copied().flatten();
        let (per_minute, until) = trend_cells(trend);
        let mut cells = vec![
            Cell::new(pile.state.to_string(), state_tone(pile.state)),
            Cell::new(pile.count.to_string(), Tone::Strong),
            per_minute,
            until,
            Cell::new(buildup::age(pile), Tone::Normal),
            buildup::process(pile),
            Cell::new(buildup::end(pile.local), Tone::Normal),
            Cell::new(buildup::end(pile.peer), Tone::Normal),
        ];
        if has_groups {
            let group = pile.group.as_ref();
            let cell = group.map_or_else(Cell::default, |key| key_cell(key, Tone::Normal));
            cells.insert(group_at, cell);
        }
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

/// Growth in a minute, and when the limit is met: what is near is red.
fn trend_cells(trend: Option<Trend>) -> (Cell, Cell) {
    let Some(trend) = trend else {
        let unknown = || Cell::new("-", Tone::Quiet);
        return (unknown(), unknown());
    };
    let growth = match trend.per_minute {
        rate if rate.abs() < 0.5 => Cell::new("0", Tone::Quiet),
        rate => Cell::new(format!("{rate:+.0}"), Tone::Normal),
    };
    let until = match trend.until {
        None => Cell::new("-", Tone::Quiet),
        // Of what is that far away nothing is known.
        Some(time) if time > Duration::from_secs(48 * 3600) => Cell::new("> 2 days", Tone::Quiet),
        Some(time) => {
            let tone = match time.as_secs() {
                ..600 => Tone::Bad,
                600..3600 => Tone::Waiting,
                _ => Tone::Normal,
            };
            Cell::new(format!("~{}", about(time)), tone)
        }
    };
    (growth, until)
}

/// A time in its largest unit.
fn about(time: Duration) -> String {
    match time.as_secs() {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

/// Lines that are told below the rows.
pub(crate) fn more_height(app: &App) -> u16 {
    u16::try_from(more(app).len()).unwrap_or(0)
}

/// What there is to say about the chosen pile; else about the one that meets its limit first.
fn remark(app: &App, view: &Buildup, trends: &[Option<Trend>]) -> Option<Line<'static>> {
    let until = |index: &usize| trends.get(*index)?.as_ref()?.until;
    let soonest = (0..trends.len())
        .filter(|index| until(index).is_some())
        .min_by_key(until);
    let index = match app.chosen {
        Some(_) => app.cursor,
        None => soonest.unwrap_or(0),
    };
    let pile = view.piles.get(index)?;
    let trend = trends.get(index).copied().flatten();
    let limit = trend.and_then(|trend| Some((trend.until?, trend.limit?)));
    let limit = limit.map(|(time, name)| {
        format!(
            "if it goes on, in ~{} the limit of {name} is reached",
            about(time)
        )
    });
    let parts: Vec<String> = [limit, buildup::remark(pile)]
        .into_iter()
        .flatten()
        .collect();
    if parts.is_empty() {
        return None;
    }
    let text = format!("  {} {}: {}", pile.count, pile.state, parts.join("; "));
    let text = crate::text::cut::cut_after_word(&text, usize::from(app.size.columns));
    let tone = match trend.and_then(|trend| trend.until) {
        Some(time) if time < Duration::from_secs(3600) => Tone::Waiting,
        _ => Tone::Quiet,
    };
    Some(Line::from(span(app.setup.theme, text, tone)))
}

/// Below what piles up: what the chosen pile is like, and the limits.
pub(crate) fn more(app: &App) -> Vec<Line<'static>> {
    let Content::Piles(view, trends) = &app.content else {
        return Vec::new();
    };
    let frame = frame(app);
    let mut lines = vec![Line::default()];
    lines.extend(remark(app, view, trends));
    let mut out = Vec::new();
    let _ = buildup::limits(&mut out, view, &frame);
    lines.extend(painted(&crate::model::foreign::exact(&out)));
    lines
}
