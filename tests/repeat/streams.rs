//! `--watch` in a pipe: events, blocks, and how it ends.
#![allow(unsafe_code, reason = "they call the kernel directly")]

use common::{DEADLINE, Namespace, Run, Scene, Stream, eventually, sockscope, spawn};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Stdio;

const OFTEN: &str = "--watch=100ms";

fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn is(event: &Value, kind: &str, state: &str, end: SocketAddr) -> bool {
    event["event"] == kind
        && event["socket"]["state"] == state
        && event["socket"]["local"] == json!({"address": end.ip(), "port": end.port()})
}

fn me() -> u32 {
    std::process::id()
}

#[test]
fn a_listener_comes_and_goes_with_its_owner() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let (old, _) = listener();
    let stream = Stream::start(&["listen", OFTEN, "--format=ndjson"]);
    let there = stream.event("present", |event| {
        is(event, "present", "LISTEN", old.local_addr().unwrap())
    });
    assert_eq!(
        there["monotonic_ms"]
            .as_u64()
            .map(|ms| u128::from(ms) < DEADLINE.as_millis()),
        Some(true)
    );
    assert!(there.get("changes").is_none() && there.get("last_owner").is_none());
    let (new, _) = listener();
    let end = new.local_addr().unwrap();
    let opened = stream.event("opened", |event| is(event, "opened", "LISTEN", end));
    assert_eq!(opened["socket"]["owners"][0]["pid"], me());
    drop(new);
    let closed = stream.event("closed", |event| is(event, "closed", "LISTEN", end));
    assert_eq!(closed["last_owner"]["pid"], me());
    assert_eq!(closed["socket"], opened["socket"], "as it was last seen");
    let times: Vec<_> = [&there, &opened, &closed]
        .map(|e| e["monotonic_ms"].as_u64())
        .into();
    assert!(times.is_sorted(), "{times:?}");
    let answer = stream.end(libc::SIGTERM);
    assert_eq!(answer.code(), 0, "{answer:?}");
    // Nothing else happened to sockets: the first set is told once.
    let lines = answer.stdout.lines();
    let mut kinds: Vec<Value> = lines
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["event"].clone())
        .collect();
    kinds.retain(|kind| kind != "behind");
    assert_eq!(kinds, ["present", "opened", "closed"]);
}

#[test]
fn the_life_of_a_connection_is_told() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let (listener, _) = listener();
    let stream = Stream::start(&["conns", OFTEN, "--format=ndjson"]);
    // The first look is over when something opens after it.
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.connect("127.0.0.1:9").unwrap();
    stream.event("the first look", |event| {
        event["socket"]["protocol"] == "udp"
    });
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let near = client.local_addr().unwrap();
    let (server, _) = listener.accept().unwrap();
    let far = server.local_addr().unwrap();
    stream.event("both ends", |event| {
        is(event, "opened", "ESTABLISHED", near)
    });
    // The client closes first: the server keeps it half open.
    drop(client);
    let waits = stream.event("CLOSE_WAIT", |event| {
        is(event, "changed", "CLOSE_WAIT", far)
    });
    assert_eq!(waits["previous_state"], "ESTABLISHED");
    assert_eq!(waits["socket"]["owners"][0]["pid"], me());
    let half = stream.event("FIN_WAIT2", |event| is(event, "changed", "FIN_WAIT2", near));
    assert_eq!(half["socket"]["owners"], json!([]));
    assert_eq!(half["last_owner"]["pid"], me());
    drop(server);
    let past = stream.event("TIME_WAIT", |event| is(event, "changed", "TIME_WAIT", near));
    assert_eq!(past["previous_state"], "FIN_WAIT2");
    assert_eq!(past["socket"]["owner_status"], "timewait");
    assert_eq!(
        past["last_owner"]["pid"],
        me(),
        "remembered over two looks without one"
    );
    let changes: Vec<_> = past["changes"].as_array().unwrap().iter().collect();
    assert!(changes.contains(&&json!("state")), "{past}");
    let closed = stream.event("closed", |event| is(event, "closed", "CLOSE_WAIT", far));
    assert_eq!(closed["last_owner"]["pid"], me());
    // In one round what closed comes first.
    let events = stream.events();
    let order = |event: &Value| {
        let kinds = ["present", "closed", "changed", "opened"];
        let kind = kinds.iter().position(|kind| event["event"] == *kind);
        (event["monotonic_ms"].as_u64(), kind)
    };
    assert!(events.iter().map(order).is_sorted(), "{events:#?}");
}

