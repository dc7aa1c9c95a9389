//! `sockscope conns`: every socket that does not listen.

use std::io::Write;

use super::list;
use super::list::{List, Listed, Order, Screen};
use super::{absent, pids};
use crate::cli::exit::{Exit, Failure};
use crate::cli::session::Session;
use crate::filter::Filter;
use crate::model::{Problem, StateSet};
use crate::text::Format;
use crate::text::grid;
use crate::text::grid::Cell;
use crate::text::theme::{Tone, state_tone};
use crate::text::units::counted;

pub(crate) const TABLE: &[&str] = &[
    "protocol", "state", "recv_q", "send_q", "local", "peer", "process",
];
pub(crate) const PROGRAM: &[&str] = &[
    "protocol", "state", "recv_q", "send_q", "local", "peer", "pid", "comm",
];

pub(crate) fn run(session: &Session, words: &[String], pids_only: bool) -> Result<Exit, Failure> {
    let filter = session.filter(words)?;
    let connected = StateSet::LISTENING.complement();
    // A filter that names nothing but listeners wants them.
    let states = if session.options.all || !filter.states().intersects(connected) {
        StateSet::ALL
    } else {
        connected
    };
    let request = session.request(states, filter)?;
    let protocols = session.protocols();
    let nothing = match words {
        [] if protocols.udp && !protocols.tcp && !protocols.raw => {
            "there is no connected UDP socket here"
        }
        [] => "there are no connections here",
        _ if session.options.all => "no socket matches",
        _ => "no connection matches (listening sockets: sockscope listen, or -a)",
    };
    if pids_only {
        return pids::of_rows(session, &request, nothing);
    }
    let order = session.sort()?;
    let list = List {
        command: "conns",
        request: &request,
        columns: session.columns(TABLE, PROGRAM)?,
        order: order.map(|(column, reverse)| Order::Column(column, reverse)),
        remarks: None,
        screen: screen(session, &request.filter),
        looks_abroad: true,
    };
    let is_arranged = list.screen.is_some();
    let (listed, mut report) = list::write(session, list)?;
    summary(session, &listed)?;
    if is_arranged && listed.found > list::ARRANGED as u64 {
        report.problems.push(unarranged());
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

/// How a table stands that nobody has given an order. What ends soon is told in one line, unless
/// states are asked for.
fn screen(session: &Session, filter: &Filter) -> Option<Screen> {
    let options = &session.options;
    let is_plain_table = session.format == Format::Table && !options.quiet;
    let is_asked_for = options.sort.is_some() || options.limit.is_some();
    (is_plain_table && !is_asked_for).then(|| Screen {
        folds: !filter.compares_states() && !options.all,
        how_to_see: if filter.is_empty() {
            "sockscope conns state=time_wait lists them"
        } else {
            "with state=time_wait they are listed"
        },
    })
}

fn unarranged() -> Problem {
    let message = format!(
        "more than {} rows: they stand in the kernel's order, not trouble first",
        list::ARRANGED
    );
    Problem::new("not_arranged", message).hint("a filter leaves fewer, --sort orders them")
}

/// How many there are, and in which states.
pub(crate) fn summary(session: &Session, listed: &Listed) -> Result<(), Failure> {
    if !session.for_person() || listed.found == 0 {
        return Ok(());
    }
    let states = listed.tcp.present();
    let mut parts: Vec<Cell> = states
        .map(|(state, count)| Cell::new(format!("{count} {state}"), state_tone(state)))
        .collect();
    for (count, name) in [(listed.udp, "udp"), (listed.raw, "raw")] {
        if count > 0 {
            parts.push(Cell::new(format!("{count} {name}"), Tone::Normal));
        }
    }
    let found = counted(listed.found, "socket", "sockets");
    let head = format!("{found}{}:", listed.cut_note());
    let head = Cell::new(head, Tone::Quiet);
    let line = grid::flow(&head, &parts, ", ", &session.frame());
    writeln!(session.out(), "{line}")?;
    Ok(())
}
