//! The lines around the body: title, tabs, counts, filter, keys.

use ratatui::style::Modifier;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::style::{span, style};
use crate::look::untold;
use crate::model::ProtocolSet;
use crate::model::foreign::{self, escape, safe_line};
use crate::text::cut::{cut, cut_after_word};
use crate::text::theme::Tone;
use crate::text::units;
use crate::watch::Tab;
use crate::watch::state::App;
use crate::watch::state::content::{Content, SortBy};

/// Host, namespace, interval and time; and the tabs.
pub(crate) fn title(app: &App) -> Vec<Line<'static>> {
    vec![
        ends(app, host(app), when(app)),
        ends(app, tabs(app), shown(app)),
    ]
}

/// What stands left, and what stands right as far as there is room.
fn ends(app: &App, left: Vec<Span<'static>>, right: Vec<Span<'static>>) -> Line<'static> {
    let width = |spans: &[Span<'_>]| spans.iter().map(Span::width).sum::<usize>();
    let whole = usize::from(app.size.columns);
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
    let host = cut(&app.setup.host.to_string(), 30);
    let name = "sockscope ";
    let netns = app.setup.netns.map(|netns| format!("  netns {netns}"));
    let netns = netns
        .filter(|netns| name.len() + host.width() + netns.width() <= usize::from(app.size.columns));
    let mut left = vec![
        span(theme, name, Tone::Quiet),
        span(theme, host, Tone::Strong),
    ];
    left.extend(netns.map(|netns| span(theme, netns, Tone::Quiet)));
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
    if let Some(by) = app.by.filter(|_| app.tab != Tab::Doctor) {
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

/// Lines that the filter takes.
pub(crate) fn filter_height(app: &App) -> u16 {
    match &app.typing {
        // Always both, that the rows do not jump while it is typed.
        Some(_) => 2,
        None => u16::from(!app.words.is_empty()),
    }
}

/// The filter, and what is wrong with it.
pub(crate) fn filter(app: &App) -> Vec<Line<'static>> {
    let theme = app.setup.theme;
    let Some(typing) = &app.typing else {
        let words = foreign::shown(app.words.as_bytes()).to_string();
        let room = usize::from(app.size.columns).saturating_sub(16);
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
            tail(&typed(app), usize::from(app.size.columns).saturating_sub(2)),
            Tone::Normal,
        ),
    ]);
    let (text, tone) = match &typing.error {
        Some(error) => (safe_line(&error.message), Tone::Bad),
        None => ("valid filter".to_owned(), Tone::Quiet),
    };
    let text = cut_after_word(&text, usize::from(app.size.columns));
    vec![line, Line::from(span(theme, text, tone))]
}

fn typed(app: &App) -> String {
    let words = app.typing.as_ref().map(|typing| typing.words.as_bytes());
    escape(words.unwrap_or_default())
}

/// The end of a text, where the cursor is.
fn tail(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let (mut start, width) = (0, width.saturating_sub(1));
    while text.get(start..).unwrap_or_default().width() > width {
        start += text
            .get(start..)
            .and_then(|t| t.chars().next())
            .map_or(1, char::len_utf8);
    }
    format!("…{}", text.get(start..).unwrap_or_default())
}

/// The column of the cursor, while a filter is typed.
pub(crate) fn cursor(app: &App) -> Option<u16> {
    app.typing.as_ref()?;
    u16::try_from(typed(app).width() + 1).ok()
}

/// The keys that matter now, or what went wrong; and which columns there is no room for.
pub(crate) fn footer(app: &App, left_out: &[String]) -> Line<'static> {
    let theme = app.setup.theme;
    let width = usize::from(app.size.columns);
    if let Some(message) = &app.message {
        let text = cut_after_word(&safe_line(message), width);
        return Line::from(span(theme, text, Tone::Bad));
    }
    let mut right = Vec::new();
    if !left_out.is_empty() {
        let text = left_out_note(left_out, width / 2);
        right.push(span(theme, format!("{text}  "), Tone::Quiet));
    }
    let used = |spans: &[Span<'_>]| spans.iter().map(Span::width).sum::<usize>();
    let (keys, text) = match problem(app) {
        // What could not be seen matters more than the keys.
        Some(problem) => {
            let room = width.saturating_sub(used(&right));
            let text = cut_after_word(&safe_line(&problem), room);
            (keys(app).get(..2), span(theme, text, Tone::Waiting))
        }
        None => (keys(app).get(..), span(theme, rows(app), Tone::Quiet)),
    };
    right.push(text);
    let mut left = Vec::new();
    let mut room = width.saturating_sub(used(&right));
    for (key, what) in keys.unwrap_or_default() {
        let wide = key.width() + what.width() + 3;
        let Some(rest) = room.checked_sub(wide) else {
            break;
        };
        room = rest;
        left.push(span(theme, (*key).to_owned(), Tone::Strong));
        left.push(span(theme, format!(" {what}  "), Tone::Quiet));
    }
    left.push(Span::raw(" ".repeat(room)));
    left.extend(right);
    Line::from(left)
}

/// Which columns there is no room for, or how many.
fn left_out_note(left_out: &[String], room: usize) -> String {
    let text = format!("left out: {}", left_out.join(", "));
    match left_out.len() {
        _ if text.width() <= room => text,
        1 => "1 column left out".to_owned(),
        count => format!("{count} columns left out"),
    }
}

fn keys(app: &App) -> &'static [(&'static str, &'static str)] {
    match (&app.typing, app.tab) {
        (Some(_), _) => &[("Enter", "keep"), ("Esc", "as before")],
        (_, Tab::Doctor) => &[
            ("q", "leave"),
            ("?", "help"),
            ("Tab", "view"),
            ("Enter", "in full"),
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
    }
}

fn rows(app: &App) -> String {
    match (app.content.len(), app.cut) {
        (1, 0) => "1 row".to_owned(),
        (shown, 0) => format!("{shown} rows"),
        (shown, cut) => format!("{shown} of {} rows", shown + cut),
    }
}

/// How a filter that is typed would be right, or the first thing that the last look could not
/// see: what the filter compares before all.
fn problem(app: &App) -> Option<String> {
    let error = app.typing.as_ref().and_then(|typing| typing.error.as_ref());
    if let Some(error) = error {
        return Some(error.hint.clone());
    }
    let report = app.round.as_ref()?.look.sample.report();
    let setup = &app.setup;
    let protocols = app.toggles.protocols;
    let untold = untold::compared_by(protocols, &app.filter, report, || setup.marks_hint);
    let first = untold.first().or_else(|| report.problems.first())?;
    Some(format!("note: {}", first.message))
}

/// The style of a row that is chosen.
pub(crate) fn chosen(app: &App) -> ratatui::style::Style {
    style(app.setup.theme, Tone::Normal).add_modifier(Modifier::REVERSED)
}
