//! What is printed for an end is read again, and means just that end: over made-up rows of every
//! kind, and over real sockets on interfaces with odd names.
#![allow(unsafe_code, reason = "they call the kernel directly")]

use common::{Namespace, Run, sockscope};
use proptest::prelude::*;
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use sockscope::columns::{self, Row};
use sockscope::filter::{Filter, Names};
use sockscope::model::{Endpoint, Facts, Family, Protocol, Socket, State};
use sockscope::text::cell::{Style, write_value};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;

/// Names that an interface may have, by index; 10 has none any more.
const DEVICES: [&[u8]; 9] = [
    b"lo",
    b"v0",
    b"w0",
    b"a]b",
    b"x%y:z",
    b"p(q),r",
    "\u{202e}é\\".as_bytes(),
    b"77",
    b"\xff\xfe-\x1b",
];

const ADDRESSES: [&str; 10] = [
    "0.0.0.0",
    "::",
    "127.0.0.1",
    "127.0.0.53",
    "::1",
    "fe80::1",
    "fe80::2",
    "fd00::2",
    "10.0.0.1",
    "::ffff:10.0.0.1",
];

const PORTS: [u16; 5] = [0, 53, 80, 3784, 65535];

fn facts() -> Facts {
    let mut facts = Facts::default();
    for (index, name) in (1..).zip(DEVICES) {
        let index = NonZeroU32::new(index).unwrap();
        facts.interfaces.insert((None, index), name.into());
    }
    facts
}

fn end() -> impl Strategy<Value = Endpoint> {
    (0..ADDRESSES.len(), 0..PORTS.len())
        .prop_map(|(address, port)| Endpoint::new(ADDRESSES[address].parse().unwrap(), PORTS[port]))
}

prop_compose! {
    fn socket()(
        protocol in 0..3_usize,
        is_mapped in any::<bool>(),
        state in 0..3_usize,
        local in end(),
        peer in proptest::option::of(end()),
        interface in proptest::option::of(1..=10_u32),
        v6_only in any::<Option<bool>>(),
    ) -> Socket {
        let protocol = Protocol::ALL[protocol];
        let family = match local.address {
            IpAddr::V4(_) if !is_mapped => Family::V4,
            _ => Family::V6,
        };
        let state = match (protocol, state) {
            (Protocol::Tcp, 0) => State::Listen,
            (Protocol::Tcp, 1) => State::BoundInactive,
            (Protocol::Tcp, _) | (_, 0) => State::Established,
            _ => State::Unconnected,
        };
        let mut socket = Socket::new(protocol, family, state, local);
        socket.peer = peer.filter(|_| state == State::Established).into();
        socket.interface = interface.and_then(NonZeroU32::new);
        socket.v6_only = v6_only;
        socket
    }
}

fn printed(column: &str, socket: &Socket, facts: &Facts, style: Style) -> String {
    let mut text = String::new();
    let column = columns::find(column).unwrap();
    write_value(&mut text, &(column.value)(Row { socket, facts }), style);
    text
}

fn names() -> Names<'static> {
    Names {
        port: |name| (name == "http").then_some(80),
        ..Names::NONE
    }
}

/// The filter that a printed end makes, in the quotes that it needs.
fn filter(column: &str, text: &str) -> Filter {
    let quote = if text.contains('"') { '\'' } else { '"' };
    let words = format!("{column} = {quote}{text}{quote}");
    Filter::parse_with(std::slice::from_ref(&words), names())
        .unwrap_or_else(|error| panic!("{words}: {error}"))
}

/// The sockets that a filter finds, by their places.
fn found(filter: &Filter, sockets: &[Socket], facts: &Facts) -> Vec<usize> {
    let matching = sockets.iter().enumerate().filter(|(_, socket)| {
        let found = filter.matches(socket, facts);
        // What is known beforehand never leaves it out.
        assert!(!found || (filter.may_match(socket) && filter.narrow().allows(socket)));
        found
    });
    matching.map(|(place, _)| place).collect()
}

/// The rows that are so, by their places.
fn places(sockets: &[Socket], is_so: impl Fn(&Socket) -> bool) -> Vec<usize> {
    let places = sockets
        .iter()
        .enumerate()
        .filter(|(_, socket)| is_so(socket));
    places.map(|(place, _)| place).collect()
}

