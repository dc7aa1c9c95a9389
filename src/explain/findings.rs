//! Findings about connections and listeners that are shown by states and queues.

use super::diagram::Stage;
use super::live::{Derived, counter, derived, setting, sockets};
use super::{Drawing, Topic, TopicGroup, point};
use crate::model::State;

pub(super) const TOPICS: &[Topic] = &[
    CLOSE_WAIT_LEAK,
    ACCEPT_QUEUE_FULL,
    STOPPED_HOLDER,
    SYN_BACKLOG_FULL,
    TIME_WAIT_TABLE,
    EPHEMERAL_PORTS,
    FIN_WAIT2_STUCK,
    ORPHANS,
];

const CLOSE_WAIT_LEAK: Topic = Topic {
    name: "close-wait-leak",
    title: "the peers have closed, this program keeps the sockets",
    group: TopicGroup::Findings,
    aliases: &["leak"],
    drawing: Drawing::Life(&[State::CloseWait]),
    points: &[
        point(
            "wrong",
            "Each holds a descriptor and memory, until accept(), socket() and open() of the \
             process fail with EMFILE.",
        ),
        point(
            "shown",
            "CLOSE_WAIT with an owner that stays. Recv-Q 1: the FIN is unread; 0: end of file was \
             read, close() is missing; more: the program stopped reading.",
        ),
        point(
            "who acts",
            "The program's author. No sysctl closes them; a restart starts anew.",
        ),
        point(
            "do",
            "sockscope conns state=close_wait process=NAME. Close when read() returns 0, on \
             EPOLLRDHUP and on every error path; SOCK_CLOEXEC for children.",
        ),
        point(
            "beware",
            "Not TIME_WAIT, which ends by itself. Not the peer's fault. Half-closed connections \
             that still send are legal. Without an owner: explain backlog.",
        ),
    ],
    live: &[
        sockets(State::CloseWait, "now"),
        counter("file-nr", "open", "", "open files of the whole machine"),
        counter("file-nr", "limit", "", "and their limit"),
    ],
};

const ACCEPT_QUEUE_FULL: Topic = Topic {
    name: "accept-queue-full",
    title: "a program does not accept() as fast as clients come",
    group: TopicGroup::Findings,
    aliases: &["listenoverflows"],
    drawing: Drawing::Queues(&[Stage::AcceptQueue]),
    points: &[
        point(
            "wrong",
            "Clients in the queue are connected (ESTABLISHED) and wait for an answer; further \
             ones get none at all: their SYNs are dropped.",
        ),
        point(
            "shown",
            "The queue is longer than its limit (it holds one more). ListenOverflows and \
             ListenDrops grow, and drops of the listener: packets, so a client that repeats its \
             SYN counts again.",
        ),
        point(
            "who acts",
            "The program that listens. Often it hangs: one client at a time, a slow backend, no \
             descriptors left.",
        ),
        point(
            "do",
            "Accept in a loop of its own, more workers. For bursts: a larger argument of \
             listen() and sysctl -w net.core.somaxconn=N, then restart it: the limit is taken at \
             listen().",
        ),
        point(
            "beware",
            "Clients see timeouts, not \"connection refused\": that means nobody listens. \
             tcp_abort_on_overflow hardly helps, the SYN is dropped before. ListenDrops also \
             counts other drops.",
        ),
    ],
    live: &[
        setting("net.core.somaxconn", "", "caps every backlog at listen()"),
        counter(
            "TcpExt",
            "ListenOverflows",
            "",
            "packets to a full accept queue",
        ),
        counter("TcpExt", "ListenDrops", "", "these, and all other drops"),
        setting(
            "net.ipv4.tcp_abort_on_overflow",
            "",
            "RST for the last ACK only",
        ),
        derived(Derived::ConnectGivesUp, "of a client set up like this host"),
    ],
};

