//! System calls of a run that fail on purpose, as they do on a sick host.
//!
//! The kernel hands each chosen call of the program to a thread of the test (a seccomp filter with a listener), which
//! says whether it fails, never returns, or goes on. Threads and children of the program are under it too:
//!
//! ```ignore
//! let fault = Fault::new(libc::SYS_recvmsg, libc::ENOBUFS).after(1).times(1);
//! let hits = fault.hits();
//! let answer = Run::new(&["conns", "--json"]).fault(fault).output();
//! assert_eq!(hits.count(), 1);
//! ```

use super::checked;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// A system call as the program made it.
#[derive(Debug)]
pub struct Call {
    /// The thread that made it.
    pub thread: u32,
    pub arguments: [u64; 6],
}

impl Call {
    /// The text that an argument points to, up to its NUL: a path.
    pub fn text(&self, argument: usize) -> String {
        let mut bytes = vec![0; 4096];
        let memory = File::open(format!("/proc/{}/mem", self.thread));
        let read = memory.and_then(|memory| memory.read_at(&mut bytes, self.arguments[argument]));
        bytes.truncate(read.unwrap_or(0));
        let end = bytes.iter().position(|byte| *byte == 0);
        bytes.truncate(end.unwrap_or(bytes.len()));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What the descriptor in an argument leads to: the path of a file, `socket:[1234]`.
    pub fn file(&self, argument: usize) -> String {
        let fd = self.arguments[argument] as i32;
        let link = std::fs::read_link(format!("/proc/{}/fd/{fd}", self.thread));
        link.map(|path| path.to_string_lossy().into_owned())
            .unwrap_or_default()
    }
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    Errno(i32),
    Value(i64),
    Hangs,
}

/// One system call that fails.
pub struct Fault {
    call: libc::c_long,
    outcome: Outcome,
    after: u32,
    times: Option<u32>,
    when: Box<dyn Fn(&Call) -> bool + Send>,
    seen: u32,
    hits: Hits,
}

/// How often a fault struck so far.
#[derive(Clone, Debug, Default)]
pub struct Hits(Arc<AtomicU32>);

impl Hits {
    pub fn count(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Fault {
    /// `call` (such as `libc::SYS_openat`) fails with `errno`, every time.
    pub fn new(call: libc::c_long, errno: i32) -> Self {
        Self::of(call, Outcome::Errno(errno))
    }

    /// `call` does nothing and answers `value`.
    pub fn answer(call: libc::c_long, value: i64) -> Self {
        Self::of(call, Outcome::Value(value))
    }

    /// `call` never returns; a signal that kills still ends the program.
    pub fn hang(call: libc::c_long) -> Self {
        Self::of(call, Outcome::Hangs)
    }

    fn of(call: libc::c_long, outcome: Outcome) -> Self {
        Self {
            call,
            outcome,
            after: 0,
            times: None,
            when: Box::new(|_| true),
            seen: 0,
            hits: Hits::default(),
        }
    }

    /// The first `count` calls (of those that [`when`](Self::when) chooses) are as ever.
    pub fn after(mut self, count: u32) -> Self {
        self.after = count;
        self
    }

    /// It strikes so often and no more.
    pub fn times(mut self, count: u32) -> Self {
        self.times = Some(count);
        self
    }

    /// Only the calls of which this holds; the program waits meanwhile, so it may also change something first.
    pub fn when(mut self, holds: impl Fn(&Call) -> bool + Send + 'static) -> Self {
        self.when = Box::new(holds);
        self
    }

    /// Tells later how often it struck.
    pub fn hits(&self) -> Hits {
        self.hits.clone()
    }

    /// What becomes of this call; `None`: it is not for this fault.
    fn strikes(&mut self, number: libc::c_int, call: &Call) -> Option<Outcome> {
        if libc::c_long::from(number) != self.call || !(self.when)(call) {
            return None;
        }
        self.seen += 1;
        let over = self
            .times
            .is_some_and(|times| self.seen > self.after + times);
        if self.seen <= self.after || over {
            return None;
        }
        self.hits.0.fetch_add(1, Ordering::SeqCst);
        Some(self.outcome)
    }
}

impl std::fmt::Debug for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "call {} {:?}", self.call, self.outcome)
    }
}

/// Descriptors from here on are not made by programs on their own: that of the hand-over must not be taken for one.
const FAR: RawFd = 900;

/// Starts the thread that decides; the step installs the filter in the child, as the last one before exec().
pub(super) fn supervise(
    faults: Vec<Fault>,
) -> impl FnMut() -> io::Result<()> + Send + Sync + 'static {
    let (ours, theirs) = handover();
    let calls: Vec<_> = faults.iter().map(|fault| fault.call).collect();
    let program = filter(&calls, theirs.as_raw_fd());
    std::thread::spawn(move || {
        if let Some(listener) = take_listener(&ours) {
            decide(&listener, faults);
        }
    });
    move || install(&program, theirs.as_raw_fd())
}

fn handover() -> (OwnedFd, OwnedFd) {
    let mut pair = [0; 2];
    // SAFETY: `pair` has room for both descriptors, which are ours from then on; so is the copy.
    unsafe {
        let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
        checked(libc::socketpair(libc::AF_UNIX, kind, 0, pair.as_mut_ptr())).unwrap();
        let near = OwnedFd::from_raw_fd(pair[1]);
        let far = libc::fcntl(near.as_raw_fd(), libc::F_DUPFD_CLOEXEC, FAR);
        checked(far).unwrap();
        (OwnedFd::from_raw_fd(pair[0]), OwnedFd::from_raw_fd(far))
    }
}

