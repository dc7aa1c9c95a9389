//! Ranges of ports, and the ports that listeners hold.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use rustc_hash::FxHashSet;

use super::{Endpoint, Family, NetnsId, Protocol, Socket};

/// A range of ports, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The lowest port.
    pub first: u16,
    /// The highest port, not below `first`.
    pub last: u16,
}

impl PortRange {
    /// Whether `port` is in the range.
    #[must_use]
    pub const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }

    /// Whether the range is one port.
    #[must_use]
    pub const fn is_single(self) -> bool {
        self.first == self.last
    }

    /// Reads `8080`, `80,443` or `8000-8100,9000`.
    ///
    /// # Errors
    /// One line that says which part is no port and what would be.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, String> {
        text.split(',').map(Self::parse).collect()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let first = parse_port(first)?;
        let last = parse_port(last)?;
        if first > last {
            return Err(format!("the range '{text}' ends before it begins"));
        }
        Ok(Self { first, last })
    }
}

fn parse_port(text: &str) -> Result<u16, String> {
    let all_digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !all_digits {
        return Err(format!(
            "'{text}' is not a port: give a number from 0 to 65535, a list (80,443) or a range (8000-8100)"
        ));
    }
    text.parse()
        .map_err(|_| format!("port {text} is above 65535"))
}

/// Where listeners wait for clients, in each namespace.
#[derive(Clone, Debug, Default)]
pub struct ListenerPorts(BTreeMap<Option<NetnsId>, Waiting>);

impl ListenerPorts {
    /// Notes where `socket` waits, if it is a listener.
    pub fn note(&mut self, socket: &Socket) {
        if let Some(local) = socket.local.inet().filter(|_| socket.is_listener()) {
            self.0.entry(socket.netns).or_default().note(socket, local);
        }
    }

    /// Whether a listener of the socket's namespace waits at its local address and port: one of
    /// that address, or of all.
    #[must_use]
    pub fn contain(&self, socket: &Socket) -> bool {
        let waiting = self.0.get(&socket.netns).zip(socket.local.inet());
        waiting.is_some_and(|(waiting, local)| waiting.contains(socket.protocol, local))
    }
}

/// Where the listeners of a namespace wait, for each protocol.
#[derive(Clone, Debug)]
struct Waiting {
    /// Listeners of all addresses of a family: one bit a port, one array a protocol and family.
    bits: Vec<u64>,
    /// Those of one address.
    ends: FxHashSet<(Protocol, Endpoint)>,
}

impl Default for Waiting {
    fn default() -> Self {
        Self {
            bits: vec![0; Protocol::ALL.len() * Family::ALL.len() * Self::WORDS],
            ends: FxHashSet::default(),
        }
    }
}

impl Waiting {
    const WORDS: usize = 65536 / 64;

    fn note(&mut self, socket: &Socket, local: Endpoint) {
        let protocol = socket.protocol;
        if !local.address.is_unspecified() {
            self.ends.insert((protocol, local));
            return;
        }
        let both = local.address.is_ipv6() && socket.takes_both_families() != Some(false);
        let others = Endpoint::new(Ipv4Addr::UNSPECIFIED.into(), local.port);
        for end in [Some(local), both.then_some(others)].into_iter().flatten() {
            let (word, bit) = Self::place(protocol, end);
            if let Some(word) = self.bits.get_mut(word) {
                *word |= bit;
            }
        }
    }

    fn contains(&self, protocol: Protocol, local: Endpoint) -> bool {
        let (word, bit) = Self::place(protocol, local);
        self.bits.get(word).is_some_and(|word| word & bit != 0)
            || self.ends.contains(&(protocol, local))
    }

    fn place(protocol: Protocol, end: Endpoint) -> (usize, u64) {
        let table = match protocol {
            Protocol::Tcp => 0,
            Protocol::Udp => 1,
            Protocol::Raw => 2,
        };
        let table = 2 * table + usize::from(end.address.is_ipv6());
        let port = usize::from(end.port);
        (table * Self::WORDS + port / 64, 1 << (port % 64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, Family, State};
    use std::net::{IpAddr, Ipv4Addr};

    #[test]
    fn lists_and_ranges_are_read() {
        let range = |first, last| PortRange { first, last };
        assert_eq!(
            PortRange::parse_list("80,8000-8100"),
            Ok(vec![range(80, 80), range(8000, 8100)])
        );
        for bad in [
            "", "x", "65536", "-1", "1-", "-", "9-1", "80,", "1-2-3", "+80", "0x50", " 80",
        ] {
            assert!(PortRange::parse_list(bad).is_err(), "{bad:?}");
        }
        assert_eq!(
            PortRange::parse_list("70000"),
            Err("port 70000 is above 65535".into())
        );
    }

    #[test]
    fn only_listeners_are_noted() {
        let mut ports = ListenerPorts::default();
        let local = |port| Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let socket = |protocol, state, port| Socket::new(protocol, Family::V4, state, local(port));
        let came = |protocol, port| socket(protocol, State::Established, port);
        ports.note(&socket(Protocol::Tcp, State::Listen, 65535));
        ports.note(&socket(Protocol::Udp, State::Unconnected, 53));
        ports.note(&socket(Protocol::Tcp, State::Established, 1000));
        assert!(ports.contain(&came(Protocol::Tcp, 65535)));
        assert!(ports.contain(&came(Protocol::Udp, 53)));
        assert!(!ports.contain(&came(Protocol::Tcp, 53)));
        assert!(!ports.contain(&came(Protocol::Tcp, 1000)));
    }

    /// What nobody waits for at an address did not come there.
    #[test]
    fn a_listener_of_another_address_is_no_listener() {
        let end = |text: &str, port| Endpoint::new(text.parse().unwrap(), port);
        let waits = |address: &str, v6_only: Option<bool>, at: &str| {
            let mut ports = ListenerPorts::default();
            let local = end(address, 80);
            let family = if address.contains(':') {
                Family::V6
            } else {
                Family::V4
            };
            let mut listener = Socket::new(Protocol::Tcp, family, State::Listen, local);
            listener.v6_only = v6_only;
            ports.note(&listener);
            let came = |port| Socket::new(Protocol::Tcp, family, State::Established, end(at, port));
            assert!(!ports.contain(&came(81)));
            ports.contain(&came(80))
        };
        assert!(waits("127.0.0.2", None, "127.0.0.2"));
        assert!(!waits("127.0.0.2", None, "127.0.0.1"));
        assert!(waits("0.0.0.0", None, "127.0.0.1"));
        assert!(!waits("0.0.0.0", None, "::1"));
        assert!(waits("::", Some(false), "127.0.0.1") && waits("::", Some(false), "::1"));
        assert!(waits("::", None, "127.0.0.1"), "it may be");
        assert!(!waits("::", Some(true), "127.0.0.1") && waits("::", Some(true), "::1"));
        assert!(waits("::ffff:0.0.0.0", Some(false), "127.0.0.1"));
        assert!(!waits("::ffff:0.0.0.0", Some(false), "::1"));
    }
    #[test]
    fn a_listener_of_another_namespace_is_no_listener() {
        let socket = |netns, state| {
            let local = Endpoint::new(Ipv4Addr::LOCALHOST.into(), 80);
            let mut socket = Socket::new(Protocol::Tcp, Family::V4, state, local);
            socket.netns = NetnsId::new(netns);
            socket
        };
        let mut ports = ListenerPorts::default();
        ports.note(&socket(2, State::Listen));
        let found = [0, 1, 2].map(|netns| ports.contain(&socket(netns, State::Established)));
        assert_eq!(found, [false, false, true]);
    }
}
