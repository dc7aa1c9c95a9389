//! What the servers of the textbook share: the listening socket, one echo session, and error lines.
#![allow(dead_code, reason = "each example uses its own part")]

pub mod failure;
pub mod listening;
pub mod session;
