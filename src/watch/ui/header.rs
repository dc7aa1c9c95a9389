//! The lines around the body: title, tabs, counts, filter, keys.

use ratatui::style::Modifier;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::style::{span, style};
use crate::model::{ProtocolSet, State};
use crate::render::grid::cut;
use crate::render::sanitize::escape;
use crate::render::theme::{Tone, state_tone};
use crate::render::units;
use crate::watch::Tab;
use crate::watch::app::App;
use crate::watch::content::{Content, SortBy};
use crate::watch::trend::sparkline;

/// Columns of a history line.
const SPARK: usize = 8;

/// Host, namespace, interval and time; and the tabs.
pub(super) fn title(app: &App) -> Vec<Line<'static>> {
    vec![
        ends(app, host(app), when(app)),
        ends(app, tabs(app), shown(app)),
    ]
}

/// What stands left, and what stands right as far as there is room.
fn ends(app: &App, left: Vec<Span<'static>>, right: Vec<Span<'static>>) -> Line<'static> {
    let width = |spans: &[Span<'_>]| spans.iter().map(Span::width).sum::<usize>();
    let whole = usize::from(app.size.0);
    let mut right = right;
    while width(&left) + width(&right) + 2 > whole && !right.is_empty() {
        right.remove(0);
    }
    let gap = whole.saturating_sub(width(&left) + width(&right));
    let mut line = left;
    line.push(Span::raw(" ".repeat(gap)));
    line.extend(right);
    Line::from(line)
}

fn host(app: &App) -> Vec<Span<'static>> {
    let theme = app.setup.theme;
    let host = escape(app.setup.host.as_bytes());
    let mut left = vec![
        span(theme, "sockscope ", Tone::Quiet),
        span(theme, cut(&host, 30), Tone::Strong),
    ];
    if let Some(netns) = app.setup.netns {
        left.push(span(theme, format!("  netns {netns}"), Tone::Quiet));
    }
    left
}

fn when(app: &App) -> Vec<Span<'static>> {
    let theme = app.setup.theme;
    let mut right = Vec::new();
    if let Some(round) = &app.round {
        let took = u64::try_from(round.took.as_micros()).unwrap_or(u64::MAX);
        right.push(span(
            theme,
            format!("look {}  ", units::micros(took)),
            Tone::Quiet,
        ));
    }
    if let Some(missed) = app
        .round
        .as_ref()
        .map(|round| round.missed)
        .filter(|n| *n > 0)
    {
        right.push(span(
            theme,
            format!("{missed} looks missed  "),
            Tone::Waiting,
        ));
    }
    let ms = u64::try_from(app.interval.as_millis()).unwrap_or(u64::MAX);
    right.push(span(
        theme,
        format!("every {}  ", units::millis(ms)),
        Tone::Quiet,
    ));
    if app.paused {
        let paused = span(theme, " PAUSED ", Tone::Waiting);
        right.push(paused.add_modifier_reversed());
        right.push(Span::raw("  "));
    }
    let time = app.round.as_ref().map_or("", |round| round.time.as_str());
    right.push(span(theme, time.to_owned(), Tone::Normal));
    right
}

/// Turns foreground and background around.
trait Reversed {
    fn add_modifier_reversed(self) -> Self;
}

impl Reversed for Span<'static> {
    fn add_modifier_reversed(mut self) -> Self {
        self.style = self.style.add_modifier(Modifier::REVERSED);
        self
    }
}

fn tabs(app: &App) -> Vec<Span<'static>> {
    let theme = app.setup.theme;
    let tab = |tab: Tab| {
        let text = format!(" {} ", tab.name());
        if tab == app.tab {
            span(theme, text, Tone::Strong).add_modifier_reversed()
        } else {
            span(theme, text, Tone::Normal)
        }
    };
    Tab::ALL.into_iter().map(tab).collect()
}