const STOPPED_HOLDER: Topic = Topic {
    name: "stopped-holder",
    title: "a listener, or data, waits for a process that is stopped",
    group: TopicGroup::Findings,
    aliases: &[],
    drawing: Drawing::Queues(&[Stage::AcceptQueue]),
    points: &[
        point(
            "wrong",
            "Nothing of the process runs. The kernel still completes handshakes for it, so \
             clients connect, and get no answer.",
        ),
        point(
            "shown",
            "State T (a signal), t (a debugger) or a frozen cgroup, of all who could accept() or \
             read. A worker that runs is enough; a master that only passes the listener on does \
             not count.",
        ),
        point(
            "who acts",
            "Whoever stopped it: Ctrl-Z in a shell, kill -STOP, a debugger, docker pause, \
             systemctl freeze.",
        ),
        point(
            "do",
            "kill -CONT PID, or fg or bg in its shell; let the debugger go on, or detach it; \
             echo 0 > .../cgroup.freeze, docker unpause, systemctl thaw. sockscope port PORT says \
             who started it, and where.",
        ),
        point(
            "beware",
            "It leads: a full accept queue, or data that is not read, of the same process follows \
             from it and is an info. Waiting inside the kernel (D) is not this: no signal helps \
             there.",
        ),
    ],
    live: &[
        setting("net.core.somaxconn", "", "so many may wait at a listener"),
        sockets(State::Listen, "that clients may wait at"),
    ],
};

const SYN_BACKLOG_FULL: Topic = Topic {
    name: "syn-backlog-full",
    title: "more handshakes are under way than a listener may hold",
    group: TopicGroup::Findings,
    aliases: &["synflood"],
    drawing: Drawing::Queues(&[Stage::SynQueue]),
    points: &[
        point(
            "wrong",
            "With tcp_syncookies = 1 further clients get in by cookie; without TCP timestamps \
             then also without window scaling and SACK. With 0 their SYNs are dropped.",
        ),
        point(
            "shown",
            "SYN_RECV up to the backlog; TCPReqQFullDoCookies or TCPReqQFullDrop grow; the \
             kernel logs \"Possible SYN flooding on port\".",
        ),
        point(
            "who acts",
            "A flood of forged addresses: whoever runs the network in front. A burst of honest \
             clients: whoever sets the backlog.",
        ),
        point(
            "do",
            "sockscope states --by peer state=syn_recv. Keep net.ipv4.tcp_syncookies=1. Raise \
             the argument of listen() and net.core.somaxconn; fewer tcp_synack_retries empty the \
             queue sooner.",
        ),
        point(
            "beware",
            "The accept queue is another one: that is about the program. tcp_max_syn_backlog \
             matters with tcp_syncookies = 0 only; SYN_RECV also grows when answers are lost on \
             the way back.",
        ),
    ],
    live: &[
        sockets(State::SynRecv, "now"),
        setting(
            "net.ipv4.tcp_syncookies",
            "",
            "0 off, 1 when full, 2 always",
        ),
        setting("net.ipv4.tcp_synack_retries", "", "retries of SYN+ACK"),
        counter(
            "TcpExt",
            "TCPReqQFullDoCookies",
            "",
            "SYNs answered by cookie",
        ),
        counter("TcpExt", "TCPReqQFullDrop", "", "SYNs dropped"),
        counter(
            "TcpExt",
            "SyncookiesFailed",
            "",
            "ACKs with no valid cookie",
        ),
    ],
};

const TIME_WAIT_TABLE: Topic = Topic {
    name: "time-wait-table",
    title: "the table of TIME_WAIT sockets fills up",
    group: TopicGroup::Findings,
    aliases: &[],
    drawing: Drawing::Life(&[State::TimeWait]),
    points: &[
        point(
            "wrong",
            "Beyond the limit a connection that ends skips TIME_WAIT: late packets may meet a \
             successor, and a lost last ACK is not repeated.",
        ),
        point(
            "shown",
            "sockstat tw near tcp_max_tw_buckets; TCPTimeWaitOverflow grows; the kernel logs \
             \"time wait bucket table overflow\".",
        ),
        point(
            "who acts",
            "The program that makes so many short connections and closes first.",
        ),
        point(
            "do",
            "Keep connections open (pool, keep-alive); let the other side close first; then raise \
             net.ipv4.tcp_max_tw_buckets: each entry is small.",
        ),
        point(
            "beware",
            "tcp_fin_timeout and tcp_tw_reuse do not shorten the 60 s. Orphans in FIN_WAIT2 \
             count in this table too.",
        ),
    ],
    live: &[
        counter("sockstat.TCP", "tw", "", "in the table now"),
        setting("net.ipv4.tcp_max_tw_buckets", "", "its limit"),
        counter("TcpExt", "TCPTimeWaitOverflow", "", "left out: table full"),
        sockets(State::TimeWait, "now"),
    ],
};

