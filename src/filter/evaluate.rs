//! Whether a condition holds for a socket.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use super::expression::{EndPattern, Expr, Side, Term, Test};
use crate::columns::{Column, OwnerValue, Row, Value};
use crate::model::{Endpoint, Facts, PortRange, Socket};

impl Expr {
    /// Whether it holds.
    pub fn holds(&self, row: Row<'_>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(row)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(row)),
            Self::Not(inner) => !inner.holds(row),
            Self::Term(term) => term.holds(row),
        }
    }

    /// Whether it holds, as far as the socket alone tells; `None` when that depends on what is
    /// not known yet.
    pub fn may_hold(&self, socket: &Socket) -> Option<bool> {
        match self {
            Self::All(parts) => joined(parts, socket, false),
            Self::Any(parts) => joined(parts, socket, true),
            Self::Not(inner) => inner.may_hold(socket).map(|holds| !holds),
            Self::Term(term) if term.test.needs_join() => None,
            Self::Term(term) => {
                let facts = Facts::default();
                let facts = &facts;
                Some(term.holds(Row { socket, facts }))
            }
        }
    }
}

/// Whether all hold, or (`decisive` is true) whether any does: one part that is decisive
/// decides, else one that is not known leaves it open.
fn joined(parts: &[Expr], socket: &Socket, decisive: bool) -> Option<bool> {
    let mut open = false;
    for part in parts {
        match part.may_hold(socket) {
            Some(holds) if holds == decisive => return Some(decisive),
            Some(_) => {}
            None => open = true,
        }
    }
    (!open).then_some(!decisive)
}

impl Term {
    /// A comparison with what is not known is false, negated or not.
    fn holds(&self, row: Row<'_>) -> bool {
        self.test
            .equals(row)
            .is_some_and(|equal| equal != self.negated)
    }
}

impl Test {
    /// Whether it looks at what is not in the socket itself.
    fn needs_join(&self) -> bool {
        match self {
            Self::State(_) | Self::Port(..) | Self::End(..) => false,
            Self::Process(_) | Self::Pid(_) | Self::User(_) => true,
            Self::Text(column, _)
            | Self::Number(column, _)
            | Self::Bits(column, _)
            | Self::Matches(column, _) => !OF_SOCKET.contains(&column.id),
        }
    }

    /// Whether the thing is equal; `None` where there is no such thing. With several owners
    /// one that is equal is enough.
    fn equals(&self, row: Row<'_>) -> Option<bool> {
        let Row { socket, facts } = row;
        match self {
            Self::State(states) => Some(states.contains(socket.state)),
            Self::Port(side, ranges) => at_ends(*side, socket, |end| contains(ranges, end.port)),
            Self::End(side, patterns) => at_ends(*side, socket, |end| {
                patterns.iter().any(|pattern| pattern.matches(end))
            }),
            Self::Process(names) => {
                let mut owners = facts.owner_processes(socket).peekable();
                owners.peek()?;
                let is_one = |name: &Vec<u8>, process: &crate::model::Process| {
                    process.is_called(name) || process.pid.to_string().as_bytes() == name
                };
                Some(owners.any(|process| names.iter().any(|name| is_one(name, process))))
            }
            Self::Pid(ranges) => {
                let mut owners = facts.owner_processes(socket).peekable();
                owners.peek()?;
                Some(owners.any(|process| in_ranges(ranges, process.pid.into())))
            }
            Self::User(names) => {
                let uid = socket.uid?;
                let known = facts.user(uid);
                let is_one = |name: &String| {
                    known.is_some_and(|known| known.bytes() == name.as_bytes())
                        || name.parse() == Ok(uid)
                };
                Some(names.iter().any(is_one))
            }
            Self::Text(column, words) => {
                any_text(column, row, &|text, ours| equals_word(words, text, ours))
            }
            Self::Matches(column, pattern) => {
                any_text(column, row, &|text, _| pattern.0.is_match(text))
            }
            Self::Bits(column, wanted) => any_number(column, row, &|number| {
                let is_so = |(value, mask): &(u64, u64)| number & mask == value & mask;
                wanted.iter().any(is_so)
            }),
            Self::Number(column, ranges) => {
                any_number(column, row, &|number| in_ranges(ranges, number))
            }
        }
    }
}

