//! Steps for [`super::Run::before`] that take something away from the program: /proc, netlink, the sight of others.
//!
//! They run between fork and exec, so they make system calls only.

use super::checked;
use std::ffi::{CStr, CString};
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

/// Something else stands over a directory: an empty file system, or another directory.
pub fn covered(
    path: &str,
    with: Option<&str>,
) -> impl FnMut() -> io::Result<()> + Send + Sync + use<> {
    let text = |path: &str| CString::new(path).unwrap();
    let (path, with) = (text(path), with.map(text));
    move || {
        private_mounts()?;
        let Some(with) = &with else {
            return mount(c"tmpfs", &path, c"size=4k");
        };
        // SAFETY: the paths are live and end in NUL.
        checked(unsafe {
            let null = std::ptr::null();
            libc::mount(
                with.as_ptr(),
                path.as_ptr(),
                null,
                libc::MS_BIND,
                null.cast(),
            )
        })
    }
}

/// A mount whose name is no UTF-8 stands in the mount table.
pub fn mount_with_odd_name() -> io::Result<()> {
    mount(c"tmpfs", c"/mnt", c"size=4k")?;
    let name = c"/mnt/\xff\xfe";
    // SAFETY: the path is a literal that ends in NUL.
    checked(unsafe { libc::mkdir(name.as_ptr(), 0o755) })?;
    mount(c"tmpfs", name, c"size=4k")
}

/// A user namespace of its own, in which the user is root.
pub fn root_of_a_user_namespace() -> io::Result<()> {
    // SAFETY: the calls take numbers and literals that end in NUL only.
    unsafe {
        let (uid, gid) = (libc::getuid(), libc::getgid());
        // A change of user made these files root's.
        checked(libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0))?;
        checked(libc::unshare(libc::CLONE_NEWUSER))?;
        write_number_map(c"/proc/self/setgroups", b"deny")?;
        let map = |path, id: u32| {
            let mut text = *b"0 0000000000 1";
            let mut left = id;
            for place in (2..12).rev() {
                text[place] = b'0' + (left % 10) as u8;
                left /= 10;
            }
            write_number_map(path, &text)
        };
        map(c"/proc/self/uid_map", uid)?;
        map(c"/proc/self/gid_map", gid)?;
        checked(libc::setresgid(0, 0, 0))?;
        checked(libc::setresuid(0, 0, 0))
    }
}

fn write_number_map(path: &CStr, text: &[u8]) -> io::Result<()> {
    // SAFETY: `path` ends in NUL and `text` is live; the descriptor is ours and closed here.
    unsafe {
        let fd = libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        checked(fd)?;
        let written = libc::write(fd, text.as_ptr().cast(), text.len());
        let error = io::Error::last_os_error();
        libc::close(fd);
        if written < 0 { Err(error) } else { Ok(()) }
    }
}

/// The mount namespace of a container that is gone again, but for its /proc: the program stays in the pid namespace
/// that it was in, and is not in that /proc.
pub fn proc_of_a_container() -> io::Result<()> {
    private_mounts()?;
    // SAFETY: fork, mount, pause and kill take numbers and literals; the child makes system calls only.
    unsafe {
        checked(libc::unshare(libc::CLONE_NEWPID))?;
        let pid = libc::fork();
        checked(pid)?;
        if pid == 0 {
            let done = mount(c"proc", c"/proc", c"");
            // Process 1 of the namespace: it stays as long as somebody may look.
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0);
            if done.is_err() {
                libc::_exit(1);
            }
            libc::sleep(60);
            libc::_exit(0);
        }
        // The mounts are common to both; until it is there, /proc is the old one.
        for _ in 0..5000 {
            if libc::access(c"/proc/self".as_ptr(), libc::F_OK) != 0 {
                return Ok(());
            }
            libc::usleep(1000);
        }
    }
    Err(io::Error::other("/proc stayed"))
}

/// A pid namespace of its own with the /proc of the outer one.
pub fn pid_namespace_without_proc() -> io::Result<()> {
    // SAFETY: unshare, fork, waitpid and _exit take numbers, and one live status.
    unsafe {
        checked(libc::unshare(libc::CLONE_NEWPID))?;
        let pid = libc::fork();
        checked(pid)?;
        if pid > 0 {
            let mut status = 0;
            while libc::waitpid(pid, &raw mut status, 0) < 0 {}
            libc::_exit(if libc::WIFEXITED(status) {
                libc::WEXITSTATUS(status)
            } else {
                255
            });
        }
    }
    Ok(())
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
