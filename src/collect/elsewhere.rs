//! Ports that are held in other network namespaces.

use std::io;
use std::num::NonZeroU64;

use super::read_tables;
use crate::host::Host;
use crate::model::{Protocol, Socket, StateSet};
use crate::query::{ProcessDetail, Query};

/// A port held in another namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldElsewhere {
    /// The port.
    pub port: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// Inode of the namespace.
    pub netns: NonZeroU64,
    /// A process of that namespace, by which it can be entered.
    pub pid: u32,
}

/// What other namespaces hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// The ports held, in each namespace once.
    pub held: Vec<HeldElsewhere>,
    /// Namespaces that could not be looked into (no `CAP_SYS_ADMIN`).
    pub unseen: u64,
}

/// Looks for listeners that are wanted in every other namespace that a visible process is in.
#[must_use]
pub fn listeners_elsewhere(host: &Host, query: &Query, is_wanted: Wanted<'_>) -> Elsewhere {
    let query = Query {
        states: StateSet::LISTENING,
        needs: query.needs.with_owners(ProcessDetail::None),
        ..*query
    };
    let mut elsewhere = Elsewhere::default();
    for pids in host.namespaces().into_values() {
        // One process may refuse to be entered through where another does not.
        let mut looks = pids
            .iter()
            .map(|&pid| (pid, look(host, &query, pid, is_wanted)));
        let unseen = |look: &io::Result<_>| matches!(look, Err(error) if error.kind() == io::ErrorKind::PermissionDenied);
        match looks.find(|(_, look)| !unseen(look)) {
            None => elsewhere.unseen += 1,
            Some((pid, Ok(Some((netns, found))))) => {
                elsewhere
                    .held
                    .extend(found.into_iter().map(|(port, protocol)| HeldElsewhere {
                        port,
                        protocol,
                        netns,
                        pid,
                    }));
            }
            // The namespace has ended.
            Some(_) => {}
        }
    }
    elsewhere
}

/// Which listeners are looked for.
pub type Wanted<'a> = &'a dyn Fn(&Socket) -> bool;

/// The inode of a namespace, and the ports held there.
type Found = (NonZeroU64, Vec<(u16, Protocol)>);

/// The ports that wanted listeners hold in the namespace of `pid`, and its inode.
fn look(host: &Host, query: &Query, pid: u32, is_wanted: Wanted<'_>) -> io::Result<Option<Found>> {
    let there = host.inside(pid)?;
    let mut found = Vec::new();
    let report = read_tables(&there, query, &mut |socket| {
        let Some(port) = socket.local.port() else {
            return;
        };
        let key = (port, socket.protocol);
        if socket.is_listener() && is_wanted(&socket) && !found.contains(&key) {
            found.push(key);
        }
    });
    Ok(report.ok().and_then(|_| Some((there.netns()?, found))))
}
