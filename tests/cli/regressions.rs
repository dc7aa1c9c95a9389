//! Faults that were found once, by people who looked: each with what went wrong.

#![allow(unsafe_code, reason = "one prepares its child with system calls")]

use std::io;
use std::net::TcpListener;

use common::{Namespace, Run, Scene, json, sockets};
use serde_json::json as value;

/// A filter hid the holder of a port, and the port was called free.
#[test]
fn a_filter_never_makes_a_port_free() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["established"]);
    let port = scene.labelled("listener").port().to_string();
    let arguments = ["port", &port, "state=time_wait", "--json"];
    let answer = Run::new(&arguments).output();
    assert_eq!(answer.code(), 1, "{answer:?}");
    let told = answer.json();
    assert_eq!(sockets(&told).len(), 0);
    assert_eq!(told["ports"][0]["in_use"], true, "{told}");
    assert_eq!(told["ports"][0]["listeners"], 1);
    let text = Run::new(&["port", &port, "state=time_wait"]).output();
    assert!(!text.stdout.contains("free"), "{text:?}");
}

/// `-4` hid a dual-stack listener, which holds the IPv4 port as well.
#[test]
fn a_dual_stack_listener_holds_the_ipv4_port() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["listen-v6"]);
    let port = scene.labelled("listener").port().to_string();
    let told = Run::new(&["port", &port, "-4", "-t", "--json"])
        .output()
        .json();
    assert_eq!(told["ports"][0]["in_use"], true, "{told}");
    assert_eq!(sockets(&told).len(), 1, "and it is the holder");
}

/// The role was given after the filter had looked at it.
#[test]
fn the_role_that_is_shown_is_the_role_that_is_filtered() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let _client = std::net::TcpStream::connect(address).unwrap();
    let _server = listener.accept().unwrap();
    drop(listener);
    let port = address.port().to_string();
    let told = json(&["port", &port, "role=outbound", "--json"]);
    assert_eq!(sockets(&told).len(), 1, "{told}");
    assert_eq!(sockets(&told)[0]["role"], "outbound");
    assert_eq!(sockets(&told)[0]["peer"]["port"], address.port());
}

/// When only connections were left of a server, the story named nobody.
#[test]
fn who_holds_the_connections_is_told_without_a_listener() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let _client = std::net::TcpStream::connect(address).unwrap();
    let _server = listener.accept().unwrap();
    drop(listener);
    let answer = Run::new(&["port", &address.port().to_string()]).output();
    let held = format!("  pid {}  fd ", std::process::id());
    let named = |line: &str| line.contains("held by") && line.contains(&held);
    assert!(answer.stdout.lines().any(named), "{answer:?}");
}

/// A thread that could not be made ended the program with a panic.
#[test]
fn without_further_threads_it_still_answers() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established"]);
    for arguments in [
        &["listen"][..],
        &["conns", "--no-owners"],
        &["conns", "-r"],
        &["states"],
        &["port", "9"],
        &["proc", "nobody"],
        &[],
    ] {
        // A user of its own, so that the limit counts this process alone.
        let answer = Run::new(arguments)
            .before(|| {
                let limit = libc::rlimit {
                    rlim_cur: 1,
                    rlim_max: 1,
                };
                // SAFETY: the pointer is to a live value.
                match unsafe { libc::setrlimit(libc::RLIMIT_NPROC, &raw const limit) } {
                    0 => Ok(()),
                    _ => Err(io::Error::last_os_error()),
                }
            })
            .user(54321)
            .output();
        assert!(
            (0..=1).contains(&answer.code()),
            "{arguments:?}: {answer:?}"
        );
        assert!(!answer.stderr.contains("panicked"), "{answer:?}");
    }
}

/// The beginning of an answer was written before it was known that there is none.
#[test]
fn a_fatal_error_leaves_nothing_on_stdout() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    for format in ["json", "csv", "plain", "ndjson", "table"] {
        let arguments = ["conns", "--no-owners", "-w", "--collector", "netstat2"];
        let answer = Run::new(&arguments).args(&["--format", format]).output();
        assert_eq!((answer.code(), answer.stdout.as_str()), (2, ""), "{format}");
    }
}

/// Nothing was read because nothing could match, and the collector was null.
#[test]
fn the_collector_is_always_named() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let answer = Run::new(&["listen", "state=established", "--json"]).output();
    assert_eq!(answer.json()["collector"], value!("netlink"), "{answer:?}");
}

/// Errors of the argument parser had a form, a length and a prefix of their own.
#[test]
fn wrong_usage_is_one_line_and_a_hint() {
    for arguments in [
        &["--nope"][..],
        &["port"],
        &["proc"],
        &["nonsense"],
        &["listen", "--collector", "x"],
        &["listen", "--limit", "x"],
        &["conns", "--format", "xml"],
        &["states", "--by", "x"],
    ] {
        let answer = Run::new(arguments).output();
        assert_eq!((answer.code(), answer.stdout.as_str()), (2, ""));
        let lines: Vec<_> = answer.stderr.lines().collect();
        assert!((1..=2).contains(&lines.len()), "{answer:?}");
        assert!(
            lines.iter().all(|line| line.starts_with("sockscope: ")),
            "{answer:?}"
        );
    }
}

/// JSON carried C1 controls and bidi marks of a process's name to the terminal.
#[test]
fn json_is_exact_and_harmless() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["comm", "--name", "a\\xc2\\x9b1m\\x7f\\xe2\\x80\\xaeb"]);
    let answer = Run::new(&["listen", "--json"]).output();
    assert!(answer.stdout.is_ascii(), "{answer:?}");
    let told = answer.json();
    let comm = &sockets(&told)[0]["owners"][0]["comm"];
    assert_eq!(comm, "a\u{9b}1m\u{7f}\u{202e}b");
}

/// `--columns +a,b` replaced the columns by b.
#[test]
fn one_sign_adds_all_columns() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["listen"]);
    let answer = Run::new(&["listen", "--columns", "+inode,netns", "--format", "csv"]).output();
    let header = answer.stdout.lines().next().unwrap();
    assert_eq!(header, "protocol,local,queue,user,pid,comm,inode,netns");
}

/// `--sort` and `--limit` did nothing to a port's story, `-l` nothing to `states` and `port`.
#[test]
fn options_that_are_taken_have_an_effect() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["established"]);
    let port = scene.labelled("listener").port().to_string();
    let rows = Run::new(&["port", &port, "--limit", "1", "--sort", "state"]).output();
    assert_eq!(rows.stdout.lines().count(), 2, "{rows:?}");
    let told = json(&["states", "-l", "--json"]);
    assert_eq!(
        (&told["total"], &told["states"]["LISTEN"]),
        (&value!(1), &value!(1))
    );
    let told = json(&["port", &port, "-l", "--json"]);
    assert_eq!(sockets(&told).len(), 1, "{told}");
    assert_eq!(told["ports"][0]["by_state"]["ESTABLISHED"], 1);
    let bare = Run::new(&["listen", "--no-owners"]).output();
    assert!(!bare.stdout.contains("PROCESS"), "{bare:?}");
}
