//! What is on a port: `port`, the rule that it has of bind(), `--pids`, and `wait`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

mod bind_rule;
mod holders;
mod pids;
mod story;
mod wait;
mod wait_ends;
