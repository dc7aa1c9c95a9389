//! What the link /proc/PID/fd/N points at, as far as sockets are concerned.

use std::num::NonZeroU32;

/// The target of a descriptor's link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FdLink {
    /// `socket:[inode]`.
    Socket(NonZeroU32),
    /// `anon_inode:[io_uring]`: its registered files may be sockets.
    IoUring,
    /// Anything else.
    Other,
}

/// Reads a link's target.
#[must_use]
pub fn parse(target: &[u8]) -> FdLink {
    if let Some(inode) = socket_inode(target) {
        return FdLink::Socket(inode);
    }
    if target == b"anon_inode:[io_uring]" {
        return FdLink::IoUring;
    }
    FdLink::Other
}

/// The inode in `socket:[inode]`, cut to the 32 bits that `sock_diag` has for it.
#[must_use]
pub fn socket_inode(target: &[u8]) -> Option<NonZeroU32> {
    let digits = target.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    decimal(digits).and_then(NonZeroU32::new)
}

/// A decimal number of at least one digit, modulo 2^32; `None` for anything else.
#[must_use]
pub fn decimal(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u32, |number, digit| {
        let digit = digit.wrapping_sub(b'0');
        (digit < 10).then(|| number.wrapping_mul(10).wrapping_add(u32::from(digit)))
    })
}

/// The sockets among the registered files of an `io_uring`, from /proc/PID/fdinfo/N:
/// lines such as `    0: socket:[4711]` below `UserFiles:`.
pub fn registered_sockets(fdinfo: &[u8]) -> impl Iterator<Item = NonZeroU32> {
    fdinfo.split(|&b| b == b'\n').filter_map(|line| {
        let start = line.windows(8).position(|w| w == b"socket:[")?;
        let line = line.get(start..)?;
        let end = line.iter().position(|&b| b == b']')?;
        socket_inode(line.get(..=end)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses() {
        assert_eq!(
            parse(b"socket:[4711]"),
            FdLink::Socket(NonZeroU32::new(4711).unwrap())
        );
        assert_eq!(parse(b"anon_inode:[io_uring]"), FdLink::IoUring);
        for other in [
            &b"/dev/null"[..],
            b"socket:[]",
            b"socket:[x]",
            b"socket:[0]",
            b"socket:[1",
            b"socket:1",
            b"",
        ] {
            assert_eq!(parse(other), FdLink::Other);
        }
    }

    #[test]
    fn registered_files_of_a_ring() {
        let text =
            b"SqMask:\t0x7\nUserFiles:\t2\n    0: socket:[77]\n    1: /dev/null\nUserBufs:\t0\n";
        let found: Vec<_> = registered_sockets(text).collect();
        assert_eq!(found, [NonZeroU32::new(77).unwrap()]);
    }
}
