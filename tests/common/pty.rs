//! A pseudo-terminal with a program on it, as a person sits before it.

use super::{DEADLINE, checked, eventually, spawn};
use std::cell::Cell;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};

/// A new pseudo-terminal: the side of the person, and that of the program.
pub fn terminal(rows: u16, columns: u16) -> (File, OwnedFd) {
    // A child of another test that had a side of it would keep it from ever hanging up.
    spawn::without_forks(|| open(rows, columns))
}

fn open(rows: u16, columns: u16) -> (File, OwnedFd) {
    let (mut person, mut program) = (-1, -1);
    let mut size = window(rows, columns);
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

const fn window(rows: u16, columns: u16) -> libc::winsize {
    libc::winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

/// The program on a terminal of its own, which controls it: keys make signals, as they do for a person.
#[derive(Debug)]
pub struct Seat {
    child: Child,
    person: Option<File>,
    /// Kept open, so that what the program left behind can be asked for.
    program: OwnedFd,
    seen: Arc<Mutex<Vec<u8>>>,
    /// How much of it has been looked at.
    looked: Cell<usize>,
}

impl Seat {
    pub fn start(rows: u16, columns: u16, arguments: &[&str]) -> Self {
        Self::start_with(rows, columns, arguments, &[])
    }

    /// The same with these variables.
    pub fn start_with(
        rows: u16,
        columns: u16,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let (person, program) = terminal(rows, columns);
        let mut command = Command::new(super::program());
        spawn::as_usual(&mut command);
        for name in [
            "NO_COLOR",
            "CLICOLOR",
            "CLICOLOR_FORCE",
            "FORCE_COLOR",
            "COLUMNS",
        ] {
            command.env_remove(name);
        }
        command
            .env("TERM", "xterm-256color")
            .env("XDG_CONFIG_HOME", "/dev/null")
            .envs(variables.iter().copied())
            .args(arguments)
            .stdin(program.try_clone().unwrap())
            .stdout(program.try_clone().unwrap())
            .stderr(program.try_clone().unwrap());
        let fd = program.as_raw_fd();
        // SAFETY: system calls only, on a descriptor that is open until exec.
        unsafe {
            command.pre_exec(move || {
                checked(libc::setsid())?;
                checked(libc::ioctl(fd, libc::TIOCSCTTY, 0))
            });
        }
        let child = spawn::spawn(&mut command).unwrap();
        let seen = Arc::<Mutex<Vec<u8>>>::default();
        let (tell, mut reader) = (Arc::clone(&seen), person.try_clone().unwrap());
        std::thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut some) {
                tell.lock().unwrap().extend_from_slice(&some[..count]);
            }
        });
        Self {
            child,
            person: Some(person),
            program,
            seen,
            looked: Cell::new(0),
        }
    }

    pub fn pid(&self) -> libc::pid_t {
        self.child.id() as libc::pid_t
    }

    /// All that was written so far.
    pub fn seen(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    fn bytes(&self) -> Vec<u8> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until this holds for what is on the screen.
    #[track_caller]
    pub fn until(&self, what: &str, holds: impl Fn(&Screen) -> bool) -> Screen {
        let mut last = None;
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eventually(what, DEADLINE, || {
                let seen = self.bytes();
                let screen = Screen::of(&String::from_utf8_lossy(&seen));
                let found = holds(&screen);
                self.looked.set(seen.len());
                last = Some(screen);
                found.then_some(())
            });
        }));
        let screen = last.unwrap();
        assert!(found.is_ok(), "never {what}: {screen:#?}");
        screen
    }

    /// The first frame since the last look at the screen of which this holds: none is too short to be seen.
    #[track_caller]
    pub fn passes(&self, what: &str, holds: impl Fn(&Screen) -> bool) -> Screen {
        eventually(what, DEADLINE, || {
            let seen = self.bytes();
            // A frame ends where the next one begins.
            let is_end = |at: &usize| seen[*at..].starts_with(b"\x1b[H");
            let ends = (self.looked.get() + 1..seen.len()).filter(is_end);
            for end in ends.chain([seen.len()]) {
                let screen = Screen::of(&String::from_utf8_lossy(&seen[..end]));
                if holds(&screen) {
                    self.looked.set(end);
                    return Some(screen);
                }
            }
            None
        })
    }

    pub fn type_keys(&self, keys: &[u8]) {
        self.person.as_ref().unwrap().write_all(keys).unwrap();
    }

    pub fn resize(&self, rows: u16, columns: u16) {
        let size = window(rows, columns);
        let fd = self.person.as_ref().unwrap().as_raw_fd();
        // SAFETY: the pointer is to a live winsize.
        checked(unsafe { libc::ioctl(fd, libc::TIOCSWINSZ, &raw const size) }).unwrap();
    }

    pub fn signal(&self, signal: libc::c_int) {
        // SAFETY: a plain system call; the child is ours and not yet waited for.
        checked(unsafe { libc::kill(self.pid(), signal) }).unwrap();
    }

    /// Pulls the plug.
    pub fn hang_up(&mut self) {
        // The reader's clone keeps the terminal open, so the hangup is asked for.
        // SAFETY: no pointer is passed.
        unsafe { libc::ioctl(self.program.as_raw_fd(), libc::TIOCVHANGUP) };
        self.person = None;
    }

    /// The letter for what the process does now: S sleeping, T stopped.
    pub fn does(&self) -> char {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        stat.rsplit_once(") ").unwrap().1.chars().next().unwrap()
    }

    /// Whether lines are edited and keys are shown: what a shell expects.
    pub fn is_as_found(&self) -> bool {
        // SAFETY: termios is plain data, and the pointer is to a live one.
        let modes = unsafe {
            let mut modes: libc::termios = std::mem::zeroed();
            checked(libc::tcgetattr(self.program.as_raw_fd(), &raw mut modes)).unwrap();
            modes
        };
        let expected = libc::ICANON | libc::ECHO | libc::ISIG;
        modes.c_lflag & expected == expected
    }

    /// Waits for the end.
    pub fn ended(&mut self) -> ExitStatus {
        eventually("the end on the terminal", DEADLINE, || {
            self.child.try_wait().unwrap()
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        spawn::stop(&mut self.child);
    }
}

/// What stands on a terminal after some output: enough of one for what the program writes.
#[derive(Debug, Default)]
pub struct Screen {
    /// The alternate screen is shown.
    pub is_alternate: bool,
    /// The cursor is shown.
    pub has_cursor: bool,
    /// The lines of the screen that is shown, without colours.
    pub lines: Vec<String>,
    /// The same with their colours.
    pub coloured: Vec<String>,
}

impl Screen {
    pub fn of(output: &str) -> Self {
        let mut screen = Self {
            has_cursor: true,
            ..Self::default()
        };
        let mut usual: (Vec<String>, Vec<String>) = Default::default();
        let mut row = 0;
        let mut rest = output;
        let reach = |screen: &mut Self, row: usize| {
            while screen.lines.len() <= row {
                screen.lines.push(String::new());
                screen.coloured.push(String::new());
            }
        };
        while !rest.is_empty() {
            reach(&mut screen, row);
            if let Some(after) = rest.strip_prefix("\u{1b}[") {
                let Some(end) = after.find(|c: char| c.is_ascii_alphabetic()) else {
                    break;
                };
                let (sequence, after) = after.split_at(end + 1);
                rest = after;
                match sequence {
                    "?1049h" => {
                        screen.is_alternate = true;
                        usual = (
                            std::mem::take(&mut screen.lines),
                            std::mem::take(&mut screen.coloured),
                        );
                        row = 0;
                    }
                    "?1049l" => {
                        // Leaving twice leaves nothing more.
                        if std::mem::take(&mut screen.is_alternate) {
                            (screen.lines, screen.coloured) = std::mem::take(&mut usual);
                            row = screen.lines.len().saturating_sub(1);
                        }
                    }
                    "?25l" => screen.has_cursor = false,
                    "?25h" => screen.has_cursor = true,
                    "H" => {
                        row = 0;
                        // The next text overwrites from the start of the line.
                        reach(&mut screen, 0);
                        screen.lines[0].clear();
                        screen.coloured[0].clear();
                    }
                    "2J" => {
                        screen.lines.clear();
                        screen.coloured.clear();
                    }
                    "J" => {
                        screen.lines.truncate(row + 1);
                        screen.coloured.truncate(row + 1);
                    }
                    "K" | "?7l" | "?7h" => {}
                    colour if colour.ends_with('m') => {
                        screen.coloured[row].push_str("\u{1b}[");
                        screen.coloured[row].push_str(colour);
                    }
                    other => panic!("an unknown sequence {other:?}"),
                }
                continue;
            }
            let character = rest.chars().next().unwrap();
            rest = &rest[character.len_utf8()..];
            match character {
                '\r' => {}
                '\n' => {
                    row += 1;
                    reach(&mut screen, row);
                    screen.lines[row].clear();
                    screen.coloured[row].clear();
                }
                '\u{1b}' => break,
                character => {
                    screen.lines[row].push(character);
                    screen.coloured[row].push(character);
                }
            }
        }
        screen
    }

    pub fn has(&self, text: &str) -> bool {
        self.lines.iter().any(|line| line.contains(text))
    }

    /// The line that has this text.
    pub fn line(&self, text: &str) -> Option<&str> {
        let mut lines = self.lines.iter();
        lines.find(|line| line.contains(text)).map(String::as_str)
    }
}
