//! Programs that try to connect again and again.

use crate::child::Child;
use crate::cli::Options;
use crate::scene::Scene;
use crate::tcp::Tcp;
use crate::{net, sys, wait};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::net::SocketFlags;
use std::io;
use std::net::SocketAddr;
use std::thread::{sleep, spawn};
use std::time::Duration;

/// From this limit of time on a SYN is sent again before a client gives up: milliseconds.
const SENT_AGAIN: u32 = 1500;
/// Between two attempts of a client whose attempt was answered.
const PAUSE: Duration = Duration::from_millis(5);

/// COUNT threads of a process that connect, give up after --give-up, and try again: in vain, because the listener
/// hears nothing.
///
/// --reading is the healthy twin: the listener accepts whoever comes and the client leaves. --slow is the near miss:
/// one connection there was established before the listener went deaf.
pub fn connect_failing(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let listener = net::listener(options.listen_at(), options.backlog())?;
    let at = net::reach(&listener)?;
    if options.slow {
        let pair = net::pair(&listener)?;
        scene.hold("client", Tcp::Established, pair.client)?;
        scene.hold("server", Tcp::Established, pair.server)?;
    }
    if !options.reading {
        sys::deafen(&listener)?;
    }
    let (count, limit) = (options.count, options.give_up);
    let waits = limit >= SENT_AGAIN && !options.reading;
    let clients = Child::working(
        move |_| {
            let first = first(at, count)?;
            if waits {
                until_sent_again(&first)?;
            }
            Ok(first)
        },
        move |first| {
            for attempt in first {
                spawn(move || keep_trying(attempt, at, limit));
            }
        },
    )?;
    scene.note("client_pid", clients.pid());
    scene.note("destination", at.to_string());
    scene.adopt(clients)?;
    if options.reading {
        let acceptor = rustix::io::fcntl_dupfd_cloexec(&listener, 0)?;
        spawn(move || {
            while let Ok(end) = rustix::net::accept_with(&acceptor, SocketFlags::CLOEXEC) {
                drop(end);
            }
        });
    }
    scene.hold("listener", Tcp::Listen, listener)
}

/// COUNT attempts at once.
fn first(at: SocketAddr, count: u32) -> io::Result<Vec<OwnedFd>> {
    (0..count)
        .map(|_| net::client_without_answer(at, false))
        .collect()
}

/// Waits until the SYN of each was sent again.
fn until_sent_again(attempts: &[OwnedFd]) -> io::Result<()> {
    wait::until(|| {
        for attempt in attempts {
            if sys::retransmits(attempt)? == 0 {
                return Ok(Some("a SYN that is sent again wanted".to_owned()));
            }
        }
        Ok(None)
    })
}

/// Waits for an answer so long as the limit allows, leaves, and tries again, for ever.
fn keep_trying(mut attempt: OwnedFd, at: SocketAddr, limit: u32) {
    loop {
        let limit = Timespec {
            tv_sec: i64::from(limit / 1000),
            tv_nsec: i64::from(limit % 1000) * 1_000_000,
        };
        let mut wanted = [PollFd::new(&attempt, PollFlags::OUT)];
        let answered = poll(&mut wanted, Some(&limit)).is_ok_and(|ready| ready > 0);
        if answered {
            // Nobody wants the port to stay in TIME_WAIT.
            let _ = net::reset_on_close(&attempt);
            sleep(PAUSE);
        }
        drop(attempt);
        match net::client_without_answer(at, false) {
            Ok(next) => attempt = next,
            Err(_) => return,
        }
    }
}
