//! What `path-loss` and `connect-failing` have in common: when retransmissions are too many, and
//! which of them a full accept queue explains.

use super::Case;
use super::case::accept_queue;
use crate::model::Socket;

/// Retransmissions in a row that are a warning, and critical.
pub(super) const WARNING: u8 = 3;
pub(super) const CRITICAL: u8 = 6;

/// Retransmissions of a SYN that come one a second and mean little (Linux 6.5).
pub(super) fn linear_syns(case: &Case<'_>) -> u8 {
    let linear = case.setting("net.ipv4.tcp_syn_linear_timeouts");
    linear.map_or(0, |linear| u8::try_from(linear).unwrap_or(u8::MAX / 2))
}

/// Whether the peer is a listener here that has no place for it.
pub(super) fn waits_for_accept(case: &Case<'_>, socket: &Socket) -> bool {
    let Some(peer) = socket.peer.inet().filter(|peer| case.is_here(peer.address)) else {
        return false;
    };
    let queue = case.listener_at(peer).and_then(accept_queue);
    // Where the limit is not known, one that is not empty may be full.
    queue.is_some_and(|queue| queue.length > 0 && queue.length >= queue.limit.unwrap_or(0))
}
