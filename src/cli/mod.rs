//! The command line: arguments, and one file for each command.

mod args;
mod conns;
mod habits;
mod list;
mod listen;
mod overview;
mod port;
mod proc;
mod session;
mod states;

use std::ffi::OsString;
use std::io;

use clap::Parser;

use crate::pipeline::Stop;
use args::{Cli, Command};
use session::{Session, Usage};

/// How a run ends. The numbers are the contract with scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Found, healthy.
    Found = 0,
    /// Nothing matched.
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

/// Parses the arguments, runs the command, and says how it ended.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, on standard output.
            let exit = if error.use_stderr() {
                Exit::Failure
            } else {
                Exit::Found
            };
            return match error.print() {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Exit::Failure,
                _ => exit,
            };
        }
    };
    let (command, options) = habits::understand(cli.command, cli.options);
    let session = Session::new(options);
    let outcome = match command {
        None => overview::run(&session),
        Some(Command::Listen { filter }) => listen::run(&session, &filter.words),
        Some(Command::Port { words }) => port::run(&session, &words),
        Some(Command::Conns { filter }) => conns::run(&session, &filter.words),
        Some(Command::States { by, filter }) => states::run(&session, by, &filter.words),
        Some(Command::Proc { target, filter }) => proc::run(&session, &target, &filter.words),
    };
    outcome.unwrap_or_else(|failure| explain(&session, &failure))
}

/// One line for what happened, one more for what to do.
fn explain(session: &Session, failure: &Failure) -> Exit {
    let (message, hint) = match failure {
        // The reader has seen enough.
        Failure::Stop(Stop::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            return Exit::Found;
        }
        Failure::Stop(Stop::Output(error)) => {
            (format!("cannot write to standard output: {error}"), None)
        }
        Failure::Stop(Stop::Problem(problem)) => (problem.message.clone(), problem.hint.clone()),
        Failure::Usage(usage) => (usage.message.clone(), usage.hint.clone()),
    };
    session.tell(&message);
    if let Some(hint) = hint {
        session.tell(&format!("hint: {hint}"));
    }
    Exit::Failure
}

impl Session {
    /// The exit code of an answer.
    fn exit(&self, report: &crate::model::Report, found: bool) -> Exit {
        match found {
            _ if self.options.strict && !report.complete() => Exit::Incomplete,
            true => Exit::Found,
            false => Exit::Nothing,
        }
    }
}
