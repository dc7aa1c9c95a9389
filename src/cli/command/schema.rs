//! `sockscope schema`: the JSON Schema of the JSON answers.

use std::io::Write;

use crate::cli::exit::{Exit, Failure};
use crate::cli::session::Session;
use crate::json::JSON_SCHEMA;

pub(crate) fn run(session: &Session) -> Result<Exit, Failure> {
    let mut out = session.out();
    out.write_all(JSON_SCHEMA.as_bytes())?;
    out.flush()?;
    Ok(Exit::Found)
}
