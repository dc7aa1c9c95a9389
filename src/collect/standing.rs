//! Whether processes can run: stopped, traced, frozen or stuck ones hold sockets and do nothing.

use std::cell::RefCell;
use std::os::unix::ffi::OsStringExt;

use procfs::FromRead;
use procfs::process::Stat;
use rustc_hash::FxHashMap;

use crate::host::{Freezers, Host, Proc};
use crate::model::{Background, Condition, Foreign, Process, Tracer};
use crate::wire::proc_pid;

/// Reads whether processes can run, and what their cgroups say of it once each.
#[derive(Debug)]
pub(super) struct Standings {
    freezers: Freezers,
    /// What froze the processes with this /proc/PID/cgroup, where anything did.
    frozen: RefCell<FxHashMap<Vec<u8>, Option<Foreign>>>,
    /// The names of parents and tracers, which many have in common.
    names: RefCell<FxHashMap<u32, Option<Foreign>>>,
}

impl Standings {
    pub(super) fn new(host: &Host) -> Self {
        Self {
            freezers: host.freezers(),
            frozen: RefCell::default(),
            names: RefCell::default(),
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
        let by_letter = || match Condition::from_letter(stat.state) {
            Some(Condition::Traced(_)) => Some(Condition::Traced(self.tracer(proc, process.pid))),
            condition => condition,
        };
        process.condition = frozen.map(Condition::Frozen).or_else(by_letter);
    }

    /// Adds where a process runs and from whom it comes.
    pub(super) fn read_background(&self, proc: &Proc, process: &mut Process) {
        let parent = process.parent.filter(|parent| *parent != 0);
        process.background = Some(Box::new(Background {
            directory: proc.directory(process.pid).map(Foreign::from),
            parent: parent.and_then(|parent| self.name(proc, parent)),
        }));
    }

    fn tracer(&self, proc: &Proc, pid: u32) -> Option<Tracer> {
        let pid = proc_pid::tracer(&proc.read(pid, "status").ok()?)?;
        let comm = self.name(proc, pid)?;
        Some(Tracer { pid, comm })
    }

    fn name(&self, proc: &Proc, pid: u32) -> Option<Foreign> {
        let mut names = self.names.borrow_mut();
        let name = names.entry(pid).or_insert_with(|| {
            let mut comm = proc.read(pid, "comm").ok()?;
            comm.pop_if(|byte| *byte == b'\n');
            Some(comm.into())
        });
        name.clone()
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
