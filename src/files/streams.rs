//! The standard streams, written to honestly: std takes a closed one for one that wants nothing.

use std::io::{self, Write};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::BorrowedFd;
use rustix::io::Errno;

/// Standard output. Nothing is held back.
#[derive(Clone, Copy, Debug)]
pub struct Stdout;

/// Standard error. Nothing is held back.
#[derive(Clone, Copy, Debug)]
pub struct Stderr;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write(rustix::stdio::stdout(), bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write(rustix::stdio::stderr(), bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes some of it. Whoever made the stream one that does not wait is waited for all the same.
fn write(stream: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match rustix::io::write(stream, bytes) {
            Err(Errno::AGAIN) => {
                let mut fds = [PollFd::new(&stream, PollFlags::OUT)];
                match poll(&mut fds, None) {
                    Ok(_) | Err(Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Err(Errno::BADF) => return Err(io::Error::other("it is closed")),
            outcome => return Ok(outcome?),
        }
    }
}
