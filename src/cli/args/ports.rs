//! Ports as they are typed behind `port` and `wait`: `8080`, `80,443`, `8000-8100`, `:80`, `http`,
//! `80/tcp`, `udp/53`.

use crate::cli::exit::Usage;
use crate::filter;
use crate::host::live::names;
use crate::model::{PortRange, Protocol, ProtocolSet};

/// Ports, each of one protocol or of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ports(Vec<(PortRange, Option<Protocol>)>);

impl Ports {
    /// Reads one word.
    ///
    /// # Errors
    /// What is no port in it, and what would be.
    pub fn read(word: &str) -> Result<Self, Usage> {
        if let Some(usage) = two_words(word).or_else(|| end(word)) {
            return Err(usage);
        }
        let (parts, protocol) = protocol(word)?;
        let mut ports = Vec::new();
        for part in parts {
            let part = part.strip_prefix(':').unwrap_or(part);
            let ranges = match named(part) {
                Some(range) => vec![range],
                None => PortRange::parse_list(part).map_err(|what| no_port(part, what))?,
            };
            ports.extend(ranges.into_iter().map(|range| (range, protocol)));
        }
        if ports.iter().any(|(range, _)| range.last == 0) {
            let usage = Usage::new("port 0 is not a port: it asks the kernel for any free one");
            return Err(usage.hint("give a port from 1 to 65535"));
        }
        Ok(Self(ports))
    }

    /// Reads the ports at the beginning of some words.
    ///
    /// # Errors
    /// As [`read`](Self::read); the first word has to be a port.
    pub fn before_filter(words: &[String]) -> Result<Asked<'_>, Usage> {
        let ends = words.iter().take_while(|word| port_of_end(word).is_some());
        let ends = ends.count();
        let behind = words.iter().skip(ends).take_while(|word| is_port(word));
        let count = (ends + behind.count()).max(1).min(words.len());
        let (ports, filter) = words.split_at(count);
        let (mut all, mut places) = (Self::default(), Vec::new());
        for (index, word) in ports.iter().enumerate() {
            if let Some(port) = port_of_end(word).filter(|_| index < ends) {
                all.0.extend(Self::read(port)?.0);
                places.push(filter::serving(word)?);
            } else {
                let read = Self::read(word)?;
                places.push(read.as_filter());
                all.0.extend(read.0);
            }
        }
        if all.0.is_empty() {
            return Err(Usage::new("which port?").hint("for example: sockscope port 8080"));
        }
        let place = (ends > 0).then(|| places.join(" or "));
        let ports = all;
        Ok(Asked {
            ports,
            place,
            filter,
        })
    }

    /// Whether a word is a port, or an end, where no command is named.
    pub fn is_first(word: &str) -> bool {
        port_of_end(word).is_some() || (is_port(word) && Self::read(word).is_ok())
    }

    /// The ports as a condition.
    fn as_filter(&self) -> String {
        let ranges = self.0.iter();
        let ranges = ranges.map(|(range, _)| format!("{}-{}", range.first, range.last));
        format!("port in {}", ranges.collect::<Vec<_>>().join(","))
    }

    /// The ports, of whatever protocol.
    pub fn ranges(&self) -> Vec<PortRange> {
        self.0.iter().map(|(range, _)| *range).collect()
    }

    /// Whether a port of a protocol is asked for.
    pub fn has(&self, port: u16, protocol: Protocol) -> bool {
        self.0
            .iter()
            .any(|(range, only)| range.contains(port) && only.is_none_or(|only| only == protocol))
    }

    /// Those of `protocols` that are asked for.
    ///
    /// # Errors
    /// When none of them is.
    pub fn protocols(&self, protocols: ProtocolSet) -> Result<ProtocolSet, Usage> {
        let is_asked = |protocol| {
            let only = |(_, only): &(PortRange, Option<Protocol>)| {
                only.is_none_or(|only| only == protocol)
            };
            protocols.contains(protocol) && self.0.iter().any(only)
        };
        let asked = ProtocolSet {
            tcp: is_asked(Protocol::Tcp),
            udp: is_asked(Protocol::Udp),
            raw: protocols.raw,
        };
        if (protocols.tcp || protocols.udp) && !asked.tcp && !asked.udp {
            let usage = Usage::new("-t or -u excludes the protocol given with the port");
            return Err(usage.hint("omit one of the two"));
        }
        Ok(asked)
    }

    /// The one port; `None` where it is a list or a range.
    pub fn single(&self) -> Option<u16> {
        match self.0.as_slice() {
            [(range, _)] if range.is_single() => Some(range.first),
            _ => None,
        }
    }
}

