//! A socket as JSON has it.
//!
//! All of it is borrowed, and owners are written as they are found: a row costs no allocation.

use std::borrow::Cow;
use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroU64};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize, Serializer};

use super::asked::Asked;
use super::{optional, text};
use crate::columns::{Column, Row};
use crate::model::{
    Address, Background, Facts, Family, Foreign, Holder, NetnsId, OwnerStatus, Peer, Process,
    Protocol, Queue, Role, Socket, SocketKind, State, Timer, TimerKind, Uid, Ulp, UnixName, Via,
};

/// One socket. What the source could not say is null, never 0 or "".
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Socket"))]
pub struct SocketRow<'a> {
    protocol: Protocol,
    family: Family,
    /// The kind of the socket; only where the protocol does not tell it.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(skip))]
    kind: Option<SocketKind>,
    state: State,
    /// This end.
    local: EndRow<'a>,
    /// The other end; null for listeners and whatever is not connected.
    peer: Option<EndRow<'a>>,
    /// The inode of the other end; only of what is connected to a socket and not to an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(skip))]
    peer_inode: Option<NonZeroU32>,
    /// Null for what is neither a listener nor connected, and where it cannot be told.
    role: Option<Role>,
    /// The interface that the socket is bound to; null when to none, and where the source does
    /// not say.
    interface: Option<Cow<'a, str>>,
    /// The bytes of `interface`; only where it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "crate::json::base64::Base64"))]
    interface_base64: Option<String>,
    /// Whether it takes IPv4 and IPv6 alike: true for a listener on every address of both, which
    /// tables show as `*`; false for every other listener; null for what is no listener, and
    /// where the source does not say.
    dual_stack: Option<bool>,
    /// The inode in sockfs; null when no file belongs to the socket: in TIME_WAIT, before
    /// accept(), after close().
    inode: Option<NonZeroU32>,
    /// The kernel's identity of the socket, 16 hexadecimal digits; null where the source has
    /// none.
    cookie: Option<Cookie>,
    /// The inode of the network namespace; null where it is not known.
    netns: Option<NonZeroU64>,
    /// The user who made the socket; null where the kernel records none.
    uid: Option<u32>,
    /// The name of that user; null when it has none.
    user: Option<Cow<'a, str>>,
    /// Bytes that arrived and were not read; null for what has no such queue (listeners, UDP, raw
    /// and MPTCP subflows), and where the source does not say.
    recv_q: Option<u32>,
    /// Bytes that were written and are not acknowledged; null as `recv_q`.
    send_q: Option<u32>,
    /// Connections that wait for accept(); null for everything but LISTEN, and where the source
    /// does not say.
    accept_queue: Option<AcceptQueueRow>,
    /// The timer that runs; null when none does, and where the source does not say.
    timer: Option<TimerRow>,
    /// Every process that holds the socket, by pid and descriptor.
    #[cfg_attr(test, schemars(with = "Vec<OwnerRow>"))]
    owners: OwnersRow<'a>,
    owner_status: OwnerStatus,
    /// Packets dropped at this socket since it was made; absent unless it was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "u32"))]
    drops: Option<u32>,
    /// The protocol between TCP and the program, where there is one and it was looked at: `mptcp`
    /// for a subflow, whose connection has its queues.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "&str"))]
    ulp: Option<&'static str>,
    /// The facts of --columns that have no key above; absent unless such were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Asked<'static>"))]
    columns: Option<Asked<'a>>,
}

impl<'a> SocketRow<'a> {
    /// The same for whoever tells that protocol in any case.
    #[must_use]
    pub fn without_ulp(self) -> Self {
        Self { ulp: None, ..self }
    }

