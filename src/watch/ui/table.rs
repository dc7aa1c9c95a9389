//! Rows in columns, as many columns as the terminal has room for.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::style::{span, style};
use crate::columns::Align;
use crate::render::grid::{Cell, GridColumn};
use crate::render::theme::{Theme, Tone};

/// What a column is narrowed to before another one is left out.
pub(super) const NARROWEST: usize = 10;
/// Blanks between columns.
const GAP: usize = 2;
/// Columns of the mark before each row.
const GUTTER: usize = 2;
/// An address and a port of IPv4 at their longest.
const END: usize = 21;
/// What is left out only after everything was cut that can be.
pub(super) const LAST: u8 = 1;

/// A column, and when it may be left out.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// As other tables have it.
    pub grid: GridColumn,
    /// It is at least so wide, that rows which come and go do not make it jump.
    pub least: usize,
    /// Where it gives way, it is narrowed to this before another one is left out.
    pub narrow: usize,
    /// When the terminal is too narrow those with the highest number go first; 0 stays.
    pub spare: u8,
    /// It is narrowed further when nothing else can be left out but what is hardly spared
    /// ([`LAST`]).
    pub is_stiff: bool,
}

impl Column {
    pub fn new(header: &str, align: Align, least: usize, spare: u8) -> Self {
        Self {
            grid: GridColumn {
                header: header.to_owned(),
                align,
                gives_way: false,
                may_be_idle: false,
            },
            least,
            narrow: NARROWEST,
            spare,
            is_stiff: false,
        }
    }

    /// The same, of which an end of IPv4 is cut only when little else can be left out.
    pub const fn stiff(mut self) -> Self {
        self.is_stiff = true;
        self.grid.gives_way = true;
        self.narrow = END;
        self
    }

    /// The same, of which the text is cut where the terminal is narrow.
    pub fn giving_way(mut self) -> Self {
        self.grid.gives_way = true;
        self
    }
}

/// How a whole row looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Look {
    /// As its cells say.
    #[default]
    Usual,
    /// It has just come.
    New,
    /// It is gone.
    Gone,
}

/// A row.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    pub mark: char,
    pub look: Look,
    pub cells: Vec<Cell>,
    pub is_chosen: bool,
}

/// The rows of one screen.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
}

