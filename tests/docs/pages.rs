//! The manual and the completions: the committed files are those of the definition, and they work.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};

use common::{Answer, Namespace, Run, Scene, sockscope, there_is};

/// The top of the repository.
fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What to type when a committed file is stale.
const AGAIN: &str =
    "stale: cargo run -- man --out man && cargo run -- completions --out completions";

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Writes with `command --out`, and compares with what is committed, file by file.
fn is_fresh(command: &str, committed: &str) {
    let name = format!("sockscope-{command}-{}", std::process::id());
    let written = std::env::temp_dir().join(name);
    let answer = sockscope(&[command, "--out", written.to_str().unwrap()]);
    assert_eq!(
        (answer.code(), answer.stdout.as_str()),
        (0, ""),
        "{answer:?}"
    );
    let names = |directory: &Path| -> Vec<_> {
        let files = files(directory);
        files
            .iter()
            .map(|file| file.file_name().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&written), names(&top().join(committed)), "{AGAIN}");
    for file in files(&written) {
        let name = file.file_name().unwrap();
        let there = fs::read_to_string(top().join(committed).join(name)).unwrap();
        let same = there == fs::read_to_string(&file).unwrap();
        assert!(same, "{committed}/{} is {AGAIN}", name.display());
    }
    fs::remove_dir_all(written).unwrap();
}

#[test]
fn the_committed_pages_are_those_of_the_definition() {
    is_fresh("man", "man");
}

#[test]
fn the_committed_completions_are_those_of_the_definition() {
    is_fresh("completions", "completions");
}

#[test]
fn every_command_of_the_help_has_a_page() {
    let help = sockscope(&["--help"]).stdout;
    let commands = help.split("Commands:").nth(1).unwrap();
    let commands = commands.split("\n\n").next().unwrap();
    let names = commands
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next());
    let names: Vec<_> = names.filter(|name| *name != "help").collect();
    assert!(names.len() >= 10, "{names:?}");
    for name in names.into_iter().chain(["sockscope", "filter", "json"]) {
        let page = sockscope(&["man", name]);
        assert_eq!(page.code(), 0, "{name}: {page:?}");
        assert!(page.stdout.contains(".SH NAME"), "{name}");
        let source = |title: &str| page.stdout.contains(&format!(".TH {title}"));
        let title = format!("sockscope\\-{name}");
        assert!(source(&title) || name == "sockscope", "{name}");
    }
    assert_eq!(
        sockscope(&["man"]).stdout,
        sockscope(&["man", "sockscope.1"]).stdout
    );
    // What is hidden stays so.
    assert!(!sockscope(&["man"]).stdout.contains("__complete"));
    assert!(!help.contains("__complete"));
}

#[test]
fn man_shows_every_page_without_a_warning() {
    if !there_is("man") || !there_is("groff") {
        return;
    }
    for file in files(&top().join("man")) {
        let page = file.to_str().unwrap();
        let arguments = ["--warnings", "-E", "UTF-8", "-l", "-Tutf8", page];
        let run = Run::of("man").args(&arguments).env("MANWIDTH", "80");
        let answer = run.env("LC_ALL", "C.UTF-8").output();
        assert_eq!((answer.code(), answer.stderr.as_str()), (0, ""), "{page}");
        assert!(answer.stdout.lines().count() > 20, "{page}");
    }
}

#[test]
fn mandoc_has_nothing_against_the_pages() {
    if !there_is("mandoc") {
        return;
    }
    for file in files(&top().join("man")) {
        let arguments = ["-T", "lint", "-W", "warning", file.to_str().unwrap()];
        let answer = Run::of("mandoc").args(&arguments).output();
        let complaints = answer.stdout.lines().chain(answer.stderr.lines());
        // A page without a date is the same every day.
        let real: Vec<_> = complaints
            .filter(|line| !line.contains("missing date"))
            .collect();
        assert!(real.is_empty(), "{real:?}");
    }
}

/// The words of a line, with single quotes taken off.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (place, part) in line.split('\'').enumerate() {
        if place % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// Whether a line is right usage, whatever it finds here.
fn can_be_typed(line: &str) {
    let words = words(line);
    assert_eq!(words[0], "sockscope", "{line}");
    let arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
    let answer = sockscope(&arguments);
    // A column that this version does not have yet.
    if answer.stderr.contains("unknown name 'age'") {
        return;
    }
    assert!(matches!(answer.code(), 0 | 1), "{line}: {answer:?}");
}

