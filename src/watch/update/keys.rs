//! What each key does.

use super::drill;
use crate::analyze::states::By;
use crate::columns;
use crate::watch::Tab;
use crate::watch::geometry;
use crate::watch::state::App;
use crate::watch::state::content::{Content, ItemId, SortBy};
use crate::watch::state::event::{Effect, Overlay, Typing};
use crate::watch::state::key::Key;
use crate::watch::state::trend::Growth;

/// Does what a key does.
pub(super) fn press(app: &mut App, key: Key) -> Option<Effect> {
    match key {
        Key::Interrupt => return Some(Effect::Leave),
        Key::Suspend => return Some(Effect::Suspend),
        _ => {}
    }
    if app.typing.is_some() {
        return type_filter(app, key);
    }
    if !matches!(app.overlay, Overlay::None) {
        return over(app, key);
    }
    match key {
        Key::Char(character) => command(app, character),
        Key::Enter => enter(app),
        Key::Esc => escape(app),
        Key::Tab => Some(show(app, app.tab.further(1))),
        Key::BackTab => Some(show(app, app.tab.further(Tab::ALL.len() - 1))),
        Key::Function(number) => {
            let tab = Tab::ALL.get(usize::from(number).checked_sub(1)?);
            Some(show(app, *tab?))
        }
        _ => {
            walk(app, key);
            None
        }
    }
}

/// Moves the choice.
fn walk(app: &mut App, key: Key) {
    let page = geometry::page(app).max(1);
    let from = match app.chosen {
        Some(_) => app.cursor,
        // The first step chooses the row at the top.
        None if key == Key::Down => app.top.wrapping_sub(1),
        None => app.top,
    };
    match key {
        Key::Up => app.choose(from.saturating_sub(1)),
        Key::Down => app.choose(from.wrapping_add(1)),
        Key::PageUp => app.choose(from.saturating_sub(page)),
        Key::PageDown => app.choose(from.saturating_add(page)),
        Key::Home => app.choose_nothing(),
        Key::End => app.choose(usize::MAX),
        _ => {}
    }
}

/// Shows a tab, which may need other things to be looked at.
fn show(app: &mut App, tab: Tab) -> Effect {
    app.back.clear();
    app.go(tab);
    Effect::Order { now: true }
}

fn command(app: &mut App, character: char) -> Option<Effect> {
    match character {
        'q' => return Some(Effect::Leave),
        '?' | 'h' => {
            app.lay_over(Overlay::Help);
        }
        '/' => {
            app.typing = Some(Typing {
                words: app.words.clone(),
                error: None,
                before: app.words.clone(),
            });
        }
        's' => return Some(next_order(app)),
        'S' => app.set_order(app.sort(), !app.is_reversed()),
        'g' => return Some(group(app)),
        'j' => walk(app, Key::Down),
        'k' => walk(app, Key::Up),
        'p' | ' ' => {
            app.paused = !app.paused;
            return Some(Effect::Order { now: !app.paused });
        }
        '+' | '=' | '-' | '_' => {
            app.set_interval(matches!(character, '+' | '='));
            return Some(Effect::Order { now: false });
        }
        _ => {
            if toggle(app, character) {
                // Other sockets are counted now: that is no growth.
                app.growth = Growth::default();
                app.refresh();
            }
        }
    }
    None
}

/// Shows some sockets or leaves them out; whether the key means that.
fn toggle(app: &mut App, character: char) -> bool {
    let toggles = &mut app.toggles;
    match character {
        't' => toggles.protocols.tcp = !toggles.protocols.tcp,
        'u' => toggles.protocols.udp = !toggles.protocols.udp,
        '4' => toggles.families.v4 = !toggles.families.v4,
        '6' => toggles.families.v6 = !toggles.families.v6,
        'l' => toggles.listening = !toggles.listening,
        'e' => toggles.established = !toggles.established,
        'd' => toggles.changed_only = !toggles.changed_only,
        _ => return false,
    }
    true
}

fn group(app: &mut App) -> Effect {
    app.back.clear();
    app.by = match app.by {
        None => Some(By::Process),
        Some(By::Process) => Some(By::Port),
        Some(By::Port) => Some(By::Peer),
        Some(_) => None,
    };
    if app.tab == Tab::Doctor {
        app.by = None;
    }
    app.choose_nothing();
    app.refresh();
    Effect::Order { now: false }
}

