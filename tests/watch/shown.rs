//! `sockscope watch` in a real pseudo-terminal: what it shows.

use common::terminal::{Start, is_whole, watching};
use common::{Namespace, Run, Scene};
use std::net::{TcpListener, TcpStream};

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
    let screen = terminal.until("the listener", |screen| row(screen).is_some());
    let line = row(&screen).unwrap();
    let pid = format!(" {} ", std::process::id());
    assert!(
        line.starts_with("+ tcp    127.0.0.1:18080") && line.contains(&pid),
        "{line}"
    );
    drop(listener);
    let is_gone = |screen: &str| row(screen).is_some_and(|line| line.starts_with("- "));
    terminal.until("the listener, dim", is_gone);
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
    terminal.shows("begins with 'stat' at character 1: ^stat");
    terminal.type_in("\u{1b}");
    terminal.until("all again", |screen| !screen.contains("begins with"));
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
        (&["--interval=10ms"], "the interval must be at least 100 ms"),
        (&["states", "--sort=local"], "--sort orders sockets"),
        (&["--by=port", "--sort=local"], "--sort orders sockets"),
        (&["--sort=nope"], "there is no column 'nope'"),
        (&["--columns=nope"], "there is no column 'nope'"),
        (&["doctor", "--by=port"], "findings have no groups"),
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
