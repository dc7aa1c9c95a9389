//! A list of sockets: sorted, limited, written in the wanted format.

use super::Failure;
use super::session::Session;
use crate::analyze::states::Counts;
use crate::columns::{Column, Row};
use crate::model::{Facts, Protocol, Report, Socket};
use crate::pipeline::{self, Request};
use crate::render::Columns;

/// What a list is made of.
pub(super) struct List<'a> {
    /// The command, for JSON.
    pub command: &'static str,
    /// Which sockets.
    pub request: &'a Request,
    /// Which columns.
    pub columns: Columns,
    /// The order, when the kernel's will not do.
    pub order: Option<Order>,
}

/// An order of rows.
#[derive(Clone, Copy)]
pub(super) enum Order {
    /// By local port, then protocol and address.
    Port,
    /// By a column, perhaps from the other end.
    Column(&'static Column, bool),
}

/// What a list turned out to hold.
#[derive(Default)]
pub(super) struct Listed {
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

/// Writes the list. Rows flow through unless they have to be sorted.
pub(super) fn write(session: &Session, list: List<'_>) -> Result<(Listed, Report), Failure> {
    let request = session.with_users(list.request.clone(), &list.columns);
    let mut writer = session.row_writer(list.command, list.columns);
    let limit = session.options.limit.unwrap_or(usize::MAX);
    let mut listed = Listed::default();
    let mut begun = false;
    let mut left = limit;
    let each = &mut |mut sockets: Vec<Socket>, facts: &Facts| {
        // Nothing is written before it is certain that there is an answer.
        if !std::mem::replace(&mut begun, true) {
            writer.begin()?;
        }
        listed.count(&sockets);
        if let Some(order) = list.order {
            sort(&mut sockets, facts, order);
        }
        sockets.truncate(left);
        left -= sockets.len();
        listed.shown += sockets.len() as u64;
        writer.rows(&sockets, facts)
    };
    let report = if list.order.is_some() {
        let mut snapshot = pipeline::snapshot(&request)?;
        each(std::mem::take(&mut snapshot.sockets), &snapshot.facts)?;
        snapshot.report
    } else {
        pipeline::stream(&request, each)?
    };
    writer.end(&report)?;
    Ok((listed, report))
}

/// Sorts rows; equal ones keep the kernel's order.
pub(super) fn sort(sockets: &mut [Socket], facts: &Facts, order: Order) {
    match order {
        Order::Port => sockets.sort_by_key(|s| (s.local.port, s.protocol, s.local.address)),
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
