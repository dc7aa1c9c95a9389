//! The five forms of one answer say the same.

use common::{Namespace, Run, Scene, json, sockets, sockscope};
use serde_json::Value;

/// A column of ids and text as plain and csv have it, and table with `--columns`.
const IDS: &str = "protocol,state,lport,pport,pid,owner_status";

/// One of each TCP state, UDP and a listener with several owners, then no change any more.
fn quiet_scenes() -> Vec<Scene> {
    vec![
        Scene::start(&["all"]),
        Scene::start(&["forked", "--count", "2"]),
        Scene::start(&["udp-connected"]),
        Scene::start(&["listen", "--family", "6", "--count", "2"]),
    ]
}

fn out(arguments: &[&str]) -> String {
    let answer = sockscope(arguments);
    // Other tests have sockets in namespaces of theirs, and processes of the same name.
    let is_of_others = |line: &&str| line.contains("namespace") || line.contains("not listed here");
    let own = answer.stderr.lines().filter(|line| !is_of_others(line));
    assert_eq!(
        (answer.code(), own.collect::<Vec<_>>()),
        (0, Vec::new()),
        "{arguments:?}"
    );
    answer.stdout
}

/// A list in one format as cells, `IDS` each, with absent as "-".
fn cells(command: &[&str], format: &str) -> Vec<Vec<String>> {
    let options = [format!("--format={format}"), format!("--columns={IDS}")];
    let text = out(&[command, &[&options[0], &options[1]]].concat());
    match format {
        "csv" => {
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            assert_eq!(
                reader.headers().unwrap(),
                IDS.split(',').collect::<Vec<_>>()
            );
            let cell = |cell: &str| if cell.is_empty() { "-" } else { cell }.to_owned();
            let records = reader.records().map(Result::unwrap);
            records
                .map(|record| record.iter().map(cell).collect())
                .collect()
        }
        "json" => {
            let answer: Value = serde_json::from_str(&text).unwrap();
            sockets(&answer).iter().map(socket_cells).collect()
        }
        "ndjson" => text
            .lines()
            .map(|line| socket_cells(&serde_json::from_str(line).unwrap()))
            .collect(),
        _ => {
            let rows = text
                .lines()
                .map(|line| line.split_whitespace().map(str::to_owned).collect());
            let mut rows: Vec<Vec<String>> = rows.collect();
            let header = rows.remove(0);
            if format == "plain" {
                assert_eq!(header.join(","), IDS);
            }
            assert!(rows.iter().all(|row| row.len() == header.len()), "{text}");
            rows
        }
    }
}

fn socket_cells(socket: &Value) -> Vec<String> {
    let port = |end: &Value| {
        end["port"]
            .as_u64()
            .map_or("-".to_owned(), |port| port.to_string())
    };
    let pids: Vec<_> = socket["owners"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| o["pid"].to_string())
        .collect();
    let text = |key: &str| socket[key].as_str().unwrap().to_owned();
    vec![
        text("protocol"),
        text("state"),
        port(&socket["local"]),
        port(&socket["peer"]),
        if pids.is_empty() {
            "-".to_owned()
        } else {
            pids.join(";")
        },
        text("owner_status"),
    ]
}

#[test]
fn formats_agree_row_for_row() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scenes = quiet_scenes();
    let port = scenes[1].labelled("listener").port().to_string();
    let commands: [&[&str]; 6] = [
        &["listen"],
        &["conns"],
        &["conns", "--all", "--sort=-lport"],
        &["proc", "scene", "--sort=lport"],
        &["listen", "-6"],
        &["conns", "--limit=3", "--sort=pid"],
    ];
    for command in commands {
        let expected = cells(command, "json");
        assert!(!expected.is_empty(), "{command:?}");
        for format in ["table", "plain", "ndjson", "csv"] {
            let (mut told, mut expected) = (cells(command, format), expected.clone());
            // A table that nobody orders has trouble first.
            if command == ["conns"] && format == "table" {
                told.sort();
                expected.sort();
            }
            assert_eq!(told, expected, "{command:?} {format}");
        }
    }
    // The table of `port` is a story, so only its rows for programs are compared.
    let story = ["port", &port];
    let expected = cells(&story, "json");
    assert!(
        expected.iter().any(|row| row[4].contains(';')),
        "several owners: {expected:?}"
    );
    for format in ["plain", "ndjson", "csv"] {
        assert_eq!(cells(&story, format), expected, "{format}");
    }
}

