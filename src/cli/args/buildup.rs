//! What `buildup` takes.

use std::time::Duration;

use clap::Args;

use super::rows::FilterWords;
use super::values::duration;
use crate::analyze::states::By;

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
