use super::super::Filter;
use super::*;
use crate::model::{Facts, Protocol, Socket, State};

fn names() -> Names<'static> {
    Names {
        port: |name| match name {
            "http" => Some(80),
            "3com-tsmux" => Some(106),
            _ => None,
        },
        ..Names::NONE
    }
}

fn only(text: &str, spelling: Spelling) -> EndPattern {
    let mut read = read(text, spelling, names()).unwrap_or_else(|stop| panic!("{text}: {stop:?}"));
    assert_eq!(read.len(), 1, "{text}");
    read.remove(0)
}

/// Where reading stops: what is left of the text.
fn stops(text: &str, spelling: Spelling) -> String {
    let stop = read(text, spelling, names()).expect_err(text);
    text[stop.at..].to_owned()
}

#[test]
fn every_part_is_read() {
    let net = |text: &str| Host::Net(text.parse().unwrap());
    let ports = |first, last| Some(PortRange { first, last });
    for (text, host, device, range) in [
        ("10.0.0.1", net("10.0.0.1/32"), None, None),
        ("10.0.0.1:443", net("10.0.0.1/32"), None, ports(443, 443)),
        ("10.0.0.1:80-90", net("10.0.0.1/32"), None, ports(80, 90)),
        ("10.0.0.1:http", net("10.0.0.1/32"), None, ports(80, 80)),
        (
            "10.0.0.1:3com-tsmux",
            net("10.0.0.1/32"),
            None,
            ports(106, 106),
        ),
        ("10.0.0.1:*", net("10.0.0.1/32"), None, None),
        ("10/8", net("10.0.0.0/8"), None, None),
        ("192.0.2/24:443", net("192.0.2.0/24"), None, ports(443, 443)),
        ("10.0.0.0/255.0.0.0", net("10.0.0.0/8"), None, None),
        (
            "127.0.0.53%lo:53",
            net("127.0.0.53/32"),
            Some("lo"),
            ports(53, 53),
        ),
        ("127.0.0.53%lo", net("127.0.0.53/32"), Some("lo"), None),
        ("fe80::1", net("fe80::1/128"), None, None),
        ("fe80::1%v0", net("fe80::1/128"), Some("v0"), None),
        (
            "fe80::1%v0:80",
            net("fe80::1/128"),
            Some("v0"),
            ports(80, 80),
        ),
        ("fe80::/10", net("fe80::/10"), None, None),
        ("fe80::/10:80", net("fe80::/10"), None, ports(80, 80)),
        ("[fe80::1]", net("fe80::1/128"), None, None),
        ("[fe80::1]:80", net("fe80::1/128"), None, ports(80, 80)),
        (
            "[fe80::1]%v0:80",
            net("fe80::1/128"),
            Some("v0"),
            ports(80, 80),
        ),
        (
            "[fe80::1%v0]:80",
            net("fe80::1/128"),
            Some("v0"),
            ports(80, 80),
        ),
        ("[fe80::]/10", net("fe80::/10"), None, None),
        ("[fe80::/10]:80", net("fe80::/10"), None, ports(80, 80)),
        (
            "[fe80::]/10%v0:80",
            net("fe80::/10"),
            Some("v0"),
            ports(80, 80),
        ),
        (
            "[fe80::]%v0/10:80",
            net("fe80::/10"),
            Some("v0"),
            ports(80, 80),
        ),
        (
            "[fe80::1]%a]b:80",
            net("fe80::1/128"),
            Some("a]b"),
            ports(80, 80),
        ),
        (
            "[fe80::1%a]b]:80",
            net("fe80::1/128"),
            Some("a]b"),
            ports(80, 80),
        ),
        (
            "127.0.0.1%a:b:80",
            net("127.0.0.1/32"),
            Some("a:b"),
            ports(80, 80),
        ),
        (
            "127.0.0.1%a%b:80",
            net("127.0.0.1/32"),
            Some("a%b"),
            ports(80, 80),
        ),
        ("::ffff:10.0.0.1", net("10.0.0.1/32"), None, None),
        ("[::ffff:10.0.0.0]/104", net("10.0.0.0/8"), None, None),
        ("*", Host::DualWildcard, None, None),
        ("*:80", Host::DualWildcard, None, ports(80, 80)),
        ("*%lo:80", Host::DualWildcard, Some("lo"), ports(80, 80)),
        ("[::]:80", Host::Ipv6Wildcard, None, ports(80, 80)),
        ("[::]", Host::Ipv6Wildcard, None, None),
        ("::", net("::/128"), None, None),
        ("[::]/0", net("::/0"), None, None),
        ("0.0.0.0:0", net("0.0.0.0/32"), None, ports(0, 0)),
        (":80", Host::Any, None, ports(80, 80)),
        ("%lo:80", Host::Any, Some("lo"), ports(80, 80)),
        ("any:80", Host::Any, None, ports(80, 80)),
    ] {
        let expected = EndPattern {
            family: None,
            host,
            device: device.map(Device::read),
            ports: range,
        };
        assert_eq!(only(text, Spelling::Ours), expected, "{text}");
    }
}

