//! When rounds begin. Pure.

use std::time::Duration;

/// A clock of rounds: round k begins k intervals after the first, however long the others took.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    start: Duration,
    interval: Duration,
    round: u64,
    /// The most rounds missed at once, as far as it was told.
    told: u64,
}

/// The next round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Next {
    /// When it begins; never before now.
    pub at: Duration,
    /// Rounds that should have begun meanwhile.
    pub missed: u64,
    /// Whether that is to be told: the first time, and when it is twice as bad.
    pub is_news: bool,
}

impl Clock {
    pub(crate) const fn new(start: Duration, interval: Duration) -> Self {
        Self {
            start,
            interval,
            round: 0,
            told: 0,
        }
    }

    /// Time from the first round until `now`.
    pub(crate) const fn since_start(&self, now: Duration) -> Duration {
        now.saturating_sub(self.start)
    }

    /// The round after one that ended `now`.
    pub(crate) fn next(&mut self, now: Duration) -> Next {
        let interval = self.interval.as_nanos().max(1);
        let begun = self.since_start(now).as_nanos().div_ceil(interval);
        let begun = u64::try_from(begun).unwrap_or(u64::MAX);
        let next = self.round.saturating_add(1).max(begun);
        let missed = next - self.round - 1;
        self.round = next;
        let is_news = missed > 0 && missed >= self.told.saturating_mul(2);
        if is_news {
            self.told = missed;
        }
        let nanos = u64::try_from(interval.saturating_mul(u128::from(next)));
        Next {
            at: self.start + Duration::from_nanos(nanos.unwrap_or(u64::MAX)),
            missed,
            is_news,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn rounds_do_not_drift() {
        let mut clock = Clock::new(ms(50), ms(1000));
        for round in 1..100 {
            // Each round takes a while.
            let next = clock.next(ms(50 + (round - 1) * 1000 + 300));
            assert_eq!((next.at, next.missed), (ms(50 + round * 1000), 0));
        }
    }

    #[test]
    fn missed_rounds_are_left_out_and_told_when_it_gets_worse() {
        let mut clock = Clock::new(ms(0), ms(100));
        let told = |next: Next| (next.at, next.missed, next.is_news);
        assert_eq!(told(clock.next(ms(250))), (ms(300), 2, true));
        assert_eq!(told(clock.next(ms(550))), (ms(600), 2, false));
        assert_eq!(told(clock.next(ms(950))), (ms(1000), 3, false));
        assert_eq!(told(clock.next(ms(1010))), (ms(1100), 0, false));
        assert_eq!(told(clock.next(ms(1601))), (ms(1700), 5, true));
        // A round that ends when the next begins has missed nothing.
        assert_eq!(told(clock.next(ms(1800))), (ms(1800), 0, false));
    }

    proptest! {
        #[test]
        fn a_round_never_begins_too_early(
            start in 0_u64..1_000_000, interval in 1_u64..5000,
            ends in prop::collection::vec(0_u64..20_000, 1..20),
        ) {
            let mut clock = Clock::new(ms(start), ms(interval));
            let (mut begun, mut now) = (0, ms(start));
            for took in ends {
                now += ms(took);
                let next = clock.next(now);
                begun += next.missed + 1;
                prop_assert_eq!(next.at, ms(start + begun * interval));
                prop_assert!(next.at >= now && next.at <= now + ms(interval));
                now = next.at;
            }
        }
    }
}
