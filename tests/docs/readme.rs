//! What the README says is what happens: every command line in it runs, and every sample has the shape of what is
//! printed.

mod pages;
mod stage;

use common::{Namespace, there_is};
use pages::{Sample, commands, samples, table};
use stage::Stage;
use std::collections::BTreeSet;

/// Enough that a change of the page which hides them from this test is seen.
const COMMANDS: usize = 60;

/// Each ends with success where there is something to find, or with the code that the page tells.
#[test]
fn every_command_line_does_what_it_should() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let has_jq = there_is("jq");
    let stage = Stage::new();
    let all = commands();
    assert!(all.len() >= COMMANDS, "{all:#?}");
    let mut wrong = Vec::new();
    for command in all {
        if (command.contains("| jq") && !has_jq) || (command.contains("| man") && !there_is("man"))
        {
            continue;
        }
        if let Some(view) = command.strip_prefix("sockscope watch") {
            stage.watch(view);
            continue;
        }
        let answer = stage.run(&command);
        let may_be_1 = ["doctor", "--free", "recv_q >"]
            .iter()
            .any(|word| command.contains(word));
        if answer.code() > i32::from(may_be_1) {
            wrong.push(format!("{command}: {answer:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn sample(of: &str) -> Sample {
    let mut all = samples().into_iter();
    let found = all.find(|sample| sample.command.starts_with(of));
    found.unwrap_or_else(|| panic!("the README has no sample of {of}"))
}

/// Words in capitals: the heads of a table's columns.
fn heads(line: &str) -> Vec<String> {
    line.split("  ")
        .map(|word| word.trim().to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

/// What stands before the first gap of each line: of a story, what the line is about.
fn labels(text: &str) -> BTreeSet<String> {
    let label = |line: &str| {
        let (label, _) = line.trim_start().split_once("  ")?;
        Some(label.to_owned())
    };
    text.lines()
        .filter(|line| line.starts_with(' '))
        .filter_map(label)
        .collect()
}

/// Numbers are of the day: each is written as 9.
fn without_numbers(line: &str) -> String {
    let mut kept = String::new();
    for c in line.chars() {
        let is_more = kept.ends_with('9') && (c.is_ascii_digit() || c == '.');
        if !is_more {
            kept.push(if c.is_ascii_digit() { '9' } else { c });
        }
    }
    kept
}

#[test]
fn the_story_of_a_port_is_told_as_shown() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let stage = Stage::new();
    let sample = sample("sockscope port 8080");
    let told = stage.run(&sample.command).stdout;
    assert_eq!(told.lines().next(), sample.output.lines().next());
    assert_eq!(told.lines().last(), sample.output.lines().last());
    // The sample has what not every process has, and we connect to ourselves.
    let (shown, told) = (labels(&sample.output), labels(&told));
    let missing: Vec<_> = shown
        .difference(&told)
        .filter(|label| *label != "unit")
        .collect();
    assert_eq!(missing, Vec::<&String>::new(), "{told:?}");
    let more: Vec<_> = told
        .difference(&shown)
        .filter(|label| !["outbound", "from"].contains(&label.as_str()))
        .collect();
    assert_eq!(more, Vec::<&String>::new(), "{shown:?}");
}

#[test]
fn a_finding_is_told_as_shown() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let stage = Stage::new();
    let _full = stage.scene("java", &["accept-full", "--backlog=50", "--port=8081"]);
    let sample = sample("sockscope doctor");
    let told = stage.run("sockscope doctor --only accept-queue-full");
    assert_eq!(told.code(), 1, "{told:?}");
    let titles = |text: &str| -> Vec<String> {
        let first = text
            .lines()
            .take(2)
            .map(|line| without_numbers(line.trim()));
        first.collect()
    };
    assert_eq!(titles(&told.stdout), titles(&sample.output));
    let words: Vec<&str> = sample
        .output
        .lines()
        .find(|line| line.contains("seen  "))
        .unwrap()
        .split(' ')
        .collect();
    for name in ["waiting", "limit", "somaxconn"] {
        assert!(words.contains(&name), "{words:?}");
    }
    assert_eq!(labels(&told.stdout), labels(&sample.output), "{told:?}");
    // As many rules as there are.
    let all = stage.run("sockscope doctor");
    // Where there are several findings, lines of them follow.
    let summary = |text: &str| -> String {
        let found = text.lines().find(|line| line.contains(" rules checked "));
        found.unwrap_or_else(|| panic!("{text}")).to_owned()
    };
    let closing = |text: &str| without_numbers(&summary(text));
    let rules = |text: &str| summary(text).split(' ').next().unwrap().to_owned();
    assert_eq!(closing(&all.stdout), closing(&sample.output));
    assert_eq!(rules(&all.stdout), rules(&sample.output), "{all:?}");
}

/// The table of findings has every rule, and nothing else.
#[test]
fn every_finding_is_in_the_table() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let stage = Stage::new();
    let told = stage.run("sockscope doctor --list --json").json();
    let there: BTreeSet<String> = told["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["id"].as_str().unwrap().to_owned())
        .collect();
    let rows = table("| finding | is |");
    let shown: BTreeSet<String> = rows
        .iter()
        .map(|row| row[0].trim_matches('`').to_owned())
        .collect();
    assert_eq!(shown, there);
}

#[test]
fn waiting_says_what_is_shown() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let stage = Stage::new();
    let said = |text: &str| without_numbers(text.trim_end());
    let sample = sample("sockscope wait 8080 --listening");
    let told = stage.run(&sample.command);
    assert_eq!(said(&told.stdout), said(&sample.output));
    let sample = self::sample("sockscope wait 8080 --free");
    let told = stage.run(&sample.command);
    assert_eq!((told.code(), said(&told.stderr)), (1, said(&sample.output)));
}

#[test]
fn a_difference_is_told_as_shown() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let stage = Stage::new();
    let sample = sample("sockscope diff");
    let before = stage.run("sockscope conns --json > before.json");
    assert_eq!(before.code(), 0);
    let _more = stage.scene("java", &["close-wait", "--count=2"]);
    stage.run("sockscope conns --json > after.json");
    let told = stage.run(&sample.command).stdout;
    let tables = |text: &str| -> Vec<Vec<String>> {
        let is_head = |line: &&str| line.contains("STATE") || line.contains("COLLECTED AT");
        text.lines().filter(is_head).map(heads).collect()
    };
    assert_eq!(tables(&told), tables(&sample.output), "{told}");
    let closing = |text: &str| without_numbers(text.lines().last().unwrap());
    assert_eq!(closing(&told), closing(&sample.output));
}

/// The lines of a stream, as jq makes them: what happened, the state, the one before, whose it was.
#[test]
fn a_stream_tells_what_is_shown() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    if !there_is("jq") {
        return;
    }
    let stage = Stage::new();
    let sample = sample("sockscope conns lport=8080 --watch");
    let told = stage.run(&sample.command).stdout;
    let first = |text: &str| text.lines().next().unwrap().to_owned();
    assert_eq!(first(&told).trim(), first(&sample.output), "{told}");
}

