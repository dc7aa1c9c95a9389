//! `sockscope schema`: the JSON Schema of the JSON answers.

use std::io::Write;

use super::session::Session;
use super::{Exit, Failure};
use crate::render::contract::JSON_SCHEMA;

pub(super) fn run(session: &Session) -> Result<Exit, Failure> {
    let mut out = session.out();
    out.write_all(JSON_SCHEMA.as_bytes())?;
    out.flush()?;
    Ok(Exit::Found)
}
