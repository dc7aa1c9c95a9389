//! What the kernel counts, and what it allows: counters and settings of a network namespace.

use rustc_hash::FxHashMap;

use super::PortRange;

/// Counters and settings, by name. What a kernel does not have, or does not show to this
/// reader, is not in it: missing means not known, never zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kernel {
    counters: FxHashMap<(String, String), u64>,
    settings: FxHashMap<String, String>,
    addresses: Vec<std::net::IpAddr>,
    refused: FxHashMap<String, String>,
}

impl Kernel {
    /// Notes a counter: `("TcpExt", "ListenDrops")`.
    pub fn count(&mut self, group: &str, name: &str, value: u64) {
        let key = (group.to_owned(), name.to_owned());
        self.counters.insert(key, value);
    }

    /// Notes a setting as its file has it: `("net.core.somaxconn", "4096")`.
    pub fn set(&mut self, name: &str, text: &str) {
        self.settings
            .insert(name.to_owned(), text.trim().to_owned());
    }

    /// Notes an address of the namespace.
    pub fn has_address(&mut self, address: std::net::IpAddr) {
        self.addresses.push(address);
    }

    /// Notes why a setting, or a file of counters, could not be read.
    pub fn refuse(&mut self, name: &str, why: String) {
        self.refused.insert(name.to_owned(), why);
    }

    /// Why a setting, or a file of counters, is not known.
    #[must_use]
    pub fn why_unknown(&self, name: &str) -> &str {
        let why = self.refused.get(name).map(String::as_str);
        why.unwrap_or("this kernel does not have it")
    }

    /// A counter since the namespace (or the machine) started, or a gauge of now.
    ///
    /// Groups are those of /proc/net/snmp and /proc/net/netstat (`Tcp`, `Udp`, `TcpExt`),
    /// `Udp6` of /proc/net/snmp6, those of /proc/net/sockstat in small letters with a
    /// prefix (`sockstat.TCP`), and `file-nr` (`open`, `limit`).
    #[must_use]
    pub fn counter(&self, group: &str, name: &str) -> Option<u64> {
        // A lookup without an allocation would need a type of its own; there are few.
        let key = (group.to_owned(), name.to_owned());
        self.counters.get(&key).copied()
    }

    /// A setting as its file has it.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    /// A setting that is one number.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        self.setting(name)?.parse().ok()
    }

    /// Place `place` of a setting that is several numbers: `net.ipv4.tcp_mem` has three.
    #[must_use]
    pub fn number_at(&self, name: &str, place: usize) -> Option<u64> {
        let mut numbers = self.setting(name)?.split_ascii_whitespace();
        numbers.nth(place)?.parse().ok()
    }

    /// The range that outgoing connections take their local port from.
    #[must_use]
    pub fn ephemeral_range(&self) -> Option<PortRange> {
        let name = "net.ipv4.ip_local_port_range";
        let port = |place| u16::try_from(self.number_at(name, place)?).ok();
        let (first, last) = (port(0)?, port(1)?);
        (first <= last).then_some(PortRange { first, last })
    }

    /// The ports that are taken out of that range; empty where none are, or that is not told.
    #[must_use]
    pub fn reserved_ports(&self) -> Vec<PortRange> {
        match self.setting("net.ipv4.ip_local_reserved_ports") {
            None | Some("") => Vec::new(),
            Some(text) => PortRange::parse_list(text).unwrap_or_default(),
        }
    }

    /// The addresses of the namespace, as far as they are known.
    #[must_use]
    pub fn addresses(&self) -> &[std::net::IpAddr] {
        &self.addresses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_is_not_zero() {
        let mut kernel = Kernel::default();
        kernel.count("TcpExt", "ListenDrops", 0);
        kernel.set("net.ipv4.tcp_mem", "1\t2\t3\n");
        kernel.set("net.core.somaxconn", "x");
        assert_eq!(kernel.counter("TcpExt", "ListenDrops"), Some(0));
        assert_eq!(kernel.counter("Tcp", "ListenDrops"), None);
        assert_eq!(kernel.number_at("net.ipv4.tcp_mem", 2), Some(3));
        assert_eq!(kernel.number_at("net.ipv4.tcp_mem", 3), None);
        assert_eq!(kernel.number("net.core.somaxconn"), None);
        assert_eq!(kernel.number("net.ipv4.tcp_mem"), None);
    }

    #[test]
    fn the_ephemeral_range_and_its_holes() {
        let mut kernel = Kernel::default();
        assert_eq!(kernel.ephemeral_range(), None);
        kernel.set("net.ipv4.ip_local_port_range", "32768\t60999\n");
        kernel.set("net.ipv4.ip_local_reserved_ports", "40000-40009,50000\n");
        let range = |first, last| PortRange { first, last };
        assert_eq!(kernel.ephemeral_range(), Some(range(32768, 60999)));
        assert_eq!(
            kernel.reserved_ports(),
            [range(40000, 40009), range(50000, 50000)]
        );
        kernel.set("net.ipv4.ip_local_port_range", "9 1");
        assert_eq!(kernel.ephemeral_range(), None);
    }
}
