//! Sockets without a handshake: UDP and raw.

use crate::child::Child;
use crate::cli::Options;
use crate::scene::{Record, Scene, own_pid};
use crate::{net, sys, wait};
use rustix::fd::OwnedFd;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, ipproto, sockopt};
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{TryRecvError, channel};

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

/// A process sends all the time to a socket that nobody reads, or (the healthy twin) that a thread reads.
pub fn dropping(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let receiver = udp(options.listen_at())?;
    if !options.reading {
        sockopt::set_socket_recv_buffer_size(&receiver, SMALL_BUFFER)?;
    }
    let at = net::reach(&receiver)?;
    let (source, rate) = (SocketAddr::new(options.loopback(), 0), options.rate());
    // The child takes its own copy of the receiver, and closes it there.
    let mut receiver = Some(receiver);
    let sender = Child::working(
        |scene| {
            drop(receiver.take());
            let sender = udp(source)?;
            rustix::net::connect(&sender, &at)?;
            scene.tell(&Record::of("sender", "udp", "ESTABLISHED", &sender)?);
            Ok(sender)
        },
        move |sender| {
            wait::at_rate(rate, || {
                // Refused where the receiver has gone; sent again in any case.
                let _ = rustix::net::send(&sender, &[0_u8; 1000], SendFlags::NOSIGNAL);
                Ok(())
            });
        },
    )?;
    scene.note("sender_pid", sender.pid());
    scene.note("pid", own_pid());
    scene.note("rate", rate);
    scene.note("port", at.port());
    scene.adopt(sender)?;
    let receiver = receiver.ok_or_else(|| io::Error::other("no receiver"))?;
    let record = Record::of("receiver", "udp", "UNCONN", &receiver)?;
    if options.reading {
        scene.tell(&record);
        read_all(scene, receiver)?;
    } else {
        scene.note("drops", first_drops(&receiver)?);
        scene.hold_other(record, receiver);
    }
    Ok(())
}

/// The first drops: from here on every datagram is one.
fn first_drops(receiver: &OwnedFd) -> io::Result<u32> {
    wait::until(|| Ok((sys::drops(receiver)? == 0).then(|| "drops wanted".to_owned())))?;
    sys::drops(receiver)
}

/// Starts a thread that reads all there is, and waits for the first datagram.
fn read_all(scene: &mut Scene, receiver: OwnedFd) -> io::Result<()> {
    let (stay, leave) = channel::<()>();
    let (tell, told) = channel();
    scene.keep_thread(stay);
    std::thread::spawn(move || {
        while leave.try_recv() == Err(TryRecvError::Empty) {
            let read = rustix::net::recv(&receiver, &mut [0_u8; 2000][..], RecvFlags::empty());
            let _ = tell.send(read.is_ok());
        }
    });
    told.recv().map_err(io::Error::other).map(drop)
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
