//! What stands in a cell before it becomes text, and how cells are ordered.

use std::cmp::Ordering;
use std::net::IpAddr;

use super::Row;
use crate::model::{
    Device, Endpoint, Facts, Foreign, Holder, Process, Protocol, State, Timer, Via,
};
use crate::query::ProcessFacts;

/// The value of a cell, before it becomes text.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// Not known, or there is none.
    Absent,
    /// A number.
    Number(u64),
    /// No byte waits, but the end of what the peer sends does: its FIN. For programs the number 0.
    Fin,
    /// Bytes.
    Bytes(u64),
    /// A time.
    Span {
        /// How long.
        amount: u64,
        /// In which unit programs get it.
        unit: TimeUnit,
        /// Whether it may be more.
        at_least: bool,
    },
    /// Bytes a second.
    Rate(u64),
    /// Bits in a number.
    Bits(u64),
    /// A number written in 16 hexadecimal digits.
    Hex(u64),
    /// A word of ours.
    Word(&'static str),
    /// A state.
    State(State),
    /// An address, and whether it is a wildcard of both families.
    Address(IpAddr, bool),
    /// An address and a port, with names where they are known.
    End {
        /// The endpoint.
        end: Endpoint,
        /// Whether the address is a wildcard of both families.
        takes_both: bool,
        /// The transport, which chooses the service's name.
        protocol: Protocol,
        /// The interface the socket is bound to.
        device: Option<Device<'a>>,
        /// Names of hosts and services.
        facts: &'a Facts,
    },
    /// Length and limit of an accept queue.
    Queue(u32, Option<u32>),
    /// The running timer.
    Timer(Timer),
    /// Text that another process chose.
    Text(&'a [u8]),
    /// One thing of each owner.
    Owners(Row<'a>, OwnerField),
    /// The owner for people: name and pid, or why there is none.
    Process(Row<'a>),
}

/// The unit of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimeUnit {
    /// Millionths of a second.
    Micros,
    /// Thousandths of a second.
    Millis,
}

impl TimeUnit {
    /// So many of the unit as microseconds.
    #[must_use]
    pub const fn micros(self, amount: u64) -> u64 {
        match self {
            Self::Micros => amount,
            Self::Millis => amount.saturating_mul(1000),
        }
    }
}

/// A time in microseconds, where it is known.
pub(super) fn micros(amount: Option<impl Into<u64>>) -> Option<Value<'static>> {
    let span = |amount: u64| Value::Span {
        amount,
        unit: TimeUnit::Micros,
        at_least: false,
    };
    amount.map(|amount| span(amount.into()))
}

/// What is told of each owner in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerField {
    /// The pid.
    Pid,
    /// The descriptor.
    Fd,
    /// The name.
    Comm,
    /// The command line.
    Command,
    /// The user as whom it runs.
    User,
    /// The systemd unit.
    Unit,
    /// The container.
    Container,
    /// The cgroup path.
    Cgroup,
}

/// What one owner has to tell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OwnerValue<'a> {
    /// Nothing.
    Absent,
    /// A number.
    Number(u32),
    /// Text that another process chose.
    Text(&'a [u8]),
    /// Text of ours around text of theirs.
    Made(Foreign),
}

impl OwnerField {
    /// Whether it is a number.
    #[must_use]
    pub const fn is_number(self) -> bool {
        matches!(self, Self::Pid | Self::Fd)
    }

    /// The fact that it is read of, beside the name.
    #[must_use]
    pub const fn is_read_of(self) -> ProcessFacts {
        match self {
            Self::Pid | Self::Fd | Self::Comm => ProcessFacts::NONE,
            Self::Command => ProcessFacts::COMMAND,
            Self::User => ProcessFacts::USER,
            Self::Unit | Self::Container | Self::Cgroup => ProcessFacts::CGROUP,
        }
    }

