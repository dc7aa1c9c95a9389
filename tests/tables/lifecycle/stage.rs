//! A port on a stage of its own: who takes part, and what every command must say of it.

use common::{self, Answer, DEADLINE, Run, example, sockets, spawn};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

/// A program of the textbook, with its stdout as lines. Dropping it ends it.
pub struct Program {
    child: Child,
    lines: Receiver<String>,
}

impl Program {
    pub fn start(name: &str, argument: &str) -> Self {
        let mut command = Command::new(example(name));
        command
            .arg(argument)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = spawn::spawn(spawn::as_usual(&mut command))
            .expect("the examples are built with the tests");
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (tell, lines) = channel();
        thread::spawn(move || {
            stdout
                .lines()
                .map_while(Result::ok)
                .all(|line| tell.send(line).is_ok())
        });
        Self { child, lines }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn say(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    pub fn hear(&self) -> String {
        self.lines.recv_timeout(DEADLINE).expect("a line in time")
    }

    /// The end of its stdin, and then its own.
    pub fn leave(mut self) {
        drop(self.child.stdin.take());
        spawn::end(&mut self.child);
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        spawn::stop(&mut self.child);
    }
}

/// What the five commands say, in words that can be compared.
#[derive(Debug, Default, PartialEq, Eq)]
struct View {
    listen: Vec<String>,
    port: Vec<String>,
    conns: Vec<String>,
    by_state: BTreeMap<String, u64>,
    outbound_by_state: BTreeMap<String, u64>,
    blocked_by: BTreeSet<String>,
    states: BTreeMap<String, u64>,
    totals: BTreeMap<String, u64>,
    groups: BTreeMap<String, BTreeMap<String, u64>>,
    proc: BTreeMap<String, Vec<String>>,
}

/// One port in a namespace of its own, and the names of those who take part.
pub struct Stage {
    pub port: u16,
    processes: BTreeMap<u32, String>,
    clients: BTreeMap<u64, String>,
}

impl Stage {
    pub fn new(port: u16) -> Self {
        // On a busy machine a late ACK can be answered by a reset, which would end a TIME_WAIT
        // early (RFC 1337). This is the sysctl of the test's private namespace.
        let _ = std::fs::write("/proc/sys/net/ipv4/tcp_rfc1337", "1");
        let processes = BTreeMap::from([(std::process::id(), "test".to_owned())]);
        let clients = BTreeMap::new();
        Self {
            port,
            processes,
            clients,
        }
    }

    /// Starts a server of the textbook on any port.
    pub fn serve(name: &str) -> (Self, Program) {
        let server = Program::start(name, "0");
        let told = server.hear();
        let at = told.strip_prefix("listening on 127.0.0.1:").unwrap();
        let (port, pid) = at.split_once(" (pid ").unwrap();
        assert_eq!(pid, format!("{})", server.pid()));
        let mut stage = Self::new(port.parse().unwrap());
        stage.processes.insert(server.pid(), "server".to_owned());
        (stage, server)
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Gives a program of the test a name.
    pub fn introduce(&mut self, program: &Program, name: &str) {
        self.processes.insert(program.pid(), name.to_owned());
    }

    /// A client in a process of its own; its port is the one that sockscope says.
    pub fn client(&mut self, name: &str) -> Program {
        let client = Program::start("echo_client", &self.address().to_string());
        self.processes.insert(client.pid(), name.to_owned());
        let words = ["conns", "--json", &format!("pid={}", client.pid())];
        let port = common::eventually("the client is connected", DEADLINE, || {
            Run::new(&words).output().json()["sockets"][0]["local"]["port"].as_u64()
        });
        self.clients.insert(port, name.to_owned());
        client
    }

    /// A client in this process, so that the test decides when it closes.
    pub fn connect(&mut self, name: &str) -> TcpStream {
        let client = TcpStream::connect(self.address()).unwrap();
        client.set_read_timeout(Some(DEADLINE)).unwrap();
        self.name(&client, name);
        client
    }

    pub fn name(&mut self, client: &TcpStream, name: &str) {
        let port = client.local_addr().unwrap().port();
        self.clients.insert(port.into(), name.to_owned());
    }

    /// Waits until all views show `listener` (as `0/5 server`) and these sockets, and nothing else.
    #[track_caller]
    pub fn shows(&self, listener: Option<&str>, sockets: &[&str]) {
        let expected = self.expected(listener, sockets);
        let start = Instant::now();
        loop {
            let view = self.view();
            if view == expected {
                return;
            }
            if start.elapsed() > DEADLINE {
                assert_eq!(view, expected, "seen (left) is not what must be (right)");
            }
            sleep(Duration::from_millis(5));
        }
    }

    fn view(&self) -> View {
        let port = self.port.to_string();
        let story = ask(&["port", &port, "--json", "--tcp"]);
        let entry = &story["ports"][0];
        assert_eq!(entry["in_use"], entry["by_state"] != serde_json::json!({}));
        let listeners = entry["by_state"]["LISTEN"].as_u64().unwrap_or(0);
        assert_eq!(entry["listeners"].as_u64(), Some(listeners));
        let blockers = entry["blocked_by"].as_array().unwrap();
        let counted = Run::new(&["states", "--json", "--by", "process"]).json();
        let groups = counted["groups"].as_array().unwrap();
        let key = |group: &Value| match group["key"]["pid"].as_u64() {
            Some(pid) => self.process(pid),
            None => format!("({})", group["key"]["owner_status"].as_str().unwrap()),
        };
        let mut view = View {
            listen: self.lines(&ask(&["listen", "--json"])),
            port: self.lines(&story),
            conns: self.lines(&ask(&["conns", "--json"])),
            by_state: counts(&entry["by_state"]),
            outbound_by_state: counts(&entry["outbound_by_state"]),
            blocked_by: blockers
                .iter()
                .map(|b| b["reason"].as_str().unwrap().to_owned())
                .collect(),
            states: counts(&counted["states"]),
            totals: counts(&Run::new(&["states", "--json"]).json()["states"]),
            ..View::default()
        };
        assert_eq!(
            counted["total"].as_u64().unwrap(),
            view.states.values().sum::<u64>()
        );
        for group in groups {
            merge(
                view.groups.entry(key(group)).or_default(),
                counts(&group["states"]),
            );
        }
        for (pid, name) in &self.processes {
            let lines = self.lines(&ask(&["proc", &pid.to_string(), "--json"]));
            view.proc.insert(name.clone(), lines);
        }
        view
    }

    fn expected(&self, listener: Option<&str>, sockets: &[&str]) -> View {
        let listen: Vec<_> = listener
            .map(|l| format!("listener LISTEN {l}"))
            .into_iter()
            .collect();
        let mut view = View {
            listen: listen.clone(),
            ..View::default()
        };
        let mut all: Vec<String> = listen;
        all.extend(sockets.iter().map(|&line| line.to_owned()));
        all.sort();
        view.port.clone_from(&all);
        if listener.is_none() {
            // What a server accepted that is gone is neither: nobody here holds its other end.
            for line in &mut view.port {
                *line = line.replace(" inbound ", " - ");
            }
            view.port.sort();
        }
        // Outside `port`, only a listener makes its connections inbound ones.
        let role = if listener.is_some() {
            " inbound "
        } else {
            " outbound "
        };
        for line in &mut all {
            let words: Vec<&str> = line.split(' ').collect();
            let is_listener = words[0] == "listener";
            let bound = words[0] == "-";
            let state = words[if is_listener || bound { 1 } else { 2 }].to_owned();
            let owner = words
                .last()
                .map_or_else(String::new, |&owner| owner.to_owned());
            let ours = words[1] != "outbound";
            let side = if ours {
                &mut view.by_state
            } else {
                &mut view.outbound_by_state
            };
            *side.entry(state.clone()).or_default() += 1;
            if ours {
                view.blocked_by.insert(blocker(&state).to_owned());
            }
            *view.states.entry(state.clone()).or_default() += 1;
            *view
                .groups
                .entry(owner)
                .or_default()
                .entry(state)
                .or_default() += 1;
            *line = line.replace(" inbound ", role);
            if !is_listener {
                view.conns.push(line.clone());
            }
        }
        view.conns.sort();
        view.totals.clone_from(&view.states);
        for name in self.processes.values() {
            let mut own: Vec<_> = all
                .iter()
                .filter(|line| line.ends_with(&format!(" {name}")))
                .cloned()
                .collect();
            own.sort();
            view.proc.insert(name.clone(), own);
        }
        view
    }

    fn lines(&self, answer: &Value) -> Vec<String> {
        let mut lines: Vec<_> = sockets(answer)
            .iter()
            .map(|socket| self.line(socket))
            .collect();
        lines.sort();
        lines
    }

    /// A socket in words; what must hold for every socket of its kind is asserted on the way.
    fn line(&self, socket: &Value) -> String {
        let state = socket["state"].as_str().unwrap();
        let role = socket["role"].as_str().unwrap_or("-");
        let owner = self.owner(socket);
        if socket["peer"].is_null() {
            let queue = &socket["accept_queue"];
            let queue = match (queue["length"].as_u64(), queue["limit"].as_u64()) {
                (Some(length), Some(limit)) => format!(" {length}/{limit}"),
                _ => String::new(),
            };
            return format!("{role} {state}{queue} {owner}");
        }
        assert!(
            socket["accept_queue"].is_null() && socket["recv_q"].is_u64(),
            "{socket}"
        );
        if state == "TIME_WAIT" {
            assert_eq!(socket["timer"]["kind"], "timewait");
            assert!(
                (1..=60_000).contains(&socket["timer"]["expires_ms"].as_u64().unwrap()),
                "{socket}"
            );
        }
        let ports =
            [&socket["local"]["port"], &socket["peer"]["port"]].map(|port| port.as_u64().unwrap());
        let client = ports.iter().find_map(|port| self.clients.get(port));
        let client = client.map_or("?", String::as_str);
        format!("{client} {role} {state} {owner}")
    }

    /// The names of the owners, or why there is none. Each descriptor must lead to the socket.
    fn owner(&self, socket: &Value) -> String {
        let owners = socket["owners"].as_array().unwrap();
        let status = socket["owner_status"].as_str().unwrap();
        if status != "found" {
            // A socket may lose its owner while it is looked at; one without a file has none of these.
            let named = ["timewait", "orphaned", "unaccepted", "handshake"].contains(&status);
            let known = ["inode", "uid", "user"]
                .iter()
                .any(|key| !socket[key].is_null());
            assert!(owners.is_empty() && !(named && known), "{socket}");
            return format!("({status})");
        }
        let names = owners.iter().map(|owner| {
            let name = self.process(owner["pid"].as_u64().unwrap());
            // Gone, or another socket by now: right only if the next look no longer shows it.
            let path = format!("/proc/{}/fd/{}", owner["pid"], owner["fd"]);
            let link = std::fs::read_link(path).unwrap_or_default();
            let socket = format!("socket:[{}]", socket["inode"]);
            if link.as_os_str() == socket.as_str() {
                name
            } else {
                format!("{name}-which-has-{}", link.display())
            }
        });
        names.collect::<Vec<_>>().join("+")
    }

    /// The name of a process; a child of one with a name is its helper.
    fn process(&self, pid: u64) -> String {
        let name = |pid: u64| self.processes.get(&u32::try_from(pid).ok()?);
        let stat = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let parent = || stat().rsplit(')').next()?.split(' ').nth(2)?.parse().ok();
        match (name(pid), parent().and_then(name)) {
            (Some(name), _) => name.clone(),
            (None, Some(parent)) => format!("helper-of-{parent}"),
            (None, None) => format!("pid-{pid}"),
        }
    }
}

/// The answer; the exit code must say whether there are sockets in it.
fn ask(arguments: &[&str]) -> Value {
    let answer: Answer = Run::new(arguments).output();
    let json = answer.json();
    assert_eq!(
        answer.code(),
        i32::from(sockets(&json).is_empty()),
        "{answer:?}"
    );
    json
}

/// The states that occur.
fn counts(states: &Value) -> BTreeMap<String, u64> {
    let states = states.as_object().unwrap().iter();
    states
        .map(|(state, n)| (state.clone(), n.as_u64().unwrap()))
        .filter(|(_, n)| *n > 0)
        .collect()
}

fn merge(into: &mut BTreeMap<String, u64>, more: BTreeMap<String, u64>) {
    for (state, n) in more {
        *into.entry(state).or_default() += n;
    }
}

fn blocker(state: &str) -> &'static str {
    match state {
        "LISTEN" => "listener",
        "BOUND_INACTIVE" => "bound_only",
        "TIME_WAIT" => "time_wait",
        _ => "connection",
    }
}
