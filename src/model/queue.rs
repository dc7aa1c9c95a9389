//! What waits in a socket: connections in a listener, bytes everywhere else.

/// The queue of a socket. Listeners and other sockets have different ones, so a listener's
/// connections can never be read as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// Connections that wait for accept(); TCP in `LISTEN` only.
    Accept(AcceptQueue),
    /// Bytes of every other socket.
    Bytes {
        /// Received and not yet read by the program. A received FIN counts as 1.
        recv: u32,
        /// Written and not yet acknowledged by the peer (UDP: not yet sent).
        send: u32,
    },
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
    use super::AcceptQueue;

    #[test]
    fn full_means_one_more_than_the_limit() {
        let queue = |length, limit| AcceptQueue { length, limit };
        assert_eq!(queue(4, Some(4)).is_full(), Some(false));
        assert_eq!(queue(5, Some(4)).is_full(), Some(true));
        assert_eq!(queue(0, Some(0)).is_full(), Some(false));
        assert_eq!(queue(9, None).is_full(), None);
    }
}
