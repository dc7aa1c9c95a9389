//! Reading the kernel: three collectors behind one trait, and the owners of sockets.

mod ahead;
mod blind_spot;
mod command_lines;
mod elsewhere;
mod endings;
mod fd_tables;
mod gaps;
mod gather;
mod kernel;
mod late_commands;
mod lost;
mod netlink;
mod netstat2;
mod newcomers;
mod owners;
mod probe;
mod processes;
mod procfs;
mod rows;
mod scan;
mod settling;
mod sources;
mod standing;
mod stream;
mod tables;
mod task_files;
mod unlisted;

use std::fmt;

use crate::model::{Family, Narrow, Protocol, Socket, StateSet};
use crate::query::Needs;

pub use blind_spot::BlindSpot;
pub use elsewhere::{Elsewhere, HeldElsewhere, Wanted, listeners_elsewhere};
pub use endings::Endings;
pub use gather::{Gathered, Taker, gather};
pub use kernel::{addresses, kernel, settings};
pub use late_commands::LateCommands;
pub use netlink::Netlink;
pub use netstat2::Netstat2;
pub use newcomers::{Newcomer, Newcomers};
pub use probe::{BoundOnly, Probe};
pub use processes::Processes;
pub use procfs::Procfs;
pub use stream::{MayShow, SocketStream};
pub use tables::read_tables;
pub use unlisted::{Standing, Unlisted, Unshown, compare as compare_listed};

/// One table of the kernel, as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// The protocol.
    pub protocol: Protocol,
    /// The family; `None` for both.
    pub family: Option<Family>,
    /// The states that are needed; a collector may give more.
    pub states: StateSet,
    /// The ports and addresses that are needed; a collector may give more.
    pub narrow: Narrow,
    /// What is wanted of each socket.
    pub needs: Needs,
    /// Whether to read again until nothing new appears, whatever the table.
    pub strict: bool,
}

/// What takes the rows of a collector.
pub trait Sink {
    /// Takes a row; `true` when it was not seen before.
    fn push(&mut self, socket: Socket) -> bool;
    /// Notes `count` lines or messages that could not be read.
    fn unreadable(&mut self, count: u64);
    /// Notes that the table changed while it was read, or that a part of it was lost.
    fn inconsistent(&mut self, why: String);
}

/// A source of socket tables.
pub trait Collector {
    /// The name for JSON and `--collector`.
    fn name(&self) -> &'static str;

    /// Reads one table and hands each row to `sink`, in the kernel's order.
    ///
    /// # Errors
    /// When the table, or a family of it, could not be read from this source.
    fn read(&mut self, table: Table, sink: &mut dyn Sink) -> Result<(), TableError>;
}

/// Why a table could not be read.
#[derive(Debug)]
pub enum TableError {
    /// The source offers no such table (a module that is not there, no IPv6).
    Missing(String),
    /// The source itself cannot be used.
    Unavailable(String),
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(why) | Self::Unavailable(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for TableError {}
