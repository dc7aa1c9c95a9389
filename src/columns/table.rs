//! The table itself.

use super::read::{
    age, from_info, interface, local, local_address, local_port, memory, memory_received, mss,
    number, option, owned, owners, peer, peer_address, peer_port, queue_bytes, received, user,
};
use super::value::micros;
use super::{Column, Kind, OwnerField, Source, Spare, Value};
use crate::model::Queue;
use crate::query::Needs;

const ROW: Needs = Needs::NOTHING;
const USERS: Needs = Needs::USERS;
const OWNERS: Needs = Needs::OWNERS;
const DETAILS: Needs = Needs::PROCESSES;
const CGROUPS: Needs = DETAILS.and(Needs::CGROUPS);
const RUNNERS: Needs = DETAILS.and(USERS);
const INFO: Needs = Needs::INFO;
const MEMORY: Needs = Needs::MEMORY;
const OPTIONS: Needs = Needs::OPTIONS;
const GROUPS: Needs = Needs::GROUPS;

macro_rules! key {
    () => {
        None
    };
    ($key:literal) => {
        Some($key)
    };
}

/// One line for the name, heading, kind and needs; one for the help; one for what is not usual, if
/// anything is; one for the value. Behind the needs stands where every row of JSON has the fact,
/// if it has it.
macro_rules! columns {
    ($(
        $id:literal $header:literal $kind:expr, $needs:ident $(@ $key:literal)?: $help:literal
            $([$($unusual:ident: $set:expr),*])?
            => $value:expr;
    )*) => {
        /// Every column there is.
        pub static COLUMNS: &[Column] = &[
            $(Column {
                id: $id,
                header: $header,
                help: $help,
                kind: $kind,
                needs: $needs,
                key: key!($($key)?),
                value: $value,
                $($($unusual: $set,)*)?
                ..Column::USUAL
            }),*
        ];
    };
}

