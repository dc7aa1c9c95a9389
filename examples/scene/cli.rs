//! The arguments: one kind, and options that mean the same in each kind that reads them.

use clap::{Parser, ValueEnum};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// Makes real sockets of one kind in this network namespace, tells of them in one line of JSON, and holds them.
///
/// The line appears when every state is in place. The scene ends when stdin ends or brings a line,
/// or after the hold time. Options that a kind does not read are ignored.
#[derive(Clone, Debug, Parser)]
#[command(name = "scene")]
pub struct Options {
    /// What to make
    #[arg(value_enum)]
    pub kind: Kind,
    /// Internet protocol of the loopback address used: 4 or 6
    #[arg(long, default_value = "4", value_parser = ["4", "6"])]
    pub family: String,
    /// How many: listeners, pairs, clients, sockets or children, as the kind has it
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=2_000_000))]
    pub count: u32,
    /// Port of the listener (or first bound socket); 0 lets the kernel choose
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Backlog for listen() [default: 1 for accept-full, else at least 128]
    #[arg(long)]
    pub backlog: Option<u32>,
    /// Address to listen on or to bind UDP to, instead of the loopback address
    #[arg(long)]
    pub address: Option<IpAddr>,
    /// Seconds after which the scene ends by itself
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub hold: u32,
    /// Hold for the whole time, whatever stdin does (for demonstrations)
    #[arg(long)]
    pub ignore_stdin: bool,
    /// unaccepted: the clients close, so that the queued connections become CLOSE_WAIT
    #[arg(long)]
    pub close_clients: bool,
    /// fin-wait1, fin-wait2, closing: the socket has no file any more, not even a held one
    #[arg(long)]
    pub orphan: bool,
    /// last-ack: shut down instead of closed, so that a file still leads to the socket
    #[arg(long)]
    pub held: bool,
    /// time-wait, time-wait-overflow: the server closes first, and its port collects the TIME_WAIT
    #[arg(long)]
    pub server_first: bool,
    /// udp-many: all sockets on one port (SO_REUSEPORT)
    #[arg(long)]
    pub same_port: bool,
    /// other-user: the user to become
    #[arg(long, default_value_t = 65534)]
    pub uid: u32,
    /// comm: the name, 15 bytes at most; \xNN, \n, \r, \t, \e and \\ are read as escapes
    #[arg(long, default_value = "scene-comm")]
    pub name: String,
    /// short-lives: so many milliseconds a connection lives
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=60_000))]
    pub life: u32,
    /// churn, short-lives: how many worker processes
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub workers: u32,
    /// load: over how many processes the sockets are spread [default: 4, or as many as the limit on fds asks for]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub processes: Option<u32>,
    /// load: extra fds that are no sockets, in each process
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub files: u32,
    /// load: how many per cent of the pairs are IPv6
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub v6_share: u32,
    /// How many a second: connections, datagrams [default: 20 for close-wait-growing, else 200]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rate: Option<u32>,
    /// close-wait: so many servers, the first ones, have read the end of the stream
    #[arg(long, default_value_t = 0)]
    pub eof_read: u32,
    /// close-wait: so many clients, the next ones, leave bytes behind that the server never reads
    #[arg(long, default_value_t = 0)]
    pub unread: u32,
    /// close-wait, fd-limit: the RLIMIT_NOFILE of the process [default: 64 for fd-limit, else left alone]
    #[arg(long, value_parser = clap::value_parser!(u32).range(8..=1_000_000))]
    pub limit: Option<u32>,
    /// fd-limit: descriptors in all, its COUNT listeners among them
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(5..=1_000_000))]
    pub open: u32,
    /// syn-recv: so many more clients, for which the SYN queue (--backlog) has no place
    #[arg(long, default_value_t = 0)]
    pub excess: u32,
    /// port-range: how many ports there are, from 20001 on
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(2..=40_000))]
    pub range: u32,
    /// port-range: so many of them, the last ones, are reserved
    #[arg(long, default_value_t = 0)]
    pub reserved: u32,
    /// time-wait-overflow: how many TIME_WAIT there is room for
    #[arg(long, default_value_t = 10)]
    pub buckets: u32,
    /// deaf-peer: the line comes when every client has sent its bytes again so often
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=12))]
    pub retransmits: u32,
    /// connect-failing: a client gives up after so many milliseconds, and tries again
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..=600_000))]
    pub give_up: u32,
    /// workers: why the last worker cannot run
    #[arg(long, value_enum)]
    pub hinder: Option<Hindrance>,
    /// udp-dropping, peer-not-reading, connect-failing: the healthy twin, who reads (accepts) at once whatever comes
    #[arg(long)]
    pub reading: bool,
    /// peer-not-reading: the near miss, in which queues are full but move: the reader is slow and reads all;
    /// connect-failing: one connection there is established
    #[arg(long)]
    pub slow: bool,
    /// peer-not-reading: the client is the one who writes
    #[arg(long)]
    pub client_writes: bool,
    /// holder: what it is, as words with commas between them
    #[arg(long, value_delimiter = ',')]
    pub how: Vec<How>,
}

