//! The life of a connection, end to end: the textbook's servers and bare sockets, taken step by step, and after
//! each step the same truth in `listen`, `port`, `conns`, `states` and `proc`.
//!
//! A step is written as the sockets that must be there: `CLIENT ROLE STATE OWNER`, the reason in parentheses
//! where there is no owner.

mod stage;

use common::{DEADLINE, Namespace, Run};
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use stage::{Program, Stage};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Duration;

#[test]
fn one_client_at_a_time_and_the_others_wait() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let (mut stage, server) = Stage::serve("echo_server");
    stage.shows(Some("0/5 server"), &[]);

    // Three-way handshake, accept: served.
    let mut first = stage.connect("first");
    let alone = [
        "first inbound ESTABLISHED server",
        "first outbound ESTABLISHED test",
    ];
    stage.shows(Some("0/5 server"), &alone);

    // The kernel completes the handshake of the second: nobody has accepted it.
    let mut second = stage.client("second");
    let waiting = [
        "first inbound ESTABLISHED server",
        "first outbound ESTABLISHED test",
        "second inbound ESTABLISHED (unaccepted)",
        "second outbound ESTABLISHED second",
    ];
    stage.shows(Some("1/5 server"), &waiting);

    first.write_all(b"hello\n").unwrap();
    assert_eq!(line_of(&mut first), "hello MSG Received");
    stage.shows(Some("1/5 server"), &waiting);

    // What a waiting client says lies in its receive queue.
    second.say("ping");
    common::eventually("five bytes wait", DEADLINE, || {
        let filter = format!("lport={}", stage.port);
        let answer = Run::new(&["conns", "--json", &filter]).json();
        let sockets = answer["sockets"].as_array().unwrap().iter();
        let queues: Vec<_> = sockets
            .map(|s| (s["owner_status"].as_str(), s["recv_q"].as_u64()))
            .collect();
        queues
            .contains(&(Some("unaccepted"), Some(5)))
            .then_some(())
    });

    // BYE: the server closes first. This client has not closed, so the server's end stays half closed.
    first.write_all(b"BYE\n").unwrap();
    assert_eq!(first.read(&mut [0; 1]).unwrap(), 0, "BYE has no answer");
    assert_eq!(second.hear(), "ping MSG Received", "the queue has moved on");
    stage.shows(
        Some("0/5 server"),
        &[
            "first inbound FIN_WAIT2 (orphaned)",
            "first outbound CLOSE_WAIT test",
            "second inbound ESTABLISHED server",
            "second outbound ESTABLISHED second",
        ],
    );
    drop(first);
    stage.shows(
        Some("0/5 server"),
        &[
            "first inbound TIME_WAIT (timewait)",
            "second inbound ESTABLISHED server",
            "second outbound ESTABLISHED second",
        ],
    );

    // The other way round: the client closes first, and the TIME_WAIT is its own.
    second.leave();
    let closed = [
        "first inbound TIME_WAIT (timewait)",
        "second outbound TIME_WAIT (timewait)",
    ];
    stage.shows(Some("0/5 server"), &closed);

    // The server is gone; what its port still holds is in TIME_WAIT, and SO_REUSEADDR binds in spite of it.
    drop(server);
    stage.shows(None, &closed);
    let again = Program::start("echo_server", &stage.port.to_string());
    stage.introduce(&again, "again");
    again.hear();
    stage.shows(Some("0/5 again"), &closed);
}

