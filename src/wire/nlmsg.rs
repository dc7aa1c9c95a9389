//! Netlink framing: headers, attributes, and the course of a dump.
//!
//! Source: `include/uapi/linux/netlink.h`.

use std::fmt;

use super::bytes::{u16_at, u32_at};

/// Size of `struct nlmsghdr`.
pub const HEADER: usize = 16;
/// `NLM_F_REQUEST | NLM_F_ROOT | NLM_F_MATCH`: ask for a whole table.
pub const DUMP_FLAGS: u16 = 0x301;
const ERROR: u16 = 2;
const DONE: u16 = 3;
const FLAG_INTERRUPTED: u16 = 0x10;

/// A whole netlink message: header and payload.
#[must_use]
pub fn message(kind: u16, flags: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER + payload.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(HEADER + payload.len());
    bytes.extend(length.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(0_u32.to_ne_bytes());
    bytes.extend(payload);
    bytes
}

/// The sequence of a message; `None` where it is too short to have one.
#[must_use]
pub fn sequence(message: &[u8]) -> Option<u32> {
    u32_at(message, 8)
}

/// Makes answers to the request with the sequence `was` answers to one with another, of the
/// socket with netlink port `port`.
pub fn readdress(mut datagram: &mut [u8], was: u32, sequence: u32, port: u32) {
    while let Some((header, _, _)) = split(datagram) {
        let length = usize::try_from(u32_at(datagram, 0).unwrap_or_default()).unwrap_or_default();
        if header.sequence == was
            && let Some(place) = datagram.get_mut(8..HEADER)
        {
            let new = [sequence, port].map(u32::to_ne_bytes);
            place.copy_from_slice(new.as_flattened());
        }
        let Some(rest) = datagram.get_mut(length.next_multiple_of(4)..) else {
            return;
        };
        datagram = rest;
    }
}

/// Why a dump gave no, or not the whole, table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DumpError {
    /// The kernel refused, in an error message or inside `NLMSG_DONE`: a positive errno.
    Refused(i32),
    /// A message did not fit the buffer, so sockets were lost.
    Truncated,
    /// A message broke the framing.
    Malformed,
}

impl fmt::Display for DumpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(errno) => std::io::Error::from_raw_os_error(*errno).fmt(f),
            Self::Truncated => f.write_str("the kernel's message did not fit the buffer"),
            Self::Malformed => f.write_str("the kernel's message could not be read"),
        }
    }
}

/// The course of one dump: takes datagrams, gives payloads, knows when it is over.
#[derive(Debug)]
pub struct Dump {
    port: u32,
    sequence: u32,
    /// Messages of the kernel that held at least one payload.
    pub datagrams: u32,
    /// The kernel said that the table changed under the dump (`NLM_F_DUMP_INTR`).
    pub interrupted: bool,
}

impl Dump {
    /// A dump asked for by the socket with netlink port `port` under `sequence`.
    #[must_use]
    pub const fn new(port: u32, sequence: u32) -> Self {
        Self {
            port,
            sequence,
            datagrams: 0,
            interrupted: false,
        }
    }

    /// The same dump, of which nothing has been read.
    #[must_use]
    pub const fn again(&self) -> Self {
        Self::new(self.port, self.sequence)
    }

    /// Whether the dump is over with this datagram, by its framing alone.
    #[must_use]
    pub fn ends_in(&self, mut datagram: &[u8]) -> bool {
        while let Some((header, _, rest)) = split(datagram) {
            let is_ours = header.sequence == self.sequence && header.port == self.port;
            if is_ours && matches!(header.kind, DONE | ERROR) {
                return true;
            }
            datagram = rest;
        }
        false
    }

    /// Takes one datagram and hands each payload to `each`. `true` when the dump is over.
    ///
    /// Messages of an earlier request (another port or sequence) are passed over.
    ///
    /// # Errors
    /// [`DumpError::Refused`] with the errno of `NLMSG_ERROR` or of `NLMSG_DONE` (a missing
    /// protocol handler is told only there); [`DumpError::Malformed`] on broken framing.
    pub fn feed(
        &mut self,
        mut datagram: &[u8],
        each: &mut dyn FnMut(&[u8]),
    ) -> Result<bool, DumpError> {
        let mut counted = false;
        while !datagram.is_empty() {
            let (header, payload, rest) = split(datagram).ok_or(DumpError::Malformed)?;
            datagram = rest;
            if header.sequence != self.sequence || header.port != self.port {
                continue;
            }
            self.interrupted |= header.flags & FLAG_INTERRUPTED != 0;
            match header.kind {
                DONE | ERROR => return finish(header.kind, payload),
                _ => {
                    if !counted {
                        self.datagrams += 1;
                        counted = true;
                    }
                    each(payload);
                }
            }
        }
        Ok(false)
    }
}

/// Reads the errno of a closing message: a negative number, 0 for success. `NLMSG_DONE` of
/// old kernels may be empty; `NLMSG_ERROR` never is.
fn finish(kind: u16, payload: &[u8]) -> Result<bool, DumpError> {
    let errno = u32_at(payload, 0).map(u32::cast_signed);
    match errno {
        None if kind == ERROR => Err(DumpError::Malformed),
        None | Some(0) => Ok(true),
        Some(errno) => Err(DumpError::Refused(errno.saturating_neg())),
    }
}

struct Header {
    kind: u16,
    flags: u16,
    sequence: u32,
    port: u32,
}