/// What a holder of a port is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum How {
    /// TCP, and it listens; else it is only bound
    Listens,
    /// An accepted connection whose listener has gone
    Child,
    /// A connection to a listener of the scene
    Outgoing,
    /// UDP, bound
    Udp,
    /// UDP: connected as well
    Connected,
    /// SO_REUSEADDR is set before bind()
    ReuseAddress,
    /// SO_REUSEPORT is set before bind()
    ReusePort,
    /// IPv6: it takes IPv4, too
    Dual,
    /// Bound to the interface lo
    OnLo,
    /// outgoing: bound before connect(), to any port
    BoundFirst,
    /// outgoing: bound before connect(), which chooses the port (IP_BIND_ADDRESS_NO_PORT)
    BoundLate,
    /// outgoing: without an answer
    SynSent,
    /// outgoing: its listener has gone
    Alone,
    /// A connection on which data went both ways
    Talked,
    /// A connection that the other end has closed
    CloseWait,
    /// A connection that this end has closed and forgotten, and the other has not
    FinWait2,
    /// A connection that is over, closed by this end first
    TimeWait,
}

impl Options {
    /// The loopback address of the family asked for.
    pub fn loopback(&self) -> IpAddr {
        if self.family == "6" {
            IpAddr::V6(Ipv6Addr::LOCALHOST)
        } else {
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        }
    }

    /// Where the first listener goes.
    pub fn listen_at(&self) -> SocketAddr {
        self.listen_at_nth(0)
    }

    /// Where the nth listener goes: on consecutive ports, or on any where the port is 0.
    pub fn listen_at_nth(&self, nth: u32) -> SocketAddr {
        let port = match self.port {
            0 => 0,
            first => first.saturating_add(u16::try_from(nth).unwrap_or(u16::MAX)),
        };
        SocketAddr::new(self.address.unwrap_or_else(|| self.loopback()), port)
    }

    /// Whether a holder is to be so.
    pub fn is(&self, how: How) -> bool {
        self.how.contains(&how)
    }

    /// How many a second, where the kind has no habit of its own.
    pub fn rate(&self) -> u32 {
        self.rate.unwrap_or(200)
    }

    /// The backlog asked for, or one that all `--count` clients fit into.
    pub fn backlog(&self) -> i32 {
        let backlog = self.backlog.unwrap_or_else(|| self.count.max(128));
        i32::try_from(backlog).unwrap_or(i32::MAX)
    }

    /// How long the scene may last.
    pub fn hold(&self) -> Duration {
        Duration::from_secs(u64::from(self.hold))
    }

    /// The same options for one part of `all`: one of each, on a port of its own.
    pub fn part(&self, kind: Kind) -> Self {
        Self {
            kind,
            count: 1,
            port: 0,
            backlog: None,
            orphan: false,
            ..self.clone()
        }
    }
}

/// Why a process cannot run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Hindrance {
    /// By SIGSTOP
    Stopped,
    /// By a tracer
    Traced,
    /// Its first thread has exited
    Zombie,
    /// It waits inside the kernel
    Uninterruptible,
}

