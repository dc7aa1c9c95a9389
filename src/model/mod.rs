//! The nouns: what a socket, a process and a snapshot are. No I/O, no text for people.

mod address;
mod change;
mod endpoint;
mod facts;
mod failed_connects;
pub mod foreign;
mod groups;
mod holders;
mod identity;
mod kernel;
mod narrow;
mod netns;
mod options;
mod ports;
mod problem;
mod process;
mod queue;
mod record;
mod socket;
mod state;
mod tcp_info;

pub use address::{Address, Peer, UnixName};
pub use change::{Aspects, Event};
pub use endpoint::{
    Endpoint, Family, FamilySet, Prefix, Protocol, ProtocolSet, SocketKind, Wildcard,
};
pub use facts::{Device, Facts, Snapshot};
pub use failed_connects::{Ending, FailedConnects, Failures, Towards};
pub use foreign::Foreign;
pub use groups::{Cgroup, ShareGroups};
pub use holders::{Held, Holder, HolderIndex, Via};
pub use identity::{Ends, Identity};
pub use kernel::Kernel;
pub use narrow::Narrow;
pub use netns::NetnsId;
pub use options::SocketOptions;
pub use ports::{ListenerPorts, PortRange};
pub use problem::{OtherNamespaces, Problem, Report};
pub use process::{Background, Condition, Container, Files, Process, Tracer};
pub use queue::{AcceptQueue, Queue};
pub use record::{Entry, Figure, Record, RowKind};
pub use socket::{Age, OwnerStatus, Role, Socket, Timer, TimerKind, Uid};
pub use state::{State, StateSet};
pub use tcp_info::{Agreed, CongestionState, Memory, TcpInfo, Ulp};
