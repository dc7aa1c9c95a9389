//! exposed-listener: a service that is meant for this host or its own network listens on all
//! addresses.
//!
//! Sources: the local address of listeners; the services below are known to give whoever
//! connects their data, or the machine, unless they are told otherwise. Firewalls cannot be
//! seen from here, so this is never more than worth knowing.

use super::{Case, Evidence, Finding, Outcome, Rule, Severity};
use crate::model::{Protocol, Socket};

/// Services that trust who can reach them: protocol, port, names of processes, what it is.
const SERVICES: &[(Protocol, u16, &[&str], &str)] = &[
    (
        Protocol::Tcp,
        2375,
        &["dockerd"],
        "the Docker API without TLS",
    ),
    (Protocol::Tcp, 2379, &["etcd"], "etcd"),
    (Protocol::Tcp, 3306, &["mysqld", "mariadbd"], "MySQL"),
    (Protocol::Tcp, 5005, &[], "the Java debugger"),
    (Protocol::Tcp, 5432, &["postgres"], "PostgreSQL"),
    (Protocol::Tcp, 5984, &["couchdb"], "CouchDB"),
    (
        Protocol::Tcp,
        6379,
        &["redis-server", "valkey-server"],
        "Redis",
    ),
    (
        Protocol::Tcp,
        9200,
        &["elasticsearch", "opensearch"],
        "Elasticsearch",
    ),
    (Protocol::Tcp, 9229, &[], "the Node.js inspector"),
    (Protocol::Tcp, 10250, &["kubelet"], "the kubelet"),
    (Protocol::Tcp, 11211, &["memcached"], "memcached"),
    (
        Protocol::Udp,
        11211,
        &["memcached"],
        "memcached over UDP, which can be abused to flood others",
    ),
    (Protocol::Tcp, 27017, &["mongod"], "MongoDB"),
];

pub(super) const RULE: Rule = Rule {
    id: "exposed-listener",
    summary: "a service that trusts who can reach it listens on all addresses",
    protocol: None,
    thresholds: || {
        let names: Vec<_> = SERVICES
            .iter()
            .map(|(protocol, port, ..)| format!("{port}/{}", protocol.name()))
            .collect();
        vec![format!("info: on all addresses: {}", names.join(", "))]
    },
    check,
};

fn check(case: &Case<'_>) -> Outcome {
    let listeners = case.now.sockets().iter();
    let exposed = listeners.filter(|socket| {
        socket.is_listener() && socket.peer.is_none() && socket.local.address.is_unspecified()
    });
    let mut findings: Vec<Finding> = Vec::new();
    for socket in exposed {
        let Some(finding) = service(case, socket).map(|what| tell(case, socket, what)) else {
            continue;
        };
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
    Ok(findings)
}

/// The service, by its name on any port, or by its port.
fn service(case: &Case<'_>, socket: &Socket) -> Option<&'static str> {
    let comm = case.owner(socket).map(|process| process.comm.as_slice());
    let named = |names: &[&str]| {
        let is_called = |name: &str| comm == name.as_bytes().get(..15).or(Some(name.as_bytes()));
        names.iter().any(|name| is_called(name))
    };
    let found = SERVICES.iter().find(|(protocol, port, names, _)| {
        *protocol == socket.protocol && (*port == socket.local.port || named(names))
    });
    found.map(|(.., what)| *what)
}

fn tell(case: &Case<'_>, socket: &Socket, what: &str) -> Finding {
    let mut subject = super::case::subject(case, &[socket]);
    subject.protocol = Some(socket.protocol);
    let port = socket.local.port;
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
    Finding {
        id: RULE.id,
        severity: Severity::Info,
        title: format!("{who} listens on all addresses, port {port}: {what}"),
        evidence: Evidence::default()
            .with("port", u64::from(port))
            .with("addresses", far.len() as u64),
        cause: format!(
            "whoever can reach one of the addresses of this host ({reach}) reaches it, unless a firewall stands between"
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
        stage.listener(port, 0, 128, 10).0.local.address = address;
        stage
    }

    const ALL: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

    #[test]
    fn a_service_on_all_addresses_is_worth_knowing() {
        let mut stage = listener(6379, ALL, "x");
        stage.listener(6379, 0, 128, 10).0.local.address = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        let finding = stage.only(&RULE);
        assert_eq!(finding.severity, Severity::Info);
        assert_eq!(finding.subject.port, Some(6379));
        assert_eq!(
            listener(7000, ALL, "redis-server").only(&RULE).subject.port,
            Some(7000)
        );
    }

    #[test]
    fn loopback_and_ordinary_services_are_nothing() {
        listener(6379, IpAddr::V4(Ipv4Addr::LOCALHOST), "redis-server").none(&RULE);
        listener(8080, ALL, "java").none(&RULE);
        listener(6380, ALL, "redis").none(&RULE);
    }
}
