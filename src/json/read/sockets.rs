//! Sockets of a saved answer.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::{NonZeroU32, NonZeroU64};

use data_encoding::BASE64;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Fault;
use super::envelope::state;
use crate::model::{
    AcceptQueue, Endpoint, Facts, Family, Foreign, Holder, HolderIndex, OwnerStatus, Process,
    Protocol, Queue, Role, Snapshot, Socket, Timer, TimerKind, Via,
};

/// A socket as it is written, as far as it is compared or shown.
#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    protocol: Cow<'a, str>,
    #[serde(borrow)]
    family: Cow<'a, str>,
    #[serde(borrow)]
    state: Cow<'a, str>,
    /// Of kinds that are not known an end may be anything.
    #[serde(borrow)]
    local: &'a RawValue,
    #[serde(borrow)]
    peer: Option<&'a RawValue>,
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
    accept_queue: Option<WrittenQueue>,
    timer: Option<WrittenTimer>,
    owners: Vec<WrittenOwner>,
    #[serde(borrow)]
    owner_status: Cow<'a, str>,
    drops: Option<u32>,
}

#[derive(Deserialize)]
struct WrittenEnd {
    address: IpAddr,
    port: u16,
}

#[derive(Deserialize)]
struct WrittenQueue {
    length: u32,
    limit: Option<u32>,
}

#[derive(Deserialize)]
struct WrittenTimer {
    kind: String,
    expires_ms: u32,
    retransmits: u8,
}

#[derive(Deserialize)]
struct WrittenOwner {
    pid: u32,
    fd: Option<u32>,
    comm: String,
    comm_base64: Option<String>,
    command: Option<String>,
    command_base64: Option<String>,
    uid: Option<u32>,
    user: Option<String>,
}

/// Makes sockets, with the facts around them, of rows.
#[derive(Default)]
pub(super) struct Reader {
    sockets: Vec<Socket>,
    holders: Vec<Holder>,
    facts: Facts,
    interfaces: BTreeMap<Foreign, NonZeroU32>,
}

impl Reader {
    /// Reads a row; `false` where it is of a kind that this version does not know.
    pub fn row(&mut self, text: &str, row: &RawValue) -> Result<bool, Fault> {
        let fault = |error: &serde_json::Error, part: &RawValue| Fault::of(error, text, part.get());
        let written: Written<'_> =
            serde_json::from_str(row.get()).map_err(|error| fault(&error, row))?;
        let protocol = Protocol::ALL
            .into_iter()
            .find(|protocol| protocol.name() == written.protocol);
        let family = Family::ALL
            .into_iter()
            .find(|family| family.name() == written.family);
        let (Some(protocol), Some(family)) = (protocol, family) else {
            return Ok(false);
        };
        let end = |part: &RawValue| -> Result<Endpoint, Fault> {
            let end: WrittenEnd =
                serde_json::from_str(part.get()).map_err(|error| fault(&error, part))?;
            Ok(Endpoint::new(end.address, end.port))
        };
        let wrong =
            |key: &str, word: &str| Fault::new(format!("'{word}' is no {key}")).at(text, row.get());
        let state = state(&written.state).ok_or_else(|| wrong("state", &written.state))?;
        let mut socket = Socket::new(protocol, family, state, end(written.local)?);
        socket.peer = written.peer.map(end).transpose()?;
        socket.role = match written.role.as_deref() {
            None => None,
            Some(word) => Some(role(word).ok_or_else(|| wrong("role", word))?),
        };
        socket.cookie = match written.cookie.as_deref() {
            None => None,
            Some(word) => Some(cookie(word).ok_or_else(|| wrong("cookie", word))?),
        };
        socket.owner_status = owner_status(&written.owner_status)
            .ok_or_else(|| wrong("owner_status", &written.owner_status))?;
        self.take(written, socket);
        Ok(true)
    }

