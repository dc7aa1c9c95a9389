//! Findings about data, memory and descriptors: buffers, drops, loss, limits; and two risks.

use super::diagram::Spot;
use super::live::{Derived, counter, derived, part, setting, sockets};
use super::{Drawing, Topic, TopicGroup, point};
use crate::model::State;

pub(super) const TOPICS: &[Topic] = &[
    TCP_MEMORY,
    UDP_DROPS,
    FD_LIMIT,
    PEER_NOT_READING,
    APP_NOT_READING,
    CONNECT_FAILING,
    PATH_LOSS,
    HALF_OPEN_RISK,
    EXPOSED_LISTENER,
];

const TCP_MEMORY: Topic = Topic {
    name: "tcp-memory",
    title: "the buffers of TCP take more memory than allowed",
    group: TopicGroup::Findings,
    aliases: &["tcpmem"],
    drawing: Drawing::Stream(&[Spot::SendQueue, Spot::RecvQueue]),
    points: &[
        point(
            "wrong",
            "Above the second number of tcp_mem (pressure) TCP shrinks buffers and windows: \
             everything gets slow. Above the third it drops data and ends sockets.",
        ),
        point(
            "shown",
            "sockstat mem against tcp_mem, both in pages. TCPMemoryPressures and \
             TCPAbortOnMemory grow; the log says \"out of memory -- consider tuning tcp_mem\".",
        ),
        point(
            "who acts",
            "The programs behind the largest queues. Recv-Q: they do not read. Send-Q: their \
             peers do not.",
        ),
        point(
            "do",
            "sockscope conns --sort -recv_q --limit 20, and with send_q. Repair these; smaller \
             maxima in tcp_rmem and tcp_wmem; a larger tcp_mem only with memory to spare.",
        ),
        point(
            "beware",
            "The limit is the machine's, shared by all containers, and TCP's own: it was set at \
             boot and is reached while free shows plenty. Many orphans add to it.",
        ),
    ],
    live: &[
        counter("sockstat.TCP", "mem", "pages", "in use now, whole machine"),
        part("net.ipv4.tcp_mem", 1, "pages", "pressure begins"),
        part("net.ipv4.tcp_mem", 2, "pages", "hard limit"),
        counter("TcpExt", "TCPMemoryPressures", "", "times pressure began"),
        counter("TcpExt", "TCPAbortOnMemory", "", "sockets ended by it"),
    ],
};

const UDP_DROPS: Topic = Topic {
    name: "udp-drops",
    title: "a receive buffer is full, and packets are lost",
    group: TopicGroup::Findings,
    aliases: &["udpdrop", "rcvbuferrors"],
    drawing: Drawing::Datagram(&[State::Unconnected, State::Established]),
    points: &[
        point(
            "wrong",
            "Packets reached this host and were thrown away at the socket. Neither sender nor \
             program is told.",
        ),
        point(
            "shown",
            "drops of the socket (sockscope listen -u --columns +drops), and RcvbufErrors of the \
             namespace. A large Recv-Q: it goes on.",
        ),
        point(
            "who acts",
            "The program that reads too slowly, or in bursts; whoever sets its buffer.",
        ),
        point(
            "do",
            "Read faster (recvmmsg, a thread of its own, SO_REUSEPORT with several). Raise \
             SO_RCVBUF, and net.core.rmem_max for it: the kernel doubles what is asked and \
             counts its own overhead.",
        ),
        point(
            "beware",
            "The drops count from the socket's birth: only growth matters. NoPorts is another \
             matter (nobody there), and what the network card or the softirq queue lost is not \
             in here: ethtool -S, /proc/net/softnet_stat.",
        ),
    ],
    live: &[
        counter("Udp", "RcvbufErrors", "", "lost over IPv4: buffer full"),
        counter("Udp6", "RcvbufErrors", "", "lost over IPv6: buffer full"),
        counter("Udp", "MemErrors", "", "lost: udp_mem reached"),
        setting("net.core.rmem_default", "bytes", "buffer without SO_RCVBUF"),
        setting(
            "net.core.rmem_max",
            "bytes",
            "most that SO_RCVBUF can ask for",
        ),
    ],
};

