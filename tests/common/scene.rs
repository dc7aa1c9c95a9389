//! Real sockets with known truth, made by `examples/scene`.

use super::{DEADLINE, Row, spawn};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What a scene knows about one of its sockets.
#[derive(Clone, Debug)]
pub struct Truth {
    pub label: String,
    pub pid: u32,
    pub fd: Option<u32>,
    pub row: Row,
}

impl Truth {
    fn of(told: &Value) -> Self {
        let text = |name: &str| told[name].as_str().unwrap().to_owned();
        let number = |value: &Value| value.as_u64().unwrap() as u32;
        let owner = |pair: &Value| (number(&pair[0]), Some(number(&pair[1])));
        Self {
            label: text("label"),
            pid: number(&told["pid"]),
            fd: told["fd"].as_u64().map(|fd| fd as u32),
            row: Row {
                protocol: text("protocol"),
                family: text("family"),
                state: text("state"),
                local: text("local"),
                peer: told["peer"].as_str().map(str::to_owned),
                inode: told["inode"].as_u64().filter(|inode| *inode != 0),
                owners: told["owners"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(owner)
                    .collect(),
            },
        }
    }

    /// The local port.
    pub fn port(&self) -> u16 {
        self.row.local.rsplit(':').next().unwrap().parse().unwrap()
    }
}

/// A running `examples/scene`; dropping it ends it.
#[derive(Debug)]
pub struct Scene {
    child: Child,
    stdin: Option<ChildStdin>,
    /// The JSON line.
    pub story: Value,
}

impl Scene {
    /// Starts a scene in this thread's namespace and waits for its JSON line.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_as(&example("scene"), arguments)
    }

    /// The same by a link to it, whose name is then that of its processes.
    pub fn start_as(program: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = spawn::spawn(spawn::as_usual(&mut command))
            .expect("the example `scene` starts (with --test NAME cargo does not build it: cargo build --examples)");
        let stdin = child.stdin.take();
        let (tell, told) = mpsc::channel();
        let stdout = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(stdout).read_line(&mut line);
            let _ = tell.send(line);
        });
        // The value exists before anything can fail, so that a scene is ended in any case.
        let mut scene = Self {
            child,
            stdin,
            story: Value::Null,
        };
        let line = told.recv_timeout(DEADLINE).unwrap_or_default();
        scene.story = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("scene {arguments:?} told no JSON line but {line:?}"));
        scene
    }

    /// The pid of the scene's first process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All sockets, in the order told.
    pub fn truths(&self) -> Vec<Truth> {
        self.story["sockets"]
            .as_array()
            .unwrap()
            .iter()
            .map(Truth::of)
            .collect()
    }

    /// All sockets as sorted rows.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = self.truths().into_iter().map(|truth| truth.row).collect();
        rows.sort();
        rows
    }

    /// The first socket of this label.
    pub fn labelled(&self, label: &str) -> Truth {
        let mut truths = self.truths().into_iter();
        truths
            .find(|truth| truth.label == label)
            .unwrap_or_else(|| panic!("no {label} in {}", self.story))
    }

    /// A fact of the kind's own.
    pub fn extra(&self, name: &str) -> &Value {
        &self.story["extra"][name]
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(5) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            sleep(Duration::from_millis(2));
        }
        spawn::stop(&mut self.child);
    }
}

/// The program that is tested, which cargo builds beside the tests.
pub fn program() -> PathBuf {
    built().join("sockscope")
}

/// An example's binary, which cargo builds beside the tests.
pub fn example(name: &str) -> PathBuf {
    built().join("examples").join(name)
}

/// Where cargo builds: tests are in `deps` there.
fn built() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().to_owned()
}
