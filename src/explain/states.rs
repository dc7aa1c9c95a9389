//! The states in which a connection begins and works; `close`, `listen`, `bind` and `udp`
//! cover others, `closing.rs` has those in which it ends.

use super::live::{Derived, counter, derived, setting, sockets};
use super::{Drawing, Topic, TopicGroup, point};
use crate::model::State;

pub(super) const TOPICS: &[Topic] = &[SYN_SENT, SYN_RECV, ESTABLISHED];

const SYN_SENT: Topic = Topic {
    name: "SYN_SENT",
    title: "connect() was called; the SYN is not answered yet",
    group: TopicGroup::States,
    aliases: &[],
    drawing: Drawing::Life(&[State::SynSent]),
    points: &[
        point("in", "This side sends a SYN: connect() of a client."),
        point(
            "out",
            "SYN+ACK arrives: ESTABLISHED. RST: ECONNREFUSED, nobody listens there. Silence: \
             retries, then ETIMEDOUT.",
        ),
        point(
            "who acts",
            "The peer or the path. A firewall that drops, a dead host and a full accept queue \
             look alike: silence.",
        ),
        point(
            "lasts",
            "With 6 retries 127 s: they come after 1, 3, 7, 15, 31 and 63 s. Since Linux 6.5 \
             four more go first, one a second: 131 s.",
        ),
        point(
            "many",
            "To one destination: it is down, filtered, or does not accept. To many: this \
             host's own network, or a scan.",
        ),
        point(
            "do",
            "sockscope states --by peer state=syn_sent; then look at that host. In the program: \
             a timeout of its own for connect(), or TCP_SYNCNT.",
        ),
    ],
    live: &[
        sockets(State::SynSent, "now"),
        setting("net.ipv4.tcp_syn_retries", "", "each waits twice as long"),
        setting(
            "net.ipv4.tcp_syn_linear_timeouts",
            "",
            "before these, one a second",
        ),
        derived(Derived::ConnectGivesUp, "at least"),
        counter("TcpExt", "TCPSynRetrans", "", "SYN and SYN+ACK sent again"),
    ],
};

const SYN_RECV: Topic = Topic {
    name: "SYN_RECV",
    title: "SYN-RECEIVED: SYN+ACK was sent, the last ACK is awaited",
    group: TopicGroup::States,
    aliases: &[],
    drawing: Drawing::Life(&[State::SynRecv]),
    points: &[
        point(
            "in",
            "A SYN reaches a listener. The kernel notes a small request: no inode, no owner. The \
             listener stays in LISTEN.",
        ),
        point(
            "out",
            "The ACK arrives: ESTABLISHED, into the accept queue. RST, or no ACK until the end \
             of the retries: gone.",
        ),
        point(
            "who acts",
            "The client, and the path back to it. No program here.",
        ),
        point(
            "lasts",
            "With 5 retries 63 s: SYN+ACK goes again after 1, 3, 7, 15, 31 s.",
        ),
        point(
            "many",
            "SYN floods, a path that loses SYN+ACK; or a full accept queue: it drops the last \
             ACK, and the client is connected, this side is not.",
        ),
        point(
            "do",
            "Keep tcp_syncookies at 1; raise the listen() backlog: only without cookies does \
             tcp_max_syn_backlog count.",
        ),
    ],
    live: &[
        sockets(State::SynRecv, "now"),
        setting("net.ipv4.tcp_synack_retries", "", "retries of SYN+ACK"),
        derived(Derived::HandshakeGivesUp, "at least"),
        setting(
            "net.ipv4.tcp_syncookies",
            "",
            "1: cookies when the queue is full",
        ),
        counter(
            "TcpExt",
            "TCPReqQFullDoCookies",
            "",
            "SYNs answered by cookie",
        ),
    ],
};

const ESTABLISHED: Topic = Topic {
    name: "ESTABLISHED",
    title: "the handshake is complete; data can flow both ways",
    group: TopicGroup::States,
    aliases: &[],
    drawing: Drawing::Life(&[State::Established]),
    points: &[
        point(
            "in",
            "Client: SYN+ACK arrived. Server: the last ACK arrived. The kernel does both alone, \
             before accept().",
        ),
        point(
            "out",
            "This side closes: FIN_WAIT1. The peer's FIN: CLOSE_WAIT. RST or a timeout: gone; \
             the program gets ECONNRESET or ETIMEDOUT.",
        ),
        point(
            "who acts",
            "Nobody has to. Without an owner it is not accepted yet: the program that listens \
             must call accept().",
        ),
        point(
            "lasts",
            "Idle, for ever: nothing is sent, and a peer that vanished is not noticed. \
             Unacknowledged data ends it after tcp_retries2.",
        ),
        point("many", "Load, or a pool. Without owners: explain backlog."),
        point(
            "do",
            "For connections that idle: SO_KEEPALIVE, TCP_KEEPIDLE; to bound unanswered data: \
             TCP_USER_TIMEOUT.",
        ),
    ],
    live: &[
        sockets(State::Established, "now"),
        setting(
            "net.ipv4.tcp_keepalive_time",
            "s",
            "idle until the first probe",
        ),
        derived(Derived::KeepaliveGivesUp, "where SO_KEEPALIVE is on"),
        derived(Derived::DataGivesUp, "at least"),
        counter("TcpExt", "TCPAbortOnTimeout", "", "ended by a timeout"),
    ],
};
