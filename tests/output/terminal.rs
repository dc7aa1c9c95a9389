//! What a person sees: the program on a pseudo-terminal, never wider than it, coloured unless told otherwise.

use common::pty::terminal;
use common::{Namespace, Scene, spawn};
use std::io::Read;
use std::process::{Command, Stdio};
use unicode_width::UnicodeWidthStr;

/// What the program writes to a terminal of this width; `with` are variables of the environment.
fn seen(columns: u16, with: &[(&str, &str)], arguments: &[&str]) -> String {
    let (mut person, program) = terminal(50, columns);
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockscope"));
    spawn::as_usual(&mut command);
    for name in [
        "NO_COLOR",
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "FORCE_COLOR",
        "COLUMNS",
    ] {
        command.env_remove(name);
    }
    command
        .env("TERM", "xterm-256color")
        .envs(with.iter().copied())
        .args(arguments);
    let stderr = program.try_clone().unwrap();
    command.stdin(Stdio::null()).stdout(program).stderr(stderr);
    let mut child = spawn::spawn(&mut command).unwrap();
    // The command holds the program's side; without it, the end of the program is the end of the terminal.
    drop(command);
    let reader = std::thread::spawn(move || {
        let (mut bytes, mut some) = (Vec::new(), [0; 4096]);
        // The other side gone is EIO here, not the end of a file.
        while let Ok(count @ 1..) = person.read(&mut some) {
            bytes.extend_from_slice(&some[..count]);
        }
        String::from_utf8(bytes).unwrap()
    });
    let status = spawn::end(&mut child);
    let text = reader.join().unwrap().replace("\r\n", "\n");
    assert_eq!(status.code(), Some(0), "{arguments:?} {text}");
    text
}

/// The text without its colours. No other sequence is ever written.
fn uncoloured(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let mut plain = parts.next().unwrap().to_owned();
    for part in parts {
        let (sequence, rest) = part.split_once('m').unwrap_or_else(|| panic!("{part:?}"));
        assert!(
            sequence
                .strip_prefix('[')
                .is_some_and(|s| s.chars().all(|c| c.is_ascii_digit() || c == ';')),
            "{part:?}"
        );
        plain.push_str(rest);
    }
    assert!(
        !plain.contains(|c: char| c.is_control() && c != '\n'),
        "{plain:?}"
    );
    plain
}

/// Listeners and connections on loopback ports of five digits, and names as long and as wide as they get.
struct Crowd {
    scenes: Vec<Scene>,
}

impl Crowd {
    fn gather() -> Self {
        let scenes = vec![
            Scene::start(&["established", "--count=3", "--port=20001"]),
            Scene::start(&["comm", "--name=abcdefghijklmno", "--port=20002"]),
            Scene::start(&[
                "comm",
                r"--name=\e\n\e\n\e\n\e\n\e\n\e\n\e\n\e",
                "--port=20003",
            ]),
            Scene::start(&[
                "comm",
                r"--name=\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac",
                "--port=20004",
            ]),
            // A command of some hundred characters.
            Scene::start(&[
                "forked",
                "--count=2",
                "--port=20005",
                &format!("--name={}", "long".repeat(60)),
            ]),
            Scene::start(&["unaccepted", "--count=2", "--port=20006"]),
        ];
        Self { scenes }
    }

    fn ports(&self) -> Vec<String> {
        self.scenes
            .iter()
            .map(|scene| scene.labelled("listener").port().to_string())
            .collect()
    }
}

