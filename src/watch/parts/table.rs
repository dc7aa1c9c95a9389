//! Rows in columns, as they fit the terminal.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::style::{span, style};
use crate::text::fit::{Fit, fit_screen};
use crate::text::fold::{Piece, folded};
use crate::text::grid::{Cell, GridColumn, headings};
use crate::text::theme::{Theme, Tone};

/// Columns of the mark before each row.
const GUTTER: usize = 2;

/// How a whole row looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Look {
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
pub(crate) struct Row {
    pub mark: char,
    pub look: Look,
    pub cells: Vec<Cell>,
    pub is_chosen: bool,
}

/// The rows of one screen.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub columns: Vec<GridColumn>,
    pub rows: Vec<Row>,
}

/// A table as lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drawn {
    /// The headings.
    pub head: Vec<Line<'static>>,
    /// The lines of each row.
    pub rows: Vec<Vec<Line<'static>>>,
    /// The headings of the columns that were left out.
    pub left_out: Vec<String>,
}

impl Drawn {
    /// The rows that fit whole below the headings; the first one does in any case.
    pub fn page(&self, height: usize) -> usize {
        let mut left = height.saturating_sub(self.head.len());
        let fits = self.rows.iter().take_while(|lines| {
            let is_enough = lines.len() <= left;
            left = left.saturating_sub(lines.len());
            is_enough
        });
        fits.count().max(1)
    }

    /// The lines of what fits whole.
    pub fn lines(mut self, height: usize) -> Vec<Line<'static>> {
        let page = self.page(height);
        self.rows.truncate(page);
        let mut lines = self.head;
        lines.extend(self.rows.into_iter().flatten());
        lines
    }
}

impl Table {
    /// The headings and the rows as lines of `width` columns.
    pub fn drawn(self, width: usize, theme: Theme) -> Drawn {
        let cells: Vec<Vec<Cell>> = self.rows.iter().map(|row| row.cells.clone()).collect();
        let room = width.saturating_sub(GUTTER);
        let fit = fit_screen(&self.columns, &cells, room);
        let left_out = fit.left_out(&self.columns).into_iter();
        let head = folded(&self.columns, &headings(&self.columns), &fit, Some(room));
        let head = head.into_iter().map(|pieces| heading(&pieces, theme));
        Drawn {
            left_out: left_out.map(|(_, column)| column.header.clone()).collect(),
            head: head.collect(),
            rows: self
                .rows
                .iter()
                .map(|row| row.lines(&self.columns, &fit, width, theme))
                .collect(),
        }
    }
}

fn heading(pieces: &[Piece], theme: Theme) -> Line<'static> {
    let mut text = " ".repeat(GUTTER);
    text.extend(pieces.iter().map(|piece| piece.text.as_str()));
    Line::from(span(theme, text.trim_end().to_owned(), Tone::Heading))
}

impl Row {
    fn lines(
        &self,
        columns: &[GridColumn],
        fit: &Fit,
        width: usize,
        theme: Theme,
    ) -> Vec<Line<'static>> {
        let whole = match self.look {
            Look::Usual => Style::new(),
            Look::New => Style::new().add_modifier(Modifier::BOLD),
            Look::Gone => style(theme, Tone::Quiet),
        };
        let tone = match self.look {
            Look::New => Tone::Calm,
            Look::Gone => Tone::Bad,
            Look::Usual => Tone::Waiting,
        };
        let mut mark = span(theme, format!("{} ", self.mark), tone);
        let mut lines = Vec::new();
        for pieces in folded(
            columns,
            &self.cells,
            fit,
            Some(width.saturating_sub(GUTTER)),
        ) {
            // The mark stands once.
            let mut spans = vec![std::mem::replace(&mut mark, Span::raw(" ".repeat(GUTTER)))];
            let mut used = GUTTER;
            for piece in pieces {
                used += piece.text.width();
                let tone = match self.look {
                    Look::Gone => Tone::Quiet,
                    _ => piece.tone,
                };
                spans.push(Span::styled(piece.text, whole.patch(style(theme, tone))));
            }
            spans.push(Span::raw(" ".repeat(width.saturating_sub(used))));
            let line = Line::from(spans);
            lines.push(if self.is_chosen {
                line.patch_style(Style::new().add_modifier(Modifier::REVERSED))
            } else {
                line
            });
        }
        lines
    }
}
