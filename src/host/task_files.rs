//! The kernel's own list of the open files of all processes.

use std::io;

use super::Host;
use super::live::bpf::{self, Refusal, Take};
use crate::wire::task_file::{self, Chosen, RECORD, Record};

/// Lists the open files of all processes, through a program in the kernel.
#[derive(Debug)]
pub struct TaskFiles {
    host: Host,
    live: Option<bpf::TaskFiles>,
}

impl TaskFiles {
    /// Loads the program.
    ///
    /// # Errors
    /// For want of permission (a capability, seccomp, lockdown), of a kernel that has it
    /// (5.8), or because the verifier refuses the program.
    pub fn load(host: &Host) -> Result<Self, Refusal> {
        let load = || bpf::TaskFiles::load().map_err(io::Error::other);
        let live = host.open(format_args!("bpf/load"), load);
        Ok(Self {
            host: host.clone(),
            live: live.map_err(|error| Refusal::new(error.to_string()))?,
        })
    }

    /// Lists the sockets that are `chosen` (and a few more), and every `io_uring`: each record
    /// goes to `each`, until that says `false`.
    ///
    /// # Errors
    /// When the kernel stops in the middle, or gives what is no record.
    pub fn list(
        &self,
        chosen: &Chosen,
        mut each: impl FnMut(Record) -> bool,
    ) -> Result<(), Refusal> {
        let live = |take: Take<'_>| match &self.live {
            Some(live) => live.list(chosen, take),
            None => Err(Refusal::new("nobody lists files".to_owned())),
        };
        pass(&self.host, "files", live, &mut |bytes| {
            records(bytes, &mut each)
        })
    }

    /// Lists every open file of every process.
    ///
    /// # Errors
    /// As for [`Self::load`] and [`Self::list`].
    pub fn census(host: &Host, mut each: impl FnMut(Record) -> bool) -> Result<(), Refusal> {
        let live = |take: Take<'_>| bpf::TaskFiles::census(take);
        pass(host, "census", live, &mut |bytes| records(bytes, &mut each))
    }
}

/// One pass over the list, or what was kept of one.
fn pass(
    host: &Host,
    name: &str,
    live: impl FnOnce(Take<'_>) -> Result<(), Refusal>,
    take: Take<'_>,
) -> Result<(), Refusal> {
    if host.is_live() {
        return live(take);
    }
    let all: io::Result<Vec<u8>> = host.ask(format_args!("bpf/{name}"), || {
        let mut all = Vec::new();
        live(&mut |bytes| {
            all.extend(bytes);
            Ok(true)
        })
        .map_err(io::Error::other)?;
        Ok(all)
    });
    let all = all.map_err(|error| Refusal::new(error.to_string()))?;
    take(&all).map(drop)
}

/// Reads records, until `each` says `false`.
fn records(bytes: &[u8], each: &mut impl FnMut(Record) -> bool) -> Result<bool, Refusal> {
    for bytes in bytes.chunks(RECORD) {
        let Some(record) = task_file::record(bytes) else {
            return Err(Refusal::new(
                "a bpf iterator gave what is no record".to_owned(),
            ));
        };
        if !each(record) {
            return Ok(false);
        }
    }
    Ok(true)
}
