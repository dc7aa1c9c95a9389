//! bpf(2) by its number: the four commands that an iterator needs.
//!
//! References: bpf(2); `union bpf_attr` in `include/uapi/linux/bpf.h`. The kernel takes a
//! shorter attribute than its own and fills it up with zeros.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::wire::task_file::MAP;

/// `BPF_MAP_CREATE`.
const MAP_CREATE: libc::c_int = 0;
/// `BPF_MAP_UPDATE_ELEM`.
const MAP_UPDATE: libc::c_int = 2;
/// `BPF_PROG_LOAD`.
const PROG_LOAD: libc::c_int = 5;
/// `BPF_LINK_CREATE`.
const LINK_CREATE: libc::c_int = 28;
/// `BPF_ITER_CREATE`.
const ITER_CREATE: libc::c_int = 33;

/// `BPF_MAP_TYPE_ARRAY`.
const MAP_TYPE_ARRAY: u32 = 2;
/// `BPF_PROG_TYPE_TRACING`.
const PROG_TYPE_TRACING: u32 = 26;
/// `BPF_TRACE_ITER`.
const TRACE_ITER: u32 = 28;

/// Part of `union bpf_attr` for `BPF_MAP_CREATE`.
#[repr(C)]
struct MapCreate {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
}

/// Part of `union bpf_attr` for `BPF_MAP_UPDATE_ELEM`.
#[repr(C)]
struct MapUpdate {
    map_fd: u32,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// Part of `union bpf_attr` for `BPF_PROG_LOAD`, up to `attach_btf_id`.
#[repr(C)]
#[derive(Default)]
struct ProgLoad {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; 16],
    prog_ifindex: u32,
    expected_attach_type: u32,
    prog_btf_fd: u32,
    func_info_rec_size: u32,
    func_info: u64,
    func_info_cnt: u32,
    line_info_rec_size: u32,
    line_info: u64,
    line_info_cnt: u32,
    attach_btf_id: u32,
}

/// Part of `union bpf_attr` for `BPF_LINK_CREATE`.
#[repr(C)]
struct LinkCreate {
    prog_fd: u32,
    target_fd: u32,
    attach_type: u32,
    flags: u32,
}

/// Part of `union bpf_attr` for `BPF_ITER_CREATE`.
#[repr(C)]
struct IterCreate {
    link_fd: u32,
    flags: u32,
}

/// Makes the call.
///
/// # Safety
/// `A` must be the part of `union bpf_attr` that belongs to `command`, plain integers without
/// gaps, and every address in it must lead to memory that is as long as the command takes it
/// to be, initialised where the kernel reads and writable where it writes.
unsafe fn bpf<A>(command: libc::c_int, attributes: &mut A) -> io::Result<libc::c_int> {
    // SAFETY: the pointer and the size are those of one live value; the rest is the caller's.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_mut(attributes),
            size_of::<A>(),
        )
    };
    // Descriptors and 0; -1 with errno for a failure.
    libc::c_int::try_from(answer)
        .ok()
        .filter(|answer| *answer >= 0)
        .ok_or_else(io::Error::last_os_error)
}

/// As [`bpf`], for a command that answers with a new descriptor.
///
/// # Safety
/// As for [`bpf`], and the command must be one of those.
unsafe fn bpf_fd<A>(command: libc::c_int, attributes: &mut A) -> io::Result<OwnedFd> {
    // SAFETY: the caller vouches for the attributes; the descriptor is new and nobody else's.
    unsafe { bpf(command, attributes).map(|fd| OwnedFd::from_raw_fd(fd)) }
}

fn number(fd: BorrowedFd<'_>) -> u32 {
    // A descriptor that is open is not negative.
    fd.as_raw_fd().unsigned_abs()
}

fn address<T>(memory: &[T]) -> u64 {
    memory.as_ptr().addr() as u64
}

fn length<T>(memory: &[T]) -> u32 {
    u32::try_from(memory.len()).unwrap_or(u32::MAX)
}

/// A map with one value of [`MAP`] bytes, all zero.
///
/// # Errors
/// `EPERM` without `CAP_BPF`, `ENOSYS` on a kernel without bpf.
pub(super) fn map() -> io::Result<OwnedFd> {
    let mut create = MapCreate {
        map_type: MAP_TYPE_ARRAY,
        key_size: 4,
        value_size: u32::try_from(MAP).map_err(io::Error::other)?,
        max_entries: 1,
        map_flags: 0,
    };
    // SAFETY: the attributes hold no address.
    unsafe { bpf_fd(MAP_CREATE, &mut create) }
}

/// Changes the value of a map that [`map`] made.
///
/// # Errors
/// What the kernel says.
pub(super) fn fill(map: BorrowedFd<'_>, value: &[u8; MAP]) -> io::Result<()> {
    let key = [0_u32];
    let mut update = MapUpdate {
        map_fd: number(map),
        padding: 0,
        key: address(&key),
        value: address(value),
        flags: 0,
    };
    // SAFETY: `key` and `value` are live and have the sizes of the keys and values of the maps
    // that this module makes; the kernel reads them only.
    unsafe { bpf(MAP_UPDATE, &mut update) }?;
    Ok(())
}

/// Loads a program for an iterator that is attached to the BTF type `target`.
///
/// With a `log`, the verifier writes its reasons into it.
///
/// # Errors
/// `EPERM` without `CAP_BPF` and `CAP_PERFMON`; `EACCES`, `EINVAL` or `E2BIG` when the verifier
/// refuses the program.
pub(super) fn program(code: &[u64], target: u32, log: &mut [u8]) -> io::Result<OwnedFd> {
    // The helpers that such programs need are for programs under the GPL only.
    let license = *b"Dual BSD/GPL\0";
    let mut load = ProgLoad {
        prog_type: PROG_TYPE_TRACING,
        insn_cnt: length(code),
        insns: address(code),
        license: address(&license),
        prog_name: *b"sockscope\0\0\0\0\0\0\0",
        expected_attach_type: TRACE_ITER,
        attach_btf_id: target,
        ..ProgLoad::default()
    };
    if !log.is_empty() {
        load.log_level = 1;
        load.log_size = length(log);
        load.log_buf = log.as_mut_ptr().addr() as u64;
    }
    // SAFETY: `code` has `insn_cnt` instructions of eight bytes, `license` ends in NUL, `log` is
    // writable for `log_size` bytes or absent; all live until the call returns, and the kernel
    // keeps no address.
    unsafe { bpf_fd(PROG_LOAD, &mut load) }
}

/// Ties a program to its target.
///
/// # Errors
/// `EINVAL` before Linux 5.8.
pub(super) fn link(program: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let mut create = LinkCreate {
        prog_fd: number(program),
        target_fd: 0,
        attach_type: TRACE_ITER,
        flags: 0,
    };
    // SAFETY: the attributes hold no address.
    unsafe { bpf_fd(LINK_CREATE, &mut create) }
}

/// A file from which one pass of a linked program is read.
///
/// # Errors
/// What the kernel says.
pub(super) fn iterator(link: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let mut create = IterCreate {
        link_fd: number(link),
        flags: 0,
    };
    // SAFETY: the attributes hold no address.
    unsafe { bpf_fd(ITER_CREATE, &mut create) }
}
