//! What all JSON answers share, as types: the beginning and the end of the envelope, processes
//! in groups, problems.
//!
//! These types, those in [`socket`] and those beside each view (`json.rs`) are the contract:
//! they are what is serialized, and the JSON Schema is made from them and from their comments.
//! A field that may be absent has `skip_serializing_if`; every other one is always there.

pub(crate) mod asked;
#[cfg(test)]
pub(crate) mod base64;
pub(crate) mod columns;
pub mod envelope;
pub(crate) mod events;
mod harmless;
mod names;
pub mod read;
mod row;
pub(crate) mod socket;
pub(crate) mod stream;

use std::borrow::Cow;

use data_encoding::BASE64;
use serde::Serialize;

use crate::model::foreign::exact;
use crate::model::{Problem, Report};

/// The name and version of the schema. Within v1 keys are only ever added.
pub const SCHEMA: &str = "sockscope/v1";

/// The JSON Schema of everything that is written as JSON, as text.
///
/// A test makes it from the types and compares.
pub const JSON_SCHEMA: &str = include_str!("../../schema/sockscope-v1.schema.json");

/// What every object begins with.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Origin<'a> {
    /// The name and version of the schema.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    pub schema: &'static str,
    /// When the look began: RFC 3339, UTC, with milliseconds.
    #[cfg_attr(test, schemars(extend("format" = "date-time")))]
    pub collected_at: &'a str,
    /// The host's name.
    pub host: Cow<'a, str>,
    /// The most rows that were asked for (--limit): where there are as many, more may have been
    /// found. Absent where all are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "usize"))]
    pub limit: Option<usize>,
    /// The options and words that chose what is told, as they were typed (`-4 lport=8080`). Absent
    /// where nothing was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "&str"))]
    pub asked: Option<&'a str>,
}

/// What every answer ends with.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Closing<'a> {
    /// The collector that gave the TCP table (the first table, when TCP was not asked for);
    /// null when no table was read.
    #[cfg_attr(test, schemars(extend("enum" = ["netlink", "procfs", "netstat2", null])))]
    collector: Option<&'static str>,
    /// Where the owners came from; `none` when they were not asked for or could not be read.
    #[cfg_attr(test, schemars(extend("enum" = ["bpf", "proc", "none"])))]
    owners_from: &'static str,
    /// Whether no row and no owner may be missing.
    complete: bool,
    /// What could not be seen. A problem that lost only fields leaves the answer complete.
    problems: Vec<ProblemEntry<'a>>,
}

impl<'a> Closing<'a> {
    /// What the report of an answer says.
    #[must_use]
    pub fn new(report: &'a Report) -> Self {
        Self {
            collector: report.collector,
            owners_from: report.owners_from.unwrap_or("none"),
            complete: report.complete(),
            problems: report.problems.iter().map(ProblemEntry::new).collect(),
        }
    }
}

/// Something that could not be read, or only in part.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Problem"))]
pub(crate) struct ProblemEntry<'a> {
    /// A short, stable name. More may come.
    code: &'static str,
    /// One line for people.
    message: &'a str,
    /// What to do about it; null where nothing helps.
    hint: Option<&'a str>,
    /// How many rows, lines or processes it concerns.
    count: u64,
}

impl<'a> ProblemEntry<'a> {
    pub(crate) fn new(problem: &'a Problem) -> Self {
        Self {
            code: problem.code,
            message: &problem.message,
            hint: problem.hint.as_deref(),
            count: problem.count,
        }
    }
}

/// A process that stands for a group, a row or a finding.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Process"))]
pub struct ProcessName<'a> {
    /// The pid, in the reader's pid namespace.
    pid: u32,
    /// The name, up to 15 bytes; U+FFFD where it is not UTF-8.
    comm: Cow<'a, str>,
    /// The bytes of `comm`; only where it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "crate::json::base64::Base64"))]
    comm_base64: Option<String>,
}

impl<'a> ProcessName<'a> {
    /// A process by its pid and name.
    #[must_use]
    pub fn new(pid: u32, comm: &'a [u8]) -> Self {
        let (comm, comm_base64) = text(comm);
        Self {
            pid,
            comm,
            comm_base64,
        }
    }
}

/// Text of others: exact, and with its bytes beside it where it is not UTF-8.
pub(crate) fn text(bytes: &[u8]) -> (Cow<'_, str>, Option<String>) {
    let text = exact(bytes);
    // What had to be changed is owned.
    let is_changed = matches!(text, Cow::Owned(_));
    (text, is_changed.then(|| BASE64.encode(bytes)))
}

/// The same for what may be missing.
pub(crate) fn optional(bytes: Option<&[u8]>) -> (Option<Cow<'_, str>>, Option<String>) {
    bytes
        .map(text)
        .map_or((None, None), |(text, bytes)| (Some(text), bytes))
}
