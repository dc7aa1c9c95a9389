//! Whether a term holds for a socket.

use super::Term;
use crate::model::{Facts, PortRange, Socket};

impl Term {
    /// Whether it looks at what the join finds out.
    pub(super) const fn needs_join(&self) -> bool {
        matches!(
            self,
            Self::Pid(_) | Self::Process(_) | Self::User(_) | Self::Role(_)
        )
    }

    /// With several owners a comparison holds when one of them satisfies it.
    pub(super) fn holds(&self, socket: &Socket, facts: &Facts) -> bool {
        match self {
            Self::State(states) => states.contains(&socket.state),
            Self::Protocol(protocols) => protocols.contains(&socket.protocol),
            Self::Family(families) => families.contains(&socket.family),
            Self::Port(ports) => local_in(ports, socket) || peer_in(ports, socket),
            Self::LocalPort(ports) => local_in(ports, socket),
            Self::PeerPort(ports) => peer_in(ports, socket),
            Self::Pid(pids) => facts.owner_processes(socket).any(|p| pids.contains(&p.pid)),
            Self::Process(names) => facts
                .owner_processes(socket)
                .any(|process| names.iter().any(|name| process.is_called(name.as_bytes()))),
            Self::User(names) => is_user(names, socket, facts),
            Self::Uid(uids) => socket.uid.is_some_and(|uid| uids.contains(&uid)),
            Self::Role(roles) => socket.role.is_some_and(|role| roles.contains(&role)),
            Self::Inode(inodes) => socket.inode.is_some_and(|i| inodes.contains(&i.get())),
        }
    }
}

fn local_in(ports: &[PortRange], socket: &Socket) -> bool {
    ports.iter().any(|range| range.contains(socket.local.port))
}

fn peer_in(ports: &[PortRange], socket: &Socket) -> bool {
    let peer = socket.peer.as_ref();
    peer.is_some_and(|peer| ports.iter().any(|range| range.contains(peer.port)))
}

/// By name, or by number where the user has no such name.
fn is_user(names: &[String], socket: &Socket, facts: &Facts) -> bool {
    let Some(uid) = socket.uid else { return false };
    let known = facts.user(uid);
    names
        .iter()
        .any(|name| known == Some(name.as_str()) || name.parse() == Ok(uid))
}

#[cfg(test)]
mod tests {
    use super::super::Filter;
    use super::*;
    use crate::model::{
        Endpoint, Family, Holder, HolderIndex, Process, Protocol, Role, State, Via,
    };
    use std::net::{IpAddr, Ipv4Addr};
    use std::num::NonZeroU32;

    fn connection() -> (Socket, Facts) {
        let end = |port| Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let mut socket = Socket::new(Protocol::Tcp, Family::V4, State::CloseWait, end(8080));
        socket.peer = Some(end(40000));
        socket.inode = NonZeroU32::new(5);
        socket.uid = Some(1000);
        socket.role = Some(Role::Inbound);
        let holder = |pid| Holder {
            inode: NonZeroU32::new(5).unwrap(),
            pid,
            via: Via::Fd(3),
        };
        let mut facts = Facts {
            holders: HolderIndex::new(vec![holder(10), holder(20)]),
            ..Facts::default()
        };
        socket.held = facts.holders.find(socket.inode);
        facts.users.insert(1000, Some("app".into()));
        for (pid, comm) in [(10, "java"), (20, "helper")] {
            let process = Process {
                pid,
                comm: comm.into(),
                command: None,
                uid: None,
                parent: None,
                started: None,
                cgroup: None,
                files: None,
            };
            facts.processes.insert(pid, process);
        }
        (socket, facts)
    }

    #[test]
    fn words_are_joined_by_and() {
        let (socket, facts) = connection();
        let holds = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            Filter::parse(&words).unwrap().matches(&socket, &facts)
        };
        assert!(holds(&[]));
        assert!(holds(&["state=closewait", "port=40000", "lport=8000-8100"]));
        assert!(holds(&["pid=20"]) && holds(&["process=java"]) && holds(&["process=x,helper"]));
        assert!(holds(&["user=app"]) && holds(&["user=1000"]) && holds(&["uid=1000"]));
        assert!(holds(&["role=inbound"]) && holds(&["inode=5"]));
        assert!(!holds(&["lport=40000"]));
        assert!(!holds(&["pport=8080"]));
        assert!(!holds(&["process=jav"]));
        assert!(!holds(&["user=root"]));
        assert!(!holds(&["state=close_wait", "pid=30"]));
    }

    #[test]
    fn before_the_join_only_the_socket_counts() {
        let (socket, _) = connection();
        let may = |word: &str| {
            Filter::parse(&[word.to_owned()])
                .unwrap()
                .may_match(&socket)
        };
        assert!(may("process=nobody") && may("role=outbound") && may("pid=1"));
        assert!(may("port=8080") && !may("port=1") && !may("state=listen"));
    }

    #[test]
    fn a_comparison_with_what_is_not_known_is_false() {
        let (mut socket, _) = connection();
        socket.uid = None;
        socket.peer = None;
        socket.role = None;
        for word in ["user=root", "uid=0", "pport=0", "role=outbound", "pid=1"] {
            let filter = Filter::parse(&[word.to_owned()]).unwrap();
            assert!(!filter.matches(&socket, &Facts::default()), "{word}");
        }
    }
}