    /// The value of one owner.
    #[must_use]
    pub fn of<'a>(self, holder: &Holder, process: &'a Process, facts: &'a Facts) -> OwnerValue<'a> {
        let text = |text: Option<&'a [u8]>| text.map_or(OwnerValue::Absent, OwnerValue::Text);
        match self {
            Self::Pid => OwnerValue::Number(holder.pid),
            Self::Fd => match holder.via {
                Via::Fd(fd) => OwnerValue::Number(fd),
                Via::IoUring => OwnerValue::Absent,
            },
            Self::Comm => OwnerValue::Text(&process.comm),
            Self::Command => text(process.command.as_deref()),
            Self::User => match process.uid.map(|uid| (uid, facts.user(uid))) {
                Some((_, Some(name))) => OwnerValue::Text(name.bytes()),
                Some((uid, None)) => OwnerValue::Number(uid),
                None => OwnerValue::Absent,
            },
            Self::Unit => text(process.unit()),
            Self::Cgroup => text(process.cgroup.as_ref().map(Foreign::bytes)),
            Self::Container => process.container().map_or(OwnerValue::Absent, |container| {
                OwnerValue::Made(container.label())
            }),
        }
    }
}

impl Value<'_> {
    /// A time in milliseconds.
    #[must_use]
    pub const fn millis(amount: u64) -> Self {
        Self::Span {
            amount,
            unit: TimeUnit::Millis,
            at_least: false,
        }
    }

    /// The order of two cells of one column: what is absent comes last.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        use Value as V;
        match (self, other) {
            (V::Absent, V::Absent) | (V::Fin, V::Fin) => Ordering::Equal,
            (V::Absent, _) => Ordering::Greater,
            (_, V::Absent) => Ordering::Less,
            (V::Fin, V::Number(number)) => 0.cmp(number),
            (V::Number(number), V::Fin) => number.cmp(&0),
            (V::Number(a), V::Number(b))
            | (V::Bytes(a), V::Bytes(b))
            | (V::Rate(a), V::Rate(b))
            | (V::Bits(a), V::Bits(b))
            | (V::Hex(a), V::Hex(b)) => a.cmp(b),
            (
                V::Span {
                    amount: a,
                    unit: au,
                    ..
                },
                V::Span {
                    amount: b,
                    unit: bu,
                    ..
                },
            ) => au.micros(*a).cmp(&bu.micros(*b)),
            (V::Word(a), V::Word(b)) => a.cmp(b),
            (V::State(a), V::State(b)) => a.cmp(b),
            (V::Address(a, ab), V::Address(b, bb)) => (a, ab).cmp(&(b, bb)),
            (V::End { end: a, .. }, V::End { end: b, .. }) => a.cmp(b),
            (V::Queue(a, al), V::Queue(b, bl)) => (a, al).cmp(&(b, bl)),
            (V::Timer(a), V::Timer(b)) => a.expires_ms.cmp(&b.expires_ms),
            (V::Text(a), V::Text(b)) => a.cmp(b),
            (V::Owners(a, field), V::Owners(b, _)) => {
                owner_values(*a, *field).cmp(&owner_values(*b, *field))
            }
            (V::Process(a), V::Process(b)) => process_key(a).cmp(&process_key(b)),
            // A user without a name stands beside users with one.
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    /// Whether there is nothing to show.
    #[must_use]
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Text(_) => 0,
            Self::Number(_) => 1,
            _ => 2,
        }
    }
}

fn owner_values(row: Row<'_>, field: OwnerField) -> Vec<OwnerValue<'_>> {
    let owners = row.facts.owners(row.socket);
    owners
        .map(|(holder, process)| field.of(holder, process, row.facts))
        .collect()
}

/// Sockets with an owner first, by name and pid; then the others by their reason.
fn process_key<'a>(row: &Row<'a>) -> (bool, &'a [u8], u32, &'static str) {
    let reason = row.socket.owner_status.name();
    match row.facts.owners(row.socket).next() {
        Some((_, process)) => (false, &process.comm, process.pid, reason),
        None => (true, &[], 0, reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_is_last() {
        assert_eq!(Value::Absent.compare(&Value::Number(9)), Ordering::Greater);
        assert_eq!(Value::Number(2).compare(&Value::Number(10)), Ordering::Less);
    }
}