#[test]
fn a_full_queue_keeps_the_next_client_out() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let (mut stage, _server) = Stage::serve("echo_server");
    let mut clients: Vec<_> = (0..7).map(|_| stage.connect("client")).collect();
    let mut sockets = vec!["client inbound ESTABLISHED server"];
    sockets.extend(["client inbound ESTABLISHED (unaccepted)"; 6]);
    sockets.extend(["client outbound ESTABLISHED test"; 7]);
    stage.shows(Some("6/5 server"), &sockets);

    // Linux lets in one more than the limit; the eighth hears nothing.
    let eighth = socket(SocketFlags::NONBLOCK);
    let refused = rustix::net::connect(&eighth, &stage.address());
    assert_eq!(refused, Err(rustix::io::Errno::INPROGRESS));
    let eighth = TcpStream::from(eighth);
    stage.name(&eighth, "eighth");
    sockets.push("eighth outbound SYN_SENT test");
    stage.shows(Some("6/5 server"), &sockets);

    // A client that gives up in the queue: CLOSE_WAIT that nobody owns, still in the queue.
    drop(eighth);
    drop(clients.pop());
    let mut sockets = vec!["client inbound ESTABLISHED server"];
    sockets.extend(["client inbound ESTABLISHED (unaccepted)"; 5]);
    sockets.extend(["client outbound ESTABLISHED test"; 6]);
    sockets.extend([
        "client inbound CLOSE_WAIT (unaccepted)",
        "client outbound FIN_WAIT2 (orphaned)",
    ]);
    stage.shows(Some("6/5 server"), &sockets);
}

#[test]
fn a_helper_for_each_client() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let (mut stage, server) = Stage::serve("echo_forked");
    let mut first = stage.client("first");
    let second = stage.client("second");
    let connected = [
        "first inbound ESTABLISHED helper-of-server",
        "first outbound ESTABLISHED first",
        "second inbound ESTABLISHED helper-of-server",
        "second outbound ESTABLISHED second",
    ];
    stage.shows(Some("0/5 server"), &connected);
    first.say("hello");
    assert_eq!(first.hear(), "hello MSG Received");
    let helpers = owners_of_server_ends(&stage);
    assert_eq!(helpers.len(), 2);
    assert_ne!(
        helpers[0].0, helpers[1].0,
        "each connection has a process of its own"
    );

    first.say("BYE");
    let rest = [
        "first inbound TIME_WAIT (timewait)",
        "second inbound ESTABLISHED helper-of-server",
        "second outbound ESTABLISHED second",
    ];
    stage.shows(Some("0/5 server"), &rest);

    // The parent goes, the helper and its connection stay, and a new server may listen at once.
    drop(server);
    let orphan = owners_of_server_ends(&stage);
    let name = format!("pid-{}", orphan[0].0);
    let rest = rest.map(|line| line.replace("helper-of-server", &name));
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    stage.shows(None, &rest);
    let again = Program::start("echo_forked", &stage.port.to_string());
    stage.introduce(&again, "again");
    again.hear();
    stage.shows(Some("0/5 again"), &rest);
    second.leave();
    stage.shows(
        Some("0/5 again"),
        &[
            "first inbound TIME_WAIT (timewait)",
            "second outbound TIME_WAIT (timewait)",
        ],
    );
}

#[test]
fn a_thread_for_each_client() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let (mut stage, server) = Stage::serve("echo_threaded");
    let mut first = stage.client("first");
    let _second = stage.client("second");
    stage.shows(
        Some("0/5 server"),
        &[
            "first inbound ESTABLISHED server",
            "first outbound ESTABLISHED first",
            "second inbound ESTABLISHED server",
            "second outbound ESTABLISHED second",
        ],
    );
    first.say("hello");
    assert_eq!(first.hear(), "hello MSG Received");
    let owners = owners_of_server_ends(&stage);
    assert_eq!(
        (owners[0].0, owners[1].0),
        (u64::from(server.pid()), u64::from(server.pid()))
    );
    assert_ne!(
        owners[0].1, owners[1].1,
        "each through a descriptor of its own"
    );

    // The process stops: all close at once, the server first. The clients have not noticed.
    drop(server);
    stage.shows(
        None,
        &[
            "first inbound FIN_WAIT2 (orphaned)",
            "first outbound CLOSE_WAIT first",
            "second inbound FIN_WAIT2 (orphaned)",
            "second outbound CLOSE_WAIT second",
        ],
    );
}

#[test]
fn a_server_that_closes_first_collects_time_wait() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let (mut stage, _server) = Stage::serve("message_server");
    for _ in 0..3 {
        let mut text = String::new();
        stage.connect("past").read_to_string(&mut text).unwrap();
        assert_eq!(text, "Hello from the server of the textbook.\n");
    }
    let past = ["past inbound TIME_WAIT (timewait)"; 3];
    stage.shows(Some("0/5 server"), &past);
    let mut leak = stage.connect("leak");
    leak.read_to_string(&mut String::new()).unwrap();
    let mut sockets = past.to_vec();
    sockets.extend([
        "leak inbound FIN_WAIT2 (orphaned)",
        "leak outbound CLOSE_WAIT test",
    ]);
    stage.shows(Some("0/5 server"), &sockets);
    drop(leak);
    stage.shows(
        Some("0/5 server"),
        &["past inbound TIME_WAIT (timewait)"; 3]
            .iter()
            .copied()
            .chain(["leak inbound TIME_WAIT (timewait)"])
            .collect::<Vec<_>>(),
    );
}

