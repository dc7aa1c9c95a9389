//! `sockscope watch` leaves the terminal as it was, on every way out, and comes back from a stop.
#![allow(unsafe_code, reason = "they call the kernel directly")]

use common::terminal::{Start, Terminal, is_whole, watching};
use common::{Namespace, Scene, eventually, sandbox};
use std::os::unix::process::ExitStatusExt;
use std::thread::sleep;
use std::time::Duration;

#[test]
fn keys_leave_with_success() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    for keys in ["q", "\u{3}", "?\u{3}", "/x\u{3}", "?qq"] {
        let terminal = watching(&[], (80, 24));
        assert!(terminal.is_raw());
        terminal.type_in(keys);
        terminal.leaves_with(0);
    }
}

#[test]
fn a_signal_is_died_of_with_the_terminal_given_back() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT] {
        let terminal = watching(&[], (80, 24));
        terminal.signal(signal);
        terminal.dies_of(signal);
    }
}

#[test]
fn a_panic_of_any_thread_gives_the_terminal_back_before_it_is_told() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    if !cfg!(debug_assertions) {
        return;
    }
    for thread in ["draw", "feed"] {
        let mut start = Start::new(&["watch", "--interval=100ms"], (100, 24));
        let environment = [("SOCKSCOPE_TEST_PANIC", thread), ("RUST_BACKTRACE", "0")];
        start.environment = &environment;
        let screen = start.run().dies_of(libc::SIGABRT);
        let told = format!("SOCKSCOPE_TEST_PANIC={thread} asks for it");
        assert!(
            screen.contains("panicked at") && screen.contains(&told),
            "{screen}"
        );
        assert!(!screen.contains("opened"), "{screen}");
    }
}

#[test]
fn a_first_look_that_fails_is_told_on_the_terminal_as_it_was() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let mut start = Start::new(&["watch", "--collector=netlink"], (100, 24));
    start.steps.push(Box::new(sandbox::no_netlink(libc::EPERM)));
    let screen = start.run().leaves_with(2);
    assert!(screen.starts_with("sockscope: "), "{screen}");
    assert!(screen.contains("Operation not permitted"), "{screen}");
}

#[test]
fn ctrl_z_stops_the_job_of_a_shell_and_fg_brings_it_back() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let mut terminal = shell();
    let program = env!("CARGO_BIN_EXE_sockscope");
    for way in ["\u{1a}", "signal"] {
        terminal.type_in(&format!("{program} watch --interval 200ms\r"));
        terminal.until("the first look", is_whole);
        if way == "signal" {
            let pid = job_of(terminal.pid());
            // SAFETY: no pointer is passed; the job is the child of our child, the shell.
            unsafe { libc::kill(pid, libc::SIGTSTP) };
        } else {
            terminal.type_in(way);
        }
        // The shell tells it, on the screen as it was.
        terminal.until("the shell", |s| {
            s.contains("Stopped") && s.trim_end().ends_with("ready>")
        });
        terminal.is_given_back();
        terminal.type_in("fg\r");
        terminal.until("the view again", is_whole);
        eventually("raw again", common::DEADLINE, || {
            terminal.is_raw().then_some(())
        });
        terminal.type_in("q");
        terminal.until("the shell", |s| {
            !is_whole(s) && s.trim_end().ends_with("ready>")
        });
        terminal.is_given_back();
        terminal.type_in("echo code=$?; clear\r");
        eventually("the code", common::DEADLINE, || {
            terminal.written().contains("\ncode=0").then_some(())
        });
        terminal.until("a clear screen", |screen| screen.trim() == "ready>");
    }
    terminal.type_in("exit 7\r");
    assert_eq!(terminal.end().code(), Some(7));
}

/// One that is stopped ends at the first word, without coming back first.
#[test]
fn kill_ends_a_stopped_job() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let mut terminal = shell();
    let program = env!("CARGO_BIN_EXE_sockscope");
    terminal.type_in(&format!("{program} watch\r"));
    terminal.until("the first look", is_whole);
    terminal.type_in("\u{1a}");
    terminal.shows("Stopped");
    let job = format!("/proc/{}/stat", job_of(terminal.pid()));
    terminal.type_in("kill %1\r");
    let is_there = || std::fs::read_to_string(&job).is_ok_and(|stat| !stat.contains(") Z "));
    eventually("its end", common::DEADLINE, || (!is_there()).then_some(()));
    // bash misses the end of a stopped job now and then, whichever program it was, until it waits
    // for its next child.
    eventually("the word of the shell", common::DEADLINE, || {
        terminal.type_in("/bin/true\r");
        sleep(Duration::from_millis(100));
        terminal.written().contains("Terminated").then_some(())
    });
    terminal.type_in("exit 7\r");
    assert_eq!(terminal.end().code(), Some(7));
    terminal.is_given_back();
}

