//! Where the parts of the screen are, and how much of them can be seen at once.

use ratatui::layout::Rect;

use super::parts::{body, counts, header, overlay, piles};
use super::state::App;
use super::state::event::Overlay;
use crate::text::frame::Size;

/// Where the parts of the screen are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Areas {
    /// Title and tabs.
    pub title: Rect,
    /// Counts by state.
    pub counts: Rect,
    /// The filter and what is wrong with it; without height where there is none.
    pub filter: Rect,
    /// The headings of the columns and the rows.
    pub body: Rect,
    /// What is told of the chosen row, or of all, below the rows.
    pub more: Rect,
    /// Keys, or what went wrong.
    pub footer: Rect,
}

/// The parts of a screen of this size, as high as what they have to tell.
pub(super) fn areas(app: &App) -> Areas {
    let Size {
        columns: width,
        lines: height,
    } = app.size;
    let mut top = 0;
    let mut take = |lines: u16, left: u16| {
        let lines = lines.min(height.saturating_sub(top).saturating_sub(left));
        let area = Rect::new(0, top, width, lines);
        top += lines;
        area
    };
    let title = take(2, 0);
    let counts = take(counts::height(app), 5);
    let filter = take(header::filter_height(app), 4);
    let more = piles::more_height(app);
    let more = more.min(height.saturating_sub(title.height + counts.height + filter.height) / 2);
    let body = take(height, more + 1);
    Areas {
        title,
        counts,
        filter,
        body,
        more: take(more, 1),
        footer: take(1, 0),
    }
}

/// Rows of the body that can be seen at once, from the one at the top on.
#[must_use]
pub fn page(app: &App) -> usize {
    body::page(app, areas(app).body.height)
}

/// Where the overlay is: the whole screen but the title and the last line.
pub(super) fn overlay_area(app: &App) -> Rect {
    let Size {
        columns: width,
        lines: height,
    } = app.size;
    match app.overlay {
        Overlay::Help => {
            let lines = u16::try_from(app.overlay_length).unwrap_or(20) + 2;
            let wide = overlay::help_width(app);
            let (wide, high) = (wide, height.saturating_sub(1).min(lines));
            Rect::new((width - wide) / 2, (height - high) / 2, wide, high)
        }
        _ => Rect::new(0, 2.min(height), width, height.saturating_sub(3)),
    }
}

/// Lines of the overlay that can be seen at once.
#[must_use]
pub fn overlay_page(app: &App) -> usize {
    usize::from(overlay_area(app).height.saturating_sub(2))
}
