//! The machine: what is asked of it, and who answers.

pub mod live;
