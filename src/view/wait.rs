//! The end of a wait: a sentence for people, rows and JSON for programs.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::analyze::wait::{Condition, Target, is_bound_only};
use crate::columns::{self, Column, Row, Value, peer_end};
use crate::json::socket::SocketRow;
use crate::model::{Facts, OwnerStatus, Peer, Protocol, Role, Socket, State};
use crate::text::cell::{Style, write_value};
use crate::text::units;

/// Sockets that are named in a sentence; further ones are counted.
const FEW: usize = 3;

/// What `wait` adds to its sockets.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WaitPart {
    /// The port.
    port: u16,
    condition: Condition,
    /// Whether it came; false when the time was over.
    reached: bool,
    /// Milliseconds from the start until it came, or until the time was over.
    waited_ms: u64,
    /// Connections of the port that do not keep it from being free, by state: what a server
    /// accepted, which may still make a bind() fail where it did not set SO_REUSEADDR.
    remaining: BTreeMap<State, u64>,
}

impl WaitPart {
    /// The end of a wait; of `remaining` is told only how many there are.
    #[must_use]
    pub fn new(target: Target, reached: bool, waited: Duration, remaining: &[&Socket]) -> Self {
        let mut by_state = BTreeMap::new();
        for socket in remaining {
            *by_state.entry(socket.state).or_default() += 1;
        }
        Self {
            remaining: by_state,
            port: target.port,
            condition: target.condition,
            reached,
            waited_ms: u64::try_from(waited.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// A header and a row, for plain and csv.
    #[must_use]
    pub fn records(&self) -> Vec<Vec<String>> {
        let header = ["port", "condition", "reached", "waited_ms"];
        let row = [
            self.port.to_string(),
            self.condition.name().to_owned(),
            self.reached.to_string(),
            self.waited_ms.to_string(),
        ];
        vec![header.map(str::to_owned).into(), row.into()]
    }
}

/// The one line of `wait` in ndjson.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WaitLine<'a> {
    #[serde(flatten)]
    part: WaitPart,
    /// The listeners that were found, or what holds the port still.
    sockets: Vec<SocketRow<'a>>,
}

impl<'a> WaitLine<'a> {
    /// The end of a wait, with its sockets; each tells `columns` beside its keys.
    #[must_use]
    pub fn new(
        part: WaitPart,
        sockets: &[&'a Socket],
        facts: &'a Facts,
        columns: &'a [&'static Column],
    ) -> Self {
        let sockets = sockets.iter();
        Self {
            part,
            sockets: sockets
                .map(|socket| SocketRow::new(socket, facts, columns))
                .collect(),
        }
    }
}

/// A time in seconds with a tenth, or in the two largest units: `0.3 s`, `12.0 s`, `2 min 5 s`;
/// a whole number of seconds alone: `5 s`.
#[must_use]
pub fn seconds(time: Duration) -> String {
    let tenths = time.as_millis().div_ceil(50) / 2;
    match time.as_secs() {
        0..60 if time.subsec_nanos() == 0 => format!("{} s", time.as_secs()),
        0..60 => format!("{}.{} s", tenths / 10, tenths % 10),
        seconds => units::span(seconds),
    }
}

/// `nginx 812 on 0.0.0.0:8080 and a process that may not be seen on [::]:8080 (udp)`: who holds the
/// sockets, and where.
#[must_use]
pub fn holders(sockets: &[&Socket], facts: &Facts) -> String {
    some_of(sockets, |socket| {
        let state = match (socket.state, &socket.peer) {
            (State::Listen | State::Unconnected, _) => String::new(),
            (_, Peer::None) => " (bound, not listening)".to_owned(),
            (state, _) => {
                let peer = far_end(socket, facts);
                match (socket.role, socket.protocol) {
                    (_, Protocol::Udp) => format!(", connected to {peer}"),
                    (Some(Role::Outbound), _) => format!(", outgoing to {peer}, {state}"),
                    _ => format!(", with {peer}, {state}"),
                }
            }
        };
        format!("{}{}{state}", owner(socket, facts), place(socket, facts))
    })
}

/// Why nothing that was seen of a port makes it listened on: `nginx 812 is bound to
/// 0.0.0.0:8080, but does not listen`.
#[must_use]
pub fn seen(sockets: &[Socket], facts: &Facts) -> String {
    let bound: Vec<&Socket> = sockets.iter().filter(|s| is_bound_only(s)).collect();
    let others: Vec<&Socket> = sockets.iter().filter(|s| s.is_listener()).collect();
    if !others.is_empty() {
        return format!("there is only {}", holders(&others, facts));
    }
    some_of(&bound, |socket| {
        let who = match owner(socket, facts) {
            who if who.is_empty() => "a socket".to_owned(),
            who => who.trim_end_matches(" on ").to_owned(),
        };
        format!(
            "{who} is bound to {}, but does not listen",
            end(socket, facts)
        )
    })
}

fn some_of(sockets: &[&Socket], each: impl Fn(&Socket) -> String) -> String {
    let mut told: Vec<String> = sockets
        .iter()
        .take(FEW)
        .map(|socket| each(socket))
        .collect();
    if sockets.len() > FEW {
        told.push(format!("{} more", sockets.len() - FEW));
    }
    let last = told.pop().unwrap_or_default();
    match told.as_slice() {
        [] => last,
        before => format!("{} and {last}", before.join(", ")),
    }
}

/// The owner and `on`; empty where owners were not asked for.
fn owner(socket: &Socket, facts: &Facts) -> String {
    let mut text = String::new();
    match socket.owner_status {
        OwnerStatus::NotAsked => return text,
        OwnerStatus::Found => {
            let value = Value::Process(Row { socket, facts });
            write_value(&mut text, &value, Style::Person);
        }
        status => text.push_str(nobody(status)),
    }
    text.push_str(" on ");
    text
}

/// Who or what holds a socket without a known owner, as a part of a sentence.
const fn nobody(status: OwnerStatus) -> &'static str {
    match status {
        OwnerStatus::Found | OwnerStatus::NotAsked => "",
        OwnerStatus::Denied => "a process that may not be seen",
        OwnerStatus::KernelOrHidden => "the kernel or a hidden process",
        OwnerStatus::Unaccepted => "a connection that is not accepted yet",
        OwnerStatus::Orphaned => "a connection that its program has left",
        OwnerStatus::TimeWait => "a connection that is over",
        OwnerStatus::Handshake => "a connection that begins",
    }
}

/// The address, with the protocol where it is not TCP.
fn place(socket: &Socket, facts: &Facts) -> String {
    let protocol = match socket.protocol {
        Protocol::Tcp => String::new(),
        other => format!(" ({})", other.name()),
    };
    format!("{}{protocol}", end(socket, facts))
}

/// The address of the other end.
fn far_end(socket: &Socket, facts: &Facts) -> String {
    let mut text = String::new();
    let value = peer_end(Row { socket, facts });
    write_value(&mut text, &value, Style::Person);
    text
}

/// The address.
fn end(socket: &Socket, facts: &Facts) -> String {
    let mut text = String::new();
    let value = columns::local_end(Row { socket, facts });
    write_value(&mut text, &value, Style::Person);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Family;

    #[test]
    fn times_are_short() {
        let text = |ms| seconds(Duration::from_millis(ms));
        assert_eq!(text(0), "0 s");
        assert_eq!(text(5000), "5 s");
        assert_eq!(text(1234), "1.2 s");
        assert_eq!(text(1260), "1.3 s");
        assert_eq!(text(40), "0.0 s");
        assert_eq!(text(59_990), "60.0 s");
        assert_eq!(text(125_400), "2 min 5 s");
    }

    #[test]
    fn a_sentence_names_a_few_and_counts_the_rest() {
        let socket = |port, state| {
            let local = crate::model::Endpoint::new("127.0.0.1".parse().unwrap(), port);
            Socket::new(Protocol::Tcp, Family::V4, state, local)
        };
        let all: Vec<Socket> = (1..=5).map(|port| socket(port, State::Listen)).collect();
        let all: Vec<&Socket> = all.iter().collect();
        let facts = Facts::default();
        assert_eq!(holders(&all[..1], &facts), "127.0.0.1:1");
        assert_eq!(holders(&all[..2], &facts), "127.0.0.1:1 and 127.0.0.1:2");
        assert_eq!(
            holders(&all, &facts),
            "127.0.0.1:1, 127.0.0.1:2, 127.0.0.1:3 and 2 more"
        );
        assert_eq!(holders(&[], &facts), "");
        for (status, told) in [
            (
                OwnerStatus::Denied,
                "a process that may not be seen on 127.0.0.1:1",
            ),
            (
                OwnerStatus::TimeWait,
                "a connection that is over on 127.0.0.1:1",
            ),
        ] {
            let mut one = all[0].clone();
            one.owner_status = status;
            assert_eq!(holders(&[&one], &facts), told);
        }
        let bound = socket(80, State::BoundInactive);
        assert_eq!(
            seen(&[bound], &facts),
            "a socket is bound to 127.0.0.1:80, but does not listen"
        );
    }
}
