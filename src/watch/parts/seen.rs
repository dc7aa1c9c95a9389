//! Which rows of the body are seen, and how.

use crate::text::grid::Frame;
use crate::watch::state::App;

/// The rows that a body of this height has room for where each takes one line.
pub(crate) const fn seats(height: u16) -> usize {
    (height as usize).saturating_sub(1)
}

/// The indices of the rows that can be seen.
pub(crate) fn seen<'a, T>(
    app: &App,
    items: &'a [T],
    height: u16,
) -> impl Iterator<Item = (usize, &'a T)> + use<'a, T> {
    let items = items.iter().enumerate().skip(app.top);
    items.take(seats(height))
}

pub(crate) fn is_chosen(app: &App, index: usize) -> bool {
    app.chosen.is_some() && app.cursor == index
}

/// How other renderers draw for this screen.
pub(crate) fn frame(app: &App) -> Frame {
    Frame {
        theme: app.setup.theme,
        width: Some(usize::from(app.size.columns)),
        header: true,
        indent: 0,
    }
}
