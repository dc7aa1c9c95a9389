//! What is known of a filter before a socket is seen: the part that the kernel can decide.
//!
//! Everything here may be too wide and never too narrow: whatever it leaves out, the filter
//! would have refused. A property test in `tests/` holds that against the filter itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::ends::{EndPattern, Host};
use super::expression::{Expr, Side, Term, Test};
use crate::model::{Narrow, PortRange, Prefix, StateSet};

impl Expr {
    /// The states in which it can hold.
    pub fn states(&self) -> StateSet {
        match self {
            Self::All(parts) => {
                let sets = parts.iter().map(Self::states);
                sets.fold(StateSet::ALL, StateSet::intersect)
            }
            Self::Any(parts) => {
                let sets = parts.iter().map(Self::states);
                sets.fold(StateSet::NONE, StateSet::union)
            }
            // A state is never unknown, so that the complement is exact; of nothing else.
            Self::Not(inner) if inner.is_about_states() => inner.states().complement(),
            Self::Term(Term {
                test: Test::State(set),
                negated,
            }) => {
                if *negated {
                    set.complement()
                } else {
                    *set
                }
            }
            Self::Not(_) | Self::Term(_) => StateSet::ALL,
        }
    }

    fn is_about_states(&self) -> bool {
        let is_state = |term: &&Term| matches!(term.test, Test::State(_));
        self.terms().iter().all(is_state)
    }

    /// The ports and addresses outside of which it cannot hold.
    pub fn narrow(&self) -> Narrow {
        match self {
            Self::All(parts) => {
                let parts = parts.iter().map(Self::narrow);
                parts.fold(Narrow::default(), both)
            }
            Self::Any(parts) => {
                let parts = parts.iter().map(Self::narrow);
                parts.reduce(either).unwrap_or_default()
            }
            Self::Term(Term {
                test,
                negated: false,
            }) => of_test(test),
            Self::Not(_) | Self::Term(_) => Narrow::default(),
        }
    }
}

fn of_test(test: &Test) -> Narrow {
    let mut narrow = Narrow::default();
    match test {
        Test::Port(side, ranges) => narrow_ports(&mut narrow, *side, hull(ranges)),
        Test::End(side, patterns) => {
            let ranges: Option<Vec<_>> = patterns.iter().map(|pattern| pattern.ports).collect();
            let ports = ranges.and_then(|ranges| hull(&ranges));
            narrow_ports(&mut narrow, *side, ports);
            match side {
                Side::Local => narrow.local = network(patterns),
                Side::Peer => narrow.peer = network(patterns),
                Side::PeerOfSs => {
                    let has_peers = |net: &Prefix| !UNSET.iter().any(|none| net.contains(*none));
                    narrow.peer = network(patterns).filter(has_peers);
                }
                Side::Either => {}
            }
        }
        _ => {}
    }
    narrow
}

/// The peers of what is not connected, for ss.
const UNSET: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    IpAddr::V6(Ipv6Addr::UNSPECIFIED),
];

fn narrow_ports(narrow: &mut Narrow, side: Side, ports: Option<PortRange>) {
    match side {
        Side::Local => narrow.local_port = ports,
        Side::Peer => narrow.peer_port = ports,
        // For ss the port of what is not connected is 0.
        Side::PeerOfSs => narrow.peer_port = ports.filter(|ports| !ports.contains(0)),
        Side::Either => narrow.any_port = ports,
    }
}

/// The smallest range with all of them in it.
fn hull(ranges: &[PortRange]) -> Option<PortRange> {
    Some(PortRange {
        first: ranges.iter().map(|range| range.first).min()?,
        last: ranges.iter().map(|range| range.last).max()?,
    })
}

/// The network, where there is one for all patterns; a mapped one of ss has IPv4 and IPv6
/// addresses in it.
fn network(patterns: &[EndPattern]) -> Option<Prefix> {
    match patterns {
        [pattern] => match pattern.host {
            Host::Net(net) => Some(prefix(&net)),
            _ => None,
        },
        _ => None,
    }
}

fn prefix(net: &IpNet) -> Prefix {
    Prefix {
        address: net.network(),
        length: net.prefix_len(),
    }
}

/// Both hold: of each kind the narrower, or any of two that do not lie in each other.
fn both(a: Narrow, b: Narrow) -> Narrow {
    Narrow {
        local_port: overlap(a.local_port, b.local_port),
        peer_port: overlap(a.peer_port, b.peer_port),
        // Either end may be meant by each: only one of them can be kept.
        any_port: a.any_port.or(b.any_port),
        local: a.local.or(b.local),
        peer: a.peer.or(b.peer),
    }
}

fn overlap(a: Option<PortRange>, b: Option<PortRange>) -> Option<PortRange> {
    let (Some(a), Some(b)) = (a, b) else {
        return a.or(b);
    };
    let (first, last) = (a.first.max(b.first), a.last.min(b.last));
    // Nothing can match; the filter says so for each row.
    if first > last {
        return Some(a);
    }
    Some(PortRange { first, last })
}

/// One of them holds: only what both know.
fn either(a: Narrow, b: Narrow) -> Narrow {
    let join = |a: Option<PortRange>, b: Option<PortRange>| hull(&[a?, b?]);
    let same = |a: Option<Prefix>, b: Option<Prefix>| a.filter(|_| a == b);
    Narrow {
        local_port: join(a.local_port, b.local_port),
        peer_port: join(a.peer_port, b.peer_port),
        any_port: join(a.any_port, b.any_port),
        local: same(a.local, b.local),
        peer: same(a.peer, b.peer),
    }
}
