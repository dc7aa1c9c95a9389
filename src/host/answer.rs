//! Answers of the machine as bytes: what a recording keeps of them.

use std::io;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use rustix::io::Errno;

use super::live::sight::{Foreign as ForeignProc, Sight, is_foreign};
use crate::model::Foreign;

/// An answer: its bytes, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Bytes(Vec<u8>),
    Failed(Failure),
}

/// Why there is no answer, in a form that can be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// What the kernel said.
    Errno(i32),
    /// /proc belongs to another pid namespace.
    Foreign,
    /// There was none in time.
    Late(String),
    /// Something else, in words.
    Other(String),
}

impl Failure {
    /// What is said of everything that nobody asked when the recording was made.
    pub(super) const UNASKED: Self = Self::Errno(Errno::NOENT.raw_os_error());

    pub(super) fn text(&self) -> String {
        match self {
            Self::Errno(number) => format!("errno {number}"),
            Self::Foreign => "foreign".to_owned(),
            Self::Late(why) => format!("late {why}"),
            Self::Other(why) => format!("other {why}"),
        }
    }

    pub(super) fn read(text: &str) -> Self {
        let (kind, rest) = text.split_once(' ').unwrap_or((text, ""));
        match (kind, rest.parse()) {
            ("errno", Ok(number)) => Self::Errno(number),
            ("foreign", _) => Self::Foreign,
            ("late", _) => Self::Late(rest.to_owned()),
            _ => Self::Other(rest.to_owned()),
        }
    }
}

impl From<&io::Error> for Failure {
    fn from(error: &io::Error) -> Self {
        match error.raw_os_error() {
            Some(number) => Self::Errno(number),
            None if is_foreign(error) => Self::Foreign,
            None if error.kind() == io::ErrorKind::TimedOut => Self::Late(error.to_string()),
            None => Self::Other(error.to_string()),
        }
    }
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Errno(number) => Self::from_raw_os_error(number),
            Failure::Foreign => Self::other(ForeignProc),
            Failure::Late(why) => Self::new(io::ErrorKind::TimedOut, why),
            Failure::Other(why) => Self::other(why),
        }
    }
}

/// What a question gives.
pub(super) trait Answer: Sized {
    fn keep(&self) -> Kept;
    fn read(kept: Kept) -> Self;
}

impl<T: Text> Answer for io::Result<T> {
    fn keep(&self) -> Kept {
        match self {
            Ok(value) => Kept::Bytes(value.text()),
            Err(error) => Kept::Failed(error.into()),
        }
    }

    fn read(kept: Kept) -> Self {
        match kept {
            Kept::Bytes(bytes) => T::read(bytes).ok_or_else(|| io::ErrorKind::InvalidData.into()),
            Kept::Failed(failure) => Err(failure.into()),
        }
    }
}

impl<T: Text> Answer for Result<T, Errno> {
    fn keep(&self) -> Kept {
        match self {
            Ok(value) => Kept::Bytes(value.text()),
            Err(error) => Kept::Failed(Failure::Errno(error.raw_os_error())),
        }
    }

    fn read(kept: Kept) -> Self {
        match kept {
            Kept::Bytes(bytes) => T::read(bytes).ok_or(Errno::IO),
            Kept::Failed(Failure::Errno(number)) => Err(Errno::from_raw_os_error(number)),
            Kept::Failed(_) => Err(Errno::IO),
        }
    }
}

impl<T: Text> Answer for Option<T> {
    fn keep(&self) -> Kept {
        match self {
            Some(value) => Kept::Bytes(value.text()),
            None => Kept::Failed(Failure::UNASKED),
        }
    }

    fn read(kept: Kept) -> Self {
        match kept {
            Kept::Bytes(bytes) => T::read(bytes),
            Kept::Failed(_) => None,
        }
    }
}

/// A value that is there in any case.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Surely<T>(pub T);

impl<T: Text + Default> Answer for Surely<T> {
    fn keep(&self) -> Kept {
        Kept::Bytes(self.0.text())
    }

    fn read(kept: Kept) -> Self {
        Self(Option::read(kept).unwrap_or_default())
    }
}

