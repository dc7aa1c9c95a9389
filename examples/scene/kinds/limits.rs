//! Limits that are reached, or nearly: ports, TIME_WAIT, descriptors.

use crate::child::{self, Child};
use crate::cli::Options;
use crate::kinds::sides::{self, Ends, Side};
use crate::kinds::states;
use crate::scene::Scene;
use crate::tcp::Tcp;
use crate::{net, sysctl, wait};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;

/// The first port of a narrowed range.
const FIRST_PORT: u32 = 20_001;
/// RLIMIT_NOFILE in `fd-limit`, unless said otherwise.
const FEW_FILES: u32 = 64;
/// The counter of TIME_WAIT that found no room.
const OVERFLOWS: &str = "TCPTimeWaitOverflow";

/// COUNT connections towards one destination, from a range of ports that is small.
///
/// The listener gets its port first, while the range is still what it was, so it is none of the few.
pub fn port_range(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let listener = net::listener(options.listen_at(), options.backlog())?;
    let last = FIRST_PORT + options.range - 1;
    let usable = options
        .range
        .checked_sub(options.reserved)
        .filter(|usable| *usable >= options.count)
        .ok_or_else(|| io::Error::other("--count exceeds --range less --reserved"))?;
    if options.reserved > 0 {
        let first = last + 1 - options.reserved;
        sysctl::set("ipv4/ip_local_reserved_ports", &format!("{first}-{last}"))?;
    }
    sysctl::set("ipv4/ip_local_port_range", &format!("{FIRST_PORT} {last}"))?;
    scene.note("range", vec![FIRST_PORT, last]);
    scene.note("usable", usable);
    scene.note("reserved", options.reserved);
    scene.note("used", options.count);
    let nothing = |_: &mut Scene, _: &[_]| Ok(());
    let side = |label| Side {
        label,
        ready: &nothing,
        work: sides::idle,
    };
    Ends::connect(listener, options.count)?.part(scene, &side("server"), &side("client"))?;
    Ok(())
}

/// COUNT closes where only few TIME_WAIT have room: those that came first stay, the others end at once.
pub fn time_wait_overflow(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let stay = options.buckets.min(options.count);
    sysctl::set("ipv4/tcp_max_tw_buckets", &options.buckets.to_string())?;
    let listener = net::listener(options.listen_at(), options.backlog())?;
    let before = sysctl::tcp_counter(OVERFLOWS)?;
    states::closed(options, scene, &listener, stay)?;
    for _ in stay..options.count {
        states::close(options, net::pair(&listener)?)?;
    }
    let wanted = u64::from(options.count - stay);
    wait::until(|| {
        let overflows = sysctl::tcp_counter(OVERFLOWS)? - before;
        Ok((overflows != wanted).then(|| format!("{wanted} overflows wanted, now {overflows}")))
    })?;
    scene.note("buckets", sysctl::number("ipv4/tcp_max_tw_buckets")?);
    scene.note("time_wait", stay);
    scene.note("overflows", wanted);
    scene.hold("listener", Tcp::Listen, listener)
}

/// A process that is near the end of its descriptors: COUNT listeners, and files without a meaning.
pub fn fd_limit(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let limit = options.limit.unwrap_or(FEW_FILES);
    let open = options.open as usize;
    let child = Child::start(
        |scene| {
            for nth in 0..options.count {
                let fd = net::listener(options.listen_at_nth(nth), options.backlog())?;
                scene.hold("listener", Tcp::Listen, fd)?;
            }
            // Open just now, and not when all is told: the directory that is counted, and the pipe for telling.
            let stay = open_files("self")? - 2;
            let missing = open.checked_sub(stay).ok_or_else(|| {
                io::Error::other(format!("--open: {stay} are open before the first"))
            })?;
            for _ in 0..missing {
                scene.keep(std::fs::File::open("/dev/null")?.into());
            }
            set_file_limit(limit)
        },
        child::hold,
    )?;
    let pid = child.pid();
    scene.adopt(child)?;
    wait::until(|| {
        let now = open_files(&pid.to_string())?;
        Ok((now != open).then(|| format!("{open} open files wanted, now {now}")))
    })?;
    scene.note("pid", pid);
    scene.note("open", open);
    scene.note("limit", limit);
    scene.note("sockets", options.count);
    Ok(())
}

/// How many descriptors a process has.
fn open_files(process: &str) -> io::Result<usize> {
    Ok(std::fs::read_dir(format!("/proc/{process}/fd"))?.count())
}

/// Sets the soft RLIMIT_NOFILE; what is open beyond it stays open.
pub fn set_file_limit(limit: u32) -> io::Result<()> {
    let limit = Some(u64::from(limit));
    let maximum = getrlimit(Resource::Nofile).maximum.max(limit);
    Ok(setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit,
            maximum,
        },
    )?)
}
