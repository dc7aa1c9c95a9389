//! The commands: one file each, which reads as the line from the question to the text.

pub(crate) mod abroad;
pub(crate) mod absent;
pub(crate) mod around;
pub(crate) mod buildup;
pub(crate) mod columns;
pub(crate) mod conns;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod inspect;
pub(crate) mod list;
pub(crate) mod listen;
pub(crate) mod overview;
pub(crate) mod pids;
pub(crate) mod port;
pub(crate) mod proc;
pub(crate) mod schema;
pub(crate) mod states;
pub(crate) mod unlisted;
pub(crate) mod wait;
pub(crate) mod watch;

use super::args::Command;
use super::exit::{Exit, Failure};
use super::session::Session;
use super::{completions, manual};

/// Runs the command.
pub(crate) fn answer(session: &Session, command: Option<Command>) -> Result<Exit, Failure> {
    match command {
        _ if columns::is_asked_for(session) => columns::run(session),
        None => overview::run(session),
        Some(Command::Listen { filter, pids }) => listen::run(session, &filter.words, pids.pids),
        Some(Command::Port { words, pids }) => port::run(session, &words, pids),
        Some(Command::Conns { filter, pids }) => conns::run(session, &filter.words, pids.pids),
        Some(Command::States { by, filter }) => states::run(session, by, &filter.words),
        Some(Command::Buildup(args)) => buildup::run(session, &args),
        Some(Command::Doctor(args)) => doctor::run(session, &args),
        Some(Command::Watch(args)) => watch::run(session, &args),
        Some(Command::Explain { topic }) => explain::run(session, &topic),
        Some(Command::Proc {
            target,
            filter,
            pids,
        }) => proc::run(session, &target, &filter.words, pids),
        Some(Command::Inspect { filter }) => inspect::run(session, &filter.words),
        Some(Command::Diff(args)) => diff::run(session, &args),
        Some(Command::Wait(args)) => wait::run(session, &args),
        Some(Command::Schema) => schema::run(session),
        Some(Command::Completions(args)) => completions::run(session, &args),
        Some(Command::Man(args)) => manual::run(session, &args),
        Some(Command::Complete { words }) => completions::complete(session, &words),
    }
}
