//! Making sockets: each function takes one step and leaves no state to chance.

use crate::sys;
use rustix::fd::{AsFd, OwnedFd};
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// The most SYN (or SYN-ACK) retransmissions TCP_SYNCNT allows: a held handshake outlives the hold time.
const PATIENT: i32 = 127;

/// Both ends of one connection, and where they are.
#[derive(Debug)]
pub struct Pair {
    pub client: OwnedFd,
    pub server: OwnedFd,
    pub client_at: SocketAddr,
    pub server_at: SocketAddr,
}

/// A socket of the family of `address`, which an exec would not inherit.
pub fn socket(address: SocketAddr, kind: SocketType) -> io::Result<OwnedFd> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    Ok(rustix::net::socket_with(
        family,
        kind,
        SocketFlags::CLOEXEC,
        None,
    )?)
}

/// A bound TCP socket that does nothing yet; SO_REUSEADDR, so that a scene can be played twice on one port.
pub fn bound(at: SocketAddr) -> io::Result<OwnedFd> {
    let fd = socket(at, SocketType::STREAM)?;
    sockopt::set_socket_reuseaddr(&fd, true)?;
    rustix::net::bind(&fd, &at)?;
    Ok(fd)
}

/// A listener. For IPv6 it takes IPv6 only, so that it leaves the same IPv4 port alone.
pub fn listener(at: SocketAddr, backlog: i32) -> io::Result<OwnedFd> {
    let fd = socket(at, SocketType::STREAM)?;
    sockopt::set_socket_reuseaddr(&fd, true)?;
    if at.is_ipv6() {
        sockopt::set_ipv6_v6only(&fd, true)?;
    }
    rustix::net::bind(&fd, &at)?;
    rustix::net::listen(&fd, backlog)?;
    Ok(fd)
}

/// A listener on [::] that says in words whether it takes IPv4 too: the default is a sysctl.
pub fn listener_any_v6(port: u16, backlog: i32, v6only: bool) -> io::Result<OwnedFd> {
    let at = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port);
    let fd = socket(at, SocketType::STREAM)?;
    sockopt::set_socket_reuseaddr(&fd, true)?;
    sockopt::set_ipv6_v6only(&fd, v6only)?;
    rustix::net::bind(&fd, &at)?;
    rustix::net::listen(&fd, backlog)?;
    Ok(fd)
}

/// Where the socket is bound, by getsockname().
pub fn local(fd: impl AsFd) -> io::Result<SocketAddr> {
    Ok(SocketAddr::try_from(rustix::net::getsockname(fd)?)?)
}

/// Where a client reaches this listener: the loopback address in place of the wildcard.
pub fn reach(listener: impl AsFd) -> io::Result<SocketAddr> {
    let mut at = local(listener)?;
    if at.ip().is_unspecified() {
        at.set_ip(match at {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    Ok(at)
}

/// Whom the socket is connected to; `None` where getpeername() says that it is not.
pub fn peer(fd: impl AsFd) -> io::Result<Option<SocketAddr>> {
    match rustix::net::getpeername(fd) {
        Ok(Some(address)) => Ok(Some(SocketAddr::try_from(address)?)),
        Ok(None) | Err(rustix::io::Errno::NOTCONN) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A client whose handshake has completed; the connection waits in the accept queue of `server`.
pub fn client(server: SocketAddr) -> io::Result<OwnedFd> {
    let fd = socket(server, SocketType::STREAM)?;
    rustix::net::connect(&fd, &server)?;
    Ok(fd)
}

/// A client that has sent its SYN and waits for no answer. `deaf`: it could not hear one either.
pub fn client_without_answer(server: SocketAddr, deaf: bool) -> io::Result<OwnedFd> {
    let fd = socket(server, SocketType::STREAM)?;
    if deaf {
        sys::deafen(&fd)?;
    }
    be_patient(&fd)?;
    rustix::io::ioctl_fionbio(&fd, true)?;
    match rustix::net::connect(&fd, &server) {
        Ok(()) | Err(rustix::io::Errno::INPROGRESS) => Ok(fd),
        Err(error) => Err(error.into()),
    }
}

/// Lets the handshakes of this socket (a listener: of those it answers) be repeated for hours.
pub fn be_patient(fd: impl AsFd) -> io::Result<()> {
    sys::set_int(fd, libc::IPPROTO_TCP, libc::TCP_SYNCNT, PATIENT)
}

/// One connection through `listener`. The scene is its only client, so the accepted end is this client's.
pub fn pair(listener: impl AsFd) -> io::Result<Pair> {
    let server_at = reach(&listener)?;
    let client = client(server_at)?;
    accept(listener, client, server_at)
}

/// Accepts the connection that `client` has just made.
pub fn accept(listener: impl AsFd, client: OwnedFd, server_at: SocketAddr) -> io::Result<Pair> {
    let server = rustix::net::accept_with(listener, SocketFlags::CLOEXEC)?;
    Ok(Pair {
        client_at: local(&client)?,
        client,
        server,
        server_at,
    })
}

/// SO_LINGER 0: a close from now on is a reset, which leaves no TIME_WAIT behind.
pub fn reset_on_close(fd: impl AsFd) -> io::Result<()> {
    Ok(sockopt::set_socket_linger(fd, Some(Duration::ZERO))?)
}
