//! The commands: one file each, which reads as the line from the question to the text.

pub(crate) mod abroad;
pub(crate) mod absent;
pub(crate) mod around;
pub(crate) mod buildup;
pub(crate) mod columns;
pub(crate) mod conns;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod inspect;
pub(crate) mod list;
pub(crate) mod listen;
pub(crate) mod overview;
pub(crate) mod pids;
pub(crate) mod port;
pub(crate) mod proc;
pub(crate) mod schema;
pub(crate) mod states;
pub(crate) mod unlisted;
pub(crate) mod wait;
pub(crate) mod watch;
