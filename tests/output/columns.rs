//! Every column there is: filled on some scene, with its help, its order, and what ss says of the same socket.
#![allow(unsafe_code, reason = "they call the kernel directly")]

use common::witness::{set, ss_rows};
use common::{Namespace, Run, Scene};
use serde_json::Value;
use std::collections::BTreeSet;
use std::os::fd::AsRawFd;

/// The columns that the issue names, and those beside them.
const COLUMNS: &str = "protocol family state process local laddr lport peer paddr pport role interface recv_q \
    send_q queue timer retransmits age idle rtt rttvar cwnd ssthresh mss pmtu retrans lost bytes_acked \
    bytes_received segs segs_out segs_in delivery_rate pacing_rate rwnd_limited busy ulp congestion drops rmem \
    rmem_limit wmem wmem_limit mark tos cgroup unit container netns inode cookie uid user process_user pid fd comm command \
    owner_status reuseport";

fn told() -> Vec<Value> {
    let answer = Run::new(&["conns", "--columns", "help", "--json"]).json();
    answer["columns"].as_array().unwrap().clone()
}

/// Rows of cells; the first one is the header.
fn plain(arguments: &[&str]) -> Vec<Vec<String>> {
    let answer = Run::new(&[arguments, &["--format", "plain"]].concat()).output();
    assert_eq!(answer.code(), 0, "{answer:?}");
    assert_eq!(answer.stderr, "", "{arguments:?}");
    let row = |line: &str| line.split_whitespace().map(str::to_owned).collect();
    answer.stdout.lines().map(row).collect()
}

/// The cells of one column of every socket there is.
fn cells(column: &str) -> Vec<String> {
    let rows = plain(&["conns", "-a", "--columns", column]);
    assert_eq!(rows[0], [column]);
    rows[1..].iter().map(|row| row[0].clone()).collect()
}

#[test]
fn every_column_is_told_of_in_every_format() {
    let known: BTreeSet<&str> = COLUMNS.split_whitespace().collect();
    let told = told();
    let ids: BTreeSet<&str> = told.iter().map(|c| c["id"].as_str().unwrap()).collect();
    assert_eq!(ids, known);
    for column in &told {
        for key in ["header", "help", "type"] {
            assert!(!column[key].as_str().unwrap().is_empty(), "{column}");
        }
        assert!(column.get("unit").is_some(), "{column}");
    }
    for format in ["table", "plain", "csv", "ndjson"] {
        let answer = Run::new(&["listen", "--columns=help", "--format", format]).output();
        assert_eq!((answer.code(), answer.stderr.as_str()), (0, ""));
        let lines = answer.stdout.lines().count();
        let header = usize::from(format != "ndjson");
        assert_eq!(lines, told.len() + header, "{format}");
        assert!(answer.stdout.contains("delivery_rate"), "{format}");
    }
    let wide = Run::new(&["--columns", "help"]).output().stdout;
    for line in wide.lines() {
        assert!(line.len() <= 100, "{line}");
    }
}

#[test]
fn every_column_is_filled_on_some_scene() {
    let Some(namespace) = Namespace::enter() else {
        return;
    };
    // Under bbr nothing ever sets a threshold.
    set(&namespace, "ipv4/tcp_congestion_control", "reno");
    let _scenes = [
        Scene::start(&["all"]),
        Scene::start(&["deaf-peer"]),
        Scene::start(&["peer-not-reading"]),
        Scene::start(&["reuseport", "--count", "3"]),
        Scene::start(&["udp-full"]),
    ];
    let _bound = bound_to_loopback();
    for column in COLUMNS.split_whitespace() {
        // Those need a cgroup of their own: they have a test of their own.
        // Not every kernel has MPTCP.
        if matches!(column, "unit" | "container" | "ulp") {
            continue;
        }
        let cells = cells(column);
        let filled = cells.iter().filter(|cell| *cell != "-").count();
        assert!(filled > 0, "{column} is empty: {cells:?}");
    }
}

/// A UDP socket bound to the interface `lo`.
fn bound_to_loopback() -> std::net::UdpSocket {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    // SAFETY: SO_BINDTODEVICE reads three bytes of a live string.
    let answer = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_BINDTODEVICE,
            c"lo".as_ptr().cast(),
            3,
        )
    };
    assert_eq!(answer, 0);
    socket
}

