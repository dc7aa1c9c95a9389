//! Everything about one socket, as it is shown over the body.

use crate::analyze::ends::ByEnds;
use crate::columns::Row;
use crate::model::{Identity, Process, Snapshot};
use crate::view::inspect::Inspected;

/// What was found out about one socket.
#[derive(Clone, Debug)]
pub struct Details {
    /// Which socket.
    pub identity: Identity,
    /// It and, where that is on this host, its other end; without it, it is gone.
    pub snapshot: Snapshot,
    /// Its process, the parent of that, and so on.
    pub ancestry: Vec<Process>,
    /// Seconds since the epoch when it was looked at; `None` where it was not looked at again.
    pub now: Option<i64>,
}

impl Details {
    /// The socket and its other end; `None` when it is gone.
    #[must_use]
    pub fn inspected(&self) -> Option<Inspected<'_>> {
        let facts = &self.snapshot.facts;
        let mut sockets = self.snapshot.sockets.iter();
        let socket = sockets.find(|socket| Identity::of(socket) == self.identity)?;
        let row = |socket| Row { socket, facts };
        Some(Inspected {
            row: row(socket),
            other: ByEnds::of(&self.snapshot.sockets).other(socket).map(row),
        })
    }
}
