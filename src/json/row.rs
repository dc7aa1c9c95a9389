//! A socket as JSON by hand: the bytes that serde writes for [`SocketRow`], in a fraction of
//! the time.
//!
//! A row has two dozen keys, most of them the same in every row, and a hundred thousand rows are
//! usual. The contract is [`SocketRow`]: a property test compares both, byte by byte, and another
//! one reads back what is written here.
//!
//! [`SocketRow`]: crate::json::socket::SocketRow

use std::io;
use std::net::IpAddr;

use super::asked::Asked;
use super::harmless::write_json;
use crate::columns::{Column, Row};
use crate::model::foreign::exact;
use crate::model::{
    Address, Endpoint, Facts, Foreign, Holder, NetnsId, Peer, Process, Protocol, Queue, Socket,
    State, Timer, TimerKind, Uid, UnixName, Via,
};
use crate::text::cell::{push_number, push_v4};

/// A row that is longer is written in parts: it may have hundreds of owners, each with a
/// command line of megabytes.
const PART: usize = 1 << 20;

/// Takes the beginning of a row that is long, and leaves nothing of it.
pub(crate) type Spill<'a> = &'a mut dyn FnMut(&mut String) -> io::Result<()>;

/// Appends the members of the object of `socket`, without its braces; `columns` are those that
/// it has besides its usual keys.
///
/// # Errors
/// What `spill` says.
pub(crate) fn members(
    out: &mut String,
    socket: &Socket,
    facts: &Facts,
    columns: &[&'static Column],
    spill: Spill<'_>,
) -> io::Result<()> {
    word(out, "\"protocol\":", socket.protocol.name());
    word(out, ",\"family\":", socket.family.name());
    if socket.kind != socket.protocol.kind() {
        word(out, ",\"type\":", socket.kind.name());
    }
    out.push_str(",\"state\":");
    state(out, socket.state);
    out.push_str(",\"local\":");
    address(out, &socket.local, socket, facts);
    out.push_str(",\"peer\":");
    match &socket.peer {
        Peer::None => out.push_str("null"),
        Peer::At(far) => address(out, far, socket, facts),
        Peer::Inode(_, name) => unix(out, name.as_ref()),
    }
    if let Peer::Inode(inode, _) = socket.peer {
        number(out, ",\"peer_inode\":", Some(inode.get()));
    }
    out.push_str(",\"role\":");
    match socket.role {
        Some(role) => quoted(out, role.name()),
        None => out.push_str("null"),
    }
    match facts.interface(socket) {
        Some(name) => {
            out.push(',');
            bytes(out, "interface", name.bytes());
        }
        None => out.push_str(",\"interface\":null"),
    }
    out.push_str(match socket.dual_stack() {
        Some(true) => ",\"dual_stack\":true",
        Some(false) => ",\"dual_stack\":false",
        None => ",\"dual_stack\":null",
    });
    number(
        out,
        ",\"inode\":",
        socket.inode.map(std::num::NonZeroU32::get),
    );
    out.push_str(",\"cookie\":");
    match socket.cookie {
        Some(cookie) => hex(out, cookie.get()),
        None => out.push_str("null"),
    }
    number(out, ",\"netns\":", socket.netns.map(NetnsId::inode));
    number(out, ",\"uid\":", socket.uid.map(Uid::get));
    text(out, ",\"user\":", facts.socket_user(socket));
    queues(out, socket.queue);
    out.push_str(",\"timer\":");
    timer(out, socket.timer);
    out.push_str(",\"owners\":[");
    for (index, (holder, process)) in facts.owners(socket).enumerate() {
        out.push_str(if index > 0 { ",{" } else { "{" });
        owner(out, holder, process, facts);
        out.push('}');
        if out.len() > PART {
            spill(out)?;
        }
    }
    word(out, "],\"owner_status\":", socket.owner_status.name());
    if socket.drops.is_some() {
        number(out, ",\"drops\":", socket.drops);
    }
    if let Some(ulp) = socket.ulp {
        word(out, ",\"ulp\":", ulp.name());
    }
    if let Some(asked) = Asked::new(Row { socket, facts }, columns) {
        out.push_str(",\"columns\":");
        push_json(out, &asked);
    }
    Ok(())
}

/// Whatever serde writes. Writing to memory cannot fail.
fn push_json(out: &mut String, value: &impl serde::Serialize) {
    let mut bytes = Vec::new();
    let _ = write_json(&mut bytes, value);
    out.push_str(&exact(&bytes));
}

/// One of our own words, in which nothing has to be escaped.
fn quoted(out: &mut String, word: &str) {
    out.push('"');
    out.push_str(word);
    out.push('"');
}

fn word(out: &mut String, key: &str, value: &str) {
    out.push_str(key);
    quoted(out, value);
}

fn number(out: &mut String, key: &str, value: Option<impl Into<u64>>) {
    out.push_str(key);
    match value {
        Some(value) => push_number(out, value.into()),
        None => out.push_str("null"),
    }
}

/// Text of others; null where there is none.
fn text(out: &mut String, key: &str, value: Option<&Foreign>) {
    out.push_str(key);
    match value {
        Some(value) => foreign(out, &value.exact()),
        None => out.push_str("null"),
    }
}

/// Text of others. Most of it stands as it is.
fn foreign(out: &mut String, text: &str) {
    let is_plain = |byte: u8| (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\';
    if text.bytes().all(is_plain) {
        return quoted(out, text);
    }
    push_json(out, &text);
}

/// Bytes of others: as text, and in base64 too where they are not UTF-8.
fn bytes(out: &mut String, key: &str, bytes: &[u8]) {
    let text = exact(bytes);
    out.push('"');
    out.push_str(key);
    out.push_str("\":");
    foreign(out, &text);
    if matches!(text, std::borrow::Cow::Owned(_)) {
        out.push_str(",\"");
        out.push_str(key);
        out.push_str("_base64\":\"");
        data_encoding::BASE64.encode_append(bytes, out);
        out.push('"');
    }
}

fn state(out: &mut String, state: State) {
    match state.name() {
        Some(name) => quoted(out, name),
        None => quoted(out, &state.to_string()),
    }
}

fn address(out: &mut String, address: &Address, socket: &Socket, facts: &Facts) {
    match address {
        Address::Inet(at) => end(out, *at, socket.protocol, facts),
        Address::Unix(name) => unix(out, Some(name)),
        Address::Device(index) => match facts.interface_of(socket.netns, *index) {
            Some(name) => named(out, name.bytes()),
            None => named(out, index.to_string().as_bytes()),
        },
        Address::None => unix(out, None),
    }
}

/// A name in place of an address, or none.
fn unix(out: &mut String, name: Option<&UnixName>) {
    match name {
        Some(name) => named(out, name.text()),
        None => out.push_str("{\"address\":null,\"port\":null}"),
    }
}

fn named(out: &mut String, name: &[u8]) {
    out.push('{');
    bytes(out, "address", name);
    out.push_str(",\"port\":null}");
}

fn end(out: &mut String, end: Endpoint, protocol: Protocol, facts: &Facts) {
    out.push_str("{\"address\":\"");
    match end.address {
        IpAddr::V4(v4) => push_v4(out, v4),
        IpAddr::V6(v6) => out.push_str(&v6.to_string()),
    }
    number(out, "\",\"port\":", Some(end.port));
    if let Some(name) = facts.host(&end) {
        text(out, ",\"name\":", Some(name));
    }
    if let Some(name) = facts.service(protocol, end.port) {
        text(out, ",\"service\":", Some(name));
    }
    out.push('}');
}

fn hex(out: &mut String, number: u64) {
    let mut digits = [0; 16];
    let text = data_encoding::HEXLOWER.encode_mut_str(&number.to_be_bytes(), &mut digits);
    quoted(out, text);
}

fn queues(out: &mut String, queue: Option<Queue>) {
    let (recv, send) = match queue {
        Some(Queue::Bytes { recv, send }) => (Some(recv), Some(send)),
        _ => (None, None),
    };
    number(out, ",\"recv_q\":", recv);
    number(out, ",\"send_q\":", send);
    match queue {
        Some(Queue::Accept(queue)) => {
            number(out, ",\"accept_queue\":{\"length\":", Some(queue.length));
            number(out, ",\"limit\":", queue.limit);
            out.push('}');
        }
        _ => out.push_str(",\"accept_queue\":null"),
    }
}

fn timer(out: &mut String, timer: Option<Timer>) {
    let Some(timer) = timer else {
        return out.push_str("null");
    };
    out.push_str("{\"kind\":");
    match timer.kind.name() {
        Some(name) => quoted(out, name),
        None => quoted(out, &TimerKind::to_string(&timer.kind)),
    }
    number(out, ",\"expires_ms\":", Some(timer.expires_ms));
    number(out, ",\"retransmits\":", Some(timer.retransmits));
    out.push('}');
}

fn owner(out: &mut String, holder: &Holder, process: &Process, facts: &Facts) {
    number(out, "\"pid\":", Some(holder.pid));
    let (fd, via) = match holder.via {
        Via::Fd(fd) => (Some(fd), "fd"),
        Via::IoUring => (None, "io_uring"),
    };
    number(out, ",\"fd\":", fd);
    word(out, ",\"via\":", via);
    out.push(',');
    bytes(out, "comm", &process.comm);
    optional_bytes(out, "command", process.command.as_deref());
    number(out, ",\"uid\":", process.uid);
    let user = process.uid.and_then(|uid| facts.user(uid));
    text(out, ",\"user\":", user);
    if let Some(background) = process.background.as_deref() {
        number(out, ",\"parent\":", process.parent);
        let parent = background.parent.as_ref();
        optional_bytes(out, "parent_comm", parent.map(Foreign::bytes));
        let directory = background.directory.as_ref();
        optional_bytes(out, "cwd", directory.map(Foreign::bytes));
        out.push_str(",\"state\":");
        match &process.condition {
            Some(condition) => quoted(out, condition.name()),
            None => out.push_str("null"),
        }
    }
}

/// The same of what may be missing, with a comma before it.
fn optional_bytes(out: &mut String, key: &str, value: Option<&[u8]>) {
    out.push(',');
    if let Some(value) = value {
        return bytes(out, key, value);
    }
    out.push('"');
    out.push_str(key);
    out.push_str("\":null");
}

#[cfg(test)]
mod tests;
