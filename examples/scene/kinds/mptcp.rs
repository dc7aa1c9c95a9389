//! Connections of MPTCP, whose data is not in the TCP connections that carry it.

use crate::cli::Options;
use crate::net;
use crate::scene::{Record, Scene};
use crate::wait;
use rustix::fd::OwnedFd;
use rustix::io::ioctl_fionread;
use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto, sockopt};
use std::io;
use std::net::SocketAddr;

/// Bytes that wait in each connection.
const UNREAD: usize = 5000;

/// COUNT connections with 5,000 bytes from the client that the server does not read.
pub fn mptcp(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let at = options.listen_at();
    let listener = socket(at)?;
    sockopt::set_socket_reuseaddr(&listener, true)?;
    rustix::net::bind(&listener, &at)?;
    rustix::net::listen(&listener, options.backlog())?;
    let at = net::reach(&listener)?;
    for _ in 0..options.count {
        let client = socket(at)?;
        rustix::net::connect(&client, &at)?;
        let server = rustix::net::accept_with(&listener, SocketFlags::CLOEXEC)?;
        rustix::io::write(&client, &[b'x'; UNREAD])?;
        wait::until(|| {
            let unread = ioctl_fionread(&server)?;
            Ok((unread != UNREAD as u64).then(|| format!("{unread} bytes have come")))
        })?;
        for (label, end) in [("client", client), ("server", server)] {
            net::reset_on_close(&end)?;
            let record = Record::of(label, "tcp", "ESTABLISHED", &end)?;
            scene.hold_other(record, end);
        }
    }
    scene.note("unread", UNREAD);
    let record = Record::of("listener", "tcp", "LISTEN", &listener)?;
    scene.hold_other(record, listener);
    Ok(())
}

fn socket(at: SocketAddr) -> io::Result<OwnedFd> {
    let family = match at {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    Ok(rustix::net::socket_with(
        family,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        Some(ipproto::MPTCP),
    )?)
}