#[test]
fn a_filter_chooses_what_opens_and_a_limit_what_is_shown() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let (listener, _) = listener();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    let far = server.local_addr().unwrap();
    let filtered = Stream::start(&["conns", "state=close_wait", OFTEN, "--format=ndjson"]);
    let first = Stream::start(&[
        "listen",
        "--limit=1",
        "--sort=lport",
        OFTEN,
        "--format=ndjson",
    ]);
    first.event("the listener", |event| is(event, "present", "LISTEN", far));
    // A look without rows says nothing, so nothing tells when it is over: wait for its note.
    eventually("the first look", DEADLINE, || {
        filtered
            .said()
            .contains("no connection matches")
            .then_some(())
    });
    drop(client);
    filtered.event("it matches", |event| is(event, "opened", "CLOSE_WAIT", far));
    // A lower port takes the one row.
    let lower = (1024..far.port()).find_map(|port| TcpListener::bind(("127.0.0.1", port)).ok());
    let end = lower.as_ref().unwrap().local_addr().unwrap();
    first.event("shown", |event| is(event, "opened", "LISTEN", end));
    first.event("not shown", |event| is(event, "closed", "LISTEN", far));
}

#[test]
fn a_socket_that_stays_the_same_is_no_event() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["time-wait", "--count=5"]);
    let _other = Scene::start(&["established", "--count=3"]);
    let commands: [&[&str]; 4] = [
        &["conns", "-a"],
        &["inspect", "port>=0"],
        &["states"],
        // Ages grow.
        &["buildup"],
    ];
    let directory = std::env::temp_dir().join(format!("sockscope-same-{}", me()));
    std::fs::create_dir(&directory).unwrap();
    for (place, command) in commands.into_iter().enumerate() {
        let file = directory.join(place.to_string());
        let save = format!("--save={}", file.display());
        let stream = Stream::start(&[command, &[OFTEN, "--format=ndjson", &save]].concat());
        // Every round is saved, with its time.
        let mut times = std::collections::BTreeSet::new();
        eventually("ten rounds", DEADLINE, || {
            let saved: Value = serde_json::from_slice(&std::fs::read(&file).ok()?).unwrap();
            times.insert(saved["collected_at"].to_string());
            (times.len() >= 10).then_some(())
        });
        let events = stream.events();
        let other = events.iter().find(|event| event["event"] != "present");
        let is_late = |event: &Value| event["event"] == "behind";
        assert!(other.is_none_or(is_late), "{other:#?}");
        assert!(!events.is_empty());
    }
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn rounds_that_were_missed_are_told() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let stream = Stream::start(&["doctor", "--for=350ms", OFTEN, "--format=ndjson"]);
    let behind = stream.event("behind", |event| event["event"] == "behind");
    assert!(behind["missed_rounds"].as_u64().unwrap() >= 3, "{behind}");
    eventually("the note", DEADLINE, || {
        stream
            .said()
            .contains("could not keep up with a look every 0.1 s")
            .then_some(())
    });
}

