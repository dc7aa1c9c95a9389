//! What is said at the end of a wait, in each format.

use std::io::Write;
use std::time::Duration;

use super::poll::Ended;
use crate::analyze::wait::Condition;
use crate::cli::exit::Failure;
use crate::cli::session::Session;
use crate::json::envelope::{Envelope, Lines};
use crate::model::Socket;
use crate::text::theme::Tone;
use crate::text::wrap::sentence;
use crate::text::{Format, RowWriter, records};
use crate::view::wait::{WaitLine, WaitPart, holders, seconds, seen};

pub(super) fn tell(session: &Session, ended: &Ended) -> Result<(), Failure> {
    let found = ended.found();
    let remains = ended.remains();
    let part = WaitPart::new(ended.target, ended.reached, ended.waited, &remains);
    let mut out = session.out();
    match session.format {
        Format::Table if ended.reached => {
            sentence(
                &mut out,
                &line(ended, &found),
                Tone::Normal,
                &session.frame(),
            )?;
            out.flush()?;
        }
        Format::Table => {}
        Format::Json => {
            let found: Vec<Socket> = found.iter().copied().cloned().collect();
            let mut envelope = Envelope::new(out, session.head("wait"), true);
            envelope.add(&part)?;
            envelope.begin()?;
            envelope.rows(&found, &ended.facts)?;
            envelope.end(&ended.report)?;
        }
        Format::Ndjson => {
            let head = session.head("wait");
            let mut lines = Lines::new(out, &head);
            lines.object(&WaitLine::new(part, &found, &ended.facts, &head.columns))?;
            lines.end(&ended.report)?;
        }
        format => {
            let rows = part.records();
            records::write(&mut out, &rows, format, !session.options.no_header)?;
        }
    }
    if !ended.reached {
        let left_out = session.left_out();
        session.tell(&format!("{}{left_out}", too_late(ended, &found)));
    }
    Ok(())
}

/// `8080 is listening after 1.2 s: python3 812 on 0.0.0.0:8080`
fn line(ended: &Ended, found: &[&Socket]) -> String {
    let (port, word) = (ended.target.port, ended.target.condition.name());
    let after = seconds(ended.waited);
    let held = match (ended.target.condition, found) {
        (Condition::Free, []) => remaining(ended),
        (_, []) => String::new(),
        (Condition::Listening, found) => format!(": {}", holders(found, &ended.facts)),
        (Condition::Free, found) => {
            format!(", but for {}", holders(found, &ended.facts))
        }
    };
    format!("{port} is {word} after {after}{held}")
}

/// `; what a server left may still block a bind(), ...: nginx 812 on 0.0.0.0:8080, with ...`
fn remaining(ended: &Ended) -> String {
    match holders(&ended.remains(), &ended.facts) {
        none if none.is_empty() => none,
        held => format!(
            "; what a server left may still block a bind(), where either did not set SO_REUSEADDR: \
             {held}"
        ),
    }
}

/// `port 8080 is not listening after 5 s: python3 812 is bound to 0.0.0.0:8080 only`
fn too_late(ended: &Ended, found: &[&Socket]) -> String {
    let (port, word) = (ended.target.port, ended.target.condition.name());
    let after = match ended.timeout {
        None | Some(Duration::ZERO) => String::new(),
        Some(timeout) => format!(" after {}", seconds(timeout)),
    };
    let seen = match ended.target.condition {
        Condition::Free => holders(found, &ended.facts),
        Condition::Listening => seen(&ended.sockets, &ended.facts),
    };
    let is_sure = || {
        let mut found = found.iter();
        found.any(|socket| !ended.target.only_if_dual(socket))
    };
    let seen = match seen.as_str() {
        "" => String::new(),
        seen if ended.target.condition == Condition::Free && !is_sure() => {
            return format!(
                "port {port} may not be free for IPv4{after}: held by {seen}, which is in its way \
                 if made for both families and not bound to an IPv6 address"
            );
        }
        seen if ended.target.condition == Condition::Free => format!(": held by {seen}"),
        seen => format!(": {seen}"),
    };
    format!("port {port} is not {word}{after}{seen}")
}
