//! `buildup`: sockets in states that should pass, by whose they are and towards whom.

mod attribution;
mod limits;
mod meanwhile;

use std::cmp::Reverse;
use std::net::IpAddr;

use rustc_hash::FxHashMap;

use super::close_wait::Verdicts;
use super::states::{self, By};
use crate::look::attempts::retransmits;
use crate::look::past::Past;
use crate::look::sample::Sample;
use crate::model::{Endpoint, Files, NetnsId, OwnerStatus, Protocol, Role, Socket, State};

pub use attribution::{Attribution, Attributor, Whose};
pub use limits::{Limits, PortUse, Used};
pub use meanwhile::Meanwhile;

/// The states that pile up, in the order of the rows: what hurts most first.
pub const STATES: [State; 8] = [
    State::CloseWait,
    State::TimeWait,
    State::SynSent,
    State::SynRecv,
    State::FinWait1,
    State::FinWait2,
    State::LastAck,
    State::Closing,
];

/// What the sockets of a row have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct PileKey {
    /// Whose ports these are; `None` where they are grouped by something else.
    netns: Option<NetnsId>,
    state: State,
    whose: Option<Whose>,
    port: Option<u16>,
    peer: Option<Endpoint>,
    /// With `--by` something else than process, port or peer.
    group: Option<states::GroupedBy>,
}

/// An end that several connections share, as far as they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedEnd {
    /// The address, where it is the same.
    pub address: Option<IpAddr>,
    /// The port, where it is the same.
    pub port: Option<u16>,
}

/// Sockets that piled up.
#[derive(Clone, Debug, PartialEq)]
pub struct Pile {
    /// Their state.
    pub state: State,
    /// How many.
    pub count: u64,
    /// Age of the oldest in milliseconds: exact for TIME_WAIT, else at least; `None` where the
    /// kernel does not say.
    pub oldest_ms: Option<u64>,
    /// Whose they are: pid and name; `None` where that is not known.
    pub process: Option<(u32, Vec<u8>)>,
    /// How many these are: of one name, and more than one only where they have ended.
    pub processes: u64,
    /// How that is known.
    pub attribution: Attribution,
    /// Whether some process holds one of them, known or not.
    pub is_held: bool,
    /// What is known of the owners of those that are held.
    pub owner_status: OwnerStatus,
    /// What the rows are grouped by, where that was chosen.
    pub group: Option<states::GroupedBy>,
    /// This end, as far as it is the same for all.
    pub local: SharedEnd,
    /// The far end, as far as it is the same for all.
    pub peer: SharedEnd,
    /// What their receive queues say; of CLOSE_WAIT only.
    pub verdicts: Option<Verdicts>,
    /// How often the SYNs were sent again; of SYN_SENT only.
    pub unanswered: Option<Unanswered>,
    /// Descriptors of the process.
    pub files: Option<Files>,
    /// How many more there are than at the first look, in a second.
    pub growth: Option<Growth>,
}

impl Pile {
    /// Why its sockets are still there, in words; `None` where it is not known.
    #[must_use]
    pub fn verdict(&self) -> Option<String> {
        let unanswered = self.unanswered.as_ref();
        let unanswered = unanswered.and_then(|unanswered| unanswered.words(self.count));
        let verdicts = self.verdicts.as_ref().and_then(Verdicts::words);
        verdicts.or(unanswered)
    }
}

/// How fast a pile grows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Growth {
    /// So many more in a second.
    PerSecond(f64),
    /// None came while this looked: fewer than so many in a second.
    Below(f64),
}

impl Growth {
    /// What was measured: nothing, where nothing came.
    #[must_use]
    pub const fn per_second(self) -> Option<f64> {
        match self {
            Self::PerSecond(rate) => Some(rate),
            Self::Below(_) => None,
        }
    }
}

/// SYNs without an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unanswered {
    /// Sockets whose SYN was sent again.
    pub sent_again: u64,
    /// Sockets of which that is not known.
    pub untold: u64,
    /// How often at most.
    pub most: u8,
}

impl Unanswered {
    /// The SYNs of these sockets.
    fn of(sockets: &[&Socket]) -> Self {
        let mut unanswered = Self::default();
        for socket in sockets {
            match retransmits(socket) {
                None => unanswered.untold += 1,
                Some(sent) => {
                    unanswered.sent_again += u64::from(sent > 0);
                    unanswered.most = unanswered.most.max(sent);
                }
            }
        }
        unanswered
    }

