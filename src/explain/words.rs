//! The words that sockscope itself prints: why a socket has no owner, and a glossary.

use super::live::{Derived, derived, setting, sockets};
use super::{Drawing, Topic, TopicGroup, point};
use crate::model::State;

pub(super) const TOPICS: &[Topic] = &[OWNERS, GLOSSARY];

const OWNERS: Topic = Topic {
    name: "owners",
    title: "whose a socket is, and why none is named",
    group: TopicGroup::Words,
    aliases: &[
        "owner",
        "ownerstatus",
        "found",
        "denied",
        "unaccepted",
        "kernelorhidden",
        "kernel",
        "hidden",
        "notasked",
        "noowner",
    ],
    drawing: Drawing::None,
    points: &[
        point(
            "found",
            "A process holds it: a descriptor of it, or an io_uring file, is the socket.",
        ),
        point(
            "denied",
            "Processes of other users may not be looked into. As root, or with CAP_SYS_PTRACE, it \
             is named.",
        ),
        point(
            "unaccept",
            "unaccepted: the connection is complete and waits in the accept queue; the program \
             that listens has not called accept(). See backlog.",
        ),
        point(
            "orphaned",
            "The program has closed it or ended; the kernel finishes alone. See orphans.",
        ),
        point(
            "others",
            "timewait and handshake: the kernel keeps these itself. See TIME_WAIT, SYN_RECV.",
        ),
        point(
            "kernel",
            "kernel_or_hidden: no process that can be seen holds it: the kernel (NFS, tunnels), a \
             descriptor on its way to another process, or another pid namespace.",
        ),
        point(
            "not asked",
            "not_asked: nobody was looked for, because of --no-owners or of a source that cannot \
             tell.",
        ),
    ],
    live: &[
        sockets(State::TimeWait, "without an owner"),
        sockets(State::SynRecv, "without an owner yet"),
    ],
};

const GLOSSARY: Topic = Topic {
    name: "glossary",
    title: "the few words of sockscope that are not in every book",
    group: TopicGroup::Words,
    aliases: &[
        "words",
        "role",
        "roles",
        "inbound",
        "outbound",
        "boundonly",
        "udpbound",
        "probe",
        "delayedack",
        "timer",
        "peer",
        "local",
        "connection",
        "blockedby",
        "netns",
        "dualstack",
    ],
    drawing: Drawing::None,
    points: &[
        point(
            "ends",
            "local is this side of a socket, peer the other; port is either.",
        ),
        point(
            "role",
            "listener; inbound: it came to a port that is listened on here; outbound: this host \
             opened it.",
        ),
        point(
            "bound",
            "bound_only, udp_bound: it has a port by bind() and neither listens nor is connected.",
        ),
        point(
            "timer",
            "What the kernel waits for: retransmit (an acknowledgement), keepalive (a sign of \
             life), probe (a peer that takes data again), delayed_ack, timewait.",
        ),
        point(
            "blocked",
            "blocked_by, what makes a bind() fail: listener, bound_only, udp_bound, connection \
             (an outgoing one borrowed the port), time_wait.",
        ),
        point(
            "netns",
            "A network namespace: containers have their own ports and sockets, by inode number.",
        ),
        point(
            "dual",
            "A dual-stack socket listens on [::] and takes IPv4, too: *:80.",
        ),
    ],
    live: &[
        sockets(State::Listen, "listeners now"),
        sockets(State::Established, "connections now"),
        derived(Derived::EphemeralPorts, "that outbound connections take"),
        setting(
            "net.ipv4.ip_local_port_range",
            "",
            "where these are taken from",
        ),
    ],
};
