//! What is wrong: a line for each finding, and one of them in full.

use ratatui::text::Line;

use super::seen::frame;
use super::style::{painted, span};
use crate::analyze::doctor::{Diagnosis, Finding};
use crate::text::cut::cut_after_word;
use crate::text::grid::Frame;
use crate::text::theme::Tone;
use crate::text::units::lines_more;
use crate::view::doctor;
use crate::watch::state::App;

/// The findings, a line each, and the chosen or worst one in full.
pub(crate) fn lines(app: &App, diagnosis: &Diagnosis, height: u16) -> Vec<Line<'static>> {
    let theme = app.setup.theme;
    let frame = frame(app);
    let mut out = Vec::new();
    let height = usize::from(height);
    let list = match diagnosis.findings.len() {
        // One is told in full anyway.
        ..=1 => 0,
        many => many.min(height / 3).max(1),
    };
    let top = (app.cursor + 1).saturating_sub(list);
    let mut lines = Vec::new();
    for (index, finding) in diagnosis.findings.iter().enumerate().skip(top).take(list) {
        out.clear();
        let _ = doctor::line(&mut out, finding, &frame);
        for line in painted(&crate::model::foreign::exact(&out)) {
            lines.push(if index == app.cursor {
                line.patch_style(super::header::chosen(app))
            } else {
                line
            });
        }
    }
    let hidden = diagnosis.findings.len().saturating_sub(top + list);
    if hidden > 0 && list > 0 {
        let text = format!("and {hidden} more below");
        lines.push(Line::from(span(theme, text, Tone::Quiet)));
    }
    if let Some(finding) = diagnosis.findings.get(app.cursor) {
        if list > 0 {
            lines.push(Line::default());
        }
        lines.extend(story(finding, &frame));
        lines.push(Line::default());
    }
    lines.extend(checked(diagnosis, &frame));
    if lines.len() > height && height > 0 {
        let hidden = lines.len() - height + 1;
        lines.truncate(height - 1);
        let how = if diagnosis.findings.is_empty() {
            ""
        } else {
            ": Enter tells the finding in full"
        };
        let text = format!("… {}{how}", lines_more(hidden));
        let text = cut_after_word(&text, usize::from(app.size.columns));
        lines.push(Line::from(span(theme, text, Tone::Quiet)));
    }
    lines
}

/// All of one finding.
pub(crate) fn story(finding: &Finding, frame: &Frame) -> Vec<Line<'static>> {
    let one = Diagnosis {
        findings: vec![finding.clone()],
        ..Diagnosis::default()
    };
    told(&one, frame)
        .into_iter()
        .take_while(|line| line.width() > 0)
        .collect()
}

/// What was looked at, and what could not be.
fn checked(diagnosis: &Diagnosis, frame: &Frame) -> Vec<Line<'static>> {
    let none = Diagnosis {
        findings: Vec::new(),
        ..diagnosis.clone()
    };
    if diagnosis.findings.is_empty() {
        return told(&none, frame);
    }
    told(&none, frame).into_iter().skip(1).collect()
}

fn told(diagnosis: &Diagnosis, frame: &Frame) -> Vec<Line<'static>> {
    let mut out = Vec::new();
    let _ = doctor::tell(&mut out, diagnosis, "in the last looks", frame, None);
    painted(&crate::model::foreign::exact(&out))
}
