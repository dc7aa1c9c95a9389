//! The kernel's counters as text: /proc/net/{snmp,netstat,snmp6,sockstat,sockstat6}, and the
//! addresses of a namespace.
//!
//! Everything is read by name: kernels add, drop and reorder counters.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::Kernel;

/// Reads /proc/net/snmp and /proc/net/netstat: lines in pairs, names and then values, each
/// with its group before it. Names repeat in different groups (`Udp:`, `UdpLite:`).
pub fn pairs(text: &str, kernel: &mut Kernel) {
    let mut lines = text.lines();
    while let (Some(names), Some(values)) = (lines.next(), lines.next()) {
        let (Some((group, names)), Some((same, values))) =
            (names.split_once(':'), values.split_once(':'))
        else {
            continue;
        };
        if group != same {
            continue;
        }
        let names = names.split_ascii_whitespace();
        for (name, value) in names.zip(values.split_ascii_whitespace()) {
            // Tcp.MaxConn is -1 where there is no maximum.
            if let Ok(value) = value.parse() {
                kernel.count(group, name, value);
            }
        }
    }
}

/// Reads /proc/net/sockstat and sockstat6: `TCP: inuse 5 orphan 0 tw 0 alloc 8 mem 1`.
pub fn sockstat(text: &str, kernel: &mut Kernel) {
    for line in text.lines() {
        let Some((group, rest)) = line.split_once(':') else {
            continue;
        };
        let group = format!("sockstat.{group}");
        let mut words = rest.split_ascii_whitespace();
        while let (Some(name), Some(value)) = (words.next(), words.next()) {
            if let Ok(value) = value.parse() {
                kernel.count(&group, name, value);
            }
        }
    }
}

/// Reads the UDP counters of /proc/net/snmp6: `Udp6RcvbufErrors  0`.
pub fn snmp6(text: &str, kernel: &mut Kernel) {
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(name), Some(value)) = (words.next(), words.next()) else {
            continue;
        };
        if let (Some(name), Ok(value)) = (name.strip_prefix("Udp6"), value.parse()) {
            kernel.count("Udp6", name, value);
        }
    }
}

/// Reads /proc/sys/fs/file-nr: open files, a zero, and their limit.
pub fn file_nr(text: &str, kernel: &mut Kernel) {
    let numbers: Vec<_> = text.split_ascii_whitespace().map(str::parse).collect();
    if let [Ok(open), _, Ok(limit)] = numbers.as_slice() {
        kernel.count("file-nr", "open", *open);
        kernel.count("file-nr", "limit", *limit);
    }
}

/// The IPv4 addresses of a namespace, from /proc/net/fib_trie: a leaf, and below it
/// `/32 host LOCAL`.
#[must_use]
pub fn fib_addresses(text: &str) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    let mut leaf: Option<Ipv4Addr> = None;
    for line in text.lines() {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.parse().ok();
        } else if line == "/32 host LOCAL" {
            addresses.extend(leaf.map(IpAddr::V4));
        }
    }
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// The IPv6 addresses of a namespace, from /proc/net/if_inet6: 32 hexadecimal digits first.
#[must_use]
pub fn if_inet6_addresses(text: &str) -> Vec<IpAddr> {
    let address = |line: &str| {
        let digits = line.split_ascii_whitespace().next()?;
        let number = u128::from_str_radix(digits, 16).ok()?;
        (digits.len() == 32).then(|| IpAddr::V6(Ipv6Addr::from(number)))
    };
    text.lines().filter_map(address).collect()
}

/// How many sockets of a protocol /proc/net/protocols counts; `None` where the kernel does not
/// have it.
#[must_use]
pub fn sockets_of(text: &str, protocol: &str) -> Option<u64> {
    let mut lines = text.lines().map(str::split_ascii_whitespace);
    let mut fields = lines.find_map(|mut fields| (fields.next()? == protocol).then_some(fields))?;
    // Its name, the size of one, how many there are.
    fields.nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_before_values_and_repeat_in_other_groups() {
        let mut kernel = Kernel::default();
        pairs(
            "Tcp: MaxConn RetransSegs\nTcp: -1 3\nUdp: RcvbufErrors\nUdp: 5\n\
             UdpLite: RcvbufErrors\nUdpLite: 7\n",
            &mut kernel,
        );
        assert_eq!(kernel.counter("Tcp", "RetransSegs"), Some(3));
        assert_eq!(kernel.counter("Tcp", "MaxConn"), None);
        assert_eq!(kernel.counter("Udp", "RcvbufErrors"), Some(5));
        assert_eq!(kernel.counter("UdpLite", "RcvbufErrors"), Some(7));
    }

    #[test]
    fn other_kernels_have_other_columns() {
        let mut kernel = Kernel::default();
        pairs(
            "TcpExt: A New B\nTcpExt: 1 2\nodd\nTcpExt: C\nX: 1\n",
            &mut kernel,
        );
        assert_eq!(kernel.counter("TcpExt", "New"), Some(2));
        assert_eq!(kernel.counter("TcpExt", "B"), None);
        assert_eq!(kernel.counter("X", "C"), None);
    }

    #[test]
    fn sockstat_and_snmp6() {
        let mut kernel = Kernel::default();
        sockstat(
            "sockets: used 8\nTCP: inuse 1 orphan 2 tw 3 alloc 4 mem 219\n",
            &mut kernel,
        );
        snmp6(
            "Ip6InReceives  \t2\nUdp6RcvbufErrors \t9\nUdp6\n",
            &mut kernel,
        );
        file_nr("304\t0\t2466170\n", &mut kernel);
        assert_eq!(kernel.counter("sockstat.TCP", "tw"), Some(3));
        assert_eq!(kernel.counter("Udp6", "RcvbufErrors"), Some(9));
        assert_eq!(kernel.counter("file-nr", "limit"), Some(2_466_170));
    }

    #[test]
    fn addresses_of_both_families() {
        let text = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n\
                    Local:\n     |-- 127.0.0.1\n        /32 host LOCAL\n\
                    |-- 10.0.0.7\n   /32 host LOCAL\n|-- 10.0.0.255\n   /32 link BROADCAST\n";
        let expected: Vec<IpAddr> = vec!["10.0.0.7".parse().unwrap(), "127.0.0.1".parse().unwrap()];
        assert_eq!(fib_addresses(text), expected);
        let text = "00000000000000000000000000000001 01 80 10 80       lo\nzz\n";
        let expected: IpAddr = "::1".parse().unwrap();
        assert_eq!(if_inet6_addresses(text), [expected]);
    }

    #[test]
    fn protocols_tell_their_sockets() {
        let text = "protocol  size sockets  memory press maxhdr\n\
            MPTCPv6   2064      0     326   no       0   yes\n\
            MPTCP     1936      3     326   no       0   yes\n\
            NETLINK   1112     -1     -1   NI\n";
        assert_eq!(sockets_of(text, "MPTCP"), Some(3));
        assert_eq!(sockets_of(text, "MPTCPv6"), Some(0));
        assert_eq!(
            (sockets_of(text, "NETLINK"), sockets_of(text, "TCP")),
            (None, None)
        );
    }
}
