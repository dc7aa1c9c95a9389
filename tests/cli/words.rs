//! What people type: ports in every spelling, who runs a socket, and names that do not exist.

use common::{NOBODY, Namespace, Run, Scene, sockets, sockscope, spawn};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// Protocol and port of each entry of an answer of `port`.
fn entries(words: &[&str]) -> Vec<(String, u64)> {
    let answer = Run::new(&["port", "--json", "--no-owners"])
        .args(words)
        .output();
    assert!(answer.code() < 2, "{words:?}: {answer:?}");
    let told = answer.json();
    let entries = told["ports"].as_array().unwrap().iter();
    entries
        .map(|entry| {
            let protocol = entry["protocol"].as_str().unwrap().to_owned();
            (protocol, entry["port"].as_u64().unwrap())
        })
        .collect()
}

#[test]
fn a_port_is_read_as_people_write_it() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["listen", "--port=80"]);
    let told = |pairs: &[(&str, u64)]| -> Vec<(String, u64)> {
        pairs
            .iter()
            .map(|(name, port)| ((*name).to_owned(), *port))
            .collect()
    };
    let both = told(&[("tcp", 80), ("udp", 80)]);
    for words in [&["80"][..], &[":80"], &["http"], &[":http"]] {
        assert_eq!(entries(words), both, "{words:?}");
    }
    let tcp = told(&[("tcp", 80)]);
    for words in [
        &["80/tcp"][..],
        &["tcp/80"],
        &["http/tcp"],
        &[":80/tcp"],
        &["80", "-t"],
    ] {
        assert_eq!(entries(words), tcp, "{words:?}");
    }
    assert_eq!(entries(&["80/udp"]), told(&[("udp", 80)]));
    let mixed = entries(&["80/tcp", "53/udp"]);
    assert_eq!(mixed, told(&[("udp", 53), ("tcp", 80)]));
    let rows = |words: &[&str]| {
        let answer = Run::new(&["port", "--json"]).args(words).output();
        sockets(&answer.json()).len()
    };
    assert_eq!(rows(&["http", "state=listen"]), 1);
    assert_eq!(rows(&["80/udp"]), 0, "no TCP listener is of UDP");
    assert_eq!(rows(&["80", "not", "state=listen"]), 0);
    for wait in ["http", ":80", "80/tcp"] {
        assert_eq!(sockscope(&["wait", wait, "-l", "--timeout=0"]).code(), 0);
    }
    assert_eq!(
        sockscope(&["wait", "80/udp", "-l", "--timeout=0"]).code(),
        1
    );
    for (words, hint) in [
        (&["wait", "[::1]:8080", "-l"][..], "8080 --address [::1]"),
        (&["port", "example.com:8080"], "the port only: 8080"),
        (&["port", "no-such-service"], "http"),
        (&["port", "80/sctp"], "80/tcp"),
        (&["port", "80/udp", "-t"], "omit one"),
        (&["wait", "80/udp", "-l", "-t"], "omit one"),
    ] {
        let answer = sockscope(words);
        assert_eq!(
            (answer.code(), answer.stdout.as_str()),
            (2, ""),
            "{words:?}"
        );
        let is_first = hint == "port 8080";
        assert!(
            is_first || answer.stderr.contains(hint),
            "{words:?}: {answer:?}"
        );
        assert_eq!(answer.stderr.lines().count(), 2, "{words:?}: {answer:?}");
    }
}

/// A program that a user without rights runs, and that holds what we made.
struct Runner(Child);

impl Runner {
    fn start(held: OwnedFd) -> Self {
        let mut command = Command::new("sleep");
        command.arg("60").stdin(Stdio::from(held)).uid(NOBODY);
        Self(spawn::spawn(&mut command).unwrap())
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        spawn::stop(&mut self.0);
    }
}

