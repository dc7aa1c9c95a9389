//! The command line: arguments, and one file for each command.

mod args;
pub(crate) mod command;
mod completions;
mod definition;
#[cfg(test)]
mod every_width;
mod exit;
mod manual;
mod repeat;
mod session;

use std::ffi::OsString;
use std::io::{self, Write};

use clap::Parser;

use crate::files::streams::Stdout;
use crate::look::pipeline::Stop;
use crate::model::foreign::escape;
use args::{Cli, ColorName, Command, habits};
use command::{
    buildup, columns, conns, diff, doctor, explain, inspect, listen, overview, port, proc, schema,
    states, wait, watch,
};
use session::Session;
use session::config::{self, Settings};
use session::output::say;

pub use exit::Exit;
use exit::Failure;

/// Parses the arguments, runs the command, and says how it ended.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => match habits::with_command(&arguments, &error) {
            Some(cli) => cli,
            None => return refuse(&retold(&arguments, error)),
        },
    };
    let (command, options) = habits::understand(cli.command, cli.options);
    let settings = match &command {
        // These tell of the program, whatever the user likes.
        Some(
            Command::Schema | Command::Completions(_) | Command::Man(_) | Command::Complete { .. },
        ) => Ok(Settings::default()),
        command => config::settings(name(command.as_ref()), !options.no_config),
    };
    let (settings, fault) = match settings {
        Ok(settings) => (settings, None),
        Err(usage) => (Settings::default(), Some(Failure::from(usage))),
    };
    let note = settings.note.clone();
    let mut session = Session::new(options, settings);
    session.asked = command.as_ref().map_or_else(String::new, Command::asked);
    if let Some(note) = note {
        session.tell(&format!("note: {note}"));
    }
    let outcome = fault.map_or_else(|| repeat::run(&session, command, &arguments), Err);
    outcome.unwrap_or_else(|failure| fail(&session, &failure))
}

/// Runs the command.
fn answer(session: &Session, command: Option<Command>) -> Result<Exit, Failure> {
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

/// The name under which the usual columns of a command are configured.
const fn name(command: Option<&Command>) -> &'static str {
    match command {
        None => "overview",
        Some(Command::Listen { .. }) => "listen",
        Some(Command::Port { .. }) => "port",
        Some(Command::Conns { .. }) => "conns",
        Some(Command::Proc { .. }) => "proc",
        Some(_) => "",
    }
}

/// Help and version are answers; anything else is wrong usage, in the form of all our errors.
fn refuse(error: &clap::Error) -> Exit {
    if !error.use_stderr() {
        let text = error.render();
        let text = if session::wants_colour(ColorName::Auto) {
            text.ansi().to_string()
        } else {
            text.to_string()
        };
        return match Stdout.write_all(text.as_bytes()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                say(&format!("cannot write to standard output: {error}"));
                Exit::Failure
            }
            _ => Exit::Found,
        };
    }
    let text = error.render().to_string();
    let mut parts = text.split("\n\n");
    let first = parts.next().unwrap_or_default();
    let message: Vec<&str> = first.lines().map(str::trim).collect();
    say(message.join(" ").trim_start_matches("error: "));
    let tip = parts.find_map(|part| part.trim().strip_prefix("tip: "));
    match tip {
        Some(tip) if tip.contains("similar") => say(&format!("hint: {tip}")),
        _ => say("hint: sockscope --help shows what there is; sockscope port 8080 looks at a port"),
    }
    Exit::Failure
}

/// The error again, with what was typed as it may be shown: clap leaves out what a terminal would
/// obey, and what is left was not typed.
fn retold(arguments: &[OsString], error: clap::Error) -> clap::Error {
    let shown = arguments.iter().map(|word| escape(word.as_encoded_bytes()));
    let again = Cli::try_parse_from(shown);
    again.err().unwrap_or(error)
}

/// One line for what happened, one more for what to do.
fn fail(session: &Session, failure: &Failure) -> Exit {
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
