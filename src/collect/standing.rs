//! Whether processes can run: stopped, traced, frozen or stuck ones hold sockets and do nothing.

use std::cell::RefCell;
use std::os::unix::ffi::OsStringExt;

use procfs::FromRead;
use procfs::process::Stat;
use rustc_hash::FxHashMap;

use crate::host::{Freezers, Host, Proc};
use crate::model::{Condition, Foreign, Process};

/// Reads whether processes can run, and what their cgroups say of it once each.
#[derive(Debug)]
pub(super) struct Standings {
    freezers: Freezers,
    /// What froze the processes with this /proc/PID/cgroup, where anything did.
    frozen: RefCell<FxHashMap<Vec<u8>, Option<Foreign>>>,
}

impl Standings {
    pub(super) fn new(host: &Host) -> Self {
        Self {
            freezers: host.freezers(),
            frozen: RefCell::default(),
        }
    }

    /// Adds to a process whether it can run, its parent and its program; nothing where it has ended.
    pub(super) fn read(&self, proc: &Proc, process: &mut Process) {
        let stat = proc.read(process.pid, "stat");
        let Some(stat) = stat.ok().and_then(|stat| Stat::from_read(&stat[..]).ok()) else {
            return;
        };
        process.parent = process.parent.or(u32::try_from(stat.ppid).ok());
        process.program = proc.program(process.pid).map(Foreign::from);
        // A frozen process looks like one that sleeps (version 2) or is stuck (version 1).
        let frozen = match stat.state {
            'S' | 'R' | 'D' | 'I' => self.frozen_by(proc, process.pid),
            _ => None,
        };
        let by_letter = || Condition::from_letter(stat.state);
        process.condition = frozen.map(Condition::Frozen).or_else(by_letter);
    }

    fn frozen_by(&self, proc: &Proc, pid: u32) -> Option<Foreign> {
        let cgroups = proc.read(pid, "cgroup").ok()?;
        let mut known = self.frozen.borrow_mut();
        let by = known.entry(cgroups).or_insert_with_key(|cgroups| {
            let by = self.freezers.frozen_by(cgroups);
            by.map(|path| path.into_os_string().into_vec().into())
        });
        by.clone()
    }
}
