//! What `wait` takes, and how its port and its address are read.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;

use super::ports::Ports;
use super::values::duration;
use crate::analyze::wait::Place;
use crate::cli::exit::Usage;
use crate::host::live;
use crate::model::foreign::shown;

/// What `wait` takes.
#[derive(Args, Clone, Debug)]
pub struct WaitArgs {
    /// The port: a number, or the name of a service; 80/tcp is of TCP only
    #[arg(value_name = "PORT")]
    pub port: String,
    /// Wait until a TCP listener or a bound UDP socket holds the port
    #[arg(short = 'l', long, conflicts_with = "free")]
    pub listening: bool,
    /// Wait until nothing makes a bind() fail as servers do it (with SO_REUSEADDR)
    ///
    /// That is: no listener, no bound socket, and no outgoing connection that borrowed the port;
    /// what a server accepted, in TIME_WAIT or not, does not count
    #[arg(long)]
    pub free: bool,
    /// Give up after this long; 0 looks once [default: wait forever]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub timeout: Option<Duration>,
    #[allow(
        rustdoc::broken_intra_doc_links,
        reason = "the text is the help, where [::] stands as it is"
    )]
    /// Only a socket that takes what is sent to this address
    ///
    /// With --free: that is in the way of a bind() to it. As it is printed: 0.0.0.0 is IPv4, [::]
    /// IPv6, * both (and :: a bind() to both), 127.0.0.53%lo one interface
    #[arg(long, value_name = "ADDRESS")]
    pub address: Option<String>,
    /// Only a socket that this process holds, by pid or name
    #[arg(long, value_name = "NAME|PID")]
    pub process: Option<OsString>,
}

/// One port, optionally with a protocol.
pub(crate) fn port(text: &str) -> Result<(Ports, u16), Usage> {
    if let Some((address, port)) = text.rsplit_once(':')
        && crate::filter::place_of(text)
    {
        let usage = Usage::new(format!("'{text}' is an end, not a port"));
        let address = address.replace("localhost", "127.0.0.1");
        let hint = format!("give the port, then its address: {port} --address {address}");
        return Err(usage.hint(hint));
    }
    let ports = Ports::read(text)?;
    if let Some(port) = ports.single().filter(|_| !text.contains('-')) {
        return Ok((ports, port));
    }
    let usage = Usage::new(format!("wait takes one port only, not '{text}'"));
    Err(usage.hint("for example: sockscope wait 8080 --listening"))
}

/// An address as it is printed in an end: a port behind it has to be the one that is waited for.
pub(crate) fn address(text: &str, port: u16) -> Result<Place, Usage> {
    let written = crate::filter::place(text)?;
    if let Some(other) = written.port.filter(|written| *written != port) {
        let usage = Usage::new(format!(
            "'{text}' has port {other}, but wait was given port {port}"
        ));
        return Err(usage.hint("omit the port after the address"));
    }
    let device = match &written.device {
        None => None,
        Some(name) => Some(device(name)?),
    };
    Ok(Place {
        address: written.address,
        wildcard: written.wildcard,
        device,
    })
}

/// The index of an interface by its name, or as it was given.
fn device(name: &[u8]) -> Result<NonZeroU32, Usage> {
    let index = || std::str::from_utf8(name).ok()?.parse().ok();
    let found = live::names::interface_index(name).or_else(index);
    found.ok_or_else(|| Usage::new(format!("there is no interface '{}'", shown(name))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Wildcard;

    #[test]
    fn one_port_and_no_other_is_taken() {
        let port = |text| port(text).map(|(_, port)| port);
        assert_eq!(port("8080"), Ok(8080));
        assert_eq!(port("65535"), Ok(65535));
        assert_eq!(port(":80"), Ok(80));
        assert_eq!(port("80/tcp"), Ok(80));
        for wrong in [
            "0", "65536", "80,443", "80-90", "80-80", "", "-1", "+80", "8 0", "no-such",
        ] {
            let usage = port(wrong).unwrap_err();
            assert!(usage.hint.is_some(), "{wrong}: {usage:?}");
        }
        for several in ["80,443", "80-90"] {
            let usage = port(several).unwrap_err();
            assert!(usage.message.contains("one port only"), "{usage:?}");
        }
    }

    #[test]
    fn an_address_is_read_as_it_is_printed() {
        let read =
            |text| address(text, 80).map(|place| (place.address.to_string(), place.wildcard));
        let told = |address: &str, wildcard| Ok((address.to_owned(), wildcard));
        assert_eq!(read("127.0.0.1"), told("127.0.0.1", None));
        assert_eq!(read("127.0.0.1:80"), told("127.0.0.1", None));
        assert_eq!(read("::ffff:127.0.0.1"), told("127.0.0.1", None));
        assert_eq!(read("[::1]"), told("::1", None));
        assert_eq!(read("[::1]:80"), told("::1", None));
        assert_eq!(read("0.0.0.0"), told("0.0.0.0", None));
        assert_eq!(read("::"), told("::", None));
        assert_eq!(read("[::]"), told("::", Some(Wildcard::Ipv6)));
        assert_eq!(read("*:80"), told("::", Some(Wildcard::Both)));
        assert_eq!(address("fe80::1%1", 80).unwrap().device, NonZeroU32::new(1));
        for wrong in [
            "localhost",
            "",
            "127.1",
            "10.0.0.0/8",
            "127.0.0.1:81",
            ":80",
            "any",
            "[::1]x",
            "fe80::1%no-such-dev",
            "127.0.0.1:80-90",
            "127.0.0.1:http",
        ] {
            assert!(address(wrong, 80).is_err(), "{wrong}");
        }
        let usage = address("[::1]x:80", 80).unwrap_err();
        assert!(usage.message.contains("[::1]^x:80"), "{usage:?}");
    }
}