#[test]
fn who_comes_from_ss_netstat_or_lsof_can_type_what_the_readme_says() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let readme = fs::read_to_string(top().join("README.md")).unwrap();
    let section = readme.split("### Coming from").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    for tool in ["ss ", "netstat ", "lsof "] {
        let theirs = |line: &&str| line.starts_with("| `") && line[3..].contains(tool);
        let rows: Vec<_> = section
            .lines()
            .filter(theirs)
            .filter(|line| line.split(" | ").next().unwrap().contains(tool))
            .collect();
        assert!(rows.len() >= 10, "{tool}: {}", rows.len());
        for row in rows {
            let ours = row.rsplit(" | ").next().unwrap();
            let commands = ours.split('`').skip(1).step_by(2);
            for command in commands {
                let command = command
                    .trim_start_matches("kill $(")
                    .trim_end_matches("--pids)");
                can_be_typed(command);
            }
        }
    }
}

#[test]
fn the_examples_of_the_filter_page_are_filters() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let page = fs::read_to_string(top().join("man/sockscope-filter.7")).unwrap();
    let plain = page
        .replace("\\(aq", "'")
        .replace("\\(ti", "~")
        .replace("\\-", "-");
    let examples: Vec<_> = plain
        .lines()
        .filter_map(|line| line.strip_prefix(".B "))
        .filter(|line| line.starts_with("sockscope "))
        .collect();
    assert!(examples.len() >= 9, "{examples:?}");
    for example in examples {
        can_be_typed(example);
    }
}

/// What `__complete` offers for these words.
fn offered(words: &[&str]) -> Vec<String> {
    let answer = sockscope(&[&["__complete", "--"], words].concat());
    assert_eq!(
        (answer.code(), answer.stderr.as_str()),
        (0, ""),
        "{answer:?}"
    );
    let candidates = answer
        .stdout
        .lines()
        .map(|line| line.split('\t').next().unwrap());
    candidates.map(str::to_owned).collect()
}

#[test]
fn what_the_program_knows_is_offered() {
    assert!(offered(&["conns", "--columns", "pid,com"]).contains(&"pid,command".to_owned()));
    assert_eq!(offered(&["conns", "--columns=+inod"]), ["--columns=+inode"]);
    assert_eq!(offered(&["conns", "--sort", "-recv"]), ["-recv_q"]);
    assert_eq!(offered(&["conns", "state=close_w"]), ["state=close_wait"]);
    assert_eq!(
        offered(&["conns", "state=last_ack,CLOSE_W"]),
        ["state=last_ack,CLOSE_WAIT"]
    );
    assert_eq!(offered(&["conns", "state", "time-"]), ["time-wait"]);
    assert_eq!(offered(&["-t", "conns", "-H", "owner"]), ["owner_status="]);
    assert_eq!(
        offered(&["doctor", "--skip", "fd-limit,udp"]),
        ["fd-limit,udp-drops"]
    );
    assert_eq!(offered(&["explain", "CLOSE_W"]), ["CLOSE_WAIT"]);
    assert_eq!(offered(&["explain", "accept-"]), ["accept-queue-full"]);
    assert_eq!(offered(&["states", "--by", "us"]), ["user"]);
    assert_eq!(offered(&["man", "fil"]), ["filter"]);
    assert_eq!(offered(&["completions", "b"]), ["bash"]);
    assert_eq!(offered(&["bui"]), ["buildup"]);
    // Names of options and paths are the static part's; after nonsense nothing is known.
    for words in [
        &["listen", "--js"][..],
        &["man", "--out", ""],
        &["nonsense", ""],
    ] {
        let answer = sockscope(&[&["__complete", "--"], words].concat());
        assert_eq!(
            (answer.code(), answer.stdout.as_str()),
            (1, ""),
            "{words:?}"
        );
    }
    assert_eq!(sockscope(&["__complete"]).code(), 1);
}

