//! Who holds a socket: in every hiding place, by either way to look, and a reason where nobody can be named.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

mod bpf;
mod cgroups;
mod command_lines;
mod faults;
mod hiding_places;
mod pid_reuse;
mod privilege;
mod sight;
