//! How a run ends, and why it ended without an answer.

use std::io;

use crate::filter::FilterError;
use crate::look::pipeline::Stop;

/// How a run ends. The numbers are the contract with scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Found, healthy.
    Found = 0,
    /// Nothing matched; of `doctor`, something is wrong; of `wait`, it took too long.
    Nothing = 1,
    /// Wrong usage, or a fatal error.
    Failure = 2,
    /// `--strict`, and the answer is incomplete.
    Incomplete = 3,
}

/// Why a command ended without an answer.
#[derive(Debug)]
pub(crate) enum Failure {
    Usage(Usage),
    Stop(Stop),
}

impl From<Usage> for Failure {
    fn from(usage: Usage) -> Self {
        Self::Usage(usage)
    }
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Stop(Stop::Output(error))
    }
}

/// A wrong command line: what, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
}

impl Usage {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<FilterError> for Usage {
    fn from(error: FilterError) -> Self {
        Self::new(error.message).hint(error.hint)
    }
}
