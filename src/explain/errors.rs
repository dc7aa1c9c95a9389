//! What programs say when a call fails: in use, refused, reset, broken.

use super::live::{Derived, counter, derived, setting, sockets};
use super::{Drawing, Topic, TopicGroup, point};
use crate::model::State;

pub(super) const TOPICS: &[Topic] = &[IN_USE, REFUSED, RESET];

const IN_USE: Topic = Topic {
    name: "address-in-use",
    title: "EADDRINUSE: bind() or listen() fails, the port is taken",
    group: TopicGroup::Errors,
    aliases: &[
        "addressalreadyinuse",
        "eaddrinuse",
        "inuse",
        "portinuse",
        "alreadyinuse",
        "portalreadyinuse",
    ],
    drawing: Drawing::None,
    points: &[
        point(
            "holder",
            "A listener or a bound socket has the port, on this address or on all of them: \
             sockscope port 8080 names the process.",
        ),
        point(
            "wildcard",
            "[::]:8080 of a dual-stack socket takes 0.0.0.0:8080 too, and 0.0.0.0 takes every \
             IPv4 address.",
        ),
        point(
            "TIME_WAIT",
            "Old connections of the port refuse a bind() without SO_REUSEADDR, for 60 s. Servers \
             set it; a program that does not has to wait.",
        ),
        point(
            "borrowed",
            "An outgoing connection may have taken the port from ip_local_port_range. Keep the \
             ports of servers in ip_local_reserved_ports.",
        ),
        point(
            "nobody",
            "The holder is of another user (look as root), in another namespace, or a service \
             manager holds the port for a program that it starts later.",
        ),
        point(
            "who acts",
            "Stop the holder, or choose another port. Wait until it is free: sockscope wait 8080 \
             --free.",
        ),
    ],
    live: &[
        sockets(State::Listen, "listeners now"),
        sockets(State::TimeWait, "old connections now"),
        setting(
            "net.ipv4.ip_local_port_range",
            "",
            "ports that outgoing connections take",
        ),
    ],
};

const REFUSED: Topic = Topic {
    name: "connection-refused",
    title: "ECONNREFUSED: nobody listens where connect() went",
    group: TopicGroup::Errors,
    aliases: &["econnrefused", "refused", "connectrefused"],
    drawing: Drawing::Life(&[State::SynSent]),
    points: &[
        point(
            "what",
            "The other host answered the SYN with RST: it is alive, and nothing listens on this \
             address and port.",
        ),
        point(
            "address",
            "A server on 127.0.0.1 is not reached from outside, nor one on 0.0.0.0 by an IPv6 \
             name such as localhost = ::1.",
        ),
        point(
            "container",
            "localhost in a container is the container. The server has to listen on 0.0.0.0 \
             there, and the port has to be published.",
        ),
        point(
            "firewall",
            "A rule with REJECT may answer so too; one with DROP is silent, and ends in \
             ETIMEDOUT.",
        ),
        point(
            "UDP",
            "An ICMP port unreachable came back for a datagram that was sent before.",
        ),
        point(
            "who acts",
            "Start the server, or go to the right address: sockscope port 8080 on that host shows \
             where it listens.",
        ),
    ],
    live: &[
        sockets(State::SynSent, "attempts under way"),
        counter("Tcp", "AttemptFails", "", "handshakes that failed"),
    ],
};

const RESET: Topic = Topic {
    name: "connection-reset",
    title: "ECONNRESET and EPIPE: the connection is over while one side still talks",
    group: TopicGroup::Errors,
    aliases: &[
        "econnreset",
        "connectionresetbypeer",
        "resetbypeer",
        "brokenpipe",
        "epipe",
        "sigpipe",
    ],
    drawing: Drawing::None,
    points: &[
        point(
            "reset",
            "ECONNRESET: an RST arrived. read() and write() fail, and what was not read is lost.",
        ),
        point(
            "pipe",
            "EPIPE, with SIGPIPE: write() after the connection was reset, or after this side shut \
             down its own writing. The peer closed, and this program wrote on.",
        ),
        point(
            "why RST",
            "The peer closed with data unread, died, set SO_LINGER to 0, or no longer knows the \
             connection (restarted, or a NAT forgot it).",
        ),
        point(
            "idle",
            "Load balancers and NAT forget idle connections after minutes; the next write is \
             answered with RST. Keepalive, or a shorter idle time in the client pool, helps.",
        ),
        point(
            "queue",
            "With tcp_abort_on_overflow = 1 a full accept queue answers so, too.",
        ),
        point(
            "who acts",
            "Mostly the other side: look there for what ended. Here: read to the end before \
             close(), and ignore SIGPIPE.",
        ),
    ],
    live: &[
        sockets(State::Established, "connections now"),
        sockets(State::CloseWait, "closed by the peer, not here"),
        derived(Derived::KeepaliveGivesUp, "where keepalive is on"),
    ],
};
