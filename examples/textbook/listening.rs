//! The first half of a TCP server: arguments, then socket, bind, listen.

use std::env;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketFlags, SocketType, sockopt};

use super::failure::Failure;

/// Reads `[PORT] [ADDRESS]`. Port 0 lets the kernel choose a free one; the address is 127.0.0.1
/// unless given, so that nobody outside this host can connect.
pub fn address_from_args(default_port: u16) -> Result<SocketAddr, Failure> {
    const USAGE: &str = "[PORT] [ADDRESS], such as 5000 127.0.0.1";
    let mut words = env::args_os()
        .skip(1)
        .map(|word| word.to_string_lossy().into_owned());
    let port = match words.next() {
        None => default_port,
        Some(word) => word
            .parse()
            .map_err(|why| Failure::new(format_args!("use {word:?} as a port"), why, USAGE))?,
    };
    let ip = match words.next() {
        None => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Some(word) => word
            .parse()
            .map_err(|why| Failure::new(format_args!("use {word:?} as an address"), why, USAGE))?,
    };
    match words.next() {
        None => Ok(SocketAddr::new(ip, port)),
        Some(word) => Err(Failure::new(
            format_args!("use {word:?}"),
            "too many arguments",
            USAGE,
        )),
    }
}

/// Makes the listening socket, one system call at a time.
/// (`std::net::TcpListener::bind` makes the same calls in one go, with a backlog of its own.)
pub fn listen(address: SocketAddr, backlog: i32) -> Result<TcpListener, Failure> {
    let failed = |call: &'static str| {
        move |errno: Errno| {
            let what = format!("listen on {address} ({call})");
            Failure::new(what, errno, hint(errno, address))
        }
    };

    // socket(): an endpoint with a descriptor and an inode, but no address: it is in no table yet,
    // so sockscope cannot show it. CLOEXEC: programs that this one executes do not inherit it.
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)
        .map_err(failed("socket"))?;

    // SO_REUSEADDR: bind although connections of an earlier run are still in TIME_WAIT on this port.
    // A server that closes first has those after every restart. On Linux it does not let a second
    // server listen here: a port in LISTEN stays EADDRINUSE.
    sockopt::set_socket_reuseaddr(&socket, true).map_err(failed("setsockopt"))?;

    // bind(): the address and port are taken. Nobody can connect yet: a SYN is answered with RST
    // ("connection refused"). sockscope: BOUND_INACTIVE (newer kernels only).
    net::bind(&socket, &address).map_err(failed("bind"))?;

    // listen(): LISTEN. From here on the *kernel* answers clients, with or without accept():
    // SYN -> SYN_RECV, ACK -> ESTABLISHED, and into the accept queue. Its limit is
    // min(backlog, net.core.somaxconn); Linux lets in one more than that (6 with a backlog of 5).
    // After that it drops SYNs: the next client stays in SYN_SENT and tries again, at first after a
    // second. sockscope: LISTEN, accept queue 0/backlog, owner this process.
    net::listen(&socket, backlog).map_err(failed("listen"))?;

    Ok(TcpListener::from(socket))
}

/// Says on stdout that clients can connect, and where: port 0 has become a real port.
pub fn announce(listener: &TcpListener) -> Result<(), Failure> {
    let ready = || -> io::Result<()> {
        let address = listener.local_addr()?;
        let mut out = io::stdout().lock();
        writeln!(out, "listening on {address} (pid {})", std::process::id())?;
        out.flush()
    };
    ready().map_err(|why| {
        Failure::new(
            "announce the listening socket on stdout",
            why,
            "a stdout that takes a line",
        )
    })
}

fn hint(errno: Errno, address: SocketAddr) -> String {
    match errno {
        Errno::ACCESS => "a port above 1023, or root".to_owned(),
        Errno::ADDRNOTAVAIL => "an address of this host (ip address)".to_owned(),
        _ => format!("sockscope port {}", address.port()),
    }
}
