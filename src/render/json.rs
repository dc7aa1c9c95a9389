//! JSON: the contract of schema `sockscope/v1`.
//!
//! The envelope is written as a stream: rows as they come, then what the command adds, then
//! `complete` and `problems`, which are known only at the end.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::IpAddr;

use data_encoding::BASE64;
use serde::ser::{self, Serialize, SerializeMap};
use serde_json::Value as Json;
use serde_json::ser::{Formatter, Serializer};

use super::RowWriter;
use super::sanitize::is_hidden;
use crate::model::{
    AcceptQueue, Endpoint, Facts, Holder, Problem, Process, Protocol, Queue, Report, Socket, Timer,
    Via,
};

/// The name and version of the schema. Within v1 keys are only ever added.
pub const SCHEMA: &str = "sockscope/v1";

/// What every answer begins with.
#[derive(Clone, Debug)]
pub struct Head {
    /// The command.
    pub command: &'static str,
    /// RFC 3339, UTC.
    pub collected_at: String,
    /// The host's name.
    pub host: String,
}

/// Writes the envelope. Rows, when there are any, stand under `sockets`.
pub struct Envelope<W> {
    out: W,
    head: Head,
    rows: u64,
    /// One row, made here and written at once: a hundred small writes would cost more.
    row: Vec<u8>,
    with_sockets: bool,
    /// What the command adds after its rows.
    extra: Vec<(&'static str, Json)>,
}

impl<W: Write> Envelope<W> {
    /// An envelope for `head.command`; `with_sockets` tells whether it has the key `sockets`.
    pub fn new(out: W, head: Head, with_sockets: bool) -> Self {
        Self {
            out,
            head,
            rows: 0,
            row: Vec::new(),
            with_sockets,
            extra: Vec::new(),
        }
    }

    /// Adds a part of the command's own.
    pub fn add(&mut self, key: &'static str, value: Json) {
        self.extra.push((key, value));
    }

    fn member(&mut self, key: &str, value: &impl Serialize) -> io::Result<()> {
        write!(self.out, ",\"{key}\":")?;
        write_json(&mut self.out, value)
    }
}

impl<W: Write> RowWriter for Envelope<W> {
    fn begin(&mut self) -> io::Result<()> {
        let head = self.head.clone();
        write!(self.out, "{{\"schema\":\"{SCHEMA}\"")?;
        self.member("command", &head.command)?;
        self.member("collected_at", &head.collected_at)?;
        self.member("host", &head.host)?;
        if self.with_sockets {
            self.out.write_all(b",\"sockets\":[")?;
        }
        Ok(())
    }

    fn rows(&mut self, sockets: &[Socket], facts: &Facts) -> io::Result<()> {
        for socket in sockets {
            let separator: &[u8] = if self.rows > 0 { b",\n" } else { b"\n" };
            self.row.clear();
            self.row.extend(separator);
            write_json(&mut self.row, &SocketJson { socket, facts })?;
            self.out.write_all(&self.row)?;
            self.rows += 1;
        }
        Ok(())
    }

    fn end(&mut self, report: &Report) -> io::Result<()> {
        if self.with_sockets {
            self.out.write_all(b"]")?;
        }
        for (key, value) in std::mem::take(&mut self.extra) {
            self.member(key, &value)?;
        }
        self.member("collector", &report.collector)?;
        self.member("owners_from", &report.owners_from.unwrap_or("none"))?;
        self.member("complete", &report.complete())?;
        let problems: Vec<_> = report.problems.iter().map(ProblemJson).collect();
        self.member("problems", &problems)?;
        self.out.write_all(b"}\n")?;
        self.out.flush()
    }
}

/// Writes one JSON object a line: a socket, with the schema, time and host in it.
pub struct Lines<W> {
    out: W,
    /// What every line begins with, up to the first member of its own.
    start: Vec<u8>,
    row: Vec<u8>,
}

impl<W: Write> Lines<W> {
    /// A writer of lines.
    pub fn new(out: W, head: &Head) -> Self {
        let text = |text: &str| Json::from(text).to_string();
        let (at, host) = (text(&head.collected_at), text(&head.host));
        let start = format!("{{\"schema\":\"{SCHEMA}\",\"collected_at\":{at},\"host\":{host}");
        Self {
            out,
            start: start.into_bytes(),
            row: Vec::new(),
        }
    }

