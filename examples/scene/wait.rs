//! Waiting for the kernel to get there: by looking, with a deadline, never by sleeping and hoping.

use crate::sys;
use crate::tcp::Tcp;
use rustix::fd::AsFd;
use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Long enough for several retransmissions on a busy machine, short enough for a test to report.
const DEADLINE: Duration = Duration::from_secs(20);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(2);

/// Looks until `missing` answers `None`; after the deadline its last words become the error.
pub fn until(mut missing: impl FnMut() -> io::Result<Option<String>>) -> io::Result<()> {
    let start = Instant::now();
    while let Some(what) = missing()? {
        if start.elapsed() > DEADLINE {
            return Err(io::Error::new(io::ErrorKind::TimedOut, what));
        }
        sleep(PAUSE);
    }
    Ok(())
}

/// Does `step` so many times a second until it fails; after a pause of the machine it catches up.
pub fn at_rate(rate: u32, mut step: impl FnMut() -> io::Result<()>) {
    let start = Instant::now();
    for nth in 0.. {
        let due = Duration::from_secs_f64(f64::from(nth) / f64::from(rate));
        sleep(due.saturating_sub(start.elapsed()));
        if step().is_err() {
            return;
        }
    }
}

/// Waits until the socket says that it is in `state`.
pub fn until_state(fd: impl AsFd, state: Tcp) -> io::Result<()> {
    until(|| {
        let now = sys::tcp_state(&fd)?;
        Ok((now != state.number()).then(|| format!("{} wanted, state is {now}", state.name())))
    })
}
