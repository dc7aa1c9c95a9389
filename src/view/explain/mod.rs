//! A page of `explain` for people and for programs, and the list of topics.

mod json;

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use crate::analyze::states::Counts;
use crate::explain::diagram::{Ink, Line};
use crate::explain::live::Reading;
use crate::explain::{self, Topic};
use crate::model::Kernel;
use crate::text::beside;
use crate::text::beside::Told;
use crate::text::grid::{Cell, Frame};
use crate::text::theme::{Theme, Tone, state_tone};
use crate::text::wrap::{WIDEST, wrap};

#[cfg(test)]
pub use json::LiveValue;
pub use json::{Page, TopicRow, TopicsAnswer};

/// A text is not squeezed into less beside its heading, but goes below it.
const NARROWEST: usize = 20;
/// Blanks before everything but the title.
const INDENT: usize = 2;
/// Blanks between two columns.
const GAP: usize = 2;
/// The heading of the live values.
const LIVE: &str = "On this host now; counters since its network namespace began";
/// The heading of the thresholds.
const JUDGED: &str = "doctor";
/// What stands where a value should.
const UNKNOWN: &str = "not known here";

/// Writes one page. `thresholds` are those of the rule, where the topic is a finding.
///
/// # Errors
/// What writing says.
pub fn page(
    out: &mut dyn Write,
    topic: &Topic,
    kernel: &Kernel,
    counts: Option<&Counts>,
    thresholds: &[String],
    frame: &Frame,
) -> io::Result<()> {
    let theme = frame.theme;
    let width = width(frame);
    title(out, topic, width, theme)?;
    writeln!(out)?;
    drawing(out, topic, width, theme)?;
    points(out, topic, thresholds, width, theme)?;
    live(out, topic, kernel, counts, width, theme)
}

/// Writes the list of topics, group by group.
///
/// # Errors
/// What writing says.
pub fn list(out: &mut dyn Write, frame: &Frame) -> io::Result<()> {
    let width = width(frame);
    let names = explain::topics().map(|topic| topic.name.width());
    let column = names.max().unwrap_or(0);
    let mut group = None;
    for topic in explain::topics() {
        if group != Some(topic.group) {
            group = Some(topic.group);
            let heading = topic.group.heading();
            for line in wrap(heading, Some(width)) {
                writeln!(out, "{}", frame.theme.paint(&line, Tone::Heading))?;
            }
        }
        if INDENT + column > width {
            let parts = [(topic.name, Tone::Strong), (topic.title, Tone::Normal)];
            below(out, &parts, width, frame.theme)?;
            continue;
        }
        let name = format!("{:<column$}", topic.name);
        let name = frame.theme.paint(&name, Tone::Strong);
        hanging(out, &name, column, topic.title, width)?;
    }
    Ok(())
}

fn width(frame: &Frame) -> usize {
    frame.width.unwrap_or(WIDEST).min(WIDEST)
}

fn title(out: &mut dyn Write, topic: &Topic, width: usize, theme: Theme) -> io::Result<()> {
    let name = Cell::new(format!("{}  ", topic.name), Tone::Strong);
    let title = Told::Prose(Cell::new(topic.title, Tone::Normal));
    let frame = Frame {
        theme,
        width: Some(width),
        header: true,
        indent: 0,
    };
    beside::write(out, &name, &title, &frame)
}

/// The drawing as wide as there is room: with its remarks, without, or not at all.
fn drawing(out: &mut dyn Write, topic: &Topic, width: usize, theme: Theme) -> io::Result<()> {
    let fits = |lines: &Vec<Line>| lines.iter().all(|line| INDENT + line_width(line) <= width);
    let drawings = [true, false].map(|notes| topic.drawing.lines(notes));
    let Some(lines) = drawings.iter().find(|lines| fits(lines)) else {
        let smallest = drawings.last().into_iter().flatten().map(line_width);
        let needed = INDENT + smallest.max().unwrap_or(0);
        let text = format!("(a terminal of {needed} columns has room for the drawing)");
        for line in wrap(&text, Some(width.saturating_sub(INDENT))) {
            writeln!(out, "  {}", theme.paint(&line, Tone::Quiet))?;
        }
        return writeln!(out);
    };
    for line in lines {
        writeln!(out, "{}", drawn(line, theme))?;
    }
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out)
}

/// A line of a drawing, indented, without blanks at its end.
fn drawn(line: &Line, theme: Theme) -> String {
    let mut text = " ".repeat(INDENT);
    let last = line.iter().rposition(|piece| !piece.text.trim().is_empty());
    let pieces = line.iter().take(last.map_or(0, |last| last + 1));
    for (index, piece) in pieces.enumerate() {
        let whole = if Some(index) == last {
            piece.text.trim_end()
        } else {
            &piece.text
        };
        text.push_str(&paint(whole, piece.ink, theme));
    }
    text
}

fn line_width(line: &Line) -> usize {
    let text: String = line.iter().map(|piece| piece.text.as_str()).collect();
    text.trim_end().width()
}

