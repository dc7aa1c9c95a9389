//! The colours of a theme, each with a background on which it can be read. Pure.

use super::theme::Tone;

/// A set of colours.
///
/// All but the terminal's own come from the fixed part of the 256 colours (16 to 255), so that it
/// is known what they look like. Good and bad are blue and red, never green and red: both eyes
/// that see no red and eyes that see no green tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Palette {
    /// Readable on black and on white.
    Neutral,
    /// For a dark background.
    Dark,
    /// For a light background.
    Light,
    /// The terminal's own green, yellow and red, whatever they look like there.
    Terminal,
}

/// How a piece of text is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ink {
    /// Absent: the terminal's usual colour.
    pub colour: Option<Colour>,
    /// Bold.
    pub is_bold: bool,
    /// Less bright.
    pub is_dim: bool,
}

/// A colour by the number that terminals know it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    /// Red (SGR 31).
    Red,
    /// Green (SGR 32).
    Green,
    /// Yellow (SGR 33).
    Yellow,
    /// One of the 256 (SGR 38;5).
    Indexed(u8),
}

impl Palette {
    /// How text of this tone is written.
    #[must_use]
    pub(crate) const fn ink(self, tone: Tone) -> Ink {
        let (calm, waiting, bad, quiet) = match self {
            Self::Neutral => (63, 98, 131, 243),
            Self::Dark => (80, 221, 203, 246),
            Self::Light => (25, 94, 124, 241),
            Self::Terminal => return terminal(tone),
        };
        let colour = match tone {
            Tone::Normal | Tone::Strong => None,
            Tone::Calm => Some(Colour::Indexed(calm)),
            Tone::Waiting => Some(Colour::Indexed(waiting)),
            Tone::Bad => Some(Colour::Indexed(bad)),
            Tone::Heading | Tone::Quiet => Some(Colour::Indexed(quiet)),
        };
        Ink {
            colour,
            is_bold: is_bold(tone),
            is_dim: false,
        }
    }
}

const fn terminal(tone: Tone) -> Ink {
    Ink {
        colour: match tone {
            Tone::Calm => Some(Colour::Green),
            Tone::Waiting => Some(Colour::Yellow),
            Tone::Bad => Some(Colour::Red),
            Tone::Normal | Tone::Strong | Tone::Heading | Tone::Quiet => None,
        },
        is_bold: is_bold(tone),
        is_dim: matches!(tone, Tone::Heading | Tone::Quiet),
    }
}

/// What has weight without any colour too.
pub(super) const fn is_bold(tone: Tone) -> bool {
    matches!(tone, Tone::Heading | Tone::Strong | Tone::Bad)
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::float_arithmetic,
        clippy::suboptimal_flops,
        reason = "colours are fractions, written as the papers write them"
    )]

    use super::*;

    /// Red, green and blue as light, each from 0 to 1.
    type Light = [f64; 3];

    const BLACK: Light = [0.0; 3];
    const WHITE: Light = [1.0; 3];
    const TONES: [Tone; 5] = [
        Tone::Calm,
        Tone::Waiting,
        Tone::Bad,
        Tone::Quiet,
        Tone::Heading,
    ];

    /// What the 256 colours are from 16 on: a cube of six steps, then 24 greys (xterm).
    fn light(palette: Palette, tone: Tone) -> Light {
        let Some(Colour::Indexed(index)) = palette.ink(tone).colour else {
            panic!("{palette:?} {tone:?} has no known colour")
        };
        let bytes = match index {
            ..16 => panic!("{index} is the terminal's own"),
            16..232 => {
                let [red, green, blue] = [36, 6, 1].map(|step| (index - 16) / step % 6);
                [red, green, blue].map(|step| if step == 0 { 0 } else { 55 + 40 * step })
            }
            232.. => [8 + 10 * (index - 232); 3],
        };
        // sRGB (IEC 61966-2-1).
        bytes.map(|byte| match f64::from(byte) / 255.0 {
            low if low <= 0.04045 => low / 12.92,
            high => ((high + 0.055) / 1.055).powf(2.4),
        })
    }

    fn luminance([red, green, blue]: Light) -> f64 {
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// The contrast ratio of WCAG 2: from 1 to 21.
    fn contrast(one: Light, other: Light) -> f64 {
        let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
        one.max(other) / one.min(other)
    }

    #[test]
    fn all_text_can_be_read_on_its_background() {
        for (palette, backgrounds) in [
            (Palette::Neutral, &[BLACK, WHITE][..]),
            (Palette::Dark, &[BLACK]),
            (Palette::Light, &[WHITE]),
        ] {
            for tone in TONES {
                for background in backgrounds {
                    let ratio = contrast(light(palette, tone), *background);
                    assert!(ratio >= 4.5, "{palette:?} {tone:?} {background:?}: {ratio}");
                }
            }
        }
        assert!((contrast(BLACK, WHITE) - 21.0).abs() < 0.01);
    }

    /// Eyes without one kind of cone: Machado, Oliveira and Fernandes 2009, severity 1.
    const EYES: [(&str, [Light; 3]); 4] = [
        ("usual", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        (
            "protanopia",
            [
                [0.152_286, 1.052_583, -0.204_868],
                [0.114_503, 0.786_281, 0.099_216],
                [-0.003_882, -0.048_116, 1.051_998],
            ],
        ),
        (
            "deuteranopia",
            [
                [0.367_322, 0.860_646, -0.227_968],
                [0.280_085, 0.672_501, 0.047_413],
                [-0.011_820, 0.042_940, 0.968_881],
            ],
        ),
        (
            "tritanopia",
            [
                [1.255_528, -0.076_749, -0.178_779],
                [-0.078_411, 0.930_809, 0.147_602],
                [0.004_733, 0.691_367, 0.303_900],
            ],
        ),
    ];

    /// CIE L*a*b*, in which a distance of 2 is just seen.
    fn lab([red, green, blue]: Light) -> Light {
        let share = |value: f64| {
            if value > 0.008_856 {
                value.cbrt()
            } else {
                7.787 * value + 16.0 / 116.0
            }
        };
        let x = share((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505);
        let y = share(luminance([red, green, blue]));
        let z = share((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089);
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    fn seen(by: &[Light; 3], light: Light) -> Light {
        by.map(|row| {
            let sum: f64 = row
                .iter()
                .zip(light)
                .map(|(share, part)| share * part)
                .sum();
            sum.clamp(0.0, 1.0)
        })
    }

    #[test]
    fn good_and_bad_are_told_apart_by_all_eyes() {
        for palette in [Palette::Neutral, Palette::Dark, Palette::Light] {
            for (name, eye) in &EYES {
                let good = lab(seen(eye, light(palette, Tone::Calm)));
                let bad = lab(seen(eye, light(palette, Tone::Bad)));
                let squares = good
                    .iter()
                    .zip(bad)
                    .map(|(one, other)| (one - other).powi(2));
                let distance = squares.sum::<f64>().sqrt();
                assert!(distance > 30.0, "{palette:?} {name}: {distance}");
            }
        }
    }
}