/// What is shown of the sockets, and in which order.
fn shown(app: &App) -> Vec<Span<'static>> {
    let theme = app.setup.theme;
    let mut words = Vec::new();
    let usual = ProtocolSet {
        tcp: true,
        udp: true,
        raw: app.toggles.protocols.raw,
    };
    let toggles = app.toggles;
    let only = |is_all: bool, names: [(bool, &'static str); 2]| {
        let names = names.into_iter().filter(|(is_on, _)| !is_all && *is_on);
        names.map(|(_, name)| name).collect::<Vec<_>>()
    };
    let protocols = toggles.protocols;
    words.extend(only(
        protocols == usual,
        [(protocols.tcp, "tcp"), (protocols.udp, "udp")],
    ));
    let families = toggles.families;
    words.extend(only(
        families.v4 && families.v6,
        [(families.v4, "ipv4"), (families.v6, "ipv6")],
    ));
    if !(protocols.tcp || protocols.udp || protocols.raw) || !(families.v4 || families.v6) {
        words.push("nothing: t u 4 6 show more");
    }
    let in_conns = app.tab == Tab::Conns;
    words.extend((in_conns && toggles.listening).then_some("with listeners"));
    words.extend((in_conns && toggles.established).then_some("established"));
    let in_list = matches!(app.content, Content::Sockets(_));
    words.extend((in_list && toggles.changed_only).then_some("what changed"));
    let mut spans = Vec::new();
    if !words.is_empty() {
        spans.push(span(theme, format!("{}  ", words.join(" ")), Tone::Waiting));
    }
    if let Some(by) = app.by {
        let by = format!("by {}  ", format!("{by:?}").to_lowercase());
        spans.push(span(theme, by, Tone::Waiting));
    }
    if app.tab != Tab::Doctor {
        let turned = if app.is_reversed() { ", reversed" } else { "" };
        let order = format!("order: {}{turned}", order(app));
        spans.push(span(theme, order, Tone::Quiet));
    }
    spans
}

/// The order that holds: groups have orders of their own.
fn order(app: &App) -> &'static str {
    match (&app.content, app.sort()) {
        (Content::Groups(_), sort @ (SortBy::Key | SortBy::Received | SortBy::Sent)) => sort.name(),
        (Content::Groups(_), _) => SortBy::Total.name(),
        (_, sort) => sort.name(),
    }
}

/// One part of the counts: a number, what it is, and its history.
struct Count {
    spans: Vec<Span<'static>>,
    width: usize,
}

impl Count {
    fn new(app: &App, name: &str, number: &str, tone: Tone, history: &[u64]) -> Self {
        let theme = app.setup.theme;
        let spans = vec![
            span(theme, format!("{name} "), Tone::Quiet),
            span(theme, number.to_owned(), Tone::Strong),
            span(theme, " ", Tone::Quiet),
            span(theme, sparkline(history, SPARK), tone),
        ];
        let width = spans.iter().map(Span::width).sum();
        Self { spans, width }
    }
}

fn all_counts(app: &App) -> Vec<Count> {
    let Some(round) = &app.round else {
        return Vec::new();
    };
    let mut counts = Vec::new();
    let (opened, closed) = app.history.flows();
    let flow = app.history.flow();
    let rate = |rate: Option<f64>| rate.map_or_else(|| "-".to_owned(), per_second);
    let of_flow = |name, number: Option<f64>, line: &[u64]| {
        Count::new(app, name, &rate(number), Tone::Normal, line)
    };
    counts.push(of_flow("opened", flow.map(|flow| flow.0), &opened));
    counts.push(of_flow("closed", flow.map(|flow| flow.1), &closed));
    // What may hurt stands before what is usual.
    let mut states = app.history.states();
    states.sort_by_key(|state| match state_tone(*state) {
        Tone::Bad => 0,
        Tone::Waiting => 1,
        _ if *state == State::Established => 2,
        _ if *state == State::TimeWait => 3,
        _ => 4,
    });
    for state in states {
        let number = round.counts.of(state).to_string();
        let line = app.history.of(state);
        counts.push(Count::new(
            app,
            &state.to_string(),
            &number,
            state_tone(state),
            &line,
        ));
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
pub(super) fn counts_height(app: &App) -> u16 {
    let lines = counts(app).len();
    let most = usize::from(app.size.1) / 6;
    u16::try_from(lines.min(most.max(1))).unwrap_or(1)
}

/// Counts by state with their history, in columns of one width so that nothing jumps.
pub(super) fn counts(app: &App) -> Vec<Line<'static>> {
    let counts = all_counts(app);
    let widest = counts.iter().map(|count| count.width).max().unwrap_or(1) + 2;
    let across = (usize::from(app.size.0) / widest).max(1);
    let mut lines = Vec::new();
    for row in counts.chunks(across) {
        let mut spans = Vec::new();
        for count in row {
            let gap = widest - count.width;
            spans.extend(count.spans.iter().cloned());
            spans.push(Span::raw(" ".repeat(gap)));
        }
        lines.push(Line::from(spans));
    }
    lines
}

/// Lines that the filter takes.
pub(super) fn filter_height(app: &App) -> u16 {
    match &app.typing {
        Some(typing) if typing.error.is_some() => 2,
        Some(_) => 1,
        None => u16::from(!app.words.is_empty()),
    }
}

/// The filter, and what is wrong with it.
pub(super) fn filter(app: &App) -> Vec<Line<'static>> {
    let theme = app.setup.theme;
    let Some(typing) = &app.typing else {
        let words = escape(app.words.as_bytes());
        let room = usize::from(app.size.0).saturating_sub(16);
        return vec![Line::from(vec![
            span(theme, "filter ", Tone::Quiet),
            span(theme, cut(&words, room), Tone::Waiting),
            span(theme, "  Esc", Tone::Quiet),
        ])];
    };
    let line = Line::from(vec![
        span(theme, "/", Tone::Strong),
        span(
            theme,
            tail(&typed(app), usize::from(app.size.0).saturating_sub(2)),
            Tone::Normal,
        ),
    ]);
    let error = typing.error.as_deref();
    let error = error.map(|error| {
        let text = cut(&escape(error.as_bytes()), usize::from(app.size.0));
        Line::from(span(theme, text, Tone::Bad))
    });
    std::iter::once(line).chain(error).collect()
}

