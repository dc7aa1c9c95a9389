//! `diff`: two saved answers, live ones and made-up ones.

use std::net::{TcpListener, TcpStream, UdpSocket};

use common::saved::{Files, answer, diff, socket, two_answers};
use common::{Answer, Namespace, Run, eventually, rows, sockscope};
use serde_json::{Value, json};

#[test]
fn the_table_tells_it_to_people() {
    let files = Files::new("table");
    let (a, b) = two_answers(&files);
    let told = diff(&a, &b, &[]);
    assert_eq!((told.code(), told.stderr.as_str()), (0, ""));
    assert_eq!(
        told.stdout,
        "        COLLECTED AT              HOST  COMMAND  SOCKETS
before  2026-11-20T10:00:00.000Z  web1  conns          4
after   2026-11-20T10:05:00.000Z  web1  conns          4

STATE        BEFORE  AFTER  DIFFERENCE
ESTABLISHED       3      0          -3
SYN_SENT          0      1          +1
TIME_WAIT         0      1          +1
CLOSE_WAIT        0      1          +1
LISTEN            1      1           0

   PROTO  STATE                      LOCAL          PEER           PROCESS      CHANGED
+  tcp    SYN_SENT                   10.0.0.1:6000  10.0.0.1:443   nginx 7
-  tcp    ESTABLISHED                10.0.0.1:80    10.0.0.1:5002  nginx 7
~  tcp    ESTABLISHED -> CLOSE_WAIT  10.0.0.1:80    10.0.0.1:5001  nginx 7      recv_q 0 -> 512
~  tcp    ESTABLISHED -> TIME_WAIT   10.0.0.1:80    10.0.0.1:5003  (time wait)  owners nginx 7 -> (time wait)

1 opened, 1 closed, 2 changed
"
    );
    let same = diff(&a, &a, &[]);
    assert!(
        same.stdout
            .ends_with("\nnothing differs between 4 sockets\n"),
        "{same:?}"
    );
    let one = json!({"sockets": [socket(1, "LISTEN", 80, None)]});
    let one = files.put("one.json", answer("listen", "10:00:00", &one));
    let same = diff(&one, &one, &[]).stdout;
    assert!(same.ends_with("\nnothing differs: 1 socket\n"), "{same}");
    let bare = diff(&a, &b, &["-H"]).stdout;
    assert!(
        bare.starts_with("ESTABLISHED  ") && bare.contains("\n+  tcp"),
        "{bare}"
    );
    assert_eq!(diff(&a, &b, &["-q"]).stdout, "");
}

#[test]
fn programs_get_lines_and_objects() {
    let files = Files::new("programs");
    let (a, b) = two_answers(&files);
    assert_eq!(
        diff(&a, &b, &["--format=csv", "--columns=state,lport,pport"]).stdout,
        "change,changes,previous_state,state,lport,pport\n\
         opened,,,SYN_SENT,6000,443\n\
         closed,,,ESTABLISHED,80,5002\n\
         changed,state;recv_q,ESTABLISHED,CLOSE_WAIT,80,5001\n\
         changed,state;owners,ESTABLISHED,TIME_WAIT,80,5003\n"
    );
    let plain = diff(&a, &b, &["--format=plain", "--sort=-pport", "--limit=2"]).stdout;
    let lines: Vec<Vec<_>> = plain
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        lines[0][..4],
        ["change", "changes", "previous_state", "protocol"]
    );
    assert_eq!(lines[1][..3], ["changed", "state;owners", "ESTABLISHED"]);
    assert_eq!(lines[2][..3], ["closed", "-", "-"]);
    assert!(lines.len() == 3 && lines.iter().all(|line| line.len() == lines[0].len()));

    let told = diff(&a, &b, &["--json"]).json();
    let [before, after] = [&a, &b].map(|file| -> Value {
        serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
    });
    assert_eq!(told["command"], "diff");
    assert_eq!(
        (&told["collector"], &told["owners_from"]),
        (&Value::Null, &json!("none"))
    );
    assert_eq!(told["before"]["sockets"], 4);
    assert_eq!(told["before"]["states"]["ESTABLISHED"], 3);
    assert_eq!(told["after"]["states"]["CLOSE_WAIT"], 1);
    assert_eq!(told["after"]["collected_at"], "2026-11-20T10:05:00.000Z");
    // Sockets stand as they stood.
    assert_eq!(told["opened"], json!([after["sockets"][3]]));
    assert_eq!(told["closed"], json!([before["sockets"][2]]));
    assert_eq!(
        told["changed"],
        json!([
            {"before": before["sockets"][1], "after": after["sockets"][1],
                "changes": ["state", "recv_q"], "previous_state": "ESTABLISHED"},
            {"before": before["sockets"][3], "after": after["sockets"][2],
                "changes": ["state", "owners"], "previous_state": "ESTABLISHED"},
        ])
    );
    let lines = diff(&a, &b, &["--format=ndjson"]).stdout;
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let events: Vec<_> = lines
        .iter()
        .map(|line| line["event"].as_str().unwrap())
        .collect();
    assert_eq!(events, ["opened", "closed", "changed", "changed"]);
    assert_eq!(lines[2]["socket"], after["sockets"][1]);
    assert_eq!(lines[2]["previous_state"], "ESTABLISHED");
    assert!(lines[0].get("changes").is_none());
}

