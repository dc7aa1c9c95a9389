//! The values of a host that belong to a topic: settings, counters, sockets, and what follows
//! from them.

use crate::analyze::states::Counts;
use crate::model::{Kernel, State};

/// A value to show, and what it means.
#[derive(Clone, Copy, Debug)]
pub struct LiveFact {
    source: Source,
    unit: &'static str,
    meaning: &'static str,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug)]
enum Source {
    Setting(&'static str),
    Part(&'static str, usize),
    Counter(&'static str, &'static str),
    Sockets(State),
    Derived(Derived),
}

/// What follows from several settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Derived {
    /// Seconds until `connect()` gives up.
    ConnectGivesUp,
    /// Seconds until a handshake is given up by the side that listens.
    HandshakeGivesUp,
    /// The least number of seconds until unacknowledged data ends a connection.
    DataGivesUp,
    /// The same for a connection that no process holds.
    OrphanGivesUp,
    /// Seconds until keepalive, where it is on, notices a peer that vanished.
    KeepaliveGivesUp,
    /// Ports that outgoing connections can take.
    EphemeralPorts,
    /// New connections a second to one destination if each ends in `TIME_WAIT` here.
    ConnectionsPerSecond,
}

/// A value as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    Number(u64),
    /// What is no single number.
    Text(String),
}

impl std::fmt::Display for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// A setting, by the name of its sysctl.
pub(super) const fn setting(
    name: &'static str,
    unit: &'static str,
    meaning: &'static str,
) -> LiveFact {
    LiveFact {
        source: Source::Setting(name),
        unit,
        meaning,
    }
}

/// One of the numbers of a setting; the first has index 0.
pub(super) const fn part(
    name: &'static str,
    index: usize,
    unit: &'static str,
    meaning: &'static str,
) -> LiveFact {
    LiveFact {
        source: Source::Part(name, index),
        unit,
        meaning,
    }
}

/// A counter of the kernel.
pub(super) const fn counter(
    group: &'static str,
    name: &'static str,
    unit: &'static str,
    meaning: &'static str,
) -> LiveFact {
    LiveFact {
        source: Source::Counter(group, name),
        unit,
        meaning,
    }
}

/// TCP sockets in a state, now.
pub(super) const fn sockets(state: State, meaning: &'static str) -> LiveFact {
    LiveFact {
        source: Source::Sockets(state),
        unit: "",
        meaning,
    }
}

/// What follows from several settings.
pub(super) const fn derived(derived: Derived, meaning: &'static str) -> LiveFact {
    LiveFact {
        source: Source::Derived(derived),
        unit: derived.unit(),
        meaning,
    }
}

impl LiveFact {
    /// The name: of the sysctl, of the counter as nstat spells it, of the state.
    #[must_use]
    pub fn name(&self) -> String {
        match self.source {
            Source::Setting(name) => name.to_owned(),
            Source::Part(name, index) => format!("{name}[{index}]"),
            Source::Counter(group, name) => match group {
                "Tcp" | "TcpExt" | "Udp" | "Udp6" => format!("{group}{name}"),
                _ => format!("{group}.{name}"),
            },
            Source::Sockets(state) => format!("sockets in {state}"),
            Source::Derived(derived) => derived.name().to_owned(),
        }
    }

    /// What is counted: `s`, `bytes`; empty for a bare number.
    #[must_use]
    pub const fn unit(&self) -> &'static str {
        self.unit
    }

    /// What the value means.
    #[must_use]
    pub const fn meaning(&self) -> &'static str {
        self.meaning
    }

    /// The sysctl that must be read for it, if it is one.
    #[cfg(test)]
    pub const fn sysctl(&self) -> Option<&'static str> {
        match self.source {
            Source::Setting(name) | Source::Part(name, _) => Some(name),
            _ => None,
        }
    }

    /// The group and the name of the counter, if it is one.
    #[cfg(test)]
    pub const fn counter(&self) -> Option<(&'static str, &'static str)> {
        match self.source {
            Source::Counter(group, name) => Some((group, name)),
            _ => None,
        }
    }

    /// The value on this host; `None` where it is not known.
    #[must_use]
    pub fn value(&self, kernel: &Kernel, counts: Option<&Counts>) -> Option<Reading> {
        let number = match self.source {
            Source::Setting(name) => {
                let text = kernel.setting(name)?;
                return Some(read(text));
            }
            Source::Part(name, index) => kernel.number_at(name, index),
            Source::Counter(group, name) => kernel.counter(group, name),
            Source::Sockets(state) => counts.map(|counts| counts.of(state)),
            Source::Derived(derived) => derived.value(kernel),
        };
        number.map(Reading::Number)
    }
}

/// A setting: a number where it is one, else its words with one blank between them.
fn read(text: &str) -> Reading {
    text.parse().map_or_else(
        |_| {
            let words: Vec<&str> = text.split_ascii_whitespace().collect();
            Reading::Text(words.join(" "))
        },
        Reading::Number,
    )
}

