//! What is known of the sockets that are shown, those that are there and those that are gone.

use std::time::Duration;

use super::content::RowIndex;
use super::details::Details;
use super::{App, Past};
use crate::columns::Row;
use crate::look::changes::LastOwner;
use crate::model::{Identity, Snapshot, Socket};

impl App {
    /// The socket of the last look with this identity.
    #[must_use]
    pub fn socket(&self, identity: Identity) -> Option<&Socket> {
        let look = &self.round.as_ref()?.look;
        look.socket(look.index(identity)?)
    }

    /// A socket that is shown, with its facts.
    #[must_use]
    pub fn row(&self, index: RowIndex) -> Option<Row<'_>> {
        let (socket, facts) = match index {
            RowIndex::Live(index) => {
                let look = &self.round.as_ref()?.look;
                (look.socket(index)?, look.facts())
            }
            RowIndex::Gone(index) => {
                let past = self.gone.get(index)?;
                let snapshot = &past.gone.snapshot;
                (snapshot.sockets.get(past.index)?, &snapshot.facts)
            }
        };
        Some(Row { socket, facts })
    }

    /// A socket that is gone, as it was seen last.
    pub(crate) fn seen_last(&self, identity: Identity) -> Option<Details> {
        let sockets = |past: &Past| past.gone.snapshot.sockets.get(past.index).cloned();
        let mut all = self.gone.iter().map(|past| (past, sockets(past)));
        let (past, socket) = all.find_map(|(past, socket)| {
            Some((past, socket?)).filter(|(_, s)| Identity::of(s) == identity)
        })?;
        let facts = past.gone.snapshot.facts.clone();
        let ancestry = facts.owner_processes(&socket).take(1).cloned().collect();
        let snapshot = Snapshot {
            sockets: vec![socket],
            facts,
            ..Snapshot::default()
        };
        Some(Details {
            identity,
            snapshot,
            ancestry,
            now: None,
        })
    }

    /// When the socket at `index` was first seen.
    #[must_use]
    pub fn since(&self, index: RowIndex) -> Option<Duration> {
        match index {
            RowIndex::Live(index) => self.round.as_ref()?.look.since(index),
            RowIndex::Gone(index) => {
                let past = self.gone.get(index)?;
                past.gone.since.get(past.index).copied()
            }
        }
    }

    /// The process that held the socket at `index` when it still had one.
    #[must_use]
    pub fn former_owner(&self, index: RowIndex) -> Option<&LastOwner> {
        let socket = self.row(index)?.socket;
        match index {
            RowIndex::Live(_) => self.round.as_ref()?.look.former_owner(socket),
            RowIndex::Gone(index) => self.gone.get(index)?.gone.former.get(&Identity::of(socket)),
        }
    }
}
