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
use clap::builder::StyledStr;
use clap::error::ErrorKind;

use crate::files::streams::Stdout;
use crate::host::Host;
use crate::model::foreign::{escape, safe_line};
use args::first::{self, Meant};
use args::options::ColorName;
use args::{Cli, Command, habits};
use session::Session;
use session::config::{self, Settings};
use session::machine;
use session::output::say;

pub use exit::Exit;
use exit::{Failure, Usage};

/// Parses the arguments, runs the command, and says how it ended.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => match first::understand(&arguments, &error) {
            Meant::Command(cli) => *cli,
            Meant::Hint(usage) => return refuse_usage(&arguments, &usage),
            Meant::Unknown => return refuse(&arguments, &retold(&arguments, error)),
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
    let (host, fault) = match machine::open(&options) {
        Ok(host) => (host, fault),
        Err(usage) => (Host::live(), fault.or(Some(Failure::from(usage)))),
    };
    let mut session = Session::new(options, settings, host);
    session.asked = command.as_ref().map_or_else(String::new, Command::asked);
    if let Some(note) = note {
        session.tell(&format!("note: {note}"));
    }
    let outcome = fault.map_or_else(|| repeat::run(&session, command, &arguments), Err);
    let outcome = outcome.and_then(|exit| {
        machine::finish(&session.options, &session.host)?;
        Ok(exit)
    });
    outcome.unwrap_or_else(|failure| session.fail(&failure))
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

/// Wrong usage, before the options are known: `-q` holds all the same.
fn refuse_usage(arguments: &[OsString], usage: &Usage) -> Exit {
    let is_quiet = |word: &OsString| word == "-q" || word == "--quiet";
    if !arguments.iter().any(is_quiet) {
        say(&safe_line(&usage.message));
        if let Some(hint) = &usage.hint {
            say(&safe_line(&format!("hint: {hint}")));
        }
    }
    Exit::Failure
}

/// Help and version are answers; anything else is wrong usage, in the form of all our errors.
fn refuse(arguments: &[OsString], error: &clap::Error) -> Exit {
    if !error.use_stderr() {
        let text = help_of(arguments, error.kind()).unwrap_or_else(|| error.render());
        let text = if session::colours::wants_colour(ColorName::Auto) {
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
        _ => match command_of(arguments) {
            Some(name) => say(&format!("hint: sockscope {name} -h shows what it takes")),
            None => say("hint: sockscope -h shows what there is; sockscope 8080 looks at a port"),
        },
    }
    Exit::Failure
}

/// The help that is asked for: short with `-h`.
fn help_of(arguments: &[OsString], kind: ErrorKind) -> Option<StyledStr> {
    if kind != ErrorKind::DisplayHelp {
        return None;
    }
    let is_long = arguments
        .iter()
        .any(|word| word == "--help" || word == "help");
    let mut command = definition::help(command_of(arguments).as_deref(), is_long)?;
    Some(if is_long {
        command.render_long_help()
    } else {
        command.render_help()
    })
}

/// The command among some words.
fn command_of(arguments: &[OsString]) -> Option<String> {
    let names = args::names();
    let mut words = arguments.iter().skip(1);
    words.find_map(|word| names.iter().find(|name| word == name.as_str()).cloned())
}

/// The error again, with what was typed as it may be shown: clap leaves out what a terminal would
/// obey, and what is left was not typed.
fn retold(arguments: &[OsString], error: clap::Error) -> clap::Error {
    let shown = arguments.iter().map(|word| escape(word.as_encoded_bytes()));
    let again = Cli::try_parse_from(shown);
    again.err().unwrap_or(error)
}
