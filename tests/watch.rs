//! `sockscope watch` in a real pseudo-terminal: what it shows, and how it leaves.
#![allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly and call the kernel directly"
)]

mod common;

use common::terminal::{Start, Terminal};
use common::{Namespace, Run, Scene, eventually, sandbox};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

/// The view in a terminal, when its first look is shown.
fn watching(arguments: &[&str], size: (u16, u16)) -> Terminal {
    let terminal = Start::new(&[&["watch"], arguments].concat(), size).run();
    terminal.until("the first look", is_whole);
    terminal
}

/// A whole screen: title, tabs, counts, keys.
fn is_whole(screen: &str) -> bool {
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

#[test]
fn a_listener_that_is_opened_appears_within_one_interval_and_goes_again() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let terminal = watching(&["listen", "--interval", "2s"], (80, 24));
    terminal.shows("nothing is listening here");
    let listener = TcpListener::bind("127.0.0.1:18080").unwrap();
    let row = |screen: &str| {
        let line = screen.lines().find(|line| line.contains("127.0.0.1:18080"));
        line.map(str::to_owned)
    };
    let patience = Duration::from_secs(2 + 2);
    let screen = terminal.within(patience, "the listener", |screen| row(screen).is_some());
    let line = row(&screen).unwrap();
    let pid = format!(" {} ", std::process::id());
    assert!(
        line.starts_with("+ tcp    127.0.0.1:18080") && line.contains(&pid),
        "{line}"
    );
    drop(listener);
    let is_gone = |screen: &str| row(screen).is_some_and(|line| line.starts_with("- "));
    terminal.within(patience, "the listener, dim", is_gone);
    terminal.until("nothing", |screen| row(screen).is_none());
    terminal.type_in("q");
    terminal.leaves_with(0);
}

#[test]
fn what_waits_after_its_end_keeps_its_owner() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (server, _) = listener.accept().unwrap();
    // The client's side: its own address, then the server's.
    let ends = [client.local_addr().unwrap(), listener.local_addr().unwrap()];
    let ends = ends.map(|end| end.to_string());
    let terminal = watching(&["--interval", "300ms"], (120, 24));
    let row = |screen: &str| {
        let mut lines = screen.lines();
        let line = lines.find(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.windows(2).any(|pair| pair == ends)
        });
        line.unwrap_or_default().to_owned()
    };
    terminal.until("the connection", |screen| {
        row(screen).contains("ESTABLISHED")
    });
    drop(client);
    drop(server);
    let turned = terminal.until("both states", |screen| {
        row(screen).contains("ESTABLISHED → TIME_WAIT")
    });
    let comm = std::fs::read_to_string("/proc/self/comm").unwrap();
    let was = format!("was {} {}", comm.trim(), std::process::id());
    assert!(row(&turned).contains(&was), "{turned}");
    let later = terminal.until("one state", |screen| !row(screen).contains('→'));
    assert!(
        row(&later).contains(" TIME_WAIT ") && row(&later).contains(&was),
        "{later}"
    );
}

#[test]
fn every_tab_every_toggle_and_details_of_real_sockets() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let name = r"--name=\e[2J\xe6\x97\xa5";
    let scenes = [
        Scene::start(&["established", "--count=3"]),
        Scene::start(&["close-wait", "--count=4"]),
        Scene::start(&["comm", name]),
        Scene::start(&["established", "--family=6"]),
    ];
    let pid = scenes[0].pid().to_string();
    let terminal = watching(&["--interval", "200ms"], (100, 30));
    for (key, text) in [
        ("\u{1b}OP", r"\x1b[2J日"),
        ("\u{1b}OS", "tcp_max_tw_buckets"),
        ("\u{1b}OR", "HISTORY"),
        ("\t\t", "rules found nothing wrong"),
        ("\t\t", "STATE"),
        ("4", "[::1]:"),
    ] {
        terminal.type_in(key);
        terminal.shows(text);
    }
    terminal.until("IPv6 alone", |screen| !screen.contains("127.0.0.1:"));
    terminal.type_in("4/state = close_wait and pid > 0");
    let leaks = |screen: &str| {
        let rows = screen.lines().filter(|line| line.contains("CLOSE_WAIT  "));
        rows.count()
    };
    terminal.until("the leaks", |screen| {
        screen.contains("4 rows") && leaks(screen) >= 4
    });
    terminal.type_in("\u{15}stat");
    terminal.shows("there is no name 'stat' at character 1: ^stat");
    terminal.type_in("\u{1b}");
    terminal.until("all again", |screen| !screen.contains("there is no name"));
    terminal.type_in(&format!("/pid = {pid}\r\u{1b}[B\r"));
    let details = terminal.shows("cookie");
    assert!(details.contains(&format!("scene, pid {pid}")), "{details}");
    terminal.type_in("\u{1b}[F");
    let details = terminal.shows("its other sockets");
    // Its ancestors: the test that started the scene is one of them.
    assert!(
        details.contains(&format!(" {}", std::process::id())),
        "{details}"
    );
    terminal.type_in("\u{1b}");
    terminal.until("rows again", |screen| !screen.contains("┌ socket"));
    terminal.type_in("\u{3}");
    terminal.leaves_with(0);
}

