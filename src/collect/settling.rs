//! How often a table is read until its rows can be taken for all of them.

/// How often a table is read at most.
const MOST: u32 = 6;
/// As many rows may be missing, by estimate: one in a hundred tables lacks one.
const MISSING: f64 = 0.01;

/// What follows from a reading of a table under which its rows may shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// All rows were seen.
    Whole,
    /// Only another reading can tell.
    Again,
    /// It changes faster than it can be read: rows may be missing.
    Unsettled,
}

/// Readings of one table, one after the other, that each may miss rows.
///
/// The table is whole when a reading brings nothing new. While sockets come and go each brings
/// something, so the second tells how much one reading misses at most: the share of its rows
/// that the first did not have, those among them that came meanwhile. What all readings miss is
/// that share to the power of their number.
#[derive(Debug, Default)]
pub(super) struct Settling {
    readings: u32,
    share: f64,
}

impl Settling {
    /// Whether nothing was read yet.
    pub(super) const fn is_new(&self) -> bool {
        self.readings == 0
    }

    /// Notes a reading of `rows`, of which `new` came in none before.
    pub(super) fn after(&mut self, rows: u64, new: u64) -> Verdict {
        self.readings += 1;
        if self.readings == 1 {
            return Verdict::Again;
        }
        if new == 0 {
            return Verdict::Whole;
        }
        let (rows, new) = (approximate(rows), approximate(new));
        if self.readings == 2 {
            self.share = new / rows;
        }
        let missing = (0..self.readings).fold(rows, |rows, _| rows * self.share);
        match self.readings {
            _ if missing < MISSING => Verdict::Whole,
            MOST.. => Verdict::Unsettled,
            _ => Verdict::Again,
        }
    }
}

fn approximate(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The verdicts after a first reading of `rows`, and others with so many new ones.
    fn verdicts(rows: u64, new: &[u64]) -> Vec<Verdict> {
        let mut settling = Settling::default();
        assert!(settling.is_new());
        assert_eq!(settling.after(rows, rows), Verdict::Again);
        new.iter().map(|new| settling.after(rows, *new)).collect()
    }

    #[test]
    fn a_table_in_which_nothing_moves_is_read_twice() {
        assert_eq!(verdicts(200_000, &[0]), [Verdict::Whole]);
    }

    #[test]
    fn a_table_that_moves_a_little_is_read_a_few_times() {
        use Verdict::{Again, Whole};
        // 3 of 300,000 were missed or came meanwhile: 3e-5 a second time.
        assert_eq!(verdicts(300_000, &[3]), [Whole]);
        assert_eq!(verdicts(5_000, &[40, 40]), [Again, Whole]);
        assert_eq!(
            verdicts(5_000, &[250, 250, 250, 250]),
            [Again, Again, Again, Whole]
        );
    }

    #[test]
    fn a_table_that_never_settles_is_given_up() {
        let verdicts = verdicts(5_000, &[2_500; 5]);
        assert_eq!(verdicts[4], Verdict::Unsettled);
        assert!(
            verdicts[..4]
                .iter()
                .all(|verdict| *verdict == Verdict::Again)
        );
    }
}