/// What the words of `port` ask for.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub ports: Ports,
    /// Which sockets of the ports, where an address was given: a filter.
    pub place: Option<String>,
    /// What stands behind: a filter.
    pub filter: &'a [String],
}

/// The port of an end, `localhost:8080` or `[::1]:8080`.
fn port_of_end(word: &str) -> Option<&str> {
    let (address, port) = word.rsplit_once(':')?;
    let is_end = !address.is_empty() && !port.is_empty() && !word.contains(',');
    let is_address = is_end && known(address).is_none() && filter::place_of(word);
    is_address.then_some(port)
}

/// Whether a word is a port and no beginning of a filter: what is a word there is none here.
fn is_port(word: &str) -> bool {
    let of_ports = |c: char| c.is_ascii_digit() || matches!(c, ',' | '-' | ':');
    let has_protocol = protocol(word).is_ok_and(|(_, protocol)| protocol.is_some());
    let is_service = || !filter::is_word(word) && named(word.trim_start_matches(':')).is_some();
    word.chars().all(of_ports) || has_protocol || is_service()
}

/// The parts of a list, and the protocol it has: `80/tcp` and `tcp/80`, `80,443/tcp` and
/// `tcp/80,443`, or the same one with each part.
fn protocol(word: &str) -> Result<(Vec<&str>, Option<Protocol>), Usage> {
    let (mut parts, mut given) = (Vec::new(), Vec::new());
    for (index, part) in word.split(',').enumerate() {
        let Some((before, behind)) = part.split_once('/') else {
            parts.push(part);
            continue;
        };
        let (part, protocol) = match (known(before), known(behind)) {
            (None, Some(protocol)) if !before.is_empty() => (before, protocol),
            (Some(protocol), None) if !behind.is_empty() => (behind, protocol),
            _ => return Err(no_protocol(word, before, behind)),
        };
        parts.push(part);
        given.push((index, part == behind, protocol));
    }
    let apart = || format!("give them as separate words: {}", word.replace(',', " "));
    match given.as_slice() {
        [] => Ok((parts, None)),
        [(_, _, first), others @ ..] if given.len() == parts.len() => {
            if others.iter().any(|(_, _, protocol)| protocol != first) {
                let usage = Usage::new(format!("'{word}' has ports of two protocols"));
                return Err(usage.hint(apart()));
            }
            Ok((parts, Some(*first)))
        }
        // In front of the whole list, or behind it.
        [(0, true, protocol)] => Ok((parts, Some(*protocol))),
        [(index, false, protocol)] if index + 1 == parts.len() => Ok((parts, Some(*protocol))),
        _ => {
            let usage = Usage::new(format!("only some ports of '{word}' have a protocol"));
            Err(usage.hint(apart()))
        }
    }
}

/// The protocol of this name.
fn known(name: &str) -> Option<Protocol> {
    let all = [Protocol::Tcp, Protocol::Udp].into_iter();
    let mut found = all.filter(|protocol| name.eq_ignore_ascii_case(protocol.name()));
    found.next()
}

