//! What is written about the program: the README, the manual, completions, and the pages of `explain`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

mod explain;
mod pages;
mod pictures;
mod readme;
