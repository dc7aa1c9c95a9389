//! The views: of each, its text for people and for programs, and its part of the JSON.

pub(crate) mod buildup;
pub(crate) mod counts;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod first_screen;
pub(crate) mod inspect;
pub mod list;
pub(crate) mod overview;
pub(crate) mod ports;
#[cfg(test)]
mod schema;
pub(crate) mod story;
pub(crate) mod wait;