/// The orders that `s` goes through.
fn orders(app: &App) -> Vec<SortBy> {
    let by = |ids: &[&str]| -> Vec<SortBy> {
        columns::select(ids)
            .into_iter()
            .map(SortBy::Column)
            .collect()
    };
    match (app.tab, app.by) {
        (Tab::Doctor, _) => vec![SortBy::Usual],
        (Tab::Buildup, _) => vec![SortBy::Usual, SortBy::Total, SortBy::Growth],
        (Tab::States, None) => vec![SortBy::Usual, SortBy::Total],
        (_, Some(_)) => vec![SortBy::Total, SortBy::Key, SortBy::Received, SortBy::Sent],
        (Tab::Listen, None) => {
            let mut orders = vec![SortBy::Usual];
            orders.extend(by(&["queue", "process", "user"]));
            orders.push(SortBy::Newest);
            orders
        }
        (_, None) => {
            let mut orders = vec![SortBy::Newest, SortBy::Usual];
            orders.extend(by(&["state", "process", "peer", "recv_q", "send_q"]));
            orders.extend([SortBy::Received, SortBy::Sent]);
            orders
        }
    }
}

/// Amounts are most wanted where they are largest.
const fn begins_reversed(sort: SortBy) -> bool {
    matches!(sort, SortBy::Column(column) if column.kind.is_amount())
}

fn next_order(app: &mut App) -> Effect {
    let orders = orders(app);
    let now = orders.iter().position(|sort| *sort == app.sort());
    let index = now.map_or(0, |index| (index + 1) % orders.len().max(1));
    if let Some(sort) = orders.get(index) {
        app.set_order(*sort, begins_reversed(*sort));
    }
    // The order may need what was not looked at before.
    Effect::Order { now: false }
}

/// A socket and a finding are told of in full; anything else shows its sockets.
fn enter(app: &mut App) -> Option<Effect> {
    if app.chosen.is_none() {
        app.choose(app.top);
    }
    if let Content::Sockets(_) = app.content {
        let Some(ItemId::Socket(identity)) = app.chosen else {
            return None;
        };
        // What is gone cannot be asked any more: it is told as it was seen last.
        app.lay_over(Overlay::Details(
            identity,
            app.seen_last(identity).map(Box::new),
        ));
        return Some(Effect::Order { now: true });
    }
    if let Content::Findings(diagnosis) = &app.content {
        let finding = diagnosis.findings.get(app.cursor)?;
        app.lay_over(Overlay::Finding(Box::new(finding.clone())));
        return None;
    }
    drill::enter(app)
}

/// One step back each time: the choice, the row that was entered, the filter, the groups.
fn escape(app: &mut App) -> Option<Effect> {
    if app.chosen.is_some() {
        app.choose_nothing();
    } else if !app.back.is_empty() {
        return drill::leave(app);
    } else if !app.words.is_empty() {
        let _ = app.set_filter("");
        return Some(Effect::Order { now: false });
    } else if app.by.is_some() {
        app.by = None;
        app.refresh();
    }
    None
}

/// Keys while something lies over the body.
fn over(app: &mut App, key: Key) -> Option<Effect> {
    let page = geometry::overlay_page(app).max(1);
    let last = app.overlay_length.saturating_sub(page);
    let top = app.overlay_top.min(last);
    app.overlay_top = match key {
        Key::Up | Key::Char('k') => top.saturating_sub(1),
        Key::Down | Key::Char('j') => (top + 1).min(last),
        Key::PageUp => top.saturating_sub(page),
        Key::PageDown | Key::Char(' ') => (top + page).min(last),
        Key::Home => 0,
        Key::End => last,
        Key::Enter if matches!(app.overlay, Overlay::Finding(_)) => {
            app.lay_over(Overlay::None);
            return drill::enter(app);
        }
        Key::Esc | Key::Enter | Key::Char('q' | '?' | 'h') => {
            app.lay_over(Overlay::None);
            return Some(Effect::Order { now: false });
        }
        _ => top,
    };
    None
}

/// Keys while a filter is typed: it holds as soon as it is one.
fn type_filter(app: &mut App, key: Key) -> Option<Effect> {
    let mut typing = app.typing.take()?;
    match key {
        Key::Enter if typing.error.is_none() => {
            app.back.clear();
            return Some(Effect::Order { now: true });
        }
        Key::Esc => {
            let _ = app.set_filter(&typing.before);
            return Some(Effect::Order { now: false });
        }
        Key::Char(character) => typing.words.push(character),
        Key::Backspace => {
            typing.words.pop();
        }
        Key::Clear => typing.words.clear(),
        _ => {}
    }
    typing.error = app.set_typed_filter(&typing.words).err();
    app.typing = Some(typing);
    None
}
