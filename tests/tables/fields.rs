//! The contract of each field of a socket, scene by scene: what is null, what is a number, and which.
#![allow(unsafe_code, reason = "one asks a socket for its cookie")]

use common::{Namespace, Scene, everything, json, row, sockets, sockscope};
use serde_json::{Value, json as value};
use std::collections::BTreeSet;
use std::os::fd::AsRawFd;

/// The socket that a scene calls `label`, as sockscope shows it.
fn shown(scene: &Scene, label: &str) -> Value {
    let wanted = scene.labelled(label).row;
    let mut all = everything(&[]).into_iter();
    let is_it = |socket: &Value| {
        let row = row(socket);
        (row.local, row.peer, row.state)
            == (
                wanted.local.clone(),
                wanted.peer.clone(),
                wanted.state.clone(),
            )
    };
    all.find(is_it)
        .unwrap_or_else(|| panic!("{label} is not shown: {wanted:?}"))
}

/// Every key of a socket that the contract names.
const KEYS: [&str; 18] = [
    "protocol",
    "family",
    "state",
    "local",
    "peer",
    "role",
    "interface",
    "inode",
    "cookie",
    "netns",
    "uid",
    "user",
    "recv_q",
    "send_q",
    "accept_queue",
    "timer",
    "owners",
    "owner_status",
];

#[test]
fn every_socket_has_every_key() {
    let Some(namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [
        Scene::start(&["all"]),
        Scene::start(&["udp-connected"]),
        Scene::start(&["raw"]),
    ];
    for socket in everything(&[]) {
        let keys: BTreeSet<&str> = socket
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        for key in KEYS {
            assert!(keys.contains(key), "no {key} in {socket}");
        }
        assert_eq!(socket["netns"], namespace.inode, "{socket}");
        assert_eq!(socket["interface"], Value::Null, "{socket}");
        let cookie = &socket["cookie"];
        let digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        let hexadecimal = cookie
            .as_str()
            .is_some_and(|text| text.len() == 16 && text.chars().all(digit));
        assert!(hexadecimal || socket["protocol"] == "raw", "{socket}");
    }
}

#[test]
fn the_cookie_is_the_one_the_socket_tells() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut cookie = 0_u64;
    let mut length = 8;
    // SAFETY: SO_COOKIE writes 8 bytes into the live u64 whose size `length` tells.
    let answer = unsafe {
        libc::getsockopt(
            listener.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut length,
        )
    };
    assert_eq!(answer, 0);
    let told = json(&["listen", "--json"]);
    assert_eq!(sockets(&told)[0]["cookie"], format!("{cookie:016x}"));
}

#[test]
fn a_listener_has_an_accept_queue_and_no_byte_queues() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    for (count, backlog, limit) in [
        ("5", "7", 7),
        ("1", "128", 128),
        ("3", "1000000", somaxconn()),
    ] {
        let scene = Scene::start(&["unaccepted", "--count", count, "--backlog", backlog]);
        let listener = shown(&scene, "listener");
        let length: u64 = count.parse().unwrap();
        assert_eq!(
            listener["accept_queue"],
            value!({"length": length, "limit": limit})
        );
        assert_eq!(
            (&listener["recv_q"], &listener["send_q"]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(
            (&listener["peer"], &listener["timer"]),
            (&Value::Null, &Value::Null)
        );
    }
    let scene = Scene::start(&["accept-full", "--backlog", "1", "--count", "2"]);
    assert_eq!(
        shown(&scene, "listener")["accept_queue"],
        value!({"length": 2, "limit": 1})
    );
    let scene = Scene::start(&["listen", "--backlog", "0"]);
    assert_eq!(
        shown(&scene, "listener")["accept_queue"],
        value!({"length": 0, "limit": 0})
    );
}

fn somaxconn() -> u64 {
    let text = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
    text.trim().parse().unwrap()
}

#[test]
fn only_listeners_have_an_accept_queue() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [
        Scene::start(&["all"]),
        Scene::start(&["unaccepted"]),
        Scene::start(&["udp-bound"]),
        Scene::start(&["udp-connected"]),
    ];
    for socket in everything(&[]) {
        let listens = socket["state"] == "LISTEN";
        assert_eq!(socket["accept_queue"].is_object(), listens, "{socket}");
        let has_bytes =
            socket["protocol"] == "tcp" && !listens && socket["state"] != "BOUND_INACTIVE";
        assert_eq!(socket["recv_q"].is_u64(), has_bytes, "{socket}");
        assert_eq!(socket["send_q"].is_u64(), has_bytes, "{socket}");
        let connected = !matches!(
            socket["state"].as_str().unwrap(),
            "LISTEN" | "UNCONN" | "BOUND_INACTIVE"
        );
        assert_eq!(socket["peer"].is_object(), connected, "{socket}");
    }
}

#[test]
fn nobody_is_named_where_the_kernel_names_nobody() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [
        Scene::start(&["all"]),
        Scene::start(&["unaccepted"]),
        Scene::start(&["unaccepted", "--close-clients"]),
        Scene::start(&["fin-wait1", "--orphan"]),
        Scene::start(&["closing", "--orphan"]),
    ];
    let mut seen = BTreeSet::new();
    for socket in everything(&[]) {
        let status = socket["owner_status"].as_str().unwrap().to_owned();
        let known = status == "found";
        for key in ["inode", "uid", "user"] {
            assert_eq!(socket[key].is_null(), !known, "{key} of {socket}");
        }
        assert_eq!(
            socket["owners"].as_array().unwrap().is_empty(),
            !known,
            "{socket}"
        );
        seen.insert(status);
    }
    let wanted = ["found", "handshake", "orphaned", "timewait", "unaccepted"];
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
}

