//! The system calls that rustix does not offer, and with them all the unsafe code of this example.

use rustix::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::io;
use std::mem::size_of_val;

/// SO_MEMINFO (linux/socket.h), which libc does not name: an array of nine u32.
const SO_MEMINFO: libc::c_int = 55;
/// SK_MEMINFO_DROPS (linux/sock_diag.h): the place of the drop counter in that array.
const MEMINFO_DROPS: usize = 8;
/// IORING_REGISTER_FILES (linux/io_uring.h).
const IORING_REGISTER_FILES: libc::c_long = 2;

/// Turns the C convention (negative means errno) into a result.
fn checked(answer: libc::c_int) -> io::Result<libc::c_int> {
    if answer < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(answer)
    }
}

/// The raw state number of a TCP socket: the first byte of `struct tcp_info`.
///
/// This asks the socket itself, so it is independent of the tables the tool under test reads.
pub fn tcp_state(fd: impl AsFd) -> io::Result<u8> {
    Ok(tcp_info(fd)?[0])
}

/// How often in a row the oldest bytes of a TCP socket have been sent again, without an answer.
pub fn retransmits(fd: impl AsFd) -> io::Result<u8> {
    Ok(tcp_info(fd)?[2])
}

/// The first bytes of `struct tcp_info`: state, congestion state, retransmits, probes, backoff.
fn tcp_info(fd: impl AsFd) -> io::Result<[u8; 8]> {
    let mut info = [0_u8; 8];
    let mut length = size_of_val(&info) as libc::socklen_t;
    // SAFETY: `info` is writable for `length` bytes and outlives the call.
    checked(unsafe {
        libc::getsockopt(
            fd.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut length,
        )
    })?;
    Ok(info)
}

/// How many bytes of a TCP socket its peer has not acknowledged: what tools show as Send-Q.
pub fn unacknowledged(fd: impl AsFd) -> io::Result<u32> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: SIOCOUTQ, which has the number of TIOCOUTQ, writes one live int.
    checked(unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) })?;
    Ok(bytes as u32)
}

/// How many datagrams the kernel threw away because this socket's buffer was full.
pub fn drops(fd: impl AsFd) -> io::Result<u32> {
    let mut figures = [0_u32; 9];
    let mut length = size_of_val(&figures) as libc::socklen_t;
    // SAFETY: `figures` is writable for `length` bytes and outlives the call.
    checked(unsafe {
        libc::getsockopt(
            fd.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            SO_MEMINFO,
            figures.as_mut_ptr().cast(),
            &raw mut length,
        )
    })?;
    Ok(figures[MEMINFO_DROPS])
}

/// Sets an integer socket option that rustix has no function for.
pub fn set_int(fd: impl AsFd, level: i32, name: i32, value: i32) -> io::Result<()> {
    // SAFETY: the option value is a live `i32` of the size given.
    checked(unsafe {
        libc::setsockopt(
            fd.as_fd().as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    })
    .map(drop)
}

/// Ties a socket to an interface (SO_BINDTODEVICE).
pub fn bind_to_device(fd: impl AsFd, name: &str) -> io::Result<()> {
    // SAFETY: the name is readable for the length given, and the kernel copies it during the call.
    checked(unsafe {
        libc::setsockopt(
            fd.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_BINDTODEVICE,
            name.as_ptr().cast(),
            name.len() as libc::socklen_t,
        )
    })
    .map(drop)
}

/// Makes a socket deaf: a one-line classic BPF program that keeps 0 bytes drops every segment sent to it.
///
/// This is how a scene loses packets without iptables and without touching the rest of the namespace.
/// A listener hands its filter down to the connections it accepts, so attach it after accept().
pub fn deafen(fd: impl AsFd) -> io::Result<()> {
    let mut keep_nothing = libc::sock_filter {
        code: (libc::BPF_RET | libc::BPF_K) as u16,
        jt: 0,
        jf: 0,
        k: 0,
    };
    let program = libc::sock_fprog {
        len: 1,
        filter: &raw mut keep_nothing,
    };
    // SAFETY: `program` points to one live instruction; the kernel copies both during the call.
    checked(unsafe {
        libc::setsockopt(
            fd.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            size_of_val(&program) as libc::socklen_t,
        )
    })
    .map(drop)
}

/// Undoes [`deafen`]: the next retransmission of the peer is heard again.
pub fn listen_again(fd: impl AsFd) -> io::Result<()> {
    set_int(fd, libc::SOL_SOCKET, libc::SO_DETACH_FILTER, 0)
}

/// Forks; `None` in the child. The caller is single-threaded, so the child may allocate and start threads.
pub fn fork() -> io::Result<Option<i32>> {
    // SAFETY: every scene forks before it starts a thread, so no lock can be held by a thread that is gone.
    let pid = checked(unsafe { libc::fork() })?;
    Ok((pid != 0).then_some(pid))
}

/// Ends this process without running destructors, which in a forked child are the parent's.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: _exit takes no pointer and does not return.
    unsafe { libc::_exit(code) }
}

