use std::net::{IpAddr, Ipv4Addr};
use std::num::{NonZeroU32, NonZeroU64};

use super::*;
use crate::model::{
    Endpoint, Family, Holder, HolderIndex, Process, Protocol, Queue, Role, State, Timer, TimerKind,
    Via,
};

/// 10.0.0.1:8080 <- 192.0.2.7:50000, CLOSE_WAIT, held by java (10) and a helper (20).
fn connection() -> (Socket, Facts) {
    let end = |a, port| Endpoint::new(IpAddr::V4(a), port);
    let mut socket = Socket::new(
        Protocol::Tcp,
        Family::V4,
        State::CloseWait,
        end(Ipv4Addr::new(10, 0, 0, 1), 8080),
    );
    socket.peer = end(Ipv4Addr::new(192, 0, 2, 7), 50_000).into();
    socket.role = Some(Role::Inbound);
    socket.uid = crate::model::Uid::new(1000);
    socket.inode = NonZeroU32::new(5);
    socket.cookie = NonZeroU64::new(0xab);
    socket.queue = Some(Queue::Bytes {
        recv: 65536,
        send: 0,
    });
    socket.timer = Some(Timer {
        kind: TimerKind::Keepalive,
        expires_ms: 5000,
        retransmits: 0,
    });
    let holder = |pid, fd| Holder {
        inode: NonZeroU32::new(5).unwrap(),
        pid,
        via: Via::Fd(fd),
    };
    let mut facts = Facts {
        holders: HolderIndex::new(vec![holder(10, 3), holder(20, 4)]),
        ..Facts::default()
    };
    socket.held = facts.holders.find(socket.inode);
    socket.owner_status = crate::model::OwnerStatus::Found;
    facts.users.insert(1000, Some("app".into()));
    for (pid, comm) in [(10, "java"), (20, "helper")] {
        let process = Process {
            command_later: false,
            pid,
            comm: comm.into(),
            command: Some(format!("/usr/bin/{comm} -x").into_bytes().into()),
            uid: None,
            parent: None,
            started: None,
            condition: None,
            background: None,
            program: None,
            cgroup: Some("/system.slice/shop.service".into()),
            files: None,
        };
        facts.processes.insert(pid, process);
    }
    (socket, facts)
}

fn ports(name: &str) -> Option<u16> {
    [("ssh", 22), ("http-alt", 8080), ("https", 443)]
        .into_iter()
        .find(|(known, _)| *known == name)
        .map(|(_, port)| port)
}

/// The mount of cgroup2 is /cg.
fn cgroup(path: &str) -> Result<Option<NonZeroU64>, String> {
    match path.strip_prefix("/cg/") {
        Some("shop") => Ok(NonZeroU64::new(77)),
        Some(_) => Err(format!("there is no cgroup '{path}'")),
        None => Ok(None),
    }
}

fn read(text: &str) -> Result<Filter, FilterError> {
    let names = Names {
        port: ports,
        cgroup,
        ..Names::NONE
    };
    Filter::parse_with(&[text.to_owned()], names)
}

