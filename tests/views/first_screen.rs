//! The first screen of `conns`: trouble first, what has ended last and in one line, in tables only.

use common::{Namespace, Run, Scene, json, row, sockets, sockscope};

/// The states of the lines of a table, in their order.
fn states(table: &str) -> Vec<&str> {
    let rows = table.lines().filter(|line| line.starts_with("tcp"));
    rows.map(|line| line.split_whitespace().nth(1).unwrap())
        .collect()
}

#[test]
fn trouble_stands_first_and_what_has_ended_in_one_line() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let ended = Scene::start(&["time-wait", "--count", "9", "--server-first"]);
    let _live = Scene::start(&["established", "--count", "2"]);
    let _leak = Scene::start(&["close-wait", "--count", "3", "--eof-read", "3"]);
    let table = sockscope(&["conns"]);
    let shown = states(&table.stdout);
    assert_eq!(shown[..3], ["CLOSE_WAIT"; 3], "{}", table.stdout);
    assert!(!shown.contains(&"TIME_WAIT"), "{}", table.stdout);
    let port = ended.rows()[0].local.rsplit_once(':').unwrap().1.to_owned();
    let last = table.stdout.lines().last().unwrap();
    let told =
        format!("9 TIME_WAIT, all scene:{port} (sockscope conns state=time_wait lists them)");
    assert_eq!(last, told);
    assert_eq!(table.code(), 0);

    // Asked for, they are rows; and so they are in every other form, in the kernel's order.
    for asked in [
        &["conns", "state=time_wait"][..],
        &["conns", "--sort", "lport"],
        &["conns", "--limit", "100"],
        &["conns", "-a"],
        &["conns", "--format", "plain"],
        &["conns", "--format", "csv"],
    ] {
        let rows = sockscope(asked).stdout;
        assert_eq!(rows.matches("TIME_WAIT").count(), 9, "{asked:?}: {rows}");
    }
    let saved = std::env::temp_dir().join(format!("sockscope-first-{}.json", std::process::id()));
    let saved = saved.to_str().unwrap();
    let both = sockscope(&["conns", "--save", saved]).stdout;
    assert!(both.ends_with(&format!("{told}\n")), "{both}");
    let text = std::fs::read_to_string(saved).unwrap();
    std::fs::remove_file(saved).unwrap();
    let whole: serde_json::Value = serde_json::from_str(&text).unwrap();
    let cookies = |answer: &serde_json::Value| -> Vec<_> {
        let sockets = sockets(answer).iter();
        sockets.map(|socket| socket["cookie"].clone()).collect()
    };
    assert_eq!(cookies(&whole), cookies(&json(&["conns", "--json"])));
    assert!(cookies(&whole).len() > 9 + shown.len() - 1);

    // Whoever filters is told what to add; without headings the line stays.
    let filtered = sockscope(&["conns", "-H", &format!("lport={port}")]).stdout;
    let told = format!("9 TIME_WAIT, all scene:{port} (with state=time_wait they are listed)\n");
    assert!(filtered.ends_with(&told), "{filtered}");
    let quiet = sockscope(&["conns", "-q"]);
    assert_eq!((quiet.code(), quiet.stdout.as_str()), (0, ""));
    // The columns are those that were asked for.
    let columns = sockscope(&["conns", "--columns", "state,lport"]).stdout;
    assert!(
        columns.starts_with("STATE        LPORT\nCLOSE_WAIT"),
        "{columns}"
    );
}

#[test]
fn few_that_have_ended_are_rows() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _ended = Scene::start(&["time-wait", "--count", "4", "--server-first"]);
    let table = sockscope(&["conns"]).stdout;
    assert_eq!(states(&table), ["TIME_WAIT"; 4], "{table}");
}

#[test]
fn what_stands_in_a_queue_and_is_sent_again_is_before_what_works() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _works = Scene::start(&["established", "--count", "2"]);
    let _deaf = Scene::start(&["deaf-peer", "--count", "1", "--retransmits", "1"]);
    let _waiting = Scene::start(&["unaccepted", "--count", "1"]);
    let unsent = json(&["conns", "send_q>0", "--json"]);
    let unsent = row(&sockets(&unsent)[0]).local;
    let table = sockscope(&["conns"]).stdout;
    let first = table.lines().nth(1).unwrap();
    assert!(first.contains(&unsent), "{unsent}: {table}");
    assert!(
        table.lines().nth(2).unwrap().contains("(unaccepted)"),
        "{table}"
    );
}

#[test]
fn whoever_may_not_see_owners_is_told_of_as_many_as_before() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _live = Scene::start(&["established", "--count", "2"]);
    let _ended = Scene::start(&["time-wait", "--count", "9", "--server-first"]);
    let hidden = |arguments: &[&str]| {
        let said = Run::new(arguments).user(common::NOBODY).output().stderr;
        let note = said.lines().find(|line| line.contains("no visible owner"));
        // How many processes there are is the host's.
        let count = note.and_then(|note| note.split_once(':')?.1.split(" have ").next());
        count.unwrap_or_default().to_owned()
    };
    // The listeners that are asked for their names are no rows.
    assert_eq!(hidden(&["conns"]), hidden(&["conns", "--format", "plain"]));
    assert_ne!(hidden(&["conns"]), "");
}