/// Ends the calling thread only; as the leader this leaves a process in state Z whose other threads live on.
pub fn exit_thread() -> ! {
    // SAFETY: the raw call ends this thread at once; nothing on its stack is used by another thread.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
    exit_now(1)
}

/// A dead man's switch: SIGALRM ends this process after so many seconds, whatever it hangs in.
pub fn alarm(seconds: u32) {
    // SAFETY: alarm takes no pointer.
    unsafe { libc::alarm(seconds) };
}

/// Gives up every identity for the user `uid` (and the group of the same number).
pub fn become_user(uid: u32) -> io::Result<()> {
    // SAFETY: none of the three takes a live pointer; an empty group list is given as null with length 0.
    unsafe {
        checked(libc::setgroups(0, std::ptr::null()))?;
        checked(libc::setresgid(uid, uid, uid))?;
        checked(libc::setresuid(uid, uid, uid))?;
    }
    Ok(())
}

/// Gives the calling thread an fd table of its own, a copy of the process's.
pub fn own_fd_table() -> io::Result<()> {
    // SAFETY: fds opened by this thread from here on stay in this thread, so no OwnedFd changes its meaning.
    checked(unsafe { libc::unshare(libc::CLONE_FILES) }).map(drop)
}

/// Closes a descriptor of the calling thread's own table: no value of this process owns it there.
pub fn close(fd: RawFd) {
    // SAFETY: close takes a number; in the common table, which owned values speak of, nothing changes.
    unsafe { libc::close(fd) };
}

/// Moves the process into a fresh network namespace and brings its loopback up.
pub fn own_network() -> io::Result<()> {
    // SAFETY: unshare takes no pointer.
    checked(unsafe { libc::unshare(libc::CLONE_NEWNET) })?;
    loopback_up()
}

/// Sets IFF_UP on `lo`: in a new namespace it is down and even 127.0.0.1 is unreachable.
fn loopback_up() -> io::Result<()> {
    let any = rustix::net::socket(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::DGRAM,
        None,
    )?;
    // SAFETY: ifreq is plain data for which all zeros is a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (slot, byte) in request.ifr_name.iter_mut().zip(b"lo") {
        *slot = *byte as libc::c_char;
    }
    // SAFETY: both requests read and write exactly one ifreq, which is live; the flags member is plain data.
    unsafe {
        let fd = any.as_raw_fd();
        checked(libc::ioctl(fd, libc::SIOCGIFFLAGS as _, &raw mut request))?;
        request.ifr_ifru.ifru_flags |= libc::IFF_UP as libc::c_short;
        checked(libc::ioctl(fd, libc::SIOCSIFFLAGS as _, &raw mut request))?;
    }
    Ok(())
}

/// Makes an io_uring and registers `file` with it, so that the ring holds a socket that no fd shows.
pub fn ring_that_holds(file: RawFd) -> io::Result<OwnedFd> {
    // struct io_uring_params is 120 bytes, all zero for the defaults.
    let mut parameters = [0_u32; 30];
    // SAFETY: `parameters` has the size the kernel reads and writes.
    let ring = unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, parameters.as_mut_ptr()) };
    let ring = checked(ring as libc::c_int)?;
    // SAFETY: the call above has just opened this fd and nobody else owns it.
    let ring = unsafe { OwnedFd::from_raw_fd(ring) };
    let files = [file];
    // SAFETY: `files` is live and holds the one fd that the count announces.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_io_uring_register,
            ring.as_raw_fd(),
            IORING_REGISTER_FILES,
            files.as_ptr(),
            1,
        )
    };
    checked(answer as libc::c_int)?;
    Ok(ring)
}

/// Stops a process of ours as a debugger does; it stays so as long as the calling thread lives.
pub fn trace(pid: i32) -> io::Result<()> {
    let nothing = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: PTRACE_ATTACH reads no memory through the two null pointers.
    let answer = unsafe { libc::ptrace(libc::PTRACE_ATTACH, pid, nothing, nothing) };
    if answer < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Waits inside the kernel, where no signal but SIGKILL reaches, for the end of a child that holds all fds but `fd`:
/// a parent waits so for a child of vfork().
pub fn wait_uninterruptibly(fd: RawFd) -> io::Result<()> {
    let flags = libc::c_long::from(libc::CLONE_VFORK | libc::SIGCHLD);
    // SAFETY: without CLONE_VM the child has a copy of all memory, as after fork(), and needs no stack of its own.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    if pid < 0 {
        return Err(io::Error::last_os_error());
    }
    if pid == 0 {
        // SAFETY: prctl and close take no pointers; the fd is of this child's own table.
        unsafe {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            libc::close(fd);
        }
        loop {
            std::thread::park();
        }
    }
    Ok(())
}