    /// In words; `None` where nothing was sent again, or that is not known.
    #[must_use]
    pub fn words(&self, count: u64) -> Option<String> {
        let Self {
            sent_again, most, ..
        } = *self;
        let who = match sent_again {
            0 => return None,
            all if all == count => "no answer to the SYN".to_owned(),
            some => format!("{some}: no answer to the SYN"),
        };
        let times = if most == 1 { "time" } else { "times" };
        Some(format!("{who}, sent again up to {most} {times}"))
    }
}

/// What piled up, the worst first within each state, and how near the limits are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Buildup {
    /// The rows.
    pub piles: Vec<Pile>,
    pub limits: Limits,
    /// What came since an earlier look; `None` where there was none.
    pub meanwhile: Option<Meanwhile>,
}

/// Makes the rows of the sockets that `is_wanted` holds for, and the limits from all of them.
///
/// A row is a state, a process, and the local port that clients came to or the peer that
/// connections went to; with `by` it is a state and that. A socket without an owner is shown
/// to `is_wanted` as if the process held it whose it most likely is.
#[must_use]
pub fn buildup(
    now: &Sample,
    before: Option<&Past>,
    by: Option<By>,
    is_wanted: &dyn Fn(&Socket) -> bool,
) -> Buildup {
    let attributor = Attributor::new(now, before);
    let piled: Vec<&Socket> = now
        .sockets()
        .iter()
        .filter(|s| s.protocol == Protocol::Tcp && STATES.contains(&s.state))
        .filter(|socket| is_wanted(&attributor.stand_in(socket)))
        .collect();
    let sides = Sides::count(&piled);
    let meanwhile = before.map(|before| Meanwhile::of(&piled, before, &attributor));
    let mut piles: FxHashMap<PileKey, Vec<&Socket>> = FxHashMap::default();
    for socket in piled {
        let key = match by {
            None => party(socket, attributor.whose(socket), &sides),
            Some(by) => group(by, &attributor.stand_in(socket), now),
        };
        piles.entry(key).or_default().push(socket);
    }
    let mut piles: Vec<Pile> = piles
        .into_iter()
        .map(|(key, sockets)| pile(&key, &sockets, &attributor, now, before))
        .collect();
    piles.sort_by_key(|pile| (order(pile.state), Reverse(pile.count), place(pile)));
    Buildup {
        piles,
        limits: Limits::of(now),
        meanwhile,
    }
}

fn order(state: State) -> usize {
    let index = STATES.iter().position(|known| *known == state);
    index.unwrap_or(STATES.len())
}

/// An order that does not change from look to look.
fn place(pile: &Pile) -> impl Ord + use<> {
    let pid = pile.process.as_ref().map(|(pid, _)| *pid);
    (
        pid,
        pile.local.port,
        pile.local.address,
        pile.peer.address,
        pile.peer.port,
    )
}

/// How many sockets share a local port, or a peer: that shows which side a connection is of
/// when its listener is gone.
#[derive(Default)]
struct Sides {
    ports: FxHashMap<(Option<NetnsId>, State, u16), u64>,
    peers: FxHashMap<(Option<NetnsId>, State, Endpoint), u64>,
}

impl Sides {
    fn count(sockets: &[&Socket]) -> Self {
        let mut sides = Self::default();
        for socket in sockets {
            let (netns, state) = (socket.netns, socket.state);
            if let Some(port) = socket.local.port() {
                *sides.ports.entry((netns, state, port)).or_default() += 1;
            }
            if let Some(peer) = socket.peer.inet() {
                *sides.peers.entry((netns, state, peer)).or_default() += 1;
            }
        }
        sides
    }

    /// Whether the clients came here.
    fn is_inbound(&self, socket: &Socket) -> bool {
        let (netns, state) = (socket.netns, socket.state);
        let port = socket.local.port();
        let port = port.and_then(|port| self.ports.get(&(netns, state, port)));
        let peer = socket.peer.inet();
        let peer = peer.and_then(|peer| self.peers.get(&(netns, state, peer)));
        socket.role == Some(Role::Inbound) || port > peer
    }
}

/// The row of a socket: its process, and the side that all of its kind share.
fn party(socket: &Socket, whose: Whose, sides: &Sides) -> PileKey {
    let inbound = sides.is_inbound(socket);
    PileKey {
        netns: socket.netns,
        state: socket.state,
        whose: Some(whose),
        port: socket.local.port().filter(|_| inbound),
        peer: socket.peer.inet().filter(|_| !inbound),
        group: None,
    }
}

