//! A run of the program that does not end by itself, read as it goes on.

use super::{Answer, DEADLINE, Run, eventually, parted, spawn};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};

/// A running sockscope; dropping it ends it.
#[derive(Debug)]
pub struct Stream {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    said: Arc<Mutex<String>>,
}

impl Stream {
    /// sockscope with these arguments in this thread's namespace.
    pub fn start(arguments: &[&str]) -> Self {
        Self::of(Run::new(arguments))
    }

    /// A run that was made ready.
    pub fn of(run: Run) -> Self {
        let mut command = run.command();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = spawn::spawn(&mut command).unwrap();
        let (lines, said) = (
            Arc::<Mutex<Vec<String>>>::default(),
            Arc::<Mutex<String>>::default(),
        );
        let (tell, stdout) = (Arc::clone(&lines), child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                tell.lock().unwrap().push(line.unwrap());
            }
        });
        let (tell, mut stderr) = (Arc::clone(&said), child.stderr.take().unwrap());
        std::thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(count @ 1..) = stderr.read(&mut some) {
                let text = String::from_utf8_lossy(&some[..count]).into_owned();
                tell.lock().unwrap().push_str(&text);
            }
        });
        Self { child, lines, said }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// The lines so far, each of them JSON.
    pub fn events(&self) -> Vec<Value> {
        let lines = self.lines();
        let parsed = lines.iter().map(|line| serde_json::from_str(line));
        parsed.map(Result::unwrap).collect()
    }

    /// What was said on stderr so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits for the first event of which this holds.
    #[track_caller]
    pub fn event(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let mut seen = 0;
        eventually(what, DEADLINE, || {
            let goes_on = self.goes_on();
            let new: Vec<String> = self.lines.lock().unwrap()[seen..].to_vec();
            seen += new.len();
            let mut events = new.iter().map(|line| serde_json::from_str(line).unwrap());
            let found = events.find(&holds);
            // A stream that has ended tells no more.
            assert!(found.is_some() || goes_on, "{what} {}", self.said());
            found
        })
    }

    fn goes_on(&self) -> bool {
        std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))
            .is_ok_and(|stat| !stat.contains(") Z"))
    }

    /// Sends a signal and waits for the end.
    pub fn end(mut self, signal: libc::c_int) -> Answer {
        // SAFETY: a plain system call; the child is ours and not yet waited for.
        unsafe { libc::kill(self.child.id() as libc::pid_t, signal) };
        let status = eventually("the end of the stream", DEADLINE, || {
            self.child.try_wait().unwrap()
        });
        let (stderr, of_host) = parted(&self.said());
        Answer {
            status,
            stdout: self.lines().join("\n"),
            stderr,
            of_host,
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        spawn::stop(&mut self.child);
    }
}
