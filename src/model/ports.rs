//! Ranges of ports, and the ports that listeners hold.

use super::{Protocol, Socket};

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

/// The local ports that listeners hold, for each protocol.
#[derive(Clone, Debug)]
pub struct ListenerPorts {
    /// One bit a port, one array a protocol.
    bits: Vec<u64>,
}

impl Default for ListenerPorts {
    fn default() -> Self {
        Self {
            bits: vec![0; Protocol::ALL.len() * Self::WORDS],
        }
    }
}

impl ListenerPorts {
    const WORDS: usize = 65536 / 64;

    /// Notes the port of `socket`, if it is a listener.
    pub fn note(&mut self, socket: &Socket) {
        let (word, bit) = Self::place(socket.protocol, socket.local.port);
        if socket.is_listener()
            && let Some(word) = self.bits.get_mut(word)
        {
            *word |= bit;
        }
    }

    /// Whether a listener holds the local port.
    #[must_use]
    pub fn contains(&self, protocol: Protocol, port: u16) -> bool {
        let (word, bit) = Self::place(protocol, port);
        self.bits.get(word).is_some_and(|word| word & bit != 0)
    }

    fn place(protocol: Protocol, port: u16) -> (usize, u64) {
        let table = match protocol {
            Protocol::Tcp => 0,
            Protocol::Udp => 1,
            Protocol::Raw => 2,
        };
        let port = usize::from(port);
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
        ports.note(&socket(Protocol::Tcp, State::Listen, 65535));
        ports.note(&socket(Protocol::Udp, State::Unconnected, 53));
        ports.note(&socket(Protocol::Tcp, State::Established, 1000));
        assert!(ports.contains(Protocol::Tcp, 65535));
        assert!(ports.contains(Protocol::Udp, 53));
        assert!(!ports.contains(Protocol::Tcp, 53));
        assert!(!ports.contains(Protocol::Tcp, 1000));
    }
}
