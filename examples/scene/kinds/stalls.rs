//! Connections on which nothing moves: the reader does not read, or the network delivers nothing.

use crate::cli::Options;
use crate::kinds::sides::{self, Ends, Side};
use crate::scene::Scene;
use crate::{net, sys, wait};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, sockopt};
use std::io;
use std::thread::{sleep, spawn};
use std::time::Duration;

/// What is written or read at a time.
const BLOCK: usize = 16 * 1024;
/// What a writer sends at a time to a reader who takes it at once.
const SIP: usize = 4 * 1024;
/// The pause of a slow reader, and of a writer who does not press.
const PAUSE: Duration = Duration::from_millis(5);
/// A send that would block so often in a row, over half a second, is stopped for good: a probe or two has passed.
const REFUSALS: u32 = 250;
/// TCP_THIN_LINEAR_TIMEOUTS (linux/tcp.h): retransmissions of a thin stream do not come ever later.
const LINEAR_TIMEOUTS: i32 = 16;
/// The congestion control that every kernel has; a stream counts as thin only where losses are heeded.
const PLAIN: &str = "reno";
/// So many retransmissions come within two seconds; with more of them, they must not come ever later.
const SOON: u32 = 3;

/// One process writes and another reads: never, slowly, or at once.
pub fn peer_not_reading(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let stuck = !(options.slow || options.reading);
    let fill = move |scene: &mut Scene, ends: &[OwnedFd]| {
        if stuck {
            let queues = ends.iter().map(fill_up).collect::<io::Result<Vec<_>>>()?;
            scene.note("send_q", queues);
        }
        Ok(())
    };
    let nothing = |_: &mut Scene, _: &[_]| Ok(());
    let (write, read): (fn(_), fn(_)) = match (options.slow, options.reading) {
        (true, _) => (|ends| each(ends, press), |ends| each(ends, read_slowly)),
        (_, true) => (|ends| each(ends, sip), |ends| each(ends, read_at_once)),
        _ => (sides::idle, sides::idle),
    };
    let writer = Side {
        label: "writer",
        ready: &fill,
        work: write,
    };
    let reader = Side {
        label: "reader",
        ready: &nothing,
        work: read,
    };
    let listener = net::listener(options.listen_at(), options.backlog())?;
    let ends = Ends::connect(listener, options.count)?;
    let (server, client, names) = if options.client_writes {
        (reader, writer, ["reader_pid", "writer_pid"])
    } else {
        (writer, reader, ["writer_pid", "reader_pid"])
    };
    let [server_pid, client_pid] = ends.part(scene, &server, &client)?;
    scene.note(names[0], server_pid);
    scene.note(names[1], client_pid);
    Ok(())
}

/// Writes until the peer has stopped it; says how many bytes then wait.
fn fill_up(end: &OwnedFd) -> io::Result<u32> {
    let mut refusals = 0;
    while refusals < REFUSALS {
        match rustix::net::send(end, &[0; BLOCK], SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(_) => refusals = 0,
            Err(Errno::AGAIN) => {
                refusals += 1;
                sleep(Duration::from_millis(2));
            }
            Err(error) => return Err(error.into()),
        }
    }
    sys::unacknowledged(end)
}

/// A thread for each end, which repeats `step` for ever.
fn each(ends: Vec<OwnedFd>, step: fn(&OwnedFd) -> io::Result<()>) {
    for end in ends {
        spawn(move || while step(&end).is_ok() {});
    }
}

/// Writes as much as there is room for.
fn press(end: &OwnedFd) -> io::Result<()> {
    rustix::net::send(end, &[0; BLOCK], SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Writes a little.
fn sip(end: &OwnedFd) -> io::Result<()> {
    rustix::net::send(end, &[0; SIP], SendFlags::NOSIGNAL)?;
    sleep(PAUSE);
    Ok(())
}

/// Reads a block, and rests.
fn read_slowly(end: &OwnedFd) -> io::Result<()> {
    read_at_once(end)?;
    sleep(PAUSE);
    Ok(())
}

/// Reads what there is.
fn read_at_once(end: &OwnedFd) -> io::Result<()> {
    rustix::net::recv(end, &mut [0; BLOCK][..], RecvFlags::empty())?;
    Ok(())
}

/// The servers hear nothing, so whatever their clients send is sent again and again.
pub fn deaf_peer(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let deafen = |_: &mut Scene, ends: &[OwnedFd]| ends.iter().try_for_each(sys::deafen);
    let wanted = options.retransmits;
    let send = move |_: &mut Scene, ends: &[OwnedFd]| {
        for end in ends {
            if wanted > SOON {
                sockopt::set_tcp_congestion(end, PLAIN)?;
                sys::set_int(end, libc::IPPROTO_TCP, LINEAR_TIMEOUTS, 1)?;
            }
            rustix::net::send(end, b"hello?", SendFlags::NOSIGNAL)?;
        }
        wait::until(|| {
            for end in ends {
                let now = u32::from(sys::retransmits(end)?);
                if now < wanted {
                    return Ok(Some(format!("{wanted} retransmits wanted, now {now}")));
                }
            }
            Ok(None)
        })
    };
    let server = Side {
        label: "server",
        ready: &deafen,
        work: sides::idle,
    };
    let client = Side {
        label: "client",
        ready: &send,
        work: sides::idle,
    };
    let listener = net::listener(options.listen_at(), options.backlog())?;
    let ends = Ends::connect(listener, options.count)?;
    ends.part(scene, &server, &client)?;
    scene.note("retransmits", wanted);
    Ok(())
}
