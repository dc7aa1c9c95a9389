//! What `completions` and `man` take.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

/// What `completions` takes.
#[derive(Args, Clone, Debug)]
pub struct CompletionsArgs {
    /// The shell whose script is printed
    #[arg(value_enum, required_unless_present = "out")]
    pub shell: Option<Shell>,
    /// Write the scripts of all shells into this directory
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "shell")]
    pub out: Option<PathBuf>,
}

/// The shells that have a completion script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// bash 4.4 or newer
    Bash,
    /// zsh 5 or newer
    Zsh,
    /// fish 3 or newer
    Fish,
}

/// What `man` takes.
#[derive(Args, Clone, Debug)]
pub struct ManArgs {
    /// The page: sockscope, a command, filter or json; man -l shows it: sockscope man | man -l -
    #[arg(value_name = "PAGE", default_value = "sockscope")]
    pub page: String,
    /// Write all pages into this directory
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "page")]
    pub out: Option<PathBuf>,
}
