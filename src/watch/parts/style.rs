//! Meanings as styles of the terminal, and painted text as its lines.

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use crate::text::theme::{Theme, Tone};

/// How text of a tone looks. Without colours only the weight tells.
pub(crate) fn style(theme: Theme, tone: Tone) -> Style {
    let plain = Style::new();
    let coloured = |colour| {
        if theme.colour {
            plain.fg(colour)
        } else {
            plain
        }
    };
    match tone {
        Tone::Normal => plain,
        Tone::Heading => plain.add_modifier(Modifier::BOLD | Modifier::DIM),
        Tone::Strong => plain.add_modifier(Modifier::BOLD),
        Tone::Calm => coloured(Color::Green),
        Tone::Waiting => coloured(Color::Yellow),
        Tone::Bad => coloured(Color::Red).add_modifier(Modifier::BOLD),
        Tone::Quiet => plain.add_modifier(Modifier::DIM),
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
                    style = codes.split(';').fold(style, with_code);
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

    #[test]
    fn what_the_theme_paints_is_read_back() {
        let theme = Theme { colour: true };
        let tones = [
            Tone::Normal,
            Tone::Heading,
            Tone::Strong,
            Tone::Calm,
            Tone::Waiting,
            Tone::Bad,
            Tone::Quiet,
        ];
        for tone in tones {
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
            assert_eq!(b.map(|span| span.style.fg), Some(expected.fg), "{tone:?}");
            let modifiers = b.map(|span| span.style.add_modifier);
            assert_eq!(modifiers, Some(expected.add_modifier), "{tone:?}");
            let last = line.spans.last().map(|span| span.style);
            assert_eq!(
                last.map(|s| (s.fg, s.add_modifier.is_empty())),
                Some((None, true))
            );
        }
        assert_eq!(painted("x\u{1b}[99;5my\n\u{1b}[").len(), 2);
    }
}
