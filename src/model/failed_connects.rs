//! Attempts to connect that failed at once, by where they went.

use std::collections::BTreeMap;
use std::net::IpAddr;

use rustc_hash::FxHashSet;

use super::Endpoint;

/// So many destinations are told apart; further ones are not counted.
const MOST: usize = 4096;

/// Where an attempt went: the address, and the port where the kernel still knew it.
///
/// connect() that waits forgets the port when it fails (`tcp_disconnect`), before anybody is told.
pub type Towards = (IpAddr, Option<u16>);

/// How an attempt, or a connection, came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A reset, or an ICMP error, was the answer to its SYN.
    Refused(Endpoint),
    /// It was never established, and connect() has failed: it was refused, or not answered.
    Failed(IpAddr),
    /// It had been established; or it was the other side that had connected.
    Established(Endpoint),
}

/// How many failed towards one destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// All of them.
    pub count: u64,
    /// Those in the first half of the time.
    pub in_first_half: u64,
}

/// Attempts that failed while somebody watched.
#[derive(Clone, Debug, Default)]
pub struct FailedConnects {
    towards: BTreeMap<Towards, Failures>,
    ports: FxHashSet<u16>,
    answered: FxHashSet<Endpoint>,
    is_second_half: bool,
}

impl FailedConnects {
    /// Counts one.
    pub fn add(&mut self, ending: Ending) {
        match ending {
            Ending::Refused(peer) => self.count((peer.address, Some(peer.port))),
            Ending::Failed(address) => self.count((address, None)),
            Ending::Established(peer) => {
                // Of what never failed nobody asks whether it answers.
                if self.ports.contains(&peer.port) && self.answered.len() < MOST {
                    self.answered.insert(peer);
                }
            }
        }
    }

    fn count(&mut self, towards: Towards) {
        if self.towards.len() >= MOST && !self.towards.contains_key(&towards) {
            return;
        }
        self.ports.extend(towards.1);
        let failures = self.towards.entry(towards).or_default();
        failures.count += 1;
        failures.in_first_half += u64::from(!self.is_second_half);
    }

    /// What comes from now on comes in the second half.
    pub fn half_is_over(&mut self) {
        self.is_second_half = true;
    }

    /// Every destination.
    pub fn iter(&self) -> impl Iterator<Item = (&Towards, &Failures)> {
        self.towards.iter()
    }

    /// The ends of connections that were established, on ports where others failed.
    pub fn answered(&self) -> impl Iterator<Item = &Endpoint> {
        self.answered.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn end(port: u16) -> Endpoint {
        Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
    }

    #[test]
    fn destinations_are_counted_by_halves() {
        let mut failed = FailedConnects::default();
        failed.add(Ending::Established(end(80)));
        failed.add(Ending::Refused(end(80)));
        failed.half_is_over();
        failed.add(Ending::Refused(end(80)));
        failed.add(Ending::Failed(end(0).address));
        failed.add(Ending::Established(end(81)));
        let told: Vec<_> = failed.iter().map(|(to, n)| (to.1, *n)).collect();
        let counted = |count, in_first_half| Failures {
            count,
            in_first_half,
        };
        assert_eq!(told, [(None, counted(1, 0)), (Some(80), counted(2, 1))]);
        assert_eq!(
            failed.answered().count(),
            0,
            "before it failed, or elsewhere"
        );
        failed.add(Ending::Established(end(80)));
        assert_eq!(failed.answered().count(), 1);
    }

    #[test]
    fn memory_is_bounded() {
        let mut failed = FailedConnects::default();
        for port in 0..u16::MAX {
            failed.add(Ending::Refused(end(port)));
        }
        failed.add(Ending::Refused(end(0)));
        assert_eq!(failed.iter().count(), MOST);
        assert_eq!(failed.iter().next().unwrap().1.count, 2);
    }
}