/// The kinds of scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// COUNT listeners (--address, --backlog, --port)
    Listen,
    /// One dual-stack listener on [::], which takes IPv4 too
    ListenV6,
    /// One listener on [::] that takes IPv6 only
    ListenV6only,
    /// COUNT listeners on one port (SO_REUSEPORT)
    Reuseport,
    /// COUNT connections, both ends held here
    Established,
    /// COUNT IPv4 clients of a dual-stack listener: the accepted ends are v4-mapped IPv6 sockets
    Mapped,
    /// COUNT clients connected and never accepted (--close-clients)
    Unaccepted,
    /// A full accept queue (--backlog) and COUNT clients that do not fit and stay SYN_SENT
    AcceptFull,
    /// COUNT clients whose SYN is lost
    SynSent,
    /// COUNT half-open connections: the client never hears the SYN-ACK (--excess)
    SynRecv,
    /// COUNT clients whose FIN is lost (--orphan)
    FinWait1,
    /// COUNT clients that shut down while the server did not (--orphan)
    FinWait2,
    /// COUNT clients in a simultaneous close (--orphan)
    Closing,
    /// COUNT servers that do not close after their client did (--eof-read, --unread, --limit)
    CloseWait,
    /// COUNT of them at first, and --rate more in every second
    CloseWaitGrowing,
    /// COUNT clients that have ended their half and go on reading what their server sends: CLOSE_WAIT, but no leak
    HalfClose,
    /// COUNT servers whose last FIN is lost (--held)
    LastAck,
    /// COUNT connections over and done (--server-first)
    TimeWait,
    /// COUNT connections over and done, where only --buckets of them may stay in TIME_WAIT
    TimeWaitOverflow,
    /// A namespace with --range ports (less --reserved), and COUNT connections towards one listener
    PortRange,
    /// A process with --open descriptors of the --limit it may have
    FdLimit,
    /// COUNT connections whose writer is stopped by a reader who does not read (--slow, --reading, --client-writes)
    PeerNotReading,
    /// COUNT connections whose client sends in vain: its server hears nothing (--retransmits)
    DeafPeer,
    /// A healthy server: COUNT connections that stay, and --rate that come and go in a second
    Busy,
    /// COUNT threads that connect in vain, give up (--give-up) and try again (--reading, --slow)
    ConnectFailing,
    /// A master and COUNT workers with one listener, whose queue is full (--backlog, --hinder)
    Workers,
    /// COUNT TCP sockets that are bound and nothing more
    Bound,
    /// One socket that has a port, of any kind (--how, --address, --port)
    Holder,
    /// COUNT UDP sockets bound (--address)
    UdpBound,
    /// COUNT pairs of UDP sockets connected to each other
    UdpConnected,
    /// COUNT UDP sockets bound, on ports of their own or on one (--same-port)
    UdpMany,
    /// A UDP socket whose buffer ran over once, and its sender
    UdpFull,
    /// A UDP socket that nobody reads, and a process that sends --rate datagrams a second (--reading)
    UdpDropping,
    /// A Fast Open connection whose SYN brought five bytes, and whose answer is lost (private namespace only)
    FastOpen,
    /// COUNT connections of MPTCP, each with 5,000 bytes that nobody reads
    Mptcp,
    /// Two raw ICMP sockets, one of them connected
    Raw,
    /// A listener and a connection shared by this process and COUNT forked children
    Forked,
    /// Two listeners on one port, IPv4 and IPv6, shared by this process and COUNT forked children
    Shared,
    /// One listener under two fds
    Dup,
    /// A listener in the fd table that one thread has of its own
    ThreadFiles,
    /// A listener of a process whose leader thread has exited
    DeadLeader,
    /// A listener of this process, of one of its threads under another fd, and of a child whose leader has exited
    ThreadsBeside,
    /// A listener that only an io_uring in a thread's own fd table holds
    ThreadRing,
    /// A listener in flight over a unix socket (SCM_RIGHTS): no process owns it
    Scm,
    /// A listener that only an io_uring holds, as a registered file
    IoUring,
    /// A listener and a connection of another user (--uid)
    OtherUser,
    /// A listener of a process with a name of your choice (--name)
    Comm,
    /// A listener, and beside it COUNT pairs of unix sockets, one of netlink, one of TCP that is not bound
    ManyKinds,
    /// A listener in a second network namespace (--port)
    TwoNamespaces,
    /// Workers that open and close without end, beside COUNT stable pairs, listeners and UDP sockets
    Churn,
    /// COUNT established sockets over several processes and addresses (--processes, --files, --v6-share)
    Load,
    /// WORKERS clients that connect without end to one server (--life, --server-first)
    ShortLives,
    /// One of each TCP state at once
    All,
}
