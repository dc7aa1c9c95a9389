//! How a table fits a terminal: names give way first, then whole columns are left out, the
//! least important first; where that is not enough rows are folded between cells. What is a
//! number is never cut. The one rule for lists, views and the live view. Pure.

use unicode_width::UnicodeWidthStr;

use super::cells::{Cell, Give, GridColumn};

/// Blanks between two columns.
pub const GAP: usize = 2;
/// Blanks before what goes on in the next line, where there is room.
pub const INDENT: usize = 4;
/// Columns of text that is cut while anything else can be done, and at last: with a pid behind
/// it, and alone.
const EASED: [usize; 2] = [8, 12];
const LEAST: [usize; 2] = [4, 6];
/// A column with this number or a higher one is less than what a name tells.
const EASILY: u8 = 40;
/// Columns that a cell has, however much longer a few others are.
const SHORT: usize = 15;
/// How much longer than the others cells have to be to be let out of their column.
const MUCH: usize = 8;
/// Columns of prose beside other columns, and at last.
const PROSE_EASED: usize = 36;
const PROSE_LEAST: usize = 20;

/// How a table stands on a terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fit {
    /// The indices of the columns that stay.
    pub stays: Vec<usize>,
    /// Their widths.
    pub widths: Vec<usize>,
    /// No row fits a line, nor do the headings.
    pub is_folded: bool,
}

impl Fit {
    /// The columns that were left out.
    pub fn left_out<'a>(&self, columns: &'a [GridColumn]) -> Vec<(usize, &'a GridColumn)> {
        let all = columns.iter().enumerate();
        all.filter(|(index, _)| !self.stays.contains(index))
            .collect()
    }

    /// The same, of the columns behind the first.
    #[must_use]
    pub fn without_first(&self) -> Self {
        let behind = self.stays.iter().filter_map(|index| index.checked_sub(1));
        Self {
            stays: behind.collect(),
            ..self.clone()
        }
    }

    /// The items of the columns that stay.
    pub fn of<'a, T>(&self, items: &'a [T]) -> Vec<&'a T> {
        let stay = self.stays.iter();
        stay.filter_map(|index| items.get(*index)).collect()
    }
}

/// What a column takes.
struct Measure {
    /// The heading alone.
    heading: usize,
    /// The widest cell or the heading.
    natural: usize,
    /// Its cells are names.
    is_name: bool,
    /// With its heading and its widest cell.
    whole: usize,
    /// With names that are cut a little.
    eased: usize,
    /// With names that are cut as far as they may be.
    least: usize,
    /// See [`GridColumn::spare`].
    spare: u8,
    /// No cell says anything.
    is_idle: bool,
    /// The width of each cell, where it cannot be cut.
    cells: Vec<usize>,
}

impl Measure {
    fn of(column: &GridColumn, index: usize, rows: &[Vec<Cell>], header: bool) -> Self {
        let heading = if header { column.header.width() } else { 0 };
        let cells = || rows.iter().filter_map(|row| row.get(index));
        let widest = |of: &dyn Fn(&Cell) -> usize| cells().map(of).max().unwrap_or(0).max(heading);
        let whole = widest(&|cell| cell.text.width());
        let (eased, least) = match column.give {
            Give::Nothing => (whole, whole),
            Give::Name => (
                widest(&|cell| cell.narrowest(EASED)),
                widest(&|cell| cell.narrowest(LEAST)),
            ),
            Give::Prose => (whole.min(PROSE_EASED), whole.min(PROSE_LEAST)),
        };
        let says_nothing = |cell: &Cell| matches!(cell.text.as_str(), "" | "-" | "0");
        Self {
            heading,
            natural: whole,
            is_name: column.give == Give::Name,
            whole: whole.max(column.steady),
            eased,
            least,
            spare: column.spare,
            is_idle: cells().all(says_nothing),
            cells: match column.give {
                Give::Nothing => cells().map(|cell| cell.text.width()).collect(),
                Give::Name | Give::Prose => Vec::new(),
            },
        }
    }
}

impl Measure {
    /// The widest of the cells that are all much narrower than those of this width and more.
    fn cap_below(&self, width: usize) -> Option<usize> {
        let mut over = width;
        loop {
            let cells = self.cells.iter().filter(|cell| **cell < over);
            let cap = self.heading.max(SHORT).max(cells.max().copied()?);
            if cap + MUCH <= over {
                return Some(cap);
            }
            over = cap.min(over - 1);
        }
    }
}

/// How these rows fit `limit` columns; without a limit nothing gives way. Rows that are folded
/// have all columns that say anything.
#[must_use]
pub fn fit(columns: &[GridColumn], rows: &[Vec<Cell>], header: bool, limit: Option<usize>) -> Fit {
    let measures = measured(columns, rows, header);
    let mut fitting = Fitting::new(&measures, rows.len(), limit);
    fitting.in_lines().unwrap_or_else(|| {
        fitting.stays = (0..columns.len()).collect();
        fitting.leave_out(1, true, |_| None::<()>);
        fitting.folded()
    })
}