/// Splits the first message off: header, payload, what follows.
fn split(bytes: &[u8]) -> Option<(Header, &[u8], &[u8])> {
    let length = usize::try_from(u32_at(bytes, 0)?).ok()?;
    let header = Header {
        kind: u16_at(bytes, 4)?,
        flags: u16_at(bytes, 6)?,
        sequence: u32_at(bytes, 8)?,
        port: u32_at(bytes, 12)?,
    };
    let payload = bytes.get(HEADER..length)?;
    let rest = bytes.get(align(length)?..).unwrap_or_default();
    Some((header, payload, rest))
}

/// The payloads of the messages of one kind in a datagram, as far as its framing makes sense.
pub fn payloads(mut datagram: &[u8], kind: u16) -> impl Iterator<Item = &[u8]> {
    let messages = std::iter::from_fn(move || {
        let (header, payload, rest) = split(datagram)?;
        datagram = rest;
        Some((header.kind, payload))
    });
    messages
        .filter(move |(of, _)| *of == kind)
        .map(|(_, payload)| payload)
}

/// An attribute for a request: its header, its payload, and what fills it up to four bytes.
#[must_use]
pub fn attribute(kind: u16, payload: &[u8]) -> Vec<u8> {
    let length = 4 + payload.len();
    let mut bytes = Vec::with_capacity(align(length).unwrap_or(length));
    bytes.extend(u16::try_from(length).unwrap_or(u16::MAX).to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(payload);
    bytes.resize(align(length).unwrap_or(length), 0);
    bytes
}

/// The attributes that follow a fixed part: (type, payload), until the bytes end or make no
/// sense. The nesting and byte-order bits of the type are taken off.
pub fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(bytes, 0)?);
        let kind = u16_at(bytes, 2)? & 0x3fff;
        let payload = bytes.get(4..length)?;
        bytes = bytes.get(align(length)?..).unwrap_or_default();
        Some((kind, payload))
    })
}

/// Rounds up to the alignment of netlink, 4.
fn align(length: usize) -> Option<usize> {
    Some(length.checked_add(3)? & !3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(kind: u16, flags: u16, sequence: u32, port: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = message(kind, flags, sequence, payload);
        bytes[12..16].copy_from_slice(&port.to_ne_bytes());
        bytes
    }

    fn feed(dump: &mut Dump, bytes: &[u8]) -> (Result<bool, DumpError>, Vec<Vec<u8>>) {
        let mut seen = Vec::new();
        let result = dump.feed(bytes, &mut |p| seen.push(p.to_vec()));
        (result, seen)
    }

    #[test]
    fn payloads_arrive_until_done() {
        let mut bytes = reply(20, 2, 1, 9, b"abcd");
        bytes.extend(reply(20, 2, 1, 9, b"efgh"));
        bytes.extend(reply(DONE, 2, 1, 9, &0_i32.to_ne_bytes()));
        let mut dump = Dump::new(9, 1);
        let (result, seen) = feed(&mut dump, &bytes);
        assert_eq!(result, Ok(true));
        assert_eq!(seen, [b"abcd", b"efgh"]);
        assert_eq!(dump.datagrams, 1);
        assert!(!dump.interrupted);
    }

    #[test]
    fn a_missing_handler_is_told_inside_done() {
        let bytes = reply(DONE, 2, 1, 9, &(-2_i32).to_ne_bytes());
        let (result, seen) = feed(&mut Dump::new(9, 1), &bytes);
        assert_eq!(result, Err(DumpError::Refused(2)));
        assert!(seen.is_empty());
    }

    #[test]
    fn an_error_message_is_an_error() {
        let bytes = reply(ERROR, 0, 1, 9, &(-1_i32).to_ne_bytes());
        assert_eq!(
            feed(&mut Dump::new(9, 1), &bytes).0,
            Err(DumpError::Refused(1))
        );
        let bytes = reply(ERROR, 0, 1, 9, &[]);
        assert_eq!(
            feed(&mut Dump::new(9, 1), &bytes).0,
            Err(DumpError::Malformed)
        );
    }

    #[test]
    fn stale_answers_are_passed_over() {
        let mut bytes = reply(20, 2, 7, 9, b"old!");
        bytes.extend(reply(DONE, 2, 7, 9, &(-2_i32).to_ne_bytes()));
        bytes.extend(reply(20, 2, 1, 8, b"else"));
        bytes.extend(reply(20, 0x12, 1, 9, b"mine"));
        let mut dump = Dump::new(9, 1);
        let (result, seen) = feed(&mut dump, &bytes);
        assert_eq!(result, Ok(false));
        assert_eq!(seen, [b"mine"]);
        assert!(dump.interrupted);
    }

    #[test]
    fn broken_framing_is_an_error_not_a_panic() {
        for bytes in [
            vec![1],
            vec![0; 16],
            vec![0xff; 40],
            reply(20, 0, 1, 9, b"abcd")[..18].to_vec(),
        ] {
            assert_eq!(
                feed(&mut Dump::new(9, 1), &bytes).0,
                Err(DumpError::Malformed)
            );
        }
    }

    #[test]
    fn attributes_end_where_they_make_no_sense() {
        let mut bytes = vec![5, 0, 1, 0x80, 42, 0, 0, 0];
        bytes.extend([8, 0, 2, 0, 1, 2, 3, 4]);
        bytes.extend([3, 0, 9, 0]);
        let seen: Vec<_> = attributes(&bytes).collect();
        assert_eq!(seen, [(1, &[42][..]), (2, &[1, 2, 3, 4][..])]);
        assert_eq!(attributes(&[255, 255, 1, 0]).count(), 0);
    }
}
