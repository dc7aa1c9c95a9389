//! Steps for [`super::Run::before`] that take something away from the program: /proc, netlink, the sight of others.
//!
//! They run between fork and exec, so they make system calls only.

use super::checked;
use std::ffi::CStr;
use std::io;

/// A mount namespace of the child's own, from which nothing leaks out.
fn private_mounts() -> io::Result<()> {
    // SAFETY: the paths are literals that end in NUL; null is allowed where the call ignores the argument.
    unsafe {
        checked(libc::unshare(libc::CLONE_NEWNS))?;
        let flags = libc::MS_REC | libc::MS_PRIVATE;
        let nothing = std::ptr::null();
        checked(libc::mount(
            nothing,
            c"/".as_ptr(),
            nothing,
            flags,
            std::ptr::null(),
        ))
    }
}

fn mount(kind: &CStr, target: &CStr, options: &CStr) -> io::Result<()> {
    // SAFETY: all four are live strings that end in NUL.
    checked(unsafe {
        libc::mount(
            kind.as_ptr(),
            target.as_ptr(),
            kind.as_ptr(),
            0,
            options.as_ptr().cast(),
        )
    })
}

/// /proc is an empty directory.
pub fn empty_proc() -> io::Result<()> {
    private_mounts()?;
    mount(c"tmpfs", c"/proc", c"size=4k")
}

/// /proc hides: with `hidepid=2` the processes of others, with `hidepid=1` what is in them.
pub fn hidden_processes(options: &'static CStr) -> impl FnMut() -> io::Result<()> + Send + Sync {
    move || {
        private_mounts()?;
        mount(c"proc", c"/proc", options)
    }
}

/// /sys is an empty directory: a container's, or a chroot's.
pub fn empty_sys() -> io::Result<()> {
    private_mounts()?;
    mount(c"tmpfs", c"/sys", c"size=4k")
}

/// /dev is an empty directory: a chroot without one.
pub fn empty_dev() -> io::Result<()> {
    private_mounts()?;
    mount(c"tmpfs", c"/dev", c"size=4k")
}

/// The program starts without these capabilities, though as root.
pub fn without_capabilities(
    numbers: &'static [libc::c_ulong],
) -> impl FnMut() -> io::Result<()> + Send + Sync {
    move || {
        for number in numbers {
            // SAFETY: prctl takes numbers only here. exec() gives root what is left in the set.
            checked(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, *number, 0, 0, 0) })?;
        }
        Ok(())
    }
}

/// `bpf()` fails with `errno`, by a seccomp filter.
pub fn no_bpf(errno: i32) -> impl FnMut() -> io::Result<()> + Send + Sync {
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let refuse = libc::SECCOMP_RET_ERRNO | errno.unsigned_abs();
    // struct seccomp_data: the number of the call at 0.
    seccomp([
        step((libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16, 0, 0, 0),
        step(
            (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
            0,
            1,
            libc::SYS_bpf as u32,
        ),
        step((libc::BPF_RET | libc::BPF_K) as u16, 0, 0, refuse),
        step(
            (libc::BPF_RET | libc::BPF_K) as u16,
            0,
            0,
            libc::SECCOMP_RET_ALLOW,
        ),
    ])
}

/// `socket(AF_NETLINK, ...)` fails with `errno`, by a seccomp filter: what a container's policy does.
pub fn no_netlink(errno: i32) -> impl FnMut() -> io::Result<()> + Send + Sync {
    let refuse = libc::SECCOMP_RET_ERRNO | errno.unsigned_abs();
    let load = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    let equal = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    let answer = (libc::BPF_RET | libc::BPF_K) as u16;
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    // struct seccomp_data: the number of the call at 0, its first argument (low half) at 16.
    let first_argument = if cfg!(target_endian = "little") {
        16
    } else {
        20
    };
    let filter = [
        step(load, 0, 0, 0),
        step(equal, 0, 3, libc::SYS_socket as u32),
        step(load, 0, 0, first_argument),
        step(equal, 0, 1, libc::AF_NETLINK as u32),
        step(answer, 0, 0, refuse),
        step(answer, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    seccomp(filter)
}

/// Installs a filter of system calls.
fn seccomp<const N: usize>(
    filter: [libc::sock_filter; N],
) -> impl FnMut() -> io::Result<()> + Send + Sync {
    move || {
        let program = libc::sock_fprog {
            len: filter.len() as u16,
            filter: filter.as_ptr().cast_mut(),
        };
        // SAFETY: `program` points to the live instructions, which the kernel copies during the call.
        unsafe {
            checked(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
            checked(libc::prctl(
                libc::PR_SET_SECCOMP,
                libc::SECCOMP_MODE_FILTER,
                &raw const program,
            ))
        }
    }
}
