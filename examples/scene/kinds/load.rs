//! A hundred thousand connections: the size of host that the tool must be fast on.

use crate::child::{self, Child};
use crate::cli::Options;
use crate::kinds::{SPARE_FILES, raise_file_limit, raise_sysctl};
use crate::scene::Scene;
use crate::{net, sys};
use rustix::fd::OwnedFd;
use rustix::net::SocketType;
use rustix::process::{Resource, getrlimit};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Mutex;

/// Source addresses of one process: the ports towards one listener do not run out.
const SOURCES: u32 = 16;
/// Pairs through one listener, so that ::1, which has no neighbours, does not run out of ports either.
const PAIRS_A_LISTENER: u32 = 4000;
/// The sockets of a process. A static, because they stay after the setup and are far too many to record.
static OPEN: Mutex<Vec<OwnedFd>> = Mutex::new(Vec::new());

/// The part of one process.
struct Share {
    /// Which process, which also says which addresses.
    index: u32,
    pairs: u32,
    v6_pairs: u32,
    files: u32,
}

/// COUNT/2 pairs over the processes, all of them at work at once.
pub fn load(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let processes = options
        .processes
        .unwrap_or_else(|| enough_processes(options));
    let total = u64::from(options.count) + u64::from(processes) * u64::from(options.files);
    // Refused without privilege; then the scene goes as far as the limit lets it, and ENFILE ends it.
    let _ = raise_sysctl("/proc/sys/fs/file-max", total + 100_000);
    let mut children = Vec::new();
    for index in 0..processes {
        let share = share(options, index, processes);
        children.push(Child::start(
            move |scene| crowd(&share, scene),
            child::hold,
        )?);
    }
    let (mut pids, mut pairs, mut listeners) = (Vec::new(), 0, 0);
    for mut child in children {
        let told = child.report()?;
        pids.push(child.pid());
        pairs += told["extra"]["pairs"].as_u64().unwrap_or(0);
        listeners += told["extra"]["listeners"].as_u64().unwrap_or(0);
        scene.keep_child(child);
    }
    scene.note("count", pairs * 2);
    scene.note("listeners", listeners);
    scene.note("pids", pids);
    Ok(())
}

/// Four, or more where the limit on fds (raised as far as we may) would stop four.
fn enough_processes(options: &Options) -> u32 {
    raise_file_limit(u64::from(options.count) / 4 + u64::from(options.files) + SPARE_FILES);
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let room = limit.saturating_sub(u64::from(options.files) + SPARE_FILES);
    let processes = u64::from(options.count).div_ceil(room.max(1));
    processes.clamp(4, 1000) as u32
}

/// What the process `index` makes: the pairs are dealt out evenly, and so is the share of IPv6.
fn share(options: &Options, index: u32, processes: u32) -> Share {
    let all = options.count.div_ceil(2);
    let one_more = u32::from(index < all % processes);
    let pairs = all / processes + one_more;
    Share {
        index,
        pairs,
        v6_pairs: (u64::from(pairs) * u64::from(options.v6_share) / 100) as u32,
        files: options.files,
    }
}

/// Makes the share and leaves it open.
fn crowd(share: &Share, scene: &mut Scene) -> io::Result<()> {
    raise_file_limit(u64::from(share.pairs) * 2 + u64::from(share.files) + SPARE_FILES);
    let mut open = Vec::new();
    let mut listeners = 0;
    let mut listener = None;
    for nth in 0..share.pairs {
        let v6 = nth < share.v6_pairs;
        let fresh = nth == share.v6_pairs || nth % PAIRS_A_LISTENER == 0;
        let current = match listener.take() {
            Some(current) if !fresh => current,
            finished => {
                open.extend(finished);
                listeners += 1;
                net::listener(listener_address(share.index, v6), 128)?
            }
        };
        connect(source_address(share.index, nth, v6), &current, &mut open)?;
        listener = Some(current);
    }
    open.extend(listener);
    for _ in 0..share.files {
        open.push(std::fs::File::open("/dev/null")?.into());
    }
    OPEN.lock()
        .map_err(|_| io::Error::other("poisoned"))?
        .append(&mut open);
    scene.note("pairs", share.pairs);
    scene.note("listeners", listeners);
    Ok(())
}

/// One pair. Its ends will be reset at the end: 100,000 TIME_WAIT would outlive the scene otherwise.
fn connect(source: SocketAddr, listener: &OwnedFd, open: &mut Vec<OwnedFd>) -> io::Result<()> {
    let client = net::socket(source, SocketType::STREAM)?;
    // The port is chosen at connect(), by the whole four-tuple, instead of at bind(), where it would be taken.
    let late = libc::IP_BIND_ADDRESS_NO_PORT;
    sys::set_int(&client, libc::IPPROTO_IP, late, 1)?;
    rustix::net::bind(&client, &source)?;
    let server_at = net::local(listener)?;
    rustix::net::connect(&client, &server_at)?;
    let pair = net::accept(listener, client, server_at)?;
    net::reset_on_close(&pair.client)?;
    net::reset_on_close(&pair.server)?;
    open.extend([pair.client, pair.server]);
    Ok(())
}

/// The listeners of a process have an address of their own in 127.0.0.0/8.
fn listener_address(index: u32, v6: bool) -> SocketAddr {
    SocketAddr::new(address(index, 1, v6), 0)
}

/// The clients of a process come from several addresses beside it.
fn source_address(index: u32, nth: u32, v6: bool) -> SocketAddr {
    SocketAddr::new(address(index, 10 + nth % SOURCES, v6), 0)
}

/// 127.x.y.HOST for the process `index`; IPv6 has but one loopback address.
fn address(index: u32, host: u32, v6: bool) -> IpAddr {
    if v6 {
        return IpAddr::V6(Ipv6Addr::LOCALHOST);
    }
    let (x, y) = (10 + index % 200, index / 200);
    IpAddr::V4(Ipv4Addr::new(127, x as u8, y as u8, host as u8))
}
