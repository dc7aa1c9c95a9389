//! A row that is written by hand is that of its type, and is read again as it was.

use super::*;
use crate::columns::select;
use crate::json::envelope::{Envelope, Head};
use crate::json::read;
use crate::json::socket::SocketRow;
use crate::model::{
    AcceptQueue, Background, Condition, Family, Held, HolderIndex, OwnerStatus, Report, Role,
    SocketKind, Ulp,
};
use crate::text::RowWriter;
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

/// A path, or an abstract name; a path that begins with `@` is read as an abstract name.
fn unix() -> impl Strategy<Value = Option<UnixName>> {
    name().prop_map(|path| UnixName::new(&path).filter(|_| !path.starts_with(b"@")))
}

fn place() -> impl Strategy<Value = Address> {
    prop_oneof![
        3 => endpoint().prop_map(Address::from),
        1 => unix().prop_map(|name| name.map_or(Address::None, Address::Unix)),
    ]
}

fn far() -> impl Strategy<Value = Peer> {
    let inode = (0..9_u32).prop_map(|n| NonZeroU32::MIN.saturating_add(n));
    prop_oneof![
        2 => Just(Peer::None),
        3 => place().prop_map(Peer::At),
        1 => (inode, unix()).prop_map(|(inode, name)| Peer::Inode(inode, name)),
    ]
}

fn kind() -> impl Strategy<Value = SocketKind> {
    prop_oneof![
        Just(SocketKind::Stream),
        Just(SocketKind::Dgram),
        Just(SocketKind::Seqpacket),
        Just(SocketKind::Raw),
    ]
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
        (state, kind) in (0..20_u8, kind()),
        (local, peer) in (place(), far()),
        role in 0..4_u8,
        interface in proptest::option::of(1..4_u32),
        inode in proptest::option::of(1..4_u32),
        (cookie, netns) in (any::<u64>(), 0..3_u64),
        uid in proptest::option::of(0..4_u32),
        queue in proptest::option::of(queue()),
        timer in timer_of(),
        (drops, v6_only, has_ulp) in any::<(Option<u32>, Option<bool>, bool)>(),
    ) -> Socket {
        let protocol = [Protocol::Tcp, Protocol::Udp, Protocol::Raw][usize::from(protocol)];
        let family = if family { Family::V4 } else { Family::V6 };
        let mut socket = Socket::new(protocol, family, State::from_tcp(state), local);
        (socket.peer, socket.kind) = (peer, kind);
        socket.role = [None, Some(Role::Listener), Some(Role::Inbound), Some(Role::Outbound)]
            [usize::from(role)];
        socket.listens |= socket.role == Some(Role::Listener);
        socket.interface = interface.and_then(NonZeroU32::new);
        socket.inode = inode.and_then(NonZeroU32::new);
        socket.cookie = NonZeroU64::new(cookie);
        socket.netns = NetnsId::new(netns);
        socket.uid = uid.and_then(Uid::new);
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

fn background() -> impl Strategy<Value = Background> {
    let foreign = || proptest::option::of(name().prop_map(Foreign::from));
    (foreign(), foreign()).prop_map(|(directory, parent)| Background { directory, parent })
}

prop_compose! {
        fn facts()(
            comms in proptest::collection::vec((name(), proptest::option::of(name())), 3),
            places in proptest::collection::vec(proptest::option::of(background()), 3),
            users in proptest::collection::vec(".{0,8}", 3),
            hosts in proptest::collection::hash_map(address(), ".{0,8}", 0..3),
            services in proptest::collection::hash_map(any::<u16>(), "[a-z]{1,8}", 0..200),
        ) -> Facts {
            let mut facts = Facts::default();
            let mut holders = Vec::new();
            for ((pid, (comm, command)), place) in (1..).zip(comms).zip(places) {
                facts.processes.insert(pid, Process {
command_later: false,
                    pid,
                    comm,
                    command: command.map(Into::into),
                    uid: Some(pid),
                    parent: (pid > 1).then_some(pid - 1),
                    started: None,
                    condition: Condition::from_letter(char::from(b"RTtDZ?"[pid as usize % 6])),
                    background: place.map(Box::new),
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
                let netns = NetnsId::new(u64::from(id % 3));
                facts.interfaces.extend(NonZeroU32::new(id).map(|index| ((netns, index), Foreign::from(name.as_str()))));
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
        device in 0..9_u32,
    ) {
        if let (Address::None, Some(index)) = (&socket.local, NonZeroU32::new(device)) {
            socket.local = Address::Device(index);
        }
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_written_is_read_again(
        mut sockets in proptest::collection::vec(socket(), 0..8),
        mut facts in facts(),
    ) {
        // Names of ends are shown, and not read; nor is where owners run.
        facts.hosts.clear();
        facts.services.clear();
        for process in facts.processes.values_mut() {
            *process = Process {
                command: process.command.clone(),
                uid: process.uid,
                ..Process::named(process.pid, process.comm.clone())
            };
        }
        let mut statuses = STATUSES.into_iter().cycle();
        for socket in &mut sockets {
            socket.held = facts.holders.find(socket.inode);
            socket.owner_status = statuses.next().unwrap();
        }
        let text = written(&sockets, &facts);
        let saved = read::read(&text).unwrap().snapshot;
        prop_assert_eq!(&written(&saved.sockets, &saved.facts), &text);
        for (socket, read) in sockets.iter().zip(&saved.sockets) {
            let owners = |socket, facts: &Facts| -> Vec<(Holder, Process)> {
                let owners = facts.owners(socket);
                owners.map(|(holder, process)| (*holder, process.clone())).collect()
            };
            prop_assert_eq!(owners(read, &saved.facts), owners(socket, &facts));
            prop_assert_eq!(&as_written(read), &as_written(socket));
        }
    }
}

const STATUSES: [OwnerStatus; 8] = [
    OwnerStatus::Found,
    OwnerStatus::Denied,
    OwnerStatus::Unaccepted,
    OwnerStatus::Orphaned,
    OwnerStatus::TimeWait,
    OwnerStatus::Handshake,
    OwnerStatus::KernelOrHidden,
    OwnerStatus::NotAsked,
];

/// A whole answer.
fn written(sockets: &[Socket], facts: &Facts) -> String {
    let head = Head {
        command: "conns",
        collected_at: "2026-01-01T00:00:00.000Z".to_owned(),
        host: "host".into(),
        limit: None,
        asked: None,
        columns: Vec::new(),
    };
    let mut out = Vec::new();
    let mut envelope = Envelope::new(&mut out, head, true);
    envelope.begin().unwrap();
    envelope.rows(sockets, facts).unwrap();
    envelope.end(&Report::default()).unwrap();
    String::from_utf8(out).unwrap()
}

/// A socket without what stands elsewhere in its row, and what is not written of some.
fn as_written(socket: &Socket) -> Socket {
    Socket {
        interface: None,
        held: Held::default(),
        v6_only: None,
        ..socket.clone()
    }
}

/// Gives the socket ends that have names, so that those are written, too.
fn facts_of_ports(socket: &mut Socket, facts: &Facts) {
    if socket.local.inet().is_none() {
        return;
    }
    if let Some((_, port)) = facts.services.keys().next() {
        socket.local.inet_mut().port = *port;
    }
    if let Some(address) = facts.hosts.keys().next() {
        socket.local.inet_mut().address = *address;
    }
}
