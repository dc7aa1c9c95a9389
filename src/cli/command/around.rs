//! What is around the sockets of a port: who listens in the namespace, its ports for clients.

use rustc_hash::FxHashMap;

use crate::analyze::bind::Around;
use crate::collect::{addresses, read_tables, settings};
use crate::host::Host;
use crate::model::{FamilySet, Identity, Narrow, PortRange, Role, Socket, StateSet};
use crate::query::{Needs, ProcessDetail, Query};

/// Reads what tells whether the connections among `sockets` that have one of the `asked` ports,
/// on which nobody listens, came in or went out; and what TCP knows of these connections.
///
/// Where there are none, nothing is read.
pub(crate) fn around(
    host: &Host,
    query: &Query,
    asked: &[PortRange],
    sockets: &mut [Socket],
) -> Around {
    let mut open: FxHashMap<_, &mut Socket> = FxHashMap::default();
    let is_asked = |port| asked.iter().any(|range| range.contains(port));
    let mut is_open = false;
    for socket in sockets {
        let came_in = socket.role == Some(Role::Inbound);
        if socket.peer.is_some() && !came_in && socket.local.port().is_some_and(is_asked) {
            is_open = true;
            open.extend(Identity::by_cookie(socket).map(|known| (known, socket)));
        }
    }
    if !is_open {
        return Around::default();
    }
    let query = Query {
        families: FamilySet::BOTH,
        states: StateSet::ALL,
        narrow: Narrow {
            local_port: hull(asked),
            ..Narrow::ALL
        },
        needs: query
            .needs
            .with_owners(ProcessDetail::None)
            .and(Needs::INFO),
        ..*query
    };
    let mut listeners = Vec::new();
    // What cannot be read is not known: then the ports alone tell.
    let _ = read_tables(host, &query, &mut |socket| {
        let known = Identity::by_cookie(&socket).and_then(|known| open.get_mut(&known));
        if socket.is_listener() {
            listeners.push(socket);
        } else if let Some(known) = known {
            known.tcp = socket.tcp;
            known.queue = socket.queue;
        }
    });
    let mut kernel = settings(
        host,
        &[
            "net.ipv4.ip_local_port_range",
            "net.ipv4.ip_local_reserved_ports",
        ],
    );
    for address in addresses(host) {
        kernel.has_address(address);
    }
    Around::new(listeners, &kernel)
}

/// The smallest range with all of them in it.
fn hull(ranges: &[PortRange]) -> Option<PortRange> {
    Some(PortRange {
        first: ranges.iter().map(|range| range.first).min()?,
        last: ranges.iter().map(|range| range.last).max()?,
    })
}
