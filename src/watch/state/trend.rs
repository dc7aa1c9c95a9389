//! What the last minutes were like: counts by state for the header, and how piles grow.

use std::collections::VecDeque;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::round::{Flow, Round};
use crate::analyze::buildup::{Buildup, Pile};
use crate::analyze::states::Counts;
use crate::model::State;

/// Rounds that the history lines show at most.
const ROUNDS: usize = 64;
/// Growth is told of the last so long.
const WINDOW: Duration = Duration::from_secs(60);
/// Growth is not told of less than this: it would jump.
const LEAST: Duration = Duration::from_secs(3);

/// The last rounds, the latest last.
#[derive(Clone, Debug, Default)]
pub struct History {
    counts: VecDeque<Counts>,
    flows: VecDeque<Flow>,
}

impl History {
    /// Takes in a round.
    pub fn note(&mut self, round: &Round) {
        push(&mut self.counts, round.counts.clone());
        if !round.flow.time.is_zero() {
            push(&mut self.flows, round.flow);
        }
    }

    /// The states that occur now or did in the rounds kept, in the kernel's order.
    #[must_use]
    pub fn states(&self) -> Vec<State> {
        let occurs = |state: &State| self.counts.iter().any(|counts| counts.of(*state) > 0);
        let mut states: Vec<State> = State::TCP.into_iter().filter(occurs).collect();
        let now = self.counts.back().into_iter().flat_map(Counts::present);
        for (state, _) in now {
            if !states.contains(&state) {
                states.push(state);
            }
        }
        states
    }

    /// How many were in `state`, round by round.
    #[must_use]
    pub fn of(&self, state: State) -> Vec<u64> {
        self.counts.iter().map(|counts| counts.of(state)).collect()
    }

    /// Sockets opened and closed, round by round.
    #[must_use]
    pub fn flows(&self) -> (Vec<u64>, Vec<u64>) {
        let flows = self.flows.iter();
        flows.map(|flow| (flow.opened, flow.closed)).unzip()
    }

    /// Opened and closed in a second, over the last few seconds; `None` before the second round.
    #[must_use]
    pub fn flow(&self) -> Option<(f64, f64)> {
        let mut sum = Flow::default();
        for flow in self.flows.iter().rev() {
            sum.opened += flow.opened;
            sum.closed += flow.closed;
            sum.time += flow.time;
            if sum.time >= LEAST {
                break;
            }
        }
        sum.per_second()
    }
}

fn push<T>(line: &mut VecDeque<T>, item: T) {
    if line.len() == ROUNDS {
        line.pop_front();
    }
    line.push_back(item);
}

/// A line of eighth blocks, the latest value last, scaled to the largest of them.
#[must_use]
pub fn sparkline(values: &[u64], width: usize) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let shown = values.get(values.len().saturating_sub(width)..);
    let shown = shown.unwrap_or_default();
    let most = shown.iter().copied().max().unwrap_or(0);
    let block = |&value: &u64| {
        let index = value.saturating_mul(7).checked_div(most).unwrap_or(0);
        // What occurs at all is told from what does not.
        let index = usize::try_from(index).unwrap_or(7);
        match value {
            0 => ' ',
            _ => BLOCKS.get(index).copied().unwrap_or('█'),
        }
    };
    let line: String = shown.iter().map(block).collect();
    let missing = width.saturating_sub(shown.len());
    format!("{}{line}", " ".repeat(missing))
}

/// What makes a pile the same one in the next round.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PileKey {
    state: State,
    pid: Option<u32>,
    ends: String,
}

impl PileKey {
    /// The key of `pile`.
    #[must_use]
    pub fn of(pile: &Pile) -> Self {
        // The end that varies is no part of it: which it is may change with the first two.
        let end = match (pile.local.port, pile.peer.port) {
            _ if pile.group.is_some() => format!("{:?}", pile.group),
            (Some(port), _) => port.to_string(),
            (None, _) => format!("{:?}", pile.peer),
        };
        Self {
            state: pile.state,
            pid: pile.process.as_ref().map(|(pid, _)| *pid),
            ends: end,
        }
    }
}

/// How the piles were, look by look, for a minute.
#[derive(Clone, Debug, Default)]
pub struct Growth {
    seen: FxHashMap<PileKey, VecDeque<(Duration, u64)>>,
}

/// How a pile grows, and when it meets its limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// More in a minute; less than zero where it shrinks.
    pub per_minute: f64,
    /// Time until the limit is reached, if it goes on like this; `None` where it does not grow
    /// or no limit is known.
    pub until: Option<Duration>,
    /// What the limit is called.
    pub limit: Option<&'static str>,
}

