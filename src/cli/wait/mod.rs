//! `sockscope wait PORT --listening|--free`: until it is so.

mod holders;
mod poll;
mod tell;

use std::ffi::OsString;
use std::net::IpAddr;
use std::time::Duration;

use clap::Args;

use super::args::duration;
use super::session::{Session, Usage};
use super::{Exit, Failure};
use crate::analyze::wait::{Condition, Target};
use crate::model::{Endpoint, PortRange, ProtocolSet};
use crate::sys;
use holders::Wanted;

/// What `wait` takes.
#[derive(Args, Clone, Debug)]
pub struct WaitArgs {
    /// The port: a number, or the name of a service
    #[arg(value_name = "PORT")]
    pub port: String,
    /// Wait until a TCP listener or a bound UDP socket holds the port
    #[arg(short = 'l', long, conflicts_with = "free")]
    pub listening: bool,
    /// Wait until nothing is left that makes a bind() fail as servers do it (with SO_REUSEADDR):
    /// listeners, bound sockets, outgoing connections that borrowed the port; what a server
    /// accepted, in TIME_WAIT or not, does not count
    #[arg(long)]
    pub free: bool,
    /// Give up after so long; 0 looks once [default: wait forever]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// Only a socket that takes what is sent to this address; with --free: that is in the way of
    /// a bind() to it
    #[arg(long, value_name = "ADDRESS")]
    pub address: Option<String>,
    /// Only a socket that this process holds, by pid or name
    #[arg(long, value_name = "NAME|PID")]
    pub process: Option<OsString>,
}

pub(super) fn run(session: &Session, args: &WaitArgs) -> Result<Exit, Failure> {
    refuse_rows(session)?;
    let target = target(session, args)?;
    let wanted = args.process.as_deref().map(Wanted::new).transpose()?;
    if wanted.is_some() && session.options.no_owners {
        let usage = Usage::new("--process needs owners");
        return Err(usage.hint("leave --no-owners out").into());
    }
    let mut wait = poll::Wait::start(session, target, wanted)?;
    let reached = wait.until(args.timeout)?;
    let ended = wait.end(reached, args.timeout);
    tell::tell(session, &ended)?;
    session.notes(&ended.notes());
    Ok(session.exit(&ended.report, ended.reached))
}

/// The answer has no rows to choose columns of, to sort or to cut.
fn refuse_rows(session: &Session) -> Result<(), Usage> {
    let options = &session.options;
    let given = [
        ("--columns", options.columns.is_some()),
        ("--sort", options.sort.is_some()),
        ("--limit", options.limit.is_some()),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(
            Usage::new(format!("wait has no rows, so it has no {option}"))
                .hint("sockscope port shows the sockets of a port"),
        ),
        None => Ok(()),
    }
}

fn target(session: &Session, args: &WaitArgs) -> Result<Target, Usage> {
    let condition = match (args.listening, args.free) {
        (_, true) => Condition::Free,
        (true, _) => Condition::Listening,
        (false, false) => {
            let usage = Usage::new("wait for what?");
            return Err(usage.hint("give --listening or --free"));
        }
    };
    let target = Target {
        condition,
        port: port(&args.port)?,
        address: args.address.as_deref().map(address).transpose()?,
        protocols: protocols(session)?,
        families: session.families(),
    };
    if let Some(IpAddr::V6(address)) = target.address
        && !target.families.v6
        && !(condition == Condition::Free && address.is_unspecified())
    {
        let message = format!("no IPv4 socket has to do with the IPv6 address {address}");
        return Err(Usage::new(message).hint("leave -4 out"));
    }
    Ok(target)
}

/// One port: as a number from 1 to 65535, or by the name of its service.
fn port(text: &str) -> Result<u16, Usage> {
    let example = "for example: sockscope wait 8080 --listening";
    if text.starts_with(|first: char| first.is_ascii_alphabetic()) {
        let port = sys::names::port_of(text);
        return port
            .ok_or_else(|| Usage::new(format!("there is no service '{text}'")).hint(example));
    }
    let ports = PortRange::parse_list(text).map_err(|_| one_port(text).hint(example))?;
    match ports.as_slice() {
        [only] if only.is_single() && only.first == 0 => Err(Usage::new(
            "port 0 is no port: it asks the kernel for any that is free",
        )
        .hint("give a port from 1 to 65535")),
        [only] if only.is_single() && !text.contains('-') => Ok(only.first),
        _ => Err(Usage::new(format!("wait takes one port only, not '{text}'")).hint(example)),
    }
}

fn one_port(text: &str) -> Usage {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    Usage::new(if is_number {
        format!("port {text} is above 65535")
    } else {
        format!("'{text}' is not a port: give one number from 1 to 65535")
    })
}

fn address(text: &str) -> Result<IpAddr, Usage> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    if let Ok(address) = bare.parse() {
        return Ok(Endpoint::new(address, 0).address);
    }
    let hint = "give an address in numbers, such as 127.0.0.1, ::1, 0.0.0.0 or ::";
    let usage = match bare.split_once('%') {
        Some((address, _)) if address.parse::<IpAddr>().is_ok() => {
            Usage::new(format!("'{text}' has a scope, which sockets do not tell"))
        }
        _ => Usage::new(format!("'{text}' is not an address")),
    };
    Err(usage.hint(hint))
}

/// TCP and UDP, unless one of both was asked for.
fn protocols(session: &Session) -> Result<ProtocolSet, Usage> {
    let protocols = ProtocolSet {
        raw: false,
        ..session.protocols()
    };
    if protocols.tcp || protocols.udp {
        return Ok(protocols);
    }
    Err(Usage::new("raw sockets have no ports").hint("choose -t, -u or neither"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_port_and_no_other_is_taken() {
        assert_eq!(port("8080"), Ok(8080));
        assert_eq!(port("65535"), Ok(65535));
        for wrong in [
            "0", "65536", "80,443", "80-90", "80-80", "", "-1", "+80", "8 0", "no-such",
        ] {
            let usage = port(wrong).unwrap_err();
            assert!(usage.hint.is_some(), "{wrong}: {usage:?}");
        }
        assert!(
            port("80,443")
                .unwrap_err()
                .message
                .contains("one port only")
        );
        assert!(port("80-90").unwrap_err().message.contains("one port only"));
    }

    #[test]
    fn an_address_is_a_number_without_a_scope() {
        let read = |text| address(text).map(|address| address.to_string());
        assert_eq!(read("127.0.0.1"), Ok("127.0.0.1".to_owned()));
        assert_eq!(read("::ffff:127.0.0.1"), Ok("127.0.0.1".to_owned()));
        assert_eq!(read("[::1]"), Ok("::1".to_owned()));
        assert!(address("fe80::1%lo").unwrap_err().message.contains("scope"));
        for wrong in ["localhost", "", "*", "127.1", "1.2.3.4:80", "10.0.0.0/8"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
