//! Which side opened a connection, as far as that can be known from its socket. Pure.

use crate::model::{Queue, Socket, State};

/// Whether this end called connect(); `None` where it is not known.
///
/// The kernel does not keep it, but its counters show it: the acknowledgement of a SYN counts as
/// one byte for whoever sent it with connect() (`bytes_acked` grows by one more than the data),
/// and as none for whoever answered it (`tcp_snd_una_update` and `tcp_create_openreq_child` in
/// `net/ipv4`). A FIN counts, too, so that only states before it can tell.
#[must_use]
pub fn opened_here(socket: &Socket) -> Option<bool> {
    match socket.state {
        State::SynSent => Some(true),
        State::SynRecv => Some(false),
        State::Established | State::CloseWait => {
            let more = acknowledged(socket)?.checked_sub(acknowledged_data(socket)?)?;
            // The row and its counters are not read at one moment: any other number is no sign.
            (more <= 1).then_some(more == 1)
        }
        _ => None,
    }
}

/// What the peer has acknowledged, its SYN included where this end sent one with connect().
fn acknowledged(socket: &Socket) -> Option<u64> {
    socket.tcp.as_ref()?.bytes_acked
}

/// Bytes of data that the peer has acknowledged: those that were sent, less those on their way.
fn acknowledged_data(socket: &Socket) -> Option<u64> {
    let tcp = socket.tcp.as_ref()?;
    let Some(Queue::Bytes { send, .. }) = socket.queue else {
        return None;
    };
    let sent = tcp.bytes_sent?.checked_sub(tcp.bytes_retransmitted?)?;
    let in_flight = send.checked_sub(tcp.not_sent?)?;
    sent.checked_sub(in_flight.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, Family, Protocol, TcpInfo};

    /// A connection that has sent 1,000 bytes once and 200 twice; 300 of them, and 50 more that
    /// were not sent yet, wait in its queue.
    fn connection(state: State, acknowledged: u64) -> Socket {
        let local = Endpoint::new("127.0.0.1".parse().unwrap(), 40000);
        let mut socket = Socket::new(Protocol::Tcp, Family::V4, state, local);
        socket.queue = Some(Queue::Bytes { recv: 0, send: 350 });
        socket.tcp = Some(Box::new(TcpInfo {
            bytes_acked: Some(acknowledged),
            bytes_sent: Some(1200),
            bytes_retransmitted: Some(200),
            not_sent: Some(50),
            ..TcpInfo::default()
        }));
        socket
    }

    #[test]
    fn a_syn_counts_for_whoever_sent_it() {
        for state in [State::Established, State::CloseWait] {
            assert_eq!(opened_here(&connection(state, 701)), Some(true));
            assert_eq!(opened_here(&connection(state, 700)), Some(false));
            // Read at different moments.
            for odd in [699, 702, 0, 5000] {
                assert_eq!(opened_here(&connection(state, odd)), None);
            }
        }
    }

    #[test]
    fn handshakes_tell_by_their_state_and_a_close_hides_it() {
        let tells = |state| opened_here(&connection(state, 701));
        assert_eq!(tells(State::SynSent), Some(true));
        assert_eq!(tells(State::SynRecv), Some(false));
        for state in [State::FinWait1, State::FinWait2, State::TimeWait] {
            assert_eq!(tells(state), None, "{state}");
        }
        let mut old = connection(State::Established, 701);
        old.tcp = None;
        assert_eq!(opened_here(&old), None);
    }
}
