//! What waits in a socket: connections in a listener, bytes in a connection, and of datagrams
//! only the memory that they take.

use super::{Protocol, Socket, State};

/// The queue of a socket. Listeners and other sockets have different ones, so a listener's
/// connections can never be read as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// Connections that wait for accept(); TCP in `LISTEN` only.
    Accept(AcceptQueue),
    /// Bytes of a connection. A SYN and a FIN are no bytes.
    Bytes {
        /// Received and not yet read by the program.
        recv: u32,
        /// Written and not yet acknowledged by the peer.
        send: u32,
    },
    /// Memory of datagrams, with the kernel's own overhead: three of one byte take 2,496.
    Memory {
        /// Held by what was received and not yet read.
        received: u32,
        /// Held by what was not yet sent.
        sending: u32,
    },
}

impl Socket {
    /// Takes the two numbers that the kernel has in a row (`idiag_rqueue` and `idiag_wqueue`,
    /// and the same in /proc/net), which mean something else for each kind of socket. The rest
    /// of the row is known already.
    ///
    /// Of TCP they are `rcv_nxt - copied_seq` and `write_seq - snd_una`, which count a FIN and
    /// a SYN as one byte. A socket that is in no connection has leftovers there.
    pub fn take_queue(&mut self, recv: u32, send: u32) {
        self.unread_fin = self.has_peers_fin() && recv > 0;
        self.queue = match self.state {
            _ if self.protocol != Protocol::Tcp => Some(Queue::Memory {
                received: recv,
                sending: send,
            }),
            State::Listen => Some(Queue::Accept(AcceptQueue {
                length: recv,
                limit: Some(send),
            })),
            State::BoundInactive | State::Close => None,
            state => Some(Queue::Bytes {
                recv: recv - u32::from(self.unread_fin),
                send: send.saturating_sub(u32::from(awaits_answer(state))),
            }),
        };
    }

    /// Whether the peer's FIN has come, and its end is known to have been read or not.
    #[must_use]
    pub const fn has_peers_fin(&self) -> bool {
        matches!(
            self.state,
            State::CloseWait | State::LastAck | State::Closing
        )
    }

    /// Memory of what was received and not yet read, as far as it is told.
    #[must_use]
    pub fn memory_received(&self) -> Option<u32> {
        let told = self.memory.as_ref().map(|memory| memory.received);
        told.or(match self.queue {
            Some(Queue::Memory { received, .. }) => Some(received),
            _ => None,
        })
    }
}

/// Whether a SYN or a FIN of this side waits for its acknowledgement.
const fn awaits_answer(state: State) -> bool {
    matches!(
        state,
        State::SynSent | State::FinWait1 | State::LastAck | State::Closing
    )
}

/// The accept queue of a listener, in connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptQueue {
    /// Connections that wait now.
    pub length: u32,
    /// min(listen() backlog, somaxconn); `None` where the source has no such column
    /// (/proc/net/tcp). The queue holds one more than this.
    pub limit: Option<u32>,
}

impl AcceptQueue {
    /// Whether the next connection would be refused a place: the kernel's test is
    /// "length > limit" (`sk_acceptq_is_full`). `None` when the limit is not known.
    #[must_use]
    pub fn is_full(&self) -> Option<bool> {
        self.limit.map(|limit| self.length > limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, Family};
    use std::net::{IpAddr, Ipv4Addr};
    use std::num::NonZeroU32;

    fn socket(protocol: Protocol, state: State) -> Socket {
        let local = Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 80);
        let mut socket = Socket::new(protocol, Family::V4, state, local);
        socket.inode = NonZeroU32::new(7);
        socket
    }

    /// The queue, and whether a FIN waits in it.
    fn told(mut socket: Socket, recv: u32, send: u32) -> (Option<Queue>, bool) {
        socket.take_queue(recv, send);
        (socket.queue, socket.unread_fin)
    }

    #[test]
    fn a_fin_and_a_syn_are_no_bytes() {
        let of = |state, recv, send| told(socket(Protocol::Tcp, state), recv, send);
        let bytes = |recv, send| Some(Queue::Bytes { recv, send });
        assert_eq!(of(State::Established, 5, 7), (bytes(5, 7), false));
        assert_eq!(of(State::CloseWait, 0, 7), (bytes(0, 7), false));
        assert_eq!(of(State::CloseWait, 1, 0), (bytes(0, 0), true));
        assert_eq!(of(State::CloseWait, 6, 0), (bytes(5, 0), true));
        assert_eq!(of(State::LastAck, 1, 1), (bytes(0, 0), true));
        assert_eq!(of(State::Closing, 0, 9), (bytes(0, 8), false));
        assert_eq!(of(State::SynSent, 0, 1), (bytes(0, 0), false));
        assert_eq!(of(State::FinWait1, 3, 11), (bytes(3, 10), false));
        assert_eq!(of(State::FinWait1, 0, 0), (bytes(0, 0), false));
        assert_eq!(of(State::FinWait2, 3, 0), (bytes(3, 0), false));
    }

    #[test]
    fn what_is_in_no_connection_has_no_bytes() {
        let of = |state| told(socket(Protocol::Tcp, state), 0, 2).0;
        assert_eq!((of(State::BoundInactive), of(State::Close)), (None, None));
        let accept = Queue::Accept(AcceptQueue {
            length: 0,
            limit: Some(2),
        });
        assert_eq!(of(State::Listen), Some(accept));
    }

    #[test]
    fn of_datagrams_the_memory_is_told() {
        let memory = Queue::Memory {
            received: 2496,
            sending: 1,
        };
        for protocol in [Protocol::Udp, Protocol::Raw] {
            let socket = socket(protocol, State::Unconnected);
            assert_eq!(told(socket, 2496, 1), (Some(memory), false));
        }
    }

    #[test]
    fn full_means_one_more_than_the_limit() {
        let queue = |length, limit| AcceptQueue { length, limit };
        assert_eq!(queue(4, Some(4)).is_full(), Some(false));
        assert_eq!(queue(5, Some(4)).is_full(), Some(true));
        assert_eq!(queue(0, Some(0)).is_full(), Some(false));
        assert_eq!(queue(9, None).is_full(), None);
    }
}
