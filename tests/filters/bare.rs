//! Words without a comparison, as people type them: every command that takes a filter reads them,
//! what has two meanings is refused with both, and a name that no process has matches nothing.

use common::{Answer, Namespace, Run, Scene, json, sockets, sockscope};
use serde_json::Value;

/// A listener of a process with this name, and its port.
fn called(name: &str) -> (Scene, u16) {
    let scene = Scene::start(&["comm", "--name", name]);
    let port = scene.truths()[0].port();
    (scene, port)
}

/// The rows of a JSON answer as text, in an order of their own.
fn rows(words: &[&str]) -> Vec<String> {
    let answer = Run::new(&[words, &["--json"]].concat()).output().json();
    let ends =
        |socket: &Value| format!("{} {} {}", socket["state"], socket["local"], socket["peer"]);
    let mut rows: Vec<_> = sockets(&answer).iter().map(ends).collect();
    rows.sort();
    rows
}

/// Wrong usage in two lines, which say these.
#[track_caller]
fn refused(words: &[&str], message: &str, hint: &str) {
    let answer = sockscope(words);
    let lines: Vec<&str> = answer.stderr.lines().collect();
    assert_eq!(
        (answer.code(), answer.stdout.as_str()),
        (2, ""),
        "{answer:?}"
    );
    assert_eq!(lines.len(), 2, "{answer:?}");
    assert!(lines[0].contains(message), "{words:?}: {answer:?}");
    assert!(lines[1].contains(hint), "{words:?}: {answer:?}");
}

#[test]
fn every_command_reads_them() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _held = Scene::start(&["established", "--count", "3", "--port", "8080"]);
    let _left = Scene::start(&["close-wait", "--count", "2", "--port", "9000"]);
    let (named, port) = called("bare-name-one");
    let pid = named.truths()[0].pid.to_string();
    for (typed, written, found) in [
        (&["conns", "8080"][..], &["conns", "port=8080"][..], 6),
        (&["conns", ":8080"], &["conns", "port=8080"], 6),
        (&["conns", "8080,9000"], &["conns", "port=8080,9000"], 10),
        (
            &["conns", "8080/tcp"],
            &["conns", "port=8080", "protocol=tcp"],
            6,
        ),
        (
            &["conns", "8080/udp"],
            &["conns", "port=8080", "protocol=udp"],
            0,
        ),
        (&["conns", "http-alt"], &["conns", "port=8080"], 6),
        (&["conns", "close-wait"], &["conns", "state=close_wait"], 2),
        (
            &["conns", "CLOSE_WAIT", "9000"],
            &["conns", "state=close_wait"],
            2,
        ),
        (
            &["conns", "established", "close_wait"],
            &["conns", "state=established,close_wait"],
            8,
        ),
        (
            &["conns", "localhost:9000"],
            &["conns", "address=localhost:9000"],
            4,
        ),
        (
            &["conns", "inbound", "8080"],
            &["conns", "port=8080", "role=inbound"],
            3,
        ),
        (&["conns", "not", "8080"], &["conns", "port!=8080"], 4),
        (&["listen", "9000"], &["listen", "lport=9000"], 1),
        (
            &["listen", "bare-name-one"],
            &["listen", "process=bare-name-one"],
            1,
        ),
        (
            &["listen", "bare-name-o"],
            &["listen", "process=bare-name-one"],
            1,
        ),
        (
            &["inspect", "close_wait"],
            &["inspect", "state=close_wait"],
            2,
        ),
        (
            &["port", "8080", "established"],
            &["port", "8080", "state=established"],
            6,
        ),
        (&["8080"], &["port", "8080"], 7),
        (&["close_wait"], &["conns", "state=close_wait"], 2),
        (&["9000,8080"], &["port", "8080,9000"], 12),
    ] {
        let told = rows(typed);
        assert_eq!(told, rows(written), "{typed:?}");
        assert_eq!(told.len(), found, "{typed:?}: {told:?}");
    }
    let count = |words: &[&str]| json(&[words, &["--json"]].concat())["total"].clone();
    assert_eq!(count(&["states", "close_wait"]), 2);
    assert_eq!(count(&["states", "bare-name-one"]), 1);
    let piles = json(&["buildup", "9000", "--json"]);
    assert_eq!(piles["buildup"][0]["count"], 2);
    // proc takes the beginning of one name, too.
    let by_name = rows(&["proc", "bare-name"]);
    assert_eq!(by_name, rows(&["proc", &pid]));
    assert!(by_name[0].contains(&port.to_string()), "{by_name:?}");
}

