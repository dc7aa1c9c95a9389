//! Options of a socket that change what the network does with it.

/// What a program, or the system for it, has set on a socket.
///
/// Source: attributes of `inet_diag` (`net/ipv4/inet_diag.c`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SocketOptions {
    /// The name of the congestion control of a TCP connection: a module of the kernel
    /// (`INET_DIAG_CONG`).
    pub congestion: Option<super::Foreign>,
    /// Type of service of IPv4 packets (`INET_DIAG_TOS`).
    pub tos: Option<u8>,
    /// Traffic class of IPv6 packets (`INET_DIAG_TCLASS`).
    pub traffic_class: Option<u8>,
    /// The mark of its packets, `SO_MARK` (`INET_DIAG_MARK`): told to `CAP_NET_ADMIN` only.
    pub mark: Option<u32>,
    /// The network class of its cgroup, or else its priority (`INET_DIAG_CLASS_ID`).
    pub class: Option<u32>,
    /// Which halves the program has shut down: receiving, sending (`INET_DIAG_SHUTDOWN`).
    pub shut_down: Option<(bool, bool)>,
    /// Flags that were set (`INET_DIAG_SOCKOPT`, Linux 5.10).
    pub flags: Option<u16>,
}

impl SocketOptions {
    /// The flags by the names of their options; empty where they are not known.
    pub fn flag_names(&self) -> impl Iterator<Item = &'static str> + use<> {
        /// Bits of `struct inet_diag_sockopt`; those that are set by default are left out.
        const NAMES: [(u16, &str); 8] = [
            (1 << 0, "IP_RECVERR"),
            (1 << 2, "IP_FREEBIND"),
            (1 << 3, "IP_HDRINCL"),
            (1 << 5, "IP_TRANSPARENT"),
            (1 << 7, "IP_NODEFRAG"),
            (1 << 8, "IP_BIND_ADDRESS_NO_PORT"),
            (1 << 9, "IP_RECVERR_RFC4884"),
            (1 << 10, "TCP_FASTOPEN_CONNECT"),
        ];
        let flags = self.flags.unwrap_or_default();
        let set = NAMES.into_iter().filter(move |(bit, _)| flags & bit != 0);
        set.map(|(_, name)| name)
    }

    /// What the packets of the socket carry: the traffic class of IPv6, or the type of service
    /// of IPv4.
    #[must_use]
    pub fn service(&self, is_ipv4: bool) -> Option<u8> {
        if is_ipv4 {
            self.tos
        } else {
            self.traffic_class.or(self.tos)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_have_the_names_of_their_options() {
        let options = SocketOptions {
            flags: Some(1 << 2 | 1 << 6 | 1 << 8),
            tos: Some(0x10),
            ..SocketOptions::default()
        };
        let names: Vec<_> = options.flag_names().collect();
        assert_eq!(names, ["IP_FREEBIND", "IP_BIND_ADDRESS_NO_PORT"]);
        assert_eq!(SocketOptions::default().flag_names().count(), 0);
        assert_eq!(options.service(true), Some(0x10));
        assert_eq!(options.service(false), Some(0x10));
    }
}
