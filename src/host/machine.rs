//! The whole machine: its clocks, names and users, and what this process may do.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::Host;
use super::answer::{Digest, Surely};
use super::live::{self, cgroup, names, netns, sight};
use crate::model::Foreign;

impl Host {
    /// The time of day.
    #[must_use]
    pub fn now(&self) -> jiff::Timestamp {
        self.ask(format_args!("now"), || Surely(jiff::Timestamp::now()))
            .0
    }

    /// Time since this was first asked, on a clock that never jumps.
    #[must_use]
    pub fn monotonic(&self) -> Duration {
        self.ask(format_args!("monotonic"), || Surely(live::monotonic()))
            .0
    }

    /// Time that this process has taken of the processors.
    #[must_use]
    pub fn processor_time(&self) -> Duration {
        let key = format_args!("processor-time");
        self.ask(key, || Surely(live::processor_time())).0
    }

    /// Lets time pass; what was recorded has passed.
    pub fn sleep(&self, time: Duration) {
        if !self.is_recorded() {
            std::thread::sleep(time);
        }
    }

    /// The time since boot in the clock ticks in which the start of a process is told.
    #[must_use]
    pub fn boot_ticks(&self) -> u64 {
        self.ask(format_args!("boot-ticks"), || {
            Surely(live::proc::boot_ticks())
        })
        .0
    }

    /// Seconds since the epoch at which the machine started, and clock ticks in a second.
    #[must_use]
    pub fn boot(&self) -> Option<(i64, u64)> {
        self.ask(format_args!("boot"), || live::proc::clock().ok())
    }

    /// The host's name, or empty when the kernel does not tell.
    #[must_use]
    pub fn name(&self) -> Foreign {
        let name = self.ask(format_args!("host-name"), || Some(live::host_name()));
        name.unwrap_or_else(|| Foreign::from(""))
    }

    /// The kernel's version as (major, minor); `None` when it cannot be read from its release.
    #[must_use]
    pub fn kernel_version(&self) -> Option<(u32, u32)> {
        self.ask(format_args!("kernel-version"), live::kernel_version)
    }

    /// How many files are open; `None` where that cannot be read.
    #[must_use]
    pub fn files_open(&self) -> Option<u64> {
        self.ask(format_args!("files-open"), live::proc::files_open)
    }

    /// Whether a proc file system is at /proc: in a chroot there may be none.
    #[must_use]
    pub fn has_proc(&self) -> bool {
        self.ask(
            format_args!("has-proc"),
            || Surely(live::proc::is_mounted()),
        )
        .0
    }

    /// The pid of the process that looks.
    #[must_use]
    pub fn own_pid(&self) -> u32 {
        self.ask(format_args!("pid"), || Surely(std::process::id()))
            .0
    }

    /// Whether this process runs with effective uid 0.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.ask(format_args!("is-root"), || Surely(live::is_root()))
            .0
    }

    /// Whether this process may look into every process of its pid namespace.
    #[must_use]
    pub fn may_trace_all(&self) -> bool {
        self.ask(format_args!("may-trace-all"), || {
            Surely(sight::may_trace_all())
        })
        .0
    }

    /// Whether this process is in the initial pid namespace, so that every process can be seen;
    /// `None` when that cannot be told.
    #[must_use]
    pub fn initial_pid_namespace(&self) -> Option<bool> {
        let key = format_args!("initial-pid-namespace");
        self.ask(key, netns::initial_pid_namespace)
    }

    /// The name of a user, through NSS; `None` when the uid has no name.
    #[must_use]
    pub fn user(&self, uid: u32) -> Option<Foreign> {
        self.ask(format_args!("user/{uid}"), || names::user(uid))
    }

    /// The uid of a user name, through NSS.
    #[must_use]
    pub fn uid(&self, name: &str) -> Option<u32> {
        let key = format_args!("uid/{}", Digest::of(name.as_bytes()));
        self.ask(key, || names::uid(name))
    }

    /// The names of addresses, as far as the resolver tells them until `limit` has passed.
    #[must_use]
    pub fn names(&self, addresses: &[IpAddr], limit: Duration) -> FxHashMap<IpAddr, Foreign> {
        let live: OnceCell<HashMap<IpAddr, Foreign>> = OnceCell::new();
        let look = || names::hosts(addresses.to_vec(), limit);
        let name = |address: &IpAddr| {
            let name = self.ask(format_args!("name/{address}"), || {
                live.get_or_init(look).get(address).cloned()
            });
            Some((*address, name?))
        };
        addresses.iter().filter_map(name).collect()
    }

    /// The name of a port in the system's database.
    #[must_use]
    pub fn service(&self, port: u16, datagram: bool) -> Option<Foreign> {
        let kind = if datagram { "udp" } else { "tcp" };
        let key = format_args!("service/{kind}-{port}");
        self.ask(key, || names::service(port, datagram))
    }

    /// The paths of those cgroups of version 2 that can be found, by their ids.
    #[must_use]
    pub fn cgroups(
        &self,
        ids: impl IntoIterator<Item = NonZeroU64>,
    ) -> FxHashMap<NonZeroU64, Foreign> {
        let ids: Vec<NonZeroU64> = ids.into_iter().collect();
        let live = OnceCell::new();
        let look = || cgroup::paths(ids.iter().copied());
        let path = |id: &NonZeroU64| {
            let path = self.ask(format_args!("cgroup/{id}"), || {
                live.get_or_init(look).get(id).cloned()
            });
            Some((*id, path?))
        };
        ids.iter().filter_map(path).collect()
    }

    /// What can freeze processes.
    #[must_use]
    pub fn freezers(&self) -> Freezers {
        Freezers {
            host: self.clone(),
            live: OnceCell::new(),
        }
    }
}

/// Tells what froze processes, by their cgroups.
#[derive(Debug)]
pub struct Freezers {
    host: Host,
    live: OnceCell<cgroup::Freezers>,
}

impl Freezers {
    /// The file that thaws a process with this /proc/PID/cgroup; `None` where it is not frozen,
    /// or that cannot be seen.
    #[must_use]
    pub fn frozen_by(&self, cgroups: &[u8]) -> Option<PathBuf> {
        let key = format_args!("frozen/{}", Digest::of(cgroups));
        let find = || self.live.get_or_init(cgroup::Freezers::find);
        self.host.ask(key, || find().frozen_by(cgroups))
    }
}
