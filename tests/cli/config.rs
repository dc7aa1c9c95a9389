//! The configuration file and the variables: what wins, and what a fault looks like.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;

use common::{Answer, NOBODY, Namespace, Run, Scene};

/// A directory for one test, with a configuration file in it; gone when dropped.
struct Home {
    path: PathBuf,
}

impl Home {
    fn new(test: &str, config: &str) -> Self {
        let name = format!("sockscope-{test}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(path.join("sockscope")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let home = Self { path };
        fs::write(home.file(), config).unwrap();
        home
    }

    fn file(&self) -> PathBuf {
        self.path.join("sockscope/config.toml")
    }

    fn run(&self, arguments: &[&str]) -> Run {
        Run::new(arguments).env("XDG_CONFIG_HOME", self.path.to_str().unwrap())
    }

    fn answer(&self, arguments: &[&str]) -> Answer {
        self.run(arguments).output()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// The header of an answer: its columns.
#[track_caller]
fn header(answer: &Answer) -> String {
    assert_eq!(
        (answer.code(), answer.stderr.as_str()),
        (0, ""),
        "{answer:?}"
    );
    let line = answer.stdout.lines().next().unwrap();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

const FILE: &str = "color = 'always'\n[columns]\nlisten = 'pid,lport'\nport = ['state', 'pid']\n";

#[test]
fn an_option_beats_a_variable_beats_the_file() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["established"]);
    let port = scene.labelled("listener").port().to_string();
    let home = Home::new("order", FILE);
    let plain = &["listen", "--format=plain"][..];
    assert_eq!(header(&home.answer(plain)), "pid lport");
    let csv = header(&home.answer(&["listen", "--format=csv"]));
    assert_eq!(csv, "pid,lport");
    let more = [plain, &["--columns=+inode"]].concat();
    assert_eq!(header(&home.answer(&more)), "pid lport inode");
    let variable = |value| home.run(plain).env("SOCKSCOPE_COLUMNS_LISTEN", value);
    assert_eq!(header(&variable("laddr").output()), "laddr");
    assert_eq!(header(&variable("+laddr").output()), "pid lport laddr");
    assert_eq!(header(&variable("").output()), "pid lport");
    let option = variable("laddr").args(&["--columns=uid"]);
    assert_eq!(header(&option.output()), "uid");
    // Each command has its own; no file, nothing configured.
    let conns = header(&home.answer(&["conns", "--format=plain"]));
    assert_eq!(conns, "protocol state recv_q send_q local peer pid comm");
    let without = [plain, &["--no-config"]].concat();
    assert_eq!(
        header(&home.answer(&without)),
        "protocol local queue user pid comm"
    );
    // The story of a port stays one; its rows have the columns.
    let story = home.answer(&["port", &port, "--color=never"]);
    assert!(story.stdout.contains("in use"), "{story:?}");
    let rows = home.answer(&["port", &port, "--format=plain"]);
    assert_eq!(header(&rows), "state pid");
}

#[test]
fn json_is_whole_whatever_is_configured() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established"]);
    let home = Home::new("json", FILE);
    let configured = home.run(&["listen", "--json"]).json();
    let bare = home.run(&["listen", "--json", "--no-config"]).json();
    assert_eq!(configured["sockets"], bare["sockets"]);
}

#[test]
fn colour_is_chosen_in_the_same_order() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established"]);
    let home = Home::new("colour", FILE);
    let coloured = |run: Run| run.output().stdout.contains('\u{1b}');
    let listen = || home.run(&["listen"]);
    assert!(coloured(listen()));
    // As no-color.org has it: what the user configures stands above NO_COLOR.
    assert!(coloured(listen().env("NO_COLOR", "1")));
    assert!(!coloured(listen().env("SOCKSCOPE_COLOR", "never")));
    let option = listen()
        .env("SOCKSCOPE_COLOR", "never")
        .args(&["--color=always"]);
    assert!(coloured(option));
    assert!(!coloured(home.run(&["listen", "--no-config"])));
    assert!(!coloured(home.run(&["listen", "--format=plain"])));
}

