//! Sockets of a saved answer.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::{NonZeroU32, NonZeroU64};

use data_encoding::BASE64;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::Fault;
use crate::json::names::Named;
use crate::json::socket::{AcceptQueueRow, OwnerRow, TimerRow};
use crate::model::{
    AcceptQueue, Address, Endpoint, Facts, Family, Foreign, Holder, HolderIndex, NetnsId,
    OwnerStatus, Peer, Process, Protocol, Queue, Role, Snapshot, Socket, SocketKind, State, Timer,
    TimerKind, Uid, Ulp, UnixName, Via,
};

/// A socket as it is written, as far as it is compared or shown.
#[derive(Deserialize)]
struct WrittenSocket<'a> {
    #[serde(borrow)]
    protocol: Cow<'a, str>,
    #[serde(borrow)]
    family: Cow<'a, str>,
    #[serde(borrow)]
    state: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    /// Of kinds that are not known an end may be anything.
    #[serde(borrow)]
    local: &'a RawValue,
    #[serde(borrow)]
    peer: Option<&'a RawValue>,
    peer_inode: Option<NonZeroU32>,
    role: Option<String>,
    interface: Option<String>,
    interface_base64: Option<String>,
    /// Answers of earlier versions do not have it.
    dual_stack: Option<bool>,
    inode: Option<NonZeroU32>,
    cookie: Option<String>,
    netns: Option<NonZeroU64>,
    uid: Option<u32>,
    user: Option<String>,
    recv_q: Option<u32>,
    send_q: Option<u32>,
    accept_queue: Option<AcceptQueueRow>,
    timer: Option<TimerRow<String>>,
    owners: Vec<WrittenOwner>,
    #[serde(borrow)]
    owner_status: Cow<'a, str>,
    drops: Option<u32>,
    ulp: Option<String>,
}

/// An end that has an IP address.
#[derive(Deserialize)]
struct WrittenEnd {
    address: IpAddr,
    port: u16,
}

/// An end that has none.
#[derive(Deserialize)]
struct WrittenName {
    address: Option<String>,
    address_base64: Option<String>,
    /// Null.
    port: (),
}

/// What its `via` says, its `fd` says, too.
type WrittenOwner = OwnerRow<'static, Option<IgnoredAny>>;

/// Makes sockets, with the facts around them, of rows.
#[derive(Default)]
pub(super) struct SocketReader {
    sockets: Vec<Socket>,
    holders: Vec<Holder>,
    facts: Facts,
    interfaces: BTreeMap<Foreign, NonZeroU32>,
}

impl SocketReader {
    /// Reads a row; `false` where it is of a kind that this version does not know.
    pub fn row(&mut self, text: &str, row: &RawValue) -> Result<bool, Fault> {
        let fault = |error: &serde_json::Error, part: &RawValue| Fault::of(error, text, part.get());
        let written: WrittenSocket<'_> =
            serde_json::from_str(row.get()).map_err(|error| fault(&error, row))?;
        let protocol = Protocol::named(&written.protocol);
        let (Some(protocol), Some(family)) = (protocol, Family::named(&written.family)) else {
            return Ok(false);
        };
        let end = |part: &RawValue| address(part.get()).map_err(|error| fault(&error, part));
        let wrong =
            |key: &str, word: &str| Fault::new(format!("'{word}' is no {key}")).at(text, row.get());
        let state = State::named(&written.state).ok_or_else(|| wrong("state", &written.state))?;
        let mut socket = Socket::new(protocol, family, state, end(written.local)?);
        let peer = written.peer.map(end).transpose()?;
        socket.peer = match (peer, written.peer_inode) {
            (None, _) => Peer::None,
            (Some(Address::Unix(name)), Some(inode)) => Peer::Inode(inode, Some(name)),
            (Some(_), Some(inode)) => Peer::Inode(inode, None),
            (Some(address), None) => Peer::At(address),
        };
        socket.role = match written.role.as_deref() {
            None => None,
            Some(word) => Some(Role::named(word).ok_or_else(|| wrong("role", word))?),
        };
        socket.listens |= socket.role == Some(Role::Listener);
        socket.kind = match written.kind.as_deref() {
            None => protocol.kind(),
            Some(word) => SocketKind::named(word).ok_or_else(|| wrong("type", word))?,
        };
        socket.cookie = match written.cookie.as_deref() {
            None => None,
            Some(word) => Some(cookie(word).ok_or_else(|| wrong("cookie", word))?),
        };
        socket.owner_status = OwnerStatus::named(&written.owner_status)
            .ok_or_else(|| wrong("owner_status", &written.owner_status))?;
        self.take(written, socket);
        Ok(true)
    }

