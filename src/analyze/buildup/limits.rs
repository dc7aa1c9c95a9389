//! The limits that piles run into, and how much of each is used.

use crate::analyze::ephemeral::{Destination, Usable, fullest};
use crate::look::sample::Sample;
use crate::model::{PortRange, Protocol, Queue, State};

/// A limit and what is used of it; each `None` where it is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// The limit.
    pub value: Option<u64>,
    /// What is used.
    pub used: Option<u64>,
}

/// The use of the ephemeral range towards the destination that uses most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortUse {
    pub range: PortRange,
    /// Ports of it that can be used.
    pub usable: u64,
    /// Ports of it that are reserved.
    pub reserved: u64,
    /// Ports in use towards the destination.
    pub used: u64,
    /// The destination; `None` when nothing goes out.
    pub destination: Option<Destination>,
}

/// The limits of a namespace, and those of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// TIME_WAIT sockets. Source: `net.ipv4.tcp_max_tw_buckets`, sockstat `tw`.
    pub time_wait: Used,
    /// Orphans, of the whole machine. Source: `net.ipv4.tcp_max_orphans`, sockstat `orphan`.
    pub orphans: Used,
    /// Ports for outgoing connections; `None` where the range is not known.
    pub ports: Option<PortUse>,
    /// The ceiling of accept queues, and the longest queue now. Source: `net.core.somaxconn`.
    pub accept_queue: Used,
}

impl Limits {
    /// The limits, and what a sample uses of them.
    #[must_use]
    pub fn of(sample: &Sample) -> Self {
        let kernel = &sample.kernel;
        let of_tcp = |setting: &str, name: &str| Used {
            value: kernel.number(setting),
            used: kernel.counter("sockstat.TCP", name),
        };
        let queues = sample.sockets().iter().filter_map(|socket| {
            let is_listener = socket.protocol == Protocol::Tcp && socket.state == State::Listen;
            match socket.queue {
                Some(Queue::Accept(queue)) if is_listener => Some(u64::from(queue.length)),
                _ => None,
            }
        });
        Self {
            time_wait: of_tcp("net.ipv4.tcp_max_tw_buckets", "tw"),
            orphans: of_tcp("net.ipv4.tcp_max_orphans", "orphan"),
            ports: Usable::of(kernel).map(|usable| ports(sample, &usable)),
            accept_queue: Used {
                value: kernel.number("net.core.somaxconn"),
                used: Some(queues.max().unwrap_or(0)),
            },
        }
    }
}

fn ports(sample: &Sample, usable: &Usable) -> PortUse {
    let fullest = fullest(sample.sockets(), usable);
    PortUse {
        range: usable.range,
        usable: usable.count,
        reserved: usable.reserved_count,
        used: fullest.map_or(0, |(_, used)| used.used),
        destination: fullest.map(|(destination, _)| destination),
    }
}
