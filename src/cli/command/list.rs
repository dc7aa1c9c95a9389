//! A list of sockets: sorted, limited, written in the wanted format.

use std::num::NonZeroU32;

use rustc_hash::FxHashSet;

use super::abroad::Abroad;
use crate::analyze::first_screen;
use crate::analyze::states::Counts;
use crate::cli::exit::Failure;
use crate::cli::session::Session;
use crate::columns::{Column, Row};
use crate::look::pipeline;
use crate::look::pipeline::Request;
use crate::look::untold;
use crate::model::{Facts, Problem, Protocol, Report, Socket};
use crate::text::{Arranged, Columns};
use crate::view::first_screen as first_screen_view;

/// What a list is made of.
pub(crate) struct List<'a> {
    /// The command, for JSON.
    pub command: &'static str,
    /// Which sockets.
    pub request: &'a Request,
    /// Which columns.
    pub columns: Columns,
    /// The order, when the kernel's will not do.
    pub order: Option<Order>,
    /// What is said at the end of what was listed.
    pub remarks: Option<Remarks<'a>>,
    /// What is read best stands first, where that is wanted and the rows are not too many.
    pub screen: Option<Screen>,
    /// Whether ports that a filter asks for are looked for elsewhere, where there is no row.
    pub looks_abroad: bool,
}

/// How the rows of a table stand that nobody has given an order.
#[derive(Clone, Copy)]
pub(crate) struct Screen {
    /// Whether what has ended may be told in one line.
    pub folds: bool,
    /// How its rows are seen.
    pub how_to_see: &'static str,
}

/// Rows that are arranged; of more, none is held.
pub(crate) const ARRANGED: usize = 4000;

/// What the inodes of the rows lead to say.
pub(crate) type Remarks<'a> = &'a dyn Fn(&FxHashSet<NonZeroU32>) -> Vec<Problem>;

/// An order of rows.
#[derive(Clone, Copy)]
pub(crate) enum Order {
    /// By local port, then protocol and address.
    Port,
    /// By a column, perhaps from the other end.
    Column(&'static Column, bool),
}

/// What a list turned out to hold.
#[derive(Default)]
pub(crate) struct Listed {
    /// Rows found, those beyond the limit too.
    pub found: u64,
    /// Rows written.
    pub shown: u64,
    /// Counts of TCP by state.
    pub tcp: Counts,
    /// Counts of the other protocols.
    pub udp: u64,
    /// Raw sockets.
    pub raw: u64,
}

impl Listed {
    fn count(&mut self, sockets: &[Socket]) {
        self.found += sockets.len() as u64;
        for socket in sockets {
            match socket.protocol {
                Protocol::Tcp => self.tcp.add(socket.state),
                Protocol::Udp => self.udp += 1,
                Protocol::Raw => self.raw += 1,
            }
        }
    }

