//! How connections begin, wait and end: handshake, backlog, close; and UDP, which has none.

use super::diagram::Stage;
use super::live::{Derived, counter, derived, setting, sockets};
use super::{Drawing, Topic, TopicGroup, point};
use crate::model::State;

pub(super) const TOPICS: &[Topic] = &[HANDSHAKE, BACKLOG, CLOSE, UDP];

const HANDSHAKE: Topic = Topic {
    name: "handshake",
    title: "how a connection begins: SYN, SYN+ACK, ACK",
    group: TopicGroup::Life,
    aliases: &["connect", "open", "3wayhandshake", "threewayhandshake"],
    drawing: Drawing::Life(&[State::SynSent, State::SynRecv, State::Established]),
    points: &[
        point(
            "client",
            "connect() sends SYN: SYN_SENT. SYN+ACK makes it ESTABLISHED, and connect() returns.",
        ),
        point(
            "server",
            "The kernel answers alone. With the last ACK it is ESTABLISHED, before accept(): it \
             waits in the accept queue, without an owner.",
        ),
        point(
            "listener",
            "It stays in LISTEN: each SYN makes a new socket on the same port.",
        ),
        point(
            "refused",
            "RST, ECONNREFUSED: nobody listens there, or a firewall rejects.",
        ),
        point(
            "silence",
            "A full accept queue, a firewall that drops, a dead host: the SYN goes out again \
             until ETIMEDOUT, after about two minutes.",
        ),
        point(
            "who acts",
            "Refused: start the server. Silent: sockscope listen on that host.",
        ),
    ],
    live: &[
        sockets(State::SynSent, "outgoing, now"),
        sockets(State::SynRecv, "incoming, now"),
        derived(Derived::ConnectGivesUp, "at least (tcp_syn_retries)"),
        derived(Derived::HandshakeGivesUp, "at least (tcp_synack_retries)"),
        counter("Tcp", "AttemptFails", "", "handshakes that failed"),
    ],
};

const BACKLOG: Topic = Topic {
    name: "backlog",
    title: "the two queues of a listener, and what full means",
    group: TopicGroup::Life,
    aliases: &[
        "acceptqueue",
        "synqueue",
        "somaxconn",
        "queue",
        "syncookies",
    ],
    drawing: Drawing::Queues(&[Stage::SynQueue, Stage::AcceptQueue]),
    points: &[
        point(
            "SYN queue",
            "SYN_RECV. Its limit follows the backlog, too. When it is full: SYN cookies, or with \
             tcp_syncookies = 0 dropped SYNs.",
        ),
        point(
            "accept",
            "The accept queue: connections already ESTABLISHED that accept() has not taken. \
             Limit min(listen() backlog, somaxconn); it holds one more. Clients may already send \
             or leave.",
        ),
        point(
            "full",
            "No refusal: SYNs and last ACKs are dropped without an answer. New clients repeat \
             the SYN for about two minutes, then time out.",
        ),
        point(
            "who acts",
            "The program: it does not call accept() fast enough. Not the network, not the \
             client.",
        ),
        point(
            "do",
            "Accept faster: a loop, more threads or processes. For bursts raise both, the \
             argument of listen() and net.core.somaxconn, then restart the program: the limit \
             is taken at listen().",
        ),
        point(
            "shown",
            "sockscope listen has length and limit (in ss: Recv-Q and Send-Q of LISTEN).",
        ),
        point(
            "beware",
            "tcp_abort_on_overflow hardly helps: it is about the last ACK, and the SYN is \
             dropped before. A longer queue is also a longer wait.",
        ),
    ],
    live: &[
        setting("net.core.somaxconn", "", "caps every backlog at listen()"),
        setting(
            "net.ipv4.tcp_syncookies",
            "",
            "1: cookies when the SYN queue is full",
        ),
        setting(
            "net.ipv4.tcp_max_syn_backlog",
            "",
            "matters without cookies only",
        ),
        counter(
            "TcpExt",
            "ListenOverflows",
            "",
            "packets to a full accept queue",
        ),
        counter("TcpExt", "ListenDrops", "", "these, and all other drops"),
        sockets(State::SynRecv, "now"),
    ],
};

