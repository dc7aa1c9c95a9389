//! Comparisons with `=`, `!=` and `in`: each field reads its values in its own way.

use super::error::{Fault, did_you_mean};
use super::expression::Test;
use super::fields::{self, Field};
use super::scan::Piece;
use super::values::{self, PortNames};
use crate::model::StateSet;

/// The test that a field is one of the values.
pub(super) fn equal(
    field: Field,
    pieces: &[Piece<'_>],
    ports: PortNames<'_>,
) -> Result<Test, Fault> {
    let texts = || pieces.iter().map(|piece| piece.text.to_owned()).collect();
    Ok(match field {
        Field::State => {
            let mut set = StateSet::NONE;
            for piece in pieces {
                set = set.union(values::states(*piece, false)?);
            }
            Test::State(set)
        }
        Field::Port(side) => Test::Port(side, each(pieces, |p| values::port_range(p, ports))?),
        Field::End(side) => {
            let ends = each(pieces, |p| values::ends(p, ports))?;
            Test::End(side, ends.into_iter().flatten().collect())
        }
        Field::Pid => Test::Pid(each(pieces, |p| values::range(p, fields::Unit::Count))?),
        Field::Process => Test::Process(pieces.iter().map(|p| p.text.into()).collect()),
        Field::User => Test::User(texts()),
        Field::Number(column, unit) => {
            Test::Number(column, each(pieces, |p| values::range(p, unit))?)
        }
        Field::Bits(column) => Test::Bits(column, each(pieces, values::bits)?),
        Field::Text(column) if column.id == "cookie" => {
            Test::Text(column, each(pieces, values::cookie)?)
        }
        Field::Text(column) => {
            for piece in pieces {
                known_word(column.id, *piece)?;
            }
            Test::Text(column, texts())
        }
    })
}

fn each<T>(
    pieces: &[Piece<'_>],
    read: impl Fn(Piece<'_>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    pieces.iter().map(|piece| read(*piece)).collect()
}

/// Columns whose words are ours: any other word can never be found.
fn known_word(id: &str, piece: Piece<'_>) -> Result<(), Fault> {
    let known: &[&str] = match id {
        "protocol" => &["tcp", "udp", "raw"],
        "family" => &["ipv4", "ipv6"],
        "role" => &["listener", "inbound", "outbound"],
        "timer" => &[
            "retransmit",
            "keepalive",
            "timewait",
            "probe",
            "delayed_ack",
        ],
        "owner_status" => &[
            "found",
            "denied",
            "unaccepted",
            "orphaned",
            "timewait",
            "handshake",
            "kernel_or_hidden",
            "not_asked",
        ],
        _ => return Ok(()),
    };
    if known
        .iter()
        .any(|word| piece.text.eq_ignore_ascii_case(word))
    {
        return Ok(());
    }
    let near = did_you_mean(&piece.text.to_ascii_lowercase(), known);
    let what = format!("'{}' is no {id}", piece.text);
    let hint = format!("{near}it is one of: {}", known.join(", "));
    Err(Fault::new(what, piece.at, hint))
}