fn holds(text: &str) -> bool {
    let (socket, facts) = connection();
    let filter = read(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    let matches = filter.matches(&socket, &facts);
    // What is known beforehand never contradicts.
    if matches {
        assert!(filter.may_match(&socket), "{text}");
        assert!(filter.states().contains(socket.state), "{text}");
        assert!(filter.narrow().allows(&socket), "{text}");
    }
    matches
}

#[test]
fn comparisons_that_hold() {
    for text in [
        "",
        "state=close_wait",
        "state = CLOSE-WAIT",
        "state in established, closewait",
        "state != listen",
        "state not in (listen, time_wait)",
        "state = connected",
        "state=synchronized",
        "state=big",
        "lport = 8080",
        "lport in 8000-8100,9000",
        "lport = http-alt",
        "lport > 8079 and lport<=8080",
        "port = 50000",
        "port != 80",
        "pport >= 1024",
        "laddr = 10.0.0.1",
        "local = 10.0.0.1:8080",
        "local in 10.0.0.0/8:8000-8100",
        "local = :8080",
        "local in 10/8",
        "peer in 192.0.2/24",
        "cookie = ab",
        "cookie = 0xAB",
        "peer in 192.0.2.0/24",
        "peer = 192.0.2.7",
        "address in 192.0.2.0/24",
        "paddr ~ ^192\\.",
        "local ~ :8080$",
        "process = java",
        "process=x,helper",
        "process = 10",
        "process ~ '^ja'",
        "process !~ nothing",
        "comm = helper",
        "command ~ \"java -x\"",
        "pid = 20",
        "pid in 15-25",
        "pid > 19",
        "fd = 4",
        "user = app",
        "user=1000",
        "user ~ ^a",
        "uid >= 1000",
        "role = inbound",
        "role = INBOUND",
        "unit = shop.service",
        "cgroup ~ slice",
        "recv_q >= 64k",
        "recv_q = 65536",
        "recv_q < 0.1m",
        "inode = 5",
        "cookie = 00000000000000ab",
        "timer = keepalive",
        "family = ipv4 protocol=tcp",
        "not state = listen",
        "!(state = listen)",
        "state=close_wait && (pid=99 || pid=10)",
        "NOT pid = 99 AND lport EQ 8080 or lport eq 1",
    ] {
        assert!(holds(text), "{text}");
    }
}

#[test]
fn comparisons_that_do_not_hold() {
    for text in [
        "state=bucket",
        "state = established",
        "state != close_wait",
        "lport = 50000",
        "lport < 8080",
        "lport < 0",
        "port = 1",
        "port != 8080",
        "pport = 8080",
        "laddr in 11.0.0.0/8",
        "peer = 192.0.2.7:1",
        "peer != 192.0.2.7",
        "process = jav",
        "process != java",
        "process !~ java",
        "pid != 10",
        "user != app",
        "role=outbound",
        "not lport = 8080",
        "state=close_wait and pid=99",
        "state=listen or lport=1",
        "interface = eth0",
        "interface != eth0",
        "interface !~ eth",
        "not (interface = eth0 or lport = 8080)",
    ] {
        assert!(!holds(text), "{text}");
    }
    assert!(holds("not interface = eth0"), "not simply negates");
}

#[test]
fn the_spelling_of_ss() {
    for text in [
        "state close-wait",
        "state established state close-wait",
        "exclude time-wait",
        "state connected exclude listening",
        "sport = :8080",
        "( dport = :ssh or sport >= :1024 )",
        "state close-wait '( sport = :http-alt or dport = :443 )'",
        "src 10.0.0.0/8",
        "src 10.0.0.1:8080",
        "dst 192.0.2.7:50000",
        "dst 192.0.2.0/24 and sport eq :8080",
        "src = 10.0.0.1 dport gt :1000",
        "src inet:10.0.0.1",
        "sport = inet:8080 dst inet:*:50000",
        "dport != :22 & sport neq 22 | sport = 1",
    ] {
        let text = text.replace('\'', "");
        assert!(holds(&text), "{text}");
    }
    for text in [
        "state close-wait exclude close-wait",
        "state established",
        "exclude connected",
        "sport = :ssh",
        "dst 10.0.0.0/8",
        "dev eth0",
        "dev = eth0",
        "state closed",
    ] {
        assert!(!holds(text), "{text}");
    }
}

#[test]
fn words_side_by_side_are_joined_by_and() {
    let words = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        let (socket, facts) = connection();
        Filter::parse(&words).unwrap().matches(&socket, &facts)
    };
    assert!(words(&["state=close_wait,time_wait", "pid=10"]));
    assert!(!words(&["state=close_wait", "pid=11"]));
    assert!(words(&["process=a=b,java"]));
    // An `or` stays within its word where the words are whole.
    assert!(!words(&["lport=8080 or lport=1", "state=listen"]));
    assert!(words(&["state", "close-wait", "sport", "=", ":8080"]));
    let long = format!("lport=8080 {} nope=1", "lport=8080 ".repeat(5_000));
    let error = read(&long).unwrap_err();
    assert!(error.message.len() < 600, "{}", error.message.len());
}

#[test]
fn a_comparison_with_what_is_not_known_is_false() {
    let (mut socket, _) = connection();
    socket.uid = None;
    socket.peer = crate::model::Peer::None;
    socket.role = None;
    for text in [
        "user=root",
        "user!=root",
        "uid=0",
        "uid!=0",
        "pport=0",
        "pport!=0",
        "peer != 1.2.3.4",
        "role=outbound",
        "role != outbound",
        "pid=1",
        "pid!=1",
        "process !~ x",
    ] {
        let filter = read(text).unwrap();
        assert!(!filter.matches(&socket, &Facts::default()), "{text}");
    }
}

#[test]
fn before_the_join_only_the_socket_counts() {
    let (socket, _) = connection();
    let may = |text: &str| read(text).unwrap().may_match(&socket);
    assert!(may("process=nobody") && may("role=outbound") && may("pid=1") && may("not pid=10"));
    assert!(may("port=8080") && !may("port=1") && !may("state=listen"));
    assert!(may("port=1 or pid=3") && !may("port=1 and pid=3"));
    assert!(!may("not port=8080") && !may("not (port=8080 or pid=1)"));
}