fn no_protocol(word: &str, before: &str, behind: &str) -> Usage {
    let why = match (before, behind) {
        (_, "") if known(before).is_none() => "the protocol after the / is missing",
        ("", _) | (_, "") => "the port next to the / is missing",
        _ => "unknown protocol",
    };
    let usage = Usage::new(format!("'{word}' is not a port: {why}"));
    usage.hint("for example: 80/tcp, 53/udp, tcp/80")
}

/// The port of a service.
fn named(name: &str) -> Option<PortRange> {
    let is_name = name.contains(|c: char| c.is_ascii_alphabetic())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_+.".contains(c));
    let port = names::port_of(name).filter(|_| is_name)?;
    Some(PortRange {
        first: port,
        last: port,
    })
}

fn no_port(part: &str, what: String) -> Usage {
    let example = "for example: 8080, 80,443, 8000-8100, :80, http, 80/tcp";
    if part.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Usage::new(format!("there is no service '{part}'"))
            .hint(format!("{example}; of a process: sockscope proc {part}"));
    }
    Usage::new(what).hint(example)
}

/// A port and a filter in one word: they are two.
fn two_words(word: &str) -> Option<Usage> {
    let (port, filter) = word.trim().split_once(char::is_whitespace)?;
    let usage = Usage::new(format!("'{word}' is not a port: it contains a space"));
    let filter = filter.trim_start();
    Some(usage.hint(format!(
        "give the port as a separate word: {port} '{filter}'"
    )))
}