    /// A socket, with the facts that belong to it, and those of `columns` beside them.
    #[must_use]
    pub fn new(socket: &'a Socket, facts: &'a Facts, columns: &'a [&'static Column]) -> Self {
        let end = |address| EndRow::new(address, socket, facts);
        let (peer, peer_inode) = match &socket.peer {
            Peer::None => (None, None),
            Peer::At(address) => (Some(end(address)), None),
            Peer::Inode(inode, name) => (
                Some(name.as_ref().map_or_else(EndRow::default, EndRow::unix)),
                Some(*inode),
            ),
        };
        let (recv_q, send_q, accept_queue) = match socket.queue {
            Some(Queue::Accept(queue)) => (None, None, Some(queue)),
            Some(Queue::Bytes { recv, send }) => (Some(recv), Some(send), None),
            Some(Queue::Memory { .. }) | None => (None, None, None),
        };
        let (interface, interface_base64) = optional(facts.interface(socket).map(Foreign::bytes));
        Self {
            protocol: socket.protocol,
            family: socket.family,
            kind: Some(socket.kind).filter(|kind| *kind != socket.protocol.kind()),
            state: socket.state,
            local: end(&socket.local),
            peer,
            peer_inode,
            role: socket.role,
            interface,
            interface_base64,
            dual_stack: socket.dual_stack(),
            inode: socket.inode,
            cookie: socket.cookie.map(Cookie),
            netns: socket.netns.map(NetnsId::inode),
            uid: socket.uid.map(Uid::get),
            user: facts.socket_user(socket).map(Foreign::exact),
            recv_q,
            send_q,
            accept_queue: accept_queue.map(|queue| AcceptQueueRow {
                length: queue.length,
                limit: queue.limit,
            }),
            timer: socket.timer.map(TimerRow::from),
            owners: OwnersRow { socket, facts },
            owner_status: socket.owner_status,
            drops: socket.drops,
            ulp: socket.ulp.map(Ulp::name),
            columns: Asked::new(Row { socket, facts }, columns),
        }
    }
}

/// One end of a connection.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Endpoint"))]
pub(super) struct EndRow<'a> {
    /// The address; 0.0.0.0 or :: means every one. A v4-mapped address is the IPv4 address.
    #[cfg_attr(test, schemars(with = "IpAddr"))]
    address: Option<Where<'a>>,
    /// The bytes of `address`; only of a name that is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(skip))]
    address_base64: Option<String>,
    /// The port, 0 where none is bound; of raw sockets the number of the IP protocol.
    #[cfg_attr(test, schemars(with = "u16"))]
    port: Option<u16>,
    /// The name of the address; only with -r, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "String"))]
    name: Option<Cow<'a, str>>,
    /// The name of the port; only with -r, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "String"))]
    service: Option<Cow<'a, str>>,
}

impl<'a> EndRow<'a> {
    fn new(address: &'a Address, socket: &Socket, facts: &'a Facts) -> Self {
        match address {
            Address::None => Self::default(),
            Address::Inet(end) => Self {
                address: Some(Where::Ip(end.address)),
                port: Some(end.port),
                name: facts.host(end).map(Foreign::exact),
                service: facts.service(socket.protocol, end.port).map(Foreign::exact),
                ..Self::default()
            },
            Address::Unix(name) => Self::unix(name),
            Address::Device(index) => match facts.interface_of(socket.netns, *index) {
                Some(name) => Self::named(name.bytes()),
                None => Self {
                    address: Some(Where::Name(index.to_string().into())),
                    ..Self::default()
                },
            },
        }
    }

    fn unix(name: &'a UnixName) -> Self {
        Self::named(name.text())
    }

    fn named(name: &'a [u8]) -> Self {
        let (text, address_base64) = text(name);
        Self {
            address: Some(Where::Name(text)),
            address_base64,
            ..Self::default()
        }
    }
}

/// What an end is called.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Where<'a> {
    Ip(IpAddr),
    Name(Cow<'a, str>),
}

/// 64 bits as 16 lower-case hexadecimal digits.
#[derive(Debug)]
struct Cookie(NonZeroU64);

impl Serialize for Cookie {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut digits = [0; 16];
        serializer.serialize_str(HEXLOWER.encode_mut_str(&self.0.get().to_be_bytes(), &mut digits))
    }
}

/// The accept queue of a listener, in connections.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "AcceptQueue"))]
pub(super) struct AcceptQueueRow {
    /// Connections that wait now.
    pub(super) length: u32,
    /// min(listen() backlog, somaxconn): the queue holds one more. Null where the source has
    /// no such column.
    pub(super) limit: Option<u32>,
}

/// The running timer of a connection.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Timer"))]
pub(super) struct TimerRow<K = TimerKind> {
    pub(super) kind: K,
    /// Milliseconds until it fires.
    pub(super) expires_ms: u32,
    /// Retransmissions, or probes sent without an answer.
    pub(super) retransmits: u8,
}

impl From<Timer> for TimerRow {
    fn from(timer: Timer) -> Self {
        Self {
            kind: timer.kind,
            expires_ms: timer.expires_ms,
            retransmits: timer.retransmits,
        }
    }
}

