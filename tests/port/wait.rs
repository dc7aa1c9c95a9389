//! `wait`: until a port is listened on, or nothing holds it.
#![allow(clippy::print_stderr, reason = "they say what they measure")]

use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use common::sandbox::no_netlink;
use common::waits::{bound, is_now, wait};
use common::{
    Answer, DEADLINE, NOBODY, Namespace, Run, Scene, eventually, problem_codes, sockets, sockscope,
};

fn waited(answer: &Answer) -> u64 {
    answer.json()["waited_ms"].as_u64().unwrap()
}

/// After `delay` does something, and says when it was about to; the time is that of the wait.
fn later<T: Send + 'static>(
    started: Instant,
    delay: u64,
    what: impl FnOnce() -> T + Send + 'static,
) -> std::thread::JoinHandle<(T, u64)> {
    spawn(move || {
        sleep(Duration::from_millis(delay));
        let at = u64::try_from(started.elapsed().as_millis()).unwrap();
        (what(), at)
    })
}

#[test]
fn it_ends_when_somebody_listens() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    for (name, more) in [
        ("tcp", &[][..]),
        ("udp", &["-u"]),
        ("procfs", &["--collector=procfs"]),
    ] {
        let started = Instant::now();
        let made = later(started, 430, move || {
            let udp = (name == "udp").then(|| UdpSocket::bind("127.0.0.1:4000").unwrap());
            let tcp = (name != "udp").then(|| TcpListener::bind("127.0.0.1:4000").unwrap());
            (udp, tcp)
        });
        let answer = wait(4000, &[&["-l", "--json", "--timeout=30"], more].concat());
        let ended = u64::try_from(started.elapsed().as_millis()).unwrap();
        let (_held, opened) = made.join().unwrap();
        assert_eq!(answer.code(), 0, "{name}: {answer:?}");
        let told = answer.json();
        assert_eq!(
            (&told["reached"], &told["condition"]),
            (&true.into(), &"listening".into())
        );
        let found = sockets(&told);
        assert_eq!(found.len(), 1, "{name}");
        assert_eq!(found[0]["local"]["port"], 4000);
        assert_eq!(found[0]["owners"][0]["pid"], std::process::id(), "{name}");
        assert_eq!(told["complete"], true, "{told}");
        // Not before it was so.
        assert!(ended >= opened, "{name}: {opened} {ended}");
        eprintln!(
            "{name}: seen {} ms after",
            waited(&answer).saturating_sub(opened)
        );
    }
}

#[test]
fn it_ends_when_nothing_holds_the_port() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:4000").unwrap();
    let datagrams = UdpSocket::bind("127.0.0.1:4000").unwrap();
    let started = Instant::now();
    let made = later(started, 330, move || {
        drop(listener);
        let ((), freed) = later(started, 200, move || drop(datagrams)).join().unwrap();
        freed
    });
    let answer = wait(4000, &["--free", "--json"]);
    let (freed, _) = made.join().unwrap();
    assert_eq!(answer.code(), 0, "{answer:?}");
    let told = answer.json();
    assert_eq!(sockets(&told).len(), 0);
    let ended = u64::try_from(started.elapsed().as_millis()).unwrap();
    assert!(ended >= freed, "{freed} {ended}");
    eprintln!(
        "free: seen {} ms after",
        waited(&answer).saturating_sub(freed)
    );
}

#[test]
fn a_bound_socket_holds_a_port_and_listens_only_later() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let bound = bound("127.0.0.1:4000".parse().unwrap(), false).unwrap();
    assert!(!is_now(4000, &["-l"]));
    assert!(!is_now(4000, &["--free"]));
    assert!(is_now(4000, &["--free", "-u"]), "of UDP it is free");
    let answer = wait(4000, &["-l", "--timeout=0"]);
    assert_eq!((answer.code(), answer.stdout.as_str()), (1, ""));
    assert!(
        answer.stderr.contains("port 4000 is not listening: "),
        "{answer:?}"
    );
    assert!(
        answer
            .stderr
            .contains("is bound to 127.0.0.1:4000, but does not listen"),
        "{answer:?}"
    );
    let made = later(Instant::now(), 200, move || {
        rustix::net::listen(&bound, 5).unwrap();
        bound
    });
    let answer = wait(4000, &["-l", "--timeout=20"]);
    assert_eq!(answer.code(), 0, "{answer:?}");
    let who = format!(" {} on 127.0.0.1:4000\n", std::process::id());
    assert!(
        answer.stdout.starts_with("4000 is listening after "),
        "{answer:?}"
    );
    assert!(answer.stdout.ends_with(&who), "{answer:?}");
    drop(made.join().unwrap());
}

