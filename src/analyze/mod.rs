//! Views made from a snapshot: pure, without I/O.

pub mod port;
pub mod states;
