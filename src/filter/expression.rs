//! What a filter is once it is read.

use std::ops::RangeInclusive;

use ipnet::IpNet;
use regex::bytes::Regex;

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
    /// A process with one of these names, or pids, holds it.
    Process(Vec<Vec<u8>>),
    /// A process with one of these pids holds it.
    Pid(Vec<RangeInclusive<u64>>),
    /// The user has one of these names, or numbers.
    User(Vec<String>),
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
    Either,
}

/// An address, a network, a port, or several of these; what is `None` matches all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EndPattern {
    pub net: Option<IpNet>,
    pub ports: Option<PortRange>,
}

/// A regular expression.
#[derive(Clone, Debug)]
pub(super) struct Pattern(pub Regex);

impl Expr {
    /// Every comparison in it.
    pub fn terms(&self) -> Vec<&Term> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::terms).collect(),
            Self::Not(inner) => inner.terms(),
            Self::Term(term) => vec![term],
        }
    }
}
