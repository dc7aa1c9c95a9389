//! A host on which the commands of the README have something to find.

use common::terminal::{Start, is_whole};
use common::{Answer, Run, Scene, example};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Programs with the names that the README uses, and a directory to work in.
pub struct Stage {
    directory: PathBuf,
    scenes: Vec<Scene>,
}

impl Stage {
    pub fn new() -> Self {
        let name = format!("sockscope-readme-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        for below in ["", ".zfunc", ".config/fish/completions"] {
            std::fs::create_dir_all(directory.join(below)).unwrap();
        }
        let mut stage = Self {
            directory,
            scenes: Vec::new(),
        };
        // Other addresses than those of loopback.
        let address = ["address", "add", "10.0.0.7/8", "dev", "lo"];
        assert_eq!(Run::of("ip").args(&address).output().code(), 0);
        for (name, arguments) in [
            (
                "java",
                &[
                    "established",
                    "--address=0.0.0.0",
                    "--port=8080",
                    "--count=3",
                ][..],
            ),
            ("java", &["close-wait", "--count=2"]),
            (
                "nginx",
                &[
                    "established",
                    "--address=10.0.0.7",
                    "--port=443",
                    "--count=2",
                ],
            ),
            ("postgres", &["established", "--port=5432"]),
            ("app", &["other-user", "--port=9000"]),
            ("app", &["time-wait", "--count=2"]),
            ("app", &["udp-bound", "--port=5353"]),
            ("app", &["udp-connected"]),
        ] {
            let scene = stage.scene(name, arguments);
            stage.scenes.push(scene);
        }
        stage.link("page-somebody", "/bin/true".into());
        stage.run("sockscope conns --json > before.json; cp before.json after.json");
        stage
    }

    fn link(&self, name: &str, to: PathBuf) -> PathBuf {
        let link = self.directory.join(name);
        let _ = std::os::unix::fs::symlink(to, &link);
        link
    }

    /// One more scene, by a process of this name.
    pub fn scene(&self, name: &str, arguments: &[&str]) -> Scene {
        Scene::start_as(&self.link(name, example("scene")), arguments)
    }

    /// What stands for something else is put in, and what would take long is made short.
    fn adapted(&self, command: &str) -> String {
        let pid = self.scenes[0].pid().to_string();
        let mut command = command.to_owned();
        for (from, to) in [
            ("alice", "nobody"),
            ("812", pid.as_str()),
            ("TOPIC", "CLOSE_WAIT"),
            ("sleep 60", "sleep 0.1"),
            ("--for 30s", "--for 1s"),
            ("--for 10s", "--for 1s"),
        ] {
            command = command.replace(from, to);
        }
        if command.contains("--watch") {
            command = command.replacen("sockscope", "timeout --signal=INT 4 sockscope", 1);
        }
        command
    }

    /// Runs a command line as a person's shell does, in the stage's directory.
    pub fn run(&self, command: &str) -> Answer {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_sockscope"));
        let path = format!(
            "{}:{}:{}",
            program.parent().unwrap().display(),
            self.directory.display(),
            std::env::var("PATH").unwrap()
        );
        let home = self.directory.to_str().unwrap();
        let script = format!("cd {home}; {}", self.adapted(command));
        let run = Run::of("bash").args(&["-c", &script]);
        run.env("PATH", &path).env("HOME", home).output()
    }

    /// The live view with these words, until its first look; then it is left.
    #[expect(
        clippy::unused_self,
        reason = "the scenes that are seen must live meanwhile"
    )]
    pub fn watch(&self, words: &str) -> String {
        let words: Vec<&str> = words.split_whitespace().collect();
        let terminal = Start::new(&[&["watch"], &words[..]].concat(), (80, 24)).run();
        let screen = terminal.until("the first look", is_whole);
        terminal.type_in("q");
        terminal.leaves_with(0);
        screen
    }

    /// Which ports of the stage a command shows.
    pub fn ports_in(&self, command: &str) -> BTreeSet<u16> {
        let answer = self.run(command);
        assert!((0..=1).contains(&answer.code()), "{command}: {answer:?}");
        self.numbers_in(&answer.stdout)
    }

    /// Which ports of the stage stand in a text.
    pub fn numbers_in(&self, text: &str) -> BTreeSet<u16> {
        let words = text.split(|c: char| !c.is_ascii_digit());
        let numbers: BTreeSet<u16> = words.filter_map(|word| word.parse().ok()).collect();
        let truths = self.scenes.iter().flat_map(Scene::truths);
        let ports = truths.map(|truth| truth.port());
        ports.filter(|port| numbers.contains(port)).collect()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
