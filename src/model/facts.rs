//! What rows need beside the sockets: owners, processes, names.

use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroU64};

use rustc_hash::FxHashMap;

use super::{
    Cgroup, Endpoint, Foreign, Holder, HolderIndex, NetnsId, Process, Protocol, Report,
    ShareGroups, Socket,
};

/// Everything a row needs beside its socket, each fact read once.
///
/// A value without I/O: the enrich step fills it, filters and renderers only look.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Who holds which socket.
    pub holders: HolderIndex,
    /// The processes that were asked for.
    pub processes: FxHashMap<u32, Process>,
    /// Names of users; `None` for a uid without a name.
    pub users: FxHashMap<u32, Option<Foreign>>,
    /// Names of interfaces by namespace and index.
    pub interfaces: FxHashMap<(Option<NetnsId>, NonZeroU32), Foreign>,
    /// cgroups by id, where they were asked for and could be found.
    pub cgroups: FxHashMap<NonZeroU64, Cgroup>,
    /// Sockets that share an address, where it was asked for.
    pub groups: ShareGroups,
    /// Names of addresses, with `-r`.
    pub hosts: FxHashMap<IpAddr, Foreign>,
    /// Names of ports, with `-r`.
    pub services: FxHashMap<(Protocol, u16), Foreign>,
}

impl Facts {
    /// Every holder of `socket` whose process is known, lowest pid and fd first.
    pub fn owners<'a>(
        &'a self,
        socket: &Socket,
    ) -> impl Iterator<Item = (&'a Holder, &'a Process)> + use<'a> {
        self.holders
            .at(socket.held)
            .iter()
            .filter_map(|holder| Some((holder, self.processes.get(&holder.pid)?)))
    }

    /// The processes that hold `socket`, each once, lowest pid first.
    pub fn owner_processes<'a>(
        &'a self,
        socket: &Socket,
    ) -> impl Iterator<Item = &'a Process> + use<'a> {
        let mut last = None;
        self.owners(socket).filter_map(move |(_, process)| {
            let new = last != Some(process.pid);
            last = Some(process.pid);
            new.then_some(process)
        })
    }

    /// The name of a user, when there is one.
    #[must_use]
    pub fn user(&self, uid: u32) -> Option<&Foreign> {
        self.users.get(&uid)?.as_ref()
    }

    /// The name of the user who made `socket`.
    #[must_use]
    pub fn socket_user(&self, socket: &Socket) -> Option<&Foreign> {
        self.user(socket.uid?.get())
    }

    /// The name of the interface `socket` is bound to.
    #[must_use]
    pub fn interface(&self, socket: &Socket) -> Option<&Foreign> {
        self.interface_of(socket.netns, socket.interface?)
    }

    /// The name of an interface of a namespace.
    #[must_use]
    pub fn interface_of(&self, netns: Option<NetnsId>, index: NonZeroU32) -> Option<&Foreign> {
        self.interfaces.get(&(netns, index))
    }

    /// The interface `socket` is bound to, as it is shown with its ends: its name, or its index
    /// where it has none any more.
    #[must_use]
    pub fn device(&self, socket: &Socket) -> Option<Device<'_>> {
        let index = socket.interface?;
        let name = self.interface(socket);
        Some(name.map_or(Device::Index(index), |name| Device::Name(name.bytes())))
    }

    /// The cgroup `socket` was made in.
    #[must_use]
    pub fn cgroup(&self, socket: &Socket) -> Option<&Cgroup> {
        self.cgroups.get(&socket.cgroup?)
    }

    /// The name of an address, with `-r`.
    #[must_use]
    pub fn host(&self, endpoint: &Endpoint) -> Option<&Foreign> {
        self.hosts.get(&endpoint.address)
    }

    /// The name of a port, with `-r`.
    #[must_use]
    pub fn service(&self, protocol: Protocol, port: u16) -> Option<&Foreign> {
        self.services.get(&(protocol, port))
    }
}

/// An interface, as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device<'a> {
    /// By its name.
    Name(&'a [u8]),
    /// By its number, where the name is not known.
    Index(NonZeroU32),
}

/// All rows of an answer at once, with their facts: what a view that needs the whole is made
/// from, live or recorded.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The sockets, in the kernel's order.
    pub sockets: Vec<Socket>,
    /// What the rows need.
    pub facts: Facts,
    /// Where it came from and what is missing.
    pub report: Report,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, Family, State};

    #[test]
    fn an_index_is_another_interface_in_another_namespace() {
        let index = NonZeroU32::new(2);
        let socket = |netns| {
            let local = Endpoint::new([127, 0, 0, 1].into(), 80);
            let mut socket = Socket::new(Protocol::Tcp, Family::V4, State::Listen, local);
            socket.netns = NetnsId::new(netns);
            socket.interface = index;
            socket
        };
        let mut facts = Facts::default();
        for (netns, name) in [(1, "eth0"), (2, "veth7")] {
            let key = (NetnsId::new(netns), index.unwrap());
            facts.interfaces.insert(key, name.into());
        }
        for (netns, name) in [(1, Some("eth0")), (2, Some("veth7")), (3, None), (0, None)] {
            let known = facts.interface(&socket(netns)).map(ToString::to_string);
            assert_eq!(known.as_deref(), name);
        }
    }
}