#[test]
fn what_a_server_left_does_not_hold_a_port() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:4000").unwrap();
    let client = TcpStream::connect("127.0.0.1:4000").unwrap();
    // Who closes first rests in TIME_WAIT, here the server.
    drop(listener.accept().unwrap());
    drop((client, listener));
    let rests = || {
        let told = sockscope(&["conns", "lport=4000", "state=time_wait", "-q"]);
        (told.code() == 0).then_some(())
    };
    eventually("the port rests", DEADLINE, rests);
    assert!(is_now(4000, &["--free"]) && !is_now(4000, &["-l"]));
    let listener = TcpListener::bind("127.0.0.1:4001").unwrap();
    let client = TcpStream::connect("127.0.0.1:4001").unwrap();
    let (accepted, _) = listener.accept().unwrap();
    drop(listener);
    assert!(is_now(4001, &["--free"]), "only a connection is left");
    let connected = UdpSocket::bind("127.0.0.1:4002").unwrap();
    for is_connected in [false, true] {
        if is_connected {
            connected.connect("127.0.0.1:9").unwrap();
        }
        assert!(!is_now(4002, &["--free"]));
        assert_eq!(is_now(4002, &["-l"]), !is_connected);
    }
    drop((client, accepted));
}

/// What `--address` says is what bind() and connect() say.
#[test]
fn addresses_mean_what_the_kernel_means() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let holders = [
        ("0.0.0.0", false),
        ("127.0.0.1", false),
        ("127.0.0.2", false),
        ("::", false),
        ("::", true),
        ("::1", false),
        ("::ffff:127.0.0.1", false),
    ];
    for (number, (holder, v6_only)) in holders.into_iter().enumerate() {
        let port = 5000 + u16::try_from(number).unwrap();
        let at = |text: &str| SocketAddr::new(text.parse::<IpAddr>().unwrap(), port);
        let held = bound(at(holder), v6_only).unwrap();
        for listens in [false, true] {
            if listens {
                rustix::net::listen(&held, 5).unwrap();
            }
            for target in ["0.0.0.0", "127.0.0.1", "127.0.0.2", "::", "::1"] {
                let case = format!("{holder} v6only {v6_only} listens {listens}: {target}");
                let address = format!("--address={target}");
                let can_bind = bound(at(target), false).is_ok();
                assert_eq!(
                    is_now(port, &["--free", "-t", &address]),
                    can_bind,
                    "{case}"
                );
                if target.parse::<IpAddr>().unwrap().is_unspecified() {
                    continue;
                }
                let can_connect = TcpStream::connect(at(target)).is_ok();
                assert_eq!(is_now(port, &["-l", "-t", &address]), can_connect, "{case}");
            }
        }
    }
}

#[test]
fn families_are_those_that_the_sockets_serve() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let held = bound("[::]:4000".parse().unwrap(), false).unwrap();
    rustix::net::listen(&held, 5).unwrap();
    for family in ["-4", "-6"] {
        assert!(is_now(4000, &["-l", family]), "{family}");
        assert!(!is_now(4000, &["--free", family]), "{family}");
    }
    let only_six = bound("[::]:4001".parse().unwrap(), true).unwrap();
    rustix::net::listen(&only_six, 5).unwrap();
    assert!(is_now(4001, &["-l", "-6"]) && !is_now(4001, &["-l", "-4"]));
    assert!(is_now(4001, &["--free", "-4"]) && !is_now(4001, &["--free", "-6"]));
    assert!(is_now(4000, &["-l", "--address=127.0.0.1"]));
    // /proc/net does not tell whether [::] takes IPv4.
    let guess = [
        "-l",
        "--address=127.0.0.1",
        "--collector=procfs",
        "--timeout=0",
    ];
    let answer = wait(4000, &guess);
    assert_eq!(answer.code(), 0);
    assert!(answer.stderr.contains("accepts IPv4"), "{answer:?}");
    assert_eq!(wait(4000, &[&guess[..], &["--strict"]].concat()).code(), 3);
}