const EPHEMERAL_PORTS: Topic = Topic {
    name: "ephemeral-ports",
    title: "the local ports of outgoing connections may run out",
    group: TopicGroup::Findings,
    aliases: &[
        "ephemeralport",
        "ephemeral",
        "eaddrnotavail",
        "cannotassignrequestedaddress",
        "localports",
    ],
    drawing: Drawing::None,
    points: &[
        point(
            "is",
            "connect() takes a free port of ip_local_port_range, without the reserved. Free means \
             per destination: address, port, and source address.",
        ),
        point(
            "wrong",
            "All taken: connect() to that destination fails with EADDRNOTAVAIL; bind() to port 0 \
             with EADDRINUSE.",
        ),
        point(
            "shown",
            "As many TIME_WAIT (60 s each) and ESTABLISHED to one destination as there are \
             ports: sockscope states --by peer role=outbound.",
        ),
        point(
            "who acts",
            "The program that connects anew for each request.",
        ),
        point(
            "do",
            "Pool or keep-alive; more addresses on either side; a wider range; tcp_tw_reuse=1. \
             Where bind() sets the source: IP_BIND_ADDRESS_NO_PORT.",
        ),
        point(
            "beware",
            "Not a limit of servers: inbound connections all use the listener's port. NAT on the \
             way has limits of its own.",
        ),
    ],
    live: &[
        setting("net.ipv4.ip_local_port_range", "", "first and last"),
        derived(Derived::EphemeralPorts, "of them, without the reserved"),
        derived(
            Derived::ConnectionsPerSecond,
            "to one destination, 60 s each",
        ),
        setting("net.ipv4.tcp_tw_reuse", "", "0 off, 1 on, 2 loopback only"),
        sockets(State::TimeWait, "now"),
    ],
};

const FIN_WAIT2_STUCK: Topic = Topic {
    name: "fin-wait2-stuck",
    title: "this side closed long ago, the peers do not",
    group: TopicGroup::Findings,
    aliases: &[],
    drawing: Drawing::Life(&[State::FinWait2]),
    points: &[
        point(
            "wrong",
            "The peer's program does not close its end; this one holds its own for ever, with a \
             descriptor.",
        ),
        point(
            "shown",
            "FIN_WAIT2 with an owner: shutdown() without close(). Without one it is an orphan \
             and ends after tcp_fin_timeout: no finding.",
        ),
        point(
            "who acts",
            "The peer's program (CLOSE_WAIT there); here the one that holds it.",
        ),
        point(
            "do",
            "sockscope conns state=fin_wait2. After shutdown(SHUT_WR) wait for the end of file \
             with a deadline, then close(). For one socket: TCP_LINGER2.",
        ),
        point(
            "beware",
            "Half-close is legal: a long answer may still come. tcp_fin_timeout ends orphans \
             only, and is not the time of TIME_WAIT.",
        ),
    ],
    live: &[
        sockets(State::FinWait2, "now"),
        setting("net.ipv4.tcp_fin_timeout", "s", "how long an orphan stays"),
        counter("sockstat.TCP", "tw", "", "TIME_WAIT and these orphans"),
    ],
};

const ORPHANS: Topic = Topic {
    name: "orphans",
    title: "closed by their programs, not acknowledged by their peers",
    group: TopicGroup::Findings,
    aliases: &["orphan", "orphaned"],
    drawing: Drawing::Life(&[State::FinWait1, State::Closing, State::LastAck]),
    points: &[
        point(
            "wrong",
            "The kernel still sends their data, up to about 64 KB of memory each. Beyond the \
             limit it resets them: that data is lost.",
        ),
        point(
            "shown",
            "FIN_WAIT1, CLOSING, LAST_ACK without an inode; sockstat orphan. The log says \"too \
             many orphaned sockets\"; TCPAbortOnMemory grows.",
        ),
        point(
            "who acts",
            "Peers that vanished or stopped reading; the path to them.",
        ),
        point(
            "do",
            "sockscope states --by peer state=fin_wait1,last_ack. Fewer tcp_orphan_retries; with \
             memory to spare, more net.ipv4.tcp_max_orphans.",
        ),
        point(
            "beware",
            "Idle orphans count up to four times: the kernel may act at a quarter of the limit, \
             which is the machine's. TIME_WAIT is not among them.",
        ),
    ],
    live: &[
        counter("sockstat.TCP", "orphan", "", "now"),
        setting("net.ipv4.tcp_max_orphans", "", "beyond it they are reset"),
        setting("net.ipv4.tcp_orphan_retries", "", "0 means 8"),
        derived(
            Derived::OrphanGivesUp,
            "at least, if nothing is acknowledged",
        ),
        counter("TcpExt", "TCPAbortOnMemory", "", "reset for want of memory"),
    ],
};