    /// Takes over what cannot be wrong.
    fn take(&mut self, written: Written<'_>, mut socket: Socket) {
        socket.inode = written.inode;
        socket.v6_only = written
            .dual_stack
            .filter(|_| is_v6_wildcard(&socket))
            .map(|both| !both);
        socket.netns = written.netns;
        socket.uid = written.uid;
        socket.drops = written.drops;
        socket.queue = match (written.accept_queue, written.recv_q, written.send_q) {
            (Some(WrittenQueue { length, limit }), ..) => {
                Some(Queue::Accept(AcceptQueue { length, limit }))
            }
            (None, Some(recv), Some(send)) => Some(Queue::Bytes { recv, send }),
            _ => None,
        };
        socket.timer = written.timer.as_ref().and_then(timer);
        let exact = written.interface_base64.as_deref();
        let interface = written.interface.map(|name| bytes(name, exact));
        socket.interface = interface.map(|name| self.interface(name.into()));
        self.user(written.uid, written.user);
        for owner in written.owners {
            self.owner(written.inode, owner);
        }
        self.sockets.push(socket);
    }

    fn owner(&mut self, inode: Option<NonZeroU32>, owner: WrittenOwner) {
        let WrittenOwner { pid, fd, uid, .. } = owner;
        if let Some(inode) = inode {
            let via = fd.map_or(Via::IoUring, Via::Fd);
            self.holders.push(Holder { inode, pid, via });
        }
        self.user(uid, owner.user);
        let command = owner.command;
        let command_base64 = owner.command_base64;
        self.facts.processes.entry(pid).or_insert_with(|| Process {
            command_later: false,
            pid,
            comm: bytes(owner.comm, owner.comm_base64.as_deref()),
            command: command.map(|text| bytes(text, command_base64.as_deref()).into()),
            uid,
            parent: None,
            started: None,
            condition: None,
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
    fn interface(&mut self, name: Foreign) -> NonZeroU32 {
        let next = u32::try_from(self.interfaces.len()).unwrap_or(u32::MAX);
        let next = NonZeroU32::MIN.saturating_add(next);
        let index = *self.interfaces.entry(name.clone()).or_insert(next);
        self.facts.interfaces.insert(index, name);
        index
    }

    /// All sockets, each with the place of its holders.
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

fn is_v6_wildcard(socket: &Socket) -> bool {
    socket.local.address == IpAddr::V6(Ipv6Addr::UNSPECIFIED)
}

/// The bytes of a text: exact where they stand beside it.
fn bytes(text: String, base64: Option<&str>) -> Vec<u8> {
    let exact = base64.and_then(|base64| BASE64.decode(base64.as_bytes()).ok());
    exact.unwrap_or_else(|| text.into_bytes())
}

fn role(name: &str) -> Option<Role> {
    let all = [Role::Listener, Role::Inbound, Role::Outbound];
    all.into_iter().find(|role| role.name() == name)
}

fn owner_status(name: &str) -> Option<OwnerStatus> {
    let all = [
        OwnerStatus::Found,
        OwnerStatus::Denied,
        OwnerStatus::Unaccepted,
        OwnerStatus::Orphaned,
        OwnerStatus::TimeWait,
        OwnerStatus::Handshake,
        OwnerStatus::KernelOrHidden,
        OwnerStatus::NotAsked,
    ];
    all.into_iter().find(|status| status.name() == name)
}

/// 16 hexadecimal digits, not all zero.
fn cookie(digits: &str) -> Option<NonZeroU64> {
    let is_cookie = digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    NonZeroU64::new(u64::from_str_radix(digits, 16).ok().filter(|_| is_cookie)?)
}

/// A timer; one of a kind that is not known is none: timers are not compared.
fn timer(written: &WrittenTimer) -> Option<Timer> {
    let mut kinds = (1..=5).filter_map(TimerKind::from_number);
    let kind = kinds.find(|kind| kind.name() == Some(written.kind.as_str()))?;
    Some(Timer {
        kind,
        expires_ms: written.expires_ms,
        retransmits: written.retransmits,
    })
}