/// What a stream holds does not grow with its rounds: under churn, the sockets of two looks.
#[test]
fn memory_does_not_grow() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let (listener, _) = listener();
    let stream = Stream::start(&["conns", OFTEN, "--format=ndjson"]);
    let peak = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", stream.pid())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    let churn = |rounds: usize| {
        for _ in 0..rounds {
            let before = stream.lines().len();
            let pairs: Vec<_> = (0..200)
                .map(|_| {
                    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
                    // No TIME_WAIT: the table shall not grow either.
                    let (server, _) = listener.accept().unwrap();
                    reset_on_close(&client);
                    (client, server)
                })
                .collect();
            eventually("opened", DEADLINE, || {
                (stream.lines().len() >= before + 400).then_some(())
            });
            drop(pairs);
            eventually("closed", DEADLINE, || {
                (stream.lines().len() >= before + 800).then_some(())
            });
        }
    };
    churn(5);
    let first = peak();
    churn(15);
    let last = peak();
    // Were all sockets kept, 6,000 more would be some megabytes.
    assert!(last < first + 2048, "{first} kB, then {last} kB");
}

/// SO_LINGER with no time: close() sends a reset.
fn reset_on_close(socket: &TcpStream) {
    use std::os::fd::AsRawFd;
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    // SAFETY: the pointer is to a live linger, and its size is given.
    common::checked(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            libc::socklen_t::try_from(size_of::<libc::linger>()).unwrap(),
        )
    })
    .unwrap();
}

#[test]
fn each_round_is_a_block() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let (_listener, port) = listener();
    let once = |format| sockscope(&["listen", format]).stdout;
    for format in ["--format=table", "--format=plain", "--format=csv"] {
        let stream = Stream::start(&["listen", format, OFTEN]);
        let has = format!("127.0.0.1:{port}");
        let lines = eventually("three rounds", DEADLINE, || {
            let lines = stream.lines();
            (lines.iter().filter(|line| line.contains(&has)).count() >= 3).then_some(lines)
        });
        let text = lines.join("\n");
        let blocks: Vec<&str> = text.split("\n\n").take(3).collect();
        assert_eq!(blocks.len(), 3, "{text}");
        for block in blocks {
            let block = if format.ends_with("table") {
                let (head, rows) = block.split_once('\n').unwrap();
                let time = head.strip_prefix("-- ").unwrap_or_else(|| panic!("{text}"));
                assert!(
                    time.ends_with('Z') && time.parse::<jiff::Timestamp>().is_ok(),
                    "{time}"
                );
                rows
            } else {
                block
            };
            assert_eq!(format!("{}\n", block.trim_end()), once(format), "{text}");
        }
        assert_eq!(stream.end(libc::SIGINT).code(), 0);
    }
    let stream = Stream::start(&["listen", "--json", OFTEN]);
    let envelopes = eventually("three envelopes", DEADLINE, || {
        let text = stream.lines().join("\n");
        let read = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
        let whole: Vec<Value> = read.map_while(Result::ok).collect();
        (whole.len() >= 3).then_some(whole)
    });
    for envelope in &envelopes {
        assert_eq!(envelope["sockets"][0]["local"]["port"], port);
    }
    assert_ne!(envelopes[0]["collected_at"], envelopes[1]["collected_at"]);
}

#[test]
fn the_exit_code_is_that_of_the_last_round_and_a_note_is_said_once() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let stream = Stream::start(&["listen", OFTEN]);
    eventually("three empty rounds", DEADLINE, || {
        (stream
            .lines()
            .iter()
            .filter(|line| line.starts_with("-- "))
            .count()
            >= 3)
            .then_some(())
    });
    let answer = stream.end(libc::SIGTERM);
    assert_eq!(answer.code(), 1, "{answer:?}");
    let notes = answer
        .stderr
        .lines()
        .filter(|line| !line.contains("could not keep up"));
    assert_eq!(
        notes.collect::<Vec<_>>(),
        ["sockscope: nothing is listening here"]
    );
}

#[test]
fn a_closed_pipe_ends_it_at_once() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let (_listener, _) = listener();
    for format in ["table", "plain", "csv", "json", "ndjson"] {
        // The next round is far away, and of ndjson nothing is ever written again.
        let mut command = Run::new(&["listen", "--watch=1h", "--format", format]).command();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = spawn::spawn(&mut command).unwrap();
        let mut first = String::new();
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        reader.read_line(&mut first).unwrap();
        assert!(!first.is_empty());
        drop(reader);
        let status = eventually("the end", DEADLINE, || child.try_wait().unwrap());
        let mut said = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        assert_eq!((status.code(), said.as_str()), (Some(0), ""), "{format}");
    }
}

