//! The netlink socket of `sock_diag`.

use std::io::{self, IoSliceMut};
use std::os::fd::OwnedFd;

use super::Patience;
pub use super::zero_stamp::ZeroStamp;
use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvFlags, ReturnFlags, SendFlags, SocketFlags, SocketType,
    bind, getsockname, recvmsg, sendto, socket_with,
};

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
    fn zero_stamp(&self) -> Option<ZeroStamp> {
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
    /// Opens the socket.
    ///
    /// # Errors
    /// `EPERM`, `EAFNOSUPPORT` or `EPROTONOSUPPORT` under seccomp, gVisor and WSL1.
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

impl Transport for SockDiag {
    fn port(&self) -> u32 {
        self.port
    }

    fn send(&mut self, request: &[u8]) -> io::Result<()> {
        let kernel = SocketAddrNetlink::new(0, 0);
        sendto(&self.fd, request, SendFlags::empty(), &kernel)?;
        Ok(())
    }

    fn reopen(&mut self) -> io::Result<()> {
        *self = Self::open()?;
        Ok(())
    }

    fn buckets(&self) -> Option<u64> {
        Some(super::tcp_buckets())
    }

    fn zero_stamp(&self) -> Option<ZeroStamp> {
        ZeroStamp::read().ok()
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        let mut patience = Patience::default();
        loop {
            let mut slices = [IoSliceMut::new(buffer)];
            let mut control = RecvAncillaryBuffer::default();
            match recvmsg(&self.fd, &mut slices, &mut control, RecvFlags::empty()) {
                Err(rustix::io::Errno::INTR) => patience.once_more()?,
                Err(error) => return Err(error.into()),
                Ok(message) => {
                    let sender = message.address.map(SocketAddrNetlink::try_from);
                    return Ok(Received {
                        length: message.bytes.min(buffer.len()),
                        truncated: message.flags.contains(ReturnFlags::TRUNC),
                        from_kernel: matches!(sender, Some(Ok(sender)) if sender.pid() == 0),
                    });
                }
            }
        }
    }
}