/// An address with a port behind it is no port.
fn end(word: &str) -> Option<Usage> {
    let (address, port) = word.rsplit_once(':')?;
    let is_end = !address.is_empty() && !port.is_empty() && !word.contains(',');
    is_end.then(|| match known(address) {
        Some(protocol) => Usage::new(format!("'{word}' is not a port"))
            .hint(format!("give it as {port}/{}", protocol.name())),
        None => Usage::new(format!("'{word}' is an address and port, not a port"))
            .hint(format!("give the port only: {port}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(word: &str) -> Vec<(u16, u16, Option<&'static str>)> {
        let ports = Ports::read(word).unwrap_or_else(|usage| panic!("{word}: {usage:?}"));
        let told = ports.0.into_iter();
        told.map(|(range, protocol)| (range.first, range.last, protocol.map(Protocol::name)))
            .collect()
    }

    #[test]
    fn ports_are_read_as_people_write_them() {
        let (tcp, udp) = (Some("tcp"), Some("udp"));
        assert_eq!(read("8080"), [(8080, 8080, None)]);
        assert_eq!(read(":80"), [(80, 80, None)]);
        assert_eq!(read("80,8000-8100"), [(80, 80, None), (8000, 8100, None)]);
        assert_eq!(read("80/tcp"), [(80, 80, tcp)]);
        assert_eq!(read("tcp/80"), [(80, 80, tcp)]);
        assert_eq!(read(":53/UDP"), [(53, 53, udp)]);
        assert_eq!(read("80-90/udp"), [(80, 90, udp)]);
        for list in [
            "80,443/tcp",
            "tcp/80,443",
            "80/tcp,443/tcp",
            "tcp/80,tcp/443",
            "tcp/80,443/TCP",
        ] {
            assert_eq!(read(list), [(80, 80, tcp), (443, 443, tcp)], "{list}");
        }
    }

    #[test]
    fn what_is_no_port_teaches() {
        for (word, message, hint) in [
            (
                "localhost:8080",
                "is an address and port",
                "the port only: 8080",
            ),
            ("[::1]:80", "is an address and port", "the port only: 80"),
            ("no-such-service", "no service", "proc no-such-service"),
            ("80/sctp", "protocol", "80/tcp"),
            ("80/", "the protocol after the", "80/tcp"),
            ("http/", "the protocol after the", "80/tcp"),
            ("tcp/", "the port next to the", "80/tcp"),
            ("80/tcp,53/udp", "of two protocols", "80/tcp 53/udp"),
            ("80/tcp,443", "only some ports", "80/tcp 443"),
            ("tcp:8099", "is not a port", "8099/tcp"),
            ("8099 local=tcp:8099", "a space", ": 8099 'local=tcp:8099'"),
            ("tcp/udp", "protocol", "80/tcp"),
            ("65536", "above 65535", "8080"),
            ("9-1", "ends before", "8080"),
            ("80x", "not a port", "8080"),
            ("", "not a port", "8080"),
            (":", "not a port", "8080"),
            ("0", "port 0", "1 to 65535"),
            ("0/udp", "port 0", "1 to 65535"),
        ] {
            let usage = Ports::read(word).expect_err(word);
            assert!(usage.message.contains(message), "{word}: {usage:?}");
            assert!(
                usage.hint.as_ref().is_some_and(|told| told.contains(hint)),
                "{word}: {usage:?}"
            );
        }
    }

    #[test]
    fn a_filter_begins_with_the_first_word_that_is_no_port() {
        for (words, ports) in [
            (&["80", "443", "state", "established"][..], 2),
            (&["80/tcp", "53/udp", "pid=5"], 2),
            (&[":80", "not", "role=inbound"], 1),
            (&["80", "exclude", "time-wait"], 1),
            (&["80", "autobound"], 1),
            (&["80", "(lport=80)"], 1),
            (&["80", "established"], 1),
            (&["80", "10.0.0.1:50000"], 1),
        ] {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            let read = Ports::before_filter(&words).unwrap();
            let found = (read.ports.0.len(), read.filter.len());
            assert_eq!(found, (ports, words.len() - ports));
            assert_eq!(read.place, None);
        }
        let words = ["80/tcp".to_owned(), "53/udp".to_owned()];
        let ports = Ports::before_filter(&words).unwrap().ports;
        assert!(ports.has(80, Protocol::Tcp) && !ports.has(80, Protocol::Udp));
        let tcp = ProtocolSet {
            tcp: true,
            udp: false,
            raw: false,
        };
        assert!(ports.protocols(tcp).unwrap().tcp);
        assert!(Ports::read("53/udp").unwrap().protocols(tcp).is_err());
    }

    #[test]
    fn an_end_is_its_port_and_the_sockets_that_serve_its_address() {
        let read = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            let asked = Ports::before_filter(&words).unwrap();
            let ports = asked
                .ports
                .ranges()
                .iter()
                .map(|range| range.first)
                .collect();
            let ports: Vec<u16> = ports;
            (ports, asked.place.unwrap_or_default(), asked.filter.len())
        };
        let v4 = "address=10.0.0.1:80 or local=0.0.0.0:80 or local=*:80";
        let v6 = "address=[::1]:80 or local=[::]:80 or local=*:80";
        let both = "address=127.0.0.1:80 or local=0.0.0.0:80 or local=*:80 or address=[::1]:80 or \
                    local=[::]:80 or local=*:80";
        assert_eq!(read(&["10.0.0.1:80"]), (vec![80], v4.into(), 0));
        assert_eq!(read(&["[::1]:80"]), (vec![80], v6.into(), 0));
        assert_eq!(read(&["localhost:80", "pid=5"]), (vec![80], both.into(), 1));
        assert_eq!(read(&["*:80"]), (vec![80], "local=*:80".into(), 0));
        let any = "local=0.0.0.0:80".to_owned();
        assert_eq!(read(&["0.0.0.0:80"]), (vec![80], any, 0));
        let (ports, place, _) = read(&["10.0.0.1:80", "443"]);
        assert_eq!(
            (ports, place),
            (vec![80, 443], format!("{v4} or port in 443-443"))
        );
        for word in ["8080", ":http", "80,443", "127.0.0.1:80"] {
            assert!(Ports::is_first(word), "{word}");
        }
        for word in ["example.com:80", "java", "state=listen", "70000", "0"] {
            assert!(!Ports::is_first(word), "{word}");
        }
    }
}
