//! What a rule found, and the rows it could not judge: an unknown is never taken for a number.

use super::Finding;
use crate::model::{Socket, Ulp};

/// What a rule that could look found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judgement {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What it could not judge.
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

impl From<Vec<Finding>> for Judgement {
    fn from(findings: Vec<Finding>) -> Self {
        Self {
            findings,
            unjudged: None,
        }
    }
}

/// What a rule found, or why it could not look.
pub type Outcome = Result<Judgement, String>;

/// What is known of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// All that the rule looks at.
    All,
    /// Not all, but enough: whatever the rest is, nothing is wrong with this row.
    Enough,
    /// Too little to judge it.
    TooLittle,
}

impl Told {
    /// All, or too little.
    pub const fn all(is_told: bool) -> Self {
        if is_told { Self::All } else { Self::TooLittle }
    }
}

const SUBFLOWS: &str = "they are subflows of MPTCP: what waits, and the window, are those of the whole connection, which this does not look at";

/// The rows a rule is about, by what is known of them.
#[derive(Debug, Default)]
pub(super) struct Rows<'a> {
    /// Rows that can be judged.
    pub known: Vec<&'a Socket>,
    /// How many of these are known in full.
    told: u64,
    /// Rows that cannot be judged.
    unknown: Vec<&'a Socket>,
}

impl<'a> Rows<'a> {
    /// Tells the rows that can be judged from the others.
    pub fn split(rows: impl Iterator<Item = &'a Socket>, told: impl Fn(&Socket) -> Told) -> Self {
        let mut split = Self::default();
        for row in rows {
            match told(row) {
                Told::TooLittle => split.unknown.push(row),
                told => {
                    split.told += u64::from(told == Told::All);
                    split.known.push(row);
                }
            }
        }
        split
    }

    /// The outcome of a rule that found `findings` among the known rows; `why` the others could
    /// not be judged.
    pub fn outcome(&self, findings: Vec<Finding>, why: &str) -> Outcome {
        outcome(findings, self.told, self.unknown.len() as u64, why)
    }

    /// The same, of a rule about queues and windows: a subflow of MPTCP does not have them,
    /// whatever the source.
    pub fn outcome_of_queues(&self, findings: Vec<Finding>, why: &str) -> Outcome {
        let are_subflows = self.unknown.iter().all(|row| row.ulp == Some(Ulp::Mptcp));
        self.outcome(findings, if are_subflows { SUBFLOWS } else { why })
    }
}

/// The outcome of a rule that could not judge `unknown` rows: where it found nothing, and the
/// source told all of none of them, it has not looked.
pub(super) fn outcome(findings: Vec<Finding>, told: u64, unknown: u64, why: &str) -> Outcome {
    if unknown == 0 {
        return Ok(findings.into());
    }
    if told == 0 && findings.is_empty() {
        return Err(why.to_owned());
    }
    Ok(Judgement {
        findings,
        unjudged: Some(Unjudged {
            count: unknown,
            reason: why.to_owned(),
        }),
    })
}
