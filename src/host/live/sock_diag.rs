//! The netlink socket of `sock_diag`.

use std::io::{self, IoSliceMut};
use std::os::fd::OwnedFd;
use std::time::Duration;

use super::Patience;
pub use super::zero_stamp::ZeroStamp;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvFlags, ReturnFlags, SendFlags, SocketFlags, SocketType,
    bind, getsockname, recvmsg, sendto, socket_with, sockopt,
};

/// The groups `SKNLGRP_INET_TCP_DESTROY` (1) and `SKNLGRP_INET6_TCP_DESTROY` (3).
const TCP_DESTROY: u32 = 1 << 0 | 1 << 2;
/// Room for a few thousand notices.
const NOTICES_BUFFER: usize = 4 << 20;
/// Longer than any notice.
const NOTICE: usize = 8 * 1024;

/// A datagram as it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Bytes in the buffer.
    pub length: usize,
    /// The datagram was longer than the buffer; its end is lost.
    pub truncated: bool,
    /// It came from the kernel and not from another process.
    pub from_kernel: bool,
}

/// What a dump needs of a netlink socket; tests replay recorded bytes through it.
pub trait Transport {
    /// The netlink port that answers are addressed to.
    fn port(&self) -> u32;
    /// Sends one request to the kernel.
    ///
    /// # Errors
    /// What `sendto` says.
    fn send(&mut self, request: &[u8]) -> io::Result<()>;
    /// Receives one datagram into `buffer`.
    ///
    /// # Errors
    /// What `recvmsg` says; an interrupted call is made again, for two seconds.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received>;
    /// Starts anew, as if nothing had been asked: an answer that was begun never comes to its
    /// end.
    ///
    /// # Errors
    /// What opening says; the old state stays.
    fn reopen(&mut self) -> io::Result<()> {
        Ok(())
    }
    /// What the kernel tells since when a stamp of 0 is; `None` where nobody knows.
    fn zero_stamp(&mut self) -> Option<ZeroStamp> {
        None
    }
    /// Buckets of the kernel's table of TCP connections; `None` where nobody knows.
    fn buckets(&self) -> Option<u64> {
        None
    }
}

/// A `NETLINK_SOCK_DIAG` socket of the calling thread's network namespace.
#[derive(Debug)]
pub struct SockDiag {
    fd: OwnedFd,
    port: u32,
}

impl SockDiag {
    /// `socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG)`, bound to a port of its own.
    ///
    /// # Errors
    /// `EPERM`, `EAFNOSUPPORT` or `EPROTONOSUPPORT` under seccomp, gVisor and WSL1.
    ///
    /// # References
    /// netlink(7), sock_diag(7)
    pub fn open() -> io::Result<Self> {
        let fd = socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            Some(SOCK_DIAG),
        )?;
        bind(&fd, &SocketAddrNetlink::new(0, 0))?;
        let port = SocketAddrNetlink::try_from(getsockname(&fd)?)?.pid();
        Ok(Self { fd, port })
    }
}

/// A `NETLINK_SOCK_DIAG` socket that is told of TCP sockets of this network namespace that end. No
/// right is needed (Linux 4.2).
#[derive(Debug)]
pub struct Notices {
    fd: OwnedFd,
}

impl Notices {
    /// `socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG)` in the groups of what is destroyed: what
    /// ends from now on is told.
    ///
    /// # Errors
    /// As for [`SockDiag::open`], and where the kernel has no such notices.
    ///
    /// # References
    /// `SKNLGRP_INET_TCP_DESTROY` in `include/uapi/linux/sock_diag.h`, Linux 4.2
    pub fn open() -> io::Result<Self> {
        let fd = socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            Some(SOCK_DIAG),
        )?;
        // As much as the kernel lets: beyond the limit of others for root, else up to it.
        let _ = sockopt::set_socket_recv_buffer_size_force(&fd, NOTICES_BUFFER)
            .or_else(|_| sockopt::set_socket_recv_buffer_size(&fd, NOTICES_BUFFER));
        bind(&fd, &SocketAddrNetlink::new(0, TCP_DESTROY))?;
        Ok(Self { fd })
    }

    /// Hands on each datagram that has come.
    ///
    /// # Errors
    /// `ENOBUFS` when some were lost; the next call goes on behind them.
    pub fn take(&self, each: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let mut buffer = vec![0; NOTICE];
        loop {
            match recvmsg_of(&self.fd, &mut buffer) {
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(error.into()),
                Ok(received) if received.from_kernel => {
                    each(buffer.get(..received.length).unwrap_or_default());
                }
                Ok(_) => {}
            }
        }
    }

    /// Waits until something has come, for so long at most.
    pub fn wait(&self, time: Duration) {
        let mut fds = [PollFd::new(&self.fd, PollFlags::IN)];
        let timeout = Timespec::try_from(time).ok();
        if poll(&mut fds, timeout.as_ref()).is_err() {
            // What cannot be polled is no reason not to wait.
            std::thread::sleep(time.min(Duration::from_millis(50)));
        }
    }
}

fn recvmsg_of(fd: &OwnedFd, buffer: &mut [u8]) -> Result<Received, rustix::io::Errno> {
    let mut slices = [IoSliceMut::new(buffer)];
    let mut control = RecvAncillaryBuffer::default();
    let message = recvmsg(fd, &mut slices, &mut control, RecvFlags::empty())?;
    let sender = message.address.map(SocketAddrNetlink::try_from);
    Ok(Received {
        length: message.bytes.min(buffer.len()),
        truncated: message.flags.contains(ReturnFlags::TRUNC),
        from_kernel: matches!(sender, Some(Ok(sender)) if sender.pid() == 0),
    })
}

impl Transport for SockDiag {
    fn port(&self) -> u32 {
        self.port
    }

    fn send(&mut self, request: &[u8]) -> io::Result<()> {
        let kernel = SocketAddrNetlink::new(0, 0);
        sendto(&self.fd, request, SendFlags::empty(), &kernel)?;
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        let mut patience = Patience::default();
        loop {
            match recvmsg_of(&self.fd, buffer) {
                Err(rustix::io::Errno::INTR) => patience.once_more()?,
                outcome => return Ok(outcome?),
            }
        }
    }
}
