//! Waiting for a port, and holding it.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with, sockopt};

use super::{Answer, sockscope};

/// `sockscope wait` for a port.
pub fn wait(port: u16, more: &[&str]) -> Answer {
    let port = port.to_string();
    sockscope(&[&["wait", &port], more].concat())
}

/// Whether it is so now.
pub fn is_now(port: u16, more: &[&str]) -> bool {
    let answer = wait(port, &[&["--timeout=0", "-q"], more].concat());
    assert_eq!((answer.stdout.as_str(), answer.stderr.as_str()), ("", ""));
    match answer.code() {
        0 => true,
        1 => false,
        _ => panic!("{more:?}: {answer:?}"),
    }
}

/// A TCP socket bound to an address, without SO_REUSEADDR.
pub fn bound(at: SocketAddr, v6_only: bool) -> rustix::io::Result<OwnedFd> {
    let family = match at {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let fd = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    if at.is_ipv6() {
        sockopt::set_ipv6_v6only(&fd, v6_only)?;
    }
    rustix::net::bind(&fd, &at)?;
    Ok(fd)
}