#[test]
fn any_size_is_drawn() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established", "--count=30"]);
    let terminal = watching(&["--interval", "60s"], (60, 15));
    for (columns, lines) in [
        (300, 80),
        (60, 15),
        (40, 10),
        (200, 50),
        (41, 200),
        (80, 24),
    ] {
        terminal.resize((columns, lines));
        let fits = |screen: &str| is_whole(screen) && screen.lines().count() == usize::from(lines);
        let screen = terminal.until("a whole screen", fits);
        // Each row once: nothing is left of the screen before.
        let titles = screen.lines().filter(|line| line.starts_with("sockscope "));
        assert_eq!(titles.count(), 1, "{screen}");
        assert_eq!(screen.matches("STATE ").count(), 1, "{screen}");
    }
    for (columns, lines) in [(30, 5), (39, 9), (1, 1), (5, 300)] {
        terminal.resize((columns, lines));
        let notice = format!("{columns}x{lines}");
        terminal.until("the notice", |screen| {
            let text: String = screen.split_whitespace().collect();
            !text.contains("sockscope") && (text.contains(&notice) || columns < 6)
        });
    }
    terminal.resize((80, 24));
    terminal.until("a whole screen", is_whole);
    terminal.type_in("q");
    terminal.leaves_with(0);
}

#[test]
fn a_terminal_without_a_size_is_taken_for_a_usual_one() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let terminal = Start::new(&["watch"], (0, 0)).run();
    let screen = terminal.until("the first look", is_whole);
    assert_eq!(screen.lines().count(), 24);
    terminal.type_in("q");
    terminal.leaves_with(0);
}

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
    let mut start = Start::new(&["--norc", "--noprofile", "--noediting", "-i"], (80, 24));
    start.program = "bash";
    let environment = [("PS1", "ready> ")];
    start.environment = &environment;
    let mut terminal = start.run();
    terminal.shows("ready> ");
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
    // One that is stopped ends at the first word, without coming back first.
    terminal.type_in(&format!("{program} watch\r"));
    terminal.until("the first look", is_whole);
    terminal.type_in("\u{1a}");
    terminal.shows("Stopped");
    let job = format!("/proc/{}", job_of(terminal.pid()));
    terminal.type_in("kill %1\r");
    let is_there = || std::path::Path::new(&job).exists();
    eventually("its end", common::DEADLINE, || (!is_there()).then_some(()));
    terminal.type_in("\r");
    terminal.shows("Terminated");
    terminal.type_in("exit 7\r");
    assert_eq!(terminal.end().code(), Some(7));
    terminal.is_given_back();
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
        let since = Instant::now();
        terminal.hang_up();
        // It looks twice a second; the rest is patience with a busy machine.
        let status = terminal.end_within(Duration::from_secs(4));
        // Where it is hung up, the signal or the failure may come first.
        let is_hung_up = is_controlling && status.signal() == Some(libc::SIGHUP);
        let is_expected = is_hung_up || status.code() == Some(2);
        assert!(is_expected, "{status} after {:?}", since.elapsed());
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
    for columns in [121, 122, 123] {
        terminal.resize((columns, 70));
        std::thread::sleep(Duration::from_millis(300));
    }
    let call = std::fs::read_to_string(format!("/proc/{}/syscall", terminal.pid())).unwrap();
    let write = format!("{} 0x1 ", libc::SYS_write);
    assert!(call.starts_with(&write), "it does not wait: {call}");
    terminal.signal(libc::SIGTERM);
    let status = terminal.end_within(Duration::from_secs(10));
    assert_eq!(status.signal(), Some(libc::SIGTERM), "{status}");
    assert!(!terminal.is_raw());
}

