//! Sockets that wait: listeners of every sort, and bound ones that do not even listen.

use crate::cli::Options;
use crate::net;
use crate::scene::Scene;
use crate::tcp::Tcp;
use rustix::net::{SocketType, sockopt};
use std::io;

/// COUNT plain listeners.
pub fn listen(options: &Options, scene: &mut Scene) -> io::Result<()> {
    for nth in 0..options.count {
        let fd = net::listener(options.listen_at_nth(nth), options.backlog())?;
        scene.hold("listener", Tcp::Listen, fd)?;
    }
    Ok(())
}

/// A listener on [::] that holds the IPv4 port too.
pub fn listen_v6(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let fd = net::listener_any_v6(options.port, options.backlog(), false)?;
    scene.hold("listener", Tcp::Listen, fd)
}

/// A listener on [::] that leaves the IPv4 port alone.
pub fn listen_v6only(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let fd = net::listener_any_v6(options.port, options.backlog(), true)?;
    scene.hold("listener", Tcp::Listen, fd)
}

/// COUNT listeners on one port: every one must ask for SO_REUSEPORT before it binds.
pub fn reuseport(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let mut at = options.listen_at();
    for _ in 0..options.count {
        let fd = net::socket(at, SocketType::STREAM)?;
        sockopt::set_socket_reuseport(&fd, true)?;
        rustix::net::bind(&fd, &at)?;
        rustix::net::listen(&fd, options.backlog())?;
        at = net::local(&fd)?;
        scene.hold("listener", Tcp::Listen, fd)?;
    }
    Ok(())
}

/// COUNT bound-only sockets: they block the port, and /proc/net/tcp does not show them.
pub fn bound(options: &Options, scene: &mut Scene) -> io::Result<()> {
    for nth in 0..options.count {
        let fd = net::bound(options.listen_at_nth(nth))?;
        scene.hold("bound", Tcp::BoundInactive, fd)?;
    }
    Ok(())
}
