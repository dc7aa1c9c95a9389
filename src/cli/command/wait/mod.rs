//! `sockscope wait PORT --listening|--free`: until it is so.

mod holders;
mod poll;
mod tell;

use std::net::IpAddr;

use crate::analyze::wait::{Condition, Place, Target};
use crate::cli::args::wait::{WaitArgs, address, port};
use crate::cli::exit::{Exit, Failure, Usage};
use crate::cli::session::Session;
use crate::model::ProtocolSet;
use holders::Wanted;

pub(crate) fn run(session: &Session, args: &WaitArgs) -> Result<Exit, Failure> {
    refuse_rows(session)?;
    let target = target(session, args)?;
    let wanted = args.process.as_deref().map(Wanted::new).transpose()?;
    if wanted.is_some() && session.options.no_owners {
        let usage = Usage::new("--process needs owners");
        return Err(usage.hint("leave --no-owners out").into());
    }
    let mut wait = poll::Wait::start(session, target, wanted)?;
    let reached = wait.until(args.timeout)?;
    let mut ended = wait.end(reached, args.timeout);
    ended.look_abroad(session);
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
    let (ports, port) = port(&args.port)?;
    let place = args.address.as_deref();
    let target = Target {
        condition,
        port,
        place: place.map(|text| address(text, port)).transpose()?,
        protocols: ports.protocols(protocols(session)?)?,
        families: session.families(),
    };
    if let Some(Place {
        address: IpAddr::V6(address),
        ..
    }) = target.place
        && !target.families.v6
        && !(condition == Condition::Free && address.is_unspecified())
    {
        let message = format!("no IPv4 socket can have the IPv6 address {address}");
        return Err(Usage::new(message).hint("leave -4 out"));
    }
    Ok(target)
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
