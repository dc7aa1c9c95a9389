//! How large the terminal is.

use std::io::{self, IsTerminal};

use crate::text::frame::Size;

/// What a terminal that does not tell its size is taken for: a serial line says 0x0.
const USUAL: Size = Size::new(80, 24);
/// Columns and lines of the largest frame that is drawn. What says more (65535x65535) is no
/// terminal that anybody sees, and a frame of that size would take all memory.
const LARGEST: Size = Size::new(1000, 500);
/// Narrower lines have no room for a state and its count.
const NARROWEST: usize = 20;

/// The size of the terminal: that for which a frame is laid out, and in which it is drawn.
#[must_use]
pub fn size() -> Size {
    let told = rustix::termios::tcgetwinsize(io::stdout());
    bounded(told.map_or(Size::new(0, 0), |told| Size::new(told.ws_col, told.ws_row)))
}

/// A size that can be drawn in, whatever a terminal tells.
fn bounded(told: Size) -> Size {
    let or_usual = |told, usual| if told > 0 { told } else { usual };
    Size {
        columns: or_usual(told.columns, USUAL.columns).min(LARGEST.columns),
        lines: or_usual(told.lines, USUAL.lines).min(LARGEST.lines),
    }
}

/// The width of lines on the terminal, in columns: `COLUMNS`, else what the terminal says, else
/// 80. `None` when standard output is no terminal: then nothing is cut.
#[must_use]
pub fn width() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    let variable = std::env::var("COLUMNS").ok();
    Some(columns(variable.as_deref(), size().columns))
}

/// The same for a frame that is drawn in place: never wider than the terminal is.
#[must_use]
pub fn frame_width() -> Option<usize> {
    Some(width()?.min(usize::from(size().columns)))
}

/// What `COLUMNS` asks for, where it is a number of columns; else what the terminal has.
fn columns(variable: Option<&str>, told: u16) -> usize {
    let asked = variable.and_then(|text| text.trim().parse().ok());
    let asked = asked.filter(|columns: &usize| *columns > 0);
    let most = usize::from(u16::MAX);
    asked.unwrap_or(usize::from(told)).clamp(NARROWEST, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_size_becomes_one_that_can_be_drawn_in() {
        for (told, drawn) in [
            ((0, 0), (80, 24)),
            ((0, 50), (80, 50)),
            ((132, 0), (132, 24)),
            ((1, 1), (1, 1)),
            ((200, 50), (200, 50)),
            ((u16::MAX, u16::MAX), (1000, 500)),
            ((u16::MAX, 10), (1000, 10)),
        ] {
            let size = |(columns, lines)| Size::new(columns, lines);
            assert_eq!(bounded(size(told)), size(drawn), "{told:?}");
        }
    }

    #[test]
    fn a_variable_that_is_no_number_of_columns_is_passed_over() {
        for (variable, width) in [
            (None, 100),
            (Some(""), 100),
            (Some("0"), 100),
            (Some("-5"), 100),
            (Some("wide"), 100),
            (Some("99999999999999999999999999"), 100),
            (Some("60"), 60),
            (Some(" 60 "), 60),
            (Some("3"), 20),
            (Some("4000000000"), 65_535),
        ] {
            assert_eq!(columns(variable, 100), width, "{variable:?}");
        }
        assert_eq!(columns(None, 4), 20);
    }
}
