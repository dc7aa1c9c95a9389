//! /proc/PID/mountinfo: where file systems are mounted.

/// Where the first file system of `kind` is mounted.
///
/// A line is `id parent major:minor root mount-point options [tags...] - kind source options`
/// (proc_pid_mountinfo(5)); blanks, tabs, newlines and backslashes in paths are octal escapes.
#[must_use]
pub fn mounted(text: &[u8], kind: &[u8]) -> Option<Vec<u8>> {
    text.split(|&byte| byte == b'\n').find_map(|line| {
        let words: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
        let dash = words.iter().skip(6).position(|word| *word == b"-")? + 6;
        (*words.get(dash + 1)? == kind).then(|| unescape(words.get(4).copied().unwrap_or_default()))
    })
}

/// What a mount of /proc hides of other users' processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hidepid {
    /// That they are there: nothing.
    Nothing,
    /// That they are there, but for members of this group (the number in the initial user
    /// namespace; 0 unless the option `gid=` says another).
    ButFor(u32),
    /// Every process that the reader may not trace, whatever its groups.
    Untraceable,
}

/// What the file system of device `major:minor` hides, by its option `hidepid`; `None` when it
/// is not in the table, or the option is not known.
///
/// Reference: proc(5); `hidepid_param` in `fs/proc/root.c`. `noaccess` refuses the files of a
/// process and lists the process all the same.
#[must_use]
pub fn hidepid(text: &[u8], major: u32, minor: u32) -> Option<Hidepid> {
    let device = format!("{major}:{minor}");
    let line = text
        .split(|&byte| byte == b'\n')
        .find(|line| line.split(|&byte| byte == b' ').nth(2) == Some(device.as_bytes()))?;
    let words: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
    let dash = words.iter().skip(6).position(|word| *word == b"-")? + 6;
    if *words.get(dash + 1)? != b"proc" {
        return None;
    }
    let options = words.get(dash + 3)?.split(|&byte| byte == b',');
    let value = |name: &[u8]| options.clone().find_map(|option| option.strip_prefix(name));
    let group = match value(b"gid=") {
        Some(number) => std::str::from_utf8(number).ok()?.parse().ok()?,
        None => 0,
    };
    match value(b"hidepid=") {
        None | Some(b"0" | b"off" | b"1" | b"noaccess") => Some(Hidepid::Nothing),
        Some(b"2" | b"invisible") => Some(Hidepid::ButFor(group)),
        Some(b"4" | b"ptraceable") => Some(Hidepid::Untraceable),
        Some(_) => None,
    }
}

/// The processes in /proc over whose directories, or files, something is mounted. That hides what
/// they are, or shows what another is.
#[must_use]
pub fn covered(text: &[u8]) -> Vec<u32> {
    let points = text.split(|&byte| byte == b'\n');
    let points = points.filter_map(|line| line.split(|&byte| byte == b' ').nth(4));
    let names = points.filter_map(|point| point.strip_prefix(b"/proc/"));
    names
        .filter_map(|name| super::fd_link::decimal(name.split(|&byte| byte == b'/').next()?))
        .collect()
}

/// Where the first file system of `kind` is mounted that has `option`, such as a controller of
/// cgroups of version 1.
#[must_use]
pub fn mounted_with(text: &[u8], kind: &[u8], option: &[u8]) -> Option<Vec<u8>> {
    let mut lines = text.split(|&byte| byte == b'\n');
    lines.find_map(|line| {
        let options = line.rsplit(|&byte| byte == b' ').next()?;
        let mut options = options.split(|&byte| byte == b',');
        options
            .any(|known| known == option)
            .then(|| mounted(line, kind))?
    })
}

/// `\040` is a blank.
fn unescape(mut text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    while let [first, rest @ ..] = text {
        let octal = |digit: &u8| digit.wrapping_sub(b'0');
        text = if let (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', rest @ ..]) =
            (first, rest)
        {
            bytes.push(octal(a) << 6 | octal(b) << 3 | octal(c));
            rest
        } else {
            bytes.push(*first);
            rest
        };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of Linux 6.18 with both versions of cgroups; the last one is made up.
    const TEXT: &[u8] = b"31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n\
        32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:5 - cgroup cgroup rw,cpu\n\
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:1 master:2 - cgroup2 cgroup2 rw\n\
        42 31 0:39 / /mnt/a\\040b\\134 rw - nsfs nsfs rw\n";

    #[test]
    fn parses() {
        let mounted = |kind| mounted(TEXT, kind);
        assert_eq!(mounted(b"cgroup2").unwrap(), b"/sys/fs/cgroup/unified");
        assert_eq!(mounted(b"cgroup").unwrap(), b"/sys/fs/cgroup/cpu");
        assert_eq!(mounted(b"nsfs").unwrap(), b"/mnt/a b\\");
        assert_eq!(mounted(b"ext4"), None);
    }

    #[test]
    fn what_is_mounted_over_processes() {
        let text = b"52 23 0:40 / /proc/812/fd rw - tmpfs none rw\n\
            53 23 0:5 /9 /proc/8 rw - proc proc rw\n\
            54 23 0:41 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw\n\
            55 23 0:42 / /srv/proc/7 rw - tmpfs none rw\n";
        assert_eq!(covered(text), [812, 8]);
        assert!(covered(TEXT).is_empty());
    }

    #[test]
    fn what_proc_hides() {
        let table = |options: &[u8]| {
            // Another mount has a name that is no UTF-8.
            let mut text = b"40 1 0:50 / /mnt/\xff\xfe rw - tmpfs tmpfs rw,hidepid=2\n".to_vec();
            text.extend(b"41 1 0:4 / /proc rw,nosuid shared:3 - proc proc ");
            text.extend(options);
            text.push(b'\n');
            text
        };
        let told = |options: &[u8]| hidepid(&table(options), 0, 4);
        assert_eq!(told(b"rw"), Some(Hidepid::Nothing));
        assert_eq!(told(b"rw,hidepid=off"), Some(Hidepid::Nothing));
        assert_eq!(told(b"rw,hidepid=noaccess"), Some(Hidepid::Nothing));
        assert_eq!(told(b"rw,hidepid=invisible"), Some(Hidepid::ButFor(0)));
        assert_eq!(told(b"rw,gid=27,hidepid=2"), Some(Hidepid::ButFor(27)));
        assert_eq!(
            told(b"rw,hidepid=ptraceable,gid=27"),
            Some(Hidepid::Untraceable)
        );
        assert_eq!(told(b"rw,hidepid=4"), Some(Hidepid::Untraceable));
        assert_eq!(told(b"rw,hidepid=9"), None);
        assert_eq!(told(b"rw,gid=x"), None);
        assert_eq!(hidepid(&table(b"rw"), 0, 50), None, "no proc");
        assert_eq!(hidepid(&table(b"rw"), 0, 51), None);
        assert_eq!(hidepid(b"", 0, 4), None);
    }

    #[test]
    fn record_ends_abruptly() {
        for length in 0..TEXT.len() {
            let _ = mounted(&TEXT[..length], b"nsfs");
            let _ = hidepid(&TEXT[..length], 0, 39);
        }
        assert_eq!(mounted(b"1 2 0:1 / /x rw -", b""), None);
    }
}