/// Every one of `calls` is asked about, but for those on the descriptor of the hand-over itself.
fn filter(calls: &[libc::c_long], handover: RawFd) -> Vec<libc::sock_filter> {
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
    let mut steps = vec![step(load, 0, 0, 0)];
    for (index, call) in calls.iter().enumerate() {
        let to_ask = (calls.len() - index) as u8;
        steps.push(step(equal, to_ask, 0, *call as u32));
    }
    steps.push(step(answer, 0, 0, libc::SECCOMP_RET_ALLOW));
    steps.push(step(load, 0, 0, first_argument));
    steps.push(step(equal, 0, 1, handover as u32));
    steps.push(step(answer, 0, 0, libc::SECCOMP_RET_ALLOW));
    steps.push(step(answer, 0, 0, libc::SECCOMP_RET_USER_NOTIF));
    steps
}

/// In the child: installs the filter and hands its listener over.
fn install(program: &[libc::sock_filter], handover: RawFd) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: program.len() as u16,
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: `program` points to the live instructions, which the kernel copies during the call.
    let listener = unsafe {
        checked(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const program,
        ) as RawFd
    };
    checked(listener)?;
    let mut control = Control::default();
    let mut byte = 0_u8;
    let mut part = libc::iovec {
        iov_base: (&raw mut byte).cast(),
        iov_len: 1,
    };
    let message = control.message(&mut part);
    // SAFETY: the message and all it points to are live; the control part has room for one descriptor.
    unsafe {
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(size_of::<RawFd>() as u32) as _;
        libc::CMSG_DATA(header)
            .cast::<[u8; 4]>()
            .write(listener.to_ne_bytes());
        let sent = libc::sendmsg(handover, &raw const message, 0);
        checked(sent as libc::c_int)
    }
}

/// Room for one descriptor beside a message.
#[derive(Default)]
#[repr(C, align(8))]
struct Control([u8; 32]);

impl Control {
    fn message(&mut self, part: &mut libc::iovec) -> libc::msghdr {
        // SAFETY: plain data for which all zeros is valid.
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        message.msg_iov = part;
        message.msg_iovlen = 1;
        message.msg_control = self.0.as_mut_ptr().cast();
        // SAFETY: arithmetic only.
        message.msg_controllen = unsafe { libc::CMSG_SPACE(size_of::<RawFd>() as u32) } as _;
        message
    }
}

/// In the test: the listener; `None` when the child never came so far.
fn take_listener(from: &OwnedFd) -> Option<OwnedFd> {
    let mut control = Control::default();
    let mut byte = 0_u8;
    let mut part = libc::iovec {
        iov_base: (&raw mut byte).cast(),
        iov_len: 1,
    };
    let mut message = control.message(&mut part);
    // SAFETY: the message and all it points to are live; a descriptor that came is ours.
    unsafe {
        let flags = libc::MSG_CMSG_CLOEXEC;
        if libc::recvmsg(from.as_raw_fd(), &raw mut message, flags) != 1 {
            return None;
        }
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        if header.is_null() {
            return None;
        }
        let fd = RawFd::from_ne_bytes(libc::CMSG_DATA(header).cast::<[u8; 4]>().read());
        Some(OwnedFd::from_raw_fd(fd))
    }
}

/// Answers every call, until the last process under the filter has ended.
fn decide(listener: &OwnedFd, mut faults: Vec<Fault>) {
    loop {
        let mut ready = libc::pollfd {
            fd: listener.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one live pollfd.
        let polled = unsafe { libc::poll(&raw mut ready, 1, -1) };
        if polled > 0 && ready.revents & libc::POLLIN == 0 {
            return;
        }
        // SAFETY: plain data for which all zeros is valid; the kernel fills the live value.
        let asked = unsafe {
            let mut asked: libc::seccomp_notif = std::mem::zeroed();
            let fd = listener.as_raw_fd();
            let told = libc::ioctl(fd, libc::SECCOMP_IOCTL_NOTIF_RECV as _, &raw mut asked);
            (told == 0).then_some(asked)
        };
        // Whoever asked may have been killed meanwhile.
        let Some(asked) = asked else { continue };
        let call = Call {
            thread: asked.pid,
            arguments: asked.data.args,
        };
        let struck = faults
            .iter_mut()
            .find_map(|fault| fault.strikes(asked.data.nr, &call));
        answer(listener, asked.id, struck);
    }
}

fn answer(listener: &OwnedFd, id: u64, outcome: Option<Outcome>) {
    let (error, val, flags) = match outcome {
        Some(Outcome::Errno(errno)) => (-errno, 0, 0),
        Some(Outcome::Value(value)) => (0, value, 0),
        None => (0, 0, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32),
        Some(Outcome::Hangs) => return,
    };
    let mut answer = libc::seccomp_notif_resp {
        id,
        val,
        error,
        flags,
    };
    let fd = listener.as_raw_fd();
    // SAFETY: a live value of the type that the request takes.
    unsafe { libc::ioctl(fd, libc::SECCOMP_IOCTL_NOTIF_SEND as _, &raw mut answer) };
}
