//! Small texts of /proc/PID that are read for every process shown.
//!
//! They are read as bytes: a process whose comm is not UTF-8 must not be able to hide from
//! a parser of text, which is why the procfs crate reads only what holds none of it (limits), or
//! what is told of a process that is known already (stat).

use crate::model::Foreign;

/// The effective uid and the parent's pid, from /proc/PID/status.
#[must_use]
pub fn status(text: &[u8]) -> Option<Status> {
    let field = |name: &[u8]| line_of(text, name);
    // Real, effective, saved, file system.
    let effective_uid = field(b"Uid:")?
        .split_ascii_whitespace()
        .nth(1)?
        .parse()
        .ok()?;
    let parent = field(b"PPid:").and_then(|text| text.trim().parse().ok());
    Some(Status {
        effective_uid,
        parent,
    })
}

/// What [`status`] gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// The effective uid.
    pub effective_uid: u32,
    /// The parent's pid, 0 for the first process.
    pub parent: Option<u32>,
}

/// The numbers of a process from the pid namespace of that /proc down to its own, from
/// /proc/PID/status; `None` before Linux 4.1.
#[must_use]
pub fn pids(status: &[u8]) -> Option<Vec<u32>> {
    let line = line_of(status, b"NSpid:")?;
    line.split_ascii_whitespace()
        .map(|word| word.parse().ok())
        .collect()
}

/// The pid, from /proc/PID/status.
#[must_use]
pub fn pid(status: &[u8]) -> Option<u32> {
    line_of(status, b"Pid:")?.trim().parse().ok()
}

/// The pid of the process that a task belongs to, from /proc/PID/status.
#[must_use]
pub fn process(status: &[u8]) -> Option<u32> {
    line_of(status, b"Tgid:")?.trim().parse().ok()
}

/// The pid of the process that traces it, from /proc/PID/status; `None` where none does.
#[must_use]
pub fn tracer(status: &[u8]) -> Option<u32> {
    let pid = line_of(status, b"TracerPid:")?.trim().parse().ok();
    pid.filter(|pid| *pid != 0)
}

/// How often a task has gone to sleep so far, if it sleeps now; `None` where it runs or waits for
/// a processor, from /proc/PID/status.
#[must_use]
pub fn sleeps(status: &[u8]) -> Option<u64> {
    if line_of(status, b"State:")?.trim_start().starts_with('R') {
        return None;
    }
    line_of(status, b"voluntary_ctxt_switches:")?
        .trim()
        .parse()
        .ok()
}

/// The text behind `name` at the beginning of a line.
fn line_of<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a str> {
    let mut lines = text.split(|&b| b == b'\n');
    let rest = lines.find_map(|line| line.strip_prefix(name))?;
    std::str::from_utf8(rest).ok()
}

/// What /proc/PID/stat tells of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The name: whatever stands between the first and the last parenthesis.
    pub comm: Vec<u8>,
    /// The state, `Z` for one that has ended and waits to be reaped.
    pub state: u8,
    /// The start in clock ticks since boot.
    pub start_ticks: u64,
}

/// Reads /proc/PID/stat.
#[must_use]
pub fn stat(text: &[u8]) -> Option<Stat> {
    let first = text.iter().position(|&b| b == b'(')?;
    let last = text.iter().rposition(|&b| b == b')')?;
    Some(Stat {
        comm: text.get(first + 1..last)?.to_vec(),
        state: *text.get(last + 2)?,
        start_ticks: start_ticks(text)?,
    })
}

/// The start of the process in clock ticks since boot: field 22 of /proc/PID/stat, counted
/// from the last `)`, because comm may hold anything.
#[must_use]
pub fn start_ticks(stat: &[u8]) -> Option<u64> {
    let after = stat.iter().rposition(|&b| b == b')')?;
    let rest = std::str::from_utf8(stat.get(after + 1..)?).ok()?;
    // The field after comm is number 3.
    rest.split_ascii_whitespace().nth(22 - 3)?.parse().ok()
}

