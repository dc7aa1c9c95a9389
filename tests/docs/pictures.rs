//! The pictures of the README are what a terminal shows today.
//!
//! They are drawn from hosts that were recorded while real scenes ran (`tests/fixtures/pictures/record`
//! makes them anew, as root). `UPDATE_PICTURES=1` draws the pictures anew.

use common::terminal::{Start, is_whole};
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
        let drawn = drawn(
            &root.join("tests/fixtures/pictures").join(name),
            typed,
            lines,
        );
        let known = root.join("packaging/pictures").join(format!("{name}.svg"));
        if std::env::var_os("UPDATE_PICTURES").is_some() {
            std::fs::write(&known, &drawn).unwrap();
        }
        let known = std::fs::read_to_string(&known).unwrap();
        let is_new = drawn == known;
        assert!(is_new, "{name}.svg is old: UPDATE_PICTURES=1 draws it anew");
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

fn drawn(recording: &Path, typed: &str, lines: u16) -> String {
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
        terminal.write_over(SAME_HEADER);
    } else {
        terminal.end();
    }
    let title = format!("sockscope {typed}");
    terminal.picture(title.trim())
}

/// What differs from run to run: how long the look took, and the time of day.
const SAME_HEADER: &[u8] =
    b"\x1b[1;60H\x1b[0;38;5;246m           look 7 ms  every 1 s  \x1b[0m03:12:07";
