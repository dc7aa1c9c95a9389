//! Comparisons with `=`, `!=` and `in`: each field reads its values in its own way.

use super::device::Device;
use super::ends::{self, EndPattern, Host, Spelling};
use super::error::{Fault, did_you_mean};
use super::expression::{Side, Test};
use super::fields::{self, Field};
use super::scan::Piece;
use super::{Names, ports, values};
use crate::columns::{Column, Kind};
use crate::model::{Family, PortRange, StateSet};

/// The test that a field is one of the values.
pub(super) fn equal(field: Field, pieces: &[Piece<'_>], names: Names<'_>) -> Result<Test, Fault> {
    let texts = || pieces.iter().map(|piece| piece.text.to_owned()).collect();
    Ok(match field {
        Field::State => {
            let mut set = StateSet::NONE;
            for piece in pieces {
                set = set.union(values::states(*piece, false)?);
            }
            Test::State(set)
        }
        Field::Port(side, spelling) => {
            of_ports(side, each(pieces, |p| ports::value(p, spelling, names))?)
        }
        Field::End(side, spelling) => {
            let ends = each(pieces, |p| ends_of(p, side, spelling, names))?;
            Test::End(side, ends.into_iter().flatten().collect())
        }
        Field::Device(spelling) => {
            let devices = pieces.iter().map(|piece| Device::read(piece.text));
            Test::Device(spelling, devices.collect())
        }
        Field::Cgroup(column) => cgroups(pieces, column, names)?,
        Field::Pid => Test::Pid(each(pieces, |p| values::range(p, fields::Unit::Count))?),
        Field::Process => Test::Process(pieces.iter().map(|p| p.text.into()).collect()),
        Field::User => Test::User(texts()),
        Field::ProcessUser => Test::ProcessUser(texts()),
        Field::Number(column, unit) => {
            Test::Number(column, each(pieces, |p| values::range(p, unit))?)
        }
        Field::Bits(column) => Test::Bits(column, each(pieces, values::bits)?),
        Field::Text(column) if column.kind == Kind::Hex => {
            Test::Text(column, each(pieces, values::cookie)?)
        }
        Field::Text(column) => {
            for piece in pieces {
                known_word(column, *piece)?;
            }
            Test::Text(column, texts())
        }
    })
}

/// Ports with a family before them are ends: the family is the socket's.
pub(super) fn of_ports(side: Side, read: Vec<(Option<Family>, Option<PortRange>)>) -> Test {
    let plain: Option<Vec<PortRange>> = read
        .iter()
        .map(|(family, ports)| ports.filter(|_| family.is_none()))
        .collect();
    if let Some(ranges) = plain {
        return Test::Port(side, ranges);
    }
    let pattern = |(family, ports)| EndPattern::of_ports(family, ports);
    Test::End(side, read.into_iter().map(pattern).collect())
}

fn ends_of(
    piece: Piece<'_>,
    side: Side,
    spelling: Spelling,
    names: Names<'_>,
) -> Result<Vec<EndPattern>, Fault> {
    let ends = ends::read(piece.text, spelling, names).map_err(|stop| stop.within(piece))?;
    let never = |end: &EndPattern| end.host == Host::DualWildcard;
    if side == Side::Peer && ends.iter().any(never) {
        let what = "a peer is never '*': that is a socket listening on all addresses";
        let hint = "for any address, omit it: peer = :443, or pport = 443";
        return Err(Fault::new(what, piece.place(0), hint));
    }
    Ok(ends)
}

/// cgroups as ss takes them, by the path of their directory; as they are shown, by the path below
/// the mount; or by number.
fn cgroups(pieces: &[Piece<'_>], column: &'static Column, names: Names<'_>) -> Result<Test, Fault> {
    let (mut ids, mut paths) = (Vec::new(), Vec::new());
    for piece in pieces {
        let hint = "give a directory under the cgroup2 mount, or a path as in the cgroup \
                    column: /system.slice/ssh.service";
        let fault = |what: String| Fault::new(what, piece.place(0), hint);
        if let Some(id) = (names.cgroup)(piece.text).map_err(fault)? {
            ids.push(id);
        } else if piece.text.starts_with('/') {
            paths.push(piece.text.to_owned());
        } else if let Ok(id) = piece.text.parse() {
            ids.push(id);
        } else {
            return Err(fault(format!("'{}' is not a cgroup path", piece.text)));
        }
    }
    Ok(Test::Cgroup { ids, column, paths })
}

fn each<T>(
    pieces: &[Piece<'_>],
    read: impl Fn(Piece<'_>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    pieces.iter().map(|piece| read(*piece)).collect()
}

/// Of columns whose words are ours any other word can never be found.
fn known_word(column: &Column, piece: Piece<'_>) -> Result<(), Fault> {
    let known = column.words;
    if known.is_empty() {
        return Ok(());
    }
    if known
        .iter()
        .any(|word| piece.text.eq_ignore_ascii_case(word))
    {
        return Ok(());
    }
    let near = did_you_mean(&piece.text.to_ascii_lowercase(), known);
    let what = format!("'{}' is not a valid {}", piece.text, column.id);
    let hint = format!("{near}use one of: {}", known.join(", "));
    Err(Fault::new(what, piece.at, hint))
}
