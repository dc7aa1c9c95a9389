//! Sockets that share one address, and the cgroups that sockets name themselves.

use std::num::NonZeroU32;

use rustc_hash::FxHashMap;

use super::process::{container_in, unit_in};
use super::{Endpoint, Foreign, NetnsId, Protocol, Socket};

/// An address of a namespace that sockets are bound to: what `SO_REUSEPORT` lets several share.
type Bound = (Option<NetnsId>, Protocol, Endpoint, Option<NonZeroU32>);

/// The groups of listening sockets that share namespace, protocol, address, port and
/// interface.
///
/// The kernel does not tell its own groups; only sockets that asked for it (`SO_REUSEPORT`, or
/// `SO_REUSEADDR` of UDP) can be bound alike, so these are they.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShareGroups {
    members: FxHashMap<Bound, u32>,
    numbers: FxHashMap<Bound, u32>,
}

impl ShareGroups {
    /// Counts a socket; all that are not listening are passed over.
    pub fn note(&mut self, socket: &Socket) {
        if let Some(bound) = bound(socket) {
            *self.members.entry(bound).or_default() += 1;
        }
    }

    /// Numbers the groups, from 1, in the order of namespace, protocol, address and port: the same
    /// listeners get the same numbers.
    pub fn number(&mut self) {
        let shared = self.members.iter().filter(|(_, count)| **count > 1);
        let mut groups: Vec<Bound> = shared.map(|(bound, _)| *bound).collect();
        groups.sort_unstable();
        self.numbers = groups.into_iter().zip(1..).collect();
    }

    /// The number of the socket's group; `None` where it shares its address with nobody.
    #[must_use]
    pub fn of(&self, socket: &Socket) -> Option<u32> {
        self.numbers.get(&bound(socket)?).copied()
    }

    /// How many sockets the socket's group has, itself included.
    #[must_use]
    pub fn size(&self, socket: &Socket) -> Option<u32> {
        self.of(socket)?;
        self.members.get(&bound(socket)?).copied()
    }
}

fn bound(socket: &Socket) -> Option<Bound> {
    let shares = socket.is_listener() && socket.protocol != Protocol::Raw;
    let local = socket.local.inet().filter(|_| shares)?;
    Some((socket.netns, socket.protocol, local, socket.interface))
}

/// The cgroup a socket was made in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroup {
    /// Its path below the root of the hierarchy that the reader sees.
    pub path: Foreign,
    /// `engine:id`, where the path has the mark of a container engine.
    pub container: Option<Foreign>,
}

impl Cgroup {
    /// The cgroup of a path.
    #[must_use]
    pub fn new(path: Foreign) -> Self {
        let container = container_in(path.bytes());
        Self {
            container: container.map(|container| container.label()),
            path,
        }
    }

    /// The systemd unit that the path names.
    #[must_use]
    pub fn unit(&self) -> Option<&[u8]> {
        unit_in(self.path.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Family, State};
    use std::net::{IpAddr, Ipv4Addr};

    fn socket(protocol: Protocol, state: State, port: u16) -> Socket {
        let local = Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        Socket::new(protocol, Family::V4, state, local)
    }

    #[test]
    fn only_listeners_at_one_address_are_a_group() {
        let listener = |port| socket(Protocol::Tcp, State::Listen, port);
        let datagram = socket(Protocol::Udp, State::Unconnected, 80);
        let connection = socket(Protocol::Tcp, State::Established, 80);
        let mut groups = ShareGroups::default();
        for one in [
            &listener(90),
            &listener(80),
            &listener(80),
            &listener(90),
            &listener(70),
            &datagram,
            &connection,
            &connection,
        ] {
            groups.note(one);
        }
        groups.number();
        assert_eq!(groups.of(&listener(80)), Some(1));
        assert_eq!(groups.of(&listener(90)), Some(2));
        assert_eq!(groups.size(&listener(90)), Some(2));
        for alone in [listener(70), datagram, connection] {
            assert_eq!((groups.of(&alone), groups.size(&alone)), (None, None));
        }
    }

    #[test]
    fn one_address_in_two_namespaces_is_shared_by_nobody() {
        let listener = |netns| Socket {
            netns: NetnsId::new(netns),
            ..socket(Protocol::Tcp, State::Listen, 80)
        };
        let mut groups = ShareGroups::default();
        for netns in [1, 2, 2, 3, 3, 3] {
            groups.note(&listener(netns));
        }
        groups.number();
        let told = |netns| (groups.of(&listener(netns)), groups.size(&listener(netns)));
        assert_eq!(told(1), (None, None));
        assert_eq!(told(2), (Some(1), Some(2)));
        assert_eq!(told(3), (Some(2), Some(3)));
    }

    #[test]
    fn a_cgroup_names_its_unit_and_its_container() {
        let id = "0123456789abcdef".repeat(4);
        let cgroup = Cgroup::new(format!("/system.slice/docker-{id}.scope").into());
        assert_eq!(cgroup.container, Some("docker:0123456789ab".into()));
        let cgroup = Cgroup::new("/system.slice/nginx.service".into());
        assert_eq!(cgroup.unit(), Some(&b"nginx.service"[..]));
        assert_eq!(cgroup.container, None);
    }
}
