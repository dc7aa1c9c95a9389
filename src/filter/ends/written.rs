//! The parts of a written end, and what its address means.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{Host, Spelling, Stop};
use crate::model::Family;

/// The parts of an end, with the bytes at which they begin.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Written<'a> {
    text: &'a str,
    host: (&'a str, usize),
    is_bracketed: bool,
    length: Option<(&'a str, usize)>,
    pub device: Option<(&'a str, usize)>,
    /// Where the port begins.
    pub port: Option<usize>,
}

impl<'a> Written<'a> {
    pub fn split(text: &'a str, at: usize, spelling: Spelling) -> Result<Self, Stop> {
        let mut written = Self {
            text,
            ..Self::default()
        };
        let rest = text.get(at..).unwrap_or_default();
        let behind = if rest.starts_with('[') {
            written.bracketed(at)?
        } else {
            let host = bare_host(rest, spelling);
            written.host = (host, at);
            at + host.len()
        };
        written.tail(behind)?;
        Ok(written)
    }

    fn rest(&self, at: usize) -> &'a str {
        self.text.get(at..).unwrap_or_default()
    }

    /// Reads `[address]`, with a network's length and a device if they stand inside; gives where
    /// it ends.
    fn bracketed(&mut self, at: usize) -> Result<usize, Stop> {
        let missing = || Stop::new(self.text.len(), "a ']' is missing");
        let inner = at + 1;
        let length = self.rest(inner).find(['%', '/', ']']).ok_or_else(missing)?;
        self.is_bracketed = true;
        self.host = (
            self.text.get(inner..inner + length).unwrap_or_default(),
            inner,
        );
        let mut at = inner + length;
        if self.rest(at).starts_with('/') {
            let end = self.rest(at).find(['%', ']']).ok_or_else(missing)?;
            self.length = Some((self.rest(at).get(1..end).unwrap_or_default(), at + 1));
            at += end;
        }
        if self.rest(at).starts_with('%') {
            // The name of an interface may have a bracket in it.
            let end = self.rest(at).rfind(']').ok_or_else(missing)?;
            self.take_device(at + 1, end - 1)?;
            at += end;
        }
        Ok(at + 1)
    }

    /// Reads what stands behind the address: `/length`, `%device`, `:port`.
    fn tail(&mut self, mut at: usize) -> Result<(), Stop> {
        loop {
            let rest = self.rest(at);
            match rest.chars().next() {
                None => return Ok(()),
                Some('/') if self.length.is_none() => {
                    let end = rest.find(['%', ':']).unwrap_or(rest.len());
                    self.length = Some((rest.get(1..end).unwrap_or_default(), at + 1));
                    at += end;
                }
                Some('%') if self.device.is_none() => {
                    // A name has no slash in it, and a port no colon.
                    let (slash, colon) = (rest.find('/'), rest.rfind(':'));
                    let end = match (slash, colon) {
                        (Some(slash), Some(colon)) => slash.min(colon),
                        (slash, colon) => slash.or(colon).unwrap_or(rest.len()),
                    };
                    self.take_device(at + 1, end - 1)?;
                    at += end;
                }
                Some(':') => {
                    self.port = Some(at + 1);
                    return Ok(());
                }
                Some(_) => {
                    return Err(Stop::new(
                        at,
                        format!("unexpected '{rest}' after the address"),
                    ));
                }
            }
        }
    }

    fn take_device(&mut self, at: usize, length: usize) -> Result<(), Stop> {
        let name = self.text.get(at..at + length).unwrap_or_default();
        if name.is_empty() {
            return Err(Stop::new(at, "the interface name is missing"));
        }
        self.device = Some((name, at));
        Ok(())
    }

    /// What the address means.
    pub fn hosts(&self, family: Option<Family>, spelling: Spelling) -> Result<Vec<Host>, Stop> {
        let (host, at) = self.host;
        if !self.is_bracketed
            && let Some(host) = wildcard(host, spelling)
        {
            let is_missing = self.host.0.is_empty() && self.port.is_none() && self.device.is_none();
            if is_missing {
                return Err(Stop::new(at, "an address is missing"));
            }
            if let Some((_, at)) = self.length {
                return Err(Stop::new(at - 1, "a wildcard has no prefix length"));
            }
            return Ok(vec![host]);
        }
        let addresses = addresses(host, self.length.is_some());
        if addresses.is_empty() {
            let what = format!("'{host}' is not an address");
            let is_name = host.starts_with(|c: char| c.is_alphabetic()) && !host.contains(':');
            let stop = Stop::new(at, what);
            let hint = "host names are not looked up here: give the address";
            return Err(if is_name { stop.hint(hint) } else { stop });
        }
        let mut hosts = Vec::new();
        for address in addresses {
            let is_other = family.is_some_and(|family| (family == Family::V4) != address.is_ipv4());
            if is_other {
                let what = format!("'{host}' is an address of the other family");
                return Err(Stop::new(at, what));
            }
            hosts.push(self.host(address, spelling)?);
        }
        Ok(hosts)
    }

    fn host(&self, address: IpAddr, spelling: Spelling) -> Result<Host, Stop> {
        let length = match (self.length, address) {
            (None, IpAddr::V4(_)) => 32,
            (None, IpAddr::V6(v6)) => {
                let is_printed = self.is_bracketed && v6.is_unspecified();
                if is_printed && spelling == Spelling::Ours {
                    return Ok(Host::Ipv6Wildcard);
                }
                128
            }
            (Some((text, at)), _) => prefix_length(text, at, address)?,
        };
        let too_long = || Stop::new(self.host.1, "no network has this prefix length");
        Ok(match address {
            IpAddr::V4(v4) => Host::Net(Ipv4Net::new(v4, length).map_err(|_| too_long())?.into()),
            IpAddr::V6(v6) => {
                let net = Ipv6Net::new(v6, length).map_err(|_| too_long())?;
                match spelling {
                    Spelling::Ours => Host::Net(unmapped(net)),
                    Spelling::Ss => Host::Mapped(net),
                }
            }
        })
    }
}

/// The address at the beginning of a text without brackets.
fn bare_host(rest: &str, spelling: Spelling) -> &str {
    if rest.starts_with('*') {
        return rest.get(..1).unwrap_or_default();
    }
    let is_v6 = |text: &str| text.parse::<Ipv6Addr>().is_ok();
    let end = rest.find(['%', '/']);
    let candidate = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
    let Some((first, _)) = candidate.split_once(':') else {
        return candidate;
    };
    // ss takes what follows the last colon for a port.
    if spelling == Spelling::Ss
        && let Some((before, _)) = rest.rsplit_once(':')
        && end.is_none()
        && is_v6(before)
    {
        return before;
    }
    if is_v6(candidate) {
        return candidate;
    }
    let of_v6 = |c: char| c.is_ascii_hexdigit() || c == ':' || c == '.';
    let run = candidate.find(|c| !of_v6(c)).unwrap_or(candidate.len());
    let run = candidate.get(..run).unwrap_or_default();
    if is_v6(run) { run } else { first }
}

/// The words for more than one address.
fn wildcard(host: &str, spelling: Spelling) -> Option<Host> {
    match (host, spelling) {
        ("*", Spelling::Ours) => Some(Host::DualWildcard),
        ("" | "any", _) | ("*" | "all" | "default", Spelling::Ss) => Some(Host::Any),
        _ => None,
    }
}

/// The address that a text is; of a network `10/8` is enough, as for ss.
fn addresses(host: &str, is_network: bool) -> Vec<IpAddr> {
    let [v4, v6] = [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ];
    match host {
        "localhost" if !is_network => return vec![v4, v6],
        "ip6-localhost" | "ip6-loopback" if !is_network => return vec![v6],
        _ => {}
    }
    let numbers = host.split('.').count();
    let is_short = is_network && (1..4).contains(&numbers) && !host.contains(':');
    let filled = if is_short {
        format!("{host}{}", ".0".repeat(4 - numbers))
    } else {
        host.to_owned()
    };
    filled.parse().into_iter().collect()
}

/// A length in bits, of IPv4 as a mask too: `255.0.0.0`.
fn prefix_length(text: &str, at: usize, address: IpAddr) -> Result<u8, Stop> {
    let (most, name) = match address {
        IpAddr::V4(_) => (32, "IPv4"),
        IpAddr::V6(_) => (128, "IPv6"),
    };
    if let (IpAddr::V4(v4), Ok(mask)) = (address, text.parse::<Ipv4Addr>())
        && let Ok(net) = Ipv4Net::with_netmask(v4, mask)
    {
        return Ok(net.prefix_len());
    }
    if text.is_empty() {
        return Err(Stop::new(at, "the prefix length is missing"));
    }
    if let Some(place) = text.find(|c: char| !c.is_ascii_digit()) {
        let rest = text.get(place..).unwrap_or_default();
        let what = format!("unexpected '{rest}' in the prefix length");
        return Err(Stop::new(at + place, what));
    }
    let length = text.parse().ok().filter(|length| *length <= most);
    length.ok_or_else(|| {
        let what = format!("an {name} network has at most {most} bits, not {text}");
        Stop::new(at, what)
    })
}

/// A v4-mapped network as the IPv4 network it is.
fn unmapped(net: Ipv6Net) -> IpNet {
    let mapped = net.addr().to_ipv4_mapped();
    match (mapped, net.prefix_len().checked_sub(96)) {
        (Some(v4), Some(length)) => Ipv4Net::new(v4, length).map_or(net.into(), IpNet::from),
        _ => net.into(),
    }
}