    /// Writes one object that is no socket: a group, or totals.
    ///
    /// # Errors
    /// What writing says.
    pub fn object(&mut self, members: &[(&str, Json)]) -> io::Result<()> {
        let members = members.iter().cloned();
        self.line(&members.collect::<BTreeMap<_, _>>())
    }

    /// Writes one object with the start of every line before its own members.
    fn line(&mut self, object: &impl Serialize) -> io::Result<()> {
        self.row.clear();
        self.row.extend(&self.start);
        let own = self.row.len();
        write_json(&mut self.row, object)?;
        // The start of the line has the brace that opens the object already.
        if let Some(brace) = self.row.get_mut(own) {
            *brace = b',';
        }
        self.row.push(b'\n');
        self.out.write_all(&self.row)
    }
}

impl<W: Write> RowWriter for Lines<W> {
    fn begin(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn rows(&mut self, sockets: &[Socket], facts: &Facts) -> io::Result<()> {
        for socket in sockets {
            self.line(&SocketJson { socket, facts })?;
        }
        Ok(())
    }

    fn end(&mut self, _: &Report) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes `value` as JSON that is safe to look at: characters that would change how others
/// are shown stand as `\u` escapes, which mean exactly the same.
fn write_json(out: impl Write, value: &impl Serialize) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(out, Harmless);
    Ok(value.serialize(&mut serializer)?)
}

/// Compact JSON in which no hidden character and no control beyond ASCII stands as it is.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if fragment.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            return out.write_all(fragment.as_bytes());
        }
        for character in fragment.chars() {
            let mut units = [0; 2];
            if character == '\u{7f}' || is_hidden(character) {
                for unit in character.encode_utf16(&mut units) {
                    write!(out, "\\u{unit:04x}")?;
                }
            } else {
                let mut bytes = [0; 4];
                out.write_all(character.encode_utf8(&mut bytes).as_bytes())?;
            }
        }
        Ok(())
    }
}

/// A socket as JSON has it.
struct SocketJson<'a> {
    socket: &'a Socket,
    facts: &'a Facts,
}

impl Serialize for SocketJson<'_> {
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { socket, facts } = *self;
        let end = |end| EndpointJson {
            end,
            protocol: socket.protocol,
            facts,
        };
        let (recv_q, send_q, accept_queue) = match socket.queue {
            Some(Queue::Accept(queue)) => (None, None, Some(AcceptQueueJson(queue))),
            Some(Queue::Bytes { recv, send }) => (Some(recv), Some(send), None),
            None => (None, None, None),
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("protocol", socket.protocol.name())?;
        map.serialize_entry("family", socket.family.name())?;
        match socket.state.name() {
            Some(name) => map.serialize_entry("state", name)?,
            None => map.serialize_entry("state", &socket.state.to_string())?,
        }
        map.serialize_entry("local", &end(socket.local))?;
        map.serialize_entry("peer", &socket.peer.map(end))?;
        map.serialize_entry("role", &socket.role.map(crate::model::Role::name))?;
        map.serialize_entry("interface", &facts.interface(socket))?;
        map.serialize_entry("inode", &socket.inode)?;
        map.serialize_entry("cookie", &socket.cookie.map(|c| format!("{c:016x}")))?;
        map.serialize_entry("netns", &socket.netns)?;
        map.serialize_entry("uid", &socket.uid)?;
        map.serialize_entry("user", &facts.socket_user(socket))?;
        map.serialize_entry("recv_q", &recv_q)?;
        map.serialize_entry("send_q", &send_q)?;
        map.serialize_entry("accept_queue", &accept_queue)?;
        map.serialize_entry("timer", &socket.timer.map(TimerJson))?;
        map.serialize_entry("owners", &OwnersJson { socket, facts })?;
        map.serialize_entry("owner_status", socket.owner_status.name())?;
        if let Some(drops) = socket.drops {
            map.serialize_entry("drops", &drops)?;
        }
        map.end()
    }
}

