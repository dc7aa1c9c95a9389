//! Sockets without a handshake: UDP and raw.

use crate::cli::Options;
use crate::scene::{Record, Scene};
use crate::{net, sys, wait};
use rustix::fd::OwnedFd;
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, ipproto, sockopt};
use std::io;
use std::net::SocketAddr;

/// Small, so that few datagrams fill it; the kernel has a floor of its own above it.
const SMALL_BUFFER: usize = 16 * 1024;
/// What `udp-full` sends at least.
const FLOOD: u32 = 500;

/// COUNT bound sockets.
pub fn bound(options: &Options, scene: &mut Scene) -> io::Result<()> {
    for nth in 0..options.count {
        let fd = udp(options.listen_at_nth(nth))?;
        scene.hold_other(Record::of("bound", "udp", "UNCONN", &fd)?, fd);
    }
    Ok(())
}

/// A UDP socket bound to `at`.
pub fn udp(at: SocketAddr) -> io::Result<OwnedFd> {
    let fd = net::socket(at, SocketType::DGRAM)?;
    rustix::net::bind(&fd, &at)?;
    Ok(fd)
}

/// COUNT pairs, each end connected to the other.
pub fn connected(options: &Options, scene: &mut Scene) -> io::Result<()> {
    for nth in 0..options.count {
        let server = udp(options.listen_at_nth(nth))?;
        let client = udp(SocketAddr::new(options.loopback(), 0))?;
        rustix::net::connect(&client, &net::local(&server)?)?;
        rustix::net::connect(&server, &net::local(&client)?)?;
        for (label, fd) in [("client", client), ("server", server)] {
            scene.hold_other(Record::of(label, "udp", "ESTABLISHED", &fd)?, fd);
        }
    }
    Ok(())
}

/// COUNT bound sockets, on one port if asked: that one bucket of the kernel's table is then long.
pub fn many(options: &Options, scene: &mut Scene) -> io::Result<()> {
    if !options.same_port {
        return bound(options, scene);
    }
    let mut at = options.listen_at();
    for _ in 0..options.count {
        let fd = net::socket(at, SocketType::DGRAM)?;
        sockopt::set_socket_reuseport(&fd, true)?;
        rustix::net::bind(&fd, &at)?;
        at = net::local(&fd)?;
        scene.hold_other(Record::of("bound", "udp", "UNCONN", &fd)?, fd);
    }
    Ok(())
}

/// A receiver that never reads, and a sender that does not stop in time.
pub fn full(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let receiver = udp(options.listen_at())?;
    sockopt::set_socket_recv_buffer_size(&receiver, SMALL_BUFFER)?;
    let sender = udp(SocketAddr::new(options.loopback(), 0))?;
    rustix::net::connect(&sender, &net::local(&receiver)?)?;
    let sent = options.count.max(FLOOD);
    for _ in 0..sent {
        rustix::net::send(&sender, &[0_u8; 1000], SendFlags::empty())?;
    }
    let drops = final_drops(&receiver)?;
    scene.note("sent", sent);
    scene.note("drops", drops);
    scene.note("queued", sent - drops);
    let record = Record::of("receiver", "udp", "UNCONN", &receiver)?;
    scene.hold_other(record, receiver);
    let record = Record::of("sender", "udp", "ESTABLISHED", &sender)?;
    scene.hold_other(record, sender);
    Ok(())
}

/// The drop counter once it stands still and is not zero: the last datagrams may still be on their way.
fn final_drops(receiver: &OwnedFd) -> io::Result<u32> {
    let mut last = 0;
    wait::until(|| {
        let now = sys::drops(receiver)?;
        let moving = now == 0 || now != last;
        last = now;
        Ok(moving.then(|| format!("drops wanted, counter is {now}")))
    })?;
    Ok(last)
}

/// Two raw ICMP sockets. The kernel shows the protocol number in place of the port.
pub fn raw(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let (family, protocol) = if options.loopback().is_ipv6() {
        (AddressFamily::INET6, ipproto::ICMPV6)
    } else {
        (AddressFamily::INET, ipproto::ICMP)
    };
    let make = || {
        rustix::net::socket_with(
            family,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            Some(protocol),
        )
    };
    let any = make()?;
    scene.hold_other(Record::of("any", "raw", "UNCONN", &any)?, any);
    let connected = make()?;
    let target = SocketAddr::new(options.loopback(), 0);
    rustix::net::connect(&connected, &target)?;
    let record = Record::of("connected", "raw", "ESTABLISHED", &connected)?.with_peer(target);
    scene.hold_other(record, connected);
    scene.note("ip_protocol", protocol.as_raw().get());
    Ok(())
}
