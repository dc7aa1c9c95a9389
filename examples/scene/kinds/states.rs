//! The states of the handshake and of the close, each held still.
//!
//! States that last only while a segment is lost are made with a socket that is deaf (see `sys::deafen`).

use crate::cli::Options;
use crate::kinds::queues::hold_syn_sent;
use crate::net::{self, Pair};
use crate::scene::Scene;
use crate::tcp::Tcp;
use crate::{sys, wait};
use rustix::fd::OwnedFd;
use rustix::net::{Shutdown, shutdown};
use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;

/// The listener is deaf, so it never sees the SYN: the client waits and there is no SYN_RECV.
pub fn syn_sent(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let listener = net::listener(options.listen_at(), options.backlog())?;
    sys::deafen(&listener)?;
    let at = net::reach(&listener)?;
    for _ in 0..options.count {
        let client = net::client_without_answer(at, false)?;
        hold_syn_sent(scene, "client", client, at)?;
    }
    scene.hold("deaf-listener", Tcp::Listen, listener)
}

/// The client is deaf, so it never sees the SYN-ACK: half a connection waits in the SYN queue.
pub fn syn_recv(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let listener = net::listener(options.listen_at(), options.backlog())?;
    net::be_patient(&listener)?;
    let at = net::reach(&listener)?;
    for _ in 0..options.count {
        let client = net::client_without_answer(at, true)?;
        let client_at = net::local(&client)?;
        hold_syn_sent(scene, "client", client, at)?;
        scene.expect("half-open", Tcp::SynRecv, at, client_at);
    }
    // A SYN without a place is answered by a cookie, which leaves nothing behind; every second it comes again.
    for _ in 0..options.excess {
        let client = net::client_without_answer(at, true)?;
        hold_syn_sent(scene, "excess", client, at)?;
    }
    scene.hold("listener", Tcp::Listen, listener)
}

/// The listener, and COUNT connections through it, each given to `end`.
pub fn pairs(
    options: &Options,
    scene: &mut Scene,
    mut end: impl FnMut(&Options, &mut Scene, Pair) -> io::Result<()>,
) -> io::Result<()> {
    let listener = net::listener(options.listen_at(), options.backlog())?;
    for _ in 0..options.count {
        end(options, scene, net::pair(&listener)?)?;
    }
    scene.hold("listener", Tcp::Listen, listener)
}

/// The server is deaf, so the client's FIN is never acknowledged.
pub fn fin_wait1(options: &Options, scene: &mut Scene) -> io::Result<()> {
    pairs(options, scene, |options, scene, pair| {
        sys::deafen(&pair.server)?;
        end_client(options, scene, pair, Tcp::FinWait1, Tcp::Established)
    })
}

/// The client has ended its half and the server has not.
pub fn fin_wait2(options: &Options, scene: &mut Scene) -> io::Result<()> {
    pairs(options, scene, |options, scene, pair| {
        end_client(options, scene, pair, Tcp::FinWait2, Tcp::CloseWait)
    })
}

/// Ends the client's half, by shutdown or (as an orphan) by close, and records where both ends then are.
fn end_client(
    options: &Options,
    scene: &mut Scene,
    pair: Pair,
    client_state: Tcp,
    server_state: Tcp,
) -> io::Result<()> {
    if options.orphan {
        drop(pair.client);
        scene.expect("client", client_state, pair.client_at, pair.server_at);
    } else {
        shutdown(&pair.client, Shutdown::Write)?;
        scene.hold("client", client_state, pair.client)?;
    }
    scene.hold("server", server_state, pair.server)
}

/// Both FINs are lost, then the client hears again: the server's FIN comes without an ACK for its own.
pub fn closing(options: &Options, scene: &mut Scene) -> io::Result<()> {
    pairs(options, scene, |options, scene, pair| {
        for end in [&pair.client, &pair.server] {
            sys::deafen(end)?;
        }
        for end in [&pair.client, &pair.server] {
            shutdown(end, Shutdown::Write)?;
            wait::until_state(end, Tcp::FinWait1)?;
        }
        sys::listen_again(&pair.client)?;
        wait::until_state(&pair.client, Tcp::Closing)?;
        if options.orphan {
            drop(pair.client);
            scene.expect("client", Tcp::Closing, pair.client_at, pair.server_at);
        } else {
            scene.hold("client", Tcp::Closing, pair.client)?;
        }
        scene.hold("server", Tcp::FinWait1, pair.server)
    })
}

/// The client has ended and gone deaf, so the server's FIN is never acknowledged.
pub fn last_ack(options: &Options, scene: &mut Scene) -> io::Result<()> {
    pairs(options, scene, |options, scene, pair| {
        shutdown(&pair.client, Shutdown::Write)?;
        wait::until_state(&pair.client, Tcp::FinWait2)?;
        wait::until_state(&pair.server, Tcp::CloseWait)?;
        sys::deafen(&pair.client)?;
        if options.held {
            shutdown(&pair.server, Shutdown::Write)?;
            scene.hold("server", Tcp::LastAck, pair.server)?;
        } else {
            drop(pair.server);
            scene.expect("server", Tcp::LastAck, pair.server_at, pair.client_at);
        }
        scene.hold("client", Tcp::FinWait2, pair.client)
    })
}

/// One side closes, then the other: the first keeps the TIME_WAIT.
pub fn time_wait(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let listener = net::listener(options.listen_at(), options.backlog())?;
    closed(options, scene, &listener, options.count)?;
    scene.hold("listener", Tcp::Listen, listener)
}

/// So many connections through `listener` that are over, each of which is then in TIME_WAIT.
pub fn closed(
    options: &Options,
    scene: &mut Scene,
    listener: &OwnedFd,
    count: u32,
) -> io::Result<()> {
    let mut made = HashSet::new();
    while made.len() < count as usize {
        let (local, peer) = close(options, net::pair(listener)?)?;
        // On loopback the kernel may use a port in TIME_WAIT again (tcp_tw_reuse): still one socket.
        if made.insert((local, peer)) {
            scene.expect("closed-first", Tcp::TimeWait, local, peer);
        }
    }
    Ok(())
}

/// Closes one end, and then the other; says where the one was that was the first.
pub fn close(options: &Options, pair: Pair) -> io::Result<(SocketAddr, SocketAddr)> {
    let (first, second, local, peer) = if options.server_first {
        (pair.server, pair.client, pair.server_at, pair.client_at)
    } else {
        (pair.client, pair.server, pair.client_at, pair.server_at)
    };
    drop(first);
    wait::until_state(&second, Tcp::CloseWait)?;
    Ok((local, peer))
}
