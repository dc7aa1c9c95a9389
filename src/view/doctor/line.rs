//! A finding in one line: `CRITICAL  accept-queue-full  orders:9000`.

use std::io::{self, Write};
use std::net::SocketAddr;

use unicode_width::UnicodeWidthStr;

use super::tone;
use crate::analyze::doctor::{Finding, Subject};
use crate::columns::Align;
use crate::model::Protocol;
use crate::model::foreign::{escape, shown};
use crate::text::cut::cut_after_word;
use crate::text::grid;
use crate::text::grid::{Cell, Frame, GridColumn, flow};
use crate::text::theme::Tone;

/// A title that has less room is left out of a line: the id says what it is about.
const NARROWEST: usize = 20;

/// One line for a finding, for a view that only mentions it; cut where the terminal ends.
///
/// # Errors
/// What writing says.
pub fn line(out: &mut dyn Write, finding: &Finding, frame: &Frame) -> io::Result<()> {
    let severity = format!("{:8}", finding.severity.name().to_uppercase());
    let title = escape(finding.title.as_bytes());
    let used = severity.len() + finding.id.len() + 4;
    let room = frame.width.map(|width| width.saturating_sub(used));
    if room.is_some_and(|room| room < NARROWEST.min(title.width())) {
        let severity = Cell::new(severity.trim_end(), tone(finding.severity));
        let id = Cell::new(finding.id, Tone::Quiet);
        return writeln!(out, "{}", flow(&severity, &[id], "  ", frame));
    }
    let title = room.map_or_else(|| title.clone(), |room| cut_after_word(&title, room));
    let severity = frame.theme.paint(&severity, tone(finding.severity));
    let id = frame.theme.paint(finding.id, Tone::Quiet);
    writeln!(out, "{severity}  {id}  {title}")
}

/// A line for each finding and whom it is about, the worst last: what scrolled away is still said
/// where the prompt comes.
pub(super) fn last_lines(
    out: &mut dyn Write,
    findings: &[Finding],
    frame: &Frame,
) -> io::Result<()> {
    let columns = ["SEVERITY", "FINDING", "WHERE"].map(|name| GridColumn::new(name, Align::Left));
    let row = |finding: &Finding| {
        vec![
            Cell::new(
                finding.severity.name().to_uppercase(),
                tone(finding.severity),
            ),
            Cell::new(finding.id, Tone::Normal),
            Cell::new(place(&finding.subject), Tone::Strong),
        ]
    };
    let rows: Vec<_> = findings.iter().rev().map(row).collect();
    let frame = Frame {
        header: false,
        ..*frame
    };
    grid::draw(out, &columns, &rows, &frame)
}

/// Whom a finding is about, as short as it can be told: `orders:9000`, `java 812`,
/// `java 812 -> 10.0.0.9:443`.
fn place(subject: &Subject) -> String {
    let towards = subject.destination.map(|(address, port)| match port {
        Some(port) => SocketAddr::new(address, port).to_string(),
        None => address.to_string(),
    });
    let process = subject.process.as_ref();
    let comm = process.map(|(_, comm)| shown(comm).to_string());
    let who = process.map(|(pid, comm)| format!("{} {pid}", shown(comm)));
    match (subject.port, towards) {
        (Some(port), _) => {
            let udp = match subject.protocol {
                Some(Protocol::Udp) => " (udp)",
                _ => "",
            };
            let comm = comm.unwrap_or_default();
            format!("{comm}:{port}{udp}")
        }
        (None, Some(towards)) => {
            let from = who.or_else(|| subject.source.map(|source| source.to_string()));
            format!("{} -> {towards}", from.unwrap_or_default())
                .trim_start()
                .to_owned()
        }
        (None, None) => who.unwrap_or_else(|| nobody(subject)),
    }
}

/// What stands where a finding names neither a process nor an end.
fn nobody(subject: &Subject) -> String {
    match subject.netns {
        _ if subject.of_host => "this host".to_owned(),
        Some(netns) => format!("netns {netns}"),
        None => subject.nobody.trim_end_matches(',').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::num::NonZeroU64;

    use super::*;
    use crate::analyze::doctor::{Evidence, Severity};
    use crate::text::theme::Theme;

    fn of(process: Option<(u32, &str)>) -> Subject {
        Subject {
            process: process.map(|(pid, comm)| (pid, comm.into())),
            ..Subject::default()
        }
    }

    const FAR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 9));

    #[test]
    fn a_place_is_the_shortest_that_can_be_asked_about() {
        let java = || of(Some((812, "java")));
        let at = |subject: Subject, port| Subject {
            port: Some(port),
            ..subject
        };
        let towards = |subject: Subject, port| Subject {
            destination: Some((FAR, port)),
            ..subject
        };
        let udp = Subject {
            protocol: Some(Protocol::Udp),
            ..at(java(), 53)
        };
        let from = Subject {
            source: Some("10.0.0.1".parse().unwrap()),
            ..towards(of(None), Some(443))
        };
        let netns = Subject {
            netns: NonZeroU64::new(4_026_531_840),
            ..of(None)
        };
        let nobody = Subject {
            nobody: "the kernel, for no process,",
            ..of(None)
        };
        for (subject, told) in [
            (at(java(), 9000), "java:9000"),
            (udp, "java:53 (udp)"),
            (at(of(None), 9000), ":9000"),
            (java(), "java 812"),
            (towards(java(), Some(443)), "java 812 -> 10.0.0.9:443"),
            (towards(java(), None), "java 812 -> 10.0.0.9"),
            (towards(of(None), Some(443)), "-> 10.0.0.9:443"),
            (from, "10.0.0.1 -> 10.0.0.9:443"),
            (netns, "netns 4026531840"),
            (Subject::host(), "this host"),
            (nobody, "the kernel, for no process"),
            (of(Some((7, "a\u{1b}[31m"))), r"a\x1b[31m 7"),
        ] {
            assert_eq!(place(&subject), told);
        }
    }

    fn finding(id: &'static str, severity: Severity, port: u16) -> Finding {
        Finding {
            id,
            severity,
            title: String::new(),
            subject: Subject {
                port: Some(port),
                ..of(Some((7, "orders")))
            },
            holders: Vec::new(),
            evidence: Evidence::default(),
            cause: String::new(),
            remedy: Vec::new(),
        }
    }

    #[test]
    fn the_worst_is_the_last_line() {
        let findings = [
            finding("accept-queue-full", Severity::Critical, 9000),
            finding("udp-drops", Severity::Warning, 53),
            finding("exposed-listener", Severity::Info, 6379),
        ];
        let frame = Frame {
            theme: Theme::PLAIN,
            width: Some(60),
            header: true,
            indent: 0,
        };
        let mut out = Vec::new();
        last_lines(&mut out, &findings, &frame).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap().lines().collect::<Vec<_>>(),
            [
                "INFO      exposed-listener   orders:6379",
                "WARNING   udp-drops          orders:53",
                "CRITICAL  accept-queue-full  orders:9000",
            ]
        );
    }
}
