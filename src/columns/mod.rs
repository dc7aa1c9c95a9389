//! The one table of columns: id, header, help, alignment and value.
//!
//! Headers, plain text, CSV, `--sort` and `--columns` all read this table; a new column is
//! one entry here.

mod value;

use crate::model::{Facts, OwnerStatus, Queue, Socket};

pub use value::{OwnerField, OwnerValue, Value};

/// A socket with the facts around it: what a column looks at.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The socket.
    pub socket: &'a Socket,
    /// Owners, processes and names.
    pub facts: &'a Facts,
}

/// Where a cell's text stands in its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// One column.
pub struct Column {
    /// The name in `--columns`, `--sort`, plain and csv headers.
    pub id: &'static str,
    /// The heading for people.
    pub header: &'static str,
    /// One line of explanation.
    pub help: &'static str,
    /// How cells are aligned.
    pub align: Align,
    /// The value of a row.
    pub value: for<'a> fn(Row<'a>) -> Value<'a>,
}

impl std::fmt::Debug for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)
    }
}

/// The column called `id`.
#[must_use]
pub fn find(id: &str) -> Option<&'static Column> {
    COLUMNS.iter().find(|column| column.id == id)
}

/// The columns called `ids`; unknown ones are left out.
#[must_use]
pub fn select(ids: &[&str]) -> Vec<&'static Column> {
    ids.iter().filter_map(|id| find(id)).collect()
}

macro_rules! column {
    ($id:literal, $header:literal, $align:ident, $help:literal, $value:expr) => {
        Column {
            id: $id,
            header: $header,
            help: $help,
            align: Align::$align,
            value: $value,
        }
    };
}

