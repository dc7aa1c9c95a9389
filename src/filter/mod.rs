//! Which sockets are wanted: an expression over the columns, parsed once, evaluated a row.
//!
//! One language: names of columns, comparisons, `and or not ( )`; ss's own spelling is read by
//! the same parser. The states, ports and addresses that can match are pushed down to the
//! kernel; the answer never changes because of it.

mod bare;
mod compares;
mod device;
mod ends;
mod equal;
mod error;
mod evaluate;
mod expression;
mod fields;
mod narrow;
mod parse;
mod ports;
mod scan;
mod values;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::num::NonZeroU64;
use std::ops::RangeInclusive;

use crate::columns::{self, Column, Kind, OwnerField, Row};
use crate::model::{Facts, Narrow, PortRange, Socket, StateSet};
use crate::query::Needs;
use device::Device;
use expression::{Expr, Side, Term, Test};

pub(crate) use bare::{one_of, stands_alone};
pub(crate) use ends::{place, place_of, serving};
pub use error::FilterError;
pub(crate) use error::{did_you_mean, first_of, last_of, nearest};
pub(crate) use values::duration;

/// The words as conditions of their own, where there are several and each is one: an `or`
/// inside one word does not reach into the next.
fn each_alone(words: &[String], names: Names<'_>) -> Option<Vec<Expr>> {
    // States side by side are one set, and no two conditions.
    let is_state = |word: &&String| bare::is_state(word);
    if words.iter().filter(is_state).nth(1).is_some() {
        return None;
    }
    let parts = words.iter().map(|word| parse::parse(word, names).ok()?);
    let parts: Option<Vec<Expr>> = parts.collect();
    parts.filter(|parts| parts.len() > 1)
}

/// What names in a filter stand for on this system.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    /// The port of a service.
    pub port: fn(&str) -> Option<u16>,
    /// The id of the cgroup whose directory a path is; `None` for a path below no mount of
    /// cgroup2.
    pub cgroup: fn(&str) -> Result<Option<NonZeroU64>, String>,
    /// The name of the processes that go by a word; where there are none, the names that begin
    /// with it.
    pub process: &'a dyn Fn(&str) -> Vec<Vec<u8>>,
    /// Whether words are still being typed: then a name that no process has is an error, and not
    /// a condition that nothing meets.
    pub is_typed: bool,
}

impl Names<'static> {
    /// No name stands for anything.
    pub const NONE: Self = Self {
        port: |_| None,
        cgroup: |_| Ok(None),
        process: &|_| Vec::new(),
        is_typed: false,
    };
}

impl std::fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Names")
    }
}

/// Names that a filter asks for.
#[derive(Debug, Default)]
pub(crate) struct Named<'a> {
    /// Names or numbers of processes, as one comparison has them.
    pub processes: Vec<Vec<Cow<'a, [u8]>>>,
    /// Names or numbers of users, as one comparison has them.
    pub users: Vec<&'a [String]>,
    /// Names of interfaces.
    pub devices: Vec<&'a [u8]>,
}

/// Whether `word` is a word of the filter language: a name, or one that begins a condition.
pub(crate) fn is_word(word: &str) -> bool {
    let known = ["exclude", "not", "autobound"];
    let is_name = fields::names()
        .into_iter()
        .any(|name| word.eq_ignore_ascii_case(name));
    is_name || known.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// A condition that holds for the sockets that are wanted. The empty one holds for all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    expr: Option<Expr>,
}

impl Filter {
    /// Reads the words of a command line, which are one text; names of services are not known.
    ///
    /// # Errors
    /// One that says what is wrong and where, and what would be right.
    pub fn parse(words: &[String]) -> Result<Self, FilterError> {
        Self::parse_with(words, Names::NONE)
    }

    /// The same, with what names stand for.
    ///
    /// # Errors
    /// The same.
    pub fn parse_with(words: &[String], names: Names<'_>) -> Result<Self, FilterError> {
        let text = words.join(" ");
        if let Some(parts) = each_alone(words, names) {
            return Ok(Self {
                expr: Some(Expr::All(parts)),
            });
        }
        match parse::parse(&text, names) {
            Ok(expr) => Ok(Self { expr }),
            Err(fault) => Err(fault.within(&text)),
        }
    }

    /// Sockets with one of `ports` at either end.
    #[must_use]
    pub fn ports(ports: Vec<PortRange>) -> Self {
        Self::of(Test::Port(Side::Either, ports))
    }

    /// Sockets with this port at their own end.
    #[must_use]
    pub fn local_port(port: u16) -> Self {
        let only = PortRange {
            first: port,
            last: port,
        };
        Self::of(Test::Port(Side::Local, vec![only]))
    }

