//! The states in which a connection ends.

use super::live::{Derived, counter, derived, setting, sockets};
use super::{Drawing, LiveFact, Topic, TopicGroup, point};
use crate::model::State;

pub(super) const TOPICS: &[Topic] = &[
    FIN_WAIT1, FIN_WAIT2, CLOSING, TIME_WAIT, CLOSE_WAIT, LAST_ACK,
];

/// How long a connection without a process is kept while nothing is acknowledged.
const ORPHAN_RETRIES: LiveFact = setting(
    "net.ipv4.tcp_orphan_retries",
    "",
    "retries of an orphan; 0 means 8",
);
const ORPHAN_GIVES_UP: LiveFact = derived(
    Derived::OrphanGivesUp,
    "at least, if nothing is acknowledged",
);
const ORPHANS: LiveFact = counter(
    "sockstat.TCP",
    "orphan",
    "",
    "closed here, without a process, now",
);
const MAX_ORPHANS: LiveFact = setting(
    "net.ipv4.tcp_max_orphans",
    "",
    "beyond it orphans are reset",
);

const FIN_WAIT1: Topic = Topic {
    name: "FIN_WAIT1",
    title: "this side closed first; its FIN is not acknowledged yet",
    group: TopicGroup::States,
    aliases: &[],
    drawing: Drawing::Life(&[State::FinWait1]),
    points: &[
        point(
            "in",
            "close() or shutdown(SHUT_WR). The FIN goes behind unsent data.",
        ),
        point(
            "out",
            "ACK: FIN_WAIT2. The peer's FIN without that ACK: CLOSING; with it: TIME_WAIT at \
             once.",
        ),
        point(
            "who acts",
            "The peer and the path must acknowledge. If the peer's window is closed, its program \
             must read.",
        ),
        point(
            "lasts",
            "A round trip. Unanswered: tcp_orphan_retries after close(), tcp_retries2 while a \
             process still holds it (shutdown).",
        ),
        point(
            "many",
            "Peers that vanished or stopped reading. Each keeps its unsent data in memory, \
             without a process.",
        ),
        point(
            "do",
            "sockscope states --by peer state=fin_wait1. A few end by themselves; many: see \
             explain orphans.",
        ),
    ],
    live: &[
        sockets(State::FinWait1, "now"),
        ORPHAN_RETRIES,
        ORPHAN_GIVES_UP,
        ORPHANS,
        MAX_ORPHANS,
    ],
};

const FIN_WAIT2: Topic = Topic {
    name: "FIN_WAIT2",
    title: "this side closed, acknowledged; the peer has not closed",
    group: TopicGroup::States,
    aliases: &[],
    drawing: Drawing::Life(&[State::FinWait2]),
    points: &[
        point("in", "The peer's kernel acknowledges our FIN."),
        point(
            "out",
            "The peer's FIN: TIME_WAIT. RST or the end of an orphan's time: gone.",
        ),
        point(
            "who acts",
            "The peer's program, in CLOSE_WAIT there: it has to close().",
        ),
        point(
            "lasts",
            "After close(): tcp_fin_timeout. After shutdown(SHUT_WR) a process still holds it \
             and may read: no limit.",
        ),
        point(
            "many",
            "Peers that leak CLOSE_WAIT; or, with an owner, half-closed connections of this \
             program.",
        ),
        point(
            "do",
            "Repair the peer. Here: close() after a bounded wait, not only shutdown(); \
             TCP_LINGER2 for one socket.",
        ),
        point(
            "beware",
            "tcp_fin_timeout is about orphans here, not about TIME_WAIT.",
        ),
    ],
    live: &[
        sockets(State::FinWait2, "now"),
        setting("net.ipv4.tcp_fin_timeout", "s", "how long an orphan stays"),
        counter("sockstat.TCP", "tw", "", "TIME_WAIT and these orphans"),
        setting("net.ipv4.tcp_max_tw_buckets", "", "limit of both together"),
    ],
};

const CLOSING: Topic = Topic {
    name: "CLOSING",
    title: "both sides closed at once; the FIN is not acknowledged",
    group: TopicGroup::States,
    aliases: &["simultaneousclose"],
    drawing: Drawing::Life(&[State::Closing]),
    points: &[
        point(
            "in",
            "In FIN_WAIT1 the peer's FIN arrives without an ACK of ours: the two crossed on the \
             way.",
        ),
        point("out", "The ACK of our FIN: TIME_WAIT, on both sides."),
        point(
            "who acts",
            "Nobody: the kernels finish it, as soon as the path carries the ACK.",
        ),
        point(
            "lasts",
            "A round trip. Unanswered: tcp_orphan_retries after close(), else tcp_retries2.",
        ),
        point(
            "many",
            "Rare. If they stay: ACKs are lost, or a firewall has already forgotten the \
             connection.",
        ),
        point(
            "do",
            "Nothing for a few. Else sockscope states --by peer state=closing, and look at the \
             path to that peer.",
        ),
    ],
    live: &[
        sockets(State::Closing, "now"),
        ORPHAN_RETRIES,
        ORPHAN_GIVES_UP,
        ORPHANS,
    ],
};

