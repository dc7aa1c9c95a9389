//! exposed-listener: a service that is meant for this host or its own network listens on all
//! addresses.
//!
//! Sources: the local address of listeners; the services below are known to give whoever
//! connects their data, or the machine, unless they are told otherwise. A port number proves
//! nothing: where the program does not confirm what it is, that is only what is usual on the
//! port. Firewalls cannot be seen from here, so this is never more than worth knowing.

use super::known::{Rows, Told};
use super::{Case, Evidence, Finding, Outcome, Rule, Severity};
use crate::model::{OwnerStatus, Protocol, Socket};

/// A service that trusts who can reach it.
struct Service {
    protocol: Protocol,
    /// The port it usually has.
    port: u16,
    /// The programs that are it, by name.
    programs: &'static [&'static str],
    /// Whether such a program is it on any port; else it has other ports for other ends.
    on_any_port: bool,
    /// What it is.
    name: &'static str,
    /// What else is usual on that port; may be empty.
    usually: &'static str,
}

/// A service over TCP that its program is on any port.
const fn tcp(port: u16, programs: &'static [&'static str], name: &'static str) -> Service {
    Service {
        protocol: Protocol::Tcp,
        port,
        programs,
        on_any_port: true,
        name,
        usually: "",
    }
}

const SERVICES: &[Service] = &[
    Service {
        on_any_port: false,
        usually: "without TLS",
        ..tcp(2375, &["dockerd"], "the Docker API")
    },
    tcp(2379, &["etcd"], "etcd"),
    tcp(3306, &["mysqld", "mariadbd"], "MySQL"),
    tcp(5005, &[], "the Java debugger"),
    tcp(5432, &["postgres"], "PostgreSQL"),
    tcp(5984, &["couchdb"], "CouchDB"),
    tcp(6379, &["redis-server", "valkey-server"], "Redis"),
    tcp(9200, &["elasticsearch", "opensearch"], "Elasticsearch"),
    tcp(9229, &[], "the Node.js inspector"),
    Service {
        on_any_port: false,
        ..tcp(10250, &["kubelet"], "the kubelet")
    },
    tcp(11211, &["memcached"], "memcached"),
    Service {
        protocol: Protocol::Udp,
        ..tcp(
            11211,
            &["memcached"],
            "memcached over UDP, which can be abused to flood others",
        )
    },
    tcp(27017, &["mongod"], "MongoDB"),
];

/// What a listener is, and how that is known.
#[derive(Clone, Copy)]
struct Known {
    service: &'static Service,
    /// Whether the program confirms it; else only the port says it.
    by_program: bool,
}

pub(super) const RULE: Rule = Rule {
    id: "exposed-listener",
    summary: "a service that trusts who can reach it listens on all addresses",
    protocol: None,
    thresholds: || {
        let names: Vec<_> = SERVICES
            .iter()
            .map(|service| format!("{}/{}", service.port, service.protocol.name()))
            .collect();
        vec![format!(
            "info: on all addresses, and its program, or what is usual on the port, is one of: {}",
            names.join(", ")
        )]
    },
    check,
};

fn check(case: &Case<'_>) -> Outcome {
    let listeners = case.now.sockets().iter();
    let exposed = listeners.filter(|socket| {
        let is_open = socket.local.ip().is_some_and(|ip| ip.is_unspecified());
        socket.is_listener() && socket.peer.is_none() && is_open
    });
    // Without its program a listener on a port that says nothing may be anything.
    let hidden = [OwnerStatus::Denied, OwnerStatus::NotAsked];
    let exposed = Rows::split(exposed, |socket| {
        // What is seen of some programs says nothing of those that are hidden.
        if hidden.contains(&socket.owner_status) && service(case, socket).is_none() {
            Told::TooLittle
        } else {
            Told::Enough
        }
    });
    let mut findings: Vec<Finding> = Vec::new();
    for &socket in &exposed.known {
        let port = socket.local.port();
        let Some((what, port)) = service(case, socket).zip(port) else {
            continue;
        };
        let finding = tell(case, (socket, port), what);
        // 0.0.0.0 and [::] of one service are one finding, which is about both families.
        let of_both = |finding: &Finding| super::Subject {
            family: None,
            ..finding.subject.clone()
        };
        let wanted = of_both(&finding);
        match findings.iter_mut().find(|known| of_both(known) == wanted) {
            Some(known) if known.subject.family == finding.subject.family => {}
            Some(known) => known.subject.family = None,
            None => findings.push(finding),
        }
    }
    let why = "which program listens is not known, and the port does not tell";
    exposed.outcome(findings, why)
}

/// The service: by its program, which may have it on any port; else by what is usual on its port.
fn service(case: &Case<'_>, socket: &Socket) -> Option<Known> {
    let of_protocol = || {
        let services = SERVICES.iter();
        services.filter(|service| service.protocol == socket.protocol)
    };
    let is_run = |service: &&Service| {
        let mut owners = case.now.facts().owner_processes(socket);
        let names = service.programs;
        owners.any(|process| names.iter().any(|name| process.is_called(name.as_bytes())))
    };
    let on_port = |service: &&Service| Some(service.port) == socket.local.port();
    let confirmed =
        of_protocol().find(|service| is_run(service) && (service.on_any_port || on_port(service)));
    let known = |by_program| {
        move |service| Known {
            service,
            by_program,
        }
    };
    let usual = || of_protocol().find(on_port).map(known(false));
    confirmed.map(known(true)).or_else(usual)
}

