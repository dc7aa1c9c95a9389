//! `diff`: two answers compared, and `--save`, which keeps one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

mod command;
mod files;
mod rules;
mod save;
