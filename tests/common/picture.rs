//! A terminal's screen as a picture (SVG), which says the same whoever looks at it.

use std::fmt::Write;

use vt100::{Cell, Color, Screen};

/// The width of a character and the height of a line, in pixels.
const CELL: (f32, u16) = (8.4, 19);
/// Room around the text.
const MARGIN: u16 = 14;
/// The bar above the text.
const BAR: u16 = 30;

const BACKGROUND: &str = "#0f1419";
const TEXT: &str = "#d5d8dc";

/// The lines of the screen down to the last one with text.
pub fn svg(screen: &Screen, title: &str) -> String {
    let (lines, columns) = screen.size();
    let (lines, columns) = (lines.get(), columns.get());
    let is_blank = |line: &u16| (0..columns).all(|column| text_of(screen, *line, column) == " ");
    let lines = (0..lines)
        .rev()
        .find(|line| !is_blank(line))
        .map_or(1, |last| last + 1);
    let (width, height) = (
        f32::from(columns) * CELL.0 + 2.0 * f32::from(MARGIN),
        lines * CELL.1 + BAR + MARGIN,
    );
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height}\" \
         viewBox=\"0 0 {width:.0} {height}\" role=\"img\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"14\">\n\
         <title>{}</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n",
        escaped(title)
    );
    for (index, fill) in ["#ff5f57", "#febc2e", "#28c840"].iter().enumerate() {
        let x = usize::from(MARGIN) + 6 + 20 * index;
        let _ = writeln!(
            svg,
            "<circle cx=\"{x}\" cy=\"16\" r=\"6\" fill=\"{fill}\"/>"
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"50%\" y=\"21\" text-anchor=\"middle\" fill=\"#8b949e\">{}</text>",
        escaped(title)
    );
    for line in 0..lines {
        write_line(&mut svg, screen, line, columns);
    }
    svg + "</svg>\n"
}

/// Runs of characters that look alike, each at its column: no font can shift what follows.
fn write_line(svg: &mut String, screen: &Screen, line: u16, columns: u16) {
    let mut column = 0;
    while column < columns {
        let look = Look::of(screen, line, column);
        let begin = column;
        let mut text = String::new();
        while column < columns && Look::of(screen, line, column) == look {
            text += &text_of(screen, line, column);
            column += 1;
        }
        let baseline = BAR + line * CELL.1 + 14;
        if look.is_inverse {
            let _ = writeln!(
                svg,
                "<rect x=\"{:.1}\" y=\"{}\" width=\"{:.1}\" height=\"{}\" fill=\"{}\"/>",
                x(begin),
                baseline - 14,
                f32::from(column - begin) * CELL.0,
                CELL.1,
                look.foreground
            );
        }
        let shown = text.trim_end();
        if shown.is_empty() {
            continue;
        }
        let indent = shown.len() - shown.trim_start().len();
        let shown = shown.trim_start();
        let length = f32::from(shown.chars().count() as u16) * CELL.0;
        let fill = if look.is_inverse {
            BACKGROUND
        } else {
            &look.foreground
        };
        let weight = if look.is_bold {
            " font-weight=\"bold\""
        } else {
            ""
        };
        let opacity = if look.is_dim { " opacity=\"0.7\"" } else { "" };
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{baseline}\" textLength=\"{length:.1}\" \
             lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\" fill=\"{fill}\"{weight}{opacity}>{}</text>",
            x(begin + indent as u16),
            escaped(shown)
        );
    }
}

fn x(column: u16) -> f32 {
    f32::from(MARGIN) + f32::from(column) * CELL.0
}

/// How a character looks.
#[derive(Debug, PartialEq, Eq)]
struct Look {
    foreground: String,
    is_bold: bool,
    is_dim: bool,
    is_inverse: bool,
}

impl Look {
    fn of(screen: &Screen, line: u16, column: u16) -> Self {
        let cell = screen.cell(line, column);
        let is = |what: fn(&Cell) -> bool| cell.is_some_and(what);
        Self {
            foreground: colour(cell.map_or(Color::Default, Cell::fgcolor)),
            is_bold: is(Cell::bold),
            is_dim: is(Cell::dim),
            is_inverse: is(Cell::inverse),
        }
    }
}

fn text_of(screen: &Screen, line: u16, column: u16) -> String {
    match screen.cell(line, column).map(Cell::contents) {
        None | Some("") => " ".to_owned(),
        Some(text) => text.to_owned(),
    }
}

/// The 256 colours as xterm has them: a cube of six steps, then greys.
fn colour(colour: Color) -> String {
    let step = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
    match colour {
        Color::Default => TEXT.to_owned(),
        Color::Rgb(red, green, blue) => format!("#{red:02x}{green:02x}{blue:02x}"),
        Color::Idx(index @ 232..) => {
            let grey = 8 + 10 * (index - 232);
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
        Color::Idx(index @ 16..) => {
            let [red, green, blue] = [36, 6, 1].map(|unit| step((index - 16) / unit % 6));
            format!("#{red:02x}{green:02x}{blue:02x}")
        }
        Color::Idx(index) => panic!("{index} is no colour that looks the same everywhere"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
