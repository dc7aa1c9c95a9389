//! What `diff` takes.

use std::ffi::OsString;

use clap::{Args, ValueHint};

/// What `diff` takes.
#[derive(Args, Clone, Debug)]
pub struct DiffArgs {
    /// The earlier answer: a file that --json or --format ndjson wrote; - for standard input
    #[arg(value_name = "BEFORE", value_hint = ValueHint::FilePath)]
    pub before: OsString,
    /// The later answer, of the same command; - for standard input
    #[arg(value_name = "AFTER", value_hint = ValueHint::FilePath)]
    pub after: OsString,
}
