//! A saved answer: what `--json` or `--format ndjson` wrote, read again.
//!
//! Each row is kept as it stands in the text, and is read into what can be compared. Whatever the
//! text is, reading it ends with a snapshot or with one honest fault, and never with a panic.

mod entries;
mod envelope;
mod fault;
mod sockets;

use serde_json::value::RawValue;

use crate::model::{Entry, RowKind, Snapshot, State};

pub use fault::Fault;

/// The name of the schema that is read.
pub const SCHEMA: &str = "sockscope/v1";

/// A saved answer.
#[derive(Debug)]
pub struct Saved<'a> {
    /// The command that gave it; `None` for lines of ndjson, which do not say.
    pub command: Option<String>,
    /// When the look began, as it is written: RFC 3339.
    pub collected_at: String,
    /// The host's name.
    pub host: String,
    /// Whether no row and no owner may be missing; `None` for lines of ndjson.
    pub complete: Option<bool>,
    /// Whether there are as many rows as were asked for at most: there may have been more.
    pub is_part: bool,
    /// The options and words that chose its rows; `None` where nothing was left out.
    pub asked: Option<String>,
    /// Rows of kinds that this version does not know.
    pub left_out: u64,
    /// What kind of rows.
    pub kind: RowKind,
    /// The rows, as they stand in the text.
    pub raw: Vec<&'a RawValue>,
    /// The sockets, where the rows are sockets: one for each row.
    pub snapshot: Snapshot,
    /// What else the rows are: one for each.
    pub entries: Vec<Entry>,
    /// Counts by state where the answer has some of its own.
    pub totals: Option<SavedTotals>,
}

/// TCP sockets by state, and UDP sockets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SavedTotals {
    /// TCP sockets in each state.
    pub tcp: Vec<(State, u32)>,
    /// UDP sockets with a peer.
    pub udp_connected: u32,
    /// UDP sockets without one.
    pub udp_unconnected: u32,
}

impl Saved<'_> {
    /// Leaves only the sockets for which `keep` holds, and counts that are made of them.
    pub fn retain(&mut self, keep: impl Fn(&crate::model::Socket) -> bool) {
        let kept: Vec<bool> = self.snapshot.sockets.iter().map(keep).collect();
        let mut of_rows = kept.iter();
        self.raw
            .retain(|_| of_rows.next().copied().unwrap_or(false));
        let mut of_sockets = kept.iter();
        self.snapshot
            .sockets
            .retain(|_| of_sockets.next().copied().unwrap_or(false));
        self.totals = None;
    }
}

/// Reads a saved answer: one JSON object, or one object a line.
///
/// # Errors
/// One that says what is wrong and where.
pub fn read(text: &str) -> Result<Saved<'_>, Fault> {
    let values = envelope::values(text)?;
    let Some(first) = values.first() else {
        let what = "it is empty";
        return Err(Fault::new(what).hint("an ndjson report without rows contains nothing at all"));
    };
    let origin = envelope::origin(text, first)?;
    if origin.command.is_some() {
        if let Some(second) = values.get(1) {
            let fault = Fault::new("it contains a second report").at(text, second.get());
            return Err(fault.hint("save each report to its own file"));
        }
        return envelope::answer(text, first, origin);
    }
    envelope::lines(text, &values, origin)
}
