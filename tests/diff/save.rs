//! `--save FILE`: the same look as JSON, in a file, beside whatever is shown.
#![allow(unsafe_code, reason = "one gives its child a umask")]

use common::quiet::quiet_scenes;
use common::{Namespace, Run, Scene, is_of_others, sockscope, spawn};
use serde_json::Value;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// A directory of a test's own.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let place =
            std::env::temp_dir().join(format!("sockscope-save-{name}-{}", std::process::id()));
        std::fs::create_dir(&place).unwrap();
        Self(place)
    }

    fn file(&self) -> PathBuf {
        self.0.join("look.json")
    }

    fn names(&self) -> Vec<String> {
        let all = std::fs::read_dir(&self.0).unwrap();
        let names = all.map(|one| one.unwrap().file_name().into_string().unwrap());
        names.collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn saved(file: &Path) -> Value {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.ends_with("}\n"), "{text}");
    serde_json::from_str(&text).unwrap()
}

/// What is the same in two looks: no times, no counters, and no findings, which judge by both.
fn timeless(answer: &Value) -> Value {
    match answer {
        Value::Object(members) => {
            let lasting = members.iter().filter(|(key, _)| {
                let key = key.as_str();
                let moves = [
                    // Which is quicker depends on how many files are open.
                    "owners_from",
                    "collected_at",
                    "live",
                    // How often a SYN was sent again.
                    "verdict",
                    "findings",
                    "timer",
                    "tcp_info",
                    "memory",
                    "drops",
                    "tcp_max_orphans",
                ];
                !moves.contains(&key) && !key.ends_with("_ms") && !key.ends_with("_per_second")
            });
            lasting
                .map(|(key, value)| (key.clone(), timeless(value)))
                .collect()
        }
        Value::Array(all) => {
            let is_of_others = |one: &&Value| one["code"].as_str().is_some_and(is_of_others);
            let ours = all.iter().filter(|one| !is_of_others(one));
            ours.map(timeless).collect()
        }
        other => other.clone(),
    }
}

/// The first place where two answers differ.
fn difference(one: &Value, other: &Value) -> Option<String> {
    match (one, other) {
        (Value::Object(members), Value::Object(others)) if members.len() == others.len() => {
            members.iter().find_map(|(key, value)| {
                let other = others.get(key).unwrap_or(&Value::Null);
                Some(format!("{key}: {}", difference(value, other)?))
            })
        }
        (Value::Array(all), Value::Array(others)) if all.len() == others.len() => {
            let mut pairs = all.iter().zip(others);
            pairs.find_map(|(one, other)| difference(one, other))
        }
        _ => (one != other).then(|| format!("{one} and {other}")),
    }
}

#[test]
fn it_is_what_json_gives() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scenes = quiet_scenes();
    let _more = Scene::start(&["close-wait", "--count=12"]);
    let port = scenes[0].labelled("listener").port().to_string();
    // By its number: other tests have processes of the same name.
    let pid = scenes[1].pid().to_string();
    let place = Place::new("json");
    let schema = Run::new(&["schema"]).json();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let commands: [&[&str]; 15] = [
        &[],
        &["listen"],
        &["listen", "--no-owners"],
        &["conns"],
        &["conns", "--sort=lport", "--limit=3"],
        &["port", &port],
        &["states"],
        &["states", "--by=process"],
        &["buildup"],
        // Rules of which time changes nothing.
        &["doctor", "--for=0", "--only=exposed-listener,fd-limit"],
        &["doctor", "--list"],
        &["proc", &pid],
        &["inspect", "port>=0"],
        &["explain", "close-wait"],
        &["--columns=help"],
    ];
    for command in commands {
        let json = sockscope(&[command, &["--json"]].concat());
        let expected = timeless(&json.json());
        for format in ["table", "plain", "csv", "json", "ndjson"] {
            let format = format!("--format={format}");
            let shown = [command, &[format.as_str()]].concat();
            let usual = sockscope(&shown);
            let file = place.file();
            let answer = Run::new(&shown).args(&["--save"]).args(&[&file]).output();
            assert_eq!(answer.code(), json.code(), "{shown:?} {answer:?}");
            assert_eq!(answer.stderr, usual.stderr, "{shown:?}");
            let lines = |text: &str| text.lines().count();
            // Findings of the overview may come with time.
            if !command.is_empty() {
                assert_eq!(lines(&answer.stdout), lines(&usual.stdout), "{shown:?}");
            }
            let told = saved(&file);
            let difference = difference(&timeless(&told), &expected);
            assert_eq!(difference, None, "{shown:?}");
            assert!(validator.is_valid(&told), "{shown:?}");
            if format == "--format=json" {
                assert_eq!(told, answer.json(), "of the same look, in the same words");
            }
            std::fs::remove_file(file).unwrap();
            assert_eq!(place.names(), [] as [String; 0], "{shown:?}");
        }
    }
}

