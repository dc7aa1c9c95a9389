//! Files that `diff` is given: what is noted of them, what cannot be compared, and hostile ones.

use common::problem_codes;
use common::saved::{Files, answer, diff, socket, two_answers};
use serde_json::json;

#[test]
fn what_one_should_know_is_noted() {
    let files = Files::new("notes");
    let (a, b) = two_answers(&files);
    let codes = |a: &str, b: &str| {
        let told = diff(a, b, &["--json"]).json();
        let codes = problem_codes(&told)
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>();
        (codes, told)
    };
    assert_eq!(codes(&b, &a).0, ["order"]);
    let changed = |name: &str, from: &str, to: &str| {
        let text = std::fs::read_to_string(&b).unwrap();
        assert!(text.contains(from), "{from}");
        files.put(name, text.replace(from, to))
    };
    let other = changed("host", "\"web1\"", "\"web2\"");
    assert_eq!(codes(&a, &other).0, ["other_host"]);
    let netns = changed("netns", "4026531840", "4026532999");
    assert_eq!(codes(&a, &netns).0, ["other_namespace"]);
    let partial = changed("partial", "\"complete\": true", "\"complete\": false");
    assert_eq!(codes(&a, &partial).0, ["answer_incomplete"]);
    assert_eq!(diff(&a, &partial, &["--strict"]).code(), 3);
    let unix = changed("unix", "\"family\": \"ipv4\"", "\"family\": \"unix\"");
    let (codes, told) = codes(&a, &unix);
    assert_eq!(
        (codes, &told["after"]["sockets"]),
        (vec!["rows_unknown".to_owned()], &json!(0))
    );
}

#[test]
fn what_cannot_be_compared_is_one_honest_error() {
    let files = Files::new("wrong");
    let (a, b) = two_answers(&files);
    let text = std::fs::read_to_string(&a).unwrap();
    let cut = &text[..text.len() / 2];
    let put = |name: &str, text: &str| files.put(name, text);
    let cases = [
        (put("empty", ""), "it is empty"),
        (put("words", "hello"), "not JSON"),
        (put("number", "5"), "not an object"),
        (put("none", "{}"), "no schema"),
        (put("v2", &text.replace("/v1", "/v2")), "'sockscope/v2'"),
        (put("cut", cut), "ends too early"),
        (
            put("type", &text.replace("\"port\": 80", "\"port\": \"80\"")),
            "invalid type: string \"80\"",
        ),
        (
            put("port", &text.replace("\"port\": 80", "\"port\": 65536")),
            "65536`, expected u16 (line 22, column 21)",
        ),
        (
            put("state", &text.replace("LISTEN", "LISTENS")),
            "'LISTENS' is no state",
        ),
        (put("twice", &format!("{text}{text}")), "a second report"),
        (
            put(
                "events",
                "{\"schema\":\"sockscope/v1\",\"collected_at\":\"x\",\"host\":\"h\",\"event\":\"opened\"}",
            ),
            "a stream of events",
        ),
        (
            put("other", &text.replace("\"conns\"", "\"listen\"")),
            "cannot be compared",
        ),
        (
            put("kind", &text.replace("\"conns\"", "\"doctor\"")),
            "has nothing to compare",
        ),
        (format!("{a}.missing"), "No such file"),
        ("/".to_owned(), "Is a directory"),
        (
            put(
                "hostile",
                &format!(
                    "{{\"schema\": \"\u{1b}]52;c;x\u{202e}{}\"}}",
                    "x".repeat(5000)
                ),
            ),
            "control character",
        ),
        (put("deep", &"[".repeat(100_000)), "ends too early"),
        (
            files.put("latin1", b"{\"schema\":\n \"\xff\"}"),
            "not UTF-8 (line 2, column 3)",
        ),
    ];
    for (file, why) in &cases {
        let told = diff(file, &b, &[]);
        assert_eq!(
            (told.code(), told.stdout.as_str()),
            (2, ""),
            "{why}: {told:?}"
        );
        assert!(told.stderr.contains(why), "{why}: {told:?}");
        assert!((1..=2).contains(&told.stderr.lines().count()), "{told:?}");
        let first = told.stderr.lines().next().unwrap();
        assert!(
            first.len() < 500 && !first.contains(['\u{1b}', '\u{202e}']),
            "{first}"
        );
    }
    for wrong in [
        &["--columns=rtt"][..],
        &["--columns=nope"],
        &["--sort=rtt"],
        &["--no-owners"],
        &["-a"],
        &["-r"],
        &["--collector=procfs"],
    ] {
        let told = diff(&a, &b, wrong);
        assert_eq!((told.code(), told.stdout.as_str()), (2, ""), "{wrong:?}");
    }
}

/// Whoever wrote the file cannot reach the terminal.
#[test]
fn text_of_the_files_is_made_safe_in_every_format() {
    let files = Files::new("hostile");
    let evil = "\u{1b}]52;c;x\u{7}\u{202e}\u{9b}31m\n=cmd";
    let mut row = socket(1, "LISTEN", 80, None);
    row["owners"][0]["comm"] = json!(evil);
    row["user"] = json!(evil);
    row["interface"] = json!(evil);
    row["added"] = json!(evil);
    let mut text = answer("conns", "10:00:00", &json!({"sockets": [row]}));
    text = text.replace("web1", &json!(evil).to_string().replace('"', ""));
    let a = files.put("a", answer("conns", "09:00:00", &json!({"sockets": []})));
    let b = files.put("b", &text);
    let finding = json!({"id": evil, "severity": evil, "title": evil,
        "subject": {"comm": evil}, "evidence": {evil: evil}, "cause": "", "remedy": []});
    let c = files.put(
        "c",
        answer("doctor", "10:00:00", &json!({"findings": [finding]})),
    );
    let d = files.put("d", answer("doctor", "09:00:00", &json!({"findings": []})));
    for format in ["table", "plain", "csv", "json", "ndjson"] {
        let format = format!("--format={format}");
        for (before, after, columns) in [(&a, &b, "--columns=+user,interface"), (&d, &c, "-n")] {
            let told = diff(before, after, &[&format, columns]);
            assert_eq!(told.code(), 0, "{told:?}");
            let all = told.stdout.clone() + &told.stderr;
            let bad = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
            assert!(!all.contains(bad), "{format}: {told:?}");
            assert!(
                !all.contains("\n=cmd") && !all.contains(",=cmd"),
                "{told:?}"
            );
        }
    }
    let told = diff(&a, &b, &["--json"]).json();
    assert_eq!(told["opened"][0]["added"], evil, "exact, all the same");
}
