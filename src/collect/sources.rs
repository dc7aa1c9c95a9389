//! Which collector a table is read from: the best that gives it.

use super::{Collector, Netlink, Netstat2, Procfs, Table, TableError};
use crate::host::Host;
use crate::model::{Family, FamilySet, Problem, Protocol};
use crate::query::CollectorChoice;

/// The collectors of a choice, best first: a table that one does not give is asked of the next.
pub(super) struct Sources {
    collectors: Vec<Box<dyn Collector>>,
    /// Which collector gave a table, where that one alone is asked again.
    given: Vec<(Protocol, usize)>,
    /// Whether tables are read again and again: then a failure that passes does not become an
    /// answer from a source that knows less.
    lasting: bool,
}

/// Who asks for tables: takes them, and is told which were not given.
pub(super) trait Asker {
    /// Reads a table from the collector of this index.
    ///
    /// # Errors
    /// When it does not give the table, or what it gave is of no use.
    fn read(
        &mut self,
        index: usize,
        collector: &mut dyn Collector,
        table: Table,
    ) -> Result<(), TableError>;

    /// Another collector is asked for the same table, after one that failed.
    fn change_source(&mut self) {}

    /// Another collector gave the table, as the first that was asked failed with `why`.
    fn fell_back(&mut self, _table: Table, _why: &TableError) {}

    /// No collector gives the table.
    ///
    /// # Errors
    /// When nothing further is to be read.
    fn missing(&mut self, table: Table, why: TableError) -> Result<(), Problem>;
}

impl Sources {
    /// Opens the collectors of a choice; that `auto` does without one is a problem. They are
    /// `lasting` where the same tables will be read again and again.
    ///
    /// # Errors
    /// When a collector asked for by name cannot be used.
    pub(super) fn open(
        host: &Host,
        choice: CollectorChoice,
        lasting: bool,
        problems: &mut Vec<Problem>,
    ) -> Result<Self, Problem> {
        Ok(Self {
            collectors: open_collectors(host, choice, problems)?,
            given: Vec::new(),
            lasting,
        })
    }

    /// The name of a collector.
    pub(super) fn name(&self, index: usize) -> Option<&'static str> {
        Some(self.collectors.get(index)?.name())
    }

    /// The collector that gave the first table, where that is remembered.
    pub(super) fn first_given(&self) -> Option<&'static str> {
        let (_, index) = self.given.first()?;
        self.name(*index)
    }

    /// Reads a table: both families at once where both are wanted and the first collector gives
    /// them so, else each from the first that gives it.
    ///
    /// # Errors
    /// What [`Asker::missing`] says.
    pub(super) fn read(
        &mut self,
        table: Table,
        families: FamilySet,
        asker: &mut impl Asker,
    ) -> Result<(), Problem> {
        let families = families.tables();
        let first = self.given(table.protocol).unwrap_or(0);
        let joint = families.v4 && families.v6;
        if joint && self.read_from(first, table, asker).is_ok() {
            return Ok(());
        }
        for family in Family::ALL {
            if families.contains(family) {
                let table = Table {
                    family: Some(family),
                    ..table
                };
                if let Err(why) = self.read_family(table, asker) {
                    asker.missing(table, why)?;
                }
            }
        }
        Ok(())
    }

    /// Reads the table of a family from the first collector that gives it.
    fn read_family(&mut self, table: Table, asker: &mut impl Asker) -> Result<(), TableError> {
        let asked = match self.given(table.protocol) {
            Some(index) => index..index + 1,
            None => 0..self.collectors.len(),
        };
        let mut first_error = None;
        for index in asked {
            if first_error.is_some() {
                asker.change_source();
            }
            match self.read_from(index, table, asker) {
                Ok(()) => {
                    if let Some(error) = first_error {
                        asker.fell_back(table, &error);
                    }
                    return Ok(());
                }
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        Err(first_error.unwrap_or_else(no_collector))
    }

    fn read_from(
        &mut self,
        index: usize,
        table: Table,
        asker: &mut impl Asker,
    ) -> Result<(), TableError> {
        let collector = self.collectors.get_mut(index).ok_or_else(no_collector)?;
        asker.read(index, collector.as_mut(), table)?;
        if self.lasting && self.given(table.protocol).is_none() {
            self.given.push((table.protocol, index));
        }
        Ok(())
    }

    /// The collector that gives the tables of a protocol, once that is known.
    fn given(&self, protocol: Protocol) -> Option<usize> {
        let (_, index) = self.given.iter().find(|(of, _)| *of == protocol)?;
        Some(*index)
    }
}

fn no_collector() -> TableError {
    TableError::Unavailable("no collector".to_owned())
}

/// Whether a table is missing for good, beside one that was read: a kernel without IPv6.
pub(super) fn is_without_ipv6(table: Table, why: &TableError, was_read: bool) -> bool {
    table.family == Some(Family::V6) && was_read && matches!(why, TableError::Missing(_))
}

/// The problem of a table without which there is no answer.
pub(super) fn no_table(why: &TableError) -> Problem {
    Problem::incomplete("no_table", why.to_string())
        .hint("a seccomp filter, the open file limit or a missing /proc may be the cause")
}

/// The collectors of a choice, best first; that `auto` does without one is a problem.
///
/// # Errors
/// When a collector asked for by name cannot be used.
fn open_collectors(
    host: &Host,
    choice: CollectorChoice,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Box<dyn Collector>>, Problem> {
    let mut collectors: Vec<Box<dyn Collector>> = Vec::new();
    let auto = choice == CollectorChoice::Auto;
    if auto || choice == CollectorChoice::Netlink {
        match Netlink::open(host) {
            Ok(netlink) => collectors.push(Box::new(netlink)),
            Err(error) if auto => problems.push(Problem::new(
                "sock_diag_unavailable",
                format!("sock_diag cannot be used ({error}); /proc/net was read instead, which has fewer columns"),
            )),
            Err(error) => {
                let message = format!("cannot open a sock_diag socket: {error}");
                return Err(Problem::incomplete("sock_diag_unavailable", message)
                    .hint("--collector procfs reads /proc/net instead"));
            }
        }
    }
    if auto || choice == CollectorChoice::Procfs {
        collectors.push(Box::new(Procfs::new(host)));
    }
    if choice == CollectorChoice::Netstat2 {
        collectors.push(Box::new(Netstat2::new(host)));
    }
    Ok(collectors)
}

/// Why sockets that are bound only cannot be seen through `collector`; `None` where they can.
pub(super) fn bound_only_unseen(host: &Host, collector: Option<&str>) -> Option<Problem> {
    let why = match collector {
        Some("netlink") if host.kernel_version().is_some_and(|v| v < (6, 8)) => {
            "this kernel does not list them (Linux 6.8 does)"
        }
        Some("netlink") => return None,
        Some("netstat2") => "netstat2 does not list them",
        _ => "/proc/net/tcp does not list them",
    };
    let message = format!(
        "TCP sockets that are only bound (not listening, not connected) cannot be seen: {why}"
    );
    Some(Problem::incomplete("bound_only_unseen", message))
}
