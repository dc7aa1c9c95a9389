//! Processes that choose their names to deceive: what people and scripts see stays harmless, and JSON stays exact.

use common::{Answer, Namespace, Run, Scene, example, json, sockets, sockscope, spawn};
use data_encoding::BASE64;
use serde_json::Value;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// Names as `scene comm --name` reads them, at most 15 bytes each.
const NAMES: [&str; 22] = [
    r"\e[31mred",
    r"\e]52;c;aGk=\x07",
    r"a\nb",
    r"a\tb\rc",
    r"x)\n(",
    r"x) S 1 2 3 (",
    r"\n\n\n",
    r"\xe2\x80\xaegpj.exe",        // right-to-left override
    r"a\xe2\x81\xa6b\xe2\x81\xa9", // isolate
    r"ro\xe2\x80\x8bot",           // zero width
    r"\xef\xbb\xbfbom",
    r"\xc2\x9b31m",    // CSI as one character
    r"a\xe2\x80\xa8b", // line separator
    r"bad\xff\xfe\xc3",
    r"\x7f\x01\x02",
    "=cmd|'/c'!A1",
    "+1;rm",
    "-1,\"x\"",
    "@SUM(A1)",
    "a;b;c",
    "a b 0 9",
    "",
];

/// All of them at once, each with a listener.
fn hostile_scenes() -> Vec<Scene> {
    let start = |name: &&str| Scene::start(&["comm", &format!("--name={name}")]);
    NAMES.iter().map(start).collect()
}

/// Controls (but the ends of lines), bidi controls, and what has no width.
fn is_dangerous(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

#[track_caller]
fn is_harmless(what: &[&str], answer: &Answer) {
    for text in [&answer.stdout, &answer.stderr] {
        let found = text.chars().find(|&c| is_dangerous(c));
        assert_eq!(found, None, "{what:?}: {text:?}");
    }
}

fn harmless(arguments: &[&str]) -> String {
    let answer = sockscope(arguments);
    is_harmless(arguments, &answer);
    assert_eq!(
        (answer.code(), answer.stderr.as_str()),
        (0, ""),
        "{arguments:?}"
    );
    answer.stdout
}

#[test]
fn names_reach_no_terminal_and_forge_no_row() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scenes = hostile_scenes();
    let pids: Vec<String> = scenes
        .iter()
        .map(|scene| scene.extra("pid").to_string())
        .collect();
    let ports: Vec<String> = scenes
        .iter()
        .map(|s| s.labelled("listener").port().to_string())
        .collect();
    let count = NAMES.len();
    let all = "--columns=protocol,lport,pid,process,comm,command,unit,container,cgroup";
    for format in ["--format=table", "--format=plain", "--format=csv"] {
        for list in [
            &["listen"][..],
            &["listen", all],
            &["conns", "-a"],
            &["states", "--by=process"],
        ] {
            let text = harmless(&[list, &[format]].concat());
            assert_eq!(text.lines().count(), count + 1, "{list:?} {format} {text}");
        }
        for (pid, port) in pids.iter().zip(&ports) {
            let text = harmless(&["proc", pid, format]);
            assert_eq!(text.lines().count(), 2, "{text}");
            let story = harmless(&["port", port, "--tcp", format]);
            assert!(story.contains(pid.as_str()), "{story}");
        }
        harmless(&[format]);
        let hidden = Run::new(&["listen", "-v", format])
            .user(common::NOBODY)
            .output();
        is_harmless(&["-v"], &hidden);
    }
}

#[test]
fn plain_keeps_its_columns() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scenes = hostile_scenes();
    let text = harmless(&["listen", "--format=plain"]);
    let header: Vec<&str> = text.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(
        header.last(),
        Some(&"comm"),
        "free text stands last: {header:?}"
    );
    let at = header.iter().position(|id| *id == "pid").unwrap();
    let seen: Vec<&str> = text
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().nth(at).unwrap())
        .collect();
    for scene in scenes {
        let pid = scene.extra("pid").to_string();
        assert!(seen.contains(&pid.as_str()), "{pid} in {text}");
    }
}

#[test]
fn plain_groups_keep_their_columns() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = hostile_scenes();
    let text = harmless(&["states", "--by=process", "--format=plain"]);
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    let total = header.iter().position(|id| *id == "total").unwrap();
    for line in lines {
        let cells: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(
            cells[total], "1",
            "a blank in a name moves the counts: {line}"
        );
    }
}

#[test]
fn csv_is_read_back_whole_and_holds_no_formula() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = hostile_scenes();
    for list in [
        &["listen", "--columns=pid,comm,process,command,user,cgroup"][..],
        &["listen"],
        &["states", "--by=process"],
    ] {
        let text = harmless(&[list, &["--format=csv"]].concat());
        let mut reader = csv::ReaderBuilder::new()
            .flexible(false)
            .from_reader(text.as_bytes());
        let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(records.len(), NAMES.len());
        for cell in records.iter().flatten() {
            assert!(
                !cell.starts_with(['=', '+', '-', '@', '\t', '\r']),
                "{list:?}: {cell:?}"
            );
        }
    }
    // A cell of several owners is one cell with one `;` fewer than there are owners.
    let text = harmless(&["listen", "--columns=comm", "--format=csv", "-H"]);
    assert!(!text.contains(';'), "each of these has one owner: {text}");
}

