//! The filter language: its words, what the kernel decides of it, and how an end is read and printed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

mod bare;
mod ends;
mod language;
mod ss_words;