#[test]
fn what_can_be_two_things_is_refused_with_both() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let (_word, _) = called("delayed_ack");
    let both = "write timer=delayed_ack or process=delayed_ack";
    refused(
        &["conns", "port=1", "delayed_ack"],
        "at character 8: port=1 ^delayed_ack",
        both,
    );
    assert_eq!(sockscope(&["listen", "process=delayed_ack"]).code(), 0);
    assert_eq!(sockscope(&["listen", "\"delayed_ack\""]).code(), 0);
    assert_eq!(sockscope(&["conns", "timer=delayed_ack"]).code(), 1);
    let (_service, _) = called("kerberos-adm");
    let both = "write port=kerberos-adm (749) or process=kerberos-adm";
    refused(
        &["listen", "kerberos-adm"],
        "a service or the name of a process",
        both,
    );
    refused(
        &["kerberos-adm"],
        "a service or the name of a process",
        "port kerberos-adm, or",
    );
    let (_first, _) = called("bare-two-a");
    let (_second, _) = called("bare-two-b");
    refused(
        &["listen", "bare-two"],
        "begins with 'bare-two'",
        "bare-two-a, bare-two-b",
    );
    refused(
        &["proc", "bare-two"],
        "begins with 'bare-two'",
        "bare-two-a, bare-two-b",
    );
    assert_eq!(rows(&["listen", "bare-two-a,bare-two-b"]).len(), 2);
    refused(
        &["bare-two-a"],
        "there is no command",
        "sockscope proc bare-two-a",
    );
}

#[test]
fn a_name_that_no_process_has_matches_nothing_and_a_slip_is_told() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let none = |answer: &Answer| {
        assert_eq!(
            (answer.code(), answer.stdout.as_str()),
            (1, ""),
            "{answer:?}"
        );
        assert!(
            answer.stderr.contains("no process is called 'bare-zero'"),
            "{answer:?}"
        );
        assert_eq!(answer.stderr.lines().count(), 1, "{answer:?}");
    };
    none(&sockscope(&["conns", "bare-zero"]));
    none(&sockscope(&["listen", "bare-zero", "8080"]));
    none(&sockscope(&["proc", "bare-zero"]));
    refused(
        &["conns", "establised"],
        "^establised",
        "did you mean 'established'?",
    );
    refused(
        &["conns", "70000"],
        "above 65535",
        "of a process it is pid=70000",
    );
    refused(
        &["conns", "bare-zero", "--no-owners"],
        "needs owners",
        "--no-owners",
    );
    refused(
        &["bare-zero"],
        "there is no command 'bare-zero'",
        "sockscope --help",
    );
    refused(
        &["lisen"],
        "there is no command 'lisen'",
        "did you mean 'listen'?",
    );
    assert_eq!(sockscope(&["lisen", "-q"]).stderr, "");
}

#[test]
fn an_address_before_the_port_asks_who_answers_there() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let listen = |address: &str| std::net::TcpListener::bind(address).unwrap();
    let (_two, _three) = (listen("127.0.0.2:7001"), listen("127.0.0.3:7001"));
    let (_all, _six) = (listen("0.0.0.0:7002"), listen("[::1]:7003"));
    let client = std::net::TcpStream::connect("127.0.0.2:7001").unwrap();
    let own = client.local_addr().unwrap().port();
    let found = |words: &[&str]| rows(&[&["port"], words].concat());
    let told = found(&["127.0.0.2:7001"]);
    assert_eq!(told.len(), 3, "the listener and both ends: {told:?}");
    assert!(
        told.iter()
            .all(|row| row.contains("127.0.0.2") && !row.contains("127.0.0.3"))
    );
    assert_eq!(
        found(&["127.0.0.9:7002"]).len(),
        1,
        "the wildcard serves it"
    );
    assert_eq!(found(&["0.0.0.0:7002"]).len(), 1);
    assert_eq!(found(&["*:7002"]).len(), 0, "IPv6 is not in it");
    assert_eq!(found(&["localhost:7003"]).len(), 1);
    assert_eq!(found(&["[::1]:7003"]).len(), 1);
    assert_eq!(found(&["127.0.0.1:7003"]).len(), 0);
    assert_eq!(found(&["127.0.0.2:7001", "state=listen"]).len(), 1);
    assert_eq!(
        found(&["127.0.0.2:7001", &format!("127.0.0.1:{own}")]).len(),
        3
    );
    assert_eq!(found(&["127.0.0.3:7001", "7002"]).len(), 2);
    // Who holds it is asked, and not who uses it.
    let pids = sockscope(&["port", "127.0.0.2:7001", "--pids"]);
    assert_eq!(pids.stdout.trim(), std::process::id().to_string());
    assert_eq!(sockscope(&["port", "127.0.0.4:7001"]).code(), 1);
    refused(
        &["port", "example.org:80"],
        "is an address and port, not a port",
        "the port only: 80",
    );
}

#[test]
fn columns_go_by_their_headings() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established", "--count", "2"]);
    let plain = |words: &[&str]| {
        let answer = Run::new(&["conns", "--format=csv"]).args(words).output();
        assert_eq!(answer.code(), 0, "{answer:?}");
        answer.stdout
    };
    let columns = plain(&["--columns", "PROTO,recv,retries,cong"]);
    assert!(
        columns.starts_with("protocol,recv_q,retransmits,congestion\n"),
        "{columns}"
    );
    assert_eq!(plain(&["--sort", "recv"]), plain(&["--sort", "recv_q"]));
    assert_eq!(plain(&["--sort", "-port"]), plain(&["--sort", "-lport"]));
    refused(
        &["conns", "--sort", "loc"],
        "several columns begin with 'loc'",
        "local, laddr",
    );
    refused(
        &["conns", "--columns", "proc"],
        "several columns",
        "process, process_user",
    );
    refused(
        &["conns", "--columns", "nope"],
        "no column 'nope'",
        "columns are:",
    );
}
