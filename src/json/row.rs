//! A socket as JSON by hand: the bytes that serde writes for [`SocketRow`], in a fraction of
//! the time.
//!
//! A row has two dozen keys, most of them the same in every row, and a hundred thousand rows are
//! usual. The contract is [`SocketRow`]; a property test holds this beside it, byte by byte.
//!
//! [`SocketRow`]: crate::json::socket::SocketRow

use std::io;
use std::net::IpAddr;

use super::asked::Asked;
use super::envelope::write_json;
use crate::columns::{Column, Row};
use crate::model::foreign::exact;
use crate::model::{
    Endpoint, Facts, Foreign, Holder, Process, Protocol, Queue, Socket, State, Timer, TimerKind,
    Via,
};
use crate::text::cell::{push_number, push_v4};

/// A row that is longer is written in parts: it may have hundreds of owners, each with a
/// command line of megabytes.
const PART: usize = 1 << 20;

/// Takes the beginning of a row that is long, and leaves nothing of it.
pub(crate) type Spill<'a> = &'a mut dyn FnMut(&mut String) -> io::Result<()>;

/// Appends the members of the object of `socket`, without its braces; `columns` are those that
/// it tells beside its keys.
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
    out.push_str(",\"state\":");
    state(out, socket.state);
    out.push_str(",\"local\":");
    end(out, socket.local, socket.protocol, facts);
    out.push_str(",\"peer\":");
    match socket.peer {
        Some(peer) => end(out, peer, socket.protocol, facts),
        None => out.push_str("null"),
    }
    out.push_str(",\"role\":");
    match socket.role {
        Some(role) => quoted(out, role.name()),
        None => out.push_str("null"),
    }
    match facts.interface(socket) {
        Some(name) => bytes(out, "interface", name.bytes()),
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
    number(
        out,
        ",\"netns\":",
        socket.netns.map(std::num::NonZeroU64::get),
    );
    number(out, ",\"uid\":", socket.uid);
    text(out, ",\"user\":", facts.socket_user(socket));
    queues(out, socket.queue);
    out.push_str(",\"timer\":");
    timer(out, socket.timer);
    out.push_str(",\"owners\":[");
    for (place, (holder, process)) in facts.owners(socket).enumerate() {
        out.push_str(if place > 0 { ",{" } else { "{" });
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

/// Bytes of others: as text, and exactly beside it where that had to be changed.
fn bytes(out: &mut String, key: &str, bytes: &[u8]) {
    let text = exact(bytes);
    out.push_str(",\"");
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
    bytes(out, "comm", &process.comm);
    match process.command.as_deref() {
        Some(command) => bytes(out, "command", command),
        None => out.push_str(",\"command\":null"),
    }
    number(out, ",\"uid\":", process.uid);
    let user = process.uid.and_then(|uid| facts.user(uid));
    text(out, ",\"user\":", user);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::select;
    use crate::json::socket::SocketRow;
    use crate::model::{AcceptQueue, Family, HolderIndex, OwnerStatus, Role, Ulp};
    use proptest::prelude::*;
    use std::net::{Ipv4Addr, Ipv6Addr};
    use std::num::{NonZeroU32, NonZeroU64};

    fn address() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
            any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
            Just(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        ]
    }

    fn endpoint() -> impl Strategy<Value = Endpoint> {
        (address(), any::<u16>()).prop_map(|(address, port)| Endpoint::new(address, port))
    }

    fn queue() -> impl Strategy<Value = Queue> {
        prop_oneof![
            (any::<u32>(), any::<u32>()).prop_map(|(recv, send)| Queue::Bytes { recv, send }),
            (any::<u32>(), any::<Option<u32>>())
                .prop_map(|(length, limit)| Queue::Accept(AcceptQueue { length, limit })),
        ]
    }

    fn timer_of() -> impl Strategy<Value = Option<Timer>> {
        (any::<u8>(), any::<u32>(), any::<u8>()).prop_map(|(number, expires_ms, retransmits)| {
            let kind = TimerKind::from_number(number % 8)?;
            Some(Timer {
                kind,
                expires_ms,
                retransmits,
            })
        })
    }

    prop_compose! {
        fn socket()(
            (protocol, family) in (0..3_u8, any::<bool>()),
            state in 0..20_u8,
            local in endpoint(),
            peer in proptest::option::of(endpoint()),
            role in 0..4_u8,
            interface in proptest::option::of(1..4_u32),
            inode in proptest::option::of(1..4_u32),
            (cookie, netns) in (any::<u64>(), any::<u64>()),
            uid in proptest::option::of(0..4_u32),
            queue in proptest::option::of(queue()),
            timer in timer_of(),
            (drops, v6_only, has_ulp) in any::<(Option<u32>, Option<bool>, bool)>(),
        ) -> Socket {
            let protocol = [Protocol::Tcp, Protocol::Udp, Protocol::Raw][usize::from(protocol)];
            let family = if family { Family::V4 } else { Family::V6 };
            let mut socket = Socket::new(protocol, family, State::from_tcp(state), local);
            socket.peer = peer;
            socket.role = [None, Some(Role::Listener), Some(Role::Inbound), Some(Role::Outbound)]
                [usize::from(role)];
            socket.interface = interface.and_then(NonZeroU32::new);
            socket.inode = inode.and_then(NonZeroU32::new);
            socket.cookie = NonZeroU64::new(cookie);
            socket.netns = NonZeroU64::new(netns);
            socket.uid = uid;
            socket.queue = queue;
            socket.timer = timer;
            socket.drops = drops;
            socket.ulp = has_ulp.then_some(Ulp::Mptcp);
            socket.v6_only = v6_only;
            socket
        }
    }

    /// Names that others may choose: any bytes at all, of any script.
    fn name() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..16),
            ".{0,15}".prop_map(String::into_bytes),
            Just(b"nginx".to_vec()),
        ]
    }

    prop_compose! {
            fn facts()(
                comms in proptest::collection::vec((name(), proptest::option::of(name())), 3),
                users in proptest::collection::vec(".{0,8}", 3),
                hosts in proptest::collection::hash_map(address(), ".{0,8}", 0..3),
                services in proptest::collection::hash_map(any::<u16>(), "[a-z]{1,8}", 0..200),
            ) -> Facts {
                let mut facts = Facts::default();
                let mut holders = Vec::new();
                for (pid, (comm, command)) in (1..).zip(comms) {
                    facts.processes.insert(pid, Process {
    command_later: false,
                        pid,
                        comm,
                        command: command.map(Into::into),
                        uid: Some(pid),
                        parent: None,
                        started: None,
                        condition: None,
                        program: None,
                        cgroup: None,
                        files: None,
                    });
                    let via = if pid == 2 { Via::IoUring } else { Via::Fd(pid * 7) };
                    for inode in 1..=pid {
                        holders.extend(NonZeroU32::new(inode).map(|inode| Holder { inode, pid, via }));
                    }
                }
                facts.holders = HolderIndex::new(holders);
                for (id, name) in (1..).zip(users) {
                    facts.interfaces.extend(NonZeroU32::new(id).map(|index| (index, Foreign::from(name.as_str()))));
                    facts.users.insert(id, Some(name).filter(|name| name.len() > 2).map(Foreign::from));
                }
                facts.hosts = hosts.into_iter().map(|(address, name)| (address, name.into())).collect();
                facts.services = services
                    .into_iter()
                    .map(|(port, name)| ((Protocol::Tcp, port), Foreign::from(name)))
                    .collect();
                facts
            }
        }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn by_hand_it_is_what_the_contract_says(
            mut socket in socket(),
            facts in facts(),
            ask in any::<bool>(),
        ) {
            socket.held = facts.holders.find(socket.inode);
            socket.owner_status = match socket.inode {
                Some(_) => OwnerStatus::Found,
                None => OwnerStatus::Unaccepted,
            };
            facts_of_ports(&mut socket, &facts);
            let columns = select(&["rtt", "congestion", "unit", "cgroup", "age"]);
            let columns = if ask { columns.as_slice() } else { &[] };
            let mut by_hand = "{".to_owned();
            members(&mut by_hand, &socket, &facts, columns, &mut |_| Ok(())).unwrap();
            by_hand.push('}');
            let mut by_serde = Vec::new();
            write_json(&mut by_serde, &SocketRow::new(&socket, &facts, columns)).unwrap();
            prop_assert_eq!(by_hand, String::from_utf8(by_serde).unwrap());
        }
    }

    /// Gives the socket ends that have names, so that those are written, too.
    fn facts_of_ports(socket: &mut Socket, facts: &Facts) {
        if let Some((_, port)) = facts.services.keys().next() {
            socket.local.port = *port;
        }
        if let Some(address) = facts.hosts.keys().next() {
            socket.local.address = *address;
        }
    }
}