#[test]
fn without_a_terminal_it_is_refused_with_one_hint() {
    for arguments in [
        &["watch"][..],
        &["watch", "listen"],
        &["watch", "state=listen"],
        &["watch", "--by=process"],
    ] {
        let answer = Run::new(arguments).output();
        assert_eq!(
            (answer.code(), answer.stdout.as_str()),
            (2, ""),
            "{answer:?}"
        );
        let lines: Vec<&str> = answer.stderr.lines().collect();
        assert_eq!(lines[0], "sockscope: the live view needs a terminal");
        assert!(
            lines.len() == 2 && lines[1].starts_with("sockscope: hint: "),
            "{lines:?}"
        );
    }
}

#[test]
fn options_mean_something_or_are_refused() {
    for (arguments, told) in [
        (&["-q"][..], "the live view has no -q"),
        (&["-H"], "the live view has no -H"),
        (&["-r"], "the live view has no -r"),
        (&["-v"], "the live view has no -v"),
        (&["-s"], "the live view has no -s"),
        (&["--strict"], "the live view has no --strict"),
        (&["--json"], "the live view is for people"),
        (&["--format=csv"], "the live view is for people"),
        (&["--interval=10ms"], "looks are at least 100 ms apart"),
        (&["states", "--sort=local"], "--sort orders sockets"),
        (&["--by=port", "--sort=local"], "--sort orders sockets"),
        (&["--sort=nope"], "there is no column 'nope'"),
        (&["--columns=nope"], "there is no column 'nope'"),
        (&["doctor", "--by=port"], "findings are in no groups"),
        (&["--no-owners", "--by=unit"], "need owners"),
        (
            &["--no-owners", "pid=1"],
            "a filter by process needs owners",
        ),
        (&["stats"], "views are: listen"),
        (&["state=nope"], "'nope' is not a state"),
    ] {
        let answer = Run::new(&["watch"]).args(arguments).output();
        assert_eq!(answer.code(), 2, "{answer:?}");
        let is_quiet = arguments == ["-q"];
        assert!(
            is_quiet || answer.stderr.contains(told),
            "{arguments:?} {}",
            answer.stderr
        );
        assert!(answer.stderr.lines().count() <= 2, "{}", answer.stderr);
    }
}

#[test]
fn options_shape_what_is_shown() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [
        Scene::start(&["established", "--count=3", "--port=20001"]),
        Scene::start(&["udp-connected"]),
        Scene::start(&["established", "--family=6", "--port=20002"]),
    ];
    let screen = |arguments: &[&str], text: &str| {
        let terminal = watching(arguments, (150, 30));
        let screen = terminal.shows(text);
        terminal.type_in("q");
        terminal.leaves_with(0);
        screen
    };
    let all = screen(&[], "ESTABLISHED ");
    assert!(all.contains("udp ") && all.contains("[::1]:20002"), "{all}");
    let tcp = screen(&["-t", "-4"], "ESTABLISHED ");
    assert!(!tcp.contains("udp ") && !tcp.contains("[::1]"), "{tcp}");
    assert!(tcp.contains("6 rows") && tcp.contains("tcp ipv4"), "{tcp}");
    let listening = screen(&["-t", "-a"], "LISTEN  ");
    assert!(listening.contains("10 rows"), "{listening}");
    let limited = screen(&["-t", "--limit=2", "--sort=-lport"], "2 of ");
    assert!(
        limited.contains("order: lport, reversed") && limited.contains("LPORT"),
        "{limited}"
    );
    let added = screen(&["--columns=+rtt"], "RTT");
    assert!(added.contains("IN/s") && added.contains("PEER"), "{added}");
    let exact = screen(&["--columns=pport,state"], "PPORT");
    assert!(
        !exact.contains("IN/s") && !exact.contains("LOCAL"),
        "{exact}"
    );
    let nobody = screen(&["--no-owners"], "ESTABLISHED ");
    assert!(
        !nobody.contains("PROCESS") && !nobody.contains("scene"),
        "{nobody}"
    );
    let listeners = screen(&["-tl"], "QUEUE");
    assert!(
        listeners.contains(":20001") && listeners.contains("2 rows"),
        "{listeners}"
    );
    let users = screen(&["--by=user"], "USER");
    assert!(users.contains("  root "), "{users}");
    let plain = watching(&["--color=never"], (80, 24));
    assert!(!plain.written().contains("[31m") && !plain.written().contains("38;5;"));
}
