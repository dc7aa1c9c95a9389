//! Whatever can have a port, so that a bind() of it can be tried.

use crate::cli::{How, Options};
use crate::scene::Scene;
use crate::tcp::Tcp;
use crate::{net, sys, wait};
use rustix::fd::OwnedFd;
use rustix::net::{Shutdown, SocketFlags, SocketType, shutdown, sockopt};
use std::io;
use std::net::SocketAddr;

/// One holder (--how), whose port is told as `port`; of a connection, that of the other end as `other_port`.
pub fn holder(options: &Options, scene: &mut Scene) -> io::Result<()> {
    if options.is(How::Child) {
        return child(options, scene);
    }
    if options.is(How::Outgoing) {
        return outgoing(options, scene);
    }
    let fd = bound(options, options.listen_at())?;
    if options.is(How::Listens) {
        rustix::net::listen(&fd, options.backlog())?;
    }
    if options.is(How::Connected) {
        let nobody = SocketAddr::new(net::reach(&fd)?.ip(), 9);
        rustix::net::connect(&fd, &nobody)?;
    }
    scene.note("port", net::local(&fd)?.port());
    scene.keep(fd);
    Ok(())
}

/// A socket that is as was asked, and bound.
fn bound(options: &Options, at: SocketAddr) -> io::Result<OwnedFd> {
    let fd = made(options, at)?;
    rustix::net::bind(&fd, &at)?;
    Ok(fd)
}

/// A socket of the family of `at`, with the options that were asked for.
fn made(options: &Options, at: SocketAddr) -> io::Result<OwnedFd> {
    let kind = if options.is(How::Udp) {
        SocketType::DGRAM
    } else {
        SocketType::STREAM
    };
    let fd = net::socket(at, kind)?;
    sockopt::set_socket_reuseaddr(&fd, options.is(How::ReuseAddress))?;
    sockopt::set_socket_reuseport(&fd, options.is(How::ReusePort))?;
    if at.is_ipv6() {
        sockopt::set_ipv6_v6only(&fd, !options.is(How::Dual))?;
    }
    if options.is(How::OnLo) {
        sys::bind_to_device(&fd, "lo")?;
    }
    Ok(fd)
}

/// The accepted end of a connection whose listener is gone; its client stays.
fn child(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let listener = bound(options, options.listen_at())?;
    rustix::net::listen(&listener, options.backlog())?;
    let client = net::client(net::reach(&listener)?)?;
    let server = rustix::net::accept_with(&listener, SocketFlags::CLOEXEC)?;
    drop(listener);
    connection(options, scene, server, client)
}

/// The client of a listener, which stays (--how alone: which goes); its port is borrowed in connect(), or bound
/// before.
fn outgoing(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let at = SocketAddr::new(options.listen_at().ip(), 0);
    let listener = net::socket(at, SocketType::STREAM)?;
    if at.is_ipv6() {
        sockopt::set_ipv6_v6only(&listener, !options.is(How::Dual))?;
    }
    rustix::net::bind(&listener, &at)?;
    rustix::net::listen(&listener, options.backlog())?;
    let to = net::reach(&listener)?;
    let client = made(options, to)?;
    if options.is(How::BoundFirst) || options.is(How::BoundLate) {
        let late = options.is(How::BoundLate).into();
        sys::set_int(
            &client,
            libc::IPPROTO_IP,
            libc::IP_BIND_ADDRESS_NO_PORT,
            late,
        )?;
        rustix::net::bind(&client, &SocketAddr::new(to.ip(), 0))?;
    }
    if options.is(How::SynSent) {
        sys::deafen(&listener)?;
        net::be_patient(&client)?;
        rustix::io::ioctl_fionbio(&client, true)?;
        match rustix::net::connect(&client, &to) {
            Ok(()) | Err(rustix::io::Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        scene.note("port", net::local(&client)?.port());
        scene.keep(listener);
        scene.keep(client);
        return Ok(());
    }
    rustix::net::connect(&client, &to)?;
    let server = rustix::net::accept_with(&listener, SocketFlags::CLOEXEC)?;
    if options.is(How::Alone) {
        drop(listener);
    } else {
        scene.keep(listener);
    }
    connection(options, scene, client, server)
}

/// Brings the connection into the state that was asked for, as its `near` end sees it.
fn connection(options: &Options, scene: &mut Scene, near: OwnedFd, far: OwnedFd) -> io::Result<()> {
    let (here, there) = (net::local(&near)?, net::local(&far)?);
    scene.note("port", here.port());
    scene.note("other_port", there.port());
    if options.is(How::Talked) {
        for (from, to) in [(&near, &far), (&far, &near)] {
            rustix::io::write(from, b"hello")?;
            rustix::io::read(to, &mut [0_u8; 5])?;
        }
    }
    if options.is(How::CloseWait) {
        shutdown(&far, Shutdown::Write)?;
        wait::until_state(&near, Tcp::CloseWait)?;
    }
    if options.is(How::FinWait2) || options.is(How::TimeWait) {
        // Its program has gone, so that no file leads to it.
        drop(near);
        wait::until_state(&far, Tcp::CloseWait)?;
        if options.is(How::FinWait2) {
            scene.expect("holder", Tcp::FinWait2, here, there);
            scene.keep(far);
        } else {
            drop(far);
            scene.expect("holder", Tcp::TimeWait, here, there);
        }
        return Ok(());
    }
    scene.keep(near);
    scene.keep(far);
    Ok(())
}
