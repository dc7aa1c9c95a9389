//! What piled up, in JSON.

use std::net::IpAddr;

use serde::Serialize;

use crate::analyze::buildup::{
    Attribution, Buildup, Growth, Limits, Meanwhile, Pile, PortUse, SharedEnd, Used,
};
use crate::analyze::close_wait::Verdicts;
use crate::json::ProcessName;
use crate::json::stream::{EventRow, figure, known_by};
use crate::model::{Figure, Files, Record, State};
use crate::view::counts::GroupKey;

/// The answer of `buildup`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BuildupAnswer<'a> {
    /// The rows, the largest first within each state.
    buildup: Vec<PileRow<'a>>,
    limits: LimitsTable,
    /// What came while this looked; null without --for.
    meanwhile: Option<NamedMeanwhile>,
}

/// Of the TIME_WAIT there are, those that came while this looked, by what is known of their
/// processes: named, inferred and unnamed are all of them.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Meanwhile"))]
struct NamedMeanwhile {
    /// How often it was looked.
    looks: u64,
    /// How many came.
    time_wait: u64,
    /// Those that a process was seen to hold.
    named: u64,
    /// Those of which only a conclusion tells whose they are: by their listener or destination.
    inferred: u64,
    /// Those of which nothing does.
    unnamed: u64,
    /// Those that no look saw alive, among the inferred and the unnamed.
    unseen: u64,
}

impl From<Meanwhile> for NamedMeanwhile {
    fn from(meanwhile: Meanwhile) -> Self {
        let Meanwhile {
            looks,
            time_wait,
            named,
            inferred,
            unnamed,
            unseen,
        } = meanwhile;
        Self {
            looks,
            time_wait,
            named,
            inferred,
            unnamed,
            unseen,
        }
    }
}

impl<'a> BuildupAnswer<'a> {
    /// The rows and the limits of a view.
    #[must_use]
    pub fn new(view: &'a Buildup) -> Self {
        Self {
            buildup: view.piles.iter().map(PileRow::new).collect(),
            limits: LimitsTable::new(&view.limits),
            meanwhile: view.meanwhile.map(NamedMeanwhile::from),
        }
    }
}

/// TCP sockets that piled up in one state, of one process, at one port or towards one peer.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Pile"))]
pub struct PileRow<'a> {
    state: State,
    /// How many.
    count: u64,
    /// The age of the oldest in milliseconds: exact for TIME_WAIT, else at least; null where
    /// the kernel does not tell.
    oldest_ms: Option<u64>,
    /// Whose they are; null where that is not known.
    process: Option<ProcessName<'a>>,
    /// How many processes of this name these are: more than one only where they have ended, and
    /// `process` is then the one with the lowest pid; null where none is known.
    processes: Option<u64>,
    attribution: Attribution,
    /// This end, as far as all share it; null where they share nothing of it.
    local: Option<CommonEnd>,
    /// The far end, as far as all share it; null where they share nothing of it.
    peer: Option<CommonEnd>,
    /// Why they are still there, in words; null where nothing tells.
    verdict: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "VerdictCounts"))]
    verdicts: Option<VerdictCounts>,
    #[serde(flatten)]
    files: Option<OpenFiles>,
    #[serde(flatten)]
    growth: Option<NewRows>,
    /// What the row is grouped by; absent without --by.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "GroupKey"))]
    key: Option<GroupKey<'a>>,
}

impl<'a> PileRow<'a> {
    /// One row.
    #[must_use]
    pub fn new(pile: &'a Pile) -> Self {
        let process = pile.process.as_ref();
        let verdicts = pile.verdicts;
        Self {
            state: pile.state,
            count: pile.count,
            oldest_ms: pile.oldest_ms,
            process: process.map(|(pid, comm)| ProcessName::new(*pid, comm)),
            processes: process.map(|_| pile.processes),
            attribution: pile.attribution,
            local: CommonEnd::new(pile.local),
            peer: CommonEnd::new(pile.peer),
            verdict: pile.verdict(),
            verdicts: verdicts.map(VerdictCounts::from),
            files: pile.files.map(OpenFiles::from),
            growth: pile.growth.map(NewRows::from),
            key: pile.group.as_ref().map(GroupKey::new),
        }
    }
}

impl EventRow for PileRow<'_> {
    const NAME: &'static str = "pile";

    fn record(&self) -> Record {
        let (files, growth) = (self.files.as_ref(), self.growth.as_ref());
        let age = self.oldest_ms.map(Figure::Age);
        let rate = |growth: &NewRows| match growth.new_per_second {
            Some(_) => Figure::Measured,
            none => figure(&none),
        };
        let below = growth.and_then(|growth| growth.new_per_second_below);
        known_by(&(
            self.state,
            &self.process,
            &self.local,
            &self.peer,
            &self.key,
        ))
        .with("count", figure(&self.count))
        .with("oldest_ms", age.unwrap_or_else(|| figure(&self.oldest_ms)))
        .with("attribution", figure(&self.attribution))
        .with("processes", figure(&self.processes))
        .with("verdict", figure(&self.verdict))
        .with_known("verdicts", self.verdicts.as_ref().map(figure))
        .with_known("fd_open", files.map(|files| figure(&files.fd_open)))
        .with_known("fd_limit", files.map(|files| figure(&files.fd_limit)))
        .with_known("new_per_second", growth.map(rate))
        .with_known("new_per_second_below", below.as_ref().map(figure))
    }
}