impl Table {
    /// The headings and the rows as lines of `width` columns.
    pub fn lines(mut self, width: usize, theme: Theme) -> Vec<Line<'static>> {
        let room = width.saturating_sub(GUTTER);
        let is_whole = self.fit(room);
        let widths = self.widths(room);
        let mut lines = vec![self.heading(&widths, width, is_whole, theme)];
        let rows = self.rows.iter();
        lines.extend(rows.map(|row| self.line(row, &widths, width, theme)));
        lines
    }

    /// Makes it fit: leaves out what is spared, then cuts what is stiff, then leaves out more.
    /// Whether all columns are still there.
    fn fit(&mut self, room: usize) -> bool {
        let all = self.columns.len();
        self.leave_out(room, LAST + 1);
        if self.narrowest() > room {
            for column in self.columns.iter_mut().filter(|column| column.is_stiff) {
                column.narrow = NARROWEST;
            }
            self.leave_out(room, LAST);
        }
        self.columns.len() == all
    }

    /// Leaves out what can be spared as easily as `least` until the rest fits: what is spared
    /// alike goes together, received and sent; the [`LAST`] go one by one from the right.
    fn leave_out(&mut self, room: usize, least: u8) {
        while self.narrowest() > room {
            let spare = self.columns.iter().map(|column| column.spare);
            let Some(most) = spare.filter(|spare| *spare >= least).max() else {
                return;
            };
            let last = self.columns.iter().rposition(|c| c.spare == most);
            let goes = |(place, column): (usize, &Column)| match most {
                LAST => Some(place) == last,
                _ => column.spare == most,
            };
            let stays = self.columns.iter().enumerate().map(|column| !goes(column));
            let stays: Vec<bool> = stays.collect();
            keep(&mut self.columns, &stays);
            for row in &mut self.rows {
                keep(&mut row.cells, &stays);
            }
        }
    }

    fn natural(&self) -> Vec<usize> {
        let of = |(place, column): (usize, &Column)| {
            let cells = self.rows.iter().filter_map(|row| row.cells.get(place));
            let widest = cells.map(|cell| cell.text.width()).max().unwrap_or(0);
            widest.max(column.grid.header.width()).max(column.least)
        };
        self.columns.iter().enumerate().map(of).collect()
    }

    /// Columns that the table takes when everything that gives way has done so.
    fn narrowest(&self) -> usize {
        let natural = self.natural();
        let widths = self.columns.iter().zip(natural).map(|(column, width)| {
            if column.grid.gives_way {
                width.min(column.narrow)
            } else {
                width
            }
        });
        widths.sum::<usize>() + GAP * self.columns.len().saturating_sub(1)
    }

    /// The widths in which it fits: what gives way does so by turns, the widest first.
    fn widths(&self, room: usize) -> Vec<usize> {
        let mut widths = self.natural();
        let gaps = GAP * widths.len().saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > room {
            let columns = self.columns.iter().zip(&mut widths);
            let wide = columns.filter(|(c, width)| c.grid.gives_way && **width > c.narrow);
            match wide.map(|(_, width)| width).max() {
                Some(width) => *width -= 1,
                None => break,
            }
        }
        widths
    }

    /// The headings; what was left out shows as an ellipsis at the end.
    fn heading(
        &self,
        widths: &[usize],
        width: usize,
        is_whole: bool,
        theme: Theme,
    ) -> Line<'static> {
        let mut text = " ".repeat(GUTTER);
        for (column, width) in self.columns.iter().zip(widths) {
            text.push_str(&aligned(&column.grid.header, *width, column.grid.align));
            text.push_str(&" ".repeat(GAP));
        }
        let mut text = text.trim_end().to_owned();
        let blanks = width.saturating_sub(text.width() + 1);
        if !is_whole && blanks > 0 {
            text.push_str(&" ".repeat(blanks));
            text.push('…');
        }
        Line::from(span(theme, text, Tone::Heading))
    }

    fn line(&self, row: &Row, widths: &[usize], width: usize, theme: Theme) -> Line<'static> {
        let whole = match row.look {
            Look::Usual => Style::new(),
            Look::New => Style::new().add_modifier(Modifier::BOLD),
            Look::Gone => style(theme, Tone::Quiet),
        };
        let mark = match row.look {
            Look::New => span(theme, format!("{} ", row.mark), Tone::Calm),
            Look::Gone => span(theme, format!("{} ", row.mark), Tone::Bad),
            Look::Usual => span(theme, format!("{} ", row.mark), Tone::Waiting),
        };
        let mut spans = vec![mark];
        let mut used = GUTTER;
        for ((column, cell), wide) in self.columns.iter().zip(&row.cells).zip(widths) {
            let text = aligned(&cell.cut(*wide), *wide, column.grid.align);
            used += wide + GAP;
            let tone = match row.look {
                Look::Gone => Tone::Quiet,
                _ => cell.tone,
            };
            spans.push(Span::styled(text, whole.patch(style(theme, tone))));
            spans.push(Span::raw(" ".repeat(GAP)));
        }
        spans.push(Span::raw(" ".repeat(width.saturating_sub(used))));
        let line = Line::from(spans);
        if row.is_chosen {
            return line.patch_style(Style::new().add_modifier(Modifier::REVERSED));
        }
        line
    }
}

/// Keeps the items that stay.
fn keep<T>(items: &mut Vec<T>, stays: &[bool]) {
    let mut stays = stays.iter();
    items.retain(|_| stays.next().is_none_or(|stays| *stays));
}

fn aligned(text: &str, width: usize, align: Align) -> String {
    let blanks = " ".repeat(width.saturating_sub(text.width()));
    match align {
        Align::Left => format!("{text}{blanks}"),
        Align::Right => format!("{blanks}{text}"),
    }
}