    /// Takes over what cannot be wrong.
    fn take(&mut self, written: WrittenSocket<'_>, mut socket: Socket) {
        socket.inode = written.inode;
        socket.v6_only = written
            .dual_stack
            .filter(|_| is_v6_wildcard(&socket))
            .map(|both| !both);
        socket.netns = written.netns.and_then(|inode| NetnsId::new(inode.get()));
        socket.uid = written.uid.and_then(Uid::new);
        socket.drops = written.drops;
        socket.queue = match (written.accept_queue, written.recv_q, written.send_q) {
            (Some(AcceptQueueRow { length, limit }), ..) => {
                Some(Queue::Accept(AcceptQueue { length, limit }))
            }
            (None, Some(recv), Some(send)) => Some(Queue::Bytes { recv, send }),
            _ => None,
        };
        let ulp = written.ulp.as_deref().map(str::as_bytes);
        socket.ulp = ulp.map(Ulp::from_name);
        socket.timer = written.timer.as_ref().and_then(timer);
        let exact = written.interface_base64.as_deref();
        let interface = written.interface.map(|name| bytes(name, exact));
        socket.interface = interface.map(|name| self.interface(socket.netns, name.into()));
        self.user(written.uid, written.user);
        for owner in written.owners {
            self.owner(written.inode, owner);
        }
        self.sockets.push(socket);
    }

    fn owner(&mut self, inode: Option<NonZeroU32>, owner: WrittenOwner) {
        let OwnerRow { pid, fd, uid, .. } = owner;
        if let Some(inode) = inode {
            let via = fd.map_or(Via::IoUring, Via::Fd);
            self.holders.push(Holder { inode, pid, via });
        }
        self.user(uid, owner.user.map(Cow::into_owned));
        let command = owner.command;
        let command_base64 = owner.command_base64;
        self.facts.processes.entry(pid).or_insert_with(|| Process {
            command_later: false,
            pid,
            comm: bytes(owner.comm.into_owned(), owner.comm_base64.as_deref()),
            command: command.map(|text| bytes(text.into_owned(), command_base64.as_deref()).into()),
            uid,
            parent: None,
            started: None,
            condition: None,
            background: None,
            program: None,
            cgroup: None,
            files: None,
        });
    }

    fn user(&mut self, uid: Option<u32>, name: Option<String>) {
        if let Some(uid) = uid {
            self.facts
                .users
                .entry(uid)
                .or_insert(name.map(Foreign::from));
        }
    }

    /// A number for the name of an interface: its index is not written.
    fn interface(&mut self, netns: Option<NetnsId>, name: Foreign) -> NonZeroU32 {
        let next = u32::try_from(self.interfaces.len()).unwrap_or(u32::MAX);
        let next = NonZeroU32::MIN.saturating_add(next);
        let index = *self.interfaces.entry(name.clone()).or_insert(next);
        self.facts.interfaces.insert((netns, index), name);
        index
    }

    /// All sockets, each with its holders.
    pub fn finish(mut self) -> Snapshot {
        self.facts.holders = HolderIndex::new(self.holders);
        for socket in &mut self.sockets {
            socket.held = self.facts.holders.find(socket.inode);
        }
        Snapshot {
            sockets: self.sockets,
            facts: self.facts,
            ..Snapshot::default()
        }
    }
}

/// An address and a port; without a port the name of something else.
fn address(end: &str) -> serde_json::Result<Address> {
    let wrong = match serde_json::from_str::<WrittenEnd>(end) {
        Ok(end) => return Ok(Endpoint::new(end.address, end.port).into()),
        Err(wrong) => wrong,
    };
    let Ok(WrittenName {
        address,
        address_base64,
        port: (),
    }) = serde_json::from_str(end)
    else {
        return Err(wrong);
    };
    let name = address.map(|text| bytes(text, address_base64.as_deref()));
    let name = name.and_then(|name| UnixName::from_text(&name));
    Ok(name.map_or(Address::None, Address::Unix))
}

fn is_v6_wildcard(socket: &Socket) -> bool {
    socket.local.ip() == Some(IpAddr::V6(Ipv6Addr::UNSPECIFIED))
}

/// The bytes of a text: those in base64, where it has them.
fn bytes(text: String, base64: Option<&str>) -> Vec<u8> {
    let exact = base64.and_then(|base64| BASE64.decode(base64.as_bytes()).ok());
    exact.unwrap_or_else(|| text.into_bytes())
}

/// 16 hexadecimal digits, not all zero.
fn cookie(digits: &str) -> Option<NonZeroU64> {
    let is_cookie = digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    NonZeroU64::new(u64::from_str_radix(digits, 16).ok().filter(|_| is_cookie)?)
}

/// A timer; one of a kind that is not known is none: timers are not compared.
fn timer(written: &TimerRow<String>) -> Option<Timer> {
    Some(Timer {
        kind: TimerKind::named(&written.kind)?,
        expires_ms: written.expires_ms,
        retransmits: written.retransmits,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_an_ip_with_a_port_or_a_name_without() {
        for (end, is_end) in [
            (r#"{"address":"::1","port":1}"#, true),
            (r#"{"address":"/run/x","port":null}"#, true),
            (r#"{"address":null,"port":null}"#, true),
            (r#"{"address":"/run/x","port":1}"#, false),
            (r#"{"address":"::1"}"#, false),
            (r#"{"address":"::1","port":65536}"#, false),
            (r#"{"address":7,"port":null}"#, false),
        ] {
            assert_eq!(address(end).is_ok(), is_end, "{end}");
        }
    }
}