#[test]
fn a_fault_is_2_and_names_file_line_and_key() {
    for (config, line, key) in [
        ("colour = 'never'", 1, "'colour'"),
        ("\n\ncolor = 'blue'", 3, "color: 'blue'"),
        (
            "[columns]\nlisten = 'pid'\nconns = 'nope'",
            3,
            "columns.conns: there is no column 'nope'",
        ),
        ("[columns]\nlisten = 5", 2, "columns.listen: a number"),
        ("[columns]\nnope = 'pid'", 2, "'columns.nope'"),
        ("color = 'never'\nthis is no toml", 2, "this is no toml"),
    ] {
        let home = Home::new("fault", config);
        for command in [&["listen"][..], &["states"], &[]] {
            let answer = home.answer(command);
            assert_eq!(
                (answer.code(), answer.stdout.as_str()),
                (2, ""),
                "{answer:?}"
            );
            let first = answer.stderr.lines().next().unwrap();
            assert!(answer.stderr.lines().count() <= 2, "{answer:?}");
            let place = format!("{}, line {line}: ", home.file().display());
            assert!(first.contains(&place), "{config:?}: {first}");
            assert!(first.contains(key), "{config:?}: {first}");
            let quiet = home.answer(&[command, &["-q"]].concat());
            assert_eq!((quiet.code(), quiet.stderr.as_str()), (2, ""));
        }
        // What tells of the program works all the same.
        for command in [&["man"][..], &["completions", "bash"], &["--help"], &["-V"]] {
            assert_eq!(home.answer(command).code(), 0, "{command:?}");
        }
        assert_ne!(home.answer(&["listen", "--no-config"]).code(), 2);
    }
    let home = Home::new("bytes", "");
    fs::write(home.file(), b"color = 'never'\n# \xff").unwrap();
    let answer = home.answer(&["listen"]);
    assert!(
        answer.code() == 2 && answer.stderr.contains("line 2"),
        "{answer:?}"
    );
    // A name of a process in it would be shown escaped, as everywhere.
    fs::write(home.file(), "color = '\u{9b}31m'").unwrap();
    assert!(!home.answer(&["listen"]).stderr.contains('\u{9b}'));
    fs::remove_file(home.file()).unwrap();
    fs::create_dir(home.file()).unwrap();
    assert_eq!(home.answer(&["listen"]).code(), 2, "a directory is no file");
    fs::remove_dir(home.file()).unwrap();
    let pipe = Run::of("mkfifo").args(&[home.file()]).output();
    assert_eq!(pipe.code(), 0);
    let answer = home.answer(&["listen"]);
    assert!(answer.stderr.contains("not a regular file"), "{answer:?}");
    fs::remove_file(home.file()).unwrap();
    fs::write(home.file(), " ".repeat(70_000)).unwrap();
    assert_eq!(home.answer(&["listen"]).code(), 2, "too long");
}

#[test]
fn a_faulty_variable_is_named() {
    for (name, value) in [
        ("SOCKSCOPE_COLOR", "blue"),
        ("SOCKSCOPE_COLUMNS_CONNS", "nope"),
        ("SOCKSCOPE_COLUMNS_LISTEN", "pid,,comm"),
    ] {
        let answer = Run::new(&["listen"]).env(name, value).output();
        assert_eq!(
            (answer.code(), answer.stdout.as_str()),
            (2, ""),
            "{answer:?}"
        );
        assert!(answer.stderr.contains(name), "{answer:?}");
    }
    // An orchestrator names variables after services; they are nothing to us.
    let answer = Run::new(&["listen", "-q"]).env("SOCKSCOPE_PORT", "tcp://10.0.0.1:80");
    assert_ne!(answer.output().code(), 2);
}

#[test]
fn the_file_of_another_user_is_not_read() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established"]);
    let home = Home::new("foreign", FILE);
    if chown(home.file(), Some(NOBODY), None).is_err() {
        common::skipped("not allowed to give a file away");
        return;
    }
    let plain = ["listen", "--format=plain"];
    let answer = home.answer(&plain);
    assert_eq!(answer.code(), 0);
    assert!(answer.stdout.starts_with("protocol"), "{answer:?}");
    assert_eq!(answer.stderr.lines().count(), 1);
    assert!(answer.stderr.contains("another user"), "{answer:?}");
    // Its owner's it is; and root's is read by everybody.
    let own = home.run(&["listen", "--format=plain", "--no-owners"]);
    assert_eq!(header(&own.user(NOBODY).output()), "pid lport");
    chown(home.file(), Some(0), None).unwrap();
    let roots = home.run(&["listen", "--format=plain", "--no-owners"]);
    assert_eq!(header(&roots.user(NOBODY).output()), "pid lport");
    // A directory that cannot be looked into is as good as none.
    fs::set_permissions(&home.path, fs::Permissions::from_mode(0o700)).unwrap();
    let closed = home.run(&["listen", "--format=plain", "--no-owners"]);
    assert!(header(&closed.user(NOBODY).output()).starts_with("protocol"));
}
