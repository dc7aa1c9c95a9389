//! Small texts of /proc/PID that are read for every process shown.
//!
//! They are read as bytes: a process whose comm is not UTF-8 must not be able to hide from
//! a parser of text.

use crate::model::Foreign;

/// The effective uid and the parent's pid, from /proc/PID/status.
#[must_use]
pub fn status(text: &[u8]) -> Option<Status> {
    let field = |name: &[u8]| {
        text.split(|&b| b == b'\n')
            .find_map(|line| line.strip_prefix(name))
            .and_then(|rest| std::str::from_utf8(rest).ok())
    };
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

/// The start of the process in clock ticks since boot: field 22 of /proc/PID/stat, counted
/// from the last `)`, because comm may hold anything.
#[must_use]
pub fn start_ticks(stat: &[u8]) -> Option<u64> {
    let after = stat.iter().rposition(|&b| b == b')')?;
    let rest = std::str::from_utf8(stat.get(after + 1..)?).ok()?;
    // The field after comm is number 3.
    rest.split_ascii_whitespace().nth(22 - 3)?.parse().ok()
}

/// The soft and the hard limit of open files, from /proc/PID/limits; an inner `None` where it
/// is unlimited.
#[must_use]
pub fn open_files_limits(limits: &[u8]) -> Option<(Option<u64>, Option<u64>)> {
    let mut lines = limits.split(|&b| b == b'\n');
    let rest = lines.find_map(|line| line.strip_prefix(b"Max open files"))?;
    let mut words = std::str::from_utf8(rest).ok()?.split_ascii_whitespace();
    let mut limit = || match words.next()? {
        "unlimited" => Some(None),
        number => number.parse().ok().map(Some),
    };
    Some((limit()?, limit()?))
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
    fn stat_is_read_from_the_last_parenthesis() {
        let mut text = b"12 (x)\n( y) S 1".to_vec();
        text.extend(b" 0".repeat(17));
        text.extend(b" 4711 99");
        assert_eq!(start_ticks(&text), Some(4711));
        assert_eq!(start_ticks(b"12 x"), None);
        assert_eq!(start_ticks(b"12 (x) S 1"), None);
    }

    #[test]
    fn limits_give_the_soft_one() {
        let text = b"Limit   Soft Limit  Hard Limit Units\nMax open files   64   4096   files\n";
        assert_eq!(open_files_limits(text), Some((Some(64), Some(4096))));
        assert_eq!(
            open_files_limits(b"Max open files unlimited unlimited files"),
            Some((None, None))
        );
        assert_eq!(open_files_limits(b"Max open files x"), None);
        assert_eq!(open_files_limits(b"Max processes 1 2"), None);
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