#[test]
fn every_call_of_a_servers_life() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    // socket(): in no table yet. bind(): the port is taken, and nobody can connect.
    let fd = socket(SocketFlags::empty());
    sockopt::set_socket_reuseaddr(&fd, true).unwrap();
    rustix::net::bind(&fd, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let at = SocketAddr::try_from(rustix::net::getsockname(&fd).unwrap()).unwrap();
    let mut stage = Stage::new(at.port());
    stage.shows(None, &["- BOUND_INACTIVE test"]);

    rustix::net::listen(&fd, 2).unwrap();
    let listener = TcpListener::from(fd);
    stage.shows(Some("0/2 test"), &[]);

    let client = stage.connect("client");
    stage.shows(
        Some("1/2 test"),
        &[
            "client inbound ESTABLISHED (unaccepted)",
            "client outbound ESTABLISHED test",
        ],
    );
    let server = listener.accept().unwrap().0;
    let connected = [
        "client inbound ESTABLISHED test",
        "client outbound ESTABLISHED test",
    ];
    stage.shows(Some("0/2 test"), &connected);

    // Half closed by the client: its end still has its file.
    client.shutdown(Shutdown::Write).unwrap();
    stage.shows(
        Some("0/2 test"),
        &[
            "client inbound CLOSE_WAIT test",
            "client outbound FIN_WAIT2 test",
        ],
    );
    drop(server);
    stage.shows(Some("0/2 test"), &["client outbound TIME_WAIT (timewait)"]);
    drop(client);
    stage.shows(Some("0/2 test"), &["client outbound TIME_WAIT (timewait)"]);

    // The other way round: half closed by the server, then closed while the client is not.
    let other = stage.connect("other");
    let server = listener.accept().unwrap().0;
    server.shutdown(Shutdown::Write).unwrap();
    let past = "client outbound TIME_WAIT (timewait)";
    stage.shows(
        Some("0/2 test"),
        &[
            past,
            "other inbound FIN_WAIT2 test",
            "other outbound CLOSE_WAIT test",
        ],
    );
    drop(server);
    stage.shows(
        Some("0/2 test"),
        &[
            past,
            "other inbound FIN_WAIT2 (orphaned)",
            "other outbound CLOSE_WAIT test",
        ],
    );
    drop(other);
    let past = [past, "other inbound TIME_WAIT (timewait)"];
    stage.shows(Some("0/2 test"), &past);

    // A reset leaves nothing behind, and the listener's port stays busy with TIME_WAIT only.
    let reset = stage.connect("reset");
    let server = listener.accept().unwrap().0;
    sockopt::set_socket_linger(&reset, Some(Duration::ZERO)).unwrap();
    drop((reset, server));
    stage.shows(Some("0/2 test"), &past);
    drop(listener);
    stage.shows(None, &past);
}

/// The owner of each server's end that has one: pid and descriptor.
fn owners_of_server_ends(stage: &Stage) -> Vec<(u64, u64)> {
    let words = ["conns", "--json", &format!("lport={}", stage.port)];
    let answer = Run::new(&words).json();
    let owners = answer["sockets"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|s| s["owners"].as_array().unwrap());
    owners
        .map(|owner| {
            (
                owner["pid"].as_u64().unwrap(),
                owner["fd"].as_u64().unwrap(),
            )
        })
        .collect()
}

fn line_of(stream: &mut TcpStream) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte).unwrap() == 1 && byte != *b"\n" {
        line.push(byte[0]);
    }
    String::from_utf8(line).unwrap()
}

fn socket(flags: SocketFlags) -> OwnedFd {
    let flags = flags | SocketFlags::CLOEXEC;
    rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).unwrap()
}
