//! How an answer looks: its forms and columns, on terminals and in pipes, and whatever others have put in it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

mod columns;
mod formats;
mod hostile;
mod odd_names;
mod properties;
mod streams;
mod terminal;
