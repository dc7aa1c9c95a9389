//! A look at the sockets: from a question to rows, and what is different from one look to the next.

pub mod attempts;
pub mod changes;
pub mod diff;
pub mod join;
pub mod past;
pub mod pipeline;
pub mod untold;
