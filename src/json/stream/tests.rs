//! Events from looks that were made up.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU64;

use serde_json::json;

use super::*;
use crate::analyze::buildup::{Attribution, Growth, Pile, SharedEnd};
use crate::analyze::doctor::{Evidence, Finding, Number, Severity, Subject};
use crate::model::{Endpoint, Family, OwnerStatus, Protocol, State};
use crate::view::buildup::PileRow;
use crate::view::doctor::FindingRow;

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
    memory: Rc<RefCell<Remembered>>,
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

    fn records<R: EventRow>(&mut self, rows: impl Iterator<Item = R>) -> Vec<Value> {
        let mut lines = self.look(|events| events.records(rows, &Report::default()));
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
    socket.peer = end(1000).into();
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
    let pile = |peer: [u8; 4], count, oldest, rate| Pile {
        state: State::TimeWait,
        count,
        oldest_ms: Some(oldest),
        process: None,
        processes: 1,
        attribution: Attribution::Destination,
        is_held: false,
        owner_status: OwnerStatus::TimeWait,
        group: None,
        local: SharedEnd {
            address: None,
            port: None,
        },
        peer: SharedEnd {
            address: Some(peer.into()),
            port: None,
        },
        verdicts: None,
        unanswered: None,
        files: None,
        growth: Some(Growth::PerSecond(rate)),
    };
    let mut stream = Stream::default();
    let mut look = |piles: &[Pile]| stream.records(piles.iter().map(PileRow::new));
    let written = |pile: &Pile| serde_json::to_value(PileRow::new(pile)).unwrap();
    let (a, b, c) = ([10, 0, 0, 1], [10, 0, 0, 2], [10, 0, 0, 3]);
    let (first, second) = (pile(a, 5, 10, 1.0), pile(b, 1, 10, 1.0));
    let lines = look(&[first.clone(), second]);
    let first = written(&first);
    assert_eq!(
        lines[0],
        json!({"event": "present", "monotonic_ms": 0, "pile": first})
    );
    // Ages grow and the rate is another one; the order is no fact.
    let lines = look(&[pile(b, 1, 2010, 1.0), pile(a, 5, 2010, 0.5)]);
    assert_eq!(lines, [] as [Value; 0]);
    let lines = look(&[pile(a, 6, 2010, 0.5), pile(c, 1, 0, 1.0)]);
    assert_eq!(kinds(&lines), ["closed", "changed", "opened"]);
    assert_eq!(lines[0]["pile"], written(&pile(b, 1, 2010, 1.0)));
    assert_eq!(lines[1]["changes"], json!(["count"]));
    let lines = look(&[pile(a, 6, 10, 0.5), pile(c, 1, 0, 1.0)]);
    assert_eq!(
        lines[0]["changes"],
        json!(["oldest_ms"]),
        "the oldest has gone"
    );
    let below = Pile {
        growth: Some(Growth::Below(0.5)),
        ..pile(a, 6, 10, 0.5)
    };
    let lines = look(&[below, pile(c, 1, 0, 1.0)]);
    assert_eq!(
        lines[0]["changes"],
        json!(["new_per_second", "new_per_second_below"])
    );
}

#[test]
fn the_words_of_a_finding_are_no_change_and_its_evidence_is() {
    let finding = |title: &str, count: u64, idle| Finding {
        id: "half-open-risk",
        severity: Severity::Info,
        title: title.to_owned(),
        subject: Subject::host(),
        evidence: Evidence::default()
            .with("count", count)
            .with("idle_ms", Number::Age(idle))
            .with("x_per_second", crate::analyze::float(idle)),
        cause: title.to_owned(),
        remedy: vec![title.to_owned()],
        holders: Vec::new(),
    };
    let mut stream = Stream::default();
    let mut look = |findings: &[Finding]| stream.records(findings.iter().map(FindingRow::new));
    let twice = [finding("one", 1, 5), finding("one", 1, 5)];
    assert_eq!(kinds(&look(&twice)), ["present"; 2]);
    assert_eq!(kinds(&look(&[finding("two", 1, 9)])), ["closed"]);
    let lines = look(&[finding("two", 2, 9)]);
    assert_eq!(lines[0]["changes"], json!(["evidence"]));
    let lines = look(&[finding("two", 2, 8)]);
    assert_eq!(lines[0]["changes"], json!(["evidence"]), "less idle");
}
