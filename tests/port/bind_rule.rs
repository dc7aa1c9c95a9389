//! One rule for what blocks a bind(): `port`, `wait --free` and bind() itself agree, or it is said that they may not.
//!
//! Every holder of a port lives in a scene of its own; `port` and `wait` are asked first, then another process
//! binds as a server does: TCP with SO_REUSEADDR and a listen(), UDP without. The wildcards stand for all
//! addresses: 0.0.0.0, and a [::] that takes IPv4 too; with -4 the first alone, with -6 a [::] for IPv6 only.

use common::waits::wait;
use common::{Namespace, Run, Scene, example, json, sockets, sockscope};
use serde_json::Value;

/// How sure `port` is that a holder makes a bind() fail; `None` where it is in nobody's way.
type Sure = Option<&'static str>;

const CERTAIN: Sure = Some("certain");
const LIKELY: Sure = Some("likely");
const UNLIKELY: Sure = Some("unlikely");

/// Whether another process can bind the port on a wildcard, as a server does.
fn can_bind(protocol: &str, scene: &[&str], port: u16) -> bool {
    let port = port.to_string();
    let kind = match (protocol, scene) {
        ("udp", _) => "udp-bound",
        (_, [one]) => one,
        _ => "listen",
    };
    let more: &[&str] = if scene.len() > 1 { scene } else { &[] };
    let arguments = [&[kind, "--port", &port], more].concat();
    let answer = Run::of(example("scene")).args(&arguments).output();
    let refused = answer.stderr.contains("Address already in use");
    assert_eq!(answer.code() != 0, refused, "{answer:?}");
    !refused
}

/// The wildcards that a choice of families means, each as a scene binds it.
fn wildcards(protocol: &str, family: &str) -> Vec<Vec<&'static str>> {
    let four = vec!["--address", "0.0.0.0"];
    let dual = match protocol {
        "udp" => vec!["--address", "::"],
        _ => vec!["listen-v6"],
    };
    match family {
        "-4" => vec![four],
        "-6" => vec![vec!["listen-v6only"]],
        _ => vec![four, dual],
    }
}

/// What one holder must be told as, with all families, IPv4 only and IPv6 only.
struct Case {
    how: &'static str,
    address: &'static str,
    sure: [Sure; 3],
}

fn case(how: &'static str, address: &'static str, sure: [Sure; 3]) -> Case {
    Case { how, address, sure }
}

/// The entry of `port` for the protocol.
fn entry<'a>(told: &'a Value, protocol: &str) -> &'a Value {
    let mut entries = told["ports"].as_array().unwrap().iter();
    entries.find(|entry| entry["protocol"] == protocol).unwrap()
}

/// Asks and binds, for each choice of families.
fn check(case: &Case) {
    let scene = Scene::start(&["holder", "--how", case.how, "--address", case.address]);
    let port = u16::try_from(scene.extra("port").as_u64().unwrap()).unwrap();
    let has = |word: &str| case.how.split(',').any(|one| one == word);
    let protocol = if has("udp") { "udp" } else { "tcp" };
    let flag = if has("udp") { "-u" } else { "-t" };
    for (family, sure) in ["", "-4", "-6"].into_iter().zip(case.sure) {
        let what = format!("{} on {} {family}", case.how, case.address);
        let families: &[&str] = if family.is_empty() { &[] } else { &[family] };
        let answer = sockscope(&[&["port", &port.to_string(), "--json", flag], families].concat());
        let told = answer.json();
        let blockers = entry(&told, protocol)["blocked_by"].as_array().unwrap();
        let certainty = blockers
            .first()
            .map(|one| one["certainty"].as_str().unwrap());
        assert_eq!(certainty, sure, "{what}: {told}");
        let free = wait(
            port,
            &[&["--free", "--timeout=0", "--json", flag], families].concat(),
        );
        let is_free = free.code() == 0;
        assert_eq!(
            is_free,
            !matches!(sure, Some("certain" | "likely")),
            "{what}: {free:?}"
        );
        let says_may = blockers
            .iter()
            .any(|one| one["message"].as_str().unwrap().contains("may"));
        // With -6 no scene of UDP binds for IPv6 only.
        if (protocol, family) == ("udp", "-6") {
            continue;
        }
        let binds = wildcards(protocol, family);
        let can = binds.iter().all(|scene| can_bind(protocol, scene, port));
        match sure {
            None => assert!(can, "{what}"),
            Some("certain") => assert!(!can, "{what}"),
            // What decides it is told by no source.
            _ => {
                assert!(says_may, "{what}: {blockers:?}");
                let takes_ipv6_only = family == "-4" && case.address == "::1";
                assert_eq!(can, has("reuse-address") || takes_ipv6_only, "{what}");
            }
        }
        if sure == UNLIKELY {
            assert_ne!(free.json()["remaining"], serde_json::json!({}), "{free:?}");
            let line = wait(port, &[&["--free", "--timeout=0", flag], families].concat()).stdout;
            assert!(line.contains("may still block"), "{what}: {line}");
        }
        if matches!(sure, Some("certain" | "likely")) {
            assert_eq!(sockets(&free.json()).len(), blockers.len(), "{free:?}");
            let said = match case.address {
                "::" | "::1" if family == "-4" && (has("outgoing") || has("connected")) => {
                    "may not be free for IPv4: held by"
                }
                _ => "is not free: held by",
            };
            assert!(free.stderr.contains(said), "{what}: {free:?}");
        }
    }
}

fn check_all(cases: &[Case]) {
    for case in cases {
        check(case);
    }
}

