//! Which sockets there are, and each fact of them: as the scenes made them, as `ss` and /proc tell, from every
//! source, and while sources change, break or tell less.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

mod breaks;
mod churn;
mod collectors;
mod fields;
mod lifecycle;
mod losses;
mod measured;
mod recorded;
mod replay;
mod truth;
mod untold;