    /// "of 300 shown 10", where a limit cut the list.
    pub fn cut_note(&self) -> String {
        if self.shown < self.found {
            format!(", {} of them shown", self.shown)
        } else {
            String::new()
        }
    }
}

/// Writes the list. Rows flow through unless they have to be sorted, arranged or remembered.
pub(crate) fn write(session: &Session, list: List<'_>) -> Result<(Listed, Report), Failure> {
    let mut request = session.with_needs(list.request.clone(), &list.columns);
    request.listeners_too = list.screen.is_some_and(|screen| screen.folds);
    let shown: Vec<_> = list
        .columns
        .table
        .iter()
        .chain(&list.columns.program)
        .copied()
        .collect();
    let mut writer = session.row_writer(list.command, list.columns);
    let limit = session.options.limit.unwrap_or(usize::MAX);
    let mut listed = Listed::default();
    let mut inodes = FxHashSet::default();
    let mut begun = false;
    let mut left = limit;
    let mut guesses = None;
    let is_beside = |socket: &mut Socket| request.is_beside(socket);
    let each = &mut |mut sockets: Vec<Socket>, facts: &Facts, is_all: bool| {
        let listeners: Vec<_> = sockets.extract_if(.., is_beside).collect();
        // Nothing is written before it is certain that there is an answer.
        if !std::mem::replace(&mut begun, true) {
            writer.begin()?;
        }
        listed.count(&sockets);
        if list.remarks.is_some() {
            inodes.extend(sockets.iter().filter_map(|socket| socket.inode));
        }
        if let Some(order) = list.order {
            sort(&mut sockets, facts, order);
        }
        sockets.truncate(left);
        guesses = guesses
            .take()
            .or_else(|| untold::wildcards(request.query.families, &sockets));
        left -= sockets.len();
        listed.shown += sockets.len() as u64;
        match list.screen.filter(|_| is_all) {
            Some(screen) => {
                let arranged = screen.arrange(&sockets, &listeners, facts);
                writer.all(&sockets, facts, &arranged)
            }
            None => writer.rows(&sockets, facts),
        }
    };
    // What is remembered of a look needs the facts of all its rows.
    let is_whole = list.order.is_some() || session.events.is_some();
    let mut report = if is_whole {
        let mut snapshot = pipeline::snapshot(&session.host, &request)?;
        each(
            std::mem::take(&mut snapshot.sockets),
            &snapshot.facts,
            false,
        )?;
        snapshot.report
    } else if list.screen.is_some() {
        pipeline::stream_beyond(&session.host, &request, ARRANGED, each)?
    } else {
        let flowing = &mut |sockets: Vec<_>, facts: &Facts| each(sockets, facts, false);
        pipeline::stream(&session.host, &request, flowing)?
    };
    report.problems.extend(guesses);
    untold::shown(&session.host, &request.query, &shown, &mut report);
    if let Some(remarks) = list.remarks {
        report.problems.extend(remarks(&inodes));
    }
    if list.looks_abroad && listed.found == 0 && session.events.is_none() {
        report
            .problems
            .extend(Abroad::of_filter(&session.host, &request));
    }
    if !begun {
        // Nothing was found, and no rows ever came.
        writer.begin()?;
    }
    writer.end(&report)?;
    Ok((listed, report))
}

impl Screen {
    fn arrange(self, rows: &[Socket], listeners: &[Socket], facts: &Facts) -> Arranged {
        let screen = first_screen::arrange(rows, listeners, facts, self.folds);
        let folded = screen.folded.as_ref();
        Arranged {
            folded: folded.map(|pile| first_screen_view::sentence(pile, self.how_to_see)),
            order: screen.order,
        }
    }
}

/// Sorts rows; equal ones keep the kernel's order.
pub(crate) fn sort(sockets: &mut [Socket], facts: &Facts, order: Order) {
    match order {
        Order::Port => sockets.sort_by_key(|s| (s.local.port(), s.protocol, s.local.ip())),
        Order::Column(column, reverse) => sockets.sort_by(|a, b| {
            let value = |socket| (column.value)(Row { socket, facts });
            let (a, b) = (value(a), value(b));
            match (reverse, a.is_absent() || b.is_absent()) {
                // What is absent stays last in both directions.
                (true, false) => b.compare(&a),
                _ => a.compare(&b),
            }
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Cli;
    use crate::cli::command::{conns, listen};
    use crate::cli::session::config::Settings;
    use crate::filter::Filter;
    use crate::host::Host;
    use crate::model::StateSet;
    use crate::query::{Needs, Query};
    use clap::Parser;

    /// What a command asks for with these options.
    fn asked(arguments: &[&str], table: &[&str], program: &[&str]) -> Query {
        let cli = Cli::try_parse_from([&["sockscope"], arguments].concat()).unwrap();
        let session = Session::new(cli.options, Settings::default(), Host::live());
        let request = session.request(StateSet::ALL, Filter::default()).unwrap();
        let columns = session.columns(table, program).unwrap();
        session.with_needs(request, &columns).query
    }

    #[test]
    fn the_usual_views_ask_for_no_more_than_they_show() {
        let usual = Query {
            needs: Needs::OWNERS,
            ..Query::everything()
        };
        for format in ["table", "plain", "csv"] {
            let format = format!("--format={format}");
            let conns = asked(&["conns", &format], conns::TABLE, conns::PROGRAM);
            assert_eq!(conns, usual, "{format}");
            let listen = asked(&["listen", &format], listen::TABLE, listen::PROGRAM);
            let users = Query {
                needs: Needs::OWNERS.and(Needs::USERS),
                ..usual
            };
            assert_eq!(listen, users, "{format}");
        }
        // JSON has the command lines and the users of owners, and nothing that costs more.
        let json = asked(&["conns", "--json"], conns::TABLE, conns::PROGRAM);
        assert_eq!(json, Query::everything());
    }

    #[test]
    fn a_column_asks_for_what_it_needs_and_nothing_else() {
        for column in crate::columns::COLUMNS {
            let mut expected = asked(&["conns", "--columns=lport"], &[], &[]);
            expected.need(column.needs);
            let chosen = format!("--columns={}", column.id);
            assert_eq!(asked(&["conns", &chosen], &[], &[]), expected, "{chosen}");
            let sorted = format!("--sort=-{}", column.id);
            assert_eq!(asked(&["conns", &sorted], &[], &[]), expected, "{sorted}");
        }
        let none = asked(&["conns", "--no-owners", "--columns=unit,comm"], &[], &[]);
        assert!(!none.needs.has(Needs::OWNERS));
        assert_ne!(
            crate::columns::needs(crate::columns::select(&["rtt"]).iter()),
            Needs::NOTHING
        );
    }
}
