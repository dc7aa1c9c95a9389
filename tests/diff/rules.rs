//! What `diff` compares, by rules that hold for all answers: made-up ones, changed at random.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use sockscope::json::read;
use sockscope::look::changes::Look;
use sockscope::look::diff::{Apart, Difference, sockets};
use sockscope::look::sample::Sample;
use sockscope::model::Snapshot;

/// A socket of an answer, in a few numbers.
#[derive(Clone, Debug, PartialEq)]
struct Made {
    cookie: u64,
    udp: bool,
    port: u16,
    peer: Option<u16>,
    state: usize,
    queue: (u32, u32),
    owner: Option<(u32, u32)>,
}

const STATES: [&str; 4] = ["ESTABLISHED", "CLOSE_WAIT", "FIN_WAIT1", "LAST_ACK"];

impl Made {
    fn json(&self, with_cookie: bool) -> Value {
        let end = |port: u16| json!({"address": "127.0.0.1", "port": port});
        let listens = self.peer.is_none();
        let state = match (self.udp, listens) {
            (true, true) => "UNCONN",
            (true, false) => "ESTABLISHED",
            (false, true) => "LISTEN",
            (false, false) => STATES[self.state],
        };
        let accept = listens && !self.udp;
        let owners = self.owner.map(|(pid, fd)| {
            json!({"pid": pid, "fd": fd, "via": "fd", "comm": format!("p{pid}"),
                "command": null, "uid": 0, "user": "root"})
        });
        json!({
            "protocol": if self.udp { "udp" } else { "tcp" },
            "family": "ipv4",
            "state": state,
            "local": end(self.port),
            "peer": self.peer.map(end),
            "role": null,
            "interface": null,
            "inode": 1000 + self.cookie,
            "cookie": with_cookie.then(|| format!("{:016x}", self.cookie)),
            "netns": 4_026_531_840_u64,
            "uid": 0,
            "user": "root",
            "recv_q": (!accept).then_some(self.queue.0),
            "send_q": (!accept).then_some(self.queue.1),
            "accept_queue": accept.then(|| json!({"length": self.queue.0, "limit": 128})),
            "timer": null,
            "owners": owners.iter().collect::<Vec<_>>(),
            "owner_status": if self.owner.is_some() { "found" } else { "kernel_or_hidden" },
        })
    }
}

fn answer(rows: &[Made], with_cookies: bool) -> String {
    let rows: Vec<_> = rows.iter().map(|row| row.json(with_cookies)).collect();
    json!({
        "schema": "sockscope/v1", "command": "conns", "host": "h",
        "collected_at": "2026-11-20T10:00:00.000Z", "collector": "netlink",
        "owners_from": "proc", "complete": true, "problems": [], "sockets": rows,
    })
    .to_string()
}

fn snapshot(rows: &[Made], with_cookies: bool) -> Snapshot {
    let text = answer(rows, with_cookies);
    let saved = read::read(&text).unwrap();
    assert_eq!((saved.raw.len(), saved.left_out), (rows.len(), 0));
    saved.snapshot
}

fn compared(before: &[Made], after: &[Made], cookies: (bool, bool)) -> Difference {
    let (before, after) = (snapshot(before, cookies.0), snapshot(after, cookies.1));
    sockets(&before, &after, true)
}

fn made(cookie: u64) -> impl Strategy<Value = Made> {
    let port = 1_u16..=40;
    let peer = prop::option::of(1_u16..=3);
    let owner = prop::option::of((1_u32..5, 3_u32..6));
    (
        any::<bool>(),
        port,
        peer,
        0..STATES.len(),
        (0_u32..3, 0_u32..3),
        owner,
    )
        .prop_map(move |(udp, port, peer, state, queue, owner)| Made {
            cookie,
            udp,
            port,
            peer,
            state,
            queue,
            owner,
        })
}

/// Sockets with cookies of their own; some may share their ends.
fn many() -> impl Strategy<Value = Vec<Made>> {
    (0_u64..30).prop_flat_map(|count| (1..=count).map(made).collect::<Vec<_>>())
}

/// What becomes of a socket, its state and its queue then.
type Fate = (u8, usize, (u32, u32));

