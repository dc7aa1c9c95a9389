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
    fn record_ends_abruptly() {
        for length in 0..TEXT.len() {
            let _ = mounted(&TEXT[..length], b"nsfs");
        }
        assert_eq!(mounted(b"1 2 0:1 / /x rw -", b""), None);
    }
}
