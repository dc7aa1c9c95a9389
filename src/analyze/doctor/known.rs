//! What a rule found, and the rows it could not judge: an unknown is never taken for a number.

use super::Finding;
use crate::model::Socket;

/// What a rule that could look found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What it could not judge beside.
    pub unjudged: Option<Unjudged>,
}

/// Sockets, or processes, that a rule could not judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unjudged {
    /// How many.
    pub count: u64,
    /// Why not.
    pub reason: String,
}

impl From<Vec<Finding>> for Found {
    fn from(findings: Vec<Finding>) -> Self {
        Self {
            findings,
            unjudged: None,
        }
    }
}

/// What a rule found, why it could not look.
pub type Outcome = Result<Found, String>;

/// The rows a rule is about, by whether enough is known of them.
#[derive(Debug, Default)]
pub(super) struct Rows<'a> {
    /// Rows that can be judged.
    pub known: Vec<&'a Socket>,
    /// How many cannot.
    pub unknown: u64,
}

impl<'a> Rows<'a> {
    /// Tells the rows of which `is_known` holds from the others.
    pub fn split(
        rows: impl Iterator<Item = &'a Socket>,
        is_known: impl Fn(&Socket) -> bool,
    ) -> Self {
        let mut split = Self::default();
        for row in rows {
            if is_known(row) {
                split.known.push(row);
            } else {
                split.unknown += 1;
            }
        }
        split
    }

    /// The outcome of a rule that found `findings` among the known rows; `why` the others could
    /// not be judged.
    pub fn outcome(&self, findings: Vec<Finding>, why: &str) -> Outcome {
        outcome(findings, self.known.len() as u64, self.unknown, why)
    }
}

/// The outcome of a rule that judged `known` rows and could not judge `unknown` others: where it
/// judged none of them, it has not looked.
pub(super) fn outcome(findings: Vec<Finding>, known: u64, unknown: u64, why: &str) -> Outcome {
    if unknown == 0 {
        return Ok(findings.into());
    }
    if known == 0 && findings.is_empty() {
        return Err(why.to_owned());
    }
    Ok(Found {
        findings,
        unjudged: Some(Unjudged {
            count: unknown,
            reason: why.to_owned(),
        }),
    })
}
