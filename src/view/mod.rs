//! The views: of each, its text for people and for programs, and its part of the JSON.

pub mod buildup;
pub mod counts;
pub mod diff;
pub mod doctor;
pub mod explain;
pub mod inspect;
pub mod list;
pub mod overview;
pub mod ports;
#[cfg(test)]
mod schema;
pub mod story;
pub mod wait;