/// `user` is who made the socket, `process_user` who runs the program that holds it.
#[test]
fn who_runs_it_is_not_who_made_it() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:4000").unwrap();
    let runner = Runner::start(listener.into());
    let count = |words: &str| {
        let answer = Run::new(&["listen", "--json", words]).output();
        assert!(answer.code() < 2, "{words}: {answer:?}");
        sockets(&answer.json()).len()
    };
    // Until exec, the child is still a copy of this process.
    let pid = runner.0.id();
    common::eventually("sleep runs", common::DEADLINE, || {
        (count(&format!("comm = sleep and pid = {pid}")) == 1).then_some(())
    });
    for (words, found) in [
        ("process_user=65534", 1),
        ("process_user = 0", 0),
        ("process_user != 65534", 0),
        ("process_user != root", 1),
        ("process_user in root,65534", 1),
        ("user = 65534", 0),
        ("uid = 0", 1),
    ] {
        assert_eq!(count(words), found, "{words}");
    }
    let answer = sockscope(&["listen", "-H", "--format=csv", "--columns=uid,process_user"]);
    let told = answer.stdout.trim();
    assert!(told.starts_with("0,") && told != "0,root", "{answer:?}");
    assert_eq!(count(&format!("process_user = {}", &told[2..])), 1);
    let answer = sockscope(&["listen", "--no-owners", "process_user=root"]);
    assert_eq!(answer.code(), 2, "{answer:?}");
}

#[test]
fn a_process_that_does_not_exist_is_told() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["comm", "--name", "qxjvaq"]);
    let port = scene.story["sockets"][0]["local"]
        .as_str()
        .map(str::to_owned);
    assert!(port.is_some(), "{}", scene.story);
    for words in [
        &["conns", "process=qxjvap"][..],
        &["conns", "-a", "process=qxjvap", "state=listen"],
        &["listen", "process=qxjvap"],
        &["listen", "process=qxjvap", "--pids"],
        &["inspect", "process=qxjvap"],
        &["port", "47113", "process=qxjvap"],
        &["proc", "qxjvap"],
    ] {
        let answer = sockscope(words);
        assert_eq!(answer.code(), 1, "{words:?}: {answer:?}");
        let told = "no process is called 'qxjvap', did you mean 'qxjvaq'?";
        assert!(answer.stderr.contains(told), "{words:?}: {answer:?}");
        assert_eq!(answer.stderr.lines().count(), 1, "{words:?}: {answer:?}");
    }
    let why = |words: &[&str]| {
        let answer = sockscope(words);
        assert_eq!(answer.stderr.lines().count(), 1, "{words:?}: {answer:?}");
        (answer.code(), answer.stderr)
    };
    // Counts of nothing are an answer, and the reason stands beside them.
    for command in ["states", "buildup"] {
        let (code, told) = why(&[command, "process=qxjvap"]);
        assert_eq!(code, 0, "{told}");
        assert!(told.contains("no process is called 'qxjvap'"), "{told}");
    }
    for (words, told) in [
        ("comm=qxjvap", "no process is called 'qxjvap'"),
        (
            "process=qxjvap,qxnginz",
            "no process is called 'qxjvap' or 'qxnginz'",
        ),
        ("pid=4194305", "there is no process 4194305"),
        (
            "process=4194305,qxjvap",
            "there is no process 4194305, and none is called 'qxjvap'",
        ),
        ("user=qxnosuch", "there is no user 'qxnosuch'"),
        ("process_user=qxnosuch", "there is no user 'qxnosuch'"),
    ] {
        for command in ["listen", "conns"] {
            let (code, said) = why(&[command, words]);
            assert!(code == 1 && said.contains(told), "{words}: {said}");
        }
    }
    // One that exists and has nothing that matches is another matter.
    for words in [
        "process=qxjvaq lport=1",
        "not process=qxjvap lport=1",
        "lport=1",
    ] {
        let answer = sockscope(&["listen", words]);
        assert_eq!(answer.code(), 1);
        assert!(!answer.stderr.contains("is called"), "{answer:?}");
    }
    let answer = sockscope(&["listen", "dev=no-such-dev"]);
    assert!(
        answer.stderr.contains("no interface 'no-such-dev'"),
        "{answer:?}"
    );
}
