//! Settings and counters of the network namespace.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A setting that exists in the initial namespace only.
const INITIAL_ONLY: &str = "ipv4/tcp_max_orphans";

/// Changes a setting under /proc/sys/net, in a namespace that is ours alone: never in the machine's own.
pub fn set(name: &str, value: &str) -> io::Result<()> {
    // Process 1 may refuse to tell its namespace, even to root; the initial one is known without it.
    let inode = |path: &str| std::fs::metadata(path).map(|at| at.ino());
    let of_first = inode("/proc/1/ns/net").ok();
    if of_first == Some(inode("/proc/self/ns/net")?) || Path::new(&path(INITIAL_ONLY)).exists() {
        return Err(io::Error::other(format!(
            "{name} is not changed in the machine's network namespace: use a private one"
        )));
    }
    std::fs::write(path(name), value)
        .map_err(|error| io::Error::new(error.kind(), format!("{name} = {value}: {error}")))
}

/// A setting that is one number.
pub fn number(name: &str) -> io::Result<u32> {
    let text = std::fs::read_to_string(path(name))?;
    text.trim().parse().map_err(io::Error::other)
}

/// Where a setting is.
fn path(name: &str) -> String {
    format!("/proc/sys/net/{name}")
}

/// A counter of the lines `TcpExt:`, of which the first names and the second counts.
pub fn tcp_counter(name: &str) -> io::Result<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/net/netstat")?;
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, counts) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""));
    names
        .split_whitespace()
        .zip(counts.split_whitespace())
        .find(|(named, _)| *named == name)
        .and_then(|(_, count)| count.parse().ok())
        .ok_or_else(|| io::Error::other(format!("no counter {name}")))
}