/// Every column there is.
pub static COLUMNS: &[Column] = &[
    column!("protocol", "PROTO", Left, "tcp, udp or raw", |r| {
        Value::Word(r.socket.protocol.name())
    }),
    column!("family", "FAMILY", Left, "ipv4 or ipv6", |r| Value::Word(
        r.socket.family.name()
    )),
    column!(
        "state",
        "STATE",
        Left,
        "the state, as the kernel spells it",
        |r| { Value::State(r.socket.state) }
    ),
    column!(
        "recv_q",
        "RECV",
        Right,
        "bytes received and not read yet",
        |r| bytes(r, true)
    ),
    column!(
        "send_q",
        "SEND",
        Right,
        "bytes sent and not acknowledged",
        |r| bytes(r, false)
    ),
    column!("local", "LOCAL", Left, "this end: address and port", |r| {
        Value::End {
            end: r.socket.local,
            protocol: r.socket.protocol,
            interface: r.facts.interface(r.socket),
            facts: r.facts,
        }
    }),
    column!("laddr", "LOCAL ADDRESS", Left, "this end's address", |r| {
        Value::Address(r.socket.local.address)
    }),
    column!("lport", "LPORT", Right, "this end's port", |r| {
        Value::Number(r.socket.local.port.into())
    }),
    column!(
        "peer",
        "PEER",
        Left,
        "the other end: address and port",
        |r| {
            r.socket.peer.map_or(Value::Absent, |end| Value::End {
                end,
                protocol: r.socket.protocol,
                interface: None,
                facts: r.facts,
            })
        }
    ),
    column!(
        "paddr",
        "PEER ADDRESS",
        Left,
        "the other end's address",
        |r| {
            r.socket
                .peer
                .map_or(Value::Absent, |peer| Value::Address(peer.address))
        }
    ),
    column!("pport", "PPORT", Right, "the other end's port", |r| {
        r.socket
            .peer
            .map_or(Value::Absent, |peer| Value::Number(peer.port.into()))
    }),
    column!("role", "ROLE", Left, "listener, inbound or outbound", |r| {
        r.socket
            .role
            .map_or(Value::Absent, |role| Value::Word(role.name()))
    }),
    column!(
        "queue",
        "QUEUE",
        Right,
        "connections that wait for accept(), and their limit",
        |r| {
            match r.socket.queue {
                Some(Queue::Accept(queue)) => Value::Queue(queue.length, queue.limit),
                _ => Value::Absent,
            }
        }
    ),
    column!(
        "drops",
        "DROPS",
        Right,
        "packets dropped at the socket since it was made",
        |r| { number(r.socket.drops) }
    ),
    column!(
        "timer",
        "TIMER",
        Left,
        "the running timer and when it fires",
        |r| { r.socket.timer.map_or(Value::Absent, Value::Timer) }
    ),
    column!(
        "retransmits",
        "RETRANS",
        Right,
        "retransmissions, or probes without an answer",
        |r| { number(r.socket.timer.map(|timer| timer.retransmits)) }
    ),
    column!(
        "interface",
        "INTERFACE",
        Left,
        "the interface the socket is bound to",
        |r| {
            r.facts
                .interface(r.socket)
                .map_or(Value::Absent, |name| Value::Text(name.as_bytes()))
        }
    ),
    column!("inode", "INODE", Right, "the inode in sockfs", |r| number(
        r.socket.inode.map(std::num::NonZeroU32::get)
    )),
    column!(
        "cookie",
        "COOKIE",
        Left,
        "the kernel's 64-bit identity of the socket",
        |r| {
            r.socket
                .cookie
                .map_or(Value::Absent, |cookie| Value::Hex(cookie.get()))
        }
    ),
    column!(
        "netns",
        "NETNS",
        Right,
        "inode of the network namespace",
        |r| {
            r.socket
                .netns
                .map_or(Value::Absent, |netns| Value::Number(netns.get()))
        }
    ),
    column!(
        "uid",
        "UID",
        Right,
        "number of the user who made the socket",
        |r| number(r.socket.uid)
    ),
    column!(
        "user",
        "USER",
        Left,
        "name of the user who made the socket",
        |r| {
            match (r.facts.socket_user(r.socket), r.socket.uid) {
                (Some(name), _) => Value::Text(name.as_bytes()),
                (None, Some(uid)) => Value::Number(uid.into()),
                (None, None) => Value::Absent,
            }
        }
    ),
    column!(
        "owner_status",
        "OWNER",
        Left,
        "whether the owner is known, and why not",
        |r| { Value::Word(r.socket.owner_status.name()) }
    ),
    column!(
        "process",
        "PROCESS",
        Left,
        "name and pid of the owner, or why there is none",
        |r| { Value::Process(r) }
    ),
    column!("pid", "PID", Right, "pid of each owner", |r| owners(
        r,
        OwnerField::Pid
    )),
    column!("fd", "FD", Right, "descriptor of each owner", |r| owners(
        r,
        OwnerField::Fd
    )),
    column!("comm", "COMM", Left, "name of each owner", |r| owners(
        r,
        OwnerField::Comm
    )),
    column!(
        "command",
        "COMMAND",
        Left,
        "command line of each owner",
        |r| owners(r, OwnerField::Command)
    ),
    column!("unit", "UNIT", Left, "systemd unit of each owner", |r| {
        owners(r, OwnerField::Unit)
    }),
    column!(
        "container",
        "CONTAINER",
        Left,
        "container of each owner",
        |r| owners(r, OwnerField::Container)
    ),
    column!("cgroup", "CGROUP", Left, "cgroup path of each owner", |r| {
        owners(r, OwnerField::Cgroup)
    }),
];

fn number(value: Option<impl Into<u64>>) -> Value<'static> {
    value.map_or(Value::Absent, |value| Value::Number(value.into()))
}

fn bytes(row: Row<'_>, received: bool) -> Value<'static> {
    match row.socket.queue {
        Some(Queue::Bytes { recv, send }) => {
            Value::Number(if received { recv } else { send }.into())
        }
        _ => Value::Absent,
    }
}

fn owners(row: Row<'_>, field: OwnerField) -> Value<'_> {
    if row.socket.owner_status == OwnerStatus::Found {
        Value::Owners(row, field)
    } else {
        Value::Absent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_are_words_and_stand_once() {
        let mut seen = HashSet::new();
        for column in COLUMNS {
            assert!(seen.insert(column.id), "{}", column.id);
            let plain = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(column.id.chars().all(plain), "{}", column.id);
            assert!(!column.help.is_empty() && !column.header.is_empty());
        }
        assert!(find("lport").is_some() && find("nope").is_none());
    }
}
