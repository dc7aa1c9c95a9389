//! Sockets opened and closed, and counts by state, each with a short history.

use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::style::span;
use crate::model::State;
use crate::text::theme::{Tone, state_tone};
use crate::watch::state::App;
use crate::watch::state::trend::sparkline;

/// Columns of the name of a count, and of its number.
const NAME: usize = 11;
const NUMBER: usize = 7;
/// Columns of one count at least: name, number, a short history, and what keeps it apart.
const COUNT: usize = 26;

/// One part of the counts: what it is, how many, and its history.
struct Count {
    name: String,
    number: String,
    tone: Tone,
    history: Vec<u64>,
}

impl Count {
    /// As a cell of `width` columns, in which a longer name or number takes from the history.
    fn spans(&self, app: &App, width: usize) -> Vec<Span<'static>> {
        let theme = app.setup.theme;
        let head = format!("{:<NAME$}", self.name);
        let room = (NAME + NUMBER).saturating_sub(head.width());
        let number = format!("{:>room$}", self.number);
        let used = head.width() + number.width() + 3;
        let spark = sparkline(&self.history, width.saturating_sub(used));
        let is_zero = matches!(self.number.as_str(), "0" | "0/s" | "-");
        let strong = if is_zero { Tone::Quiet } else { Tone::Strong };
        vec![
            span(theme, head, Tone::Quiet),
            span(theme, number, strong),
            span(theme, format!(" {spark}  "), self.tone),
        ]
    }
}

/// The states that are always told, zero or not, before those that occur now and then: what
/// stands at a place stays there.
const ALWAYS: [State; 4] = [
    State::Established,
    State::CloseWait,
    State::TimeWait,
    State::Listen,
];

fn all(app: &App) -> Vec<Count> {
    let (opened, closed) = app.history.flows();
    let flow = app.history.flow();
    let rate = |name: &str, rate: Option<f64>, history| Count {
        name: name.to_owned(),
        number: rate.map_or_else(|| "-".to_owned(), per_second),
        tone: Tone::Normal,
        history,
    };
    let mut counts = vec![
        rate("opened", flow.map(|flow| flow.0), opened),
        rate("closed", flow.map(|flow| flow.1), closed),
    ];
    let seen = app.history.states();
    let others = seen.iter().filter(|state| !ALWAYS.contains(state));
    for &state in ALWAYS.iter().chain(others) {
        let now = app.round.as_ref().map(|round| round.counts.of(state));
        counts.push(Count {
            name: state.to_string(),
            number: now.map_or_else(|| "-".to_owned(), |count| count.to_string()),
            tone: state_tone(state),
            history: app.history.of(state),
        });
    }
    counts
}

/// `0/s`, `3.4/s`, `120/s`.
fn per_second(rate: f64) -> String {
    match rate {
        0.0 => "0/s".to_owned(),
        rate if rate < 9.95 => format!("{rate:.1}/s"),
        rate => format!("{rate:.0}/s"),
    }
}

/// Lines that the counts may take.
pub(crate) fn height(app: &App) -> u16 {
    let lines = lines(app).len();
    let most = usize::from(app.size.lines) / 6;
    u16::try_from(lines.min(most.max(1))).unwrap_or(1)
}

/// Counts by state with their history, in columns of one width so that nothing jumps.
pub(crate) fn lines(app: &App) -> Vec<Line<'static>> {
    let whole = usize::from(app.size.columns);
    let across = (whole / COUNT).max(1);
    let width = whole / across;
    let counts = all(app);
    let rows = counts.chunks(across).map(|row| {
        let spans = row.iter().flat_map(|count| count.spans(app, width));
        Line::from(spans.collect::<Vec<_>>())
    });
    rows.collect()
}