#[test]
fn listeners_that_share_an_address_are_a_group() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let shared = Scene::start(&["reuseport", "--count", "3"]);
    let _alone = Scene::start(&["listen"]);
    let port = shared.truths()[0].port().to_string();
    for owners in [&[][..], &["--no-owners"]] {
        let arguments = ["listen", "--columns", "lport,reuseport"];
        let rows = plain(&[&arguments, owners].concat());
        let group = |row: &&Vec<String>| (row[0] == port, row[1].clone());
        let groups: Vec<_> = rows[1..].iter().collect::<Vec<_>>();
        for row in groups {
            let (is_shared, number) = group(&row);
            assert_eq!(number, if is_shared { "1" } else { "-" }, "{rows:?}");
        }
        assert_eq!(rows.len(), 5);
    }
    // A filter that leaves one of them does not make it a single one.
    let one = shared.truths()[0].row.inode.unwrap().to_string();
    let rows = plain(&["listen", &format!("inode={one}"), "--columns", "reuseport"]);
    assert_eq!(rows[1..], [["1"]]);
}

#[test]
fn age_is_told_of_time_wait_and_close_wait_only() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [Scene::start(&["all"]), Scene::start(&["time-wait"])];
    let rows = plain(&["conns", "-a", "--columns", "state,age"]);
    for row in &rows[1..] {
        let known = matches!(row[0].as_str(), "TIME_WAIT" | "CLOSE_WAIT");
        assert_eq!(row[1] != "-", known, "{row:?}");
        if known {
            assert!(row[1].parse::<u64>().unwrap() < 60_000, "{row:?}");
        }
    }
    let table = Run::new(&["conns", "state=close_wait", "--columns", "age"]).output();
    let cell = table.stdout.lines().nth(1).unwrap();
    assert!(
        cell.trim_start().starts_with(">="),
        "a lower bound is marked: {cell}"
    );
}

#[test]
fn sorting_by_any_column_keeps_every_row_and_puts_the_absent_last() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [Scene::start(&["all"]), Scene::start(&["udp-bound"])];
    let all = plain(&["conns", "-a", "--columns", "local,peer,state"]).len();
    for column in COLUMNS.split_whitespace() {
        for sort in [column.to_owned(), format!("-{column}")] {
            let arguments = ["conns", "-a", "--columns", column, "--sort", &sort];
            let rows = plain(&arguments);
            assert_eq!(rows.len(), all, "{sort}");
            let absent = rows[1..].iter().map(|row| row[0] == "-");
            assert!(absent.is_sorted(), "{sort}: {rows:?}");
        }
    }
    let rows = plain(&["conns", "-a", "--columns", "segs", "--sort", "-segs"]);
    let numbers = rows[1..].iter().map_while(|row| row[0].parse::<u64>().ok());
    assert!(numbers.map(std::cmp::Reverse).is_sorted());
}

/// What `ss -tiemno` says of one connection: `name:value` words.
fn ss_words(local: &str) -> Option<Vec<String>> {
    ss_rows("tcp")?;
    let (address, port) = local.rsplit_once(':').unwrap();
    let filter = format!("src {address} and sport = :{port}");
    let arguments = [
        "-H",
        "-O",
        "-t",
        "-i",
        "-e",
        "-m",
        "-n",
        "-o",
        "state",
        "established",
    ];
    let answer = Run::of("ss").args(&arguments).args(&[filter]).output();
    let words = answer.stdout.split_whitespace().map(str::to_owned);
    Some(words.collect())
}

#[test]
fn ss_says_the_same_of_a_connection() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["established"]);
    let client = scene.labelled("client").row.local;
    let Some(words) = ss_words(&client) else {
        return;
    };
    let word = |name: &str| {
        let value = words.iter().find_map(|word| word.strip_prefix(name));
        value.unwrap_or_else(|| panic!("no {name} in {words:?}"))
    };
    let columns = "local,rtt,rttvar,mss,pmtu,cwnd,segs_in,segs_out,rmem,rmem_limit,wmem,wmem_limit,drops,congestion,cgroup";
    let rows = plain(&["conns", "-t", "--columns", columns]);
    let row = rows.iter().find(|row| row[0] == client).unwrap();
    let number = |place: usize| row[place].parse::<u64>().unwrap();
    let rtt = format!("{}/{}", milliseconds(number(1)), milliseconds(number(2)));
    assert_eq!(word("rtt:"), rtt);
    assert_eq!(word("mss:"), row[3]);
    assert_eq!(word("pmtu:"), row[4]);
    assert_eq!(word("cwnd:"), row[5]);
    assert_eq!(word("segs_in:"), row[6]);
    assert_eq!(word("segs_out:"), row[7]);
    let memory = word("skmem:(").trim_end_matches(')');
    let part = |prefix: &str| {
        let parts = memory.split(',');
        let digits = |part: &&str| part.starts_with(|c: char| c.is_ascii_digit());
        parts
            .filter_map(|part| part.strip_prefix(prefix))
            .find(digits)
            .unwrap()
            .to_owned()
    };
    assert_eq!(part("r"), row[8]);
    assert_eq!(part("rb"), row[9]);
    assert_eq!(part("w"), row[10]);
    assert_eq!(part("tb"), row[11]);
    assert_eq!(part("d"), row[12]);
    assert!(words.contains(&row[13]), "{} in {words:?}", row[13]);
}

