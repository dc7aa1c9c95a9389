//! Connections before and after accept().

use crate::cli::Options;
use crate::net::{self, Pair};
use crate::scene::{Record, Scene};
use crate::tcp::Tcp;
use crate::wait;
use rustix::fd::OwnedFd;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// COUNT connections and their listener, all held here.
pub fn established(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let listener = net::listener(options.listen_at(), options.backlog())?;
    for _ in 0..options.count {
        hold_pair(scene, net::pair(&listener)?)?;
    }
    scene.hold("listener", Tcp::Listen, listener)
}

/// Records both ends as established.
pub fn hold_pair(scene: &mut Scene, pair: Pair) -> io::Result<()> {
    scene.hold("client", Tcp::Established, pair.client)?;
    scene.hold("server", Tcp::Established, pair.server)
}

/// IPv4 clients of a dual-stack listener: the client is an IPv4 socket, the accepted end an IPv6 one.
pub fn mapped(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let listener = net::listener_any_v6(options.port, options.backlog(), false)?;
    let at = SocketAddr::new(
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        net::local(&listener)?.port(),
    );
    for _ in 0..options.count {
        let pair = net::accept(&listener, net::client(at)?, at)?;
        hold_pair(scene, pair)?;
    }
    scene.hold("listener", Tcp::Listen, listener)
}

/// COUNT clients in the accept queue. Their far ends have no inode: it comes with accept().
pub fn unaccepted(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let listener = net::listener(options.listen_at(), options.backlog())?;
    let at = net::reach(&listener)?;
    for _ in 0..options.count {
        let client = net::client(at)?;
        let client_at = net::local(&client)?;
        if options.close_clients {
            drop(client);
            scene.expect("client", Tcp::FinWait2, client_at, at);
            scene.expect("queued", Tcp::CloseWait, at, client_at);
        } else {
            scene.hold("client", Tcp::Established, client)?;
            scene.expect("queued", Tcp::Established, at, client_at);
        }
    }
    scene.note("queue_length", options.count);
    scene.hold("listener", Tcp::Listen, listener)
}

/// Fills the queue (it holds one more than its limit) and lets COUNT more clients knock in vain.
pub fn accept_full(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let limit = options.backlog.unwrap_or(1).min(somaxconn()?);
    let listener = net::listener(options.listen_at(), limit as i32)?;
    let at = net::reach(&listener)?;
    for _ in 0..=limit {
        let client = net::client_without_answer(at, false)?;
        // One after the other: two handshakes at once could overtake each other at the last place.
        wait::until_state(&client, Tcp::Established)?;
        let client_at = net::local(&client)?;
        scene.hold("client", Tcp::Established, client)?;
        scene.expect("queued", Tcp::Established, at, client_at);
    }
    for _ in 0..options.count {
        let excess = net::client_without_answer(at, false)?;
        hold_syn_sent(scene, "excess", excess, at)?;
    }
    scene.note("queue_limit", limit);
    scene.note("queue_length", limit + 1);
    scene.hold("listener", Tcp::Listen, listener)
}

/// Records a client that waits for the answer to its SYN.
pub fn hold_syn_sent(
    scene: &mut Scene,
    label: &'static str,
    fd: OwnedFd,
    server: SocketAddr,
) -> io::Result<()> {
    let record = Record::tcp(label, Tcp::SynSent, &fd)?.with_peer(server);
    scene.hold_as(record, Tcp::SynSent, fd)
}

/// The ceiling that the namespace puts on every backlog.
fn somaxconn() -> io::Result<u32> {
    let text = std::fs::read_to_string("/proc/sys/net/core/somaxconn")?;
    text.trim().parse().map_err(io::Error::other)
}
