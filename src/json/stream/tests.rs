//! Events from looks that were made up.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU64;

use serde_json::json;

use super::*;
use crate::model::{Endpoint, Family, Protocol, State};

#[derive(Clone, Default)]
struct Out(Rc<RefCell<Vec<u8>>>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream, and its lines so far.
#[derive(Default)]
struct Stream {
    memory: Rc<RefCell<Memory>>,
    looks: u64,
}

impl Stream {
    fn look(&mut self, tell: impl FnOnce(&mut Events<Out>) -> io::Result<()>) -> Vec<Value> {
        let out = Out::default();
        let head = Head {
            command: "conns",
            collected_at: "2026-01-01T00:00:00.000Z".to_owned(),
            host: "host".into(),
            limit: None,
            asked: None,
            columns: Vec::new(),
        };
        let at = Duration::from_secs(self.looks);
        self.looks += 1;
        let mut events = Events::new(out.clone(), &head, at, Rc::clone(&self.memory));
        tell(&mut events).unwrap();
        let bytes = out.0.borrow();
        let lines = std::str::from_utf8(&bytes).unwrap().lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn records(&mut self, kind: &'static Kind, rows: &[Value]) -> Vec<Value> {
        let mut lines = self.look(|events| events.records(kind, rows.iter(), &Report::default()));
        for line in &mut lines {
            assert_eq!(line["schema"], "sockscope/v1");
            let line = line.as_object_mut().unwrap();
            for key in ["schema", "collected_at", "host"] {
                line.remove(key).unwrap();
            }
        }
        lines
    }
}

fn socket(cookie: u64, state: State) -> Socket {
    let end = |port| Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let mut socket = Socket::new(Protocol::Tcp, Family::V4, state, end(80));
    socket.peer = Some(end(1000));
    socket.cookie = NonZeroU64::new(cookie);
    socket
}

fn kinds(lines: &[Value]) -> Vec<&str> {
    lines
        .iter()
        .map(|line| line["event"].as_str().unwrap())
        .collect()
}

#[test]
fn what_closed_comes_before_what_changed_and_what_opened() {
    let mut stream = Stream::default();
    let mut look = |sockets: &[Socket]| {
        stream.look(|events| {
            // Rows come in batches.
            for socket in sockets {
                events.rows(std::slice::from_ref(socket), &Facts::default())?;
            }
            events.end(&Report::default())
        })
    };
    let lines = look(&[socket(1, State::Established), socket(2, State::SynSent)]);
    assert_eq!(kinds(&lines), ["present", "present"]);
    assert_eq!(lines[0]["monotonic_ms"], 0);
    assert!(lines[0].get("last_owner").is_none() && lines[0].get("changes").is_none());
    let lines = look(&[socket(3, State::SynSent), socket(2, State::Established)]);
    assert_eq!(kinds(&lines), ["closed", "changed", "opened"]);
    assert_eq!(lines[0]["socket"]["state"], "ESTABLISHED");
    assert_eq!(lines[0]["last_owner"], Value::Null);
    assert_eq!(lines[1]["changes"], json!(["state"]));
    assert_eq!(lines[1]["previous_state"], "SYN_SENT");
    assert_eq!(lines[2]["socket"]["cookie"], "0000000000000003");
    assert_eq!(lines[2]["monotonic_ms"], 1000);
    let lines = look(&[socket(3, State::SynSent), socket(2, State::Established)]);
    assert_eq!(lines, [] as [Value; 0]);
}

#[test]
fn a_problem_is_told_when_it_is_new() {
    let mut stream = Stream::default();
    let problem = Problem::new("lost", "rows were lost").count(2);
    let report = Report {
        problems: vec![problem.clone()],
        ..Report::default()
    };
    let told = stream.look(|events| events.end(&report));
    assert_eq!(told[0]["event"], "problem");
    assert_eq!(
        told[0]["problem"],
        json!({"code": "lost", "message": "rows were lost", "hint": null, "count": 2})
    );
    assert!(stream.look(|events| events.end(&report)).is_empty());
    assert!(stream.look(|events| events.failed(&problem)).is_empty());
    assert!(
        stream
            .look(|events| events.end(&Report::default()))
            .is_empty()
    );
    assert_eq!(
        kinds(&stream.look(|events| events.failed(&problem))),
        ["problem"]
    );
    let behind = stream.look(|events| events.behind(3));
    assert_eq!(behind[0]["missed_rounds"], 3);
}

#[test]
fn records_are_known_by_their_keys_and_an_age_is_no_change() {
    let pile = |peer: &str, count, oldest| {
        json!({"state": "TIME_WAIT", "process": null, "local": null, "peer": {"address": peer},
            "count": count, "oldest_ms": oldest, "new_per_second": count})
    };
    let mut stream = Stream::default();
    let (a, b) = ("10.0.0.1", "10.0.0.2");
    let lines = stream.records(&Kind::PILE, &[pile(a, 5, 10), pile(b, 1, 10)]);
    assert_eq!(
        lines[0],
        json!({"event": "present", "monotonic_ms": 0, "pile": pile(a, 5, 10)})
    );
    // Ages grow and the rate is another one; the order is no fact.
    let mut older = pile(a, 5, 2010);
    older["new_per_second"] = json!(0.5);
    let lines = stream.records(&Kind::PILE, &[pile(b, 1, 2010), older]);
    assert_eq!(lines, [] as [Value; 0]);
    let lines = stream.records(&Kind::PILE, &[pile(a, 6, 2010), pile("::1", 1, 0)]);
    assert_eq!(kinds(&lines), ["closed", "changed", "opened"]);
    assert_eq!(lines[0]["pile"], pile(b, 1, 2010));
    assert_eq!(lines[1]["changes"], json!(["count"]));
    let lines = stream.records(&Kind::PILE, &[pile(a, 6, 10), pile("::1", 1, 0)]);
    assert_eq!(
        lines[0]["changes"],
        json!(["oldest_ms"]),
        "the oldest has gone"
    );
}

#[test]
fn the_words_of_a_finding_are_no_change_and_its_evidence_is() {
    let finding = |title: &str, count, idle| {
        json!({"id": "half-open-risk", "subject": {"pid": 7}, "severity": "info",
            "title": title, "evidence": {"count": count, "idle_ms": idle, "x_per_second": idle}})
    };
    let mut stream = Stream::default();
    let twice = [finding("one", 1, 5), finding("one", 1, 5)];
    assert_eq!(
        kinds(&stream.records(&Kind::FINDING, &twice)),
        ["present"; 2]
    );
    let lines = stream.records(&Kind::FINDING, &[finding("two", 1, 9)]);
    assert_eq!(kinds(&lines), ["closed"]);
    let lines = stream.records(&Kind::FINDING, &[finding("two", 2, 9)]);
    assert_eq!(lines[0]["changes"], json!(["evidence"]));
}