/// The same for a screen: rows that are folded take as few lines as they can.
#[must_use]
pub fn fit_screen(columns: &[GridColumn], rows: &[Vec<Cell>], limit: usize) -> Fit {
    let measures = measured(columns, rows, true);
    let mut fitting = Fitting::new(&measures, rows.len(), Some(limit));
    fitting.in_lines().unwrap_or_else(|| fitting.folded())
}

fn measured(columns: &[GridColumn], rows: &[Vec<Cell>], header: bool) -> Vec<Measure> {
    let measures = columns.iter().enumerate();
    measures
        .map(|(index, column)| Measure::of(column, index, rows, header))
        .collect()
}

/// A table that is made to fit.
struct Fitting<'a> {
    stays: Vec<usize>,
    measures: &'a [Measure],
    rows: usize,
    limit: usize,
}

impl<'a> Fitting<'a> {
    fn new(measures: &'a [Measure], rows: usize, limit: Option<usize>) -> Self {
        Self {
            stays: (0..measures.len()).collect(),
            measures,
            rows,
            limit: limit.unwrap_or(usize::MAX),
        }
    }

    fn staying(&self) -> impl Iterator<Item = &'a Measure> + use<'a, '_> {
        let measures = self.measures;
        self.stays.iter().filter_map(|index| measures.get(*index))
    }

    /// One line a row, but for a few rows.
    fn in_lines(&mut self) -> Option<Fit> {
        let few = self.rows / 4;
        let eased = |own: &Self| own.widths(|m| m.eased, few);
        let least = |own: &Self| own.widths(|m| m.least, few);
        // What says nothing goes before a few rows are folded, and both before what does.
        let widths = self
            .widths(|m| m.eased, 0)
            .or_else(|| self.leave_out(1, true, |own| own.widths(|m| m.eased, 0)))
            .or_else(|| eased(self))
            .or_else(|| self.leave_out(EASILY, false, eased))
            .or_else(|| least(self))
            .or_else(|| self.leave_out(1, false, eased))
            .or_else(|| least(self))
            .or_else(|| self.widths(|m| m.least, self.rows / 2))?;
        Some(Fit {
            stays: self.stays.clone(),
            widths,
            is_folded: false,
        })
    }

    /// Leaves out columns until there are widths for the rest: those that are spared alike go
    /// together, down to the number `last`.
    fn leave_out<T>(
        &mut self,
        last: u8,
        only_idle: bool,
        widths: impl Fn(&Self) -> Option<T>,
    ) -> Option<T> {
        let mut ranks: Vec<u8> = self.staying().map(|measure| measure.spare).collect();
        ranks.sort_unstable();
        ranks.dedup();
        for rank in ranks.into_iter().rev().filter(|rank| *rank >= last.max(1)) {
            let measures = self.measures;
            let goes = |index: &usize| measures.get(*index).is_some_and(|m| m.spare == rank);
            if only_idle && !self.staying().all(|m| m.spare != rank || m.is_idle) {
                continue;
            }
            self.stays.retain(|index| !goes(index));
            if let Some(widths) = widths(self) {
                return Some(widths);
            }
        }
        None
    }

    /// Widths in which all rows but `most` fit a line, where nothing is narrower than `floor`.
    fn widths(&self, floor: impl Fn(&Measure) -> usize, most: usize) -> Option<Vec<usize>> {
        let gaps = GAP * self.stays.len().saturating_sub(1);
        let least = self.staying().map(&floor).sum::<usize>() + gaps;
        if least <= self.limit {
            return Some(self.shrunk(floor));
        }
        (most > 0).then(|| self.capped(floor, most))?
    }

    /// Widths between what is wanted and what is needed: the widest gives way first.
    fn shrunk(&self, least: impl Fn(&Measure) -> usize) -> Vec<usize> {
        let gaps = GAP * self.stays.len().saturating_sub(1);
        let mut widths: Vec<usize> = self.staying().map(|measure| measure.whole).collect();
        let mut total = widths.iter().sum::<usize>() + gaps;
        while total > self.limit {
            let wide = widths.iter_mut().zip(self.staying());
            let wide = wide.filter(|(width, measure)| **width > least(measure));
            let Some((width, _)) = wide.max_by_key(|(width, _)| **width) else {
                break;
            };
            *width -= 1;
            total -= 1;
        }
        widths
    }

    /// Widths in which all but `most` rows fit a line: a few addresses that are much longer
    /// than the others do not decide how all the others stand.
    fn capped(&self, floor: impl Fn(&Measure) -> usize, most: usize) -> Option<Vec<usize>> {
        let staying: Vec<&Measure> = self.staying().collect();
        let mut widths: Vec<usize> = staying.iter().map(|measure| floor(measure)).collect();
        let mut is_over = vec![false; self.rows];
        let gaps = GAP * widths.len().saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > self.limit {
            let narrower = staying.iter().zip(&widths).enumerate();
            let narrower = narrower.filter_map(|(index, (measure, width))| {
                Some((index, *width, measure.cap_below(*width)?))
            });
            let (index, _, cap) = narrower.max_by_key(|(_, width, _)| *width)?;
            *widths.get_mut(index)? = cap;
            for (over, cell) in is_over.iter_mut().zip(&staying.get(index)?.cells) {
                *over |= *cell > cap;
            }
            if is_over.iter().filter(|over| **over).count() > most {
                return None;
            }
        }
        // Names take what is left.
        let mut left = self.limit - gaps - widths.iter().sum::<usize>();
        for (width, measure) in widths.iter_mut().zip(&staying) {
            if measure.cells.is_empty() {
                let more = left.min(measure.whole.saturating_sub(*width));
                *width += more;
                left -= more;
            }
        }
        Some(widths)
    }

    /// Every row on several lines.
    fn folded(&self) -> Fit {
        // A name that has a line of its own is cut to nothing less.
        let line = self.limit.saturating_sub(INDENT);
        let width = |m: &Measure| {
            if m.is_name {
                m.natural.min(line)
            } else {
                m.eased.min(line)
            }
        };
        Fit {
            stays: self.stays.clone(),
            widths: self.staying().map(width).collect(),
            is_folded: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::Align;
    use crate::text::theme::Tone;

    fn columns() -> Vec<GridColumn> {
        let column = |header, spare| GridColumn::new(header, Align::Left).spared(spare);
        vec![
            column("PROTO", 50),
            column("RECV", 20),
            column("SEND", 20),
            column("LOCAL", 0),
            GridColumn::new("PROCESS", Align::Left).giving(Give::Name),
        ]
    }

    fn row(cells: [&str; 5]) -> Vec<Cell> {
        let cell = |text: &str| Cell::new(text, Tone::Normal);
        let mut row: Vec<Cell> = cells.map(cell).to_vec();
        let kept = cells[4].rfind(' ').map_or(0, |at| cells[4].len() - at);
        row[4] = row[4].clone().keeping(kept);
        row
    }

    fn stays(rows: &[Vec<Cell>], limit: usize) -> (Vec<usize>, Vec<usize>, bool) {
        let fit = fit(&columns(), rows, true, Some(limit));
        (fit.stays, fit.widths, fit.is_folded)
    }

    #[test]
    fn names_give_way_then_what_says_nothing_then_the_rest() {
        let idle = [row(["tcp", "0", "-", "10.0.0.1:443", "a-long-name 812"])];
        let all = vec![0, 1, 2, 3, 4];
        assert_eq!(
            stays(&idle, 60),
            (all.clone(), vec![5, 4, 4, 12, 15], false)
        );
        assert_eq!(stays(&idle, 47), (all, vec![5, 4, 4, 12, 14], false));
        // The pair goes together, and the name has its room again.
        assert_eq!(stays(&idle, 42), (vec![0, 3, 4], vec![5, 12, 15], false));
        assert_eq!(stays(&idle, 33), (vec![0, 3, 4], vec![5, 12, 12], false));
        assert_eq!(stays(&idle, 28), (vec![3, 4], vec![12, 14], false));
        assert_eq!(stays(&idle, 22), (vec![3, 4], vec![12, 8], false));
        let (kept, _, is_folded) = stays(&idle, 20);
        assert_eq!((kept, is_folded), (vec![0, 3, 4], true));
        // What has something in it stays longer than what has not.
        let busy = [row(["tcp", "7", "0", "10.0.0.1:443", "a-long-name 812"])];
        assert_eq!(stays(&busy, 40).0, [1, 2, 3, 4]);
        assert_eq!(
            stays(&busy, 34),
            (vec![1, 2, 3, 4], vec![4, 4, 12, 8], false)
        );
        assert_eq!(stays(&busy, 25).0, [3, 4]);
    }

    #[test]
    fn a_few_long_cells_are_folded_alone() {
        let long = "[2001:db8:1234:5678:9abc:def0:1234:5678]:65535";
        let mut rows = vec![row(["tcp", "0", "0", "10.0.0.1:443", "nginx 812"]); 7];
        rows.push(row(["tcp", "0", "0", long, "nginx 812"]));
        let (kept, widths, is_folded) = stays(&rows, 40);
        assert_eq!((kept, is_folded), (vec![0, 3, 4], false));
        assert_eq!(widths, [5, 15, 9]);
        // Half of them: all are folded.
        let rows = [rows[6..8].to_vec(), rows[7..8].to_vec()].concat();
        assert!(stays(&rows, 40).2);
    }

    #[test]
    fn without_a_limit_everything_is_whole() {
        let rows = [row(["tcp", "0", "0", "10.0.0.1:443", "nginx 812"])];
        let fit = fit(&columns(), &rows, false, None);
        assert_eq!(fit.widths, [3, 1, 1, 12, 9]);
        assert!(fit.left_out(&columns()).is_empty());
    }
}
