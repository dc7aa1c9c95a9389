//! CLOSE_WAIT: left behind in three ways, growing, or in use after all.

use crate::cli::Options;
use crate::kinds::limits::set_file_limit;
use crate::kinds::states;
use crate::net::{self, Pair};
use crate::scene::{Record, Scene};
use crate::tcp::Tcp;
use crate::wait;
use rustix::fd::OwnedFd;
use rustix::net::{RecvFlags, SendFlags, Shutdown, shutdown};
use std::io;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// What a client leaves unread at its server.
const LEFT_BEHIND: &[u8] = b"never read";
/// How much `half-close` sends at a time on each connection, and how often.
const CHUNK: [u8; 64] = [b'.'; 64];
const EVERY: Duration = Duration::from_millis(5);
/// The rate of `close-wait-growing` unless said otherwise.
const GROWTH: u32 = 20;

/// The client is closed and gone; the server has not noticed or does not care. That is the leak.
pub fn close_wait(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let (read, unread) = (options.eof_read, options.unread);
    if read.saturating_add(unread) > options.count {
        return Err(io::Error::other("--eof-read and --unread exceed --count"));
    }
    let mut nth = 0;
    states::pairs(options, scene, |_, scene, pair| {
        let told_more = nth >= read && nth - read < unread;
        leave(scene, pair, nth < read, told_more)?;
        nth += 1;
        Ok(())
    })?;
    scene.note("eof_read", read);
    scene.note("stopped_reading", unread);
    scene.note("unread_fin", options.count - read - unread);
    if let Some(limit) = options.limit {
        set_file_limit(limit)?;
        scene.note("limit", limit);
    }
    Ok(())
}

/// The client leaves, perhaps with bytes unread; the server stays, perhaps having read the end.
fn leave(scene: &mut Scene, pair: Pair, eof_read: bool, unread: bool) -> io::Result<()> {
    if unread {
        rustix::net::send(&pair.client, LEFT_BEHIND, SendFlags::NOSIGNAL)?;
    }
    drop(pair.client);
    scene.expect("client", Tcp::FinWait2, pair.client_at, pair.server_at);
    if eof_read {
        read_end(&pair.server)?;
    }
    scene.hold("server", Tcp::CloseWait, pair.server)
}

/// Reads the end of the stream, for which it waits.
fn read_end(server: &OwnedFd) -> io::Result<()> {
    match rustix::net::recv(server, &mut [0_u8; 64][..], RecvFlags::empty())?.0 {
        0 => Ok(()),
        bytes => Err(io::Error::other(format!("{bytes} bytes before the end"))),
    }
}

/// COUNT at first; then a thread goes on, through a listener that is its own.
pub fn close_wait_growing(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let listener = net::listener(options.listen_at(), options.backlog())?;
    let rate = options.rate.unwrap_or(GROWTH);
    for _ in 0..options.count {
        leave(scene, net::pair(&listener)?, false, false)?;
    }
    scene.note("rate", rate);
    scene.tell(&Record::tcp("listener", Tcp::Listen, &listener)?);
    super::raise_file_limit(u64::from(rate) * u64::from(options.hold) + super::SPARE_FILES);
    std::thread::spawn(move || {
        let mut leaked = Vec::new();
        wait::at_rate(rate, || {
            let pair = net::pair(&listener)?;
            net::reset_on_close(&pair.server)?;
            leaked.push(pair.server);
            Ok(())
        });
        // No file is free any more: what there is stays, the listener too.
        super::sides::idle(leaked);
        std::mem::forget(listener);
    });
    Ok(())
}

/// Both ends are in use although one half is closed, like a request that ended with its FIN.
pub fn half_close(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let mut served = Vec::new();
    states::pairs(options, scene, |_, scene, pair| {
        shutdown(&pair.client, Shutdown::Write)?;
        wait::until_state(&pair.server, Tcp::CloseWait)?;
        wait::until_state(&pair.client, Tcp::FinWait2)?;
        read_end(&pair.server)?;
        net::reset_on_close(&pair.client)?;
        net::reset_on_close(&pair.server)?;
        scene.tell(&Record::tcp("client", Tcp::FinWait2, &pair.client)?);
        scene.tell(&Record::tcp("server", Tcp::CloseWait, &pair.server)?);
        served.push(pair);
        Ok(())
    })?;
    let (stay, leave) = channel();
    scene.keep_thread(stay);
    std::thread::spawn(move || {
        while leave.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
            for pair in &served {
                let _ = serve(pair);
            }
        }
    });
    Ok(())
}

/// A chunk from the server to the client, who reads it.
fn serve(pair: &Pair) -> io::Result<()> {
    rustix::net::send(&pair.server, &CHUNK, SendFlags::NOSIGNAL)?;
    rustix::net::recv(
        &pair.client,
        &mut [0_u8; CHUNK.len()][..],
        RecvFlags::empty(),
    )?;
    Ok(())
}