const FD_LIMIT: Topic = Topic {
    name: "fd-limit",
    title: "a process is close to its limit of open descriptors",
    group: TopicGroup::Findings,
    aliases: &[
        "emfile",
        "enfile",
        "toomanyopenfiles",
        "nofile",
        "rlimitnofile",
    ],
    drawing: Drawing::None,
    points: &[
        point(
            "wrong",
            "At the limit accept(), socket() and open() fail with EMFILE. Clients still connect: \
             the kernel completes the handshake, and they wait in the accept queue.",
        ),
        point(
            "shown",
            "Entries of /proc/PID/fd against \"Max open files\" of /proc/PID/limits. For the \
             whole machine: fs.file-nr, ENFILE.",
        ),
        point(
            "who acts",
            "The program, if it leaks; else whoever sets its limit.",
        ),
        point(
            "do",
            "First see what they are: sockscope proc PID. Many CLOSE_WAIT: explain \
             close-wait-leak. Idle ESTABLISHED: a pool without a bound. Then raise it: \
             LimitNOFILE= of the unit, ulimit -n, or at once prlimit --pid PID --nofile=N:N.",
        ),
        point(
            "beware",
            "A higher limit only delays a leak. Not only sockets count: files, pipes, epoll and \
             timers too. An fd above 1023 breaks programs that use select().",
        ),
    ],
    live: &[
        counter("file-nr", "open", "", "open files of the whole machine"),
        counter("file-nr", "limit", "", "and their limit"),
        setting("fs.nr_open", "", "most that RLIMIT_NOFILE can allow"),
        sockets(State::CloseWait, "now: the usual leak"),
    ],
};

const PEER_NOT_READING: Topic = Topic {
    name: "peer-not-reading",
    title: "the peer's window is closed: its program does not read",
    group: TopicGroup::Findings,
    aliases: &["zerowindow"],
    drawing: Drawing::Stream(&[Spot::SendQueue, Spot::PeerRecvQueue]),
    points: &[
        point(
            "wrong",
            "The peer's receive queue is full, then the send queue here; in the end write() \
             blocks, or says EAGAIN.",
        ),
        point(
            "shown",
            "A large Send-Q that does not shrink, mostly not sent yet; window 0 from the peer; \
             the timer of zero-window probes. The peer's kernel still answers.",
        ),
        point(
            "who acts",
            "The peer's program: there the finding is app-not-reading.",
        ),
        point(
            "lasts",
            "As long as the peer answers probes, as RFC 9293 demands. TCP_USER_TIMEOUT ends it \
             sooner.",
        ),
        point(
            "do",
            "Look at that host. In this program: a deadline for writes, a bounded queue for each \
             client, and close those that do not keep up.",
        ),
        point(
            "beware",
            "Not path-loss: there nothing is answered. A slow link also fills Send-Q, but it \
             moves.",
        ),
    ],
    live: &[
        part(
            "net.ipv4.tcp_wmem",
            2,
            "bytes",
            "largest automatic send buffer",
        ),
        counter("sockstat.TCP", "mem", "pages", "buffers, whole machine"),
        part("net.ipv4.tcp_mem", 2, "pages", "their hard limit"),
        counter("TcpExt", "TCPAbortOnTimeout", "", "ended by a timeout"),
    ],
};

