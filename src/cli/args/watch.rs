//! What `watch` takes.

use std::time::Duration;

use clap::Args;

use super::values::duration;
use crate::analyze::states::By;

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
