//! How values are read out of a row.

use super::{OwnerField, Row, Value};
use crate::model::{
    Address, Endpoint, Foreign, Memory, OwnerStatus, Peer, Queue, SocketOptions, TcpInfo,
};

pub(super) fn number(value: impl Into<u64>) -> Value<'static> {
    Value::Number(value.into())
}

/// This end of a socket, with the interface that it is bound to.
#[must_use]
pub fn local(row: Row<'_>) -> Value<'_> {
    let Some(end) = row.socket.local.inet() else {
        return named(&row.socket.local, row);
    };
    Value::End {
        end,
        takes_both: row.socket.takes_both_families() == Some(true),
        protocol: row.socket.protocol,
        device: row.facts.device(row.socket),
        facts: row.facts,
    }
}

pub(super) fn local_address(row: Row<'_>) -> Value<'_> {
    let takes_both = row.socket.takes_both_families() == Some(true);
    match row.socket.local.ip() {
        Some(address) => Value::Address(address, takes_both),
        None => named(&row.socket.local, row),
    }
}

pub(super) fn local_port(row: Row<'_>) -> Value<'_> {
    row.socket.local.port().map_or(Value::Absent, number)
}

/// An address without a port.
fn named<'a>(address: &'a Address, row: Row<'a>) -> Value<'a> {
    match address {
        Address::Unix(name) => Value::Text(name.text()),
        Address::Device(index) => match row.facts.interface_of(row.socket.netns, *index) {
            Some(name) => Value::Text(name.bytes()),
            None => number(index.get()),
        },
        Address::Inet(_) | Address::None => Value::Absent,
    }
}

/// The other end, which no interface belongs to.
#[must_use]
pub fn peer(row: Row<'_>) -> Value<'_> {
    of_peer(row, |end| Value::End {
        end,
        takes_both: false,
        protocol: row.socket.protocol,
        device: None,
        facts: row.facts,
    })
}

/// What `read` makes of an IP address and port; of another end, its name.
fn of_peer<'a>(row: Row<'a>, read: impl FnOnce(Endpoint) -> Value<'a>) -> Value<'a> {
    match &row.socket.peer {
        Peer::None => Value::Absent,
        Peer::At(Address::Inet(end)) => read(*end),
        Peer::At(address) => named(address, row),
        Peer::Inode(_, Some(name)) => Value::Text(name.text()),
        Peer::Inode(inode, None) => number(inode.get()),
    }
}

pub(super) fn peer_address(row: Row<'_>) -> Value<'_> {
    match row.socket.peer {
        Peer::Inode(_, None) => Value::Absent,
        _ => of_peer(row, |end| Value::Address(end.address, false)),
    }
}

pub(super) fn peer_port(row: Row<'_>) -> Value<'_> {
    row.socket.peer.port().map_or(Value::Absent, number)
}

pub(super) fn interface(row: Row<'_>) -> Value<'_> {
    let name = row.facts.interface(row.socket);
    name.map_or(Value::Absent, |name| Value::Text(name.bytes()))
}

pub(super) fn queue_bytes(row: Row<'_>, read: impl FnOnce(u32, u32) -> u32) -> Value<'static> {
    match row.socket.queue {
        Some(Queue::Bytes { recv, send }) => number(read(recv, send)),
        _ => Value::Absent,
    }
}

/// What was received and is not read: bytes, or where there are none the end of them.
pub(super) fn received(row: Row<'_>) -> Value<'static> {
    match row.socket.queue {
        Some(Queue::Bytes { recv: 0, .. }) if row.socket.unread_fin => Value::Fin,
        _ => queue_bytes(row, |recv, _| recv),
    }
}

pub(super) fn age(row: Row<'_>) -> Value<'static> {
    row.socket.age().map_or(Value::Absent, |age| Value::Span {
        amount: age.ms,
        unit: super::TimeUnit::Millis,
        at_least: age.at_least,
    })
}

/// A fact of TCP, where it was asked for and the socket has it.
pub(super) fn from_info<'a>(
    row: Row<'a>,
    read: impl FnOnce(&'a TcpInfo) -> Option<Value<'a>>,
) -> Value<'a> {
    let info = row.socket.tcp.as_deref();
    info.and_then(read).unwrap_or(Value::Absent)
}

pub(super) fn mss(row: Row<'_>) -> Value<'_> {
    from_info(row, |info| Some(number(info.send_mss)))
}

pub(super) fn option<'a>(
    row: Row<'a>,
    read: impl FnOnce(&'a SocketOptions) -> Option<Value<'a>>,
) -> Value<'a> {
    let options = row.socket.options.as_deref();
    options.and_then(read).unwrap_or(Value::Absent)
}

pub(super) fn memory(row: Row<'_>, read: impl FnOnce(&Memory) -> u32) -> Value<'static> {
    let memory = row.socket.memory.as_deref();
    memory.map_or(Value::Absent, |memory| Value::Bytes(read(memory).into()))
}

/// Of datagrams /proc/net tells it too.
pub(super) fn memory_received(row: Row<'_>) -> Value<'static> {
    let received = row.socket.memory_received();
    received.map_or(Value::Absent, |bytes| Value::Bytes(bytes.into()))
}

pub(super) fn user(row: Row<'_>) -> Value<'_> {
    match (row.facts.socket_user(row.socket), row.socket.uid) {
        (Some(name), _) => Value::Text(name.bytes()),
        (None, Some(uid)) => number(uid.get()),
        (None, None) => Value::Absent,
    }
}

/// One thing of each owner.
pub(super) fn owners(row: Row<'_>, field: OwnerField) -> Value<'_> {
    if row.socket.owner_status == OwnerStatus::Found {
        Value::Owners(row, field)
    } else {
        Value::Absent
    }
}

/// A cgroup, or what its path names, of each owner; where none is known, of the socket.
pub(super) fn owned(row: Row<'_>, field: OwnerField) -> Value<'_> {
    if row.socket.owner_status == OwnerStatus::Found {
        return Value::Owners(row, field);
    }
    let cgroup = row.facts.cgroup(row.socket);
    let text = match field {
        OwnerField::Unit => cgroup.and_then(|cgroup| cgroup.unit()),
        OwnerField::Container => cgroup
            .and_then(|cgroup| cgroup.container.as_ref())
            .map(Foreign::bytes),
        _ => cgroup.map(|cgroup| cgroup.path.bytes()),
    };
    match (text, row.socket.cgroup) {
        (Some(text), _) => Value::Text(text),
        (None, Some(id)) if field == OwnerField::Cgroup => number(id.get()),
        _ => Value::Absent,
    }
}