impl Derived {
    const fn name(self) -> &'static str {
        match self {
            Self::ConnectGivesUp => "connect() gives up after",
            Self::HandshakeGivesUp => "SYN_RECV gives up after",
            Self::DataGivesUp => "unanswered data ends it after",
            Self::OrphanGivesUp => "an orphan gives up after",
            Self::KeepaliveGivesUp => "keepalive ends it after",
            Self::EphemeralPorts => "ephemeral ports",
            Self::ConnectionsPerSecond => "new connections sustained",
        }
    }

    const fn unit(self) -> &'static str {
        match self {
            Self::EphemeralPorts => "",
            Self::ConnectionsPerSecond => "/s",
            _ => "s",
        }
    }

    fn value(self, kernel: &Kernel) -> Option<u64> {
        let number = |name: &str| kernel.number(&format!("net.ipv4.{name}"));
        Some(match self {
            Self::ConnectGivesUp => {
                // Kernels before 6.5 have no linear retries.
                let linear = number("tcp_syn_linear_timeouts").unwrap_or(0);
                linear + doubling(1000, number("tcp_syn_retries")?, kernel) / 1000
            }
            Self::HandshakeGivesUp => doubling(1000, number("tcp_synack_retries")?, kernel) / 1000,
            Self::DataGivesUp => doubling(200, number("tcp_retries2")?, kernel) / 1000,
            Self::OrphanGivesUp => {
                let retries = match number("tcp_orphan_retries")? {
                    0 => 8,
                    retries => retries,
                };
                doubling(200, retries, kernel) / 1000
            }
            Self::KeepaliveGivesUp => {
                let probes = number("tcp_keepalive_probes")?;
                number("tcp_keepalive_time")? + probes * number("tcp_keepalive_intvl")?
            }
            Self::EphemeralPorts => ephemeral_ports(kernel)?,
            Self::ConnectionsPerSecond => ephemeral_ports(kernel)? / 60,
        })
    }
}

/// Milliseconds until the retry after the last one is due: each waits twice as long as the one
/// before, but no longer than the longest timeout.
fn doubling(first: u64, retries: u64, kernel: &Kernel) -> u64 {
    // A setting since Linux 6.15, and 120 s before.
    let longest = kernel.number("net.ipv4.tcp_rto_max_ms").unwrap_or(120_000);
    let waits = (0..=retries.min(255)).scan(first, |wait, _| {
        let now = (*wait).min(longest);
        *wait = now * 2;
        Some(now)
    });
    waits.sum()
}

/// The ports of the range without the reserved ones.
fn ephemeral_ports(kernel: &Kernel) -> Option<u64> {
    let range = kernel.ephemeral_range()?;
    let reserved = kernel.reserved_ports();
    let is_reserved = |port: u16| {
        let mut ranges = reserved.iter();
        ranges.any(|range| (range.first..=range.last).contains(&port))
    };
    let free = (range.first..=range.last).filter(|port| !is_reserved(*port));
    u64::try_from(free.count()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::topics;

    fn kernel(settings: &[(&str, &str)]) -> Kernel {
        let mut kernel = Kernel::default();
        for (name, text) in settings {
            kernel.set(&format!("net.ipv4.{name}"), text);
        }
        kernel
    }

    #[test]
    fn sysctls_have_their_whole_name() {
        for topic in topics() {
            for name in topic.live.iter().filter_map(LiveFact::sysctl) {
                assert!(
                    name.starts_with("net.") || name.starts_with("fs."),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn the_times_of_the_kernel_documentation() {
        let old = kernel(&[("tcp_syn_retries", "6")]);
        assert_eq!(Derived::ConnectGivesUp.value(&old), Some(127));
        let new = kernel(&[("tcp_syn_retries", "6"), ("tcp_syn_linear_timeouts", "4")]);
        assert_eq!(Derived::ConnectGivesUp.value(&new), Some(131));
        let synack = kernel(&[("tcp_synack_retries", "5")]);
        assert_eq!(Derived::HandshakeGivesUp.value(&synack), Some(63));
        let data = kernel(&[("tcp_retries2", "15")]);
        assert_eq!(Derived::DataGivesUp.value(&data), Some(924));
        let orphan = kernel(&[("tcp_orphan_retries", "0")]);
        assert_eq!(Derived::OrphanGivesUp.value(&orphan), Some(102));
        let capped = kernel(&[("tcp_retries2", "15"), ("tcp_rto_max_ms", "1000")]);
        assert_eq!(Derived::DataGivesUp.value(&capped), Some(14));
    }

    #[test]
    fn ports_without_the_reserved_ones() {
        let range = kernel(&[
            ("ip_local_port_range", "32768\t60999"),
            ("ip_local_reserved_ports", "32768-32777,50000,70"),
        ]);
        assert_eq!(Derived::EphemeralPorts.value(&range), Some(28_221));
        assert_eq!(Derived::ConnectionsPerSecond.value(&range), Some(470));
    }

    #[test]
    fn missing_is_not_zero() {
        let none = Kernel::default();
        for topic in topics() {
            for live in topic.live {
                assert_eq!(live.value(&none, None), None, "{live:?}");
            }
        }
    }

    #[test]
    fn settings_are_numbers_where_they_are_one() {
        assert_eq!(read("60"), Reading::Number(60));
        assert_eq!(read("1\t2\t3"), Reading::Text("1 2 3".to_owned()));
    }
}
