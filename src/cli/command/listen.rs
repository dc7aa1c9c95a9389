//! `sockscope listen`: who is listening.

use super::list;
use super::list::{List, Order};
use super::{absent, pids};
use crate::cli::exit::{Exit, Failure};
use crate::cli::session::Session;
use crate::model::StateSet;
use crate::text::theme::Tone;
use crate::text::wrap::sentence;

pub(crate) const TABLE: &[&str] = &["protocol", "local", "queue", "process", "user"];
pub(crate) const PROGRAM: &[&str] = &["protocol", "local", "queue", "user", "pid", "comm"];

pub(crate) fn run(session: &Session, words: &[String], pids_only: bool) -> Result<Exit, Failure> {
    let request = session.request(StateSet::LISTENING, session.filter(words)?)?;
    let protocols = session.protocols();
    let nothing = match (words, protocols.tcp, protocols.udp) {
        ([], true, false) if !protocols.raw => "no TCP socket is listening here",
        ([], false, true) if !protocols.raw => "no UDP socket is bound here",
        ([], false, false) => "there is no raw socket here",
        ([], ..) => "nothing is listening here",
        _ => "nothing that is listening matches",
    };
    if pids_only {
        return pids::of_rows(session, &request, nothing);
    }
    let order = session.sort()?.map_or(Order::Port, |(column, reverse)| {
        Order::Column(column, reverse)
    });
    let list = List {
        command: "listen",
        request: &request,
        columns: session.columns(TABLE, PROGRAM)?,
        order: Some(order),
        remarks: None,
        screen: None,
        looks_abroad: true,
    };
    let (listed, report) = list::write(session, list)?;
    if session.for_person() && listed.found > 0 {
        let tcp = listed.tcp.total();
        let mut parts = vec![format!("{tcp} tcp"), format!("{} udp", listed.udp)];
        if listed.raw > 0 {
            parts.push(format!("{} raw", listed.raw));
        }
        let text = format!(
            "{} listening: {}{}",
            listed.found,
            parts.join(", "),
            listed.cut_note()
        );
        sentence(&mut session.out(), &text, Tone::Quiet, &session.frame())?;
    }
    session.notes(&report);
    if listed.found == 0 {
        session.tell_nothing(
            &report,
            &absent::because(&session.host, nothing, &request.filter),
        );
    }
    Ok(session.exit(&report, listed.found > 0))
}