fn typed(app: &App) -> String {
    let words = app.typing.as_ref().map(|typing| typing.words.as_bytes());
    escape(words.unwrap_or_default())
}

/// The end of a text, where the cursor is.
fn tail(text: &str, width: usize) -> String {
    let mut start = 0;
    while text.get(start..).unwrap_or_default().width() > width {
        start += text
            .get(start..)
            .and_then(|t| t.chars().next())
            .map_or(1, char::len_utf8);
    }
    text.get(start..).unwrap_or_default().to_owned()
}

/// The column of the cursor, while a filter is typed.
pub(super) fn cursor(app: &App) -> Option<u16> {
    app.typing.as_ref()?;
    u16::try_from(typed(app).width() + 1).ok()
}

/// The keys that matter now, or what went wrong.
pub(super) fn footer(app: &App) -> Line<'static> {
    let theme = app.setup.theme;
    let width = usize::from(app.size.0);
    if let Some(message) = &app.message {
        let text = cut(&escape(message.as_bytes()), width);
        return Line::from(span(theme, text, Tone::Bad));
    }
    let keys: &[(&str, &str)] = match (&app.typing, app.tab) {
        (Some(_), _) => &[("Enter", "keep"), ("Esc", "as before")],
        (_, Tab::Doctor) => &[
            ("q", "leave"),
            ("?", "help"),
            ("Tab", "view"),
            ("Enter", "its sockets"),
            ("p", "pause"),
            ("+-", "interval"),
        ],
        _ => &[
            ("q", "leave"),
            ("?", "help"),
            ("Tab", "view"),
            ("/", "filter"),
            ("s", "order"),
            ("g", "group"),
            ("Enter", "more"),
            ("d", "changes"),
            ("p", "pause"),
            ("+-", "interval"),
            ("tu46le", "which"),
        ],
    };
    let rows = format!("{} rows", app.content.len());
    let problem = problem(app);
    let mut spans = Vec::new();
    let mut used = rows.width() + 2;
    for (key, what) in keys {
        used += key.width() + what.width() + 3;
        if used > width {
            break;
        }
        spans.push(span(theme, (*key).to_owned(), Tone::Strong));
        spans.push(span(theme, format!(" {what}  "), Tone::Quiet));
    }
    let right = match problem {
        // What could not be seen matters more than the keys.
        Some(problem) => {
            let text = cut(&escape(problem.as_bytes()), width.saturating_sub(22));
            spans.truncate(4);
            vec![span(theme, text, Tone::Waiting)]
        }
        None => vec![span(theme, rows, Tone::Quiet)],
    };
    ends(app, spans, right)
}

/// The first thing that the last look could not see.
fn problem(app: &App) -> Option<String> {
    let report = app.round.as_ref()?.look.sample.report();
    let first = report.problems.first()?;
    Some(format!("note: {}", first.message))
}

/// The style of a row that is chosen.
pub(super) fn chosen(app: &App) -> ratatui::style::Style {
    style(app.setup.theme, Tone::Normal).add_modifier(Modifier::REVERSED)
}
