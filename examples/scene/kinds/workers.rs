//! A listener that a master passes on to its workers, none of whom accepts.

use crate::child::{self, Child};
use crate::cli::{Hindrance, Options};
use crate::net;
use crate::scene::{Record, Scene, own_pid};
use crate::tcp::Tcp;
use crate::{sys, wait};
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::process::{Pid, Signal, kill_process};
use std::io;

/// The backlog, unless another is asked for.
const BACKLOG: u32 = 4;

/// A master, which is the scene itself, and COUNT workers that hold one listener whose queue is full; the last worker
/// cannot run (--hinder).
pub fn workers(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let backlog = options.backlog.unwrap_or(BACKLOG);
    let listener = net::listener(options.listen_at(), backlog as i32)?;
    let at = net::reach(&listener)?;
    let mut pids = Vec::new();
    for nth in 1..=options.count {
        let hindrance = options.hinder.filter(|_| nth == options.count);
        let mut worker = worker(hindrance, &listener)?;
        worker.report()?;
        if let Some(hindrance) = hindrance {
            hinder(hindrance, worker.pid())?;
        }
        pids.push(worker.pid());
        scene.keep_child(worker);
    }
    for _ in 0..=backlog {
        let client = net::client(at)?;
        let client_at = net::local(&client)?;
        scene.hold("client", Tcp::Established, client)?;
        scene.expect("queued", Tcp::Established, at, client_at);
    }
    let holders = pids.iter().copied().chain([own_pid()]);
    let holders = holders.map(|pid| (pid, listener.as_raw_fd())).collect();
    let record = Record::tcp("listener", Tcp::Listen, &listener)?.owned_by(holders);
    scene.hold_as(record, Tcp::Listen, listener)?;
    scene.note("workers", pids);
    scene.note("queue_length", backlog + 1);
    Ok(())
}

/// A worker, which inherits the listener.
fn worker(hindrance: Option<Hindrance>, listener: &OwnedFd) -> io::Result<Child> {
    let fd = listener.as_raw_fd();
    match hindrance {
        Some(Hindrance::Zombie) => Child::start(
            |scene| {
                let (stay, leave) = std::sync::mpsc::channel::<()>();
                std::thread::spawn(move || {
                    let _ = child::die_with(None);
                    let _ = leave.recv();
                });
                scene.keep_thread(stay);
                Ok(())
            },
            sys::exit_thread,
        ),
        Some(Hindrance::Uninterruptible) => Child::working(
            |_| Ok(()),
            move |()| {
                // The parent waits inside the kernel for the end of this child, which holds nothing.
                let _ = sys::wait_uninterruptibly(fd);
            },
        ),
        _ => Child::start(|_| Ok(()), child::hold),
    }
}

/// Takes a worker its power to run, and waits until it has lost it.
fn hinder(hindrance: Hindrance, pid: i32) -> io::Result<()> {
    let process = Pid::from_raw(pid).ok_or_else(|| io::Error::other("no pid"))?;
    let state = match hindrance {
        Hindrance::Stopped => {
            kill_process(process, Signal::STOP)?;
            b'T'
        }
        Hindrance::Traced => {
            sys::trace(pid)?;
            b't'
        }
        Hindrance::Zombie => b'Z',
        Hindrance::Uninterruptible => b'D',
    };
    wait::until(|| {
        let stat = std::fs::read(format!("/proc/{pid}/stat"))?;
        // The state follows the last ')': the name before it may contain anything.
        let last = stat.rsplit(|byte| *byte == b')').next();
        let now = last.and_then(|rest| rest.get(1)).copied();
        Ok((now != Some(state)).then(|| format!("state {} wanted", char::from(state))))
    })
}
