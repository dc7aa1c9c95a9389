//! The state as a screen. Drawing reads the state and changes nothing.

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear, Paragraph};
use unicode_width::UnicodeWidthStr;

use super::geometry::{areas, overlay_area};
use super::parts::style::style;
use super::parts::{body, counts, header, overlay, piles, style};
use super::state::App;
use super::state::event::Overlay;
use crate::text::frame::Size;
use crate::text::theme::{Theme, Tone};
use crate::text::units::lines_more;

/// The smallest terminal in which anything can be told.
const SMALLEST: (u16, u16) = (40, 10);

/// Draws the state.
pub fn draw(frame: &mut Frame<'_>, app: &App) {
    let Size {
        columns: width,
        lines: height,
    } = app.size;
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
        draw_overlay(frame, app, theme);
    }
}

fn too_small(frame: &mut Frame<'_>, app: &App) {
    let Size {
        columns: width,
        lines: height,
    } = app.size;
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

/// What lies over the body, in a border that tells how it closes.
fn draw_overlay(frame: &mut Frame<'_>, app: &App, theme: Theme) {
    let area = overlay_area(app).intersection(frame.area());
    let lines = overlay::lines(app);
    let page = usize::from(area.height.saturating_sub(2));
    let top = app.overlay_top.min(lines.len().saturating_sub(page));
    let more = lines.len().saturating_sub(top + page);
    let title = match app.overlay {
        Overlay::Help => " keys ",
        Overlay::Finding(_) => " finding ",
        _ => " socket ",
    };
    let is_finding = matches!(app.overlay, Overlay::Finding(_));
    let mut told = Vec::new();
    told.extend(is_finding.then(|| "Enter its sockets".to_owned()));
    told.extend((more > 0).then(|| format!("{}: Down, PgDn", lines_more(more))));
    told.push("Esc closes".to_owned());
    // How it closes stays, and how much more there is.
    while told.len() > 1 && told.join("; ").width() + 4 > usize::from(area.width) {
        told.remove(0);
    }
    if told.len() == 1 && more > 0 {
        told.insert(0, lines_more(more));
    }
    let bottom = format!(" {} ", told.join("; "));
    let block = Block::bordered()
        .border_style(style(theme, Tone::Quiet))
        .title(title)
        .title_bottom(bottom);
    let shown: Vec<_> = lines.into_iter().skip(top).take(page).collect();
    // Beside it no halves of words remain.
    let lines = Rect::new(0, area.y, frame.area().width, area.height);
    frame.render_widget(Clear, lines);
    frame.render_widget(Paragraph::new(shown).block(block), area);
}
