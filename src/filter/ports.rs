//! Ports as they are written: numbers, ranges, names of services.

use super::Names;
use super::ends::{self, Spelling, Stop};
use super::error::Fault;
use super::scan::Piece;
use crate::model::{Family, PortRange};

const EXAMPLES: &str = "for example lport = 8080, port in 80,8000-8100, pport = https";

/// Ports of a comparison, and the family that ss may write before them; `None` for `:*` of ss,
/// which is every port.
pub(super) fn value(
    piece: Piece<'_>,
    spelling: Spelling,
    names: Names<'_>,
) -> Result<(Option<Family>, Option<PortRange>), Fault> {
    let text = piece.text;
    let read = || {
        let (family, mut at) = ends::family(text)?;
        let rest = text.get(at..).unwrap_or_default();
        let before = [":", "*:"].into_iter().find(|sign| rest.starts_with(sign));
        at += before.map_or(0, str::len);
        if before.is_none() && rest == "*" {
            return Err(Stop::new(at, "'*' is not a port"));
        }
        Ok((family, read(text, at, spelling, names)?))
    };
    let hint = |stop: Stop| stop.hint(EXAMPLES).within(piece);
    let (family, ports) = read().map_err(hint)?;
    if ports.is_none() && spelling == Spelling::Ours {
        return Err(hint(Stop::new(0, format!("'{text}' is not a port"))));
    }
    Ok((family, ports))
}

/// The ports that stand from `at` to the end of a text; `None` for `*`, which is every port.
pub(super) fn read(
    text: &str,
    at: usize,
    spelling: Spelling,
    names: Names<'_>,
) -> Result<Option<PortRange>, Stop> {
    let rest = text.get(at..).unwrap_or_default();
    match rest {
        "*" => return Ok(None),
        "" if spelling == Spelling::Ss => return Ok(None),
        "" => return Err(Stop::new(at, "a port is missing")),
        _ => {}
    }
    if rest.contains(|c: char| c.is_alphabetic())
        && let Some(port) = named(rest, spelling, names)
    {
        return Ok(Some(single(port)));
    }
    let (first, length) = number(rest, at, spelling)?;
    let behind = rest.get(length..).unwrap_or_default();
    if behind.is_empty() {
        return Ok(Some(single(first)));
    }
    let Some(second) = behind.strip_prefix('-') else {
        let what = format!("unexpected '{behind}' after the port");
        return Err(Stop::new(at + length, what));
    };
    let second_at = at + length + 1;
    if second.is_empty() {
        return Err(Stop::new(
            second_at,
            "the last port of the range is missing",
        ));
    }
    let (last, length) = number(second, second_at, spelling)?;
    if let Some(behind) = second.get(length..).filter(|behind| !behind.is_empty()) {
        let what = format!("unexpected '{behind}' after the port");
        return Err(Stop::new(second_at + length, what));
    }
    if first > last {
        let what = format!("the range '{rest}' ends before it begins");
        return Err(Stop::new(at, what).hint("write the smaller port first"));
    }
    Ok(Some(PortRange { first, last }))
}

const fn single(port: u16) -> PortRange {
    PortRange {
        first: port,
        last: port,
    }
}

/// A service, or a number as ss and C write it: `0x50`.
fn named(text: &str, spelling: Spelling, names: Names<'_>) -> Option<u16> {
    let hexadecimal = text.strip_prefix("0x").filter(|_| spelling == Spelling::Ss);
    match hexadecimal {
        Some(digits) => u16::from_str_radix(digits, 16).ok(),
        None => (names.port)(text),
    }
}

/// The number at the beginning of a text, and its length.
fn number(text: &str, at: usize, spelling: Spelling) -> Result<(u16, usize), Stop> {
    let is_digit = |c: char| c.is_ascii_digit();
    let length = text.find(|c| !is_digit(c)).unwrap_or(text.len());
    let digits = text.get(..length).unwrap_or_default();
    if digits.is_empty() {
        let is_word = text.starts_with(|c: char| c.is_alphabetic());
        let what = if is_word {
            format!("there is no service '{text}'")
        } else {
            format!("'{text}' is not a port")
        };
        return Err(Stop::new(at, what));
    }
    // ss reads numbers as C does.
    let octal = digits.strip_prefix('0').filter(|rest| !rest.is_empty());
    if let Some(octal) = octal.filter(|_| spelling == Spelling::Ss) {
        let port = u16::from_str_radix(octal, 8);
        let no_port = |_| Stop::new(at, format!("'{digits}' is not a port"));
        return Ok((port.map_err(no_port)?, length));
    }
    let above = |_| Stop::new(at, format!("port {digits} is above 65535"));
    Ok((digits.parse().map_err(above)?, length))
}
