//! What the kernel tells of a time that was never taken.
#![allow(
    unsafe_code,
    reason = "getsockopt(TCP_INFO), which rustix does not offer"
)]

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Instant;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use crate::wire::tcp_info;

/// How long ago a time was that was never taken: the kernel counts from a clock that has a 0
/// five minutes after its start, so that this tells something of the machine and nothing of the
/// socket.
#[derive(Clone, Copy, Debug)]
pub struct ZeroStamp {
    ms: u32,
    growth: Growth,
}

/// How much more it may be by now.
#[derive(Clone, Copy, Debug)]
enum Growth {
    Since(Instant),
    Told(u32),
}

impl ZeroStamp {
    /// Asks the kernel about a socket that has done nothing (`TCP_INFO`).
    ///
    /// # Errors
    /// When no socket can be made, or it tells nothing.
    pub fn read() -> io::Result<Self> {
        let read = Instant::now();
        let fd = socket_with(
            AddressFamily::INET,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        )?;
        let ms = tcp_info::last_data_sent_ms(&told_of(&fd)?).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self {
            ms,
            growth: Growth::Since(read),
        })
    }

    /// One that was read once, and what it may have grown by until its rows were made.
    #[must_use]
    pub const fn told(ms: u32, growth: u32) -> Self {
        Self {
            ms,
            growth: Growth::Told(growth),
        }
    }

    /// What it was then, in milliseconds.
    #[must_use]
    pub const fn ms(&self) -> u32 {
        self.ms
    }

    /// How much more it may be in rows that were made until now. The kernel counts ticks, which
    /// come late where the machine is busy and are made up for at once: hence a second more.
    /// Nothing that was measured is so old, for it would be older than the machine.
    #[must_use]
    pub fn growth(&self) -> u32 {
        let read = match self.growth {
            Growth::Since(read) => read,
            Growth::Told(growth) => return growth,
        };
        let since = u32::try_from(read.elapsed().as_millis()).unwrap_or(u32::MAX);
        since.saturating_add(1000)
    }
}

/// `getsockopt(TCP_INFO)`: the oldest form of it.
fn told_of(fd: &OwnedFd) -> io::Result<[u8; 104]> {
    let mut told = [0; 104];
    let mut length: libc::socklen_t = 104;
    // SAFETY: the kernel writes at most `length` bytes to the array, which is so long and
    // lives, and the length that it wrote.
    let answer = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            told.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    match answer {
        0 => Ok(told),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_has_done_nothing_tells_it_again() {
        let (first, second) = (ZeroStamp::read().unwrap(), ZeroStamp::read().unwrap());
        assert!(second.ms.wrapping_sub(first.ms) <= first.growth());
    }
}
