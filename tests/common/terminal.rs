//! The program on a pseudo-terminal that a terminal emulator watches.

use super::{DEADLINE, checked, eventually, program, spawn};
use std::fs::File;
use std::io::{self, Read, Write};
use std::num::NonZeroU16;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

/// Columns and lines.
pub type Size = (u16, u16);

/// Something to do between fork and exec.
pub type Step = Box<dyn FnMut() -> io::Result<()> + Send + Sync>;

/// What is to run, and how.
pub struct Start<'a> {
    pub program: PathBuf,
    pub arguments: &'a [&'a str],
    pub size: Size,
    pub environment: &'a [(&'a str, &'a str)],
    /// Whether the terminal is the one of its session: then its end is a SIGHUP.
    pub is_controlling: bool,
    pub steps: Vec<Step>,
}

impl<'a> Start<'a> {
    /// `sockscope` with these arguments on a terminal of this size.
    pub fn new(arguments: &'a [&'a str], size: Size) -> Self {
        Self {
            program: program(),
            arguments,
            size,
            environment: &[],
            is_controlling: true,
            steps: Vec::new(),
        }
    }

    pub fn run(self) -> Terminal {
        Terminal::start(self)
    }
}

/// What the emulator has seen.
struct Seen {
    parser: vt100::Parser,
    bytes: Vec<u8>,
}

/// A terminal with a program on it; dropping it ends the program.
pub struct Terminal {
    person: Option<Arc<File>>,
    child: Child,
    seen: Arc<Mutex<Seen>>,
    reader: Option<JoinHandle<()>>,
    /// Set: the reader stops reading, and lets go of the terminal.
    is_deaf: Arc<AtomicBool>,
    before: Mode,
}

/// The mode of a terminal, as far as tcsetattr sets it.
#[derive(Debug, PartialEq, Eq)]
pub struct Mode([libc::tcflag_t; 4], [libc::cc_t; libc::NCCS]);

fn termios(of: &File) -> libc::termios {
    // SAFETY: termios is plain data, and the pointer is to a live local.
    unsafe {
        let mut mode: libc::termios = std::mem::zeroed();
        checked(libc::tcgetattr(of.as_raw_fd(), &raw mut mode)).unwrap();
        mode
    }
}

fn mode(of: &File) -> Mode {
    let mode = termios(of);
    let flags = [mode.c_iflag, mode.c_oflag, mode.c_cflag, mode.c_lflag];
    Mode(flags, mode.c_cc)
}

