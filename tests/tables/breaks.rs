//! Reading the kernel's tables while its answers break off: each socket once, in bounded time, and it is said.

use common::{Answer, Call, Fault, Namespace, Row, Run, Scene, problem_codes, row, sockets};

/// A message of the kernel holds about 300 connections, so this table takes several.
const COUNT: &str = "600";

/// Waiting for an answer on any netlink socket.
fn receive(errno: i32) -> Fault {
    Fault::new(libc::SYS_recvmsg, errno).when(|call: &Call| call.file(0).starts_with("socket:"))
}

/// All TCP sockets of an answer, listeners too, without their owners.
fn told(answer: &Answer) -> Vec<Row> {
    let json = answer.json();
    let rows = sockets(&json).iter().map(row);
    let mut rows: Vec<_> = rows.map(without_owners).collect();
    rows.sort();
    rows
}

fn without_owners(mut row: Row) -> Row {
    row.owners.clear();
    row
}

fn connections(scene: &Scene) -> Vec<Row> {
    let rows = scene.rows().into_iter().filter(|row| row.state != "LISTEN");
    rows.map(without_owners).collect()
}

fn conns() -> Run {
    Run::new(&["conns", "-t", "--json", "--no-owners"])
}

#[test]
fn an_answer_that_breaks_off_once_is_asked_for_again() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["established", "--count", COUNT]);
    let errors = [libc::ENOBUFS, libc::EPERM, libc::EAGAIN, libc::EINTR];
    for (after, errno) in (0..8).zip(errors.into_iter().cycle()) {
        let fault = receive(errno).after(after).times(1);
        let hits = fault.hits();
        let answer = conns().fault(fault).output();
        assert_eq!(hits.count(), 1, "{after}");
        assert_eq!(told(&answer), connections(&scene), "{errno} after {after}");
        assert_eq!(answer.json()["complete"], true, "{}", answer.stderr);
    }
}

#[test]
fn an_answer_that_always_breaks_off_is_replaced_without_doubling_a_row() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["established", "--count", COUNT]);
    let errors = [libc::ENOBUFS, libc::EPERM, libc::EAGAIN];
    for (after, errno) in (0..8).zip(errors.into_iter().cycle()) {
        let answer = conns().fault(receive(errno).after(after)).output();
        let json = answer.json();
        assert_eq!(told(&answer), connections(&scene), "{errno} after {after}");
        assert!(problem_codes(&json).contains(&"table_fallback"), "{json}");
    }
    // Owners are found as ever.
    let answer = Run::new(&["conns", "-t", "--json"]).fault(receive(libc::ENOBUFS).after(4));
    let mut wanted = scene.rows();
    wanted.retain(|row| row.state != "LISTEN");
    assert_eq!(common::rows(&answer.output().json()), wanted);
}

/// Who looks at UDP, and at one port again and again, is no other.
#[test]
fn datagrams_and_the_looks_of_wait_survive_it_too() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["udp-many", "--count", "700"]);
    for after in [0, 1, 2, 3] {
        let listen = Run::new(&["listen", "-u", "--json", "--no-owners"]);
        let answer = listen.fault(receive(libc::ENOBUFS).after(after)).output();
        let wanted: Vec<_> = scene.rows().into_iter().map(without_owners).collect();
        assert_eq!(told(&answer), wanted, "after {after}");
    }
    let port = scene.truths()[0].port().to_string();
    for after in [0, 1, 2, 3] {
        let wait = Run::new(&["wait", &port, "--listening", "--timeout", "5", "--json"]);
        let answer = wait.fault(receive(libc::ENOBUFS).after(after)).output();
        assert_eq!(answer.code(), 0, "{answer:?}");
        assert_eq!(sockets(&answer.json()).len(), 1, "{answer:?}");
    }
}

#[test]
fn interrupted_for_ever_ends() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["established", "--count", "5"]);
    let answer = conns().fault(receive(libc::EINTR)).output();
    assert_eq!(told(&answer), connections(&scene));
    assert!(
        answer.stderr.contains("interrupted again and again"),
        "{answer:?}"
    );
    let by_name = conns().args(&["--collector", "netlink"]);
    let answer = by_name.fault(receive(libc::EINTR)).output();
    assert_eq!(answer.code(), 2, "{answer:?}");
    assert!(
        answer.stderr.contains("cannot dump the tcp table"),
        "{answer:?}"
    );
    // What is read beside the tables.
    let owners = Run::new(&["conns", "-t", "--json"])
        .env("SOCKSCOPE_OWNERS", "bpf")
        .fault(Fault::new(libc::SYS_read, libc::EINTR).when(|call| call.file(0).contains("bpf")));
    assert_eq!(told(&owners.output()), connections(&scene));
}

/// An answer without an end: nothing but empty datagrams.
#[test]
fn an_endless_answer_ends() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["established", "--count", "5"]);
    let fault =
        Fault::answer(libc::SYS_recvmsg, 0).when(|call| call.file(0).starts_with("socket:"));
    let answer = conns().fault(fault).output();
    assert_eq!(told(&answer), connections(&scene));
}

/// The limit of processes is reached: no call that makes a thread succeeds.
fn no_thread(run: Run) -> Run {
    let calls = [libc::SYS_clone3, libc::SYS_clone];
    calls
        .into_iter()
        .fold(run, |run, call| run.fault(Fault::new(call, libc::EAGAIN)))
}

#[test]
fn without_threads_every_command_answers_as_ever() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["all"]);
    let port = scene.labelled("listener").port().to_string();
    let pid = scene.pid().to_string();
    let commands: [&[&str]; 10] = [
        &["listen", "--json"],
        &["conns", "--json"],
        &["conns", "--json", "-r", "-t"],
        &["states", "--json"],
        &["buildup", "--json"],
        &["port", &port, "--json"],
        &["proc", &pid, "--json"],
        &["inspect", "lport", "=", &port, "--json"],
        &["doctor", "--for", "0", "--json"],
        &["wait", &port, "--listening", "--json"],
    ];
    for command in commands {
        let usual = Run::new(command).output();
        let answer = no_thread(Run::new(command)).output();
        assert_eq!(answer.code(), usual.code(), "{command:?}: {answer:?}");
        let (json, wanted) = (answer.json(), usual.json());
        let owned = |json: &serde_json::Value| {
            let rows = json["sockets"].as_array().into_iter().flatten().map(row);
            let mut rows: Vec<_> = rows.collect();
            rows.sort();
            rows
        };
        assert_eq!(owned(&json), owned(&wanted), "{command:?}");
        assert_eq!(json["complete"], wanted["complete"], "{command:?} {json}");
    }
}

#[test]
fn what_needs_a_thread_says_so_in_one_line() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["listen"]);
    for format in ["table", "ndjson", "plain"] {
        let run = Run::new(&["listen", "--watch=1", "--format", format]);
        let answer = no_thread(run).output();
        assert_eq!(answer.code(), 2, "{answer:?}");
        assert!(
            answer.stderr.contains("cannot start a thread"),
            "{answer:?}"
        );
        assert!(answer.stderr.lines().count() <= 2, "{answer:?}");
    }
}