const APP_NOT_READING: Topic = Topic {
    name: "app-not-reading",
    title: "data waits here; the program does not read it",
    group: TopicGroup::Findings,
    aliases: &["recvq"],
    drawing: Drawing::Stream(&[Spot::RecvQueue]),
    points: &[
        point(
            "wrong",
            "The receive queue is full, this side's window is 0, and the peer has to stop \
             sending.",
        ),
        point(
            "shown",
            "Recv-Q stays large. TCPToZeroWindowAdv grows with each window that closes.",
        ),
        point(
            "who acts",
            "The program here that holds the socket: it hangs, waits for a lock, or works on \
             something else. No owner: it is not accepted yet.",
        ),
        point(
            "do",
            "sockscope conns --sort -recv_q names it. Look twice: does it move? Then what the \
             program does: its stack (/proc/PID/stack, gdb -p PID), its CPU, its backend.",
        ),
        point(
            "beware",
            "A larger buffer (tcp_rmem, SO_RCVBUF) only hides it. Some programs do it on \
             purpose, to slow the peer down. Recv-Q 1 in CLOSE_WAIT is no data but an unread FIN.",
        ),
    ],
    live: &[
        part(
            "net.ipv4.tcp_rmem",
            2,
            "bytes",
            "largest automatic receive buffer",
        ),
        counter(
            "TcpExt",
            "TCPToZeroWindowAdv",
            "",
            "windows closed by this host",
        ),
        counter("TcpExt", "TCPFromZeroWindowAdv", "", "and opened again"),
        counter(
            "TcpExt",
            "TCPZeroWindowDrop",
            "",
            "packets beyond a closed window",
        ),
    ],
};

const CONNECT_FAILING: Topic = Topic {
    name: "connect-failing",
    title: "several attempts to connect to a destination fail",
    group: TopicGroup::Findings,
    aliases: &["connecttimeout", "connectiontimedout", "etimedout"],
    drawing: Drawing::None,
    points: &[
        point(
            "wrong",
            "connect() after connect() runs into its limit of time. What the program wants there \
             does not happen, and each attempt holds a thread or a descriptor, and a local port.",
        ),
        point(
            "shown",
            "SYN_SENT towards one address and port at every look, the SYN sent again, none of \
             them ever ESTABLISHED; the sockets differ from look to look. A refused one is gone \
             at once: the kernel tells where to (the port only if connect() did not wait).",
        ),
        point(
            "who acts",
            "Whoever runs the firewall, the route or the host on the other side. A dropped SYN is \
             a firewall or a host that is down; \"connection refused\" comes at once and is a \
             program that does not run.",
        ),
        point(
            "lasts",
            "Until the program gives up (a limit of its own, often 1 to 30 s), or the kernel does \
             after the last SYN: ETIMEDOUT.",
        ),
        point(
            "do",
            "sockscope conns state=syn_sent --columns +retransmits. ip route get ADDRESS; ping \
             it; try another port of it: if that answers, the port is filtered, or its accept \
             queue is full.",
        ),
        point(
            "beware",
            "One SYN sent again is normal. Where some are established, look at the accept queue \
             there. Several destinations at once: the way out. A single attempt: path-loss.",
        ),
    ],
    live: &[
        sockets(State::SynSent, "now"),
        counter(
            "Tcp",
            "AttemptFails",
            "",
            "attempts that failed, in and out",
        ),
        counter("TcpExt", "TCPSynRetrans", "", "SYN and SYN+ACK sent again"),
        setting("net.ipv4.tcp_syn_retries", "", "SYNs sent again at most"),
        derived(Derived::ConnectGivesUp, "without a limit of its own"),
    ],
};

