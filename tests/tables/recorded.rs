//! What the machine said once is said again: `--record-host`, `--from-host`, and recordings that are kept here.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use common::{NOBODY, Namespace, Run, Scene, sockscope};

/// A directory for recordings, that anybody may read; it goes with this value.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        let name = format!("sockscope-recorded-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Every answer to questions about this moment, and who gives it.
const QUESTIONS: [&[&str]; 11] = [
    &[],
    &["listen"],
    &["conns", "--columns", "+rtt,unit,command"],
    &["conns", "--collector", "procfs"],
    &["port", "8080"],
    &["port", "1"],
    &["states", "--by", "process"],
    &["buildup"],
    &["doctor", "--for", "300ms"],
    &["proc", "scene"],
    &["inspect", "port=8080"],
];

#[test]
fn a_recording_answers_as_the_machine_did_and_to_anybody() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [
        Scene::start(&["all"]),
        Scene::start(&["established", "--count", "3", "--port", "8080"]),
    ];
    let directory = Directory::new();
    for (number, question) in QUESTIONS.iter().enumerate() {
        for format in ["json", "table", "plain"] {
            let recording = directory.file(&format!("{number}-{format}"));
            let words = |option: &'static str| {
                let more = ["--format", format, option, &recording];
                [question, &more[..]]
                    .concat()
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
            };
            let live = Run::new(&words("--record-host")).output();
            // It is its owner's alone.
            Run::of("chmod").args(&["-R", "a+rX", &recording]).output();
            let again = || Run::new(&words("--from-host")).user(NOBODY).output();
            for replay in [again(), again()] {
                let what = format!("{question:?} {format}");
                assert_eq!(replay.stdout, live.stdout, "{what}");
                assert_eq!(replay.stderr, live.stderr, "{what}");
                assert_eq!(replay.code(), live.code(), "{what}");
            }
        }
    }
}

#[test]
fn a_recording_is_made_in_an_empty_directory_only_and_read_from_a_recording_only() {
    let directory = Directory::new();
    fs::write(directory.file("note"), "mine").unwrap();
    let full = sockscope(&["listen", "--record-host", &directory.file("")]);
    assert_eq!(full.code(), 2);
    assert!(full.stderr.contains("it is not empty"), "{}", full.stderr);
    let none = sockscope(&["listen", "--from-host", &directory.file("")]);
    assert_eq!(none.code(), 2);
    assert!(
        none.stderr.contains("there is no recorded host"),
        "{}",
        none.stderr
    );
    let new = directory.file("new");
    sockscope(&["listen", "--record-host", &new]);
    assert_eq!(
        fs::metadata(&new).unwrap().permissions().mode() & 0o777,
        0o700
    );
}

/// Recordings of scenes in namespaces of their own, and what is to be said of them.
#[test]
fn kept_recordings_are_told_as_ever() {
    let hosts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/hosts");
    for (name, question) in [
        ("listen", &["listen"][..]),
        ("port", &["port", "8080"]),
        ("doctor", &["doctor"]),
    ] {
        let recording = hosts.join(name);
        let from = ["--no-config", "--from-host", recording.to_str().unwrap()];
        for format in ["json", "table"] {
            let words = [question, &["--format", format], &from].concat();
            let told = Run::new(&words).env("TZ", "UTC").user(NOBODY);
            let told = told.output().stdout;
            let known = hosts.join(format!("{name}.{format}"));
            if std::env::var_os("UPDATE_HOSTS").is_some() {
                fs::write(&known, &told).unwrap();
            }
            assert_eq!(told, fs::read_to_string(&known).unwrap(), "{name} {format}");
        }
    }
}