/// A value that has a form in a file: the kernel's own, or one number or word in a line.
pub(super) trait Text: Sized {
    fn text(&self) -> Vec<u8>;
    fn read(bytes: Vec<u8>) -> Option<Self>;
}

impl Text for Vec<u8> {
    fn text(&self) -> Vec<u8> {
        self.clone()
    }

    fn read(bytes: Vec<u8>) -> Option<Self> {
        Some(bytes)
    }
}

impl Text for String {
    fn text(&self) -> Vec<u8> {
        self.clone().into_bytes()
    }

    fn read(bytes: Vec<u8>) -> Option<Self> {
        Self::from_utf8(bytes).ok()
    }
}

impl Text for Foreign {
    fn text(&self) -> Vec<u8> {
        self.bytes().to_owned()
    }

    fn read(bytes: Vec<u8>) -> Option<Self> {
        Some(bytes.into())
    }
}

impl Text for PathBuf {
    fn text(&self) -> Vec<u8> {
        self.as_os_str().as_encoded_bytes().to_owned()
    }

    fn read(bytes: Vec<u8>) -> Option<Self> {
        use std::os::unix::ffi::OsStringExt;
        Some(std::ffi::OsString::from_vec(bytes).into())
    }
}

impl Text for () {
    fn text(&self) -> Vec<u8> {
        Vec::new()
    }

    fn read(_: Vec<u8>) -> Option<Self> {
        Some(())
    }
}

/// Numbers and words, as Rust writes and reads them.
macro_rules! as_written {
    ($($kind:ty),*) => {$(
        impl Text for $kind {
            fn text(&self) -> Vec<u8> {
                self.to_string().into_bytes()
            }

            fn read(bytes: Vec<u8>) -> Option<Self> {
                std::str::from_utf8(&bytes).ok()?.trim().parse().ok()
            }
        }
    )*};
}

as_written!(bool, u32, u64, i64, NonZeroU32, NonZeroU64, jiff::Timestamp);

impl<A: Text, B: Text> Text for (A, B) {
    fn text(&self) -> Vec<u8> {
        [self.0.text(), b" ".to_vec(), self.1.text()].concat()
    }

    fn read(bytes: Vec<u8>) -> Option<Self> {
        let middle = bytes.iter().position(|byte| *byte == b' ')?;
        let (first, second) = bytes.split_at_checked(middle)?;
        Some((
            A::read(first.to_vec())?,
            B::read(second.get(1..)?.to_vec())?,
        ))
    }
}

impl Text for Vec<u32> {
    fn text(&self) -> Vec<u8> {
        let numbers = self.iter().map(u32::to_string);
        numbers.collect::<Vec<_>>().join("\n").into_bytes()
    }

    fn read(bytes: Vec<u8>) -> Option<Self> {
        let text = std::str::from_utf8(&bytes).ok()?;
        text.split_ascii_whitespace()
            .map(|number| number.parse().ok())
            .collect()
    }
}

impl Text for Duration {
    fn text(&self) -> Vec<u8> {
        let nanoseconds = u64::try_from(self.as_nanos()).unwrap_or(u64::MAX);
        nanoseconds.text()
    }

    fn read(bytes: Vec<u8>) -> Option<Self> {
        u64::read(bytes).map(Self::from_nanos)
    }
}

const SIGHTS: [(Sight, &[u8]); 3] = [
    (Sight::Whole, b"whole"),
    (Sight::Hidden, b"hidden"),
    (Sight::Unproven, b"unproven"),
];

impl Text for Sight {
    fn text(&self) -> Vec<u8> {
        let word = SIGHTS.iter().find(|(sight, _)| sight == self);
        word.map_or_else(Vec::new, |(_, word)| word.to_vec())
    }

    fn read(bytes: Vec<u8>) -> Option<Self> {
        let found = SIGHTS.iter().find(|(_, word)| **word == bytes)?;
        Some(found.0)
    }
}

/// A short name for something long, the same for ever (FNV-1a).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digest(u64);

impl Digest {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        Self(bytes.iter().fold(0xcbf2_9ce4_8422_2325, mix))
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
