//! The /proc/net collector: the fallback where `sock_diag` is not to be had.

use std::io::{self, BufRead, BufReader, Read};

use super::settling::{Settling, Verdict};
use super::{Collector, Sink, Table, TableError};
use crate::host::Host;
use crate::model::{Family, Protocol, State};
use crate::query::Needs;
use crate::wire::proc_net;

/// Reads the text tables of the network namespace of a host.
#[derive(Debug)]
pub struct Procfs {
    host: Host,
}

impl Procfs {
    /// A collector for what a host shows.
    #[must_use]
    pub fn new(host: &Host) -> Self {
        let host = host.clone();
        Self { host }
    }
}

impl Collector for Procfs {
    fn name(&self) -> &'static str {
        "procfs"
    }

    fn read(&mut self, table: Table, sink: &mut dyn Sink) -> Result<(), TableError> {
        for family in Family::ALL {
            if table.family.is_none_or(|wanted| wanted == family) {
                read_family(&self.host, table, family, sink)?;
            }
        }
        Ok(())
    }
}

fn read_family(
    host: &Host,
    table: Table,
    family: Family,
    sink: &mut dyn Sink,
) -> Result<(), TableError> {
    let name = file_name(table.protocol, family);
    let what = format!("cannot read /proc/net/{name}");
    let file = match host.net_table(name) {
        Ok(file) => file,
        // A kernel without IPv6 has no such table, and no such socket.
        Err(_) if family == Family::V6 && has_ipv4_table(host, table.protocol) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(TableError::Missing(format!("{what}: {error}")));
        }
        Err(error) => return Err(TableError::Unavailable(format!("{what}: {error}"))),
    };
    let unavailable = |error| TableError::Unavailable(format!("{what}: {error}"));
    let mut rows = read_lines(file, table, family, sink).map_err(unavailable)?;
    let mut settling = Settling::default();
    // The kernel gives a page of rows a read and goes on by position: rows are missed when
    // others come and go meanwhile. So a longer table is read until they are all there.
    while rows.all > ONE_READ {
        match settling.after(rows.all, rows.new) {
            Verdict::Whole => break,
            Verdict::Again => {}
            Verdict::Unsettled => {
                sink.inconsistent(format!(
                    "the {} table changed while /proc/net/{name} was read",
                    table.protocol.name()
                ));
                break;
            }
        }
        let Ok(file) = host.net_table(name) else {
            break;
        };
        rows = read_lines(file, table, family, sink).map_err(unavailable)?;
    }
    Ok(())
}

/// Rows that surely come in one read, which gives at most a page: a row has 128 bytes or more.
const ONE_READ: u64 = 20;

/// Rows of one reading.
#[derive(Default)]
struct Counted {
    all: u64,
    new: u64,
}

fn has_ipv4_table(host: &Host, protocol: Protocol) -> bool {
    host.net_table(file_name(protocol, Family::V4)).is_ok()
}

const fn file_name(protocol: Protocol, family: Family) -> &'static str {
    match (protocol, family) {
        (Protocol::Tcp, Family::V4) => "tcp",
        (Protocol::Tcp, Family::V6) => "tcp6",
        (Protocol::Udp, Family::V4) => "udp",
        (Protocol::Udp, Family::V6) => "udp6",
        (Protocol::Raw, Family::V4) => "raw",
        (Protocol::Raw, Family::V6) => "raw6",
    }
}

/// Reads line by line: a line that makes no sense is counted and passed over.
fn read_lines(
    file: Box<dyn Read>,
    table: Table,
    family: Family,
    sink: &mut dyn Sink,
) -> io::Result<Counted> {
    // The kernel lists listeners before connections, so a question for listeners alone ends
    // at the first connection.
    let listeners_only = table.protocol == Protocol::Tcp
        && table.states.contains(State::Listen)
        && !table.states.contains(State::Established);
    let mut lines = BufReader::with_capacity(64 * 1024, file);
    let mut line = Vec::new();
    let (mut first, mut unreadable) = (true, 0);
    let mut rows = Counted::default();
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let heading = std::mem::take(&mut first);
        let row = std::str::from_utf8(&line)
            .ok()
            .and_then(|line| proc_net::socket(line, table.protocol, family));
        match row {
            Some(row) if listeners_only && row.state != State::Listen => break,
            Some(mut row) if table.states.contains(row.state) => {
                if table.needs.has(Needs::ULP) {
                    // It may be a subflow of MPTCP, which has the data.
                    row.queue = None;
                }
                rows.all += 1;
                rows.new += u64::from(sink.push(row));
            }
            Some(_) => {}
            None => unreadable += u64::from(!heading && !line.trim_ascii().is_empty()),
        }
    }
    sink.unreadable(unreadable);
    Ok(rows)
}
