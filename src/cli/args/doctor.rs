//! What `doctor` takes.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::values::duration;

/// What `doctor` takes.
#[derive(Args, Clone, Debug)]
pub struct DoctorArgs {
    /// Take two snapshots this far apart, and judge by what stayed and what grew; 0 takes one
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
    /// List the rules and their thresholds, without looking
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
