//! The sockets of a list: which are shown, and in which order. Pure.

use std::cmp::Reverse;

use crate::columns::{self, Row};
use crate::model::{Identity, Socket, State};
use crate::watch::Tab;
use crate::watch::state::App;
use crate::watch::state::content::{RowIndex, SortBy};
use crate::watch::state::round::Round;

/// Whether a socket belongs to the tab that is shown, apart from the filter.
pub(super) fn is_in_tab(app: &App, socket: &Socket) -> bool {
    match app.tab {
        Tab::Listen => socket.is_listener(),
        Tab::Conns => {
            (app.toggles.listening || !socket.is_listener())
                && (!app.toggles.established || socket.state == State::Established)
        }
        Tab::States | Tab::Buildup | Tab::Doctor => true,
    }
}

/// The indices of the sockets that are shown, in their order.
pub(super) fn indices(app: &App, round: &Round) -> Vec<RowIndex> {
    let look = &round.look;
    let live = look.sockets().iter().enumerate();
    let live = live.filter(|(_, socket)| {
        is_in_tab(app, socket)
            && app.is_wanted(socket, look.facts())
            && (!app.toggles.changed_only || app.mark(Identity::of(socket)).is_some())
    });
    let mut indices: Vec<RowIndex> = live.map(|(index, _)| RowIndex::Live(index)).collect();
    let gone = (0..app.gone.len()).map(RowIndex::Gone);
    indices.extend(gone.filter(|index| {
        app.row(*index)
            .is_some_and(|row| is_in_tab(app, row.socket) && app.is_wanted(row.socket, row.facts))
    }));
    sort(app, round, &mut indices);
    indices
}

fn sort(app: &App, round: &Round, indices: &mut [RowIndex]) {
    let ends = |row: Row<'_>| {
        (
            row.socket.local.inet().map(|end| (end.port, end.address)),
            row.socket.peer.inet(),
        )
    };
    let rate = |row: Row<'_>| {
        round
            .rates
            .get(&Identity::of(row.socket))
            .copied()
            .unwrap_or_default()
    };
    match app.sort() {
        SortBy::Newest => indices.sort_by_cached_key(|index| {
            // What was never seen alive is no news: a busy host has thousands of them.
            let is_over = |row: Row<'_>| row.socket.state == State::TimeWait;
            let row = app.row(*index);
            let is_old = row.is_some_and(is_over) && app.former_owner(*index).is_none();
            (is_old, Reverse(app.since(*index)), row.map(ends))
        }),
        SortBy::Received => indices.sort_by_cached_key(|index| {
            let row = app.row(*index);
            (Reverse(row.map(|row| rate(row).received)), row.map(ends))
        }),
        SortBy::Sent => indices.sort_by_cached_key(|index| {
            let row = app.row(*index);
            (Reverse(row.map(|row| rate(row).sent)), row.map(ends))
        }),
        SortBy::Column(column) => sort_by_column(app, column, indices),
        _ => indices.sort_by_cached_key(|index| {
            let protocol = |row: Row<'_>| row.socket.protocol;
            let row = app.row(*index);
            (row.map(ends), row.map(protocol))
        }),
    }
    if app.is_reversed() {
        indices.reverse();
        if let SortBy::Column(column) = app.sort() {
            // What is absent stays last in both directions.
            let is_absent = |index: &RowIndex| {
                app.row(*index)
                    .is_none_or(|row| (column.value)(row).is_absent())
            };
            indices.sort_by_key(is_absent);
        }
    }
}

fn sort_by_column(app: &App, column: &'static columns::Column, indices: &mut [RowIndex]) {
    let value = |index: &RowIndex| app.row(*index).map(|row| (column.value)(row));
    let mut keyed: Vec<_> = indices.iter().map(|index| (value(index), *index)).collect();
    keyed.sort_by(|(a, _), (b, _)| match (a, b) {
        (Some(a), Some(b)) => a.compare(b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    });
    for (index, (_, sorted)) in indices.iter_mut().zip(keyed) {
        *index = sorted;
    }
}