/// Columns that the socket alone fills.
pub(super) const OF_SOCKET: &[&str] = &[
    "protocol",
    "family",
    "state",
    "local",
    "laddr",
    "lport",
    "peer",
    "paddr",
    "pport",
    "recv_q",
    "send_q",
    "queue",
    "drops",
    "timer",
    "retransmits",
    "inode",
    "cookie",
    "netns",
    "uid",
];

impl EndPattern {
    fn matches(&self, end: &Endpoint) -> bool {
        let net = self.net.as_ref();
        net.is_none_or(|net| net.contains(&end.address))
            && self.ports.is_none_or(|ports| ports.contains(end.port))
    }
}

/// Whether one of the ends is so; `None` where there is no such end.
fn at_ends(side: Side, socket: &Socket, is_so: impl Fn(&Endpoint) -> bool) -> Option<bool> {
    let peer = socket.peer.as_ref();
    match side {
        Side::Local => Some(is_so(&socket.local)),
        Side::Peer => peer.map(is_so),
        Side::Either => Some(is_so(&socket.local) || peer.is_some_and(is_so)),
    }
}

fn contains(ranges: &[PortRange], port: u16) -> bool {
    ranges.iter().any(|range| range.contains(port))
}

fn in_ranges(ranges: &[RangeInclusive<u64>], number: u64) -> bool {
    ranges.iter().any(|range| range.contains(&number))
}

fn equals_word(words: &[String], text: &[u8], ours: bool) -> bool {
    words.iter().any(|word| {
        let word = word.as_bytes();
        text == word || (ours && text.eq_ignore_ascii_case(word))
    })
}

type OnText<'a> = &'a dyn Fn(&[u8], bool) -> bool;

/// Whether one of the texts in a cell is so; `None` where the cell is empty. The second
/// argument tells whether the text is a word of ours.
fn any_text(column: &Column, row: Row<'_>, is_so: OnText<'_>) -> Option<bool> {
    let owned = |text: String| Some(is_so(text.as_bytes(), true));
    match (column.value)(row) {
        Value::Absent => None,
        Value::Word(word) => Some(is_so(word.as_bytes(), true)),
        Value::State(state) => owned(state.to_string()),
        Value::Text(text) => Some(is_so(text, false)),
        Value::Address(address) => owned(address.to_string()),
        Value::End { end, .. } => {
            owned(std::net::SocketAddr::new(end.address, end.port).to_string())
        }
        Value::Number(number)
        | Value::Bytes(number)
        | Value::Rate(number)
        | Value::Bits(number)
        | Value::Span { amount: number, .. } => owned(number.to_string()),
        Value::Hex(number) => owned(format!("{number:016x}")),
        Value::Queue(length, _) => owned(length.to_string()),
        Value::Timer(timer) => owned(timer.kind.to_string()),
        Value::Owners(row, field) => {
            let mut known = None;
            for (holder, process) in row.facts.owners(row.socket) {
                let text = match field.of(holder, process) {
                    OwnerValue::Absent => continue,
                    OwnerValue::Number(number) => Cow::Owned(number.to_string().into_bytes()),
                    OwnerValue::Text(text) => Cow::Borrowed(text),
                    OwnerValue::Made(text) => Cow::Owned(text.bytes().to_vec()),
                };
                known = Some(known.unwrap_or(false) || is_so(&text, false));
            }
            known
        }
        Value::Process(row) => {
            let mut known = None;
            for process in row.facts.owner_processes(row.socket) {
                known = Some(known.unwrap_or(false) || is_so(&process.comm, false));
            }
            known
        }
    }
}

/// Whether one of the numbers in a cell is so; `None` where there is none.
fn any_number(column: &Column, row: Row<'_>, is_so: &dyn Fn(u64) -> bool) -> Option<bool> {
    match (column.value)(row) {
        Value::Number(number)
        | Value::Bytes(number)
        | Value::Rate(number)
        | Value::Bits(number)
        | Value::Span { amount: number, .. }
        | Value::Hex(number) => Some(is_so(number)),
        Value::Queue(length, _) => Some(is_so(length.into())),
        Value::Timer(timer) => Some(is_so(timer.expires_ms.into())),
        Value::Owners(row, field) => {
            let mut known = None;
            for (holder, process) in row.facts.owners(row.socket) {
                if let OwnerValue::Number(number) = field.of(holder, process) {
                    known = Some(known.unwrap_or(false) || is_so(number.into()));
                }
            }
            known
        }
        _ => None,
    }
}
