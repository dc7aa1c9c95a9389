//! Meanings as styles of the terminal, and painted text as its lines.

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use crate::text::palette::Colour;
use crate::text::theme::{Theme, Tone};

/// How text of a tone looks. Without colours only the weight tells.
pub(crate) fn style(theme: Theme, tone: Tone) -> Style {
    let ink = theme.ink(tone);
    let style = Style {
        fg: ink.colour.map(colour),
        ..Style::new()
    };
    let bold = if ink.is_bold {
        Modifier::BOLD
    } else {
        Modifier::empty()
    };
    let dim = if ink.is_dim {
        Modifier::DIM
    } else {
        Modifier::empty()
    };
    style.add_modifier(bold | dim)
}

const fn colour(colour: Colour) -> Color {
    match colour {
        Colour::Red => Color::Red,
        Colour::Green => Color::Green,
        Colour::Yellow => Color::Yellow,
        Colour::Indexed(index) => Color::Indexed(index),
    }
}

/// A piece of text.
pub(crate) fn span(theme: Theme, text: impl Into<String>, tone: Tone) -> Span<'static> {
    Span::styled(text.into(), style(theme, tone))
}

/// What a renderer painted for a terminal, as lines: it knows the few codes that our own theme
/// writes, and drops any other.
pub(crate) fn painted(text: &str) -> Vec<Line<'static>> {
    let mut style = Style::new();
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut spans = Vec::new();
        for (index, part) in line.split("\u{1b}[").enumerate() {
            let text = match (index, part.split_once('m')) {
                (0, _) => part,
                (_, Some((codes, text))) => {
                    style = with_codes(style, codes);
                    text
                }
                (_, None) => "",
            };
            if !text.is_empty() {
                spans.push(Span::styled(text.to_owned(), style));
            }
        }
        lines.push(Line::from(spans));
    }
    lines
}

fn with_codes(mut style: Style, codes: &str) -> Style {
    let mut codes = codes.split(';');
    while let Some(code) = codes.next() {
        style = match code {
            // One of the 256 colours: 38;5;INDEX.
            "38" => match (codes.next(), codes.next().map(str::parse)) {
                (Some("5"), Some(Ok(index))) => style.fg(Color::Indexed(index)),
                _ => style,
            },
            code => with_code(style, code),
        };
    }
    style
}

fn with_code(style: Style, code: &str) -> Style {
    match code {
        "1" => style.add_modifier(Modifier::BOLD),
        "2" => style.add_modifier(Modifier::DIM),
        "31" => style.fg(Color::Red),
        "32" => style.fg(Color::Green),
        "33" => style.fg(Color::Yellow),
        "22" => style.remove_modifier(Modifier::BOLD | Modifier::DIM),
        "39" => Style { fg: None, ..style },
        "" | "0" => Style::new(),
        _ => style,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::palette::Palette;

    #[test]
    fn what_the_theme_paints_is_read_back() {
        let tones = [
            Tone::Normal,
            Tone::Heading,
            Tone::Strong,
            Tone::Calm,
            Tone::Waiting,
            Tone::Bad,
            Tone::Quiet,
        ];
        let palettes = [
            Palette::Neutral,
            Palette::Dark,
            Palette::Light,
            Palette::Terminal,
        ];
        let all = palettes
            .iter()
            .flat_map(|palette| tones.map(|tone| (*palette, tone)));
        for (palette, tone) in all {
            let theme = Theme::coloured(palette);
            let text = format!("a {} c", theme.paint("b", tone));
            let [line] = &painted(&text)[..] else {
                panic!("{text:?}")
            };
            let read: String = line
                .spans
                .iter()
                .map(|span| span.content.as_ref())
                .collect();
            assert_eq!(read, "a b c");
            let b = line.spans.iter().find(|span| span.content.contains('b'));
            let expected = style(theme, tone);
            assert_eq!(
                b.map(|span| span.style.fg),
                Some(expected.fg),
                "{palette:?} {tone:?}"
            );
            let modifiers = b.map(|span| span.style.add_modifier);
            assert_eq!(
                modifiers,
                Some(expected.add_modifier),
                "{palette:?} {tone:?}"
            );
            let last = line.spans.last().map(|span| span.style);
            assert_eq!(
                last.map(|s| (s.fg, s.add_modifier.is_empty())),
                Some((None, true))
            );
        }
        assert_eq!(painted("x\u{1b}[99;5my\n\u{1b}[").len(), 2);
    }
}
