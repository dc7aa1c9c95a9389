//! A process that is frozen with its cgroup.

use super::DEADLINE;
use std::fs;
use std::path::{Path, PathBuf};

/// A cgroup of version 2 that goes with the test.
#[derive(Debug)]
pub struct Frozen(pub PathBuf);

impl Frozen {
    /// Freezes a process in a cgroup of its own; `None` where that is not permitted.
    pub fn of(pid: i64) -> Option<Self> {
        let root = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
        let root = root.iter().map(Path::new);
        let root = root.filter(|root| root.join("cgroup.controllers").exists());
        let own = root.map(|root| root.join(format!("sockscope-test-{pid}")));
        let own = own.clone().find(|own| fs::create_dir(own).is_ok())?;
        let frozen = Self(own);
        let is_done = fs::write(frozen.0.join("cgroup.procs"), pid.to_string()).is_ok()
            && fs::write(frozen.0.join("cgroup.freeze"), "1").is_ok();
        is_done.then_some(frozen)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        let _ = fs::write(self.0.join("cgroup.freeze"), "0");
        // It can be removed when its process has ended.
        let start = std::time::Instant::now();
        while fs::remove_dir(&self.0).is_err() && start.elapsed() < DEADLINE {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}