/// Standard input through a shell, whose words are given.
fn piped(text: &str, arguments: &str) -> Answer {
    let program = env!("CARGO_BIN_EXE_sockscope");
    let script = format!("cat {text} | {program} diff {arguments}");
    Run::of("sh").args(&["-c", &script]).output()
}

#[test]
fn one_of_both_may_come_by_a_pipe() {
    let files = Files::new("pipe");
    let (a, b) = two_answers(&files);
    let told = piped(&a, &format!("- {b}"));
    assert_eq!((told.code(), told.stdout), (0, diff(&a, &b, &[]).stdout));
    let told = piped(&b, &format!("{a} -"));
    assert_eq!((told.code(), told.stdout), (0, diff(&a, &b, &[]).stdout));
    assert_eq!(diff("-", "-", &[]).code(), 2);
}

#[test]
fn live_answers_are_compared() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let files = Files::new("live");
    let saved = |name: &str, format: &str| {
        let told = sockscope(&["inspect", "port>=0", format]);
        assert_eq!(told.code(), 0, "{told:?}");
        files.put(name, told.stdout)
    };
    let listener = TcpListener::bind("127.0.0.1:4000").unwrap();
    let client = TcpStream::connect("127.0.0.1:4000").unwrap();
    let (accepted, _) = listener.accept().unwrap();
    let gone = UdpSocket::bind("127.0.0.1:4001").unwrap();
    let (a, lines_a) = (saved("a", "--json"), saved("la", "--format=ndjson"));
    drop(gone);
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let come = UdpSocket::bind("127.0.0.1:4002").unwrap();
    eventually("the peer has closed", common::DEADLINE, || {
        let told = sockscope(&["conns", "state=close_wait"]);
        (told.code() == 0).then_some(())
    });
    let (b, lines_b) = (saved("b", "--json"), saved("lb", "--format=ndjson"));
    for (a, b, more) in [
        (&a, &b, &[][..]),
        (&lines_a, &lines_b, &[]),
        (&a, &lines_b, &[]),
    ] {
        let told = diff(a, b, &[&["--json"], more].concat()).json();
        let ports = |key: &str| -> Vec<u64> {
            let rows = told[key].as_array().unwrap().iter();
            rows.map(|row| row["local"]["port"].as_u64().unwrap())
                .collect()
        };
        assert_eq!(
            (ports("opened"), ports("closed")),
            (vec![4002], vec![4001]),
            "{told}"
        );
        let mut states: Vec<(String, String)> = Vec::new();
        for change in told["changed"].as_array().unwrap() {
            // A child that another test forks holds all our sockets until its exec().
            if change["changes"] == json!(["owners"]) {
                continue;
            }
            let state = |row: &Value| row["state"].as_str().unwrap().to_owned();
            assert_eq!(change["previous_state"], change["before"]["state"]);
            states.push((state(&change["before"]), state(&change["after"])));
        }
        states.sort();
        let changed = |is: &str| ("ESTABLISHED".to_owned(), is.to_owned());
        assert_eq!(
            states,
            [changed("CLOSE_WAIT"), changed("FIN_WAIT2")],
            "{told}"
        );
    }
    // ndjson does not tell whether it is whole.
    assert_eq!(diff(&a, &b, &["--strict"]).code(), 0);
    assert_eq!(diff(&lines_a, &b, &["--strict"]).code(), 3);
    // Rows are chosen as in lists.
    let tcp = diff(&a, &b, &["--json", "-t"]).json();
    assert_eq!(
        (&tcp["opened"], &tcp["after"]["sockets"]),
        (&json!([]), &json!(3))
    );
    let udp = diff(&a, &b, &["--json", "-u"]).json();
    assert_eq!(
        (&udp["changed"], &udp["after"]["sockets"]),
        (&json!([]), &json!(1))
    );
    assert_eq!(
        diff(&a, &b, &["--json", "-6"]).json()["after"]["sockets"],
        0
    );
    // Another source has no cookies, and says the same.
    let procfs = sockscope(&["inspect", "port>=0", "--json", "--collector=procfs"]);
    let procfs_rows = rows(&procfs.json()).len();
    let procfs = files.put("procfs", procfs.stdout);
    let told = diff(&b, &procfs, &["--json"]).json();
    assert_eq!(
        (&told["opened"], &told["closed"]),
        (&json!([]), &json!([])),
        "{told}"
    );
    assert_eq!((&told["changed"], procfs_rows), (&json!([]), 4), "{told}");
    drop((come, accepted));
}

