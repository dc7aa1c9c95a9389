//! Values: states and their groups, ports, addresses, numbers with units.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::error::{Fault, did_you_mean};
use super::fields::Unit;
use super::scan::Piece;
use crate::model::{PortRange, State, StateSet};

/// An order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Order {
    /// The numbers that stand in this order to `number`.
    pub fn range(self, number: u64) -> Vec<RangeInclusive<u64>> {
        match self {
            Self::Less => number.checked_sub(1).map(|last| 0..=last),
            Self::AtMost => Some(0..=number),
            Self::Greater => number.checked_add(1).map(|first| first..=u64::MAX),
            Self::AtLeast => Some(number..=u64::MAX),
        }
        .into_iter()
        .collect()
    }

    /// The ports that stand in this order to `port`.
    pub fn ports(self, port: u16) -> Vec<PortRange> {
        let range = |first, last| Some(PortRange { first, last });
        match self {
            Self::Less => port.checked_sub(1).and_then(|last| range(0, last)),
            Self::AtMost => range(0, port),
            Self::Greater => port.checked_add(1).and_then(|first| range(first, u16::MAX)),
            Self::AtLeast => range(port, u16::MAX),
        }
        .into_iter()
        .collect()
    }
}

/// The groups of ss.
pub(super) fn state_group(word: &str) -> Option<StateSet> {
    let closed = [
        State::Listen,
        State::Close,
        State::BoundInactive,
        State::Unconnected,
    ];
    let connected = closed.into_iter().fold(StateSet::ALL, StateSet::without);
    let bucket = StateSet::NONE.with(State::SynRecv).with(State::TimeWait);
    Some(match word.to_ascii_lowercase().as_str() {
        "all" => StateSet::ALL,
        "connected" => connected,
        "synchronized" => connected.without(State::SynSent),
        "bucket" => bucket,
        "big" => bucket.complement(),
        _ => return None,
    })
}

/// A state or a group. In ss's own clause `closed` and `unconnected` mean everything that is
/// neither listening nor connected.
pub(super) fn states(piece: Piece<'_>, clause: bool) -> Result<StateSet, Fault> {
    let set = if clause {
        clause_states(piece.text)
    } else {
        let state = || State::parse(piece.text).map(|state| StateSet::NONE.with(state));
        state_group(piece.text).or_else(state)
    };
    set.ok_or_else(|| no_state(piece))
}

/// The same of a clause of ss; `None` for what is no state.
pub(super) fn clause_states(word: &str) -> Option<StateSet> {
    if let Some(group) = state_group(word) {
        return Some(group);
    }
    Some(match State::parse(word)? {
        State::Close | State::Unconnected => StateSet::NONE
            .with(State::Close)
            .with(State::BoundInactive)
            .with(State::Unconnected),
        state => StateSet::NONE.with(state),
    })
}

fn no_state(piece: Piece<'_>) -> Fault {
    let mut names: Vec<&str> = State::TCP.iter().filter_map(|state| state.name()).collect();
    names.push("UNCONN");
    let near = did_you_mean(&piece.text.to_ascii_uppercase().replace('-', "_"), &names);
    let hint = format!(
        "{near}states are: {}; groups: all, connected, synchronized, bucket, big",
        names.join(", ")
    );
    Fault::new(format!("'{}' is not a state", piece.text), piece.at, hint)
}

/// A cookie in 16 digits, from as many as are given, with or without `0x`.
pub(super) fn cookie(piece: Piece<'_>) -> Result<String, Fault> {
    let digits = piece.text.trim_start_matches("0x");
    u64::from_str_radix(digits, 16)
        .map(|cookie| format!("{cookie:016x}"))
        .map_err(|_| {
            let what = format!("'{}' is not a cookie", piece.text);
            Fault::new(what, piece.at, "a cookie is up to 16 hexadecimal digits")
        })
}

/// A number with its unit.
pub(super) fn number(piece: Piece<'_>, unit: Unit) -> Result<u64, Fault> {
    number_of(piece.text, unit).ok_or_else(|| {
        let (what, hint) = match unit {
            Unit::Count => ("number", "for example 100, 64k, 1.5m, 0x1f"),
            _ => ("duration", "for example 5, 5s, 300ms, 2m, 1h30m"),
        };
        Fault::new(format!("'{}' is not a {what}", piece.text), piece.at, hint)
    })
}