#[test]
fn json_is_exact() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scenes = hostile_scenes();
    let answer = json(&["listen", "--json"]);
    let lines = sockscope(&["listen", "--format=ndjson"]).stdout;
    assert_eq!(lines.lines().count(), NAMES.len(), "{lines}");
    let groups = json(&["states", "--by=process", "--json"]);
    for scene in scenes {
        let bytes: Vec<u8> = serde_json::from_value(scene.extra("comm_bytes").clone()).unwrap();
        let pid = scene.extra("pid");
        let owners = sockets(&answer).iter().map(|socket| &socket["owners"][0]);
        let owner = owners.clone().find(|owner| owner["pid"] == *pid).unwrap();
        is_exact(owner, "comm", &bytes);
        let mut keys = groups["groups"]
            .as_array()
            .unwrap()
            .iter()
            .map(|group| &group["key"]);
        is_exact(keys.find(|key| key["pid"] == *pid).unwrap(), "comm", &bytes);
    }
}

/// Text where it is UTF-8, else U+FFFD and the bytes beside it.
#[track_caller]
fn is_exact(object: &Value, key: &str, bytes: &[u8]) {
    assert_eq!(
        object[key],
        String::from_utf8_lossy(bytes).as_ref(),
        "{object}"
    );
    let beside = &object[format!("{key}_base64")];
    match std::str::from_utf8(bytes) {
        Ok(_) => assert!(beside.is_null(), "{object}"),
        Err(_) => assert_eq!(
            BASE64.decode(beside.as_str().unwrap().as_bytes()).unwrap(),
            bytes
        ),
    }
}

/// A scene whose argv[0] is of our choice. Its own child handle ends it.
struct Disguised(Child, u64);

impl Disguised {
    fn start(name: &[u8]) -> Self {
        let mut command = Command::new(example("scene"));
        command
            .arg0(OsStr::from_bytes(name))
            .arg("listen")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = spawn::spawn(spawn::as_usual(&mut command)).unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let story: Value = serde_json::from_str(&line).unwrap();
        let local = story["sockets"][0]["local"].as_str().unwrap();
        let port = local.rsplit(':').next().unwrap().parse().unwrap();
        Self(child, port)
    }
}

impl Drop for Disguised {
    fn drop(&mut self) {
        spawn::stop(&mut self.0);
    }
}

#[test]
fn command_lines_are_as_untrusted_as_names() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let long = "a".repeat(100_000);
    for name in [
        b"\x1b]0;title\x07\x1b[2J".as_slice(),
        b"line\nFAKE 127.0.0.1:22 sshd",
        "\u{202e}\u{2066}\u{200b}\u{feff}".as_bytes(),
        b"\xff\xfe=\xc3",
        b"=HYPERLINK(\"http://x\";\"y\")",
        b"",
        b"-",
        long.as_bytes(),
    ] {
        let scene = Disguised::start(name);
        let port = scene.1.to_string();
        let filter = format!("port={port}");
        for format in ["--format=table", "--format=plain", "--format=csv"] {
            let columns = "--columns=lport,command";
            let text = harmless(&["listen", &filter, columns, format]);
            assert_eq!(text.lines().count(), 2, "{text}");
            harmless(&["port", &port, "--tcp", format]);
            harmless(&["port", &port, "--tcp", format, "--columns=command"]);
        }
        let text = harmless(&["listen", &filter, "--columns=command", "--format=csv"]);
        let record = csv::Reader::from_reader(text.as_bytes())
            .into_records()
            .next()
            .unwrap()
            .unwrap();
        assert!(
            record.len() == 1 && !record[0].starts_with(['=', '+', '-', '@']),
            "{text}"
        );
        let answer = json(&["port", &port, "--json", "--tcp"]);
        let owner = &sockets(&answer)[0]["owners"][0];
        is_exact(owner, "command", &[name, b" listen"].concat());
    }
}

#[test]
fn what_is_asked_for_comes_back_harmless() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = hostile_scenes();
    for text in [
        "\u{1b}[31mred",
        "x)\n(",
        "\u{202e}gpj.exe",
        "ro\u{200b}ot",
        "a\tb\rc",
    ] {
        // Some of these are names here, and some are not: either way nothing dangerous is repeated.
        for arguments in [
            &["proc", text][..],
            &["proc", &format!("{text}!")],
            &["port", text],
            &["listen", text],
            &["listen", &format!("{text}=1")],
            &["listen", &format!("state={text}")],
            &["listen", &format!("process={text}")],
            &["listen", "--columns", text],
            &["listen", "--sort", text],
        ] {
            let answer = sockscope(arguments);
            is_harmless(arguments, &answer);
            assert!(
                answer.stderr.lines().count() <= 2,
                "{arguments:?} {answer:?}"
            );
        }
    }
    assert_eq!(
        sockscope(&["proc", "x)\n("]).code(),
        0,
        "a process is found by its exact name"
    );
    assert_eq!(sockscope(&["listen", "process='a\tb\rc'"]).code(), 0);
}
