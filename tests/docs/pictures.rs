//! The pictures of the README are what a terminal shows today.
//!
//! They are drawn from hosts that were recorded while real scenes ran (`tests/fixtures/pictures/record`
//! makes them anew, as root). `UPDATE_PICTURES=1` draws the pictures anew.

use common::eventually;
use common::terminal::{Start, Terminal, is_whole};
use std::path::Path;

/// The name of a picture and its recording, what is typed, and the lines of the terminal.
const PICTURES: [(&str, &str, u16); 4] = [
    ("overview", "", 60),
    ("port", "port 8080", 60),
    ("doctor", "doctor", 90),
    ("watch", "watch", 26),
];
const COLUMNS: u16 = 100;

#[test]
fn they_show_what_a_terminal_shows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, typed, lines) in PICTURES {
        let recording = root.join("tests/fixtures/pictures").join(name);
        let picture = root.join("packaging/pictures").join(format!("{name}.svg"));
        if std::env::var_os("UPDATE_PICTURES").is_some() {
            let terminal = shown(&recording, typed, lines);
            std::fs::write(&picture, drawn(&terminal, typed)).unwrap();
        }
        let known = std::fs::read_to_string(&picture).unwrap();
        let terminal = shown(&recording, typed, lines);
        // The live view comes to rest a moment after its first screen.
        let what = format!("{name}.svg is old (UPDATE_PICTURES=1 draws it anew), or its screen");
        eventually(&what, common::DEADLINE / 2, || {
            (drawn(&terminal, typed) == known).then_some(())
        });
    }
}

#[test]
fn the_readme_shows_them_all_and_says_what_they_are() {
    let readme = include_str!("../../README.md");
    for (name, typed, _) in PICTURES {
        let command = format!("sockscope {typed}");
        let picture = format!("![{}](packaging/pictures/{name}.svg)", command.trim());
        assert!(readme.contains(&picture), "{picture}");
    }
}

/// The terminal when the answer is there.
fn shown(recording: &Path, typed: &str, lines: u16) -> Terminal {
    let from = ["--no-config", "--from-host", recording.to_str().unwrap()];
    let mut words: Vec<&str> = typed.split_whitespace().chain(from).collect();
    if typed == "watch" {
        // Nothing changes before the picture is taken.
        words.push("--interval=1h");
    }
    let mut start = Start::new(&words, (COLUMNS, lines));
    let environment = [("TZ", "UTC"), ("SOCKSCOPE_THEME", "dark"), ("LC_ALL", "C")];
    start.environment = &environment;
    let mut terminal = start.run();
    if typed == "watch" {
        terminal.until("the first look", is_whole);
    } else {
        terminal.end();
    }
    terminal
}

fn drawn(terminal: &Terminal, typed: &str) -> String {
    if typed == "watch" {
        terminal.write_over(SAME_HEADER);
    }
    terminal.picture(format!("sockscope {typed}").trim())
}

/// What differs from run to run: how long the look took, and the time of day.
const SAME_HEADER: &[u8] =
    b"\x1b[1;60H\x1b[0;38;5;246m           look 7 ms  every 1 s  \x1b[0m03:12:07";
