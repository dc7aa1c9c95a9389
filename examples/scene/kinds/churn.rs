//! Tables that change while they are read: stable sockets among ones that come and go.

use crate::child::Child;
use crate::cli::Options;
use crate::kinds::{datagrams, listeners, queues};
use crate::net;
use crate::scene::Scene;
use rustix::fd::OwnedFd;
use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

/// How many sockets a worker keeps open at a time: they are in the table long enough to be met there.
const OPEN_AT_ONCE: usize = 200;
/// One connection in so many is closed in the ordinary way, so that there is TIME_WAIT too, but never a flood.
const ORDINARY_CLOSE: u32 = 128;

/// Workers first, so that they inherit none of the stable sockets; then COUNT of each stable sort.
pub fn churn(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let mut pids = Vec::new();
    let mut workers = Vec::new();
    for _ in 0..options.workers {
        workers.push(Child::start(|_| Ok(()), work)?);
    }
    for mut worker in workers {
        worker.report()?;
        pids.push(worker.pid());
        scene.keep_child(worker);
    }
    scene.note("workers", pids);
    queues::established(options, scene)?;
    let anywhere = Options {
        port: 0,
        ..options.clone()
    };
    listeners::listen(&anywhere, scene)?;
    datagrams::bound(&anywhere, scene)
}

/// Opens and closes until killed. A step that fails (no port is free just now) is simply not taken.
fn work() -> ! {
    let mut open = VecDeque::new();
    for turn in 0_u32.. {
        let _ = step(turn, &mut open);
        while open.len() > OPEN_AT_ONCE {
            open.pop_front();
        }
    }
    crate::sys::exit_now(0)
}

/// One listener, one connection through it, and one UDP socket.
fn step(turn: u32, open: &mut VecDeque<OwnedFd>) -> io::Result<()> {
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = net::listener(anywhere, 16)?;
    let pair = net::pair(&listener)?;
    if !turn.is_multiple_of(ORDINARY_CLOSE) {
        net::reset_on_close(&pair.client)?;
        net::reset_on_close(&pair.server)?;
    }
    open.extend([listener, pair.client, pair.server]);
    open.push_back(datagrams::udp(anywhere)?);
    Ok(())
}