#[test]
fn errors_point_and_teach() {
    for (text, what, caret, hint) in [
        (
            "stat = listen",
            "unknown name 'stat'",
            "^stat = ",
            "did you mean 'state'",
        ),
        (
            "state = LISTN",
            "'LISTN' is not a state",
            "= ^LISTN",
            "did you mean 'LISTEN'",
        ),
        (
            "role = client",
            "'client' is not a valid role",
            "= ^client",
            "outbound",
        ),
        ("lport = ", "a value is missing", "= ^", "for example"),
        (
            "lport = http-alts",
            "no service",
            "= ^http-alts",
            "for example",
        ),
        ("lport = 99999", "above 65535", "= ^99999", "for example"),
        ("lport = 9-1", "ends before", "= ^9-1", "for example"),
        ("lport < 1-2", "is a range", "< ^1-2", "with a range"),
        ("state < listen", "cannot be ordered", "^state", "use ="),
        ("lport ~ 80", "is a number", "^lport", "use ="),
        (
            "peer = 10.0.0.300",
            "not an address",
            "= ^10.0.0.300",
            "for example",
        ),
        (
            "peer in 10.0.0.0/33",
            "at most 32 bits",
            "in 10.0.0.0/^33",
            "for example",
        ),
        ("recv_q > 5parsecs", "not a number", "> ^5parsecs", "64k"),
        ("(lport = 1", "a ')' is missing", "1^", "every '('"),
        ("lport = 1)", "unmatched ')'", "1^)", "remove it"),
        ("lport = 1 and", "a comparison is missing", "and^", "a name"),
        (
            "and lport = 1",
            "expected a name, not 'and'",
            "^and",
            "a name",
        ),
        ("lport = 1 or or pid = 2", "not 'or'", "or ^or", "a name"),
        ("lport", "operator is missing", "lport^", "= !="),
        ("lport = 1, ", "a value is missing", ",", "for example"),
        (
            "process ~ '['",
            "not a valid regular expression",
            "~ ^'['",
            "quote",
        ),
        (
            "process = 'java",
            "closing quote is missing",
            "= ^'java",
            "close it",
        ),
        ("= 5", "not '='", "^= 5", "a name"),
        ("state", "a state is missing", "state^", "for example"),
        ("fwmark = 0x1/", "not a number", "= 0x1/^", "0x1f"),
        (
            "fwmark = 0x3/0x1",
            "outside the mask",
            "= ^0x3",
            "bits of the mask",
        ),
        ("cgroup = /cg/none", "no cgroup", "= ^/cg/none", "directory"),
        ("cookie = zz", "not a cookie", "= ^zz", "hexadecimal"),
        ("timer = soon", "valid timer", "= ^soon", "keepalive"),
        ("autobound", "not supported", "^autobound", "lport in"),
        ("state = ", "a value is missing", "= ^", "for example"),
    ] {
        let error = read(text).expect_err(text);
        assert!(error.message.contains(what), "{text}: {error:?}");
        assert!(error.message.contains(caret), "{text}: {error:?}");
        assert!(error.hint.contains(hint), "{text}: {error:?}");
        assert_eq!(error.message.lines().count(), 1, "{error:?}");
        assert_eq!(error.hint.lines().count(), 1, "{error:?}");
    }
    let deep = format!("{}lport=1{}", "(".repeat(10_000), ")".repeat(10_000));
    assert!(read(&deep).unwrap_err().message.contains("too deep"));
    let deep = "not ".repeat(10_000) + "lport=1";
    assert!(read(&deep).is_err());
}

#[test]
fn what_the_kernel_can_decide_is_known() {
    let narrow = |text: &str| read(text).unwrap().narrow();
    let range = |first, last| Some(PortRange { first, last });
    assert_eq!(narrow("lport in 80,8000-8100").local_port, range(80, 8100));
    assert_eq!(
        narrow("lport > 80 and lport < 90").local_port,
        range(81, 89)
    );
    assert_eq!(narrow("lport = 1 or lport = 3").local_port, range(1, 3));
    assert_eq!(narrow("lport = 1 or pid = 3"), Narrow::default());
    assert_eq!(narrow("not lport = 1"), Narrow::default());
    assert_eq!(narrow("lport != 1"), Narrow::default());
    assert_eq!(narrow("dport = :443").peer_port, range(443, 443));
    assert_eq!(narrow("port = 5 pid=1").any_port, range(5, 5));
    let peer = narrow("dst 10.0.0.0/8:443").peer.unwrap();
    assert_eq!(
        (peer.address.to_string(), peer.length),
        ("10.0.0.0".into(), 8)
    );
    let mapped = narrow("local in ::ffff:10.0.0.0/104").local.unwrap();
    assert_eq!(
        (mapped.address.to_string(), mapped.length),
        ("10.0.0.0".into(), 8)
    );
    let states = |text: &str| read(text).unwrap().states();
    assert!(!states("state=listen lport=1").contains(State::CloseWait));
    assert!(states("state=listen or lport=1").contains(State::CloseWait));
    assert!(!states("not (state=listen or state=closing)").contains(State::Closing));
    assert!(states("not (state=listen and pid=1)").contains(State::Listen));
}