#[test]
fn other_rows_are_compared_by_what_they_are_about() {
    let files = Files::new("entries");
    let put =
        |name: &str, command, time, part: Value| files.put(name, answer(command, time, &part));
    let group = |port: u16, listen: u32, waiting: u32| {
        json!({"key": {"port": port}, "total": listen + waiting,
            "states": {"LISTEN": listen, "CLOSE_WAIT": waiting}})
    };
    let a = json!({"total": 4, "states": {"LISTEN": 2, "CLOSE_WAIT": 2},
        "udp": {"connected": 0, "unconnected": 1}, "groups": [group(80, 1, 2), group(81, 1, 0)]});
    let b = json!({"total": 6, "states": {"LISTEN": 2, "CLOSE_WAIT": 4},
        "udp": {"connected": 0, "unconnected": 1}, "groups": [group(80, 1, 4), group(82, 1, 0)]});
    let a = put("states-a", "states", "10:00:00", a);
    let b = put("states-b", "states", "10:01:00", b);
    let csv = diff(&a, &b, &["--format=csv"]).stdout;
    assert_eq!(
        csv,
        "change,changes,group,before,after\n\
         opened,,port 82,,total=1;LISTEN=1\n\
         closed,,port 81,total=1;LISTEN=1,\n\
         changed,total;CLOSE_WAIT,port 80,total=3;CLOSE_WAIT=2;LISTEN=1,total=5;CLOSE_WAIT=4;LISTEN=1\n"
    );
    let table = diff(&a, &b, &[]).stdout;
    assert!(
        table.contains("\n~  port 80  total 3 -> 5, CLOSE_WAIT 2 -> 4\n"),
        "{table}"
    );
    assert!(
        table.contains("\nCLOSE_WAIT       2      4          +2\n"),
        "{table}"
    );

    let finding = |severity: &str, count: u32| {
        json!({"id": "close-wait-leak", "severity": severity, "title": "t",
            "subject": {"pid": 7, "comm": "java", "port": 80}, "evidence": {"count": count},
            "cause": "c", "remedy": []})
    };
    let a = put(
        "a",
        "doctor",
        "10:00:00",
        json!({"findings": [finding("info", 3)]}),
    );
    let b = put(
        "b",
        "doctor",
        "10:01:00",
        json!({"findings": [finding("critical", 300)]}),
    );
    let told = diff(&a, &b, &["--json"]).json();
    assert_eq!(told["changed"][0]["changes"], json!(["severity", "count"]));
    assert_eq!(told["before"]["findings"], 1);
    assert!(
        diff(&a, &b, &[])
            .stdout
            .contains("severity info -> critical, count 3 -> 300")
    );

    let pile = |count: u32| {
        json!({"state": "TIME_WAIT", "count": count, "oldest_ms": 5, "process": null,
            "attribution": "destination", "local": null,
            "peer": {"address": "10.0.0.9", "port": 5432}, "verdict": null})
    };
    let a = put(
        "a",
        "buildup",
        "10:00:00",
        json!({"buildup": [pile(10)], "limits": {}}),
    );
    let b = put(
        "b",
        "buildup",
        "10:01:00",
        json!({"buildup": [pile(30)], "limits": {}}),
    );
    let table = diff(&a, &b, &[]).stdout;
    let line = "\n~  TIME_WAIT towards 10.0.0.9:5432  count 10 -> 30\n";
    assert!(table.contains(line), "{table}");
    for wrong in ["--sort=state", "--columns=pid", "-t"] {
        assert_eq!(diff(&a, &b, &[wrong]).code(), 2, "{wrong}");
    }
}
