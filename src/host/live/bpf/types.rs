//! The bytes of /sys/kernel/btf/vmlinux, the types of the running kernel.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::ptr::NonNull;

const FILE: &str = "/sys/kernel/btf/vmlinux";

/// The bytes: mapped where the kernel can (Linux 6.16), else read, which takes a millisecond.
pub(super) enum Types {
    Mapped { start: NonNull<u8>, length: usize },
    Read(Vec<u8>),
}

impl Types {
    /// # Errors
    /// `ENOENT` when the kernel was made without BTF or /sys is not mounted.
    pub fn open() -> io::Result<Self> {
        let mut file = File::open(FILE)?;
        let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        if let Some(start) = map(&file, length) {
            return Ok(Self::Mapped { start, length });
        }
        let mut bytes = Vec::with_capacity(length + 1);
        file.read_to_end(&mut bytes)?;
        Ok(Self::Read(bytes))
    }

    pub fn bytes(&self) -> &[u8] {
        match self {
            // SAFETY: `start` is the start of a private, readable mapping of `length` bytes,
            // which lives as long as `self`. The kernel never changes the types it was built
            // with, and nobody else can write to them.
            Self::Mapped { start, length } => unsafe {
                std::slice::from_raw_parts(start.as_ptr(), *length)
            },
            Self::Read(bytes) => bytes,
        }
    }
}

impl Drop for Types {
    fn drop(&mut self) {
        if let Self::Mapped { start, length } = self {
            // SAFETY: this is the mapping that `map` made, and no slice of it outlives `self`.
            unsafe { libc::munmap(start.as_ptr().cast(), *length) };
        }
    }
}

/// Maps the file; `None` where that is not offered.
fn map(file: &File, length: usize) -> Option<NonNull<u8>> {
    if length == 0 {
        return None;
    }
    // SAFETY: a fresh, private, read-only mapping at an address of the kernel's choice touches
    // no memory of this program.
    let start = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            length,
            libc::PROT_READ,
            libc::MAP_PRIVATE,
            file.as_raw_fd(),
            0,
        )
    };
    (start != libc::MAP_FAILED)
        .then(|| NonNull::new(start.cast()))
        .flatten()
}