/// How fast a pile grows; absent without --for.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct NewRows {
    /// How many more there are in a second; absent without --for, null where none came, which in
    /// so short a time tells only that they are fewer than `new_per_second_below`.
    new_per_second: Option<f64>,
    /// None came while this looked: there are fewer than so many more in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "f64"))]
    new_per_second_below: Option<f64>,
}

impl From<Growth> for NewRows {
    fn from(growth: Growth) -> Self {
        Self {
            new_per_second: growth.per_second(),
            new_per_second_below: match growth {
                Growth::Below(rate) => Some(rate),
                Growth::PerSecond(_) => None,
            },
        }
    }
}

/// The descriptors of a process; absent where they were not read.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct OpenFiles {
    /// Descriptors that the process has open; absent where they were not read.
    fd_open: u64,
    /// How many it may have open; null when there is no limit, absent where it was not read.
    fd_limit: Option<u64>,
}

impl From<Files> for OpenFiles {
    fn from(files: Files) -> Self {
        Self {
            fd_open: files.open,
            fd_limit: files.limit,
        }
    }
}

/// An end as far as it is shared.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "SharedEnd"))]
struct CommonEnd {
    /// The address; null where it is not the same for all.
    address: Option<IpAddr>,
    /// The port; null where it is not the same for all.
    port: Option<u16>,
}

impl CommonEnd {
    fn new(SharedEnd { address, port }: SharedEnd) -> Option<Self> {
        (address.is_some() || port.is_some()).then_some(Self { address, port })
    }
}

/// Sockets in CLOSE_WAIT by what their receive queue says; absent for other states.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Verdicts"))]
struct VerdictCounts {
    /// Only the FIN waits to be read.
    unread_fin: u64,
    /// Data waits too: the program had stopped reading before.
    stopped_reading: u64,
    /// End-of-file was read, and close() never called.
    eof_read: u64,
    /// accept() was not called yet: whatever waits could not be read.
    unaccepted: u64,
}

impl From<Verdicts> for VerdictCounts {
    fn from(verdicts: Verdicts) -> Self {
        Self {
            unread_fin: verdicts.unread_fin,
            stopped_reading: verdicts.stopped_reading,
            eof_read: verdicts.eof_read,
            unaccepted: verdicts.unaccepted,
        }
    }
}

/// The limits that piles run into, by the names of their sysctls.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Limits"))]
struct LimitsTable {
    /// TIME_WAIT sockets.
    tcp_max_tw_buckets: Limit,
    /// Orphans of the whole machine.
    tcp_max_orphans: HostLimit,
    /// Ports for outgoing connections; null where the range is not known.
    ip_local_port_range: Option<Ports>,
    /// The ceiling of accept queues; used is the longest queue.
    somaxconn: Limit,
}

impl LimitsTable {
    fn new(limits: &Limits) -> Self {
        let Used { value, used } = limits.orphans;
        Self {
            tcp_max_tw_buckets: Limit::from(limits.time_wait),
            tcp_max_orphans: HostLimit {
                value,
                used,
                scope: "host",
            },
            ip_local_port_range: limits.ports.as_ref().map(Ports::new),
            somaxconn: Limit::from(limits.accept_queue),
        }
    }
}

/// A limit, and what is used of it; each null where it is not known.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Limit {
    /// The limit.
    value: Option<u64>,
    /// What is used.
    used: Option<u64>,
}

impl From<Used> for Limit {
    fn from(Used { value, used }: Used) -> Self {
        Self { value, used }
    }
}

/// A limit of the machine, and what is used of it; each null where it is not known.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct HostLimit {
    /// The limit.
    value: Option<u64>,
    /// What is used.
    used: Option<u64>,
    /// The figures are those of the machine, not of the network namespace.
    #[cfg_attr(test, schemars(extend("const" = "host")))]
    scope: &'static str,
}

/// The use of the ephemeral range towards the destination that uses most of it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "PortUse"))]
struct Ports {
    /// The first and the last port.
    value: [u16; 2],
    /// How many of them can be used.
    usable: u64,
    /// How many of them are reserved.
    reserved: u64,
    /// Ports in use towards the destination.
    used: u64,
    /// The local address of those connections; null when nothing goes out.
    source: Option<IpAddr>,
    /// Where they go; null when nothing goes out.
    destination: Option<Peer>,
}

/// Where connections go.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Peer {
    address: IpAddr,
    port: u16,
}

impl Ports {
    fn new(ports: &PortUse) -> Self {
        let to = ports.destination;
        Self {
            value: [ports.range.first, ports.range.last],
            usable: ports.usable,
            reserved: ports.reserved,
            used: ports.used,
            source: to.map(|to| to.source),
            destination: to.map(|to| Peer {
                address: to.peer.address,
                port: to.peer.port,
            }),
        }
    }
}
