//! The command line: what can be said, before it means anything.

pub(crate) mod habits;
pub(crate) mod ports;
mod words;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::command::diff::DiffArgs;
use super::command::wait::WaitArgs;
use super::completions::CompletionsArgs;
use super::manual::ManArgs;
use crate::analyze::states::By;
use crate::model::foreign::exact;
use crate::query::CollectorChoice;
use crate::text::Format;

/// See what the network sockets of this machine are doing.
#[derive(Debug, Parser)]
#[command(
    name = "sockscope",
    version,
    max_term_width = 100,
    args_override_self = true,
    subcommand_help_heading = "Commands",
    after_help = "Without a command: the host at a glance.\n\
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
        /// Ports, lists (80,443), ranges (8000-8100) and services (http), perhaps of one protocol
        /// (80/tcp); then filters (state=close_wait)
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
        /// A pid, or the name of processes
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
        Exit codes: 0 it is so, 1 timed out, 2 wrong usage or a fatal error, \
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

/// Options that shape rows, where only pids are wanted.
const ROW_OPTIONS: [&str; 6] = ["format", "json", "columns", "sort", "limit", "no_owners"];

/// `--pids` of the lists.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct PidsOnly {
    /// Print pids only, one a line, of all owners of the sockets that match
    #[arg(long, conflicts_with_all = ROW_OPTIONS)]
    pub pids: bool,
}

/// What `buildup` takes.
#[derive(Args, Clone, Debug)]
pub struct BuildupArgs {
    /// Group by this, instead of process and port or peer
    #[arg(long, value_name = "KEY")]
    pub by: Option<By>,
    /// Watch for so long first: TIME_WAIT is then known by its process, and growth by its rate
    #[arg(long = "for", value_name = "DURATION", default_value = "0", value_parser = duration)]
    pub period: Duration,
    #[command(flatten)]
    pub filter: FilterWords,
}

/// What `watch` takes.
#[derive(Args, Clone, Debug)]
pub struct WatchArgs {
    /// The view to begin with (listen, conns, states, buildup, doctor; default conns), then a
    /// filter as everywhere
    #[arg(value_name = "VIEW|FILTER")]
    pub words: Vec<String>,
    /// Time between looks
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = duration)]
    pub interval: Duration,
    /// Group by process, port or peer
    #[arg(long, value_name = "KEY")]
    pub by: Option<By>,
}

/// What `doctor` takes.
#[derive(Args, Clone, Debug)]
pub struct DoctorArgs {
    /// Look twice, so long apart, and judge by what stayed and what grew; 0 looks once
    #[arg(long = "for", value_name = "DURATION", default_value = "1s", value_parser = duration)]
    pub period: Duration,
    /// Exit with 1 when a finding is as bad as this
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = FailOn::Warning)]
    pub fail_on: FailOn,
    /// Only these rules: id,id
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    pub only: Vec<String>,
    /// All rules but these: id,id
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    pub skip: Vec<String>,
    /// Show the rules and when they speak, without looking
    #[arg(long)]
    pub list: bool,
}

/// `--fail-on`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Any finding
    Info,
    /// Warnings and worse
    Warning,
    /// Only what fails now
    Critical,
    /// Exit with 0 whatever is found
    Never,
}

/// The longest time that one look may wait for the next.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Reads a duration for an option.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("'{text}' is no duration: give 5, 5s, 300ms or 2m");
    let duration = crate::filter::duration(text).ok_or_else(wrong)?;
    if duration > LONGEST {
        return Err(format!("'{text}' is longer than a day"));
    }
    Ok(duration)
}

/// The filter of a command.
#[derive(Args, Clone, Debug, Default)]
pub struct FilterWords {
    /// Only sockets for which this holds: an expression over the columns, such as
    /// state=close_wait lport=8000-8100, 'peer in 10.0.0.0/8 and recv_q > 64k', or as for ss:
    /// state established '( dport = :ssh or sport = :443 )'; sockscope man filter has it all
    #[arg(value_name = "FILTER")]
    pub words: Vec<String>,
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

/// What every command takes.
#[derive(Args, Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub struct Options {
    /// TCP sockets
    #[arg(short = 't', long, global = true, help_heading = "Which sockets")]
    pub tcp: bool,
    /// UDP sockets
    #[arg(short = 'u', long, global = true, help_heading = "Which sockets")]
    pub udp: bool,
    /// Raw sockets (left out unless asked for)
    #[arg(short = 'w', long, global = true, help_heading = "Which sockets")]
    pub raw: bool,
    /// Only what serves IPv4; dual-stack listeners and v4-mapped connections do
    #[arg(short = '4', long, global = true, help_heading = "Which sockets")]
    pub ipv4: bool,
    /// Only what serves IPv6; dual-stack listeners do
    #[arg(short = '6', long, global = true, help_heading = "Which sockets")]
    pub ipv6: bool,
    /// Listening sockets too (conns)
    #[arg(short = 'a', long, global = true, help_heading = "Which sockets")]
    pub all: bool,

