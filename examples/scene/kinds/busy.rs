//! A server as it should be: it has much to do, and nothing is wrong with it.

use crate::child::Child;
use crate::cli::Options;
use crate::scene::{Record, Scene};
use crate::tcp::Tcp;
use crate::{net, wait};
use rustix::fd::OwnedFd;
use rustix::net::{RecvFlags, SendFlags, SocketFlags};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::Duration;

/// A backlog that no burst of ours fills.
const BACKLOG: i32 = 4096;
/// Threads of the server that accept.
const ACCEPTORS: u32 = 4;
/// Threads that open connections and close them again.
const WORKERS: u32 = 4;
/// So many of the connections that stay have something to say all the time.
const TALKERS: u32 = 20;
/// Between two things that a talker says.
const BETWEEN: Duration = Duration::from_millis(10);
/// The first byte of a connection says what it is for; the answer is the same byte.
const STAY: u8 = b's';
const TALK: u8 = b't';
const COME_AND_GO: u8 = b'c';

/// A server, a process with COUNT clients that stay, and one whose clients come and go.
///
/// Mind the ports: those that went stay in TIME_WAIT for a minute, so RATE takes 60 times as many.
pub fn busy(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let at = options.listen_at();
    let mut listener = Some(net::listener(
        at,
        options.backlog.map_or(BACKLOG, |b| b as i32),
    )?);
    let at = listener.as_ref().map_or(Ok(at), net::reach)?;
    let server = Child::working(
        |scene| {
            let listener = listener
                .take()
                .ok_or_else(|| io::Error::other("no listener"))?;
            scene.tell(&Record::tcp("listener", Tcp::Listen, &listener)?);
            Ok(listener)
        },
        serve,
    )?;
    drop(listener.take());
    scene.note("server_pid", server.pid());
    scene.adopt(server)?;
    let count = options.count;
    let clients = Child::working(|_| stay(at, count), talk)?;
    scene.note("client_pid", clients.pid());
    scene.adopt(clients)?;
    let rate = options.rate();
    let workers = Child::working(|_| come_and_go(at), move |()| work(at, rate))?;
    scene.note("worker_pid", workers.pid());
    scene.adopt(workers)?;
    scene.note("destination", at.to_string());
    scene.note("connections", count);
    scene.note("rate", rate);
    Ok(())
}

/// The server: it accepts at once, whoever comes.
fn serve(listener: OwnedFd) {
    let listener = Arc::new(listener);
    let kept = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..ACCEPTORS {
        let (listener, kept) = (Arc::clone(&listener), Arc::clone(&kept));
        spawn(move || {
            loop {
                let welcomed = rustix::net::accept_with(&*listener, SocketFlags::CLOEXEC)
                    .map_err(io::Error::from)
                    .and_then(|end| welcome(end, &kept));
                if welcomed.is_err() {
                    sleep(Duration::from_millis(1));
                }
            }
        });
    }
}

/// Answers the first byte and does what it asks for.
fn welcome(end: OwnedFd, kept: &Mutex<Vec<OwnedFd>>) -> io::Result<()> {
    let mut first = [0_u8; 1];
    rustix::net::recv(&end, &mut first[..], RecvFlags::empty())?;
    if first[0] != COME_AND_GO {
        net::reset_on_close(&end)?;
    }
    rustix::net::send(&end, &first, SendFlags::NOSIGNAL)?;
    match first[0] {
        STAY => kept
            .lock()
            .map_err(|_| io::Error::other("poisoned"))?
            .push(end),
        TALK => drop(spawn(move || while echo(&end).is_ok() {})),
        // The client closes first, and we right after it.
        _ => drop(rustix::net::recv(&end, &mut first[..], RecvFlags::empty())?),
    }
    Ok(())
}

/// Sends back what came.
fn echo(end: &OwnedFd) -> io::Result<()> {
    let mut said = [0_u8; 256];
    match rustix::net::recv(end, &mut said[..], RecvFlags::empty())?.0 {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        bytes => {
            rustix::net::send(end, &said[..bytes], SendFlags::NOSIGNAL)?;
            Ok(())
        }
    }
}

/// Connects, and says what for: when the answer is there, the server has accepted and keeps it.
fn call(at: SocketAddr, purpose: u8) -> io::Result<OwnedFd> {
    let end = net::client(at)?;
    let mut answer = [0_u8; 1];
    rustix::net::send(&end, &[purpose], SendFlags::NOSIGNAL)?;
    rustix::net::recv(&end, &mut answer[..], RecvFlags::empty())?;
    if answer[0] == purpose {
        Ok(end)
    } else {
        Err(io::Error::other("the server has left"))
    }
}

/// The clients that stay; the first of them are talkers.
fn stay(at: SocketAddr, count: u32) -> io::Result<Vec<OwnedFd>> {
    (0..count)
        .map(|nth| {
            let end = call(at, if nth < TALKERS { TALK } else { STAY })?;
            net::reset_on_close(&end)?;
            Ok(end)
        })
        .collect()
}

/// Lets the talkers talk, for ever.
fn talk(ends: Vec<OwnedFd>) {
    loop {
        for end in ends.iter().take(TALKERS as usize) {
            let said = rustix::net::send(end, b"how are you?", SendFlags::NOSIGNAL);
            if said.is_ok() {
                let _ = rustix::net::recv(end, &mut [0_u8; 256][..], RecvFlags::empty());
            }
        }
        sleep(BETWEEN);
    }
}

/// One short connection: asked, answered, closed.
fn come_and_go(at: SocketAddr) -> io::Result<()> {
    call(at, COME_AND_GO).map(drop)
}

/// Short connections, RATE of them a second.
fn work(at: SocketAddr, rate: u32) {
    for _ in 0..WORKERS {
        spawn(move || {
            wait::at_rate(rate.div_ceil(WORKERS), || {
                // One that fails is not repeated, and no reason to stop.
                let _ = come_and_go(at);
                Ok(())
            });
        });
    }
}