fn winsize((columns, lines): Size) -> libc::winsize {
    libc::winsize {
        ws_row: lines,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

/// Lines and columns of the emulator, which is a usual one where the terminal tells no size.
fn room((columns, lines): Size) -> (NonZeroU16, NonZeroU16) {
    let or = |told, usual| NonZeroU16::new(told).unwrap_or(NonZeroU16::new(usual).unwrap());
    (or(lines, 24), or(columns, 80))
}

fn open(size: Size) -> (File, OwnedFd) {
    let (mut person, mut program) = (-1, -1);
    let mut size = winsize(size);
    // SAFETY: the pointers are to live locals or null, as openpty allows; both descriptors are new and ours.
    unsafe {
        checked(libc::openpty(
            &raw mut person,
            &raw mut program,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            &raw mut size,
        ))
        .unwrap();
        for fd in [person, program] {
            checked(libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC)).unwrap();
        }
        (File::from_raw_fd(person), OwnedFd::from_raw_fd(program))
    }
}

/// Reads until the other side is gone or nobody wants to know any more.
fn watch(person: &File, seen: &Mutex<Seen>, is_deaf: &AtomicBool) {
    let mut some = [0; 16 * 1024];
    while !is_deaf.load(Ordering::SeqCst) {
        let mut ready = libc::pollfd {
            fd: person.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one live pollfd.
        if unsafe { libc::poll(&raw mut ready, 1, 20) } < 1 {
            continue;
        }
        let mut person = person;
        // What has left the terminal has been processed, to whoever has the lock.
        let mut seen = seen.lock().unwrap();
        // The other side gone is EIO here, not the end of a file.
        let Ok(count @ 1..) = person.read(&mut some) else {
            return;
        };
        seen.parser.process(&some[..count]);
        seen.bytes.extend_from_slice(&some[..count]);
    }
}

impl Terminal {
    fn start(start: Start<'_>) -> Self {
        // A child of another test that had a side of it would keep it from ever hanging up.
        let (person, program) = spawn::without_forks(|| open(start.size));
        let before = mode(&person);
        let mut command = Command::new(start.program);
        spawn::as_usual(&mut command);
        for name in [
            "NO_COLOR",
            "CLICOLOR",
            "CLICOLOR_FORCE",
            "FORCE_COLOR",
            "COLUMNS",
            "LINES",
        ] {
            command.env_remove(name);
        }
        command
            .env("TERM", "xterm-256color")
            .env("XDG_CONFIG_HOME", "/dev/null")
            .envs(start.environment.iter().copied())
            .args(start.arguments)
            .stdin(Stdio::from(program.try_clone().unwrap()))
            .stdout(Stdio::from(program.try_clone().unwrap()))
            .stderr(Stdio::from(program));
        let is_controlling = start.is_controlling;
        // SAFETY: system calls only, on descriptor 0 which is the terminal by then.
        unsafe {
            command.pre_exec(move || {
                checked(libc::setsid())?;
                if is_controlling {
                    checked(libc::ioctl(0, libc::TIOCSCTTY as _, 0))?;
                }
                Ok(())
            });
            for step in start.steps {
                command.pre_exec(step);
            }
        }
        let child = spawn::spawn(&mut command).unwrap();
        // The command holds the program's side too.
        drop(command);
        let (lines, columns) = room(start.size);
        let seen = Arc::new(Mutex::new(Seen {
            parser: vt100::Parser::new(lines, columns, 0),
            bytes: Vec::new(),
        }));
        let person = Arc::new(person);
        let is_deaf = Arc::new(AtomicBool::new(false));
        let reader = {
            let (person, seen, is_deaf) = (person.clone(), seen.clone(), is_deaf.clone());
            std::thread::spawn(move || watch(&person, &seen, &is_deaf))
        };
        Self {
            person: Some(person),
            child,
            seen,
            reader: Some(reader),
            is_deaf,
            before,
        }
    }

    fn person(&self) -> &File {
        self.person.as_ref().unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What stands on the screen.
    pub fn screen(&self) -> String {
        self.seen.lock().unwrap().parser.screen().contents()
    }

    /// What stands on the screen, as a picture.
    pub fn picture(&self, title: &str) -> String {
        super::picture::svg(self.seen.lock().unwrap().parser.screen(), title)
    }

    /// Writes over what stands on the screen, without the program.
    pub fn write_over(&self, bytes: &[u8]) {
        self.seen.lock().unwrap().parser.process(bytes);
    }

    /// Everything that was ever written.
    pub fn written(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap().bytes).into_owned()
    }

    /// Waits until the screen is as wanted, and returns it.
    pub fn until(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        self.within(DEADLINE, what, is_so)
    }

    pub fn within(&self, time: Duration, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let last = std::cell::RefCell::new(String::new());
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eventually(what, time, || {
                // Half a frame says what never was.
                let is_idle = self.is_idle();
                let screen = self.screen();
                last.borrow_mut().clone_from(&screen);
                (is_idle && is_so(&screen)).then_some(screen)
            })
        }));
        found.unwrap_or_else(|_| panic!("{what}: the screen was\n{}", last.borrow()))
    }

    /// Whether the program waits for something else than the terminal, and all that it wrote has been taken.
    fn is_idle(&self) -> bool {
        let call = std::fs::read_to_string(format!("/proc/{}/syscall", self.child.id()));
        let call = call.unwrap_or_default();
        let number = call.split_whitespace().next();
        let mut waiting: libc::c_int = 0;
        if let Some(person) = &self.person {
            // SAFETY: FIONREAD writes one live int.
            unsafe { libc::ioctl(person.as_raw_fd(), libc::FIONREAD, &raw mut waiting) };
        }
        let write = libc::SYS_write.to_string();
        number != Some("running") && number != Some(write.as_str()) && waiting == 0
    }

    pub fn shows(&self, text: &str) -> String {
        self.until(text, |screen| screen.contains(text))
    }

    pub fn type_in(&self, keys: &str) {
        let mut person = self.person();
        person.write_all(keys.as_bytes()).unwrap();
    }

    pub fn resize(&self, size: Size) {
        {
            let mut seen = self.seen.lock().unwrap();
            let (lines, columns) = room(size);
            seen.parser.screen_mut().set_size(lines, columns);
        }
        let size = winsize(size);
        // SAFETY: the pointer is to a live local. The kernel sends the SIGWINCH.
        unsafe {
            checked(libc::ioctl(
                self.person().as_raw_fd(),
                libc::TIOCSWINSZ as _,
                &raw const size,
            ))
            .unwrap();
        }
    }

    pub fn signal(&self, signal: i32) {
        let pid = libc::pid_t::try_from(self.child.id()).unwrap();
        // SAFETY: no pointer is passed; the pid is our own unreaped child.
        checked(unsafe { libc::kill(pid, signal) }).unwrap();
    }

    /// Sets the mode that the terminal had at first: what a shell does to one that it takes back.
    pub fn set_first_mode(&self) {
        let mut mode = termios(self.person());
        [mode.c_iflag, mode.c_oflag, mode.c_cflag, mode.c_lflag] = self.before.0;
        mode.c_cc = self.before.1;
        // SAFETY: the pointer is to a live local.
        unsafe {
            let fd = self.person().as_raw_fd();
            checked(libc::tcsetattr(fd, libc::TCSANOW, &raw const mode)).unwrap();
        }
    }

    pub fn is_raw(&self) -> bool {
        let canonical = termios(self.person()).c_lflag & (libc::ICANON | libc::ECHO);
        canonical == 0
    }

    /// Whether the program is stopped, as /proc has it.
    pub fn is_stopped(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        stat.rsplit_once(") ").unwrap().1.starts_with('T')
    }

    /// Nobody reads what the program writes from now on.
    pub fn stop_reading(&mut self) {
        self.is_deaf.store(true, Ordering::SeqCst);
        self.reader.take().unwrap().join().unwrap();
    }

    /// The terminal is gone.
    pub fn hang_up(&mut self) {
        self.stop_reading();
        let person = self.person.take().unwrap();
        drop(Arc::into_inner(person).expect("the reader has let go"));
    }

    /// Waits for the program's end.
    pub fn end(&mut self) -> ExitStatus {
        self.end_within(DEADLINE)
    }

    pub fn end_within(&mut self, time: Duration) -> ExitStatus {
        let child = &mut self.child;
        let status = eventually("the end of the program", time, || child.try_wait().unwrap());
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        status
    }

    /// Ends with this code, and the terminal is as it was.
    pub fn leaves_with(mut self, code: i32) -> String {
        let status = self.end();
        assert_eq!(status.code(), Some(code), "{status} {}", self.screen());
        self.is_given_back();
        self.screen()
    }

    /// Dies of this signal, and the terminal is as it was.
    pub fn dies_of(mut self, signal: i32) -> String {
        let status = self.end();
        assert_eq!(status.signal(), Some(signal), "{status} {}", self.screen());
        self.is_given_back();
        self.screen()
    }

    /// The mode is as before, the alternate screen was left, then the cursor shown, and nothing
    /// but text was written since.
    pub fn is_given_back(&self) {
        assert_eq!(mode(self.person()), self.before);
        let written = self.written();
        let last = |code: &str| written.rfind(code).unwrap_or_else(|| panic!("no {code:?}"));
        let (enter, leave) = (last("\u{1b}[?1049h"), last("\u{1b}[?1049l"));
        let (hide, show) = (last("\u{1b}[?25l"), last("\u{1b}[?25h"));
        assert!(enter < leave && leave < show && hide < leave, "{written:?}");
        let seen = self.seen.lock().unwrap();
        let screen = seen.parser.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor());
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        spawn::stop(&mut self.child);
        self.is_deaf.store(true, Ordering::SeqCst);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        sleep(Duration::ZERO);
    }
}

/// The view in a terminal, when its first look is shown.
pub fn watching(arguments: &[&str], size: (u16, u16)) -> Terminal {
    let terminal = Start::new(&[&["watch"], arguments].concat(), size).run();
    terminal.until("the first look", is_whole);
    terminal
}

/// A whole screen: title, tabs, counts, keys.
pub fn is_whole(screen: &str) -> bool {
    let lines: Vec<&str> = screen.lines().collect();
    lines
        .first()
        .is_some_and(|line| line.starts_with("sockscope "))
        && screen.contains(" listen  conns  states  buildup  doctor")
        && screen.contains("opened")
        && lines
            .last()
            .is_some_and(|line| line.starts_with("q leave") && line.contains(" row"))
        && !screen.contains("looking ...")
}
