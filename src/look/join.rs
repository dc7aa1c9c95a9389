//! Sockets and their owners put together, with a reason where there is no owner. Pure.

use crate::model::{Held, ListenerPorts, OwnerStatus, Role, Socket, State};

/// What is known of owners when sockets are attributed.
#[derive(Clone, Copy, Debug)]
pub enum Owners {
    /// Not asked for.
    NotAsked,
    /// Searched for: a socket that is held knows its holders already.
    Searched {
        /// Whether some fd tables could not be read that may hold the socket.
        denied: bool,
    },
}

/// Gives a socket its role and the status of its owner.
///
/// `listeners` must know the listeners of the socket's namespace already.
pub fn attribute(socket: &mut Socket, listeners: &ListenerPorts, owners: Owners) {
    socket.role = role(socket, listeners);
    socket.owner_status = owner_status(socket, owners);
    if without_file(socket).is_some() {
        socket.inode = None;
        socket.uid = None;
    }
}

/// Listeners by their state; connections by whether a listener waits at their local end.
fn role(socket: &Socket, listeners: &ListenerPorts) -> Option<Role> {
    match socket.state {
        _ if socket.is_listener() => Some(Role::Listener),
        State::BoundInactive | State::Close => None,
        _ if socket.local.inet().is_none() => None,
        _ if listeners.contain(socket) => Some(Role::Inbound),
        _ => Some(Role::Outbound),
    }
}

fn owner_status(socket: &Socket, owners: Owners) -> OwnerStatus {
    if let Some(status) = without_file(socket) {
        return status;
    }
    match owners {
        Owners::NotAsked => OwnerStatus::NotAsked,
        Owners::Searched { denied } => match socket.inode {
            _ if socket.held != Held::default() => OwnerStatus::Found,
            Some(_) if denied => OwnerStatus::Denied,
            _ => OwnerStatus::KernelOrHidden,
        },
    }
}

/// Why a socket has no file, when its state explains it.
fn without_file(socket: &Socket) -> Option<OwnerStatus> {
    if socket.protocol != crate::model::Protocol::Tcp {
        return None;
    }
    match socket.state {
        State::TimeWait => Some(OwnerStatus::TimeWait),
        _ if socket.inode.is_some() => None,
        State::SynRecv => Some(OwnerStatus::Handshake),
        State::Established | State::CloseWait => Some(OwnerStatus::Unaccepted),
        State::FinWait1 | State::FinWait2 | State::Closing | State::LastAck => {
            Some(OwnerStatus::Orphaned)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, Family, Holder, HolderIndex, Protocol, Uid, Via};
    use std::net::{IpAddr, Ipv4Addr};
    use std::num::NonZeroU32;

    fn socket(state: State, inode: u32) -> Socket {
        let local = Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 80);
        let mut socket = Socket::new(Protocol::Tcp, Family::V4, state, local);
        socket.inode = NonZeroU32::new(inode);
        socket.uid = Uid::new(0);
        socket
    }

    fn status(state: State, inode: u32, denied: bool) -> (OwnerStatus, Option<u32>) {
        let holders = HolderIndex::new(vec![Holder {
            inode: NonZeroU32::new(7).unwrap(),
            pid: 1,
            via: Via::Fd(3),
        }]);
        let mut socket = socket(state, inode);
        socket.held = holders.find(socket.inode);
        let owners = Owners::Searched { denied };
        attribute(&mut socket, &ListenerPorts::default(), owners);
        (socket.owner_status, socket.uid.map(Uid::get))
    }

    #[test]
    fn every_missing_owner_has_a_reason() {
        use OwnerStatus as S;
        for (state, inode, denied, expected) in [
            (State::Established, 7, false, S::Found),
            (State::Established, 7, true, S::Found),
            (State::Established, 8, true, S::Denied),
            (State::Established, 8, false, S::KernelOrHidden),
            (State::Listen, 0, false, S::KernelOrHidden),
            (State::Established, 0, true, S::Unaccepted),
            (State::CloseWait, 0, false, S::Unaccepted),
            (State::TimeWait, 0, false, S::TimeWait),
            (State::SynRecv, 0, false, S::Handshake),
            (State::FinWait1, 0, false, S::Orphaned),
            (State::FinWait2, 0, false, S::Orphaned),
            (State::Closing, 0, false, S::Orphaned),
            (State::LastAck, 0, false, S::Orphaned),
            (State::LastAck, 7, false, S::Found),
        ] {
            assert_eq!(status(state, inode, denied).0, expected, "{state} {inode}");
        }
    }

    #[test]
    fn sockets_without_a_file_have_no_user() {
        assert_eq!(status(State::TimeWait, 0, false).1, None);
        assert_eq!(status(State::Established, 0, false).1, None);
        assert_eq!(status(State::Established, 7, false).1, Some(0));
    }

    #[test]
    fn not_asking_still_tells_what_the_state_tells() {
        let mut time_wait = socket(State::TimeWait, 0);
        let ports = ListenerPorts::default();
        attribute(&mut time_wait, &ports, Owners::NotAsked);
        assert_eq!(time_wait.owner_status, OwnerStatus::TimeWait);
        let mut live = socket(State::Established, 7);
        attribute(&mut live, &ports, Owners::NotAsked);
        assert_eq!(live.owner_status, OwnerStatus::NotAsked);
    }

    #[test]
    fn roles_follow_the_listeners() {
        let mut ports = ListenerPorts::default();
        let mut connection = socket(State::Established, 7);
        assert_eq!(role(&connection, &ports), Some(Role::Outbound));
        ports.note(&socket(State::Listen, 7));
        assert_eq!(role(&connection, &ports), Some(Role::Inbound));
        connection.protocol = Protocol::Udp;
        assert_eq!(role(&connection, &ports), Some(Role::Outbound));
        assert_eq!(role(&socket(State::BoundInactive, 7), &ports), None);
        let listener = socket(State::Listen, 7);
        assert_eq!(role(&listener, &ports), Some(Role::Listener));
    }
}