#[test]
fn nothing_found_is_saved_too_and_quiet_saves() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let place = Place::new("quiet");
    let file = place.file();
    let answer = Run::new(&["listen", "-q", "--save"])
        .args(&[&file])
        .output();
    assert_eq!(
        (
            answer.code(),
            answer.stdout.as_str(),
            answer.stderr.as_str()
        ),
        (1, "", "")
    );
    assert_eq!(saved(&file)["sockets"], Value::Array(Vec::new()));
    // A new file is its owner's alone: it says who is connected to whom.
    let umask = |mask| {
        move || {
            // SAFETY: changes the child only.
            unsafe { libc::umask(mask) };
            Ok::<(), io::Error>(())
        }
    };
    for (mask, mode) in [(0o022, 0o600), (0, 0o600)] {
        let run = Run::new(&["listen", "--save"]).args(&[&file]);
        std::fs::remove_file(&file).unwrap();
        run.before(umask(mask)).output();
        let is = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(is, mode, "{is:o}");
    }
}

#[test]
fn a_file_is_replaced_whole() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let place = Place::new("whole");
    let file = place.file();
    std::fs::write(&file, "before").unwrap();
    let old = std::fs::File::open(&file).unwrap();
    Run::new(&["conns", "--save"]).args(&[&file]).output();
    assert_eq!(saved(&file)["command"], "conns");
    assert_ne!(
        file.metadata().unwrap().ino(),
        old.metadata().unwrap().ino()
    );
    assert_eq!(io::read_to_string(old).unwrap(), "before");
    // A wrong filter saves nothing.
    let before = std::fs::read(&file).unwrap();
    let answer = Run::new(&["conns", "no=1", "--save"])
        .args(&[&file])
        .output();
    assert_eq!(answer.code(), 2);
    assert_eq!(std::fs::read(&file).unwrap(), before);
    assert_eq!(place.names(), ["look.json"]);
}

#[test]
fn it_is_whole_when_nobody_reads_the_other_output() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established", "--count=300"]);
    let place = Place::new("pipe");
    for command in [&["conns"][..], &["states", "--by=port"]] {
        for format in ["table", "json"] {
            let file = place.file();
            let (read, write) = io::pipe().unwrap();
            drop(read);
            let mut run = Run::new(command)
                .args(&["--format", format, "--save"])
                .args(&[&file])
                .command();
            let mut child = spawn::spawn(run.stdin(Stdio::null()).stdout(write)).unwrap();
            let status = spawn::end(&mut child);
            assert_eq!(status.code(), Some(0));
            assert_eq!(saved(&file)["complete"], true, "{command:?} {format}");
            std::fs::remove_file(file).unwrap();
        }
    }
}

#[test]
fn what_cannot_be_saved_is_fatal_and_said() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let place = Place::new("fatal");
    let link = place.0.join("link");
    std::os::unix::fs::symlink("elsewhere", &link).unwrap();
    let missing = place.0.join("no/such/place");
    let long = place.0.join("x".repeat(300));
    for path in [
        &place.0,
        &link,
        &missing,
        &long,
        &PathBuf::from("/dev/null"),
    ] {
        let answer = Run::new(&["listen", "--save"]).args(&[path]).output();
        assert_eq!(answer.code(), 2, "{path:?} {answer:?}");
        assert_eq!(answer.stdout, "", "said before anything is shown");
        assert_eq!(answer.stderr.lines().count(), 1, "{answer:?}");
        let said = format!("cannot save to {}: ", path.display());
        assert!(answer.stderr.contains(&said), "{answer:?}");
    }
    assert!(link.is_symlink() && !place.0.join("elsewhere").exists());
    assert!(!Path::new("/dev/null").metadata().unwrap().is_file());
    for wrong in [
        &["listen", "--save", "-"][..],
        &["listen", "--save", ""],
        &["listen", "--save"],
        &["listen", "--pids", "--save=x"],
        &["schema", "--save=x"],
        &["man", "--save=x"],
        &["completions", "bash", "--save=x"],
    ] {
        let answer = sockscope(wrong);
        assert_eq!(answer.code(), 2, "{wrong:?} {answer:?}");
        assert_eq!(answer.stderr.lines().count(), 2, "{wrong:?} {answer:?}");
    }
}
