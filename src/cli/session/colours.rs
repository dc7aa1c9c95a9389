//! Whether there are colours, and which: options, variables of the environment, the terminal.

use std::env;

use crate::cli::args::options::{ColorName, ThemeName};
use crate::text::palette::Palette;
use crate::text::theme::Theme;

/// The colours of a run.
pub(crate) fn theme(color: ColorName, theme: ThemeName) -> Theme {
    if wants_colour(color) {
        Theme::coloured(palette(theme, variable))
    } else {
        Theme::PLAIN
    }
}

/// `--color` over `NO_COLOR`, over `FORCE_COLOR` and `CLICOLOR_FORCE`, over `CLICOLOR=0`, over
/// a terminal whose `TERM` is not dumb.
pub(crate) fn wants_colour(color: ColorName) -> bool {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty());
    let is_on = |name| variable(name).is_some_and(|value| value != "0");
    match color {
        ColorName::Always => true,
        ColorName::Never => false,
        ColorName::Auto if variable("NO_COLOR").is_some() => false,
        ColorName::Auto if is_on("FORCE_COLOR") || is_on("CLICOLOR_FORCE") => true,
        ColorName::Auto if variable("CLICOLOR").is_some_and(|value| value == "0") => false,
        ColorName::Auto => {
            crate::terminal::is_terminal() && variable("TERM").is_some_and(|term| term != "dumb")
        }
    }
}

/// `auto` is what can be read wherever it is written, unless the terminal tells more of itself.
fn palette(theme: ThemeName, variable: impl Fn(&str) -> Option<String>) -> Palette {
    match theme {
        ThemeName::Neutral => Palette::Neutral,
        ThemeName::Dark => Palette::Dark,
        ThemeName::Light => Palette::Light,
        ThemeName::Terminal => Palette::Terminal,
        ThemeName::Auto if has_few_colours(&variable) => Palette::Terminal,
        ThemeName::Auto => match variable("COLORFGBG").as_deref().and_then(is_dark) {
            Some(true) => Palette::Dark,
            Some(false) => Palette::Light,
            None => Palette::Neutral,
        },
    }
}

/// Consoles that know 16 colours only, and would show another for each of the 256.
fn has_few_colours(variable: impl Fn(&str) -> Option<String>) -> bool {
    let few = [
        "linux",
        "vt",
        "ansi",
        "cons",
        "sun",
        "xterm-color",
        "xterm-16color",
    ];
    let is_few = |term: String| few.iter().any(|name| term.starts_with(name));
    variable("COLORTERM").is_none() && variable("TERM").is_some_and(is_few)
}

/// `COLORFGBG` is "foreground;background" in the terminal's 16 colours, as rxvt began it
/// ("15;0", "0;default;15"); `None` where it tells no background.
fn is_dark(pair: &str) -> Option<bool> {
    let background: u8 = pair.rsplit(';').next()?.parse().ok()?;
    (background < 16).then_some(matches!(background, 0..=6 | 8))
}

/// A variable of the environment; an empty one is as good as none, and none that we know is not
/// UTF-8.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terminal_tells_its_background_and_its_colours() {
        for (term, colours, pair, expected) in [
            ("xterm-256color", "", "", Palette::Neutral),
            ("xterm-256color", "truecolor", "15;0", Palette::Dark),
            ("rxvt-unicode", "", "0;default;15", Palette::Light),
            ("xterm", "", "0;7", Palette::Light),
            ("xterm", "", "12;8", Palette::Dark),
            ("screen", "", "15;default", Palette::Neutral),
            ("screen", "", "15;99", Palette::Neutral),
            ("screen", "", ";", Palette::Neutral),
            ("linux", "", "15;0", Palette::Terminal),
            ("vt220", "", "", Palette::Terminal),
            ("linux", "truecolor", "", Palette::Neutral),
            ("", "", "", Palette::Neutral),
        ] {
            let variable = |name: &str| {
                let value = match name {
                    "TERM" => term,
                    "COLORTERM" => colours,
                    _ => pair,
                };
                (!value.is_empty()).then(|| value.to_owned())
            };
            let found = palette(ThemeName::Auto, variable);
            assert_eq!(found, expected, "{term} {colours} {pair}");
            assert_eq!(palette(ThemeName::Light, variable), Palette::Light);
        }
    }
}
