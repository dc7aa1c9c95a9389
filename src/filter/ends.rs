//! Ends of sockets as they are written, `[fe80::1]%eth0:443`, and whether an end is one of them.
//!
//! Whatever is printed for an end is read again and means just that. A text is read from left to
//! right and to its last character; what cannot be read is an error at that character.

mod written;

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};

use super::Names;
use super::device::Device;
use super::error::{Fault, FilterError};
use super::ports;
use super::scan::Piece;
use crate::columns::Row;
use crate::model::{Endpoint, Family, PortRange, Wildcard};
use written::Written;

/// Whose words a comparison is written in. Most mean the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// Ours: what is printed for an end means that end.
    Ours,
    /// Those of ss: `*` is any address, and what has no peer has the port 0.
    Ss,
}

/// What an end has to be; what is `None` matches all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EndPattern {
    /// The family of the socket: `inet6:` of ss.
    pub family: Option<Family>,
    pub host: Host,
    /// The interface that the socket is bound to.
    pub device: Option<Device>,
    pub ports: Option<PortRange>,
}

/// Which addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Any,
    /// An address or a network; a v4-mapped one is the IPv4 it is.
    Net(IpNet),
    /// The same as ss and the kernel have it: IPv4 in an IPv6 socket is mapped.
    Mapped(Ipv6Net),
    /// `[::]`: every IPv6 address and no other.
    Ipv6Wildcard,
    /// `*`: every address of both families.
    DualWildcard,
}

/// One end of a socket that is compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compared {
    pub end: Endpoint,
    /// Whether it is a wildcard of both families.
    pub takes_both: bool,
}

impl EndPattern {
    /// Any address with one of these ports.
    pub const fn of_ports(family: Option<Family>, ports: Option<PortRange>) -> Self {
        Self {
            family,
            host: Host::Any,
            device: None,
            ports,
        }
    }

    /// Whether it is one of the wildcards that an IPv6 socket may have.
    pub const fn is_wildcard_of_ipv6(&self) -> bool {
        matches!(self.host, Host::Ipv6Wildcard | Host::DualWildcard)
    }

    /// Whether an end of the row's socket is so.
    pub fn matches(&self, compared: Compared, row: Row<'_>) -> bool {
        let family = row.socket.family;
        let device = self.device.as_ref();
        self.ports
            .is_none_or(|ports| ports.contains(compared.end.port))
            && self.family.is_none_or(|wanted| wanted == family)
            && self.host.matches(compared, family)
            && device.is_none_or(|device| device.is_of(row))
    }
}

impl Host {
    fn matches(self, compared: Compared, family: Family) -> bool {
        let address = compared.end.address;
        let is_v6_wildcard = address == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        match self {
            Self::Any => true,
            Self::Net(net) => net.contains(&address),
            Self::Mapped(net) => family == Family::V6 && net.contains(&as_v6(address)),
            Self::Ipv6Wildcard => is_v6_wildcard && !compared.takes_both,
            Self::DualWildcard => is_v6_wildcard && compared.takes_both,
        }
    }
}

/// The address as an IPv6 socket has it.
fn as_v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}

/// What cannot be read: the byte of the text where reading stopped, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    pub at: usize,
    pub what: String,
    pub hint: &'static str,
}

/// What an end may look like.
pub(super) const EXAMPLES: &str =
    "for example 10.0.0.1, 10.0.0.0/8, 10.0.0.1:443, [::1]:80, [fe80::1]%eth0:443, *:80, :8080";

impl Stop {
    pub fn new(at: usize, what: impl Into<String>) -> Self {
        Self {
            at,
            what: what.into(),
            hint: EXAMPLES,
        }
    }

    pub const fn hint(mut self, hint: &'static str) -> Self {
        self.hint = hint;
        self
    }

    /// The error in the text of a filter.
    pub fn within(self, piece: Piece<'_>) -> Fault {
        Fault::new(self.what, piece.place(self.at), self.hint)
    }
}

/// Reads an end; `localhost` is one of two.
pub(super) fn read(
    text: &str,
    spelling: Spelling,
    names: Names<'_>,
) -> Result<Vec<EndPattern>, Stop> {
    let (family, at) = family(text)?;
    let written = Written::split(text, at, spelling)?;
    let hosts = written.hosts(family, spelling)?;
    let device = written.device.map(|(name, _)| Device::read(name));
    let ports = match written.port {
        Some(at) => ports::read(text, at, spelling, names)?,
        None => None,
    };
    let pattern = |host| EndPattern {
        family,
        host,
        device: device.clone(),
        ports,
    };
    Ok(hosts.into_iter().map(pattern).collect())
}