/// A shell with jobs, which has said that it is ready.
fn shell() -> Terminal {
    let mut start = Start::new(&["--norc", "--noprofile", "--noediting", "-i"], (80, 24));
    start.program = "bash".into();
    let environment = [("PS1", "ready> ")];
    start.environment = &environment;
    let terminal = start.run();
    terminal.shows("ready> ");
    terminal
}

/// The only child of a shell.
fn job_of(shell: u32) -> libc::pid_t {
    let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children"));
    children.unwrap().trim().parse().unwrap()
}

#[test]
fn what_nobody_could_let_go_on_is_not_stopped() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    // The first program of a terminal, as with `ssh -t host sockscope watch`.
    let terminal = watching(&["--interval", "100ms"], (80, 24));
    terminal.type_in("\u{1a}");
    eventually("left and entered", common::DEADLINE, || {
        (terminal.written().matches("\u{1b}[?1049h").count() >= 2).then_some(())
    });
    terminal.until("a whole screen", is_whole);
    assert!(!terminal.is_stopped());
    terminal.type_in("q");
    terminal.leaves_with(0);
}

#[test]
fn stopped_from_outside_it_takes_the_terminal_again() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let terminal = watching(&["--interval", "60s"], (80, 24));
    terminal.signal(libc::SIGSTOP);
    eventually("stopped", common::DEADLINE, || {
        terminal.is_stopped().then_some(())
    });
    terminal.set_first_mode();
    assert!(!terminal.is_raw());
    let before = terminal.written().len();
    terminal.signal(libc::SIGCONT);
    eventually("raw again", common::DEADLINE, || {
        terminal.is_raw().then_some(())
    });
    eventually("a whole frame", common::DEADLINE, || {
        let written = terminal.written();
        let since = &written[before..];
        (since.contains("\u{1b}[?1049h") && since.contains("sockscope")).then_some(())
    });
    terminal.until("a whole screen", is_whole);
    terminal.type_in("q");
    terminal.leaves_with(0);
}

#[test]
fn a_terminal_that_is_gone_ends_it() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    for (is_controlling, keys) in [(true, ""), (false, ""), (false, "p"), (false, "--")] {
        let mut start = Start::new(&["watch"], (80, 24));
        start.is_controlling = is_controlling;
        let mut terminal = start.run();
        terminal.until("the first look", is_whole);
        terminal.type_in(keys);
        terminal.hang_up();
        let status = terminal.end();
        // Where it is hung up, the signal or the failure may come first.
        let is_hung_up = is_controlling && status.signal() == Some(libc::SIGHUP);
        let is_expected = is_hung_up || status.code() == Some(2);
        assert!(is_expected, "{status}");
    }
}

#[test]
fn a_signal_ends_what_waits_for_a_terminal_that_takes_nothing() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established", "--count=60"]);
    let mut terminal = watching(&["--interval", "100ms"], (120, 70));
    terminal.stop_reading();
    // More frames than the terminal holds: the program waits.
    let write = format!("{} 0x1 ", libc::SYS_write);
    let mut columns = (121..200).cycle();
    eventually("it waits to write", common::DEADLINE, || {
        let call = || std::fs::read_to_string(format!("/proc/{}/syscall", terminal.pid())).unwrap();
        let is_writing = || call().starts_with(&write);
        if !is_writing() {
            terminal.resize((columns.next().unwrap(), 70));
        }
        std::thread::sleep(Duration::from_millis(100));
        // Twice: a write that goes on is over by then.
        (is_writing() && {
            std::thread::sleep(Duration::from_millis(100));
            is_writing()
        })
        .then_some(())
    });
    terminal.signal(libc::SIGTERM);
    let status = terminal.end();
    assert_eq!(status.signal(), Some(libc::SIGTERM), "{status}");
    assert!(!terminal.is_raw());
}