fn paint(text: &str, ink: Ink, theme: Theme) -> String {
    let tone = match ink {
        Ink::Plain => Tone::Normal,
        Ink::Heading => Tone::Heading,
        Ink::Faint => Tone::Quiet,
        Ink::Marked(Some(state)) => state_tone(state),
        Ink::Marked(None) => Tone::Waiting,
    };
    let start = text.len() - text.trim_start().len();
    let (blanks, rest) = text.split_at_checked(start).unwrap_or(("", text));
    format!("{blanks}{}", theme.paint(rest, tone))
}

fn points(
    out: &mut dyn Write,
    topic: &Topic,
    thresholds: &[String],
    width: usize,
    theme: Theme,
) -> io::Result<()> {
    let told = topic.points.iter().map(|point| (point.heading, point.text));
    let judged = thresholds
        .iter()
        .enumerate()
        .map(|(index, text)| match index {
            0 => (JUDGED, text.as_str()),
            _ => ("", text.as_str()),
        });
    let told: Vec<_> = told.chain(judged).collect();
    let column = told.iter().map(|(heading, _)| heading.width()).max();
    let column = column.unwrap_or(0);
    for (heading, text) in told {
        let heading = theme.paint(&format!("{heading:<column$}"), Tone::Heading);
        hanging(out, &heading, column, text, width)?;
    }
    Ok(())
}

fn live(
    out: &mut dyn Write,
    topic: &Topic,
    kernel: &Kernel,
    counts: Option<&Counts>,
    width: usize,
    theme: Theme,
) -> io::Result<()> {
    for line in wrap(LIVE, Some(width)) {
        writeln!(out, "{}", theme.paint(&line, Tone::Heading))?;
    }
    let rows = topic.live.iter().map(|live| {
        let value = live.value(kernel, counts);
        let tone = if value.is_some() {
            Tone::Strong
        } else {
            Tone::Quiet
        };
        (live.name(), shown(value, live.unit()), tone, live.meaning())
    });
    let rows: Vec<_> = rows.collect();
    let names = rows.iter().map(|row| row.0.width()).max().unwrap_or(0);
    let values = rows.iter().map(|row| row.1.width()).max().unwrap_or(0);
    for (name, value, tone, meaning) in rows {
        if INDENT + names + GAP + values > width {
            let parts = [
                (name.as_str(), Tone::Normal),
                (&value, tone),
                (meaning, Tone::Normal),
            ];
            below(out, &parts, width, theme)?;
            continue;
        }
        let value = format!("{value:>values$}");
        let head = format!("{name:<names$}  {}", theme.paint(&value, tone));
        hanging(out, &head, names + GAP + values, meaning, width)?;
    }
    Ok(())
}

/// A value below its name, and its meaning below that.
fn below(
    out: &mut dyn Write,
    parts: &[(&str, Tone)],
    width: usize,
    theme: Theme,
) -> io::Result<()> {
    let told = parts.iter().enumerate();
    for (index, (text, tone)) in told.filter(|(_, (text, _))| !text.is_empty()) {
        let margin = if index == 0 { INDENT } else { 2 * INDENT };
        for line in wrap(text, Some(width.saturating_sub(margin).max(2))) {
            writeln!(out, "{:margin$}{}", "", theme.paint(&line, *tone))?;
        }
    }
    Ok(())
}

fn shown(value: Option<Reading>, unit: &str) -> String {
    let text = match value {
        None => return UNKNOWN.to_owned(),
        // What the kernel says where there is no limit.
        Some(Reading::Number(number)) if number == i64::MAX.unsigned_abs() => {
            return "no limit".to_owned();
        }
        Some(Reading::Number(number)) => number.to_string(),
        Some(Reading::Text(text)) if text.is_empty() => return "none".to_owned(),
        Some(Reading::Text(text)) => text,
    };
    match unit {
        "" => text,
        unit => format!("{text} {unit}"),
    }
}