const PATH_LOSS: Topic = Topic {
    name: "path-loss",
    title: "data is sent again and again, and nothing is acknowledged",
    group: TopicGroup::Findings,
    aliases: &["retransmit", "retransmits", "retransmission", "blackhole"],
    drawing: Drawing::Stream(&[Spot::Network]),
    points: &[
        point(
            "wrong",
            "Packets or their ACKs are lost on the way, or the peer is gone. The connection \
             stands still, without an error, for minutes.",
        ),
        point(
            "shown",
            "The retransmit timer with rising retransmits, data (or a SYN) unacknowledged, the \
             last ACK long ago. Waits double up to 120 s.",
        ),
        point(
            "who acts",
            "The network or the peer's host: route, firewall or NAT that forgot the connection, \
             a link, an MTU hole (small packets pass, full ones do not).",
        ),
        point(
            "lasts",
            "tcp_retries2: 15 means at least 924.6 s, then ETIMEDOUT. TCP_USER_TIMEOUT sets it \
             for a socket.",
        ),
        point(
            "do",
            "sockscope conns --columns +timer,+retransmits. One peer, or all behind one route? \
             ip route get ADDRESS; tracepath ADDRESS finds an MTU hole.",
        ),
        point(
            "beware",
            "Some retransmission is normal: compare RetransSegs with OutSegs, over time. A \
             closed window is another finding (peer-not-reading): there the peer answers.",
        ),
    ],
    live: &[
        counter("Tcp", "OutSegs", "", "segments sent"),
        counter("Tcp", "RetransSegs", "", "segments sent again"),
        counter(
            "TcpExt",
            "TCPTimeouts",
            "",
            "retransmit timers that ran out",
        ),
        setting("net.ipv4.tcp_retries2", "", "sets the end of it"),
        derived(Derived::DataGivesUp, "at least"),
    ],
};

const HALF_OPEN_RISK: Topic = Topic {
    name: "half-open-risk",
    title: "idle connections whose end nobody would notice",
    group: TopicGroup::Findings,
    aliases: &["halfopen", "keepalive", "sokeepalive"],
    drawing: Drawing::None,
    points: &[
        point(
            "wrong",
            "A peer that lost power, or a firewall that forgot the connection, sends no FIN. \
             This side stays ESTABLISHED for ever and finds out at its next write.",
        ),
        point(
            "shown",
            "ESTABLISHED, nothing in flight, no keepalive timer, idle for long.",
        ),
        point(
            "who acts",
            "The program: TCP does nothing by itself while it is idle.",
        ),
        point(
            "do",
            "setsockopt SO_KEEPALIVE, with TCP_KEEPIDLE below the idle limit of firewalls and \
             NAT on the way; or a heartbeat of the protocol. TCP_USER_TIMEOUT bounds a write.",
        ),
        point(
            "beware",
            "It is a risk, not a fault: an idle pool is fine. The tcp_keepalive_* settings do \
             nothing for sockets without SO_KEEPALIVE.",
        ),
    ],
    live: &[
        sockets(State::Established, "now, idle or not"),
        setting(
            "net.ipv4.tcp_keepalive_time",
            "s",
            "idle until the first probe",
        ),
        setting("net.ipv4.tcp_keepalive_intvl", "s", "between probes"),
        setting("net.ipv4.tcp_keepalive_probes", "", "unanswered ones"),
        derived(Derived::KeepaliveGivesUp, "where SO_KEEPALIVE is on"),
    ],
};

const EXPOSED_LISTENER: Topic = Topic {
    name: "exposed-listener",
    title: "a service that trusts its network listens on every address",
    group: TopicGroup::Findings,
    aliases: &["exposed"],
    drawing: Drawing::None,
    points: &[
        point(
            "wrong",
            "A service that often asks for no password listens on every address: whoever \
             reaches one of them reaches it.",
        ),
        point(
            "shown",
            "sockscope listen: the local address 0.0.0.0, * or [::] instead of 127.0.0.1 or \
             [::1], and a port or process that is known for it.",
        ),
        point(
            "who acts",
            "Whoever configures the service, or the firewall.",
        ),
        point(
            "do",
            "Let it bind to 127.0.0.1 or to a unix socket; or allow its port for known \
             addresses only (nft list ruleset shows the rules).",
        ),
        point(
            "beware",
            "A firewall may close what is open here, and port forwarding of containers may open \
             what is not. [::] takes IPv4 too, unless IPV6_V6ONLY.",
        ),
    ],
    live: &[
        sockets(State::Listen, "now"),
        setting(
            "net.ipv4.ip_unprivileged_port_start",
            "",
            "any user may bind from here",
        ),
    ],
};
