//! What the receive queue of a CLOSE_WAIT socket says about its program.

use crate::model::{OwnerStatus, Queue, Socket, State};

/// Why a socket is still in CLOSE_WAIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Only the FIN waits: the program has not read since the peer closed.
    UnreadFin,
    /// Data waits too: it had stopped reading before.
    StoppedReading,
    /// Nothing waits: it has read end-of-file and never called close().
    EofRead,
    /// It has not called accept(): whatever waits, it could not read it.
    Unaccepted,
}

impl Verdict {
    /// The verdict on a socket in CLOSE_WAIT; `None` where its queue is not known.
    #[must_use]
    pub const fn of(socket: &Socket) -> Option<Self> {
        match (socket.state, socket.queue) {
            (State::CloseWait, _) if matches!(socket.owner_status, OwnerStatus::Unaccepted) => {
                Some(Self::Unaccepted)
            }
            (State::CloseWait, Some(Queue::Bytes { recv, .. })) => {
                Some(match (recv, socket.unread_fin) {
                    (0, false) => Self::EofRead,
                    (0, true) => Self::UnreadFin,
                    _ => Self::StoppedReading,
                })
            }
            _ => None,
        }
    }

    /// The verdict in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::UnreadFin => "unread FIN only",
            Self::StoppedReading => "the application stopped reading",
            Self::EofRead => "EOF was read, close() never called",
            Self::Unaccepted => "accept() not called yet",
        }
    }
}

/// The verdicts on several sockets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// Sockets of [`Verdict::UnreadFin`].
    pub unread_fin: u64,
    /// Sockets of [`Verdict::StoppedReading`].
    pub stopped_reading: u64,
    /// Sockets of [`Verdict::EofRead`].
    pub eof_read: u64,
    /// Sockets of [`Verdict::Unaccepted`].
    pub unaccepted: u64,
}

impl Verdicts {
    /// Counts the verdict on one socket.
    pub fn add(&mut self, socket: &Socket) {
        match Verdict::of(socket) {
            Some(Verdict::UnreadFin) => self.unread_fin += 1,
            Some(Verdict::StoppedReading) => self.stopped_reading += 1,
            Some(Verdict::EofRead) => self.eof_read += 1,
            Some(Verdict::Unaccepted) => self.unaccepted += 1,
            None => {}
        }
    }

    /// In words: one verdict, or each with its count; `None` where there is none.
    #[must_use]
    pub fn words(&self) -> Option<String> {
        let parts: Vec<_> = [
            (self.eof_read, Verdict::EofRead),
            (self.unread_fin, Verdict::UnreadFin),
            (self.stopped_reading, Verdict::StoppedReading),
            (self.unaccepted, Verdict::Unaccepted),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .collect();
        match parts.as_slice() {
            [] => None,
            [(_, only)] => Some(only.words().to_owned()),
            many => {
                let parts: Vec<_> = many
                    .iter()
                    .map(|(count, verdict)| format!("{count}: {}", verdict.words()))
                    .collect();
                Some(parts.join("; "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, Family, Protocol};
    use std::net::{IpAddr, Ipv4Addr};

    fn socket(state: State, recv: u32) -> Socket {
        let local = Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 80);
        let mut socket = Socket::new(Protocol::Tcp, Family::V4, state, local);
        socket.take_queue(recv, 0);
        socket
    }

    #[test]
    fn the_queue_tells_what_the_program_did() {
        let verdict = |recv| Verdict::of(&socket(State::CloseWait, recv));
        assert_eq!(verdict(0), Some(Verdict::EofRead));
        assert_eq!(verdict(1), Some(Verdict::UnreadFin));
        assert_eq!(verdict(2), Some(Verdict::StoppedReading));
        assert_eq!(Verdict::of(&socket(State::Established, 0)), None);
    }

    #[test]
    fn who_has_not_accepted_has_not_stopped_reading() {
        for recv in [1, 4] {
            let mut socket = socket(State::CloseWait, recv);
            socket.owner_status = OwnerStatus::Unaccepted;
            assert_eq!(Verdict::of(&socket), Some(Verdict::Unaccepted));
            let mut verdicts = Verdicts::default();
            verdicts.add(&socket);
            assert_eq!(verdicts.words().as_deref(), Some("accept() not called yet"));
        }
    }

    #[test]
    fn a_mixed_verdict_counts_its_parts() {
        let mut verdicts = Verdicts::default();
        assert_eq!(verdicts.words(), None);
        verdicts.add(&socket(State::CloseWait, 0));
        assert_eq!(
            verdicts.words().as_deref(),
            Some("EOF was read, close() never called")
        );
        verdicts.add(&socket(State::CloseWait, 1));
        verdicts.add(&socket(State::CloseWait, 1));
        assert_eq!(
            verdicts.words().as_deref(),
            Some("1: EOF was read, close() never called; 2: unread FIN only")
        );
    }
}