const CLOSE: Topic = Topic {
    name: "close",
    title: "how a connection ends: FIN and ACK; and the state CLOSE",
    group: TopicGroup::Life,
    aliases: &[
        "fin",
        "shutdown",
        "rst",
        "reset",
        "linger",
        "solinger",
        "fourwayclose",
    ],
    drawing: Drawing::Life(&[
        State::FinWait1,
        State::FinWait2,
        State::TimeWait,
        State::CloseWait,
        State::LastAck,
        State::Closing,
        State::Close,
    ]),
    points: &[
        point(
            "first",
            "Client or server, who calls close() first: FIN_WAIT1 to TIME_WAIT.",
        ),
        point(
            "second",
            "CLOSE_WAIT until its close(), then LAST_ACK, then gone. If its FIN travels with \
             the ACK, there are three packets and no FIN_WAIT2.",
        ),
        point(
            "half",
            "shutdown(SHUT_WR) sends FIN and goes on reading. After close(), data that still \
             arrives is answered by RST.",
        ),
        point(
            "RST",
            "close() with unread data, or SO_LINGER with 0 s: RST instead of FIN. Both ends are \
             gone at once, no TIME_WAIT, unsent data is lost.",
        ),
        point(
            "CLOSE",
            "RFC 9293: CLOSED. No connection; at most a descriptor, in no table.",
        ),
        point(
            "who acts",
            "The program in CLOSE_WAIT; of a shared socket, the last close().",
        ),
    ],
    live: &[
        sockets(State::CloseWait, "wait for a program here"),
        sockets(State::FinWait2, "wait for the peer's program"),
        setting(
            "net.ipv4.tcp_fin_timeout",
            "s",
            "orphans in FIN_WAIT2, no other state",
        ),
        counter("TcpExt", "TCPAbortOnClose", "", "RST: data was unread"),
        counter(
            "TcpExt",
            "TCPAbortOnData",
            "",
            "RST: SO_LINGER 0, or data after close()",
        ),
    ],
};

const UDP: Topic = Topic {
    name: "udp",
    title: "no connection, no states: only UNCONN or ESTABLISHED",
    group: TopicGroup::Life,
    aliases: &["datagram"],
    drawing: Drawing::Datagram(&[State::Unconnected]),
    points: &[
        point(
            "UNCONN",
            "Bound: takes packets from anyone. So a UDP server \"listens\"; there is no listen(), \
             no accept(), and one socket serves all clients.",
        ),
        point(
            "connected",
            "ESTABLISHED: connect() only notes the peer and sends nothing. Packets of others are \
             not delivered; an ICMP error comes back as ECONNREFUSED.",
        ),
        point(
            "nobody",
            "No socket on the port: ICMP port unreachable goes back. A firewall that drops: \
             silence, as in TCP.",
        ),
        point(
            "loss",
            "A full receive buffer drops packets (RcvbufErrors, and drops of the socket). The \
             sender is not told.",
        ),
        point(
            "several",
            "SO_REUSEPORT on each: a hash of the addresses chooses one. Multicast goes to all \
             members.",
        ),
        point(
            "who acts",
            "The program: read faster, or raise SO_RCVBUF (up to rmem_max). The protocol above \
             must repeat what was lost.",
        ),
        point(
            "do",
            "sockscope listen -u; sockscope conns -u; explain udp-drops.",
        ),
    ],
    live: &[
        counter("sockstat.UDP", "inuse", "", "UDP sockets over IPv4, here"),
        counter("Udp", "InDatagrams", "", "received"),
        counter("Udp", "NoPorts", "", "for a port without a socket"),
        counter("Udp", "RcvbufErrors", "", "lost: receive buffer full"),
        setting(
            "net.core.rmem_default",
            "bytes",
            "receive buffer without SO_RCVBUF",
        ),
        setting(
            "net.core.rmem_max",
            "bytes",
            "most that SO_RCVBUF can ask for",
        ),
    ],
};
