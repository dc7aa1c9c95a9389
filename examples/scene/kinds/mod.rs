//! One function for each kind: it makes its sockets and records them in the scene.

mod busy;
mod churn;
mod connects;
mod datagrams;
mod early;
mod hidden;
mod holders;
mod identity;
mod leaks;
mod limits;
mod listeners;
mod lives;
mod load;
mod mptcp;
mod owners;
mod queues;
mod sides;
mod stalls;
mod states;
mod workers;

use crate::cli::{Kind, Options};
use crate::scene::Scene;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;

/// The kinds that together show every TCP state once (FIN_WAIT2 comes with its CLOSE_WAIT, and so on).
const EVERY_STATE: [Kind; 11] = [
    Kind::Listen,
    Kind::Established,
    Kind::SynSent,
    Kind::SynRecv,
    Kind::FinWait1,
    Kind::FinWait2,
    Kind::Closing,
    Kind::CloseWait,
    Kind::LastAck,
    Kind::TimeWait,
    Kind::Bound,
];

/// Makes what was asked for.
pub fn make(options: &Options, scene: &mut Scene) -> io::Result<()> {
    raise_file_limit(u64::from(options.count) * 3 + SPARE_FILES);
    make_part(options, scene)
}

/// One kind, or in the case of `all` one of each state.
fn make_part(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let maker = match options.kind {
        Kind::Listen => listeners::listen,
        Kind::ListenV6 => listeners::listen_v6,
        Kind::ListenV6only => listeners::listen_v6only,
        Kind::Reuseport => listeners::reuseport,
        Kind::Bound => listeners::bound,
        Kind::Holder => holders::holder,
        Kind::Established => queues::established,
        Kind::Mapped => queues::mapped,
        Kind::Unaccepted => queues::unaccepted,
        Kind::AcceptFull => queues::accept_full,
        Kind::SynSent => states::syn_sent,
        Kind::SynRecv => states::syn_recv,
        Kind::FinWait1 => states::fin_wait1,
        Kind::FinWait2 => states::fin_wait2,
        Kind::Closing => states::closing,
        Kind::CloseWait => leaks::close_wait,
        Kind::CloseWaitGrowing => leaks::close_wait_growing,
        Kind::HalfClose => leaks::half_close,
        Kind::LastAck => states::last_ack,
        Kind::TimeWait => states::time_wait,
        Kind::TimeWaitOverflow => limits::time_wait_overflow,
        Kind::PortRange => limits::port_range,
        Kind::FdLimit => limits::fd_limit,
        Kind::PeerNotReading => stalls::peer_not_reading,
        Kind::DeafPeer => stalls::deaf_peer,
        Kind::Busy => busy::busy,
        Kind::ConnectFailing => connects::connect_failing,
        Kind::Workers => workers::workers,
        Kind::UdpBound => datagrams::bound,
        Kind::UdpConnected => datagrams::connected,
        Kind::UdpMany => datagrams::many,
        Kind::UdpFull => datagrams::full,
        Kind::UdpDropping => datagrams::dropping,
        Kind::FastOpen => early::fast_open,
        Kind::Mptcp => mptcp::mptcp,
        Kind::Raw => datagrams::raw,
        Kind::Forked => owners::forked,
        Kind::Shared => owners::shared,
        Kind::Dup => owners::dup,
        Kind::ThreadFiles => hidden::thread_files,
        Kind::DeadLeader => hidden::dead_leader,
        Kind::ThreadsBeside => hidden::threads_beside,
        Kind::ThreadRing => hidden::thread_ring,
        Kind::Scm => hidden::scm,
        Kind::IoUring => hidden::io_uring,
        Kind::OtherUser => identity::other_user,
        Kind::Comm => identity::comm,
        Kind::ManyKinds => owners::many_kinds,
        Kind::TwoNamespaces => identity::two_namespaces,
        Kind::Churn => churn::churn,
        Kind::Load => load::load,
        Kind::ShortLives => lives::lives,
        Kind::All => all,
    };
    maker(options, scene)
}

/// Every TCP state at once, in one process.
fn all(options: &Options, scene: &mut Scene) -> io::Result<()> {
    EVERY_STATE
        .iter()
        .try_for_each(|kind| make_part(&options.part(*kind), scene))
}

/// Fds a process needs beside the sockets that were counted: listeners, pipes, a reserve.
const SPARE_FILES: u64 = 1000;

/// Makes room for `need` files: the soft limit, then the hard one, then the kernel's ceiling.
///
/// Beyond the hard limit that takes `CAP_SYS_RESOURCE`, which root in a container may lack. A refusal is no error
/// yet: the scene goes as far as it gets, and one that does need more fails by EMFILE.
fn raise_file_limit(need: u64) {
    let now = getrlimit(Resource::Nofile);
    if now.current.is_none_or(|current| current >= need) {
        return;
    }
    let _ = raise_sysctl("/proc/sys/fs/nr_open", need);
    let enough = Rlimit {
        current: Some(need),
        maximum: now.maximum.map(|maximum| maximum.max(need)),
    };
    let allowed = Rlimit {
        current: now.maximum,
        maximum: now.maximum,
    };
    let _ = setrlimit(Resource::Nofile, enough).or_else(|_| setrlimit(Resource::Nofile, allowed));
}

/// Raises a limit of the machine where it is below `need`; never lowers one.
fn raise_sysctl(path: &str, need: u64) -> io::Result<()> {
    let text = std::fs::read_to_string(path)?;
    match text.trim().parse::<u64>() {
        Ok(now) if now < need => std::fs::write(path, need.to_string()),
        Ok(_) | Err(_) => Ok(()),
    }
}
