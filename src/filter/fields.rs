//! The names that can be compared: every column, and the words of ss.

use super::ends::Spelling::{self, Ours, Ss};
use super::error::{Fault, did_you_mean};
use super::expression::Side;
use super::scan::Piece;
use crate::columns::{self, Column, Kind, OwnerField};

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field {
    State,
    Port(Side, Spelling),
    /// An address, perhaps with a device and a port.
    End(Side, Spelling),
    Device(Spelling),
    Cgroup(&'static Column),
    Process,
    Pid,
    User,
    ProcessUser,
    Text(&'static Column),
    Number(&'static Column, Unit),
    /// A number whose bits mean something, with a mask behind it: `0x1/0xff`.
    Bits(&'static Column),
}

/// What a number counts: it decides what may stand behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Things, or bytes: `k`, `m` and `g` are multiples of 1024.
    Count,
    /// Time in milliseconds: `5m`, `300ms`; a bare number is seconds.
    Milliseconds,
    /// Time in microseconds.
    Microseconds,
}

/// Other words for columns, those of ss among them.
const ALIASES: [(&str, &str); 9] = [
    ("saddr", "laddr"),
    ("daddr", "paddr"),
    ("fwmark", "mark"),
    ("proto", "protocol"),
    ("recv", "recv_q"),
    ("send", "send_q"),
    ("cmd", "command"),
    ("owner", "process"),
    ("username", "user"),
];

/// Words of ss with a meaning of their own, and the columns that are nearest.
const OF_SS: [(&str, &str); 5] = [
    ("src", "local"),
    ("dst", "peer"),
    ("sport", "lport"),
    ("dport", "pport"),
    ("dev", "interface"),
];

/// The column whose text a word of ss matches.
pub(super) fn column_of_ss(word: &str) -> Option<&'static str> {
    let found = OF_SS.iter().find(|(name, _)| *name == word)?;
    Some(found.1)
}

/// The field that a name stands for.
pub(super) fn find(piece: Piece<'_>) -> Result<Field, Fault> {
    let word = piece.text.to_ascii_lowercase();
    let alias = ALIASES.iter().find(|(alias, _)| *alias == word);
    let id = alias.map_or(word.as_str(), |(_, id)| id);
    Ok(match id {
        "state" => Field::State,
        "port" => Field::Port(Side::Either, Ours),
        "lport" => Field::Port(Side::Local, Ours),
        "pport" => Field::Port(Side::Peer, Ours),
        "sport" => Field::Port(Side::Local, Ss),
        "dport" => Field::Port(Side::PeerOfSs, Ss),
        "local" | "laddr" => Field::End(Side::Local, Ours),
        "peer" | "paddr" => Field::End(Side::Peer, Ours),
        "src" => Field::End(Side::Local, Ss),
        "dst" => Field::End(Side::PeerOfSs, Ss),
        "address" | "addr" => Field::End(Side::Either, Ours),
        "interface" => Field::Device(Ours),
        "dev" => Field::Device(Ss),
        "process_user" => Field::ProcessUser,
        "process" => Field::Process,
        "pid" => Field::Pid,
        "user" => Field::User,
        id => of_column(columns::find(id).ok_or_else(|| unknown(piece))?),
    })
}

fn of_column(column: &'static Column) -> Field {
    match column.kind {
        Kind::Bits => Field::Bits(column),
        Kind::Millis => Field::Number(column, Unit::Milliseconds),
        Kind::Micros => Field::Number(column, Unit::Microseconds),
        Kind::Number
        | Kind::Count(_)
        | Kind::Bytes
        | Kind::Rate
        | Kind::Queue
        | Kind::Owner(OwnerField::Fd | OwnerField::Pid) => Field::Number(column, Unit::Count),
        Kind::Owner(OwnerField::Cgroup) => Field::Cgroup(column),
        _ => Field::Text(column),
    }
}

/// Every name there is.
pub(super) fn names() -> Vec<&'static str> {
    let ids = columns::COLUMNS.iter().map(|column| column.id);
    let aliases = ALIASES.iter().map(|(alias, _)| *alias);
    let of_ss = OF_SS.iter().map(|(name, _)| *name);
    let ids = ids.chain(["port", "address"]);
    ids.chain(aliases).chain(of_ss).collect()
}

fn unknown(piece: Piece<'_>) -> Fault {
    let known = names();
    let near = did_you_mean(&piece.text.to_ascii_lowercase(), &known);
    if piece.text.eq_ignore_ascii_case("autobound") {
        let hint = "write the range: lport in 32768-60999 (net.ipv4.ip_local_port_range)";
        return Fault::new("autobound of ss is not supported", piece.at, hint);
    }
    let hint = if near.is_empty() {
        let ids: Vec<_> = columns::COLUMNS.iter().map(|column| column.id).collect();
        format!("names are: port, {}", ids.join(", "))
    } else {
        format!("{near}sockscope --columns help lists all names")
    };
    Fault::new(format!("unknown name '{}'", piece.text), piece.at, hint)
}