/// Microseconds as ss writes milliseconds: at most three places, none that says nothing.
fn milliseconds(micros: u64) -> String {
    let text = format!("{}.{:03}", micros / 1000, micros % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[test]
fn what_the_source_does_not_tell_is_said_once() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established"]);
    let arguments = [
        "conns",
        "state=established",
        "-t",
        "--collector=procfs",
        "--columns=rtt",
    ];
    let answer = Run::new(&arguments).output();
    assert_eq!(answer.code(), 0, "{answer:?}");
    let said = answer.stderr.matches("does not report TCP details").count();
    assert_eq!(said, 1, "{answer:?}");
    let told = Run::new(&[&arguments[..], &["--json"]].concat()).json();
    let codes: Vec<_> = told["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["code"].clone())
        .collect();
    assert!(codes.contains(&"details_unknown".into()), "{codes:?}");
    assert_eq!(told["complete"], true);
}

#[test]
fn json_has_every_column_under_its_key_or_under_its_id_when_it_is_asked_for() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [
        Scene::start(&["peer-not-reading"]),
        Scene::start(&["reuseport", "--count", "2"]),
        Scene::start(&["time-wait"]),
    ];
    let columns = told();
    let ids: Vec<&str> = columns.iter().map(|c| c["id"].as_str().unwrap()).collect();
    let usual = Run::new(&["conns", "-a", "--json"]).json();
    let ordered = ["conns", "-a", "--json", "--sort=local", "--columns"];
    let answer = Run::new(&[&ordered[..], &[&ids.join(",")]].concat()).json();
    let lined = ["conns", "-a", "--format=ndjson", "--columns=rtt"];
    for line in Run::new(&lined).output().stdout.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line["columns"].get("rtt").is_some(), "{line}");
    }
    let rows = answer["sockets"].as_array().unwrap();
    for row in rows {
        let asked = row["columns"].as_object().unwrap();
        for column in &columns {
            let (id, kind) = (column["id"].as_str().unwrap(), &column["type"]);
            let Some(value) = asked.get(id) else {
                assert!(!has_no_key(id), "{id} is lost: {row}");
                continue;
            };
            assert!(has_no_key(id), "{id} stands twice: {row}");
            let is_so = match kind.as_str().unwrap() {
                "integer" => value.is_u64(),
                "string" => value.is_string(),
                "array" => value.is_array(),
                other => panic!("{id} is {other}"),
            };
            assert!(is_so || value.is_null(), "{id} of {kind}: {value}");
        }
    }
    let known = |id: &str| rows.iter().any(|row| !row["columns"][id].is_null());
    for id in [
        "rtt",
        "cwnd",
        "congestion",
        "rmem_limit",
        "reuseport",
        "age",
        "mark",
        "cgroup",
    ] {
        assert!(known(id), "{id} is always null");
    }
    let found = usual["sockets"].as_array().unwrap();
    assert!(found.iter().all(|row| row.get("columns").is_none()));
}

/// Whether a row of JSON has a column only when it is asked for.
fn has_no_key(id: &str) -> bool {
    let column = sockscope::columns::find(id).unwrap();
    column.key.is_none()
}

#[test]
fn a_filter_asks_for_the_columns_that_it_looks_at() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["peer-not-reading"]);
    let _shared = Scene::start(&["reuseport", "--count", "2"]);
    let found = |filter: &str| plain(&["conns", "-a", "--columns", "state", filter]).len() - 1;
    assert_eq!(found("rtt > 0"), 2);
    assert_eq!(found("rwnd_limited > 1ms"), 1);
    assert_eq!(found("wmem > 64k"), 1);
    assert_eq!(
        found("congestion ~ ."),
        3 + 2,
        "the listeners have one, too"
    );
    assert_eq!(found("reuseport = 1"), 2);
    let without = [
        "conns",
        "-a",
        "--no-owners",
        "--columns=state",
        "reuseport = 1",
    ];
    assert_eq!(plain(&without).len() - 1, 2);
}

#[test]
fn the_mark_is_told_to_those_who_may_know_it() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established"]);
    assert!(cells("mark").iter().any(|mark| mark == "0"));
    let arguments = ["conns", "-t", "--columns", "mark", "--format", "plain"];
    let answer = Run::new(&arguments).user(common::NOBODY).output();
    assert!(
        answer.stdout.lines().skip(1).all(|mark| mark.trim() == "-"),
        "{answer:?}"
    );
}
