//! The one table of columns: id, header, help, alignment and value.
//!
//! Headers, plain text, CSV, `--sort` and `--columns` all read this table; a new column is
//! one entry here.

use std::cmp::Ordering;
use std::net::IpAddr;

use crate::model::{
    Endpoint, Facts, Holder, OwnerStatus, Process, Protocol, Queue, Socket, State, Timer, Via,
};

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

/// The value of a cell, before it becomes text.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// Not known, or there is none.
    Absent,
    /// A number.
    Number(u64),
    /// A number written in 16 hexadecimal digits.
    Hex(u64),
    /// A word of ours.
    Word(&'static str),
    /// A state.
    State(State),
    /// An address.
    Address(IpAddr),
    /// An address and a port, with names where they are known.
    End {
        /// The endpoint.
        end: Endpoint,
        /// The transport, which chooses the service's name.
        protocol: Protocol,
        /// The interface the socket is bound to.
        interface: Option<&'a str>,
        /// Names of hosts and services.
        facts: &'a Facts,
    },
    /// Length and limit of an accept queue.
    Queue(u32, Option<u32>),
    /// The running timer.
    Timer(Timer),
    /// Text that another process chose.
    Text(&'a [u8]),
    /// One thing of each owner.
    Owners(Row<'a>, OwnerField),
    /// The owner for people: name and pid, or why there is none.
    Process(Row<'a>),
}

/// What is told of each owner in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerField {
    /// The pid.
    Pid,
    /// The descriptor.
    Fd,
    /// The name.
    Comm,
    /// The command line.
    Command,
    /// The systemd unit.
    Unit,
    /// The container.
    Container,
    /// The cgroup path.
    Cgroup,
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

/// What one owner has to tell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OwnerValue<'a> {
    /// Nothing.
    Absent,
    /// A number.
    Number(u32),
    /// Text that another process chose.
    Text(&'a [u8]),
    /// Text of ours around text of theirs.
    Made(String),
}

impl OwnerField {
    /// The value of one owner.
    #[must_use]
    pub fn of<'a>(self, holder: &Holder, process: &'a Process) -> OwnerValue<'a> {
        let text = |text: Option<&'a [u8]>| text.map_or(OwnerValue::Absent, OwnerValue::Text);
        match self {
            Self::Pid => OwnerValue::Number(holder.pid),
            Self::Fd => match holder.via {
                Via::Fd(fd) => OwnerValue::Number(fd),
                Via::IoUring => OwnerValue::Absent,
            },
            Self::Comm => OwnerValue::Text(&process.comm),
            Self::Command => text(process.command.as_deref()),
            Self::Unit => text(process.unit().map(str::as_bytes)),
            Self::Cgroup => text(process.cgroup.as_deref().map(str::as_bytes)),
            Self::Container => process.container().map_or(OwnerValue::Absent, |container| {
                OwnerValue::Made(format!("{}:{}", container.engine, container.id))
            }),
        }
    }
}

impl Value<'_> {
    /// The order of two cells of one column: what is absent comes last.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        use Value as V;
        match (self, other) {
            (V::Absent, V::Absent) => Ordering::Equal,
            (V::Absent, _) => Ordering::Greater,
            (_, V::Absent) => Ordering::Less,
            (V::Number(a), V::Number(b)) | (V::Hex(a), V::Hex(b)) => a.cmp(b),
            (V::Word(a), V::Word(b)) => a.cmp(b),
            (V::State(a), V::State(b)) => a.cmp(b),
            (V::Address(a), V::Address(b)) => a.cmp(b),
            (V::End { end: a, .. }, V::End { end: b, .. }) => a.cmp(b),
            (V::Queue(a, al), V::Queue(b, bl)) => (a, al).cmp(&(b, bl)),
            (V::Timer(a), V::Timer(b)) => a.expires_ms.cmp(&b.expires_ms),
            (V::Text(a), V::Text(b)) => a.cmp(b),
            (V::Owners(a, field), V::Owners(b, _)) => {
                owner_values(*a, *field).cmp(&owner_values(*b, *field))
            }
            (V::Process(a), V::Process(b)) => process_key(a).cmp(&process_key(b)),
            // A user without a name stands beside users with one.
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    /// Whether there is nothing to show.
    #[must_use]
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Text(_) => 0,
            Self::Number(_) => 1,
            _ => 2,
        }
    }
}

fn owner_values(row: Row<'_>, field: OwnerField) -> Vec<OwnerValue<'_>> {
    let owners = row.facts.owners(row.socket);
    owners
        .map(|(holder, process)| field.of(holder, process))
        .collect()
}

/// Sockets with an owner first, by name and pid; then the others by their reason.
fn process_key<'a>(row: &Row<'a>) -> (bool, &'a [u8], u32, &'static str) {
    let reason = row.socket.owner_status.name();
    match row.facts.owners(row.socket).next() {
        Some((_, process)) => (false, &process.comm, process.pid, reason),
        None => (true, &[], 0, reason),
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

    #[test]
    fn absent_is_last() {
        assert_eq!(Value::Absent.compare(&Value::Number(9)), Ordering::Greater);
        assert_eq!(Value::Number(2).compare(&Value::Number(10)), Ordering::Less);
    }
}