fn without_device(socket: &Socket) -> Socket {
    Socket {
        interface: None,
        ..socket.clone()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_printed_end_finds_the_rows_with_that_end(
        sockets in proptest::collection::vec(socket(), 1..24),
        services in any::<bool>(),
    ) {
        let mut facts = facts();
        if services {
            let http = Protocol::ALL.map(|protocol| ((protocol, 80), "http".into()));
            facts.services.extend(http);
        }
        for style in [Style::Person, Style::Plain, Style::Csv] {
            for column in ["local", "laddr", "peer", "paddr"] {
                for socket in &sockets {
                    let text = printed(column, socket, &facts, style);
                    if text.is_empty() {
                        continue;
                    }
                    let filter = filter(column, &text);
                    // Without a device, the end is meant on any of them.
                    let as_it_is = |other: &Socket| match socket.interface {
                        Some(_) => other.clone(),
                        None => without_device(other),
                    };
                    let is_so = |other: &Socket| {
                        printed(column, &as_it_is(other), &facts, style) == text
                    };
                    let expected = places(&sockets, is_so);
                    prop_assert_eq!(found(&filter, &sockets, &facts), expected, "{} {}", column, text);
                }
            }
        }
    }

    /// As JSON has it: address and port, and `dual_stack` for `*`.
    #[test]
    fn an_end_of_json_finds_the_rows_with_that_end(
        sockets in proptest::collection::vec(socket(), 1..24),
    ) {
        let facts = facts();
        for socket in sockets.iter().filter(|socket| socket.is_listener()) {
            let Endpoint { address, port } = socket.local.inet().unwrap();
            let is_dual = socket.dual_stack() == Some(true);
            let text = if is_dual {
                format!("*:{port}")
            } else {
                SocketAddr::new(address, port).to_string()
            };
            let is_so = |other: &Socket| {
                let takes_both = other.takes_both_families() == Some(true);
                other.local == socket.local && takes_both == is_dual
            };
            let expected = places(&sockets, is_so);
            prop_assert_eq!(found(&filter("local", &text), &sockets, &facts), expected, "{}", text);
            // The address alone is that of every wildcard.
            let expected = places(&sockets, |other| other.local.ip() == Some(address));
            let alone = filter("laddr", &address.to_string());
            prop_assert_eq!(found(&alone, &sockets, &facts), expected, "{}", address);
        }
    }

    /// One more character than an end has is an error, which points at that character.
    #[test]
    fn what_stands_behind_an_end_is_an_error_there(
        socket in socket(),
        junk in prop_oneof![Just("x"), Just("]"), Just("%"), Just("*"), Just("/"), Just(".5")],
    ) {
        let facts = facts();
        let text = printed("local", &socket, &facts, Style::Csv);
        let words = format!("local = \"{text}{junk}\"");
        let error = Filter::parse_with(&[words], names()).unwrap_err();
        let place = format!("{text}^{junk}\"");
        prop_assert!(error.message.contains(&place), "{}: {}", place, error);
    }

    #[test]
    fn no_text_is_too_odd(text in r"[\[\]%:/*.a-f0-9 -]{0,16}|.{0,12}") {
        for name in ["local", "peer", "src", "dst", "sport", "lport", "laddr", "dev", "cgroup"] {
            let words = format!("{name} = \"{text}\"");
            let _ = Filter::parse_with(&[words], names());
        }
    }
}

/// A bound UDP socket or a TCP listener, on an interface or on any.
fn held(protocol: Protocol, at: &str, device: Option<&str>, v6_only: bool) -> OwnedFd {
    let at: SocketAddr = at.parse().unwrap();
    let family = match at {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let kind = match protocol {
        Protocol::Udp => SocketType::DGRAM,
        _ => SocketType::STREAM,
    };
    let fd = rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, None).unwrap();
    sockopt::set_socket_reuseaddr(&fd, true).unwrap();
    if at.is_ipv6() {
        sockopt::set_ipv6_v6only(&fd, v6_only).unwrap();
    }
    if let Some(device) = device {
        bind_to_device(&fd, device);
    }
    rustix::net::bind(&fd, &at).unwrap();
    if protocol == Protocol::Tcp {
        rustix::net::listen(&fd, 5).unwrap();
    }
    fd
}

fn bind_to_device(fd: &OwnedFd, device: &str) {
    let length = u32::try_from(device.len()).unwrap();
    // SAFETY: the descriptor is ours, the name is live and has this length.
    let answer = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_BINDTODEVICE,
            device.as_ptr().cast(),
            length,
        )
    };
    assert_eq!(answer, 0, "{device}: {}", std::io::Error::last_os_error());
}

/// Two interfaces that are one cable.
fn cable(name: &str, other: &str) {
    let ip = |arguments: &[&str]| {
        let answer = Run::of("ip").args(arguments).output();
        assert_eq!(answer.code(), 0, "{answer:?}");
    };
    ip(&["link", "add", name, "type", "veth", "peer", "name", other]);
    for name in [name, other] {
        ip(&["link", "set", name, "up"]);
    }
}

