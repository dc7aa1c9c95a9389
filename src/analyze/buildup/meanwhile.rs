//! What is known of the `TIME_WAIT` that came while this looked.

use super::Attributor;
use crate::look::past::Past;
use crate::model::{Socket, State};

/// Of the `TIME_WAIT` there are, those that came while this looked, by what is known of their
/// processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meanwhile {
    /// How often it was looked.
    pub looks: u64,
    /// How many came.
    pub time_wait: u64,
    /// Those that a process was seen to hold.
    pub named: u64,
    /// Those of which only a conclusion tells whose they are.
    pub inferred: u64,
    /// Those of which nothing does.
    pub unnamed: u64,
    /// Those that no look saw alive, among all that nobody was seen to hold.
    pub unseen: u64,
}

impl Meanwhile {
    pub(super) fn of(sockets: &[&Socket], before: &Past, attributor: &Attributor<'_>) -> Self {
        let mut meanwhile = Self {
            looks: before.looks(),
            ..Self::default()
        };
        for socket in sockets {
            let was = before.of_socket(socket);
            if socket.state != State::TimeWait
                || was.and_then(|was| was.first) == Some(State::TimeWait)
            {
                continue;
            }
            meanwhile.time_wait += 1;
            let whose = attributor.whose(socket);
            match whose.pid {
                Some(_) if whose.attribution.is_certain() => {
                    meanwhile.named += 1;
                    continue;
                }
                Some(_) => meanwhile.inferred += 1,
                None => meanwhile.unnamed += 1,
            }
            meanwhile.unseen += u64::from(was.is_none());
        }
        meanwhile
    }
}