impl Growth {
    /// Takes in what piled up at `at`. Piles that are gone are forgotten.
    pub fn note(&mut self, at: Duration, view: &Buildup) {
        let mut seen = FxHashMap::default();
        for pile in &view.piles {
            let key = PileKey::of(pile);
            let mut line = self.seen.remove(&key).unwrap_or_default();
            if line.back().is_none_or(|(last, _)| *last < at) {
                line.push_back((at, pile.count));
            }
            // One look from before the window stays, to tell of the whole of it.
            while line.get(1).is_some_and(|(then, _)| *then + WINDOW <= at) {
                line.pop_front();
            }
            seen.insert(key, line);
        }
        self.seen = seen;
    }

    /// How `pile` grows; `None` where it was not seen for long enough.
    #[must_use]
    pub fn of(&self, pile: &Pile, view: &Buildup) -> Option<Trend> {
        let line = self.seen.get(&PileKey::of(pile))?;
        let ((from, was), (to, is)) = (line.front()?, line.back()?);
        let time = to.checked_sub(*from).filter(|time| *time >= LEAST)?;
        let more = crate::analyze::float(*is) - crate::analyze::float(*was);
        let per_second = more / time.as_secs_f64();
        let room = room(pile, view);
        let until = room.and_then(|(room, _)| {
            let seconds = crate::analyze::float(room) / per_second;
            (per_second > 0.0).then(|| Duration::try_from_secs_f64(seconds).ok())?
        });
        Some(Trend {
            per_minute: per_second * 60.0,
            until,
            limit: room.map(|(_, name)| name),
        })
    }
}

/// How many more there is room for in the limit that `pile` runs into, and its name.
fn room(pile: &Pile, view: &Buildup) -> Option<(u64, &'static str)> {
    let limits = &view.limits;
    match pile.state {
        State::TimeWait => {
            let ports = limits.ports.filter(|ports| {
                let towards = ports.destination.map(|to| (to.peer.address, to.peer.port));
                let peer = pile.peer.address.zip(pile.peer.port);
                peer.is_some() && towards == peer
            });
            if let Some(ports) = ports {
                return Some((ports.usable.saturating_sub(ports.used), "ports"));
            }
            let table = limits.time_wait;
            Some((table.value?.saturating_sub(table.used?), "table"))
        }
        State::CloseWait => {
            let files = pile.files?;
            Some((files.limit?.saturating_sub(files.open), "descriptors"))
        }
        State::FinWait1 | State::FinWait2 | State::LastAck | State::Closing if !pile.is_held => {
            let orphans = limits.orphans;
            Some((orphans.value?.saturating_sub(orphans.used?), "orphans"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::buildup::{Attribution, SharedEnd};
    use crate::model::Files;

    #[test]
    fn a_history_line_is_scaled_to_its_largest_value() {
        assert_eq!(sparkline(&[0, 1, 50, 100], 6), "   ▁▄█");
        assert_eq!(sparkline(&[1, 2, 3], 2), "▅█");
        assert_eq!(sparkline(&[], 3), "   ");
        assert_eq!(sparkline(&[u64::MAX, 1], 2).chars().count(), 2);
    }

    fn view(count: u64) -> Buildup {
        let nowhere = SharedEnd {
            address: None,
            port: None,
        };
        let pile = Pile {
            state: State::CloseWait,
            count,
            oldest_ms: None,
            process: Some((812, b"leaky".to_vec())),
            processes: 1,
            attribution: Attribution::Owner,
            is_held: true,
            owner_status: crate::model::OwnerStatus::Found,
            group: None,
            local: SharedEnd {
                port: Some(8080),
                ..nowhere
            },
            peer: nowhere,
            verdicts: None,
            unanswered: None,
            files: Some(Files {
                open: count + 24,
                limit: Some(1024),
                hard_limit: None,
            }),
            growth: None,
        };
        Buildup {
            piles: vec![pile],
            ..Buildup::default()
        }
    }

    #[test]
    fn a_leak_is_told_by_the_minute_and_how_long_there_is_room() {
        let mut growth = Growth::default();
        let at = Duration::from_secs;
        growth.note(at(10), &view(100));
        assert_eq!(growth.of(&view(100).piles[0], &view(100)), None);
        growth.note(at(20), &view(200));
        let now = view(200);
        let trend = growth.of(&now.piles[0], &now).unwrap();
        assert!((trend.per_minute - 600.0).abs() < 0.01, "{trend:?}");
        // 800 descriptors are left, ten more are taken each second.
        assert_eq!(trend.until, Some(at(80)));
        assert_eq!(trend.limit, Some("descriptors"));
        // Only the last minute counts, and what does not grow meets no limit.
        for second in 21..200 {
            growth.note(at(second), &now);
        }
        let trend = growth.of(&now.piles[0], &now).unwrap();
        assert_eq!((trend.per_minute.abs() < 0.01, trend.until), (true, None));
        let kept = growth.seen.values().map(VecDeque::len).max();
        assert!(kept.unwrap() <= 62, "{kept:?}");
        growth.note(at(300), &Buildup::default());
        assert!(growth.seen.is_empty());
    }
}
