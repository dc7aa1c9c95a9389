//! The one place where tests make processes: each starts as if from a fresh login, whoever started the tests.

use super::{DEADLINE, checked};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The soft limit on descriptors that a login has.
const USUAL_FILES: libc::rlim_t = 1024;

/// One fork at a time, so that no child holds, until its exec, what belongs to another one.
static FORK: Mutex<()> = Mutex::new(());

/// Makes a process whose signals, mask and limits are the usual ones, whatever the tests inherited.
///
/// It must be called before other steps are put between fork and exec: those may want a signal ignored.
pub fn as_usual(command: &mut Command) -> &mut Command {
    // SAFETY: system calls only, on memory that is live in the child.
    unsafe { command.pre_exec(usual) }
}

/// Keeps all forks away while something is made that no other child may inherit.
pub fn without_forks<T>(make: impl FnOnce() -> T) -> T {
    let _alone = FORK.lock().unwrap_or_else(PoisonError::into_inner);
    make()
}

/// Starts a command; returns once it has become its program.
pub fn spawn(command: &mut Command) -> io::Result<Child> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    without_forks(|| command.spawn())
}

/// nohup ignores SIGHUP, a shell's background jobs SIGINT and SIGQUIT: that goes through exec, and so do
/// the mask, the umask and the limits.
fn usual() -> io::Result<()> {
    // SAFETY: all pointers are to live locals; signals that cannot be set are refused without effect.
    unsafe {
        for signal in 1..=libc::SIGRTMAX() {
            libc::signal(signal, libc::SIG_DFL);
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        checked(libc::sigemptyset(&raw mut none))?;
        checked(libc::sigprocmask(
            libc::SIG_SETMASK,
            &raw const none,
            std::ptr::null_mut(),
        ))?;
        libc::umask(0o022);
        let mut files: libc::rlimit = std::mem::zeroed();
        checked(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut files))?;
        files.rlim_cur = files.rlim_max.min(USUAL_FILES);
        checked(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const files))
    }
}

/// Waits for the end of a child; `None` after the deadline, when it has been killed.
pub fn ended(child: &mut Child) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < DEADLINE {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        sleep(Duration::from_millis(1));
    }
    stop(child);
    None
}

/// Waits for the end of a child, which must come before the deadline.
#[track_caller]
pub fn end(child: &mut Child) -> ExitStatus {
    ended(child).unwrap_or_else(|| panic!("a child did not end within {DEADLINE:?}"))
}

/// Kills a child, whatever it does.
pub fn stop(child: &mut Child) {
    let _ = child.kill();
    #[expect(clippy::disallowed_methods, reason = "a killed child ends")]
    let _ = child.wait();
}

/// Sends a signal to a process.
pub fn signal(pid: u32, signal: i32) {
    // SAFETY: kill(2) takes two integers.
    super::checked(unsafe { libc::kill(pid.cast_signed(), signal) }).unwrap();
}
