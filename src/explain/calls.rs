//! What a program calls: socket, bind, listen, accept.

use super::diagram::Stage;
use super::live::Derived;
use super::live::{counter, derived, setting, sockets};
use super::{Drawing, Topic, TopicGroup, point};
use crate::model::State;

pub(super) const TOPICS: &[Topic] = &[SOCKET, BIND, LISTEN, ACCEPT];

const SOCKET: Topic = Topic {
    name: "socket",
    title: "a descriptor, not yet a connection",
    group: TopicGroup::Calls,
    aliases: &["sockets", "fd"],
    drawing: Drawing::Life(&[State::Close]),
    points: &[
        point(
            "is",
            "A file descriptor with buffers: state CLOSE, no port, no peer. No table of the \
             kernel lists it yet, only /proc/PID/fd (socket:[inode]).",
        ),
        point(
            "next",
            "Server: bind(), listen(), accept(). Client: connect(), which takes an ephemeral \
             port by itself.",
        ),
        point(
            "owner",
            "Every process with a descriptor of it: fork() and SCM_RIGHTS share it. Only the \
             last close() closes the connection.",
        ),
        point(
            "no owner",
            "Inode 0, no file: SYN_RECV, TIME_WAIT, orphans, and connections that accept() has \
             not taken.",
        ),
        point(
            "errors",
            "EMFILE: none left of the process (RLIMIT_NOFILE). ENFILE: of the machine.",
        ),
        point(
            "do",
            "SOCK_CLOEXEC for all. sockscope proc PID shows what a process holds.",
        ),
    ],
    live: &[
        counter("sockstat.TCP", "inuse", "", "TCP over IPv4, here"),
        counter("sockstat.TCP", "alloc", "", "TCP, all namespaces"),
        counter("file-nr", "open", "", "open files of the whole machine"),
        counter("file-nr", "limit", "", "and their limit"),
        setting("fs.nr_open", "", "most that RLIMIT_NOFILE can allow"),
    ],
};

const BIND: Topic = Topic {
    name: "bind",
    title: "a local address and port; and the state BOUND_INACTIVE",
    group: TopicGroup::Calls,
    aliases: &["reuseport", "soreuseport", "reuseaddr", "soreuseaddr"],
    drawing: Drawing::Life(&[State::BoundInactive]),
    points: &[
        point(
            "is",
            "From bind() on the port is held. Until listen() or connect() Linux 6.8 and newer \
             show BOUND_INACTIVE, older ones nothing. RFC 9293: CLOSED.",
        ),
        point(
            "taken",
            "EADDRINUSE: a listener or a bound socket holds it; or, without SO_REUSEADDR on old \
             and new sockets, connections do, TIME_WAIT too.",
        ),
        point(
            "several",
            "One port, several sockets: on other addresses, devices or namespaces, IPv4 beside \
             IPv6-only, or SO_REUSEPORT on each (one user).",
        ),
        point(
            "port 0",
            "The kernel chooses a free one of ip_local_port_range.",
        ),
        point(
            "errors",
            "EACCES: below ip_unprivileged_port_start. EADDRNOTAVAIL: no address of this host.",
        ),
        point(
            "do",
            "sockscope port N tells what blocks it. Servers: SO_REUSEADDR before bind(). Clients \
             that choose their address: IP_BIND_ADDRESS_NO_PORT.",
        ),
    ],
    live: &[
        sockets(State::BoundInactive, "now, if shown"),
        setting(
            "net.ipv4.ip_unprivileged_port_start",
            "",
            "below: privilege needed",
        ),
        setting(
            "net.ipv4.ip_local_port_range",
            "",
            "for port 0 and connect()",
        ),
        setting("net.ipv4.ip_local_reserved_ports", "", "never chosen"),
    ],
};

const LISTEN: Topic = Topic {
    name: "listen",
    title: "connections are taken; and the state LISTEN",
    group: TopicGroup::Calls,
    aliases: &["listener", "listeners"],
    drawing: Drawing::Life(&[State::Listen]),
    points: &[
        point(
            "in",
            "listen(fd, backlog), after bind(); else the kernel chooses a port.",
        ),
        point(
            "out",
            "close(), shutdown(): what waits in its queue is reset. A connection never changes \
             it: each SYN makes a new socket with the same local port.",
        ),
        point(
            "several",
            "A port can have several listening sockets: other addresses, IPv6-only, namespaces, \
             or SO_REUSEPORT. Then a hash chooses; each has its own queue.",
        ),
        point(
            "queue",
            "Limit min(backlog, somaxconn), taken at listen(); one more fits. Full means \
             silence and timeouts. Refused (RST): nobody listens.",
        ),
        point(
            "addresses",
            "0.0.0.0 and [::] take connections from every network; [::] takes IPv4 too, unless \
             IPV6_V6ONLY is set.",
        ),
        point(
            "RFC 9293",
            "There the listening one itself becomes SYN-RECEIVED. Here it stays.",
        ),
    ],
    live: &[
        sockets(State::Listen, "now"),
        setting("net.core.somaxconn", "", "caps every backlog at listen()"),
        counter(
            "TcpExt",
            "ListenOverflows",
            "",
            "packets to a full accept queue",
        ),
        counter("TcpExt", "ListenDrops", "", "these, and all other drops"),
    ],
};

const ACCEPT: Topic = Topic {
    name: "accept",
    title: "takes a finished connection out of the queue",
    group: TopicGroup::Calls,
    aliases: &["accept4"],
    drawing: Drawing::Queues(&[Stage::Accepted]),
    points: &[
        point(
            "is",
            "It sends nothing and completes nothing: the kernel did the handshake, and the \
             connection is ESTABLISHED already. It makes the descriptor: from now on the socket \
             has an inode and an owner.",
        ),
        point(
            "before",
            "While it waits, the client may send (Recv-Q grows) and may leave again: CLOSE_WAIT \
             without an owner. A connection that was reset is still handed out; read() then says \
             ECONNRESET.",
        ),
        point(
            "empty",
            "Nothing in the queue: accept() blocks, or says EAGAIN. One thread of many gets each \
             connection.",
        ),
        point(
            "errors",
            "EMFILE, ENFILE: no descriptor left. The connection stays in the queue, its client \
             waits, and a poll loop spins.",
        ),
        point(
            "serial",
            "A server that serves one client to the end before the next accept() shows one \
             ESTABLISHED with an owner, and a growing queue of ESTABLISHED without one.",
        ),
        point(
            "do",
            "Accept in a loop of its own until EAGAIN, with accept4(SOCK_CLOEXEC | \
             SOCK_NONBLOCK): Linux inherits neither flag from the listener.",
        ),
    ],
    live: &[
        counter("Tcp", "PassiveOpens", "", "connections that came in"),
        counter(
            "TcpExt",
            "ListenOverflows",
            "",
            "packets to a full accept queue",
        ),
        setting("net.core.somaxconn", "", "caps every backlog at listen()"),
        derived(Derived::ConnectGivesUp, "of a client set up like this host"),
        counter("file-nr", "open", "", "open files of the whole machine"),
    ],
};