#[test]
fn plain_and_csv_are_one_header_and_rows() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scenes = quiet_scenes();
    let port = scenes[0].truths()[0].port().to_string();
    for command in [
        &["listen"][..],
        &["conns"],
        &["port", &port],
        &["proc", "scene"],
        &[],
        &["states"],
        &["states", "--by", "process"],
    ] {
        for format in ["--format=plain", "--format=csv"] {
            let split = |line: &str| -> Vec<String> {
                let mut csv = csv::ReaderBuilder::new()
                    .has_headers(false)
                    .from_reader(line.as_bytes());
                let cells = csv.records().next().unwrap().unwrap();
                match format {
                    "--format=plain" => line.split_whitespace().map(str::to_owned).collect(),
                    _ => cells.iter().map(str::to_owned).collect(),
                }
            };
            let whole = out(&[command, &[format]].concat());
            let lines: Vec<_> = whole.lines().map(split).collect();
            let header = &lines[0];
            assert!(
                lines.len() > 1 && lines.iter().all(|line| line.len() == header.len()),
                "{whole}"
            );
            let id = |id: &String| {
                id.chars()
                    .all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
            };
            assert!(header.iter().all(id), "{header:?}");
            if !command.starts_with(&["states"]) {
                assert!(
                    header.contains(&"pid".to_owned()) && header.contains(&"comm".to_owned()),
                    "{header:?}"
                );
            }
            let bare = out(&[command, &[format, "-H"]].concat());
            assert_eq!(
                bare.lines().count() + 1,
                whole.lines().count(),
                "{command:?} {format}"
            );
            assert!(whole.ends_with(&bare), "{command:?} {format}");
        }
    }
}

#[test]
fn what_is_absent_is_a_dash_or_empty() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["time-wait"]);
    let columns = "--columns=inode,uid,user,pid,fd,comm,command,queue,interface,drops,process";
    let options = ["conns", columns, "--no-owners"];
    let plain = out(&[&options[..], &["--format=plain", "-H"]].concat());
    assert_eq!(
        plain.split_whitespace().take(10).collect::<String>(),
        "-".repeat(10),
        "{plain}"
    );
    let csv = out(&[&options[..], &["--format=csv", "-H"]].concat());
    assert!(csv.starts_with(",,,,,,,,,,"), "{csv}");
}

#[test]
fn absent_is_empty_in_csv_even_for_an_owner_without_a_descriptor() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["io-uring"]);
    let csv = out(&["listen", "--format=csv", "-H", "--columns=lport,fd"]);
    assert!(
        csv.ends_with(",\n"),
        "an io_uring has no descriptor for it: {csv}"
    );
}

#[test]
fn absent_is_empty_in_csv_even_when_owners_were_not_asked_for() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["listen"]);
    let csv = out(&[
        "listen",
        "--format=csv",
        "-H",
        "--columns=protocol,process,state",
        "--no-owners",
    ]);
    assert_eq!(csv, "tcp,,LISTEN\n");
}

