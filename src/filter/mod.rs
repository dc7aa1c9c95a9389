//! Which sockets are wanted: an expression over the columns, parsed once, evaluated a row.
//!
//! Today an expression is `key=value` words joined by `and`, where a value may be a list
//! (`state=close_wait,time_wait`, `port=80,8000-8100`). The full language grows here.

mod evaluate;
mod parse;

use crate::model::{Facts, Family};
use crate::model::{PortRange, Protocol, Role, Socket, State, StateSet};
use crate::query::ProcessDetail;

pub use parse::FilterError;
pub(crate) use parse::nearest;

/// A condition that holds for the sockets that are wanted. The empty one holds for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// All of them must hold.
    terms: Vec<Term>,
}

/// One comparison: it holds when the socket has one of the values.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Term {
    State(Vec<State>),
    Protocol(Vec<Protocol>),
    Family(Vec<Family>),
    /// Either end.
    Port(Vec<PortRange>),
    LocalPort(Vec<PortRange>),
    PeerPort(Vec<PortRange>),
    Pid(Vec<u32>),
    Process(Vec<String>),
    User(Vec<String>),
    Uid(Vec<u32>),
    Role(Vec<Role>),
    Inode(Vec<u32>),
}

impl Filter {
    /// Reads the words of a command line.
    ///
    /// # Errors
    /// One that says which word is wrong, why, and what would be right.
    pub fn parse(words: &[String]) -> Result<Self, FilterError> {
        let terms = words.iter().map(|word| parse::term(word));
        Ok(Self {
            terms: terms.collect::<Result<_, _>>()?,
        })
    }

    /// Sockets with one of `ports` at either end.
    #[must_use]
    pub fn ports(ports: Vec<PortRange>) -> Self {
        Self {
            terms: vec![Term::Port(ports)],
        }
    }

    /// Sockets that one of the processes holds.
    #[must_use]
    pub fn pids(pids: Vec<u32>) -> Self {
        Self {
            terms: vec![Term::Pid(pids)],
        }
    }

    /// Both conditions together.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.terms.extend(other.terms);
        self
    }

    /// Whether it holds for every socket.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether it holds for `socket`. A comparison with what is not known is false.
    #[must_use]
    pub fn matches(&self, socket: &Socket, facts: &Facts) -> bool {
        self.terms.iter().all(|term| term.holds(socket, facts))
    }

    /// Whether it may hold, as far as the socket alone tells: before roles, owners and names
    /// are known.
    #[must_use]
    pub fn may_match(&self, socket: &Socket) -> bool {
        let facts = Facts::default();
        self.terms
            .iter()
            .all(|term| term.needs_join() || term.holds(socket, &facts))
    }

    /// The states that can match: the part of the condition that is pushed down.
    #[must_use]
    pub fn states(&self) -> StateSet {
        self.terms
            .iter()
            .fold(StateSet::ALL, |set, term| match term {
                Term::State(states) => set.intersect(states.iter().copied().collect()),
                _ => set,
            })
    }

    /// How much must be known of processes to evaluate it.
    #[must_use]
    pub fn process_detail(&self) -> ProcessDetail {
        let detail = |term: &Term| match term {
            Term::Process(names) if names.iter().any(|name| name.len() > 15) => ProcessDetail::Full,
            Term::Process(_) | Term::Pid(_) => ProcessDetail::Name,
            _ => ProcessDetail::None,
        };
        let details = self.terms.iter().map(detail);
        details.max().unwrap_or(ProcessDetail::None)
    }

    /// Whether the names of users must be known to evaluate it.
    #[must_use]
    pub fn needs_users(&self) -> bool {
        self.terms.iter().any(|term| matches!(term, Term::User(_)))
    }
}
