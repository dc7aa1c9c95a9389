//! `--pids`: who would be ended by `kill $(sockscope port 8080 --pids)`, and nobody else.

use std::io::Read;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use common::{Answer, NOBODY, Namespace, Run, Scene, sockscope, spawn};

/// The lines of an answer that found someone: numbers in order, each once, and nothing else.
#[track_caller]
fn pids(answer: &Answer) -> Vec<u32> {
    assert_eq!(
        (answer.code(), answer.stderr.as_str()),
        (0, ""),
        "{answer:?}"
    );
    let pids: Vec<u32> = answer.stdout.lines().map(|l| l.parse().unwrap()).collect();
    assert!(pids.windows(2).all(|pair| pair[0] < pair[1]), "{pids:?}");
    assert!(answer.stdout.ends_with('\n'));
    pids
}

/// Exit code 1, nothing on stdout, and one line that says why.
#[track_caller]
fn nobody(answer: &Answer, why: &str) {
    assert_eq!(
        (answer.code(), answer.stdout.as_str()),
        (1, ""),
        "{answer:?}"
    );
    assert_eq!(answer.stderr.lines().count(), 1, "{answer:?}");
    assert!(answer.stderr.contains(why), "{answer:?}");
}

/// A client in a process of its own: bash, which connects and waits.
struct Client(Child);

impl Client {
    fn of(port: u16) -> Self {
        let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; echo; read");
        let mut command = Command::new("bash");
        command
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = spawn::spawn(spawn::as_usual(&mut command)).unwrap();
        // It is connected once it has written.
        child.stdout.take().unwrap().read_exact(&mut [0]).unwrap();
        Self(child)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        spawn::stop(&mut self.0);
    }
}

#[test]
fn the_clients_of_a_port_do_not_hold_it() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let number = listener.local_addr().unwrap().port();
    let client = Client::of(number);
    let _server = listener.accept().unwrap();
    let (me, other) = (std::process::id(), client.0.id());
    let port = number.to_string();
    assert_eq!(pids(&sockscope(&["port", &port, "--pids"])), [me]);
    assert_eq!(pids(&sockscope(&["port", "--pids", "-t", &port])), [me]);
    // A filter chooses, at either end.
    let of = |filter: &str| pids(&sockscope(&["port", &port, filter, "--pids"]));
    assert_eq!(of("role=outbound"), [other]);
    assert_eq!(of("role=inbound"), [me]);
    let mut both = [me, other];
    both.sort_unstable();
    assert_eq!(of("state=established"), both);
    // Without its listener nobody holds the port, though connections use it.
    drop(listener);
    let answer = sockscope(&["port", &port, "--pids"]);
    nobody(&answer, "only connections use it");
    assert_eq!(of(&format!("lport={port}")), [me]);
    // And nobody knows any more that they came in.
    nobody(
        &sockscope(&["port", &port, "role=inbound", "--pids"]),
        "no socket of the port matches",
    );
    assert_eq!(pids(&sockscope(&["conns", "--pids"])), both);
}

#[test]
fn bound_sockets_and_all_their_owners_hold_a_port() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    for (kind, label) in [
        ("bound", "bound"),
        ("udp-bound", "bound"),
        ("listen", "listener"),
    ] {
        let scene = Scene::start(&[kind]);
        let port = scene.labelled(label).port().to_string();
        let answer = sockscope(&["port", &port, "--pids"]);
        assert_eq!(pids(&answer), [scene.pid()], "{kind}");
    }
    let scene = Scene::start(&["forked"]);
    let listener = scene.labelled("listener");
    let port = listener.port().to_string();
    let owners: Vec<u32> = listener.row.owners.iter().map(|owner| owner.0).collect();
    assert!(owners.len() > 1);
    assert_eq!(pids(&sockscope(&["port", &port, "--pids"])), owners);
    assert_eq!(pids(&sockscope(&["listen", "--pids"])), owners);
    // Of a process asked for by pid: itself, and not those it shares sockets with.
    let first = owners[0].to_string();
    assert_eq!(pids(&sockscope(&["proc", &first, "--pids"])), owners[..1]);
    let named = pids(&sockscope(&["proc", "scene", "--pids"]));
    assert!(owners.iter().all(|pid| named.contains(pid)), "{named:?}");
    // What stands in the rows is what is printed.
    let rows = sockscope(&["listen", "-H", "--format=plain", "--columns=pid"]).stdout;
    let joined: Vec<String> = owners.iter().map(ToString::to_string).collect();
    assert_eq!(rows.trim(), joined.join(";"));
}

#[test]
fn nobody_is_1_and_says_why() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    nobody(&sockscope(&["listen", "--pids"]), "nothing is listening");
    nobody(&sockscope(&["conns", "--pids"]), "no connections");
    nobody(&sockscope(&["port", "4000", "--pids"]), "nothing holds");
    nobody(
        &sockscope(&["proc", "no-such-program", "--pids"]),
        "no-such-program",
    );
    let scene = Scene::start(&["time-wait"]);
    let answer = sockscope(&["conns", "state=time_wait", "--pids"]);
    nobody(&answer, "TIME_WAIT");
    drop(scene);
    let _scene = Scene::start(&["listen"]);
    let answer = Run::new(&["listen", "--pids"]).user(NOBODY).output();
    nobody(&answer, "root");
    let run = Run::new(&["listen", "--pids", "--strict"]);
    assert_eq!(run.user(NOBODY).output().code(), 3);
    let quiet = Run::new(&["listen", "--pids", "-q"]).user(NOBODY).output();
    let said = (quiet.stdout.as_str(), quiet.stderr.as_str());
    assert_eq!((quiet.code(), said), (1, ("", "")));
}

#[test]
fn a_partial_list_is_never_silent() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scenes = [
        Scene::start(&["listen"]),
        Scene::start(&["other-user", "--uid", "65534"]),
    ];
    let all = pids(&sockscope(&["listen", "--pids"]));
    assert_eq!(all.len(), 2);
    let owner = scenes[1].labelled("listener").pid;
    let answer = Run::new(&["listen", "--pids"]).user(NOBODY).output();
    assert_eq!(answer.stdout, format!("{owner}\n"), "{answer:?}");
    assert_eq!(answer.code(), 0);
    assert_eq!(answer.stderr.lines().count(), 1, "{answer:?}");
    assert!(
        answer.stderr.contains("1 socket has no visible owner"),
        "{answer:?}"
    );
}
