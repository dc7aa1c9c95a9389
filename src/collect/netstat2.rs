//! The `netstat2` crate as a collector: a second, independent witness.
//!
//! It gives addresses, state, inode and uid; queues, timers, cookies, interfaces, and the
//! peer and state of UDP are not known, and stay so. An error of the kernel ends its
//! iteration without a word, so an empty table proves nothing; it has no raw sockets.

use netstat2::{
    AddressFamilyFlags, ProtocolFlags, ProtocolSocketInfo, SocketInfo, TcpState,
    iterate_sockets_info_without_pids,
};
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;

use super::{Collector, Sink, Table, TableError};
use crate::host::Host;
use crate::model::{Endpoint, Family, Protocol, Socket, State, Uid};

/// Reads tables through the crate.
#[derive(Debug)]
pub struct Netstat2 {
    host: Host,
}

impl Netstat2 {
    /// A collector for what a live host has.
    #[must_use]
    pub fn new(host: &Host) -> Self {
        let host = host.clone();
        Self { host }
    }
}

impl Collector for Netstat2 {
    fn name(&self) -> &'static str {
        "netstat2"
    }

    fn read(&mut self, table: Table, sink: &mut dyn Sink) -> Result<(), TableError> {
        let protocol = match table.protocol {
            Protocol::Tcp => ProtocolFlags::TCP,
            Protocol::Udp => ProtocolFlags::UDP,
            Protocol::Raw => {
                return Err(TableError::Missing(
                    "cannot read the raw table: netstat2 has no raw sockets".to_owned(),
                ));
            }
        };
        for family in Family::ALL {
            if table.family.is_none_or(|wanted| wanted == family) {
                read_family(&self.host, table, family, protocol, sink)?;
            }
        }
        Ok(())
    }
}

fn read_family(
    host: &Host,
    table: Table,
    family: Family,
    protocol: ProtocolFlags,
    sink: &mut dyn Sink,
) -> Result<(), TableError> {
    let flags = match family {
        Family::V4 => AddressFamilyFlags::IPV4,
        Family::V6 => AddressFamilyFlags::IPV6,
    };
    let fail = |error: &dyn fmt::Display| {
        let name = table.protocol.name();
        TableError::Unavailable(format!(
            "cannot read the {name} table with netstat2: {error}"
        ))
    };
    let read = move || {
        let rows = iterate_sockets_info_without_pids(flags, protocol)?;
        Ok(rows.collect::<Vec<_>>())
    };
    let rows: Result<Vec<_>, netstat2::error::Error> =
        host.calling_itself(read).map_err(|error| fail(&error))?;
    let rows = rows.map_err(|error| fail(&error))?;
    for row in rows {
        match row {
            Ok(row) => {
                let socket = socket(&row, family);
                if table.states.contains(socket.state) {
                    sink.push(socket);
                }
            }
            Err(_) => sink.unreadable(1),
        }
    }
    Ok(())
}

fn socket(row: &SocketInfo, family: Family) -> Socket {
    let (protocol, state, local, peer) = match &row.protocol_socket_info {
        ProtocolSocketInfo::Tcp(tcp) => (
            Protocol::Tcp,
            state(tcp.state),
            (tcp.local_addr, tcp.local_port),
            Some((tcp.remote_addr, tcp.remote_port)),
        ),
        // The state and the peer of UDP are not told: every socket counts as bound.
        ProtocolSocketInfo::Udp(udp) => (
            Protocol::Udp,
            State::Unconnected,
            (udp.local_addr, udp.local_port),
            None,
        ),
    };
    let endpoint = |(address, port): (IpAddr, u16)| Endpoint::new(address, port);
    let mut socket = Socket::new(protocol, family, state, endpoint(local));
    let peer = peer
        .map(endpoint)
        .filter(|peer| !socket.is_listener() && !peer.is_unset());
    socket.peer = peer.into();
    socket.inode = NonZeroU32::new(row.inode);
    socket.uid = socket.inode.and(Uid::new(row.uid));
    socket
}

const fn state(state: TcpState) -> State {
    match state {
        TcpState::Closed => State::BoundInactive,
        TcpState::Listen => State::Listen,
        TcpState::SynSent => State::SynSent,
        TcpState::SynReceived => State::SynRecv,
        TcpState::Established => State::Established,
        TcpState::FinWait1 => State::FinWait1,
        TcpState::FinWait2 => State::FinWait2,
        TcpState::CloseWait => State::CloseWait,
        TcpState::Closing => State::Closing,
        TcpState::LastAck => State::LastAck,
        TcpState::TimeWait => State::TimeWait,
        TcpState::DeleteTcb | TcpState::Unknown => State::Unknown(0),
    }
}
