//! The command line itself: usage, words, configuration, exit codes, and how the program starts and fails.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

mod config;
mod doors;
mod regressions;
mod usage;
mod words;
