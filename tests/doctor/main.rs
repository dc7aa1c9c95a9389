//! `doctor`: each rule on real faults and on what is healthy, and the command around them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

mod command;
mod connects;
mod holders;
mod limits;
mod paths;
mod queues;
mod scenes;
mod sources;
mod stopped;