/// bash with the script sourced, asked as readline would ask: the words of the line in
/// `COMP_WORDS`, cut at `=`.
fn in_bash(words: &[&str]) -> Vec<String> {
    let program = Path::new(env!("CARGO_BIN_EXE_sockscope")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let script = r#"
        source completions/sockscope.bash || exit
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        spec=$(complete -p sockscope)
        [[ $spec =~ -F\ ([^ ]+) ]] || exit
        "${BASH_REMATCH[1]}" sockscope "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let run = Run::of("bash")
        .args(&[
            "--norc",
            "-c",
            &format!("cd '{}' && {script}", top().display()),
            "bash",
        ])
        .args(words)
        .env("PATH", &format!("{}:{path}", program.display()));
    let answer = run.output();
    assert_eq!(
        (answer.code(), answer.stderr.as_str()),
        (0, ""),
        "{answer:?}"
    );
    let lines = answer.stdout.lines().filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

#[test]
fn bash_completes_what_is_there_now() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    assert!(
        in_bash(&["sockscope", "port", ""]).is_empty(),
        "no file names"
    );
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = |address: std::io::Result<std::net::SocketAddr>| address.unwrap().port().to_string();
    let (tcp, udp) = (port(tcp.local_addr()), port(udp.local_addr()));
    let ports = in_bash(&["sockscope", "port", ""]);
    assert!(ports.contains(&tcp) && ports.contains(&udp), "{ports:?}");
    assert_eq!(in_bash(&["sockscope", "port", &tcp]), [tcp.as_str()]);
    let two = format!("{tcp},{udp}");
    assert_eq!(
        in_bash(&["sockscope", "port", &format!("{tcp},")]),
        [two.as_str()]
    );
    assert_eq!(
        in_bash(&["sockscope", "conns", "lport", "=", &tcp]),
        [tcp.as_str()]
    );
    let _scene = Scene::start(&["established"]);
    assert!(in_bash(&["sockscope", "proc", ""]).contains(&"scene".to_owned()));
    assert_eq!(
        in_bash(&["sockscope", "conns", "process", "=", "sce"]),
        ["scene"]
    );
}

#[test]
fn bash_completes_commands_options_columns_and_states() {
    let commands = in_bash(&["sockscope", ""]);
    for command in ["listen", "port", "conns", "doctor", "man"] {
        assert!(commands.contains(&command.to_owned()), "{commands:?}");
    }
    assert!(!commands.iter().any(|word| word.contains("__complete")));
    assert_eq!(in_bash(&["sockscope", "exp"]), ["explain"]);
    assert_eq!(in_bash(&["sockscope", "listen", "--fo"]), ["--format"]);
    assert_eq!(in_bash(&["sockscope", "listen", "--format", "j"]), ["json"]);
    assert_eq!(
        in_bash(&["sockscope", "listen", "--format", "=", "j"]),
        ["json"]
    );
    assert_eq!(
        in_bash(&["sockscope", "listen", "--columns", "inod"]),
        ["inode"]
    );
    assert_eq!(
        in_bash(&["sockscope", "listen", "--columns", "=", "pid,inod"]),
        ["pid,inode"]
    );
    assert_eq!(
        in_bash(&["sockscope", "conns", "state", "=", "close_w"]),
        ["close_wait"]
    );
    assert_eq!(
        in_bash(&["sockscope", "conns", "state=close_w"]),
        ["state=close_wait"]
    );
    assert!(in_bash(&["sockscope", "conns", "state", "="]).contains(&"listen".to_owned()));
    assert_eq!(in_bash(&["sockscope", "explain", "TIME"]), ["TIME_WAIT"]);
}

/// A process chooses its name; what TAB puts on the line must not be more than one word.
#[test]
fn a_name_cannot_become_a_command() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["comm", "--name=x;touch $(id)"]);
    let offered = in_bash(&["sockscope", "proc", "x"]);
    assert_eq!(offered, ["x\\;touch\\ \\$\\(id\\)"]);
    let _scene = Scene::start(&["comm", "--name=y\\x1b[31m\\n"]);
    assert!(in_bash(&["sockscope", "proc", "y"]).is_empty());
}

fn answer_of(shell: &str, script: &str) -> Answer {
    let program = Path::new(env!("CARGO_BIN_EXE_sockscope")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let script = format!("cd '{}'\n{script}", top().display());
    let run = Run::of(shell).args(&["-c", &script]);
    let run = run.env("PATH", &format!("{}:{path}", program.display()));
    run.env("HOME", "/dev/null").output()
}

#[test]
fn fish_completes() {
    if !there_is("fish") {
        return;
    }
    let script = "source completions/sockscope.fish\n\
        complete -C 'sockscope listen --columns pid,inod'\n\
        complete -C 'sockscope conns state=close_w'\n\
        complete -C 'sockscope listen --form'\n\
        complete -C 'sockscope explain TIME'\n";
    let answer = answer_of("fish", script);
    for word in ["pid,inode", "state=close_wait", "--format", "TIME_WAIT"] {
        let found = answer
            .stdout
            .lines()
            .any(|line| line.split('\t').next() == Some(word));
        assert!(found, "{word}: {answer:?}");
    }
}

#[test]
fn zsh_completes() {
    if !there_is("zsh") {
        return;
    }
    // Outside of its line editor: what would be added is printed.
    let script = "compdef() { :; }\n\
        compadd() { local all=$@[-1]; print -rl -- ${(P)all}; }\n\
        source completions/_sockscope || exit\n\
        try() { words=(\"$@\"); CURRENT=$#; PREFIX=$words[-1]; _sockscope_live; }\n\
        try sockscope listen --columns pid,inod\n\
        try sockscope conns state=close_w\n\
        try sockscope explain TIME\n\
        try sockscope listen --form || print fixed\n";
    let answer = answer_of("zsh", script);
    assert_eq!(answer.stderr, "");
    let lines: Vec<_> = answer.stdout.lines().collect();
    assert_eq!(
        lines,
        ["pid,inode", "state=close_wait", "TIME_WAIT", "fixed"]
    );
}
