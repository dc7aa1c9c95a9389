//! What a filter is once it is read.

use std::num::NonZeroU64;
use std::ops::RangeInclusive;

use regex::bytes::Regex;

use super::device::Device;
use super::ends::{EndPattern, Spelling};
use crate::columns::Column;
use crate::model::{PortRange, StateSet};

/// A condition.
#[derive(Clone, Debug)]
pub(super) enum Expr {
    /// All hold.
    All(Vec<Expr>),
    /// One holds.
    Any(Vec<Expr>),
    /// It does not hold.
    Not(Box<Expr>),
    /// One comparison.
    Term(Term),
}

/// One comparison. It is false where the socket does not have the thing, negated or not.
#[derive(Clone, Debug)]
pub(super) struct Term {
    /// What is compared.
    pub test: Test,
    /// Whether it is `!=`, `!~` or `not in`.
    pub negated: bool,
}

/// What is compared with what.
#[derive(Clone, Debug)]
pub(super) enum Test {
    /// The state is one of these.
    State(StateSet),
    /// The port lies in one of these ranges.
    Port(Side, Vec<PortRange>),
    /// The address lies in one of these networks, and the port in its ranges.
    End(Side, Vec<EndPattern>),
    /// The socket is bound to one of these interfaces. For ss what is bound to none is bound to
    /// the number 0.
    Device(Spelling, Vec<Device>),
    /// The socket was made in one of these cgroups, as ss compares them; or one of its owners
    /// is in one of these, by the paths that are shown.
    Cgroup {
        ids: Vec<NonZeroU64>,
        column: &'static Column,
        paths: Vec<String>,
    },
    /// A process with one of these names, or pids, holds it.
    Process(Vec<Vec<u8>>),
    /// A process with one of these pids holds it.
    Pid(Vec<RangeInclusive<u64>>),
    /// The user who made it has one of these names, or numbers.
    User(Vec<String>),
    /// A process that runs as one of these users, by name or number, holds it.
    ProcessUser(Vec<String>),
    /// The column is one of these words; small and capital letters are the same for words of
    /// ours, which no other process chose.
    Text(&'static Column, Vec<String>),
    /// The column's number lies in one of these ranges.
    Number(&'static Column, Vec<RangeInclusive<u64>>),
    /// The bits of the column's number that a mask leaves are one of these: value and mask.
    Bits(&'static Column, Vec<(u64, u64)>),
    /// The column's text matches.
    Matches(&'static Column, Pattern),
}

/// Which end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Local,
    Peer,
    /// The peer as ss has it: what is not connected has no address and the port 0.
    PeerOfSs,
    Either,
}

/// A regular expression.
#[derive(Clone, Debug)]
pub(super) struct Pattern(pub Regex);

impl Expr {
    /// The comparisons that are asked for, and not for their contrary.
    pub fn asked(&self) -> Vec<&Term> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::asked).collect(),
            Self::Not(_) => Vec::new(),
            Self::Term(term) => vec![term],
        }
    }

    /// Every comparison in it.
    pub fn terms(&self) -> Vec<&Term> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::terms).collect(),
            Self::Not(inner) => inner.terms(),
            Self::Term(term) => vec![term],
        }
    }
}