/// One address as it is printed in an end, with what may stand behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WrittenPlace {
    /// The address; a v4-mapped one is the IPv4 it is.
    pub address: IpAddr,
    /// Which wildcard, where it is written as one that is printed.
    pub wildcard: Option<Wildcard>,
    /// The name of an interface, or its index.
    pub device: Option<Vec<u8>>,
    pub port: Option<u16>,
}

/// Reads one address, to the last character.
///
/// # Errors
/// One that points at what cannot be read.
pub(crate) fn place(text: &str) -> Result<WrittenPlace, FilterError> {
    read_place(text).map_err(|stop| Fault::new(stop.what, stop.at, PLACES).within(text))
}

/// Whether a text is an end in full, of one or of several addresses.
pub(crate) fn place_of(text: &str) -> bool {
    let any_port = Names {
        port: |_| Some(1),
        ..Names::NONE
    };
    let ends = read(text, Spelling::Ours, any_port).unwrap_or_default();
    !ends.is_empty() && ends.iter().all(|end| end.host != Host::Any)
}

/// The condition that a socket is at an end, or serves it: listens or is bound there, or on all
/// addresses of that family. A wildcard that is printed means just that.
///
/// # Errors
/// One that points at what cannot be read.
pub(crate) fn serving(text: &str) -> Result<String, FilterError> {
    let any_port = Names {
        port: |_| Some(1),
        ..Names::NONE
    };
    let ends = read(text, Spelling::Ours, any_port);
    let ends = ends.map_err(|stop| Fault::new(stop.what, stop.at, stop.hint).within(text))?;
    let port = text.rsplit_once(':').map_or("", |(_, port)| port);
    let conditions = ends.iter().map(|end| match end.host {
        Host::Net(net)
            if net.prefix_len() == net.max_prefix_len()
                && !net.addr().is_unspecified()
                && end.device.is_none() =>
        {
            match net.addr() {
                IpAddr::V4(v4) => {
                    format!("address={v4}:{port} or local=0.0.0.0:{port} or local=*:{port}")
                }
                IpAddr::V6(v6) => {
                    format!("address=[{v6}]:{port} or local=[::]:{port} or local=*:{port}")
                }
            }
        }
        _ => format!("local={text}"),
    });
    Ok(conditions.collect::<Vec<_>>().join(" or "))
}

/// What one address may look like.
const PLACES: &str = "give an address in numbers, such as 127.0.0.1, ::1, 0.0.0.0, [::], * or \
                      127.0.0.53%lo";

fn read_place(text: &str) -> Result<WrittenPlace, Stop> {
    let at = |sign| text.find(sign).unwrap_or(0);
    let mut patterns = read(text, Spelling::Ours, Names::NONE)?;
    let (Some(pattern), true) = (patterns.pop(), patterns.is_empty()) else {
        return Err(Stop::new(0, format!("'{text}' is more than one address")));
    };
    let ipv6 = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let (address, wildcard) = match pattern.host {
        Host::Net(net) if net.prefix_len() == net.max_prefix_len() => (net.addr(), None),
        Host::Ipv6Wildcard => (ipv6, Some(Wildcard::Ipv6)),
        Host::DualWildcard => (ipv6, Some(Wildcard::Both)),
        Host::Net(_) => return Err(Stop::new(at('/'), "one address is meant, not a network")),
        Host::Any | Host::Mapped(_) => return Err(Stop::new(0, "an address is missing")),
    };
    let port = match pattern.ports {
        None => None,
        Some(range) if range.is_single() => Some(range.first),
        Some(_) => return Err(Stop::new(at('-'), "one port is meant, not a range")),
    };
    let device = pattern.device.map(|device| device.bytes().to_vec());
    Ok(WrittenPlace {
        address,
        wildcard,
        device,
        port,
    })
}

/// The family that ss writes before an end, and where the end begins.
pub(super) fn family(text: &str) -> Result<(Option<Family>, usize), Stop> {
    for (word, family) in [("inet:", Family::V4), ("inet6:", Family::V6)] {
        if text.starts_with(word) {
            return Ok((Some(family), word.len()));
        }
    }
    let others = ["unix:", "link:", "netlink:", "vsock:"];
    match others.into_iter().find(|word| text.starts_with(word)) {
        Some(word) => {
            let what = format!("ends of sockets of '{word}' are not known here");
            Err(Stop::new(0, what).hint("inet: and inet6: are"))
        }
        None => Ok((None, 0)),
    }
}