/// A number, or a range `100-200`.
pub(super) fn range(piece: Piece<'_>, unit: Unit) -> Result<RangeInclusive<u64>, Fault> {
    if let Some(number) = number_of(piece.text, unit) {
        return Ok(number..=number);
    }
    let split = piece.text.split_once('-');
    let read = |text| number_of(text, unit);
    match split.map(|(first, last)| (read(first), read(last))) {
        Some((Some(first), Some(last))) if first <= last => Ok(first..=last),
        Some((Some(_), Some(_))) => {
            let what = format!("the range '{}' ends before it begins", piece.text);
            Err(Fault::new(what, piece.at, "write the smaller number first"))
        }
        _ => number(piece, unit).map(|number| number..=number),
    }
}

/// A number with the mask under which it is compared; without one all of its bits count.
pub(super) fn bits(piece: Piece<'_>) -> Result<(u64, u64), Fault> {
    let part = |text: &str, inside| {
        let number = c_number(text).or_else(|| number_of(text, Unit::Count));
        number.ok_or_else(|| {
            let what = format!("'{text}' is not a number");
            Fault::new(what, piece.place(inside), "for example 0x1f, 0x1/0xff, 31")
        })
    };
    let Some((value, mask)) = piece.text.split_once('/') else {
        return Ok((part(piece.text, 0)?, u64::MAX));
    };
    let mask_at = value.len() + 1;
    let (value, mask) = (part(value, 0)?, part(mask, mask_at)?);
    if value & !mask != 0 {
        let what = format!("0x{value:x} has bits outside the mask 0x{mask:x}");
        let hint = "it would never match: use only bits of the mask";
        return Err(Fault::new(what, piece.place(0), hint));
    }
    Ok((value, mask))
}

/// 32 bits as ss and C write them: `0x1f`, `017`, `-1`.
fn c_number(text: &str) -> Option<u64> {
    let (digits, is_negative) = match text.strip_prefix('-') {
        Some(digits) => (digits, true),
        None => (text, false),
    };
    let octal = digits.strip_prefix('0').filter(|rest| !rest.is_empty());
    let number = match (digits.strip_prefix("0x"), octal) {
        (Some(digits), _) => u32::from_str_radix(digits, 16),
        (None, Some(digits)) => u32::from_str_radix(digits, 8),
        (None, None) => digits.parse(),
    }
    .ok()?;
    Some(
        if is_negative {
            number.wrapping_neg()
        } else {
            number
        }
        .into(),
    )
}

fn number_of(text: &str, unit: Unit) -> Option<u64> {
    match unit {
        Unit::Count => count(text),
        Unit::Milliseconds => u64::try_from(duration(text)?.as_millis()).ok(),
        Unit::Microseconds => u64::try_from(duration(text)?.as_micros()).ok(),
    }
}

/// `100`, `64k` (times 1024), `1.5m`, `0x1f`.
fn count(text: &str) -> Option<u64> {
    if let Some(digits) = text.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).ok();
    }
    let lower = text.to_ascii_lowercase();
    let lower = lower
        .strip_suffix("ib")
        .or(lower.strip_suffix('b'))
        .unwrap_or(&lower);
    let scaled = ["k", "m", "g", "t"].iter().zip([10, 20, 30, 40]);
    for (suffix, shift) in scaled {
        if let Some(number) = lower.strip_suffix(suffix) {
            return scale(number, 1 << shift);
        }
    }
    lower.parse().ok()
}

/// `1.5` times `factor`, exact for whole numbers.
fn scale(text: &str, factor: u64) -> Option<u64> {
    if let Ok(whole) = text.parse::<u64>() {
        return whole.checked_mul(factor);
    }
    let (whole, part) = text.split_once('.')?;
    let digits = u32::try_from(part.len())
        .ok()
        .filter(|n| (1..=9).contains(n))?;
    let whole = whole.parse::<u64>().ok()?.checked_mul(factor)?;
    let part = part.parse::<u64>().ok()?.checked_mul(factor)? / 10_u64.pow(digits);
    whole.checked_add(part)
}

/// Reads `5`, `5s`, `300ms`, `2m`, `1h30m`: a bare number is seconds.
#[must_use]
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let is_decimal = |c: char| c.is_ascii_digit() || c == '.';
    if text.chars().all(is_decimal) {
        return Duration::try_from_secs_f64(text.parse().ok()?).ok();
    }
    let span: jiff::SignedDuration = text.parse().ok()?;
    Duration::try_from(span).ok()
}