/// The cgroup path, from /proc/PID/cgroup: version 2 (`0::`) when it names more than the
/// root, else the hierarchy of systemd.
#[must_use]
pub fn cgroup_path(text: &[u8]) -> Option<Foreign> {
    let path_of = |mark: &[u8]| {
        text.split(|&b| b == b'\n').find_map(|line| {
            let mut parts = line.splitn(3, |&b| b == b':').skip(1);
            (parts.next()? == mark).then(|| parts.next())?
        })
    };
    let path = match path_of(b"") {
        Some(path) if path != b"/" => Some(path),
        unified => path_of(b"name=systemd").or(unified),
    };
    path.map(Foreign::from)
}

/// The command line: arguments joined by blanks; `None` when there is none.
#[must_use]
pub fn command_line(mut cmdline: Vec<u8>) -> Option<Vec<u8>> {
    while cmdline.last() == Some(&0) {
        cmdline.pop();
    }
    for byte in &mut cmdline {
        if *byte == 0 {
            *byte = b' ';
        }
    }
    (!cmdline.is_empty()).then_some(cmdline)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_gives_the_effective_uid() {
        let text = b"Name:\tx\nUid:\t1000\t0\t1000\t1000\nPPid:\t7\n";
        let expected = Status {
            effective_uid: 0,
            parent: None,
        };
        assert_eq!(
            status(text),
            Some(Status {
                parent: Some(7),
                ..expected
            })
        );
        assert_eq!(status(b"Name:\tx\n"), None);
        // A process may call itself "Uid:", but the kernel escapes the newline before it.
        assert_eq!(status(b"Uid:\n"), None);
    }

    #[test]
    fn a_process_has_a_number_in_each_namespace() {
        let text = b"Name:\tx\nPid:\t40\nPPid:\t7\nNSpid:\t40\t1\n";
        assert_eq!(pids(text), Some(vec![40, 1]));
        assert_eq!(pid(text), Some(40));
        assert_eq!(pids(b"Pid:\t1\n"), None);
    }

    #[test]
    fn zero_traces_nobody() {
        assert_eq!(tracer(b"Name:\tx\nTracerPid:\t40\n"), Some(40));
        assert_eq!(tracer(b"Name:\tx\nTracerPid:\t0\n"), None);
        assert_eq!(tracer(b"Name:\tx\n"), None);
    }

    #[test]
    fn a_task_sleeps_or_runs() {
        let text =
            |state: &str| format!("Name:\tx\nState:\t{state}\nvoluntary_ctxt_switches:\t7\n");
        assert_eq!(sleeps(text("D (disk sleep)").as_bytes()), Some(7));
        assert_eq!(sleeps(text("S (sleeping)").as_bytes()), Some(7));
        assert_eq!(sleeps(text("R (running)").as_bytes()), None);
    }

    #[test]
    fn stat_is_read_from_the_last_parenthesis() {
        let mut text = b"12 (x)\n( y) S 1".to_vec();
        text.extend(b" 0".repeat(17));
        text.extend(b" 4711 99");
        assert_eq!(start_ticks(&text), Some(4711));
        let told = stat(&text).unwrap();
        assert_eq!((told.comm.as_slice(), told.state), (&b"x)\n( y"[..], b'S'));
        assert_eq!(told.start_ticks, 4711);
        assert_eq!(stat(b"12 )("), None);
        assert_eq!(start_ticks(b"12 x"), None);
        assert_eq!(start_ticks(b"12 (x) S 1"), None);
    }

    #[test]
    fn cgroups_of_both_versions() {
        assert_eq!(
            cgroup_path(b"0::/system.slice/a.service\n"),
            Some("/system.slice/a.service".into())
        );
        assert_eq!(
            cgroup_path(b"4:memory:/x\n1:name=systemd:/system.slice/b.service\n0::/\n"),
            Some("/system.slice/b.service".into())
        );
        assert_eq!(cgroup_path(b"0::/\n"), Some("/".into()));
        assert_eq!(
            cgroup_path(b"0::/a\xff:b\n"),
            Some(b"/a\xff:b".as_slice().into())
        );
        assert_eq!(cgroup_path(b""), None);
    }

    #[test]
    fn command_lines_lose_their_zeros() {
        assert_eq!(
            command_line(b"a\0b c\0\0".to_vec()).as_deref(),
            Some(&b"a b c"[..])
        );
        assert_eq!(command_line(Vec::new()), None);
        assert_eq!(command_line(vec![0, 0]), None);
    }
}
