//! The command line: what can be said, before it means anything.

pub(crate) mod buildup;
pub(crate) mod columns;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod first;
pub(crate) mod generated;
pub(crate) mod habits;
pub(crate) mod options;
pub(crate) mod ports;
mod rows;
mod values;
pub(crate) mod wait;
pub(crate) mod watch;
mod words;

use std::ffi::OsString;

use clap::{CommandFactory, Parser, Subcommand};

use crate::analyze::states::By;
use crate::model::foreign::exact;
use buildup::BuildupArgs;
use diff::DiffArgs;
use doctor::DoctorArgs;
use generated::{CompletionsArgs, ManArgs};
use options::Options;
use rows::{FilterWords, PidsOnly, ROW_OPTIONS};
use wait::WaitArgs;
use watch::WatchArgs;

/// See what the network sockets of this machine are doing.
#[derive(Debug, Parser)]
#[command(
    name = "sockscope",
    version,
    max_term_width = 100,
    args_override_self = true,
    subcommand_help_heading = "Commands",
    after_help = "Without a command: the host at a glance. A port is a question for port, a state \
        one for conns: sockscope 8080, sockscope close_wait.\n\
        Exit codes: 0 found, 1 nothing matched, 2 wrong usage or a fatal error, \
        3 incomplete answer with --strict.\n\
        The habits of ss work: sockscope -tulpn, sockscope -tanp."
)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub options: Options,
    /// What is asked.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What is asked.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Who is listening: TCP listeners and bound UDP sockets, with queue and owners
    Listen {
        #[command(flatten)]
        filter: FilterWords,
        #[command(flatten)]
        pids: PidsOnly,
    },
    /// One port's story: who holds it, since when, its connections, what blocks a bind
    Port {
        /// Ports, lists (80,443), ranges (8000-8100) and services (http), optionally with a protocol
        /// (80/tcp) or at one address (localhost:8080); then filters (established)
        #[arg(required = true, value_name = "PORT|FILTER")]
        words: Vec<String>,
        /// Print pids only, one a line, of whoever holds the port: listeners, bound-only sockets
        /// and bound UDP sockets, never its clients; with a filter, of the owners of the sockets
        /// it chooses
        #[arg(long, conflicts_with_all = ROW_OPTIONS)]
        pids: bool,
    },
    /// Every socket that does not listen, one row each
    Conns {
        #[command(flatten)]
        filter: FilterWords,
        #[command(flatten)]
        pids: PidsOnly,
    },
    /// Counts by TCP state, in total or by group
    States {
        /// Group by this
        #[arg(long, value_name = "KEY")]
        by: Option<By>,
        #[command(flatten)]
        filter: FilterWords,
    },
    /// What piles up in states that should pass: how many, how old, whose, towards whom
    Buildup(BuildupArgs),
    /// What is wrong: each finding with its evidence, its cause and what to do
    #[command(
        after_help = "Exit codes: 0 healthy, 1 a finding at or above --fail-on, \
        2 wrong usage or a fatal error, 3 incomplete answer with --strict.\n\
        sockscope explain FINDING tells more about one."
    )]
    Doctor(DoctorArgs),
    /// A state, a call or a finding explained, with this host's live numbers
    Explain {
        /// A TCP state in any spelling, handshake, close, backlog, ephemeral-ports, socket, bind,
        /// listen, accept, udp, or the id of a finding; without one: the list
        #[arg(value_name = "TOPIC")]
        topic: Vec<String>,
    },
    /// The full-screen live view: sockets as they appear, change and pile up
    Watch(WatchArgs),
    /// Everything one process has open on the network
    Proc {
        /// A pid, or the name of processes; the beginning of one name is enough
        #[arg(value_name = "PID|NAME")]
        target: OsString,
        #[command(flatten)]
        filter: FilterWords,
        /// Print pids only, one a line: those of the named processes that hold a socket which
        /// matches
        #[arg(long, conflicts_with_all = ROW_OPTIONS)]
        pids: bool,
    },
    /// Everything about the few sockets that match: timers, memory, path
    #[command(
        after_help = "For example: sockscope inspect port=8080, sockscope inspect pid=812\n\
        The other end of a connection is shown with it where it is on this host."
    )]
    Inspect {
        #[command(flatten)]
        filter: FilterWords,
    },
    /// Wait until a port is listened on, or until nothing holds it
    #[command(
        after_help = "For example: sockscope wait 8080 --listening --timeout 30\n\
        Exit codes: 0 condition met, 1 timed out, 2 wrong usage or a fatal error, \
        3 incomplete answer with --strict."
    )]
    Wait(WaitArgs),
    /// What differs between two saved answers: opened, closed and changed sockets
    #[command(after_help = "For example: sockscope conns --json > a; sleep 60; \
        sockscope conns --json > b; sockscope diff a b\n\
        Exit codes: 0 both were compared, 2 wrong usage or a fatal error, \
        3 incomplete answer with --strict.")]
    Diff(DiffArgs),
    /// The JSON Schema of what --json and --format ndjson write
    Schema,
    /// Completion script of a shell, made from the same definitions as this help
    Completions(CompletionsArgs),
    /// Manual pages, made from the same definitions as this help
    Man(ManArgs),
    /// What can stand at the end of these words: for the completion scripts
    #[command(name = "__complete", hide = true)]
    Complete {
        /// The words after the program's name; the last one is being typed
        #[arg(last = true)]
        words: Vec<OsString>,
    },
}

/// The names of all commands that are shown.
pub(crate) fn names() -> Vec<String> {
    let command = Cli::command();
    let shown = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    shown.map(|sub| sub.get_name().to_owned()).collect()
}

impl Command {
    /// The words that choose rows, as they were typed: a filter, ports, a process.
    pub(crate) fn asked(&self) -> String {
        match self {
            Self::Listen { filter, .. }
            | Self::Conns { filter, .. }
            | Self::States { filter, .. }
            | Self::Inspect { filter }
            | Self::Buildup(BuildupArgs { filter, .. }) => filter.words.join(" "),
            Self::Port { words, .. } => words.join(" "),
            Self::Proc { target, filter, .. } => {
                let target = exact(target.as_encoded_bytes());
                let words = filter.words.iter().map(String::as_str);
                std::iter::once(&*target)
                    .chain(words)
                    .collect::<Vec<_>>()
                    .join(" ")
            }
            _ => String::new(),
        }
    }
}
