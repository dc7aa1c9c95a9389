//! What has been made: it is recorded, checked, told, and taken down here.

use crate::child::Child;
use crate::table::{self, Row};
use crate::tcp::Tcp;
use crate::{net, sys, wait};
use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use serde_json::{Map, Value, json};
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::Sender;

/// The ground truth about one socket, from the maker's own knowledge.
#[derive(Clone, Debug)]
pub struct Record {
    label: &'static str,
    protocol: &'static str,
    state: &'static str,
    local: SocketAddr,
    peer: Option<SocketAddr>,
    inode: u64,
    owners: Vec<(i32, i32)>,
}

impl Record {
    /// Reads addresses and inode from the socket; its owner is this process, under this fd.
    pub fn of(
        label: &'static str,
        protocol: &'static str,
        state: &'static str,
        fd: impl AsFd,
    ) -> io::Result<Self> {
        Ok(Self {
            label,
            protocol,
            state,
            local: net::local(&fd)?,
            peer: net::peer(&fd)?,
            inode: rustix::fs::fstat(&fd)?.st_ino,
            owners: vec![(own_pid(), fd.as_fd().as_raw_fd())],
        })
    }

    /// A TCP socket, by the kernel's name of its state.
    pub fn tcp(label: &'static str, state: Tcp, fd: impl AsFd) -> io::Result<Self> {
        Self::of(label, "tcp", state.name(), fd)
    }

    /// A connection that no file leads to.
    fn without_file(label: &'static str, row: Row) -> Self {
        Self {
            label,
            protocol: "tcp",
            state: row.state.name(),
            local: row.local,
            peer: Some(row.peer),
            inode: 0,
            owners: Vec::new(),
        }
    }

    /// Names the peer where the kernel does not tell: getpeername() is silent in SYN_SENT.
    pub fn with_peer(mut self, peer: SocketAddr) -> Self {
        self.peer = Some(peer);
        self
    }

    /// Replaces the owners: shared, hidden or lost sockets.
    pub fn owned_by(mut self, owners: Vec<(i32, i32)>) -> Self {
        self.owners = owners;
        self
    }

    /// The entry of the JSON line. Mapped IPv4 addresses are written as the IPv4 they are, as the contract says.
    ///
    /// `pid` is the first owner's, or the maker's where no process owns the socket.
    fn json(&self) -> Value {
        let written = |address: SocketAddr| {
            SocketAddr::new(address.ip().to_canonical(), address.port()).to_string()
        };
        let family = if self.local.is_ipv6() { "ipv6" } else { "ipv4" };
        json!({
            "label": self.label,
            "pid": self.owners.first().map_or_else(own_pid, |owner| owner.0),
            "fd": self.owners.first().map(|owner| owner.1),
            "protocol": self.protocol,
            "family": family,
            "state": self.state,
            "local": written(self.local),
            "peer": self.peer.map(written),
            "inode": self.inode,
            "owners": self.owners,
        })
    }
}

/// Everything that a kind has made and that must stay until the end.
#[derive(Default)]
pub struct Scene {
    /// The sockets of the JSON line, in the order of their making.
    sockets: Vec<Value>,
    /// The facts of a kind that are no socket.
    extra: Map<String, Value>,
    /// TCP sockets and the state each of them must be in.
    held: Vec<(OwnedFd, Tcp)>,
    /// Connections without a file, which the kernel's table must show.
    rows: Vec<Row>,
    /// Any other fd that must stay open.
    kept: Vec<OwnedFd>,
    /// Helper processes; they end with the scene.
    children: Vec<Child>,
    /// Threads of this process wait on the other end and end when this one is dropped.
    threads: Vec<Sender<()>>,
}

impl Scene {
    /// Holds a TCP socket; `settle` checks that it is, and stays, in `state`.
    pub fn hold(&mut self, label: &'static str, state: Tcp, fd: OwnedFd) -> io::Result<()> {
        let record = Record::tcp(label, state, &fd)?;
        self.hold_as(record, state, fd)
    }

    /// Holds a TCP socket under a record of the caller's.
    ///
    /// From here on the socket is closed only by the end of its process, which may be a SIGKILL. So it is told
    /// now to reset then, and no TIME_WAIT outlives the scene. Not so a listener: it would hand that down.
    pub fn hold_as(&mut self, record: Record, state: Tcp, fd: OwnedFd) -> io::Result<()> {
        if state != Tcp::Listen {
            net::reset_on_close(&fd)?;
        }
        self.tell(&record);
        self.held.push((fd, state));
        Ok(())
    }

    /// Holds a UDP or raw socket.
    pub fn hold_other(&mut self, record: Record, fd: OwnedFd) {
        self.tell(&record);
        self.kept.push(fd);
    }

    /// Expects a connection that no file leads to.
    pub fn expect(&mut self, label: &'static str, state: Tcp, local: SocketAddr, peer: SocketAddr) {
        let row = Row { state, local, peer };
        self.tell(&Record::without_file(label, row));
        self.rows.push(row);
    }

    /// Lists a socket that something else holds.
    pub fn tell(&mut self, record: &Record) {
        self.sockets.push(record.json());
    }

    /// Lists the sockets and facts that a child has told of, and keeps the child.
    pub fn adopt(&mut self, mut child: Child) -> io::Result<()> {
        self.adopt_report(&mut child)?;
        self.keep_child(child);
        Ok(())
    }

    /// Lists the sockets and facts that a child has told of.
    pub fn adopt_report(&mut self, child: &mut Child) -> io::Result<()> {
        let told = child.report()?;
        if let Some(Value::Array(sockets)) = told.get("sockets") {
            self.sockets.extend(sockets.iter().cloned());
        }
        if let Some(Value::Object(extra)) = told.get("extra") {
            self.extra.extend(extra.clone());
        }
        Ok(())
    }

    /// Keeps a child whose report has been read.
    pub fn keep_child(&mut self, child: Child) {
        self.children.push(child);
    }

    /// Keeps an fd that is no socket of the scene.
    pub fn keep(&mut self, fd: OwnedFd) {
        self.kept.push(fd);
    }

    /// Keeps a thread: it lives as long as this end of its channel.
    pub fn keep_thread(&mut self, end: Sender<()>) {
        self.threads.push(end);
    }

    /// States a fact of the kind's own.
    pub fn note(&mut self, name: &str, value: impl Into<Value>) {
        self.extra.insert(name.to_owned(), value.into());
    }

    /// Waits until every socket is in the state that was told, all of them in one look.
    pub fn settle(&self) -> io::Result<()> {
        wait::until(|| {
            for (fd, state) in &self.held {
                let now = sys::tcp_state(fd)?;
                if now != state.number() {
                    let (wanted, at) = (state.name(), net::local(fd)?);
                    return Ok(Some(format!("{wanted} {at} wanted, state is {now}")));
                }
            }
            table::missing(&self.rows)
        })
    }

    /// What is told: the sockets and the facts, under the name of the kind where there is one.
    pub fn story(&self, kind: Option<&str>) -> Value {
        let mut story = json!({ "sockets": self.sockets, "extra": self.extra });
        if let Some(kind) = kind {
            story["kind"] = Value::from(kind);
        }
        story
    }
}

/// This process, as the record's owner.
pub fn own_pid() -> i32 {
    rustix::process::getpid().as_raw_nonzero().get()
}