/// The row of a socket that is grouped by something else.
fn group(by: By, socket: &Socket, now: &Sample) -> PileKey {
    PileKey {
        netns: None,
        state: socket.state,
        whose: None,
        port: None,
        peer: None,
        group: Some(states::key(by, socket, now.facts())),
    }
}

/// Makes a row of the sockets that belong to it.
fn pile(
    key: &PileKey,
    sockets: &[&Socket],
    attributor: &Attributor<'_>,
    now: &Sample,
    before: Option<&Past>,
) -> Pile {
    let whose = match key.whose {
        Some(whose) => whose,
        None => common(sockets.iter().map(|socket| attributor.whose(socket))),
    };
    let process = whose
        .pid
        .map(|pid| (pid, attributor.name(pid).unwrap_or_default().to_vec()));
    let mut verdicts = Verdicts::default();
    for socket in sockets {
        verdicts.add(socket);
    }
    let processes = &now.facts().processes;
    let files = whose.pid.and_then(|pid| processes.get(&pid)?.files);
    Pile {
        state: key.state,
        count: sockets.len() as u64,
        oldest_ms: sockets.iter().filter_map(|socket| age_ms(socket)).max(),
        process,
        processes: match whose.attribution {
            Attribution::Cookie => attributor.processes(sockets),
            _ => 1,
        },
        attribution: whose.attribution,
        is_held: sockets.iter().any(|socket| socket.inode.is_some()),
        owner_status: owner_status(sockets),
        group: key.group.clone(),
        local: shared(sockets.iter().map(|socket| socket.local.inet())),
        peer: shared(sockets.iter().map(|socket| socket.peer.inet())),
        verdicts: (key.state == State::CloseWait).then_some(verdicts),
        unanswered: (key.state == State::SynSent).then(|| Unanswered::of(sockets)),
        files,
        growth: before.and_then(|before| growth(sockets, before, now)),
    }
}

/// What is known of the owners of those that are held: that they may not be seen, if that is so of
/// one.
fn owner_status(sockets: &[&Socket]) -> OwnerStatus {
    let held = sockets.iter().filter(|socket| socket.inode.is_some());
    let mut statuses = held.map(|socket| socket.owner_status);
    let first = statuses.next().unwrap_or(OwnerStatus::NotAsked);
    if statuses.any(|status| status == OwnerStatus::Denied) {
        return OwnerStatus::Denied;
    }
    first
}

/// Whose all of them are; known no better than the least known of them.
fn common(mut all: impl Iterator<Item = Whose>) -> Whose {
    let first = all.next().unwrap_or_default();
    let join = |common: Whose, whose: Whose| {
        let attribution = common.attribution.max(whose.attribution);
        (common.pid == whose.pid).then_some(Whose {
            attribution,
            ..common
        })
    };
    all.try_fold(first, join).unwrap_or_default()
}

/// Milliseconds in the state: exact for TIME_WAIT, from its timer; at least, where `tcp_info`
/// tells since when the peer has been silent. A SYN_RECV, and an orphan in FIN_WAIT2, tell
/// nothing.
fn age_ms(socket: &Socket) -> Option<u64> {
    if socket.state == State::TimeWait {
        return socket.age().map(|age| age.ms);
    }
    Some(socket.tcp.as_ref()?.quiet_ms()?.into())
}

/// What the ends have in common.
fn shared(mut ends: impl Iterator<Item = Option<Endpoint>>) -> SharedEnd {
    let first = ends.next().flatten();
    let mut shared = SharedEnd {
        address: first.map(|end| end.address),
        port: first.map(|end| end.port),
    };
    for end in ends {
        shared.address = shared
            .address
            .filter(|a| end.map(|end| end.address) == Some(*a));
        shared.port = shared.port.filter(|p| end.map(|end| end.port) == Some(*p));
    }
    shared
}

/// How many of the sockets came into the state since the first look, in a second.
fn growth(sockets: &[&Socket], before: &Past, now: &Sample) -> Option<Growth> {
    let seconds = now.at.saturating_sub(before.at).as_secs_f64();
    let is_new = |socket: &&&Socket| {
        let was = before.of_socket(socket);
        was.and_then(|was| was.first) != Some(socket.state)
    };
    let new = sockets.iter().filter(is_new).count() as u64;
    (seconds > 0.0).then(|| match new {
        0 => Growth::Below(super::round(1.0 / seconds)),
        new => Growth::PerSecond(super::round(super::float(new) / seconds)),
    })
}

#[cfg(test)]
mod tests;