columns! {
    "protocol" "PROTO" Kind::Word, ROW @ "/protocol": "tcp, udp or raw"
        [spare: Spare::BesideState, words: &["tcp", "udp", "raw"]]
        => |r| Value::Word(r.socket.protocol.name());
    "family" "FAMILY" Kind::Word, ROW @ "/family": "ipv4 or ipv6; a dual-stack socket is ipv6"
        [width: 6, words: &["ipv4", "ipv6"]]
        => |r| Value::Word(r.socket.family.name());
    "state" "STATE" Kind::State, ROW @ "/state": "the state, as the kernel spells it"
        [width: 14, spare: Spare::Never]
        => |r| Value::State(r.socket.state);
    "process" "PROCESS" Kind::Process, OWNERS @ "/owners": "name and pid of the owner, or why there is none"
        [steady: 16, spare: Spare::Never, stands_last: true]
        => |r| Value::Process(r);

    "local" "LOCAL" Kind::End, ROW @ "/local": "this end: address and port"
        [width: 21, steady: 15, spare: Spare::NotOfListeners, is_joined: true]
        => local;
    "laddr" "LOCAL ADDRESS" Kind::Address, ROW @ "/local/address": "this end's address"
        [width: 15, spare: Spare::Late]
        => local_address;
    "lport" "LPORT" Kind::Number, ROW @ "/local/port": "this end's port"
        [width: 6, spare: Spare::Late]
        => local_port;
    "peer" "PEER" Kind::End, ROW @ "/peer": "the other end: address and port; only of what is connected"
        [width: 21, steady: 15, spare: Spare::Never]
        => peer;
    "paddr" "PEER ADDRESS" Kind::Address, ROW @ "/peer/address": "the other end's address"
        [width: 15, spare: Spare::Late]
        => peer_address;
    "pport" "PPORT" Kind::Number, ROW @ "/peer/port": "the other end's port"
        [width: 6, spare: Spare::Late]
        => peer_port;
    "role" "ROLE" Kind::Word, ROW @ "/role": "listener, inbound or outbound"
        [spare: Spare::Detail, is_joined: true, words: &["listener", "inbound", "outbound"]]
        => |r| r.socket.role.map_or(Value::Absent, |role| Value::Word(role.name()));
    "interface" "INTERFACE" Kind::Text, ROW @ "/interface": "the interface the socket is bound to"
        [source: Source::SockDiag, is_joined: true]
        => interface;

    "recv_q" "RECV" Kind::Bytes, ROW @ "/recv_q": "bytes not read yet; FIN: only their end is not; for datagrams: rmem"
        [width: 6, spare: Spare::Early, source: Source::Queues]
        => received;
    "send_q" "SEND" Kind::Bytes, ROW @ "/send_q": "bytes written and not acknowledged yet; for datagrams: wmem"
        [width: 6, spare: Spare::Early, source: Source::Queues]
        => |r| queue_bytes(r, |_, send| send);
    "queue" "QUEUE" Kind::Queue, ROW @ "/accept_queue": "listeners: connections waiting for accept(), and the limit"
        [width: 7, spare: Spare::Late, source: Source::Kernel]
        => |r| match r.socket.queue {
            Some(Queue::Accept(queue)) => Value::Queue(queue.length, queue.limit),
            _ => Value::Absent,
        };
    "timer" "TIMER" Kind::Timer, ROW @ "/timer": "the running timer and when it fires"
        [width: 16, source: Source::Kernel,
            words: &["retransmit", "keepalive", "timewait", "probe", "delayed_ack"]]
        => |r| r.socket.timer.map_or(Value::Absent, Value::Timer);
    "retransmits" "RETRIES" Kind::Count("packets"), ROW @ "/timer/retransmits": "retransmissions or probes unanswered so far"
        [source: Source::Kernel]
        => |r| r.socket.timer.map_or(Value::Absent, |timer| number(timer.retransmits));
    "age" "AGE" Kind::Millis, INFO: "time in the state: TIME_WAIT exact, CLOSE_WAIT at least"
        => age;
    "idle" "IDLE" Kind::Millis, INFO: "time since data last moved either way, or since the connection began"
        => |r| from_info(r, |info| Some(Value::millis(info.idle_ms()?.into())));

    "rtt" "RTT" Kind::Micros, INFO: "smoothed round-trip time"
        => |r| from_info(r, |info| micros(info.rtt()));
    "rttvar" "RTTVAR" Kind::Micros, INFO: "variation of the round-trip time"
        => |r| from_info(r, |info| micros(info.rtt().and(Some(info.rtt_var_us))));
    "cwnd" "CWND" Kind::Count("segments"), INFO: "congestion window"
        => |r| from_info(r, |info| number(info.congestion_window).into());
    "ssthresh" "SSTHRESH" Kind::Count("segments"), INFO: "slow-start threshold, if set"
        => |r| from_info(r, |info| info.slow_start_threshold.map(number));
    "mss" "MSS" Kind::Bytes, INFO: "largest segment sent"
        => mss;
    "pmtu" "PMTU" Kind::Bytes, INFO: "path MTU: largest packet the path allows"
        => |r| from_info(r, |info| number(info.path_mtu).into());
    "retrans" "RETRANS" Kind::Count("segments"), INFO: "retransmitted since the connection began"
        => |r| from_info(r, |info| number(info.total_retransmits).into());
    "lost" "LOST" Kind::Count("segments"), INFO: "presumed lost now"
        => |r| from_info(r, |info| number(info.lost).into());
    "bytes_acked" "ACKED" Kind::Bytes, INFO: "sent, and acknowledged by the peer"
        => |r| from_info(r, |info| info.data_acked().map(Value::Bytes));
    "bytes_received" "RECEIVED" Kind::Bytes, INFO: "received in order"
        => |r| from_info(r, |info| info.bytes_received.map(Value::Bytes));
    "segs" "SEGS" Kind::Count("segments"), INFO: "sent and received, including those without data"
        => |r| from_info(r, |info| Some(number(u64::from(info.segs_out?) + u64::from(info.segs_in?))));
    "segs_out" "SEGS OUT" Kind::Count("segments"), INFO: "sent, including those without data"
        => |r| from_info(r, |info| info.segs_out.map(number));
    "segs_in" "SEGS IN" Kind::Count("segments"), INFO: "received, including those without data"
        => |r| from_info(r, |info| info.segs_in.map(number));
    "delivery_rate" "DELIVERY" Kind::Rate, INFO: "how fast data last arrived at the peer"
        => |r| from_info(r, |info| info.delivery_rate.map(Value::Rate));
    "pacing_rate" "PACING" Kind::Rate, INFO: "rate at which data is sent, if limited"
        => |r| from_info(r, |info| info.pacing_rate.map(Value::Rate));
    "rwnd_limited" "RWND LIMITED" Kind::Micros, INFO: "part of busy: limited by the peer's window"
        => |r| from_info(r, |info| micros(info.window_limited_us));
    "busy" "BUSY" Kind::Micros, INFO: "time with something to send or not acknowledged"
        => |r| from_info(r, |info| micros(info.busy_us));
    "ulp" "ULP" Kind::Word, INFO: "protocol between TCP and the program: mptcp (a subflow), tls"
        [source: Source::SockDiag]
        => |r| r.socket.ulp.map_or(Value::Absent, |ulp| Value::Word(ulp.name()));
    "congestion" "CONGESTION" Kind::Text, OPTIONS: "congestion control algorithm"
        => |r| option(r, |options| options.congestion.as_ref().map(|name| Value::Text(name.bytes())));

    "drops" "DROPS" Kind::Count("packets"), MEMORY @ "/drops": "dropped at the socket since it was made"
        [source: Source::Datagrams]
        => |r| r.socket.drops.map_or(Value::Absent, number);
    "rmem" "RMEM" Kind::Bytes, MEMORY: "memory of received data not read yet"
        [source: Source::Datagrams]
        => memory_received;
    "rmem_limit" "RMEM LIMIT" Kind::Bytes, MEMORY: "the most that rmem may be (twice SO_RCVBUF)"
        => |r| memory(r, |memory| memory.receive_limit);
    "wmem" "WMEM" Kind::Bytes, MEMORY: "memory of data being sent"
        => |r| memory(r, |memory| memory.sending);
    "wmem_limit" "WMEM LIMIT" Kind::Bytes, MEMORY: "the most that wmem may be (twice SO_SNDBUF)"
        => |r| memory(r, |memory| memory.send_limit);
    "mark" "MARK" Kind::Bits, OPTIONS: "mark of its packets (SO_MARK); needs CAP_NET_ADMIN"
        [source: Source::Administrators]
        => |r| option(r, |options| Some(Value::Bits(options.mark?.into())));
    "tos" "TOS" Kind::Bits, OPTIONS: "type of service of IPv4 packets, traffic class of IPv6"
        => |r| option(r, |options| {
            let is_ipv4 = r.socket.local.ip().is_some_and(|ip| ip.is_ipv4());
            Some(Value::Bits(options.service(is_ipv4)?.into()))
        });

    "cgroup" "CGROUP" Kind::Owner(OwnerField::Cgroup), CGROUPS: "cgroup of each owner, or of the socket: its path, else its id"
        => |r| owned(r, OwnerField::Cgroup);
    "unit" "UNIT" Kind::Owner(OwnerField::Unit), CGROUPS: "systemd unit of each owner, or of the socket"
        => |r| owned(r, OwnerField::Unit);
    "container" "CONTAINER" Kind::Owner(OwnerField::Container), CGROUPS: "container of each owner, or of the socket"
        => |r| owned(r, OwnerField::Container);
    "netns" "NETNS" Kind::Number, ROW @ "/netns": "inode of the network namespace"
        [width: 10]
        => |r| r.socket.netns.map_or(Value::Absent, |netns| number(netns.inode()));
    "inode" "INODE" Kind::Number, ROW @ "/inode": "the inode in sockfs; only if it has a file"
        [width: 10]
        => |r| r.socket.inode.map_or(Value::Absent, |inode| number(inode.get()));
    "cookie" "COOKIE" Kind::Hex, ROW @ "/cookie": "the kernel's 64-bit identity of the socket"
        [width: 16, source: Source::SockDiag]
        => |r| r.socket.cookie.map_or(Value::Absent, |cookie| Value::Hex(cookie.get()));
    "uid" "UID" Kind::Number, ROW @ "/uid": "number of the user who made the socket"
        => |r| r.socket.uid.map_or(Value::Absent, |uid| number(uid.get()));
    "user" "USER" Kind::Text, USERS @ "/user": "name of the user who made the socket, or the number"
        [spare: Spare::First]
        => user;

    "owner_status" "OWNER" Kind::Word, OWNERS @ "/owner_status": "whether the owner is known, and why not"
        [width: 16, words: &[
            "found", "denied", "unaccepted", "orphaned", "timewait", "handshake",
            "kernel_or_hidden", "not_asked",
        ]]
        => |r| Value::Word(r.socket.owner_status.name());
    "pid" "PID" Kind::Owner(OwnerField::Pid), OWNERS @ "/owners/0/pid": "pid of each owner"
        [width: 7, spare: Spare::Late, stands_last: true]
        => |r| owners(r, OwnerField::Pid);
    "fd" "FD" Kind::Owner(OwnerField::Fd), OWNERS @ "/owners/0/fd": "descriptor of each owner"
        [width: 4, spare: Spare::Detail]
        => |r| owners(r, OwnerField::Fd);
    "comm" "COMM" Kind::Owner(OwnerField::Comm), OWNERS @ "/owners/0/comm": "name of each owner"
        [spare: Spare::Late, stands_last: true]
        => |r| owners(r, OwnerField::Comm);
    "command" "COMMAND" Kind::Owner(OwnerField::Command), DETAILS @ "/owners/0/command": "command line of each owner"
        => |r| owners(r, OwnerField::Command);
    "process_user" "RUNS AS" Kind::Owner(OwnerField::User), RUNNERS @ "/owners/0/user": "user each owner runs as: the name, or the number"
        => |r| owners(r, OwnerField::User);
    "reuseport" "REUSEPORT" Kind::Number, GROUPS: "number of the group of listeners that share one address and port"
        => |r| r.facts.groups.of(r.socket).map_or(Value::Absent, number);
}