const TIME_WAIT: Topic = Topic {
    name: "TIME_WAIT",
    title: "both closed, this side first; the address pair rests 60 s",
    group: TopicGroup::States,
    aliases: &[],
    drawing: Drawing::Life(&[State::TimeWait]),
    points: &[
        point(
            "in",
            "This side closed first and got the FIN; or CLOSING got its ACK.",
        ),
        point(
            "out",
            "The clock, or a newer SYN of the same pair. A FIN that comes again restarts it.",
        ),
        point(
            "who acts",
            "Nobody, and no process holds it. Late packets cannot harm a successor; a lost last \
             ACK can be repeated.",
        ),
        point(
            "lasts",
            "60 s, fixed in Linux (RFC 9293: 2 MSL, 4 min). tcp_fin_timeout does not change it.",
        ),
        point(
            "many",
            "This side closes first, often. It hurts only when ports to one destination or the \
             table run out: explain ephemeral-ports, time-wait-table.",
        ),
        point(
            "do",
            "Reuse connections, or let the other side close first. SO_REUSEADDR lets a server \
             bind again.",
        ),
        point(
            "beware",
            "tcp_tw_reuse (1; 2: loopback only) helps outgoing connections only. tcp_tw_recycle \
             broke NAT and went in 4.12.",
        ),
    ],
    live: &[
        sockets(State::TimeWait, "now"),
        setting("net.ipv4.tcp_max_tw_buckets", "", "the table's limit"),
        setting("net.ipv4.tcp_tw_reuse", "", "0 off, 1 on, 2 loopback only"),
        counter("TcpExt", "TCPTimeWaitOverflow", "", "left out: table full"),
    ],
};

const CLOSE_WAIT: Topic = Topic {
    name: "CLOSE_WAIT",
    title: "the peer has closed; this program has not called close()",
    group: TopicGroup::States,
    aliases: &[],
    drawing: Drawing::Life(&[State::CloseWait]),
    points: &[
        point(
            "in",
            "The peer's FIN arrives and the kernel acknowledges it. read() returns 0 after the \
             data before it.",
        ),
        point(
            "out",
            "This program calls close(): FIN, LAST_ACK. Or the peer sends RST.",
        ),
        point(
            "who acts",
            "This program, by close() or by its end. No sysctl closes it.",
        ),
        point(
            "lasts",
            "As long as a descriptor is open. The peer waits in FIN_WAIT2.",
        ),
        point(
            "many",
            "A leak: the end of file is not read or not followed by close(), a child inherited \
             the descriptor, a thread hangs. Without an owner: not accepted yet.",
        ),
        point(
            "do",
            "sockscope conns state=close_wait names the process. Close on read() = 0 and on \
             every error; SOCK_CLOEXEC for children.",
        ),
        point(
            "beware",
            "A moment is normal, and half-close is legal: this side may still send. Keepalive \
             may end the connection, but the descriptor stays.",
        ),
    ],
    live: &[
        sockets(State::CloseWait, "now"),
        sockets(State::Established, "for comparison"),
        counter("file-nr", "open", "", "open files of the whole machine"),
        counter("file-nr", "limit", "", "and their limit"),
    ],
};

const LAST_ACK: Topic = Topic {
    name: "LAST_ACK",
    title: "the peer closed, then this side; the FIN is not acknowledged",
    group: TopicGroup::States,
    aliases: &[],
    drawing: Drawing::Life(&[State::LastAck]),
    points: &[
        point(
            "in",
            "close() in CLOSE_WAIT: the FIN goes behind unsent data.",
        ),
        point("out", "The ACK: gone. TIME_WAIT is on the other side only."),
        point(
            "who acts",
            "The peer and the path. After close() no process holds it.",
        ),
        point(
            "lasts",
            "A round trip. Unanswered: tcp_orphan_retries after close(), else tcp_retries2.",
        ),
        point(
            "many",
            "Peers that vanished right after their FIN or do not read; paths that forgot the \
             connection.",
        ),
        point(
            "do",
            "Nothing for a few. Many: sockscope states --by peer state=last_ack; lower \
             tcp_orphan_retries; see explain orphans.",
        ),
        point(
            "RFC 9293",
            "It begins when the FIN is sent; in Linux with close(), before that.",
        ),
    ],
    live: &[
        sockets(State::LastAck, "now"),
        ORPHAN_RETRIES,
        ORPHAN_GIVES_UP,
        ORPHANS,
        MAX_ORPHANS,
    ],
};
