//! What every command takes.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::values::duration;
use crate::query::CollectorChoice;
use crate::text::Format;

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
    /// Output format
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
    /// A heading (RECV) or the beginning of a name is enough. JSON, which is always whole, gets them beside its own keys
    #[arg(long, global = true, value_name = "COLUMNS", help_heading = "Output")]
    pub columns: Option<String>,
    /// Sort by this column, called as in --columns; -COLUMN for the reverse
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
    /// Which colours: for a dark or a light background, for both, or the terminal's own
    /// [default: auto, or as configured]
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "THEME",
        help_heading = "Output"
    )]
    pub theme: Option<ThemeName>,
    /// Save the same report as JSON to this file too, all or nothing; a new file is readable by its
    /// owner alone
    #[arg(long, global = true, value_name = "FILE", help_heading = "Output")]
    pub save: Option<PathBuf>,
    /// No output, only the exit code
    #[arg(short = 'q', long, global = true, help_heading = "Output")]
    pub quiet: bool,
    /// Say on standard error what was done
    #[arg(short = 'v', long, global = true, help_heading = "Output")]
    pub verbose: bool,

    /// Repeat every two seconds, or as often as given (5, 300ms, 2m): a table is
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
    /// Keep what the machine answers in this directory: for bug reports
    #[arg(
        long,
        global = true,
        hide = true,
        value_name = "DIR",
        conflicts_with = "from_host"
    )]
    pub record_host: Option<PathBuf>,
    /// Ask such a directory in place of the machine
    #[arg(long, global = true, hide = true, value_name = "DIR")]
    pub from_host: Option<PathBuf>,

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

/// `--theme`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ThemeName {
    /// Dark or light as COLORFGBG tells, else neutral
    #[default]
    Auto,
    /// Readable on any background
    Neutral,
    /// For a dark background
    Dark,
    /// For a light background
    Light,
    /// The terminal's own green, yellow and red
    Terminal,
}

/// `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorName {
    /// On a terminal
    #[default]
    Auto,
    /// In a pipe too
    Always,
    /// Never
    Never,
}
