//! Whether a condition holds for a socket.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use super::device::Device;
use super::ends::{Compared, Spelling};
use super::expression::{Expr, Side, Term, Test};
use crate::columns::{Column, OwnerValue, Row, Value, push_address, push_host};
use crate::model::{self, Endpoint, Facts, Family, PortRange, Socket};

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
            Self::State(_) | Self::Port(..) => false,
            // The names of interfaces are looked up for the rows that remain.
            Self::End(_, patterns) => patterns.iter().any(|pattern| pattern.device.is_some()),
            Self::Device(..)
            | Self::User(_)
            | Self::Process(_)
            | Self::Pid(_)
            | Self::ProcessUser(_) => true,
            Self::Cgroup { paths, .. } => !paths.is_empty(),
            Self::Text(column, _)
            | Self::Number(column, _)
            | Self::Bits(column, _)
            | Self::Matches(column, _) => !column.is_of_socket(),
        }
    }

    /// Whether the thing is equal; `None` where there is no such thing. With several owners
    /// one that is equal is enough.
    fn equals(&self, row: Row<'_>) -> Option<bool> {
        let Row { socket, facts } = row;
        match self {
            Self::State(states) => Some(states.contains(socket.state)),
            Self::Port(side, ranges) => at_ends(*side, socket, |compared| {
                contains(ranges, compared.end.port)
            }),
            Self::End(side, patterns) => at_ends(*side, socket, |compared| {
                patterns
                    .iter()
                    .any(|pattern| pattern.matches(compared, row))
            }),
            Self::Device(spelling, devices) => match (socket.interface, spelling) {
                (None, Spelling::Ours) => None,
                (None, Spelling::Ss) if !socket.tells_interface() => None,
                (None, Spelling::Ss) => Some(devices.iter().any(Device::is_none)),
                (Some(_), _) => Some(devices.iter().any(|device| device.is_of(row))),
            },
            Self::Cgroup { ids, column, paths } => {
                let by_id = socket.cgroup.is_some_and(|id| ids.contains(&id));
                let by_path = match paths.as_slice() {
                    [] => Some(false),
                    _ => any_text(column, row, &|text, ours| equals_word(paths, text, ours)),
                };
                by_path.map(|found| found || by_id)
            }
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
                let uid = socket.uid?.get();
                Some(names.iter().any(|name| is_user(facts, uid, name)))
            }
            Self::ProcessUser(names) => {
                let uids = facts
                    .owner_processes(socket)
                    .filter_map(|process| process.uid);
                let is_one = |uid| names.iter().any(|name| is_user(facts, uid, name));
                let mut known = None;
                for uid in uids {
                    known = Some(known.unwrap_or(false) || is_one(uid));
                }
                known
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

/// Whether `name` is the name or the number of a user.
fn is_user(facts: &Facts, uid: u32, name: &str) -> bool {
    let known = facts.user(uid);
    known.is_some_and(|known| known.bytes() == name.as_bytes()) || name.parse() == Ok(uid)
}

/// Whether one of the ends is so; `None` where there is no such end.
fn at_ends(side: Side, socket: &Socket, is_so: impl Fn(Compared) -> bool) -> Option<bool> {
    let local = || {
        let end = socket.local.inet()?;
        let takes_both = socket.takes_both_families() == Some(true);
        Some(is_so(Compared { end, takes_both }))
    };
    let far = |end| {
        is_so(Compared {
            end,
            takes_both: false,
        })
    };
    match side {
        Side::Local => local(),
        Side::Peer => socket.peer.inet().map(far),
        Side::PeerOfSs => Some(far(peer_of_ss(socket)?)),
        Side::Either => Some(local()? || socket.peer.inet().is_some_and(far)),
    }
}

/// The peer, where there is none the one that the kernel has for what is not connected.
const fn peer_of_ss(socket: &Socket) -> Option<Endpoint> {
    if socket.peer.is_some() {
        return socket.peer.inet();
    }
    let address = match socket.family {
        Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    Some(Endpoint { address, port: 0 })
}

fn contains(ranges: &[PortRange], port: u16) -> bool {
    ranges.iter().any(|range| range.contains(port))
}

fn in_ranges(ranges: &[RangeInclusive<u64>], number: u64) -> bool {
    ranges.iter().any(|range| range.contains(&number))
}

pub(super) fn equals_word(words: &[String], text: &[u8], ours: bool) -> bool {
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
        Value::Address(address, takes_both) => {
            let mut text = String::new();
            push_address(&mut text, address, takes_both);
            owned(text)
        }
        Value::End {
            end,
            takes_both,
            device,
            ..
        } => {
            let mut text = String::new();
            push_host(&mut text, end.address, takes_both);
            let mut text = text.into_bytes();
            match device {
                None => {}
                Some(model::Device::Name(name)) => text.extend([b"%", name].concat()),
                Some(model::Device::Index(index)) => text.extend(format!("%{index}").bytes()),
            }
            text.extend(format!(":{}", end.port).bytes());
            Some(is_so(&text, false))
        }
        Value::Fin => owned("0".to_owned()),
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
                let text = match field.of(holder, process, row.facts) {
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
        Value::Fin => Some(is_so(0)),
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
                if let OwnerValue::Number(number) = field.of(holder, process, row.facts) {
                    known = Some(known.unwrap_or(false) || is_so(number.into()));
                }
            }
            known
        }
        _ => None,
    }
}