#[test]
fn a_source_that_cannot_tell_is_incomplete() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    for collector in ["procfs", "netstat2"] {
        let collector = format!("--collector={collector}");
        let free = ["--free", "--timeout=0", "--json", &collector];
        let answer = wait(4000, &free);
        assert_eq!(answer.code(), 0, "{answer:?}");
        assert_eq!(problem_codes(&answer.json()), ["bound_only_unseen"]);
        assert_eq!(wait(4000, &[&free[..], &["--strict"]].concat()).code(), 3);
        // Of UDP, and of listeners, nothing is missing.
        let udp = [&free[..], &["--strict", "-u"]].concat();
        assert_eq!(wait(4000, &udp).code(), 0);
        let listening = ["-l", "--timeout=0", "--strict", &collector];
        assert_eq!(wait(4000, &listening).code(), 1);
    }
    let refused = Run::new(&["wait", "4000", "--free", "--timeout=0", "--strict"]);
    let answer = refused.before(no_netlink(libc::EPERM)).output();
    assert_eq!(answer.code(), 3, "{answer:?}");
    let refused = Run::new(&["wait", "4000", "-l", "--collector=netlink"]);
    let answer = refused.before(no_netlink(libc::EPERM)).output();
    assert_eq!(answer.code(), 2, "{answer:?}");
    assert!(
        answer.stderr.contains("cannot open a sock_diag socket"),
        "{answer:?}"
    );
}

#[test]
fn only_the_process_that_is_meant() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["listen", "--port=4000"]);
    let pid = scene.pid().to_string();
    for ours in ["scene", &pid] {
        assert!(is_now(4000, &["-l", "--process", ours]), "{ours}");
        assert!(!is_now(4000, &["--free", "--process", ours]), "{ours}");
    }
    assert!(!is_now(4000, &["-l", "--process=nginx"]));
    assert!(is_now(4000, &["--free", "--process=nginx"]));
    let answer = wait(4000, &["-l", "--process=nginx", "--timeout=300ms"]);
    assert_eq!(answer.code(), 1);
    let told = format!("there is only scene {pid} on 127.0.0.1:4000");
    assert!(answer.stderr.contains(&told), "{answer:?}");
    let answer = wait(4000, &["--free", "--timeout=100ms"]);
    let told = format!("not free after 0.1 s: held by scene {pid} on 127.0.0.1:4000");
    assert!(answer.stderr.contains(&told), "{answer:?}");
    // The port passes from one process to another.
    let started = Instant::now();
    let made = later(started, 300, move || drop(scene));
    let answer = wait(4000, &["--free", "--process=scene", "--timeout=20"]);
    made.join().unwrap();
    assert_eq!(answer.code(), 0, "{answer:?}");
}

#[test]
fn who_may_not_see_owners_is_told_once() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["listen", "--port=4000"]);
    let as_nobody = |more: &[&str]| {
        let arguments = [&["wait", "4000", "--timeout=500ms"], more].concat();
        Run::new(&arguments).user(NOBODY).output()
    };
    // Without a process in question owners only adorn the answer.
    let answer = as_nobody(&["-l"]);
    assert_eq!(answer.code(), 0, "{answer:?}");
    assert!(
        answer
            .stdout
            .contains("a process that may not be seen on 127.0.0.1:4000"),
        "{answer:?}"
    );
    for condition in ["-l", "--free"] {
        let answer = as_nobody(&[condition, "--process=scene"]);
        assert_eq!(answer.code(), 1, "{answer:?}");
        let notes = answer.stderr.lines().filter(|line| line.contains("note: "));
        assert_eq!(notes.count(), 1, "{answer:?}");
        assert!(answer.stderr.contains("could not be read"), "{answer:?}");
        assert_eq!(
            as_nobody(&[condition, "--process=scene", "--strict"]).code(),
            3
        );
    }
}