/// Every row of `listen` in a column of a format.
fn listed(format: &str, column: &str, more: &[&str]) -> Vec<String> {
    let arguments = [
        "listen",
        "-H",
        "--no-owners",
        "--format",
        format,
        "--columns",
        column,
    ];
    let answer = Run::new(&arguments).args(more).output();
    assert!(answer.code() < 2, "{answer:?}");
    answer.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn real_ends_are_printed_alike_and_read_again() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    cable("v0", "w0");
    cable("a]b", "p,q");
    let (tcp, udp) = (Protocol::Tcp, Protocol::Udp);
    let _held = [
        held(tcp, "0.0.0.0:80", None, false),
        held(tcp, "[::]:81", None, true),
        held(tcp, "[::]:82", None, false),
        held(udp, "[::]:82", None, true),
        held(udp, "0.0.0.0:82", None, false),
        held(tcp, "127.0.0.53:53", Some("lo"), false),
        held(udp, "127.0.0.54:53", Some("lo"), false),
        held(udp, "[::]:3784", Some("v0"), true),
        held(udp, "[::]:3784", Some("w0"), true),
        held(udp, "0.0.0.0:3784", Some("w0"), false),
        held(udp, "[::]:3785", Some("a]b"), false),
        held(udp, "[::]:3785", Some("p,q"), false),
    ];
    let expected = [
        "*%a]b:3785",
        "*%p,q:3785",
        "*:82",
        "0.0.0.0%w0:3784",
        "0.0.0.0:80",
        "0.0.0.0:82",
        "127.0.0.53%lo:53",
        "127.0.0.54%lo:53",
        "[::]%v0:3784",
        "[::]%w0:3784",
        "[::]:81",
        "[::]:82",
    ];
    for format in ["table", "plain", "csv"] {
        let mut rows = listed(format, "local", &[]);
        for row in &mut rows {
            *row = row.trim_matches('"').to_owned();
        }
        rows.sort_unstable();
        assert_eq!(rows, expected, "{format}");
    }
    for end in expected {
        let found = listed("plain", "local", &[&format!("local = \"{end}\"")]);
        assert_eq!(found, [end]);
    }
    for (words, count) in [
        ("local=[::]%zz:3784", 0),
        ("local=[::]%v0:3785", 0),
        ("local=[::]:3784", 2),
        ("local=:3784", 3),
        ("local=%w0:3784", 2),
        ("local=[::%v0]:3784", 1),
        ("local=127.0.0.53%1:53", 1),
        ("local=127.0.0.53:53", 1),
        ("local=*", 3),
        ("local=*:3785", 2),
        ("laddr=*", 3),
        ("laddr=[::]", 4),
        ("laddr=::", 7),
        ("laddr=0.0.0.0", 3),
        ("src *:82", 3),
        ("src [::]:82", 2),
        ("dev = lo", 2),
        ("dev = 1", 2),
        ("interface = 1", 2),
        ("dev = 0", 5),
        ("dev != lo", 10),
        ("interface != lo", 5),
    ] {
        assert_eq!(listed("plain", "local", &[words]).len(), count, "{words}");
    }
    let answer = sockscope(&["listen", "local=[fd00::2]junk:443"]);
    assert_eq!(
        (answer.code(), answer.stdout.as_str()),
        (2, ""),
        "{answer:?}"
    );
    assert!(
        answer.stderr.contains("local=[fd00::2]^junk:443"),
        "{answer:?}"
    );
}

/// What `wait --address` takes for a wildcard is what is printed for one.
#[test]
fn wait_reads_addresses_as_they_are_printed() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let is_now = |port: u16, condition: &str, address: &str| {
        let port = port.to_string();
        let address = format!("--address={address}");
        let answer = sockscope(&["wait", &port, condition, "-t", "--timeout=0", &address]);
        assert!(answer.code() < 2, "{address}: {answer:?}");
        answer.code() == 0
    };
    let tcp = Protocol::Tcp;
    let _held = [
        held(tcp, "0.0.0.0:81", None, false),
        held(tcp, "[::]:82", None, false),
        held(tcp, "[::]:83", None, true),
        held(tcp, "127.0.0.1:84", Some("lo"), false),
    ];
    for (address, listening, free) in [
        (
            "0.0.0.0",
            [true, true, false, false],
            [false, false, true, false],
        ),
        (
            "[::]",
            [false, true, true, false],
            [true, false, false, true],
        ),
        ("*", [false, true, false, false], [false; 4]),
        (
            "127.0.0.1%lo",
            [true, true, false, true],
            [false, false, true, false],
        ),
        (
            "127.0.0.1%1",
            [true, true, false, true],
            [false, false, true, false],
        ),
    ] {
        for (place, port) in (81..=84).enumerate() {
            assert_eq!(
                is_now(port, "-l", address),
                listening[place],
                "{address} {port}"
            );
            assert_eq!(
                is_now(port, "--free", address),
                free[place],
                "{address} {port}"
            );
        }
    }
    assert!(
        is_now(84, "-l", "127.0.0.1%lo:84"),
        "the port that is waited for"
    );
    for (address, told) in [
        ("127.0.0.1:85", "has port 85"),
        ("[::1]x", "[::1]^x"),
        ("10.0.0.0/8", "10.0.0.0^/8"),
        ("127.0.0.1%zz", "no interface 'zz'"),
        ("localhost", "more than one address"),
    ] {
        let address = format!("--address={address}");
        let answer = sockscope(&["wait", "84", "-l", "--timeout=0", &address]);
        assert_eq!((answer.code(), answer.stdout.as_str()), (2, ""));
        assert!(answer.stderr.contains(told), "{answer:?}");
    }
}
