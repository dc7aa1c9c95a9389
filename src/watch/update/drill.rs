//! From a row to its sockets, and back. Pure.

use crate::analyze::buildup::Pile;
use crate::analyze::doctor::Finding;
use crate::analyze::states::GroupedBy;
use crate::model::State;
use crate::watch::Tab;
use crate::watch::state::content::Content;
use crate::watch::state::event::Effect;
use crate::watch::state::{App, Back};

/// Shows the sockets of the chosen row, beneath the filter that holds.
pub(super) fn enter(app: &mut App) -> Option<Effect> {
    let (tab, words) = target(app)?;
    let back = Back {
        tab: app.tab,
        by: app.by,
        words: app.words.clone(),
        toggles: app.toggles,
        chosen: app.chosen.clone(),
    };
    let words = match app.words.as_str() {
        "" => words,
        before => format!("({before}) and {words}"),
    };
    app.set_filter(&words).ok()?;
    app.by = None;
    // What the row counted is shown, all of it.
    app.toggles.changed_only = false;
    if !matches!(back.tab, Tab::Listen | Tab::Conns) {
        app.toggles.established = false;
        app.toggles.listening = true;
    }
    app.back.push(back);
    app.go(tab);
    Some(Effect::Order { now: true })
}

/// Shows again what was shown before the last row was entered.
pub(super) fn leave(app: &mut App) -> Option<Effect> {
    let back = app.back.pop()?;
    app.by = back.by;
    app.toggles = back.toggles;
    app.go(back.tab);
    let _ = app.set_filter(&back.words);
    app.chosen = back.chosen;
    app.refresh();
    Some(Effect::Order { now: true })
}

/// Where the sockets of the chosen row are shown, and the filter that shows them, in the words
/// of the filter language.
fn target(app: &App) -> Option<(Tab, String)> {
    let index = app.cursor;
    match &app.content {
        Content::Groups(groups) => {
            let tab = match app.tab {
                Tab::Listen => Tab::Listen,
                _ => Tab::Conns,
            };
            Some((tab, key_words(&groups.get(index)?.key)?))
        }
        Content::States(states) => Some(match states.get(index)?.0 {
            State::Listen => (Tab::Listen, "protocol = tcp".to_owned()),
            state => (
                Tab::Conns,
                format!("protocol = tcp and {}", in_state(state)),
            ),
        }),
        Content::Piles(view, _) => Some((Tab::Conns, pile_words(view.piles.get(index)?))),
        Content::Findings(diagnosis) => {
            let words = finding_words(diagnosis.findings.get(index)?)?;
            Some((Tab::Conns, words))
        }
        Content::Nothing | Content::Sockets(_) => None,
    }
}

fn in_state(state: State) -> String {
    format!("state = {}", state.to_string().to_lowercase())
}

fn key_words(key: &GroupedBy) -> Option<String> {
    let quoted = |name: &[u8]| {
        let name = std::str::from_utf8(name).ok()?;
        (!name.contains(['"', '\\'])).then(|| format!("\"{name}\""))
    };
    Some(match key {
        GroupedBy::Process { pid, .. } => format!("pid = {pid}"),
        GroupedBy::Port(port) => format!("lport = {port}"),
        GroupedBy::Peer(Some(address)) => format!("paddr = {address}"),
        GroupedBy::State(state) => in_state(*state),
        GroupedBy::User { uid: Some(uid), .. } => format!("uid = {uid}"),
        GroupedBy::Name(comm) => format!("comm = {}", quoted(comm)?),
        GroupedBy::Command(Some(command)) => {
            format!("command = {}", quoted(command)?)
        }
        GroupedBy::NoOwner(status) => format!("owner_status = {}", status.name()),
        GroupedBy::Netns(Some(netns)) => format!("netns = {netns}"),
        GroupedBy::Unit(Some(name)) => format!("unit = {}", quoted(name.bytes())?),
        GroupedBy::Container(Some(name)) => format!("container = {}", quoted(name.bytes())?),
        GroupedBy::User { .. }
        | GroupedBy::Command(None)
        | GroupedBy::Peer(None)
        | GroupedBy::Netns(None)
        | GroupedBy::Unit(None)
        | GroupedBy::Container(None) => return None,
    })
}

fn pile_words(pile: &Pile) -> String {
    let mut words = vec![in_state(pile.state)];
    let pid = pile.process.as_ref().filter(|_| pile.is_held);
    words.extend(pid.map(|(pid, _)| format!("pid = {pid}")));
    let inbound = pile.local.port.filter(|_| pile.count > 1);
    words.extend(inbound.map(|port| format!("lport = {port}")));
    let peer = pile.peer.address;
    words.extend(peer.map(|address| format!("paddr = {address}")));
    words.extend(pile.peer.port.map(|port| format!("pport = {port}")));
    words.extend(pile.group.as_ref().and_then(key_words));
    words.join(" and ")
}

fn finding_words(finding: &Finding) -> Option<String> {
    let subject = &finding.subject;
    let process = subject.process.as_ref();
    let pid = process.map(|(pid, _)| format!("pid = {pid}"));
    let port = subject.port.map(|port| format!("port = {port}"));
    let peer = subject.destination.map(|(address, port)| match port {
        Some(port) => format!("paddr = {address} and pport = {port}"),
        None => format!("paddr = {address}"),
    });
    pid.or(port).or(peer)
}