/// The owners of a socket, written one by one.
#[derive(Debug)]
struct OwnersRow<'a> {
    socket: &'a Socket,
    facts: &'a Facts,
}

impl Serialize for OwnersRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let owners = self.facts.owners(self.socket);
        serializer
            .collect_seq(owners.map(|(holder, process)| OwnerRow::new(holder, process, self.facts)))
    }
}

/// A process that holds a socket.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Owner"))]
#[allow(clippy::option_option, reason = "absent, null or a value")]
pub(super) struct OwnerRow<'a, V = ViaRow> {
    /// The pid, in the reader's pid namespace.
    pub(super) pid: u32,
    /// The file descriptor; null when the socket is a registered file of an io_uring.
    pub(super) fd: Option<u32>,
    via: V,
    /// The name of the process, up to 15 bytes; U+FFFD where it is not UTF-8.
    pub(super) comm: Cow<'a, str>,
    /// The bytes of `comm`; only where it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "crate::json::base64::Base64"))]
    pub(super) comm_base64: Option<String>,
    /// The command line, arguments joined by blanks; null where it is empty or unreadable.
    pub(super) command: Option<Cow<'a, str>>,
    /// The bytes of `command`; only where it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "crate::json::base64::Base64"))]
    pub(super) command_base64: Option<String>,
    /// The effective uid of the process: a process of which it cannot be read has ended.
    #[cfg_attr(test, schemars(with = "u32"))]
    pub(super) uid: Option<u32>,
    /// The name of that user; null when it has none.
    pub(super) user: Option<Cow<'a, str>>,
    /// The parent's pid; this and the following are absent unless they were asked for (`port`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<u32>"))]
    parent: Option<Option<u32>>,
    /// The name of the parent; null where it has none that can be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<Cow<'a, str>>"))]
    parent_comm: Option<Option<Cow<'a, str>>>,
    /// The bytes of `parent_comm`; only where it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "crate::json::base64::Base64"))]
    parent_comm_base64: Option<String>,
    /// The directory that it runs in; null where that may not be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<Cow<'a, str>>"))]
    cwd: Option<Option<Cow<'a, str>>>,
    /// The bytes of `cwd`; only where it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "crate::json::base64::Base64"))]
    cwd_base64: Option<String>,
    /// Whether it can run: runs, stopped (by a signal), traced, zombie (its first thread has
    /// ended), frozen (its cgroup) or uninterruptible (it waits in the kernel); null where that
    /// is not known. More may come.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<Cow<'a, str>>"))]
    state: Option<Option<Cow<'a, str>>>,
}

/// How a process holds a socket: by a file descriptor, or as a registered file of an io_uring.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Via"))]
pub(super) enum ViaRow {
    Fd,
    IoUring,
}

impl<'a> OwnerRow<'a> {
    fn new(holder: &Holder, process: &'a Process, facts: &'a Facts) -> Self {
        let (fd, via) = match holder.via {
            Via::Fd(fd) => (Some(fd), ViaRow::Fd),
            Via::IoUring => (None, ViaRow::IoUring),
        };
        let (comm, comm_base64) = text(&process.comm);
        let (command, command_base64) = optional(process.command.as_deref());
        let background = process.background.as_deref();
        let foreign = |of: fn(&Background) -> Option<&Foreign>| {
            optional(background.and_then(of).map(Foreign::bytes))
        };
        let (parent_comm, parent_comm_base64) = foreign(|of| of.parent.as_ref());
        let (cwd, cwd_base64) = foreign(|of| of.directory.as_ref());
        let state = process.condition.as_ref().map(|is| is.name().into());
        Self {
            pid: holder.pid,
            fd,
            via,
            comm,
            comm_base64,
            command,
            command_base64,
            uid: process.uid,
            user: process
                .uid
                .and_then(|uid| facts.user(uid))
                .map(Foreign::exact),
            parent: background.map(|_| process.parent),
            parent_comm: background.map(|_| parent_comm),
            parent_comm_base64,
            cwd: background.map(|_| cwd),
            cwd_base64,
            state: background.map(|_| state),
        }
    }
}

#[cfg(test)]
impl schemars::JsonSchema for Cookie {
    fn schema_name() -> Cow<'static, str> {
        "Cookie".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^[0-9a-f]{16}$"})
    }
}