#[test]
fn the_live_view_looks_as_shown() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let stage = Stage::new();
    let shown = pages::blocks()
        .into_iter()
        .find(|block| block.starts_with("sockscope web1 "));
    let shown = shown.expect("a screen of the live view");
    let screen = stage.watch("");
    let row = |screen: &str, at: fn(&str) -> bool| -> String {
        let line = screen.lines().find(|line| at(line));
        without_numbers(line.unwrap_or_else(|| panic!("{screen}")))
            .trim_end()
            .to_owned()
    };
    let rows: [fn(&str) -> bool; 2] = [
        |line| line.starts_with(" listen  conns"),
        |line| line.starts_with("q leave"),
    ];
    for at in rows {
        assert_eq!(row(&screen, at), row(&shown, at));
    }
}

/// Each row of "you type / type" finds what the other tool finds.
#[test]
fn habits_from_other_tools_find_the_same() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let stage = Stage::new();
    let mut wrong = Vec::new();
    let rows = table("| you type | type |");
    assert!(rows.len() >= 25, "{rows:#?}");
    for row in rows {
        let (theirs, ours) = (pages::spans(&row[0]), pages::spans(&row[1]));
        let theirs = &theirs[0];
        let program = ["ss", "netstat", "lsof"]
            .into_iter()
            .find(|name| theirs.split([' ', '(']).any(|word| word == *name));
        if !there_is(program.unwrap()) || theirs.starts_with("kill ") {
            continue;
        }
        let there = stage.ports_in(theirs);
        for ours in ours.iter().filter(|span| span.starts_with("sockscope")) {
            let mut wanted = there.clone();
            // What asks for a port tells of that port.
            let asked = stage.numbers_in(ours);
            wanted.retain(|port| asked.is_empty() || asked.contains(port));
            let missing: Vec<_> = wanted.difference(&stage.ports_in(ours)).copied().collect();
            if !missing.is_empty() {
                wrong.push(format!("{theirs} has {missing:?}, {ours} has not"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