#[test]
fn a_reader_that_stops_does_not_keep_it_alive() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established", "--count=400"]);
    let mut command = Run::new(&["conns", "--json", OFTEN]).command();
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = spawn::spawn(&mut command).unwrap();
    let state = || {
        let path = format!("/proc/{}/wchan", child.id());
        std::fs::read_to_string(path).unwrap_or_default()
    };
    eventually("a full pipe", DEADLINE, || {
        state().contains("pipe_write").then_some(())
    });
    // SAFETY: a plain system call; the child is ours and not yet waited for.
    unsafe { libc::kill(child.id().cast_signed(), libc::SIGTERM) };
    let status = eventually("the end", DEADLINE, || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
}

#[test]
fn wrong_usage_is_said_in_one_line_and_a_hint() {
    let wrong: [&[&str]; 15] = [
        &["schema", "--watch"],
        &["completions", "bash", "--watch"],
        &["man", "--watch"],
        &["--columns=help", "--watch"],
        &["doctor", "--list", "--watch"],
        &["explain", "--watch"],
        &["listen", "--pids", "--watch"],
        &["port", "80", "--pids", "--watch"],
        &["conns", "--pids", "--watch=5"],
        &["proc", "1", "--pids", "--watch=5"],
        &["listen", "--watch=0"],
        &["listen", "--watch=99ms"],
        &["listen", "--watch=-1"],
        &["listen", "--watch=soon"],
        &["listen", "--watch="],
    ];
    for arguments in wrong {
        let answer = sockscope(arguments);
        assert_eq!(answer.code(), 2, "{arguments:?} {answer:?}");
        assert_eq!(answer.stdout, "", "{arguments:?}");
        assert_eq!(answer.stderr.lines().count(), 2, "{arguments:?} {answer:?}");
    }
    // Nothing to show, and nothing is said either.
    let answer = sockscope(&["listen", "-q", "--watch"]);
    assert_eq!((answer.code(), answer.stderr.as_str()), (2, ""));
    // The interval stands behind a sign: a word is a filter.
    let answer = sockscope(&["conns", "--watch", "2"]);
    assert_eq!(answer.code(), 2, "{answer:?}");
    assert!(
        answer.stderr.contains("as an interval: --watch=2"),
        "{answer:?}"
    );
    // What is wrong with the command is said as ever, at once.
    let answer = sockscope(&["port", "http?", "--watch"]);
    assert_eq!(answer.code(), 2, "{answer:?}");
}

#[test]
fn what_cannot_be_read_later_is_said_and_rounds_go_on() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let (_listener, port) = listener();
    let directory = std::env::temp_dir().join(format!("sockscope-repeat-{}", me()));
    std::fs::create_dir(&directory).unwrap();
    let file = directory.join("saved");
    let save = format!("--save={}", file.display());
    let stream = Stream::start(&["listen", OFTEN, "--format=ndjson", &save]);
    eventually("the first file", DEADLINE, || file.exists().then_some(()));
    // A directory in its place: no round can be saved.
    std::fs::remove_file(&file).unwrap();
    while std::fs::create_dir(&file).is_err() {
        // A round has made it anew meanwhile.
        let _ = std::fs::remove_file(&file);
    }
    let problem = stream.event("a problem", |event| event["event"] == "problem");
    assert_eq!(problem["problem"]["code"], "cannot_save");
    std::fs::remove_dir(&file).unwrap();
    eventually("a file again", DEADLINE, || file.is_file().then_some(()));
    let saved: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(saved["sockets"][0]["local"]["port"], port);
    let said = stream.said();
    assert_eq!(said.matches("cannot save to").count(), 1, "{said}");
    drop(stream);
    std::fs::remove_dir_all(directory).unwrap();
    assert_eq!(Run::new(&["--version"]).output().code(), 0);
}