    /// Numbers for addresses and ports (the default)
    #[arg(
        short = 'n',
        long,
        global = true,
        overrides_with = "resolve",
        help_heading = "Output"
    )]
    pub numeric: bool,
    /// Names for addresses and ports, waiting for at most two seconds
    #[arg(short = 'r', long, global = true, help_heading = "Output")]
    pub resolve: bool,
    /// The form of the output
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t = Format::Table, help_heading = "Output")]
    pub format: Format,
    /// The same as --format json
    #[arg(
        long,
        global = true,
        conflicts_with = "format",
        help_heading = "Output"
    )]
    pub json: bool,
    /// Columns of table, plain and csv: a,b,c; or +a,+b to add to the usual ones; "help" lists all.
    /// JSON, which is always whole, gets them beside its own keys
    #[arg(long, global = true, value_name = "COLUMNS", help_heading = "Output")]
    pub columns: Option<String>,
    /// Sort by this column; -COLUMN for the reverse
    #[arg(
        long,
        global = true,
        value_name = "[-]COLUMN",
        allow_hyphen_values = true,
        help_heading = "Output"
    )]
    pub sort: Option<String>,
    /// At most this many rows
    #[arg(long, global = true, value_name = "N", help_heading = "Output")]
    pub limit: Option<usize>,
    /// No header line
    #[arg(short = 'H', long, global = true, help_heading = "Output")]
    pub no_header: bool,
    /// When the table has colours [default: auto, or as configured]
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        help_heading = "Output"
    )]
    pub color: Option<ColorName>,
    /// Write the same look as JSON to this file too, whole or not at all; a new one is for its
    /// owner alone
    #[arg(long, global = true, value_name = "FILE", help_heading = "Output")]
    pub save: Option<PathBuf>,
    /// No output, only the exit code
    #[arg(short = 'q', long, global = true, help_heading = "Output")]
    pub quiet: bool,
    /// Say on standard error what was done
    #[arg(short = 'v', long, global = true, help_heading = "Output")]
    pub verbose: bool,

    /// Look again and again, every two seconds or as often as given (5, 300ms, 2m): a table is
    /// redrawn with what changed marked, in a pipe each look is a block, ndjson tells of events
    #[arg(
        long,
        global = true,
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "2",
        value_parser = duration,
        help_heading = "How"
    )]
    pub watch: Option<Duration>,
    /// Do not look for the processes that hold the sockets
    #[arg(long, global = true, help_heading = "How")]
    pub no_owners: bool,
    /// Where the tables are read from
    #[arg(long, global = true, value_enum, value_name = "COLLECTOR", default_value_t = CollectorChoice::Auto, help_heading = "How")]
    pub collector: CollectorChoice,
    /// Exit with 3 when a row or an owner may be missing
    #[arg(long, global = true, help_heading = "How")]
    pub strict: bool,
    /// Do not read the configuration file
    #[arg(long, global = true, help_heading = "How")]
    pub no_config: bool,

    /// Listening sockets (ss)
    #[arg(short = 'l', long, global = true, hide = true)]
    pub listening: bool,
    /// Processes (ss): always shown
    #[arg(short = 'p', long, global = true, hide = true)]
    pub processes: bool,
    /// User, inode and cookie (ss)
    #[arg(short = 'e', long, global = true, hide = true)]
    pub extended: bool,
    /// The running timer (ss)
    #[arg(short = 'o', long = "options", global = true, hide = true)]
    pub timers: bool,
    /// What TCP knows of the connection (ss)
    #[arg(short = 'i', long = "info", global = true, hide = true)]
    pub inner: bool,
    /// The memory of the socket (ss)
    #[arg(short = 'm', long = "memory", global = true, hide = true)]
    pub memory: bool,
    /// One line a socket (ss): always so
    #[arg(short = 'O', long, global = true, hide = true)]
    pub oneline: bool,
    /// Summary (ss)
    #[arg(short = 's', long, global = true, hide = true)]
    pub summary: bool,
}

/// `--color`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorName {
    /// On a terminal
    Auto,
    /// In a pipe too
    Always,
    /// Never
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let ms = |text| duration(text).unwrap().as_millis();
        assert_eq!(ms("5"), 5000);
        assert_eq!(ms("0"), 0);
        assert_eq!(ms("0.5"), 500);
        assert_eq!(ms("5s"), 5000);
        assert_eq!(ms("300ms"), 300);
        assert_eq!(ms("2m"), 120_000);
        for wrong in ["", "-1", "-5s", "x", "1x", "nan", "inf", "1e3", "25h", "."] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