#[test]
fn reading_stops_at_what_is_wrong() {
    for (text, rest) in [
        ("[fd00::2]junk:443", "junk:443"),
        ("[fd00::2]:443x", "x"),
        ("[fd00::2]:443-", ""),
        ("[fd00::2]:99999", "99999"),
        ("[fd00::2]:80-90x", "x"),
        ("[fd00::2]:90-80", "90-80"),
        ("[fd00::2]:", ""),
        ("[fd00::2", ""),
        ("[fd00::2%", ""),
        ("[fd00::2x]:80", "fd00::2x]:80"),
        ("[]:80", "]:80"),
        ("[fe80::1]%:80", ":80"),
        ("[fe80::1]%v0:x", "x"),
        ("[fe80::1]%v0:80 ", " "),
        ("[fe80::]/129", "129"),
        ("[fe80::]/1x0", "x0"),
        ("[fe80::]/", ""),
        ("[fe80::]/10/10", "/10"),
        ("fe80::1junk", "junk"),
        ("10.0.0.300", "10.0.0.300"),
        ("10.0.0.1:80:90", ":90"),
        ("10.0.0.1junk", "10.0.0.1junk"),
        ("10.0.0.0/33", "33"),
        ("10.0.0.0/8junk", "junk"),
        ("10.0.0.0/8/8", "/8"),
        ("10", "10"),
        ("127.0.0.1:80%lo", "%lo"),
        ("*junk", "junk"),
        ("**", "*"),
        ("*:80*", "*"),
        ("*/0", "/0"),
        ("example.org:80", "example.org:80"),
        ("10.0.0.1:htp", "htp"),
        ("", ""),
        (":", ""),
        (":80x", "x"),
        ("unix:/run/x", "unix:/run/x"),
        ("inet6:10.0.0.1", "10.0.0.1"),
        ("inet:[::1]", "::1]"),
    ] {
        assert_eq!(stops(text, Spelling::Ours), rest, "{text}");
    }
}

#[test]
fn words_of_ss_mean_what_they_mean_there() {
    assert_eq!(only("*:80", Spelling::Ss).host, Host::Any);
    assert_eq!(only("all:80", Spelling::Ss).host, Host::Any);
    assert_eq!(
        only("[::]", Spelling::Ss).host,
        Host::Mapped("::/128".parse().unwrap())
    );
    let mapped = Host::Mapped("::ffff:10.0.0.1/128".parse().unwrap());
    assert_eq!(only("[::ffff:10.0.0.1]", Spelling::Ss).host, mapped);
    let port = |text| only(text, Spelling::Ss).ports.map(|ports| ports.first);
    assert_eq!(
        port("::1:82"),
        Some(82),
        "what follows the last colon is a port"
    );
    assert_eq!(port("10.0.0.1:0x52"), Some(82));
    assert_eq!(port("10.0.0.1:0122"), Some(82), "as C reads numbers");
    assert_eq!(port("10.0.0.1:"), None);
    assert_eq!(only("inet6:*:82", Spelling::Ss).family, Some(Family::V6));
    assert_eq!(stops("10.0.0.1:089", Spelling::Ss), "089");
}

#[test]
fn a_quoted_value_has_its_place_too() {
    for (text, place) in [
        ("local = \"[::1]x:80\"", "local = \"[::1]^x:80\""),
        ("local in (10.0.0.1, 10.0.0.2y)", "10.0.0.1, ^10.0.0.2y"),
        ("src [::1]:80z", "src [::1]:80^z"),
        ("lport = 80,81q", "lport = 80,81^q"),
        ("lport = \"80,443\"", "\"80^,443\""),
        ("sport = :80q", "sport = :80^q"),
        ("paddr in [::]/200", "[::]/^200"),
        ("peer = *:443", "peer = ^*:443"),
        ("cgroup = nginx", "cgroup = ^nginx"),
    ] {
        let error = Filter::parse_with(&[text.to_owned()], names()).expect_err(text);
        assert!(error.message.contains(place), "{text}: {error:?}");
    }
}

#[test]
fn wildcards_are_told_apart() {
    let socket = |address: &str, v6_only| {
        let end = Endpoint::new(address.parse().unwrap(), 80);
        let family = match end.address {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        };
        let mut socket = Socket::new(Protocol::Tcp, family, State::Listen, end);
        socket.v6_only = v6_only;
        // Where it is not told, nothing is known of its interface either.
        let is_of_netlink = family == Family::V4 || v6_only.is_some();
        socket.cookie = std::num::NonZeroU64::new(u64::from(is_of_netlink));
        socket
    };
    let facts = Facts::default();
    for (text, expected) in [
        ("local = 0.0.0.0:80", [true, false, false, false]),
        ("local = [::]:80", [false, true, false, true]),
        ("local = *:80", [false, false, true, false]),
        ("laddr = *", [false, false, true, false]),
        ("laddr = [::]", [false, true, false, true]),
        ("laddr = ::", [false, true, true, true]),
        ("local in ::/0", [false, true, true, true]),
        ("local = :80", [true, true, true, true]),
        ("src *:80", [true, true, true, true]),
        ("src = *", [true, true, true, true]),
        ("src [::]:80", [false, true, true, true]),
        ("dst 0.0.0.0/0", [true, false, false, false]),
        ("dport < :1000", [true, true, true, true]),
        ("dport != :80", [true, true, true, true]),
        ("dport = :0", [true, true, true, true]),
        ("pport < 1000", [false, false, false, false]),
        ("dev != lo", [true, true, true, false]),
        ("dev = 0", [true, true, true, false]),
        ("interface != lo", [false, false, false, false]),
    ] {
        let filter = Filter::parse(&[text.to_owned()]).unwrap();
        let rows = [
            ("0.0.0.0", None),
            ("::", Some(true)),
            ("::", Some(false)),
            ("::", None),
        ];
        let found = rows.map(|(address, v6_only)| {
            let socket = socket(address, v6_only);
            let found = filter.matches(&socket, &facts);
            assert!(!found || (filter.may_match(&socket) && filter.narrow().allows(&socket)));
            found
        });
        assert_eq!(found, expected, "{text}");
    }
}