#[test]
fn sort_and_limit_hold_everywhere() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scenes = [
        Scene::start(&["listen", "--count", "9"]),
        Scene::start(&["established", "--count", "9"]),
    ];
    let column = |rows: Vec<Vec<String>>| -> Vec<u64> {
        rows.iter().map(|row| row[2].parse().unwrap()).collect()
    };
    let listener = scenes[1].labelled("listener").port().to_string();
    for format in ["table", "plain", "json", "ndjson", "csv"] {
        for command in [
            &["listen"][..],
            &["conns"],
            &["proc", "scene"],
            &["port", &listener],
        ] {
            if format == "table" && command[0] == "port" {
                continue;
            }
            let sorted = column(cells(&[command, &["--sort=lport"]].concat(), format));
            assert!(
                sorted.len() >= 9 && sorted.is_sorted(),
                "{command:?} {format} {sorted:?}"
            );
            let reverse = column(cells(&[command, &["--sort", "-lport"]].concat(), format));
            assert!(
                reverse.iter().rev().is_sorted(),
                "{command:?} {format} {reverse:?}"
            );
            let limited = column(cells(
                &[command, &["--sort=lport", "--limit=3"]].concat(),
                format,
            ));
            assert_eq!(limited, sorted[..3], "{command:?} {format}");
        }
        let by_port = out(&[
            "states",
            "--by=port",
            "--sort=-total",
            "--limit=1",
            &format!("--format={format}"),
        ]);
        assert!(by_port.contains(&listener), "{format} {by_port}");
        let rows = out(&["--limit=2", &format!("--format={format}")]);
        let shown = rows.matches("127.0.0.1").count();
        assert_eq!(shown, 2, "{format} {rows}");
    }
    assert_eq!(column(cells(&["listen"], "csv")).len(), 10);
    assert!(
        column(cells(&["listen"], "csv")).is_sorted(),
        "listen is sorted by port"
    );
}

#[test]
fn columns_replace_and_add() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["listen"]);
    let header = |columns: &str| {
        out(&["listen", "--format=csv", columns])
            .lines()
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(header("--columns=pid,lport"), "pid,lport");
    let usual = out(&["listen", "--format=csv"])
        .lines()
        .next()
        .unwrap()
        .to_owned();
    assert_eq!(
        header("--columns=+inode,+netns"),
        format!("{usual},inode,netns")
    );
    assert_eq!(header("--columns=+pid"), usual, "no column stands twice");
    assert!(out(&["listen", "--columns=pid,lport"]).starts_with("PID "));
    let whole =
        |columns: &[&str]| json(&[&["listen", "--json"], columns].concat())["sockets"].clone();
    assert_eq!(
        whole(&[]),
        whole(&["--columns=pid"]),
        "JSON is always whole"
    );
    let inner = json(&["listen", "--json", "-i", "--columns=+rtt,lport,rmem_limit"]);
    let asked = &inner["sockets"][0]["columns"];
    let ids: Vec<&String> = asked.as_object().unwrap().keys().collect();
    assert_eq!(
        ids,
        ["congestion", "cwnd", "retrans", "rmem_limit", "rtt"],
        "each once, and none that has a key of its own"
    );
    assert!(asked["rmem_limit"].is_u64(), "{asked}");
}

#[test]
fn columns_shape_the_table_of_the_bare_form_too() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["listen"]);
    let text = out(&["--columns=inode,lport"]);
    assert!(
        text.contains("INODE") && !text.contains("PROCESS"),
        "{text}"
    );
}

#[test]
fn colour_is_for_the_table_only() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scenes = quiet_scenes();
    let coloured = |run: Run| run.output().stdout.contains('\u{1b}');
    let port = scenes[1].labelled("listener").port().to_string();
    for command in [
        &["listen"][..],
        &["conns"],
        &["port", &port],
        &["states"],
        &["states", "--by=process"],
        &[],
    ] {
        let with = |more: &[&str]| Run::new(&[command, more].concat());
        assert!(!coloured(with(&[])), "a pipe: {command:?}");
        assert!(coloured(with(&["--color=always"])), "{command:?}");
        assert!(!coloured(with(&["--color=never"])));
        assert!(
            coloured(with(&["--color=always"]).env("NO_COLOR", "1")),
            "the option is stronger"
        );
        assert!(!coloured(
            with(&[]).env("NO_COLOR", "1").env("FORCE_COLOR", "1")
        ));
        for format in ["plain", "csv", "json", "ndjson"] {
            assert!(
                !coloured(with(&["--color=always", &format!("--format={format}")])),
                "{command:?} {format}"
            );
        }
    }
}