struct EndpointJson<'a> {
    end: Endpoint,
    protocol: Protocol,
    facts: &'a Facts,
}

impl Serialize for EndpointJson<'_> {
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.end.address {
            IpAddr::V4(v4) => map.serialize_entry("address", &v4)?,
            IpAddr::V6(v6) => map.serialize_entry("address", &v6)?,
        }
        map.serialize_entry("port", &self.end.port)?;
        if let Some(name) = self.facts.host(&self.end) {
            map.serialize_entry("name", name)?;
        }
        if let Some(service) = self.facts.service(self.protocol, self.end.port) {
            map.serialize_entry("service", service)?;
        }
        map.end()
    }
}

struct AcceptQueueJson(AcceptQueue);

impl Serialize for AcceptQueueJson {
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("length", &self.0.length)?;
        map.serialize_entry("limit", &self.0.limit)?;
        map.end()
    }
}

struct TimerJson(Timer);

impl Serialize for TimerJson {
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("kind", &self.0.kind.to_string())?;
        map.serialize_entry("expires_ms", &self.0.expires_ms)?;
        map.serialize_entry("retransmits", &self.0.retransmits)?;
        map.end()
    }
}

struct OwnersJson<'a> {
    socket: &'a Socket,
    facts: &'a Facts,
}

impl Serialize for OwnersJson<'_> {
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let owners = self.facts.owners(self.socket);
        serializer.collect_seq(owners.map(|(holder, process)| OwnerJson {
            holder,
            process,
            facts: self.facts,
        }))
    }
}

struct OwnerJson<'a> {
    holder: &'a Holder,
    process: &'a Process,
    facts: &'a Facts,
}

impl Serialize for OwnerJson<'_> {
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            holder,
            process,
            facts,
        } = *self;
        let (fd, via) = match holder.via {
            Via::Fd(fd) => (Some(fd), "fd"),
            Via::IoUring => (None, "io_uring"),
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("pid", &holder.pid)?;
        map.serialize_entry("fd", &fd)?;
        map.serialize_entry("via", via)?;
        text_entry(&mut map, "comm", "comm_base64", Some(&process.comm))?;
        text_entry(
            &mut map,
            "command",
            "command_base64",
            process.command.as_deref(),
        )?;
        map.serialize_entry("uid", &process.uid)?;
        map.serialize_entry("user", &process.uid.and_then(|uid| facts.user(uid)))?;
        map.end()
    }
}

/// Text of another process: exact, and with its bytes beside it where it is not UTF-8.
fn text_entry<M: SerializeMap>(
    map: &mut M,
    key: &'static str,
    bytes_key: &'static str,
    text: Option<&[u8]>,
) -> Result<(), M::Error> {
    let lossy = text.map(String::from_utf8_lossy);
    map.serialize_entry(key, &lossy)?;
    if let Some(bytes) = text
        && std::str::from_utf8(bytes).is_err()
    {
        map.serialize_entry(bytes_key, &BASE64.encode(bytes))?;
    }
    Ok(())
}

struct ProblemJson<'a>(&'a Problem);

impl Serialize for ProblemJson<'_> {
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("code", self.0.code)?;
        map.serialize_entry("message", &self.0.message)?;
        map.serialize_entry("hint", &self.0.hint)?;
        map.serialize_entry("count", &self.0.count)?;
        map.end()
    }
}

/// The key that tells an owner in a group: pid and name, with bytes where the name is no text.
#[must_use]
pub fn process_key(pid: u32, comm: &[u8]) -> Json {
    let mut key = serde_json::Map::new();
    key.insert("pid".to_owned(), pid.into());
    key.insert("comm".to_owned(), String::from_utf8_lossy(comm).into());
    if std::str::from_utf8(comm).is_err() {
        key.insert("comm_base64".to_owned(), BASE64.encode(comm).into());
    }
    Json::Object(key)
}
