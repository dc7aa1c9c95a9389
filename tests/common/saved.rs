//! Saved answers, made up, and what `diff` says of them.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Answer, sockscope};

/// Files of one test, gone with it.
#[derive(Debug)]
pub struct Files(PathBuf);

impl Files {
    /// A directory for the test of this name.
    pub fn new(name: &str) -> Self {
        let name = format!("sockscope-diff-{name}-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).unwrap();
        Self(directory)
    }

    /// Writes a file, and tells its path.
    pub fn put(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// `sockscope diff` of two files.
pub fn diff(before: &str, after: &str, more: &[&str]) -> Answer {
    sockscope(&[&["diff", before, after], more].concat())
}

/// A made-up answer of a command.
pub fn answer(command: &str, time: &str, part: &Value) -> String {
    let mut answer = json!({
        "schema": "sockscope/v1", "command": command, "host": "web1",
        "collected_at": format!("2026-11-20T{time}.000Z"), "collector": "netlink",
        "owners_from": "proc", "complete": true, "problems": [],
    });
    let part = part.as_object().unwrap().clone();
    answer.as_object_mut().unwrap().extend(part);
    format!("{answer:#}\n")
}

/// A TCP socket of process 7.
pub fn socket(cookie: u64, state: &str, local: u16, peer: Option<u16>) -> Value {
    let end = |port: u16| json!({"address": "10.0.0.1", "port": port});
    let held = !matches!(state, "TIME_WAIT");
    let owner = json!({"pid": 7, "fd": 3, "via": "fd", "comm": "nginx", "command": "nginx -g",
        "uid": 0, "user": "root"});
    json!({
        "protocol": "tcp", "family": "ipv4", "state": state, "local": end(local),
        "peer": peer.map(end), "role": null, "interface": null,
        "inode": held.then_some(1000 + cookie), "cookie": format!("{cookie:016x}"),
        "netns": 4_026_531_840_u64, "uid": held.then_some(0), "user": held.then_some("root"),
        "recv_q": peer.map(|_| 0), "send_q": peer.map(|_| 0),
        "accept_queue": peer.is_none().then(|| json!({"length": 0, "limit": 128})),
        "timer": null, "owners": if held { json!([owner]) } else { json!([]) },
        "owner_status": if held { "found" } else { "timewait" },
    })
}

/// Two answers of conns: one socket opens, one closes, two change.
pub fn two_answers(files: &Files) -> (String, String) {
    let before = json!({"sockets": [
        socket(1, "LISTEN", 80, None),
        socket(2, "ESTABLISHED", 80, Some(5001)),
        socket(3, "ESTABLISHED", 80, Some(5002)),
        socket(4, "ESTABLISHED", 80, Some(5003)),
    ]});
    let mut waiting = socket(2, "CLOSE_WAIT", 80, Some(5001));
    waiting["recv_q"] = json!(512);
    let after = json!({"sockets": [
        socket(1, "LISTEN", 80, None),
        waiting,
        socket(4, "TIME_WAIT", 80, Some(5003)),
        socket(9, "SYN_SENT", 6000, Some(443)),
    ]});
    (
        files.put("a.json", answer("conns", "10:00:00", &before)),
        files.put("b.json", answer("conns", "10:05:00", &after)),
    )
}
