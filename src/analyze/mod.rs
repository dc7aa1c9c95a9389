//! Views made from a snapshot: pure, without I/O.

pub mod buildup;
pub mod close_wait;
pub mod doctor;
pub mod ephemeral;
pub mod past;
pub mod port;
pub mod states;
