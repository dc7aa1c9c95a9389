//! Values: states and their groups, ports, addresses, numbers with units.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;

use super::error::{Fault, did_you_mean};
use super::expression::EndPattern;
use super::fields::Unit;
use super::scan::Piece;
use crate::model::{PortRange, State, StateSet};

/// Gives the port of a service's name.
pub(super) type PortNames<'a> = &'a dyn Fn(&str) -> Option<u16>;

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
    if let Some(group) = state_group(piece.text) {
        return Ok(group);
    }
    match State::parse(piece.text) {
        Some(State::Close | State::Unconnected) if clause => Ok(StateSet::NONE
            .with(State::Close)
            .with(State::BoundInactive)
            .with(State::Unconnected)),
        Some(state) => Ok(StateSet::NONE.with(state)),
        None => Err(no_state(piece)),
    }
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

/// A port by number or name; ss writes `:8080`.
pub(super) fn port(piece: Piece<'_>, names: PortNames<'_>) -> Result<u16, Fault> {
    let range = port_range(piece, names)?;
    if range.is_single() {
        return Ok(range.first);
    }
    let hint = "a range is compared with =, != or in";
    Err(Fault::new(
        format!("'{}' is a range", piece.text),
        piece.at,
        hint,
    ))
}

/// A port or a range of ports.
pub(super) fn port_range(piece: Piece<'_>, names: PortNames<'_>) -> Result<PortRange, Fault> {
    let text = without_family(piece.text);
    let text = text.trim_start_matches("*:").trim_start_matches(':');
    port_range_of(text, names).map_err(|what| {
        let hint = "for example lport = 8080, port in 80,8000-8100, pport = https";
        Fault::new(what, piece.at, hint)
    })
}

fn port_range_of(text: &str, names: PortNames<'_>) -> Result<PortRange, String> {
    let is_name = text.starts_with(|c: char| c.is_ascii_alphabetic());
    if is_name {
        let port = names(text).ok_or_else(|| format!("there is no service '{text}'"))?;
        return Ok(PortRange {
            first: port,
            last: port,
        });
    }
    let mut ranges = PortRange::parse_list(text)?.into_iter();
    ranges
        .next()
        .ok_or_else(|| format!("'{text}' is not a port"))
}

/// An address, a network, with or without a port: `10.0.0.1`, `10.0.0.0/8:443`, `[::1]:80`,
/// `:80`, `*`.
pub(super) fn end(piece: Piece<'_>, names: PortNames<'_>) -> Result<EndPattern, Fault> {
    let text = without_family(piece.text);
    let fault = |what: String| {
        let hint = "for example 10.0.0.1, 10.0.0.0/8, 10.0.0.1:443, [::1]:80, :8080";
        Fault::new(what, piece.at, hint)
    };
    let no_address = || fault(format!("'{text}' is not an address"));
    let (address, port) = split(text);
    let net = match address {
        "" | "*" | "any" => None,
        address => Some(network(address).ok_or_else(no_address)?),
    };
    let ports = match port {
        None | Some("*") => None,
        Some(port) => Some(port_range_of(port, names).map_err(fault)?),
    };
    if net.is_none() && ports.is_none() && !matches!(text, "*" | "any" | "*:*") {
        return Err(no_address());
    }
    Ok(EndPattern { net, ports })
}

/// The text without ss's `inet:` or `inet6:` before it: the address tells its family.
fn without_family(text: &str) -> &str {
    let stripped = text.strip_prefix("inet6:").or(text.strip_prefix("inet:"));
    stripped.unwrap_or(text)
}

/// Both loopback addresses, as `localhost` means them; else the one end.
pub(super) fn ends(piece: Piece<'_>, names: PortNames<'_>) -> Result<Vec<EndPattern>, Fault> {
    let text = without_family(piece.text);
    let Some(port) = text.strip_prefix("localhost") else {
        return Ok(vec![end(piece, names)?]);
    };
    let loopback = |address: String| {
        let text = format!("{address}{port}");
        let text = text.as_str();
        end(Piece { text, ..piece }, names)
    };
    Ok(vec![
        loopback("127.0.0.1".to_owned())?,
        loopback("[::1]".to_owned())?,
    ])
}

/// A cookie in 16 digits, from as many as are given, with or without `0x`.
pub(super) fn cookie(piece: Piece<'_>) -> Result<String, Fault> {
    let digits = piece.text.trim_start_matches("0x");
    u64::from_str_radix(digits, 16)
        .map(|cookie| format!("{cookie:016x}"))
        .map_err(|_| {
            let what = format!("'{}' is no cookie", piece.text);
            Fault::new(what, piece.at, "it is up to 16 hexadecimal digits")
        })
}

/// The address and the port of an end, as far as both are there.
fn split(text: &str) -> (&str, Option<&str>) {
    if let Some(inner) = text.strip_prefix('[')
        && let Some((address, rest)) = inner.split_once(']')
    {
        // ss writes [::1]/64:80, too: the prefix stands outside.
        return match rest.strip_prefix(':') {
            Some(port) => (address, Some(port)),
            None => (address, None),
        };
    }
    match text.rsplit_once(':') {
        // More than one colon: an IPv6 address without a port.
        Some((address, port)) if !address.contains(':') => (address, Some(port)),
        _ => (text, None),
    }
}

/// `10/8` and `193.233.7/24`, as ss has them, with all four numbers.
fn whole(text: &str) -> Option<String> {
    let (address, length) = text.split_once('/')?;
    let numbers = address.split('.').count();
    let is_short = (1..4).contains(&numbers) && !address.contains(':');
    is_short.then(|| format!("{address}{}/{length}", ".0".repeat(4 - numbers)))
}

/// A network, or a single address; a v4-mapped one is the IPv4 it is.
fn network(text: &str) -> Option<IpNet> {
    let whole = whole(text);
    let text = whole.as_deref().unwrap_or(text);
    let net = match text.parse::<IpNet>() {
        Ok(net) => net,
        Err(_) => IpNet::from(text.parse::<IpAddr>().ok()?),
    };
    let IpAddr::V6(v6) = net.addr() else {
        return Some(net);
    };
    match (v6.to_ipv4_mapped(), net.prefix_len().checked_sub(96)) {
        (Some(v4), Some(length)) => IpNet::new(IpAddr::V4(v4), length).ok(),
        _ => Some(net),
    }
}

/// A number with its unit.
pub(super) fn number(piece: Piece<'_>, unit: Unit) -> Result<u64, Fault> {
    number_of(piece.text, unit).ok_or_else(|| {
        let (what, hint) = match unit {
            Unit::Count => ("number", "for example 100, 64k, 1.5m, 0x1f"),
            _ => ("duration", "for example 5, 5s, 300ms, 2m, 1h30m"),
        };
        Fault::new(format!("'{}' is no {what}", piece.text), piece.at, hint)
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
    let part = |text| number(Piece { text, ..piece }, Unit::Count);
    match piece.text.split_once('/') {
        Some((value, mask)) => Ok((part(value)?, part(mask)?)),
        None => Ok((part(piece.text)?, u64::MAX)),
    }
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