/// What becomes of each socket: it goes, stays, or changes; and sockets that come.
fn fate() -> impl Strategy<Value = (Vec<Fate>, Vec<Made>)> {
    let one = (0_u8..5, 0..STATES.len(), (0_u32..3, 0_u32..3));
    let news = (0_u64..8).prop_flat_map(|count| (101..=100 + count).map(made).collect::<Vec<_>>());
    (prop::collection::vec(one, 30), news)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn nothing_differs_from_itself(rows in many(), with: bool) {
        let found = compared(&rows, &rows, (with, with));
        prop_assert!(found.changes.is_empty(), "{found:?}");
        // Of the same look through a source without cookies, too.
        let mixed = compared(&rows, &rows, (true, false));
        prop_assert!(mixed.changes.is_empty(), "{mixed:?}");
    }

    #[test]
    fn what_opened_one_way_closed_the_other(a in many(), b in many(), with: bool) {
        let there = compared(&a, &b, (with, with));
        let back = compared(&b, &a, (with, with));
        prop_assert_eq!(there.apart, back.apart);
        let (there, back) = (there.changes, back.changes);
        prop_assert_eq!(&there.opened, &back.closed);
        prop_assert_eq!(&there.closed, &back.opened);
        let pairs: BTreeSet<_> = there.changed.iter().map(|c| (c.before, c.now)).collect();
        let turned: BTreeSet<_> = back.changed.iter().map(|c| (c.now, c.before)).collect();
        prop_assert_eq!(pairs, turned);
    }

    #[test]
    fn every_mutation_is_found_and_nothing_else(rows in many(), (fates, news) in fate()) {
        let (mut after, mut closed, mut changed) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (place, (row, (what, state, queue))) in rows.iter().zip(fates).enumerate() {
            let mut now = row.clone();
            match what {
                0 => {
                    closed.push(place);
                    continue;
                }
                1 => now.state = state,
                2 => now.queue = queue,
                3 => now.owner = None,
                _ => {}
            }
            if now.json(true) != row.json(true) {
                changed.insert((place, after.len()));
            }
            after.push(now);
        }
        let first_new = after.len();
        after.extend(news);
        let found = compared(&rows, &after, (true, true));
        prop_assert_eq!(found.apart, None);
        prop_assert_eq!(found.changes.closed, closed);
        prop_assert_eq!(found.changes.opened, (first_new..after.len()).collect::<Vec<_>>());
        let pairs: BTreeSet<_> = found.changes.changed.iter().map(|c| (c.before, c.now)).collect();
        prop_assert_eq!(pairs, changed);
    }

    /// The same as between two looks of `--watch`.
    #[test]
    fn it_agrees_with_two_looks(rows in many(), (fates, news) in fate()) {
        let mut after: Vec<Made> = rows.clone();
        for (row, (what, state, queue)) in after.iter_mut().zip(fates) {
            match what {
                0 => row.cookie += 1000,
                1 => row.state = state,
                2 => row.queue = queue,
                _ => {}
            }
        }
        after.extend(news);
        let (before, after) = (snapshot(&rows, true), snapshot(&after, true));
        let found = sockets(&before, &after, true);
        prop_assume!(found.apart.is_none());
        let sample = |snapshot: Snapshot, at| Sample {
            snapshot,
            at: Duration::from_secs(at),
            ..Sample::default()
        };
        let (_, changes) = Look::first(sample(before, 0)).next(sample(after, 1));
        prop_assert_eq!(found.changes, changes);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = read::read(&text).map(|saved| saved.raw.len());
    }

    #[test]
    fn no_damage_makes_the_reader_panic(
        rows in many(),
        at in any::<prop::sample::Index>(),
        put in "[\\x00-\\x7f\u{202e}\u{9b}\"{}\\[\\],:0-9a-z\\\\]{0,4}",
        cut: bool,
    ) {
        let mut text = answer(&rows, true);
        let mut place = at.index(text.len());
        while !text.is_char_boundary(place) {
            place -= 1;
        }
        if cut {
            text.truncate(place);
        } else {
            text.replace_range(place..=place, &put);
        }
        match read::read(&text) {
            Ok(saved) => {
                // What can be read can be compared.
                let _ = sockets(&saved.snapshot, &saved.snapshot, true);
            }
            Err(fault) => prop_assert!(!fault.to_string().is_empty()),
        }
        if cut {
            prop_assert!(read::read(&text).is_err());
        }
    }

    /// Any value in any place of a row: a fault or a socket, never a panic.
    #[test]
    fn no_value_in_a_row_makes_the_reader_panic(row in made(1), key in 0_usize..18, kind in 0_u8..8) {
        let mut row = row.json(true);
        let keys: Vec<String> = row.as_object().unwrap().keys().cloned().collect();
        let value = match kind {
            0 => Value::Null,
            1 => json!(-1),
            2 => json!(u64::MAX),
            3 => json!(1e300),
            4 => json!("\u{1b}]52;c;\u{202e}"),
            5 => json!([[], {}]),
            6 => json!({"address": "::1%lo", "port": 99999}),
            _ => json!(true),
        };
        row[&keys[key % keys.len()]] = value;
        let mut answer: Value = serde_json::from_str(&answer(&[], true)).unwrap();
        answer["sockets"] = json!([row]);
        let text = format!("{answer:#}");
        match read::read(&text) {
            Ok(saved) => prop_assert!(saved.snapshot.sockets.len() <= 1),
            Err(fault) => prop_assert!(fault.to_string().contains("line"), "{fault}"),
        }
    }
}

fn listener(cookie: u64, port: u16) -> Made {
    Made {
        cookie,
        udp: false,
        port,
        peer: None,
        state: 0,
        queue: (0, 0),
        owner: Some((7, 3)),
    }
}

#[test]
fn cookies_that_contradict_each_other_are_of_two_boots() {
    let before: Vec<_> = (1..=6)
        .map(|n| listener(n, 100 + u16::try_from(n).unwrap()))
        .collect();
    // Started anew: the same listeners, and the kernel counts in another order.
    let after: Vec<_> = (1..=6)
        .map(|n| listener(7 - n, 100 + u16::try_from(n).unwrap()))
        .collect();
    let found = compared(&before, &after, (true, true));
    assert_eq!(found.apart, Some(Apart::Boots));
    assert!(found.changes.is_empty(), "{found:?}");
}

#[test]
fn of_other_hosts_only_ends_and_names_count() {
    let before = snapshot(&[listener(1, 80), listener(2, 81), listener(3, 81)], true);
    let mut other = [listener(9, 81), listener(8, 80)];
    other[0].owner = Some((7, 99));
    let found = sockets(&before, &snapshot(&other, true), false);
    assert_eq!(found.apart, Some(Apart::Hosts));
    assert_eq!(
        (found.changes.opened.len(), found.changes.changed.len()),
        (0, 0)
    );
    assert_eq!(found.changes.closed, [2], "twins are counted");
}

#[test]
fn a_source_without_cookies_is_matched_by_inode() {
    let before = [listener(1, 80), listener(2, 80)];
    let after = [listener(2, 80), listener(3, 80)];
    let found = compared(&before, &after, (true, false));
    assert_eq!(
        (found.changes.closed, found.changes.opened),
        (vec![0], vec![1])
    );
}
