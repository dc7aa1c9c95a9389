//! What is known of the sockets that are shown, those that are there and those that are gone.

use std::time::Duration;

use super::content::Place;
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
    pub fn row(&self, place: Place) -> Option<Row<'_>> {
        let (socket, facts) = match place {
            Place::Live(place) => {
                let look = &self.round.as_ref()?.look;
                (look.socket(place)?, look.facts())
            }
            Place::Gone(place) => {
                let past = self.gone.get(place)?;
                let snapshot = &past.gone.snapshot;
                (snapshot.sockets.get(past.place)?, &snapshot.facts)
            }
        };
        Some(Row { socket, facts })
    }

    /// A socket that is gone, as it was seen last.
    pub(crate) fn seen_last(&self, identity: Identity) -> Option<Details> {
        let sockets = |past: &Past| past.gone.snapshot.sockets.get(past.place).cloned();
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

    /// When the socket at `place` was first seen.
    #[must_use]
    pub fn since(&self, place: Place) -> Option<Duration> {
        match place {
            Place::Live(place) => self.round.as_ref()?.look.since(place),
            Place::Gone(place) => {
                let past = self.gone.get(place)?;
                past.gone.since.get(past.place).copied()
            }
        }
    }

    /// The process that held the socket at `place` when it still had one.
    #[must_use]
    pub fn former_owner(&self, place: Place) -> Option<&LastOwner> {
        let socket = self.row(place)?.socket;
        match place {
            Place::Live(_) => self.round.as_ref()?.look.former_owner(socket),
            Place::Gone(place) => self.gone.get(place)?.gone.former.get(&Identity::of(socket)),
        }
    }
}