/// What it is, in words: a fact only where the program confirms it.
fn words(known: Known) -> String {
    let Service { name, usually, .. } = known.service;
    match (known.by_program, *usually) {
        (true, "") => format!(": {name}"),
        (true, usually) => format!(": {name}, on this port usually {usually}"),
        (false, "") => format!(", which is usually {name}"),
        (false, usually) => format!(", which is usually {name} {usually}"),
    }
}

fn tell(case: &Case<'_>, (socket, port): (&Socket, u16), known: Known) -> Finding {
    let mut subject = super::case::subject(case, &[socket]);
    subject.protocol = Some(socket.protocol);
    let who = subject.who();
    let far = case.now.kernel.addresses().iter();
    let far: Vec<_> = far
        .filter(|address| !address.is_loopback())
        .map(ToString::to_string)
        .collect();
    let reach = match far.as_slice() {
        [] => "this namespace has no other address than loopback now".to_owned(),
        [first] => format!("among them {first}"),
        [first, rest @ ..] => format!("among them {first} and {} more", rest.len()),
    };
    let doubt = if known.by_program {
        ""
    } else {
        "the port number is all that tells what it is, its program does not confirm it; "
    };
    Finding {
        id: RULE.id,
        holders: Vec::new(),
        severity: Severity::Info,
        title: format!(
            "{who} listens on all addresses, port {port}{}",
            words(known)
        ),
        evidence: Evidence::default()
            .with("port", u64::from(port))
            .with("confirmed_by_program", u64::from(known.by_program))
            .with("addresses", far.len() as u64),
        cause: format!(
            "{doubt}whoever can reach one of the addresses of this host ({reach}) reaches it, unless a firewall stands between"
        ),
        remedy: vec![
            "bind it to 127.0.0.1, ::1 or an address of the inner network, in its configuration"
                .to_owned(),
            format!(
                "check what lets others in: nft list ruleset | grep {port}; and that it asks for a password"
            ),
        ],
        subject,
    }
}

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use super::*;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    fn listener(port: u16, address: IpAddr, comm: &str) -> Stage {
        let mut stage = Stage::new();
        stage.process(10, comm, 1024);
        stage.listener(port, 0, 128, 10).0.local.inet_mut().address = address;
        stage
    }

    const ALL: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

    #[test]
    fn a_service_on_all_addresses_is_worth_knowing() {
        let mut stage = listener(6379, ALL, "x");
        stage.listener(6379, 0, 128, 10).0.local.inet_mut().address =
            IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        let finding = stage.only(&RULE);
        assert_eq!(finding.severity, Severity::Info);
        assert_eq!(finding.subject.port, Some(6379));
        assert_eq!(
            listener(7000, ALL, "redis-server").only(&RULE).subject.port,
            Some(7000)
        );
    }

    /// A port number is no fact: only the program makes it one.
    #[test]
    fn what_is_usual_on_a_port_is_told_as_usual() {
        for service in SERVICES {
            let mut stage = Stage::new();
            stage.process(10, "app", 1024);
            let made = match service.protocol {
                Protocol::Udp => stage.udp(service.port, 0, 0, 10),
                _ => stage.listener(service.port, 0, 128, 10),
            };
            made.0.local.inet_mut().address = ALL;
            let finding = stage.only(&RULE);
            let title = &finding.title;
            assert!(title.contains("usually"), "{title}");
            assert_eq!(finding.evidence.get("confirmed_by_program"), Some(0.into()));
            for program in service.programs {
                stage.process(10, program, 1024);
                let finding = stage.only(&RULE);
                assert!(finding.title.contains(&format!(": {}", service.name)));
                let usual = finding.title.contains("usually");
                assert_eq!(usual, !service.usually.is_empty(), "{}", finding.title);
            }
        }
        // A program with other ports for other ends is not it everywhere.
        listener(2377, ALL, "dockerd").none(&RULE);
    }

    #[test]
    fn without_the_program_only_the_port_can_tell() {
        let mut stage = listener(7000, ALL, "redis-server");
        stage.each(|made| {
            made.0.inode = None;
            made.0.owner_status = OwnerStatus::NotAsked;
        });
        assert!(stage.outcome(&RULE).is_err());
        let made = stage.listener(6379, 0, 128, 10);
        made.0.local.inet_mut().address = ALL;
        made.0.owner_status = OwnerStatus::NotAsked;
        let found = stage.outcome(&RULE).unwrap();
        assert_eq!(found.findings.len(), 1);
        assert_eq!(found.unjudged.unwrap().count, 1);
    }

    #[test]
    fn loopback_and_ordinary_services_are_nothing() {
        listener(6379, IpAddr::V4(Ipv4Addr::LOCALHOST), "redis-server").none(&RULE);
        listener(8080, ALL, "java").none(&RULE);
        listener(6380, ALL, "redis").none(&RULE);
    }
}
