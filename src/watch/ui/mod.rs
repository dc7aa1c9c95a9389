//! The state as a screen. Drawing reads the state and changes nothing.

mod body;
mod counts;
mod findings;
mod header;
mod overlay;
mod piles;
mod style;
mod table;
#[cfg(test)]
mod tests;

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::app::App;
use super::event::Overlay;
use crate::text::theme::Tone;

/// The smallest terminal in which anything can be told.
const SMALLEST: (u16, u16) = (40, 10);

/// Where the parts of the screen are.
#[derive(Clone, Copy, Debug, Default)]
struct Areas {
    /// Title and tabs.
    title: Rect,
    /// Counts by state.
    counts: Rect,
    /// The filter and what is wrong with it; without height where there is none.
    filter: Rect,
    /// The headings of the columns and the rows.
    body: Rect,
    /// What is told of the chosen row, or of all, below the rows.
    more: Rect,
    /// Keys, or what went wrong.
    footer: Rect,
}

fn areas(app: &App) -> Areas {
    let (width, height) = app.size;
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

/// Lines of the body.
fn body_height(app: &App) -> u16 {
    areas(app).body.height
}

/// Rows of the body that can be seen at once, from the one at the top on.
#[must_use]
pub fn page(app: &App) -> usize {
    body::page(app, body_height(app))
}

/// Lines of the overlay that can be seen at once.
#[must_use]
pub fn overlay_page(app: &App) -> usize {
    usize::from(overlay::area(app).height.saturating_sub(2))
}

/// Lines of the overlay.
#[must_use]
pub fn overlay_length(app: &App) -> usize {
    overlay::lines(app).len()
}

/// Draws the state.
pub fn draw(frame: &mut Frame<'_>, app: &App) {
    let (width, height) = app.size;
    if width < SMALLEST.0 || height < SMALLEST.1 {
        return too_small(frame, app);
    }
    // The terminal may have shrunk since its size was told.
    let whole = frame.area();
    let clip = |area: Rect| area.intersection(whole);
    let all = areas(app);
    let theme = app.setup.theme;
    let body = body::body(app, all.body.height);
    let parts = [
        (all.title, header::title(app)),
        (all.counts, counts::lines(app)),
        (all.filter, header::filter(app)),
        (all.body, body.lines),
        (all.more, piles::more(app)),
        (all.footer, vec![header::footer(app, &body.left_out)]),
    ];
    for (area, lines) in parts {
        frame.render_widget(Paragraph::new(lines), clip(area));
    }
    if let Some(column) = header::cursor(app) {
        let column = column.min(width.saturating_sub(1));
        let place = Rect::new(column, all.filter.y, 1, 1);
        if !clip(place).is_empty() {
            frame.set_cursor_position((column, all.filter.y));
        }
    }
    if !matches!(app.overlay, Overlay::None) {
        overlay::draw(frame, app, theme);
    }
}

fn too_small(frame: &mut Frame<'_>, app: &App) {
    let (width, height) = app.size;
    let text = format!(
        "{width}x{height} is too small: {}x{} or more; q leaves",
        SMALLEST.0, SMALLEST.1
    );
    let lines: Vec<Line<'_>> = crate::text::wrap::wrap(&text, Some(usize::from(width.max(1))))
        .into_iter()
        .map(|line| Line::from(style::span(app.setup.theme, line, Tone::Waiting)))
        .collect();
    frame.render_widget(
        Paragraph::new(lines).alignment(Alignment::Left),
        frame.area(),
    );
}