/// The lines that do not fit.
fn too_wide(columns: u16, text: &str) -> Vec<String> {
    let lines = uncoloured(text);
    // What is said on standard error is a line each, however long.
    let lines = lines
        .lines()
        .filter(|line| !line.starts_with("sockscope: "));
    let lines = lines.filter(|line| line.width() > columns.into());
    lines
        .map(|line| format!("{}: {line}", line.width()))
        .collect()
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let crowd = Crowd::gather();
    for columns in [80, 200] {
        for arguments in [
            &[][..],
            &["listen"],
            &["listen", "--columns=command"],
            &["states", "--by=process"],
        ] {
            let wide = too_wide(columns, &seen(columns, &[], arguments));
            assert!(wide.is_empty(), "{columns} {arguments:?} {wide:#?}");
        }
        for port in crowd.ports() {
            let wide = too_wide(columns, &seen(columns, &[], &["port", &port]));
            assert!(wide.is_empty(), "{columns} {port} {wide:#?}");
        }
    }
}

#[test]
fn connections_fit_200_columns() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _crowd = Crowd::gather();
    let wide = too_wide(200, &seen(200, &[], &["conns"]));
    assert!(wide.is_empty(), "{wide:#?}");
}

#[test]
fn connections_fit_80_columns() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _crowd = Crowd::gather();
    // Two IPv4 ends of 15 columns, ESTABLISHED, queues: 70 columns, and 10 are left for the process.
    let wide = too_wide(80, &seen(80, &[], &["conns"]));
    assert!(wide.is_empty(), "{wide:#?}");
}

#[test]
fn an_ellipsis_stands_where_text_was_cut() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _crowd = Crowd::gather();
    let narrow = seen(80, &[], &["listen", "--columns=lport,command"]);
    let cut: Vec<&str> = narrow
        .lines()
        .filter(|line| line.starts_with("20005"))
        .collect();
    assert!(
        !cut.is_empty() && cut.iter().all(|line| line.contains('…')),
        "{narrow}"
    );
    let story = seen(80, &[], &["port", "20005", "-t"]);
    assert!(
        story
            .lines()
            .any(|line| line.contains("held by") && line.contains('…')),
        "{story}"
    );
    for whole in [&["listen"][..], &["port", "20001"]] {
        let text = seen(200, &[], whole);
        assert!(!text.contains('…'), "nothing to cut at 200 columns: {text}");
    }
    let piped = common::sockscope(&["listen", "--columns=lport,command"]).stdout;
    assert!(
        !piped.contains('…') && piped.contains(&"long".repeat(60)),
        "a pipe has no width"
    );
}

#[test]
fn colours_are_for_terminals_that_have_them() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _crowd = Crowd::gather();
    for arguments in [
        &[][..],
        &["listen"],
        &["conns"],
        &["port", "20001"],
        &["states"],
        &["proc", "scene"],
    ] {
        let coloured = |with: &[(&str, &str)], more: &[&str]| {
            seen(120, with, &[arguments, more].concat()).contains('\u{1b}')
        };
        assert!(coloured(&[], &[]), "{arguments:?}");
        assert!(!coloured(&[("TERM", "dumb")], &[]), "{arguments:?}");
        assert!(!coloured(&[("NO_COLOR", "1")], &[]), "{arguments:?}");
        assert!(!coloured(&[], &["--color=never"]), "{arguments:?}");
        assert!(
            coloured(&[("NO_COLOR", "1")], &["--color=always"]),
            "{arguments:?}"
        );
        for format in ["plain", "csv", "json", "ndjson"] {
            assert!(
                !coloured(&[], &["--format", format]),
                "{arguments:?} {format}"
            );
        }
    }
}

#[test]
fn plain_and_csv_have_no_summary_and_no_limit_on_a_terminal_either() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _crowd = Crowd::gather();
    for format in ["plain", "csv"] {
        for list in ["listen", "conns"] {
            let arguments = [list, "--format", format, "--columns=+command"];
            assert_eq!(
                seen(80, &[], &arguments),
                common::sockscope(&arguments).stdout
            );
        }
    }
    let bare = seen(80, &[], &["listen", "-H"]);
    assert_eq!(
        uncoloured(&bare)
            .lines()
            .filter(|line| !line.starts_with("tcp"))
            .count(),
        0,
        "{bare}"
    );
}