/// Writes `text` behind `head`, which is `used` columns wide, and goes on under itself; under
/// the head where the terminal is too narrow for both.
fn hanging(
    out: &mut dyn Write,
    head: &str,
    used: usize,
    text: &str,
    width: usize,
) -> io::Result<()> {
    let margin = " ".repeat(INDENT);
    let beside = INDENT + used + GAP;
    if width < beside + text.width().min(NARROWEST) {
        if !head.trim().is_empty() {
            writeln!(out, "{margin}{}", head.trim_end())?;
        }
        for line in wrap(text, Some(width.saturating_sub(2 * INDENT))) {
            writeln!(out, "{margin}{margin}{line}")?;
        }
        return Ok(());
    }
    for (index, line) in wrap(text, Some(width - beside)).iter().enumerate() {
        match index {
            0 => writeln!(out, "{margin}{head}  {line}")?,
            _ => writeln!(out, "{}{line}", " ".repeat(beside))?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::{LiveFact, TopicGroup, find, topics};
    use crate::model::State;

    /// A kernel that knows every value that a topic asks for, large ones too.
    fn kernel() -> Kernel {
        let mut kernel = Kernel::default();
        for name in topics().flat_map(|topic| topic.live.iter().filter_map(LiveFact::sysctl)) {
            kernel.set(name, "1048576");
        }
        for (name, text) in [
            ("fs.nr_open", "1073741816"),
            ("net.core.rmem_default", "212992"),
            ("net.core.rmem_max", "212992"),
            ("net.core.somaxconn", "4096"),
            ("net.ipv4.ip_local_port_range", "32768\t60999"),
            ("net.ipv4.ip_local_reserved_ports", ""),
            ("net.ipv4.tcp_fin_timeout", "60"),
            ("net.ipv4.tcp_keepalive_intvl", "75"),
            ("net.ipv4.tcp_keepalive_probes", "9"),
            ("net.ipv4.tcp_keepalive_time", "7200"),
            ("net.ipv4.tcp_mem", "188319\t251093\t376638"),
            ("net.ipv4.tcp_orphan_retries", "0"),
            ("net.ipv4.tcp_retries2", "15"),
            ("net.ipv4.tcp_rmem", "4096\t131072\t33554432"),
            ("net.ipv4.tcp_syn_linear_timeouts", "4"),
            ("net.ipv4.tcp_syn_retries", "6"),
            ("net.ipv4.tcp_synack_retries", "5"),
            ("net.ipv4.tcp_wmem", "4096\t16384\t4194304"),
        ] {
            kernel.set(name, text);
        }
        for (group, name) in topics().flat_map(|t| t.live.iter().filter_map(LiveFact::counter)) {
            kernel.count(group, name, 123_456_789);
        }
        kernel.count("file-nr", "limit", 9_223_372_036_854_775_807);
        kernel
    }

    fn rendered(topic: &Topic, width: Option<usize>, colour: bool, rule: &[String]) -> String {
        let mut out = Vec::new();
        let frame = Frame {
            theme: if colour {
                Theme::COLOURED
            } else {
                Theme::PLAIN
            },
            width,
            header: true,
            indent: 0,
        };
        let mut counts = Counts::default();
        counts.add(State::CloseWait);
        page(&mut out, topic, &kernel(), Some(&counts), rule, &frame).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// What doctor says of a finding.
    fn rule(topic: &Topic) -> Vec<String> {
        let rule = crate::analyze::doctor::rule(topic.name);
        assert_eq!(rule.is_some(), topic.group == TopicGroup::Findings);
        rule.map_or_else(Vec::new, |rule| (rule.thresholds)())
    }

    #[test]
    fn every_page_fits_one_screen() {
        for topic in topics() {
            let text = rendered(topic, Some(80), false, &rule(topic));
            assert!(text.lines().count() <= 36, "{text}");
            assert!(text.lines().all(|line| line.width() <= 80), "{text}");
            assert!(text.lines().all(|line| line.trim_end() == line), "{text}");
            assert!(!text.contains(UNKNOWN), "{text}");
        }
    }

    #[test]
    fn narrow_and_wide_terminals() {
        for topic in topics() {
            for width in [52, 62, 72] {
                let text = rendered(topic, Some(width), false, &[]);
                let widest = text.lines().map(UnicodeWidthStr::width).max();
                assert!(widest <= Some(width), "{width}: {text}");
            }
            for width in [Some(200), None] {
                let text = rendered(topic, width, false, &[]);
                assert!(text.lines().all(|line| line.width() <= 100), "{text}");
            }
        }
    }

    #[test]
    fn a_mark_is_seen_without_colour_and_has_the_colour_of_its_state() {
        let topic = find("closewait").unwrap();
        assert!(rendered(topic, Some(80), false, &[]).contains("→ [CLOSE_WAIT]     until"));
        let text = rendered(topic, Some(80), true, &[]);
        let mark = Theme::COLOURED.paint("[CLOSE_WAIT]", state_tone(State::CloseWait));
        let start = mark.split(']').next().unwrap();
        assert!(text.contains(start), "{text:?}");
    }

    #[test]
    fn what_is_not_known_is_said() {
        let topic = find("close-wait").unwrap();
        let mut out = Vec::new();
        let frame = Frame {
            theme: Theme::PLAIN,
            width: Some(80),
            header: true,
            indent: 0,
        };
        page(&mut out, topic, &Kernel::default(), None, &[], &frame).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches(UNKNOWN).count(), topic.live.len());
    }

    #[test]
    fn the_list_names_every_topic() {
        let mut out = Vec::new();
        let frame = Frame {
            theme: Theme::PLAIN,
            width: Some(80),
            header: true,
            indent: 0,
        };
        list(&mut out, &frame).unwrap();
        let text = String::from_utf8(out).unwrap();
        for topic in topics() {
            assert!(text.contains(&format!("\n  {} ", topic.name)), "{text}");
        }
        assert!(text.lines().all(|line| line.width() <= 80), "{text}");
    }
}
