//! Data before the handshake is complete: TCP Fast Open.

use crate::cli::Options;
use crate::kinds::queues::hold_syn_sent;
use crate::scene::Scene;
use crate::tcp::Tcp;
use crate::{net, sys, sysctl};
use rustix::io::Errno;
use rustix::net::{SendFlags, SocketFlags, SocketType, sendto};
use std::io;

/// Both sides may, and nobody needs a cookie.
const BOTH_WITHOUT_COOKIE: &str = "1543";
/// What the SYN brings along.
const EARLY: &[u8] = b"early";

/// The client is deaf and never sees the SYN-ACK. Its data is there, so the server accepts what is no connection yet,
/// reads and (as an orphan) closes it.
pub fn fast_open(options: &Options, scene: &mut Scene) -> io::Result<()> {
    sysctl::set("ipv4/tcp_fastopen", BOTH_WITHOUT_COOKIE)?;
    let listener = net::listener(options.listen_at(), options.backlog())?;
    net::be_patient(&listener)?;
    sys::set_int(&listener, libc::IPPROTO_TCP, libc::TCP_FASTOPEN, 16)?;
    let at = net::reach(&listener)?;
    for _ in 0..options.count {
        let client = net::socket(at, SocketType::STREAM)?;
        sys::deafen(&client)?;
        net::be_patient(&client)?;
        rustix::io::ioctl_fionbio(&client, true)?;
        let flags = SendFlags::from_bits_retain(libc::MSG_FASTOPEN as u32);
        match sendto(&client, EARLY, flags, &at) {
            Ok(_) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        let server = rustix::net::accept_with(&listener, SocketFlags::CLOEXEC)?;
        let client_at = net::local(&client)?;
        hold_syn_sent(scene, "client", client, at)?;
        if options.orphan {
            rustix::io::read(&server, &mut [0; 16])?;
            drop(server);
            scene.expect("server", Tcp::FinWait1, at, client_at);
        } else {
            scene.hold("server", Tcp::SynRecv, server)?;
        }
    }
    scene.hold("listener", Tcp::Listen, listener)
}
