//! The definition of the command line, as it is made public: what help, manual pages and
//! completion scripts are made from.

use clap::{Command, CommandFactory};

use super::args::Cli;

/// The command line without its hidden parts, which the generators would show.
pub(super) fn public() -> Command {
    let mut command = visible(&Cli::command()).disable_help_subcommand(true);
    command.build();
    command
}

fn visible(command: &Command) -> Command {
    let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let subcommands = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    let mut copy = Command::new(command.get_name().to_owned())
        .args(shown.cloned())
        .subcommands(subcommands.map(visible));
    if let Some(about) = command.get_about() {
        copy = copy.about(about.clone());
    }
    if let Some(after) = command.get_after_help() {
        copy = copy.after_help(after.clone());
    }
    if let Some(version) = command.get_version() {
        copy = copy.version(version.to_owned());
    }
    copy
}

/// The name a page of the manual has.
pub(super) fn page_name(command: &Command) -> String {
    match command.get_name() {
        "sockscope" => "sockscope".to_owned(),
        name => format!("sockscope-{name}"),
    }
}