#[test]
fn roles() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let cases: [(&[&str], &str, Value); 14] = [
        (&["established"], "listener", value!("listener")),
        (&["established"], "client", value!("outbound")),
        (&["established"], "server", value!("inbound")),
        (&["mapped"], "server", value!("inbound")),
        (&["unaccepted"], "queued", value!("inbound")),
        (&["syn-sent"], "client", value!("outbound")),
        (&["syn-recv"], "half-open", value!("inbound")),
        (&["close-wait"], "server", value!("inbound")),
        (&["time-wait"], "closed-first", value!("outbound")),
        (
            &["time-wait", "--server-first"],
            "closed-first",
            value!("inbound"),
        ),
        (&["bound"], "bound", Value::Null),
        (&["udp-bound"], "bound", value!("listener")),
        (&["udp-connected"], "client", value!("outbound")),
        (&["udp-connected"], "server", value!("outbound")),
    ];
    for (arguments, label, role) in cases {
        let scene = Scene::start(arguments);
        assert_eq!(
            shown(&scene, label)["role"],
            role,
            "{label} of {arguments:?}"
        );
    }
}

#[test]
fn timers() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["time-wait"]);
    let timer = shown(&scene, "closed-first")["timer"].clone();
    let expires = timer["expires_ms"].as_u64().unwrap();
    assert!(
        timer["kind"] == "timewait" && (50_000..=60_000).contains(&expires),
        "{timer}"
    );
    for (kind, label) in [
        ("fin-wait1", "client"),
        ("last-ack", "server"),
        ("syn-sent", "client"),
    ] {
        let scene = Scene::start(&[kind]);
        let timer = shown(&scene, label)["timer"].clone();
        assert_eq!(timer["kind"], "retransmit", "{kind}: {timer}");
        assert!(
            timer["expires_ms"].as_u64().unwrap() <= 120_000,
            "{kind}: {timer}"
        );
        assert!(timer["retransmits"].is_u64(), "{kind}: {timer}");
    }
    let scene = Scene::start(&["established"]);
    assert_eq!(shown(&scene, "client")["timer"], Value::Null);
}

#[test]
fn retransmits_are_counted() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["fin-wait1"]);
    common::eventually("a second retransmission", common::DEADLINE, || {
        let count = shown(&scene, "client")["timer"]["retransmits"].as_u64()?;
        (count >= 2).then_some(())
    });
}

#[test]
fn byte_queues() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["established"]);
    let client = shown(&scene, "client");
    assert_eq!(
        (&client["recv_q"], &client["send_q"]),
        (&value!(0), &value!(0))
    );
    // A FIN not read or not acknowledged is no byte; of datagrams only the memory is known.
    let scene = Scene::start(&["close-wait"]);
    assert_eq!(shown(&scene, "server")["recv_q"], 0);
    let scene = Scene::start(&["fin-wait1"]);
    assert_eq!(shown(&scene, "client")["send_q"], 0);
    let scene = Scene::start(&["udp-full"]);
    assert_eq!(shown(&scene, "receiver")["recv_q"], value!(null));
}

#[test]
fn drops_of_a_full_udp_socket() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["udp-full"]);
    let port = scene.labelled("receiver").port();
    let told = json(&["port", &port.to_string(), "--json"]);
    let is_it = |socket: &&Value| socket["local"]["port"] == port;
    let receiver = sockets(&told).iter().find(is_it).unwrap();
    assert_eq!(&receiver["drops"], scene.extra("drops"), "{receiver}");
}

#[test]
fn a_mapped_address_is_printed_as_the_ipv4_it_is() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["mapped"]);
    let server = shown(&scene, "server");
    assert_eq!(server["family"], "ipv6");
    assert_eq!(server["local"]["address"], "127.0.0.1");
    assert_eq!(server["peer"]["address"], "127.0.0.1");
    // It is an IPv6 socket that carries IPv4, and nothing else.
    let count = |flag: &str| {
        let answer = sockscope(&["conns", "--json", flag]).json();
        let families: BTreeSet<_> = sockets(&answer)
            .iter()
            .map(|s| s["family"].to_string())
            .collect();
        (sockets(&answer).len(), families)
    };
    let both = ["\"ipv4\"".to_owned(), "\"ipv6\"".to_owned()];
    assert_eq!(count("-4"), (2, BTreeSet::from(both)));
    assert_eq!(count("-6"), (0, BTreeSet::new()));
}

#[test]
fn an_owner_is_described() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["listen"]);
    let program = common::example("scene");
    let command = format!("{} listen", program.display());
    let fd = scene.labelled("listener").fd;
    let owner = value!({
        "pid": scene.pid(), "fd": fd, "via": "fd", "comm": "scene", "command": command, "uid": 0, "user": "root",
    });
    let listener = shown(&scene, "listener");
    for (key, wanted) in owner.as_object().unwrap() {
        assert_eq!(&listener["owners"][0][key], wanted, "{key} of {listener}");
    }
    assert_eq!(
        (&listener["uid"], &listener["user"]),
        (&value!(0), &value!("root"))
    );
}

/// A uid without a name, of the socket and of its process.
#[test]
fn a_user_without_a_name_is_null() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["other-user", "--uid", "54321"]);
    let listener = shown(&scene, "listener");
    for who in [&listener, &listener["owners"][0]] {
        assert_eq!(
            (&who["uid"], &who["user"]),
            (&value!(54321), &Value::Null),
            "{listener}"
        );
    }
}
