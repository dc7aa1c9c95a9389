//! Makes what stands in the body of a tab from the last round.

use std::cmp::{Ordering, Reverse};

use rustc_hash::FxHashMap;

use super::list;
use crate::analyze::buildup::{Buildup, Pile, buildup};
use crate::analyze::doctor::{Case, Finding, RULES, diagnose};
use crate::analyze::states::{self, By, Counts, GroupedBy};
use crate::model::{Identity, Protocol, Socket, State};
use crate::watch::Tab;
use crate::watch::state::App;
use crate::watch::state::content::{Content, Group, ItemId, SortBy};
use crate::watch::state::round::{Rate, Round};
use crate::watch::state::trend::PileKey;

impl Content {
    /// What the row at `index` stands for.
    #[must_use]
    pub fn id(&self, app: &App, index: usize) -> Option<ItemId> {
        Some(match self {
            Self::Nothing => return None,
            Self::Sockets(indices) => {
                ItemId::Socket(Identity::of(app.row(*indices.get(index)?)?.socket))
            }
            Self::Groups(groups) => ItemId::Group(groups.get(index)?.key.clone()),
            Self::States(states) => ItemId::State(states.get(index)?.0),
            Self::Piles(view, _) => ItemId::Pile(PileKey::of(view.piles.get(index)?)),
            Self::Findings(diagnosis) => finding_id(diagnosis.findings.get(index)?),
        })
    }

    /// Where the row of `id` stands now.
    #[must_use]
    pub fn find(&self, app: &App, id: &ItemId) -> Option<usize> {
        (0..self.len()).find(|&index| self.id(app, index).as_ref() == Some(id))
    }
}

fn finding_id(finding: &Finding) -> ItemId {
    ItemId::Finding(finding.id, finding.subject.who())
}

/// Makes the body of the tab that is shown.
#[must_use]
pub fn of(app: &mut App) -> Content {
    let Some(round) = app.round.clone() else {
        return Content::Nothing;
    };
    app.cut = 0;
    match (app.tab, app.by) {
        (Tab::Listen | Tab::Conns, None) => {
            Content::Sockets(limited(app, list::indices(app, &round)))
        }
        (Tab::States, None) => Content::States(count(app, &round)),
        (Tab::Listen | Tab::Conns | Tab::States, Some(by)) => {
            let groups = groups(app, &round, by);
            Content::Groups(limited(app, groups))
        }
        (Tab::Buildup, by) => piles(app, &round, by),
        (Tab::Doctor, _) => {
            let rules: Vec<_> = RULES.iter().collect();
            let protocols = app.toggles.protocols;
            let case = Case::new(&round.look.sample, round.before.as_ref(), protocols);
            let diagnosis = diagnose(&case, &rules).of_families(app.toggles.families);
            Content::Findings(Box::new(diagnosis))
        }
    }
}

/// At most as many rows as are wanted; how many more there are is noted.
fn limited<T>(app: &mut App, mut rows: Vec<T>) -> Vec<T> {
    app.cut = rows.len().saturating_sub(app.limit);
    rows.truncate(app.limit);
    rows
}

/// Every state, those without a socket too.
fn count(app: &App, round: &Round) -> Vec<(State, u64)> {
    let mut counts = Counts::default();
    for socket in round.look.sockets() {
        if socket.protocol == Protocol::Tcp && app.is_wanted(socket, round.look.facts()) {
            counts.add(socket.state);
        }
    }
    let mut states: Vec<_> = counts.all().collect();
    if app.sort() == SortBy::Total {
        states.sort_by_key(|(_, count)| Reverse(*count));
    }
    if app.is_reversed() {
        states.reverse();
    }
    states
}

fn groups(app: &App, round: &Round, by: By) -> Vec<Group> {
    let facts = round.look.facts();
    let mut groups: FxHashMap<GroupedBy, Group> = FxHashMap::default();
    for socket in round.look.sockets() {
        if !list::is_in_tab(app, socket) || !app.is_wanted(socket, facts) {
            continue;
        }
        let key = states::key(by, socket, facts);
        let group = groups.entry(key.clone()).or_insert_with(|| Group {
            key,
            counts: Counts::default(),
            others: 0,
            rate: Rate::default(),
        });
        match socket.protocol {
            Protocol::Tcp => group.counts.add(socket.state),
            Protocol::Udp | Protocol::Raw => group.others += 1,
        }
        let rate = round.rates.get(&Identity::of(socket));
        group.rate = group.rate.plus(rate.copied().unwrap_or_default());
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by(|a, b| {
        let most = |value: fn(&Group) -> u64| value(b).cmp(&value(a));
        let order = match app.sort() {
            SortBy::Received => most(|group| group.rate.received),
            SortBy::Sent => most(|group| group.rate.sent),
            SortBy::Key => Ordering::Equal,
            _ => most(Group::total),
        };
        order.then_with(|| a.key.cmp(&b.key))
    });
    if app.is_reversed() {
        groups.reverse();
    }
    groups
}

fn piles(app: &mut App, round: &Round, by: Option<By>) -> Content {
    let facts = round.look.facts();
    let is_wanted = |socket: &Socket| app.is_wanted(socket, facts);
    let mut view = buildup(&round.look.sample, round.before.as_ref(), by, &is_wanted);
    app.growth.note(round.look.sample.at, &view);
    let growth = &app.growth;
    let per_minute = |pile: &Pile| {
        let trend = growth.of(pile, &Buildup::default());
        trend.map_or(f64::NEG_INFINITY, |trend| trend.per_minute)
    };
    match app.sort() {
        SortBy::Total => view.piles.sort_by_key(|pile| Reverse(pile.count)),
        SortBy::Growth => {
            view.piles
                .sort_by(|a, b| per_minute(b).total_cmp(&per_minute(a)));
        }
        _ => {}
    }
    if app.is_reversed() {
        view.piles.reverse();
    }
    view.piles = limited(app, std::mem::take(&mut view.piles));
    let trends = view.piles.iter();
    let trends = trends.map(|pile| app.growth.of(pile, &view)).collect();
    Content::Piles(Box::new(view), trends)
}
