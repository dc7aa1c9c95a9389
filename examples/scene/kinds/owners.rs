//! One socket, several owners.

use crate::child::{self, Child};
use crate::cli::Options;
use crate::net;
use crate::scene::{Record, Scene, own_pid};
use crate::tcp::Tcp;
use rustix::fd::AsRawFd;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use std::io;
use std::net::{Ipv6Addr, SocketAddr};

/// A listener and an accepted connection that COUNT children inherit; the client stays with us alone.
pub fn forked(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let listener = net::listener(options.listen_at(), options.backlog())?;
    let pair = net::pair(&listener)?;
    let mut client = Some(pair.client);
    let mut pids = vec![own_pid()];
    for _ in 0..options.count {
        // In the child this takes the child's copy of the client, and closes it there only.
        let mut child = Child::start(
            |_| {
                drop(client.take());
                Ok(())
            },
            child::hold,
        )?;
        child.report()?;
        pids.push(child.pid());
        scene.keep_child(child);
    }
    let holders = |fd: i32| pids.iter().map(|pid| (*pid, fd)).collect::<Vec<_>>();
    for (label, state, fd) in [
        ("listener", Tcp::Listen, listener),
        ("server", Tcp::Established, pair.server),
    ] {
        let record = Record::tcp(label, state, &fd)?.owned_by(holders(fd.as_raw_fd()));
        scene.hold_as(record, state, fd)?;
    }
    if let Some(client) = client {
        scene.hold("client", Tcp::Established, client)?;
    }
    scene.note("children", pids.split_off(1));
    Ok(())
}

/// One listener under two fds of one process.
pub fn dup(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let listener = net::listener(options.listen_at(), options.backlog())?;
    let second = rustix::io::fcntl_dupfd_cloexec(&listener, 0)?;
    let owners = [&listener, &second].map(|fd| (own_pid(), fd.as_raw_fd()));
    let record = Record::tcp("listener", Tcp::Listen, &listener)?.owned_by(owners.to_vec());
    scene.keep(second);
    scene.hold_as(record, Tcp::Listen, listener)
}

/// A listener, and sockets that no table of TCP or UDP has.
pub fn many_kinds(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let listener = net::listener(options.listen_at(), options.backlog())?;
    for _ in 0..options.count {
        let (one, other) = rustix::net::socketpair(
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        )?;
        scene.keep(one);
        scene.keep(other);
    }
    for (family, kind) in [
        (AddressFamily::NETLINK, SocketType::RAW),
        (AddressFamily::INET, SocketType::STREAM),
    ] {
        scene.keep(rustix::net::socket(family, kind, None)?);
    }
    scene.hold("listener", Tcp::Listen, listener)
}

/// A listener for each family on one port, which COUNT children inherit: a server with its workers.
pub fn shared(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let v4 = net::listener(options.listen_at(), options.backlog())?;
    let at = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), net::local(&v4)?.port());
    let v6 = net::listener(at, options.backlog())?;
    let mut pids = vec![own_pid()];
    for _ in 0..options.count {
        let mut child = Child::start(|_| Ok(()), child::hold)?;
        child.report()?;
        pids.push(child.pid());
        scene.keep_child(child);
    }
    for fd in [v4, v6] {
        let raw = fd.as_raw_fd();
        let owners = pids.iter().map(|pid| (*pid, raw)).collect();
        let record = Record::tcp("listener", Tcp::Listen, &fd)?.owned_by(owners);
        scene.hold_as(record, Tcp::Listen, fd)?;
    }
    Ok(())
}
