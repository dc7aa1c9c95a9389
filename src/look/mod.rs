//! A look at the sockets: from a question to rows, and what is different from one look to the next.

pub(crate) mod attempts;
pub mod changes;
pub(crate) mod compare;
pub mod diff;
pub mod join;
pub(crate) mod past;
pub mod pipeline;
#[cfg(test)]
pub(crate) mod recorded;
pub mod sample;
pub(crate) mod untold;