#[test]
fn listeners_block_for_certain() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let (yes, no) = (CERTAIN, None);
    check_all(&[
        case("listens", "0.0.0.0", [yes, yes, no]),
        case("listens", "127.0.0.2", [yes, yes, no]),
        case("listens,dual", "::", [yes, yes, yes]),
        case("listens", "::", [yes, no, yes]),
        case("listens", "::1", [yes, no, yes]),
        case("listens,dual", "::ffff:127.0.0.1", [yes, yes, no]),
        case(
            "listens,reuse-address,reuse-port",
            "0.0.0.0",
            [yes, yes, no],
        ),
        case("listens,reuse-address,dual", "::", [yes, yes, yes]),
        case("listens,on-lo", "0.0.0.0", [yes, yes, no]),
    ]);
}

#[test]
fn what_is_only_bound_blocks_unless_it_set_reuseaddr() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let (yes, no) = (LIKELY, None);
    check_all(&[
        case("on-lo", "0.0.0.0", [yes, yes, no]),
        case("reuse-port", "127.0.0.1", [yes, yes, no]),
        case("reuse-address", "0.0.0.0", [yes, yes, no]),
        case("dual,reuse-port", "::", [yes, yes, yes]),
        case("dual,reuse-address", "::", [yes, yes, yes]),
        case("reuse-port", "::1", [yes, no, yes]),
    ]);
}

#[test]
fn udp_blocks_connected_or_not() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let (yes, no) = (CERTAIN, None);
    check_all(&[
        case("udp", "0.0.0.0", [yes, yes, no]),
        case("udp,reuse-port", "127.0.0.1", [yes, yes, no]),
        case("udp,connected", "0.0.0.0", [yes, yes, no]),
        case("udp,connected", "127.0.0.1", [yes, yes, no]),
        case("udp,dual", "::", [yes, yes, yes]),
        case("udp", "::", [yes, no, yes]),
        case("udp", "::1", [yes, no, yes]),
        // Whether a connected socket was made for both families is not told.
        case("udp,connected,dual", "::", [yes, LIKELY, yes]),
        case("udp,reuse-address", "0.0.0.0", [yes, yes, no]),
    ]);
}

#[test]
fn what_a_server_left_blocks_unless_it_set_reuseaddr_as_servers_do() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let (yes, no) = (UNLIKELY, None);
    for states in [
        "child",
        "child,talked",
        "child,close-wait",
        "child,fin-wait2",
        "child,time-wait",
    ] {
        for reuse in ["reuse-address", "reuse-port"] {
            let how: &'static str = format!("{states},{reuse}").leak();
            check(&case(how, "127.0.0.1", [yes, yes, no]));
        }
    }
    check_all(&[
        case("child,reuse-address,dual", "::", [yes, yes, yes]),
        case(
            "child,reuse-address,dual",
            "::ffff:127.0.0.1",
            [yes, yes, no],
        ),
        case("child,reuse-port,dual", "::", [yes, yes, yes]),
    ]);
}

#[test]
fn a_borrowed_port_blocks_with_reuseaddr_too() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let (yes, no) = (LIKELY, None);
    for how in [
        "outgoing",
        "outgoing,talked",
        "outgoing,close-wait",
        "outgoing,fin-wait2",
        "outgoing,time-wait",
        "outgoing,syn-sent",
        "outgoing,bound-first",
        "outgoing,bound-late",
        // Its counters tell, though its listener has gone.
        "outgoing,alone",
        "outgoing,alone,talked",
        "outgoing,reuse-address",
    ] {
        check(&case(how, "127.0.0.1", [yes, yes, no]));
    }
    check_all(&[
        case("outgoing,dual", "::", [yes, yes, yes]),
        case("outgoing,dual", "::ffff:127.0.0.1", [yes, yes, no]),
        // Whether it was bound to an address of IPv6 before it connected is not told: then it takes that alone.
        case("outgoing,bound-first", "::1", [yes, yes, yes]),
    ]);
}

/// An outgoing connection is told as what it is: its role, its peer with the peer's port, and the cure.
#[test]
fn a_borrowed_port_is_told_as_outgoing() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    for how in ["outgoing", "outgoing,time-wait", "outgoing,alone"] {
        let scene = Scene::start(&["holder", "--how", how]);
        let number = scene.extra("port");
        let port = number.to_string();
        let peer = format!("127.0.0.1:{}", scene.extra("other_port"));
        let told = json(&["port", &port, "-t", "--json"]);
        let near = |socket: &&Value| socket["local"]["port"] == *number;
        let near: Vec<_> = sockets(&told).iter().filter(near).collect();
        assert_eq!(near.len(), 1, "{how}: {told}");
        assert_eq!(near[0]["role"], "outbound", "{how}: {told}");
        let story = sockscope(&["port", &port, "-t"]).stdout;
        for words in [
            "outgoing ",
            &peer,
            "ip_local_port_range",
            "ip_local_reserved_ports",
        ] {
            assert!(story.contains(words), "{how}: {words}: {story}");
        }
        assert!(!story.contains("connected"), "{how}: {story}");
        let late = wait(port.parse().unwrap(), &["--free", "--timeout=0"]).stderr;
        assert!(
            late.contains(&format!("outgoing to {peer}")),
            "{how}: {late}"
        );
    }
    // What a server left has no role: nobody listens any more.
    for how in ["child", "child,time-wait"] {
        let scene = Scene::start(&["holder", "--how", how]);
        let number = scene.extra("port");
        let port = number.to_string();
        let told = json(&["port", &port, "-t", "--json"]);
        let near = |socket: &&Value| socket["local"]["port"] == *number;
        let near = sockets(&told).iter().find(near).unwrap();
        assert_eq!(near["role"], Value::Null, "{how}: {told}");
        let story = sockscope(&["port", &port, "-t"]).stdout;
        assert!(!story.contains("outgoing"), "{how}: {story}");
    }
}
