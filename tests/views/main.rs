//! Views that sum up or explain: `states`, `proc`, `inspect` and `buildup`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

mod buildup;
mod buildup_groups;
mod first_screen;
mod inspect;
mod lives;
mod proc;
mod states;