    /// Sockets that one of the processes holds.
    #[must_use]
    pub fn pids(pids: &[u32]) -> Self {
        let one = |pid: &u32| -> RangeInclusive<u64> { u64::from(*pid)..=u64::from(*pid) };
        Self::of(Test::Pid(pids.iter().map(one).collect()))
    }

    fn of(test: Test) -> Self {
        let negated = false;
        Self {
            expr: Some(Expr::Term(Term { test, negated })),
        }
    }

    /// Both conditions together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let expr = match (self.expr, other.expr) {
            (Some(a), Some(b)) => Some(Expr::All(vec![a, b])),
            (a, b) => a.or(b),
        };
        Self { expr }
    }

    /// Whether it holds for every socket.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.expr.is_none()
    }

    /// Whether it holds for `socket`. A comparison with what is not known is false.
    #[must_use]
    pub fn matches(&self, socket: &Socket, facts: &Facts) -> bool {
        let row = Row { socket, facts };
        self.expr.as_ref().is_none_or(|expr| expr.holds(row))
    }

    /// Whether it may hold, as far as the socket alone tells: before roles, owners and names
    /// are known.
    #[must_use]
    pub fn may_match(&self, socket: &Socket) -> bool {
        let expr = self.expr.as_ref();
        expr.is_none_or(|expr| expr.may_hold(socket) != Some(false))
    }

    /// The states that can match.
    #[must_use]
    pub fn states(&self) -> StateSet {
        self.expr.as_ref().map_or(StateSet::ALL, Expr::states)
    }

    /// The ports and addresses outside of which nothing can match.
    #[must_use]
    pub fn narrow(&self) -> Narrow {
        self.expr
            .as_ref()
            .map_or_else(Narrow::default, Expr::narrow)
    }

    fn terms(&self) -> Vec<&Term> {
        self.expr.as_ref().map_or_else(Vec::new, Expr::terms)
    }

    /// The columns that it looks at by themselves.
    #[must_use]
    pub fn columns(&self) -> Vec<&'static Column> {
        let column = |term: &&Term| match &term.test {
            Test::Text(column, _)
            | Test::Number(column, _)
            | Test::Bits(column, _)
            | Test::Matches(column, _) => Some(*column),
            Test::Cgroup { column, paths, .. } if !paths.is_empty() => Some(*column),
            _ => None,
        };
        self.terms().iter().filter_map(column).collect()
    }

    /// Whether it compares the cgroups that the kernel tells of sockets.
    #[must_use]
    pub fn needs_cgroup_ids(&self) -> bool {
        let by_id =
            |term: &&Term| matches!(&term.test, Test::Cgroup { ids, .. } if !ids.is_empty());
        self.terms().iter().any(by_id)
    }

    /// What it asks for by name: processes and users, those that stand for each other together,
    /// and interfaces.
    pub(crate) fn named(&self) -> Named<'_> {
        let mut named = Named::default();
        let asked = self.expr.as_ref().map_or_else(Vec::new, Expr::asked);
        for term in asked.into_iter().filter(|term| !term.negated) {
            match &term.test {
                Test::Process(names) => {
                    let names = names.iter().map(|name| Cow::from(name.as_slice()));
                    named.processes.push(names.collect());
                }
                Test::Text(column, names) if column.kind == Kind::Owner(OwnerField::Comm) => {
                    let names = names.iter().map(|name| Cow::from(name.as_bytes()));
                    named.processes.push(names.collect());
                }
                Test::Pid(ranges) if ranges.iter().all(|range| range.start() == range.end()) => {
                    let pids = ranges.iter().map(|range| range.start().to_string());
                    let pids = pids.map(|pid| Cow::from(pid.into_bytes()));
                    named.processes.push(pids.collect());
                }
                Test::User(names) | Test::ProcessUser(names) => named.users.push(names),
                Test::Device(_, devices) => {
                    named
                        .devices
                        .extend(devices.iter().filter_map(Device::name));
                }
                Test::End(_, patterns) => {
                    let devices = patterns
                        .iter()
                        .filter_map(|pattern| pattern.device.as_ref());
                    named.devices.extend(devices.filter_map(Device::name));
                }
                _ => {}
            }
        }
        named
    }

    /// What must be known beside the rows to evaluate it.
    #[must_use]
    pub fn needs(&self) -> Needs {
        let of_terms = self.terms().into_iter().map(|term| match &term.test {
            Test::Process(names) if names.iter().any(|name| name.len() > 15) => Needs::PROCESSES,
            Test::Process(_) | Test::Pid(_) => Needs::OWNERS,
            Test::ProcessUser(_) => Needs::PROCESSES.and(Needs::USERS),
            Test::User(_) => Needs::USERS,
            _ => Needs::NOTHING,
        });
        of_terms.fold(columns::needs(&self.columns()), Needs::and)
    }
}
