//! What a source does not tell is never taken for a value: who compares it gets an incomplete answer, and is told why.
#![allow(
    unsafe_code,
    clippy::cast_possible_truncation,
    reason = "one sets an option of a socket"
)]

use common::{Answer, Fault, NOBODY, Namespace, Run, Scene, problem_codes, sandbox, sockets};
use serde_json::json as value;
use std::net::TcpListener;
use std::os::fd::AsRawFd;

/// `CAP_NET_ADMIN`.
const NET_ADMIN: &[libc::c_ulong] = &[12];

/// A listener that is bound to the interface lo.
fn on_loopback() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // SAFETY: SO_BINDTODEVICE reads three bytes of a live string.
    common::checked(unsafe {
        libc::setsockopt(
            listener.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_BINDTODEVICE,
            c"lo".as_ptr().cast(),
            3,
        )
    })
    .unwrap();
    listener
}

/// The ports of the rows, whether the answer is complete, and what `--strict` says.
fn asked(words: &[&str]) -> (Vec<u64>, bool, i32, Answer) {
    let answer = Run::new(&[words, &["--json", "--no-owners"]].concat()).output();
    let told = answer.json();
    let ports = sockets(&told).iter();
    let ports = ports.map(|socket| socket["local"]["port"].as_u64().unwrap());
    let strict = Run::new(&[words, &["--strict", "-q", "--no-owners"]].concat()).output();
    let complete = told["complete"] == true;
    (ports.collect(), complete, strict.code(), answer)
}

#[test]
fn a_filter_by_what_is_not_told_is_not_complete() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let bound = on_loopback();
    let port = bound.local_addr().unwrap().port();
    let _both = Scene::start(&["listen-v6", "--address", "::", "--port", "9001"]);
    let here = format!("local=127.0.0.1%lo:{port}");
    for filter in [
        here.as_str(),
        "dev = lo",
        "dev = 0",
        "local=*:9001",
        "local=[::]:9001",
        "fwmark = 33",
        "rmem_limit > 0",
        "tos >= 0",
    ] {
        for collector in ["procfs", "netstat2"] {
            let words = ["listen", "-t", "--collector", collector, filter];
            let (ports, complete, strict, answer) = asked(&words);
            let what = format!("{collector} {filter}: {answer:?}");
            assert_eq!((complete, strict), (false, 3), "{what}");
            // What is bound to an interface is not shown as bound to none.
            assert!(filter != "dev = 0" || ports.is_empty(), "{what}");
            assert_eq!(
                answer.stderr.matches("filter compares").count(),
                1,
                "{what}"
            );
            assert!(answer.stderr.contains("--collector netlink"), "{what}");
        }
        let (_, complete, strict, answer) = asked(&["listen", "-t", filter]);
        let is_none = ["fwmark = 33", "local=[::]:9001"].contains(&filter);
        let code = i32::from(is_none);
        assert_eq!((complete, strict), (true, code), "{filter}: {answer:?}");
    }
    // What is told decides as ever.
    let at = format!("local=127.0.0.1:{port}");
    let (ports, complete, strict, answer) = asked(&["listen", "-t", "--collector", "procfs", &at]);
    assert_eq!(
        (ports, complete, strict),
        (vec![port.into()], true, 0),
        "{answer:?}"
    );
}

/// Views that count say the same.
#[test]
fn who_counts_says_what_is_not_told() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established", "--port", "8080"]);
    for words in [
        &["conns", "rtt > 1"][..],
        &["states", "idle < 5m"],
        &["buildup", "rtt > 1"],
        &["port", "8080", "rtt > 1"],
        &["inspect", "rtt > 1"],
        &["conns", "--pids", "rtt > 1"],
    ] {
        let run = |more: &[&str]| {
            let run = Run::new(&[words, &["-t", "--strict"], more].concat());
            run.before(sandbox::no_netlink(libc::EPERM)).output()
        };
        let answer = run(&[]);
        assert_eq!(answer.code(), 3, "{answer:?}");
        assert_eq!(
            answer.stderr.matches("filter compares").count(),
            1,
            "{answer:?}"
        );
        if words[1] != "--pids" {
            let told = run(&["--json"]).json();
            assert_eq!(told["complete"], false, "{words:?}: {told}");
            assert!(
                problem_codes(&told).contains(&"details_unknown"),
                "{words:?}: {told}"
            );
        }
    }
    for filter in ["recv_q = 0", "timer = keepalive"] {
        let words = [
            "states",
            "-t",
            "--collector",
            "netstat2",
            "--strict",
            filter,
        ];
        let answer = Run::new(&words).output();
        assert_eq!(answer.code(), 3, "{answer:?}");
    }
}

#[test]
fn a_wildcard_that_may_take_both_is_told_where_it_is_shown() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _both = Scene::start(&["listen-v6", "--address", "::", "--port", "8001"]);
    let _six = Scene::start(&["listen-v6only", "--address", "::", "--port", "8002"]);
    for (words, complete) in [
        (&["listen", "-t"][..], true),
        (&["listen", "-t", "-6"], true),
        (&["listen", "-t", "-4"], false),
        (&["port", "8002"], true),
        (&["port", "8002", "-4"], false),
        (&["conns", "-a"], true),
        (&["inspect", "port=8001"], true),
    ] {
        let run = |more: &[&str]| Run::new(&[words, &["--no-owners"], more].concat()).output();
        let known = run(&[]);
        assert!(!known.stderr.contains("accepts IPv4"), "{known:?}");
        let guessed = run(&["--collector=procfs"]);
        assert_eq!(
            guessed.stderr.matches("accepts IPv4").count(),
            1,
            "{guessed:?}"
        );
        let told = run(&["--collector=procfs", "--json"]).json();
        let problems = told["problems"].as_array().unwrap();
        let guess = problems.iter().find(|p| p["code"] == "v6only_unknown");
        assert!(guess.is_some(), "{words:?}: {told}");
        // Bound-only sockets are another matter.
        let complete = complete && words[0] == "listen";
        assert_eq!(told["complete"], complete, "{words:?}: {told}");
    }
    let without = ["listen", "-t", "--collector=procfs", "lport=8003"];
    assert!(!Run::new(&without).output().stderr.contains("accepts IPv4"));
}

/// Marks are told to whoever may administer the network namespace, whatever the user's number.
#[test]
fn marks_are_hidden_for_want_of_a_capability() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established", "--port", "8080"]);
    let listen = || Run::new(&["listen", "--no-owners", "--strict", "--json", "mark = 0"]);
    let lacking = [
        listen().before(sandbox::without_capabilities(NET_ADMIN)),
        listen().before(sandbox::root_of_a_user_namespace),
        listen().user(NOBODY),
    ];
    for run in lacking {
        let answer = run.output();
        let told = answer.json();
        assert_eq!((answer.code(), sockets(&told).len()), (3, 0), "{answer:?}");
        assert_eq!(problem_codes(&told), ["marks_hidden"], "{answer:?}");
    }
    let told = listen().output().json();
    assert_eq!((sockets(&told).len(), &told["problems"]), (1, &value!([])));
    for command in ["states", "buildup"] {
        let run = Run::new(&[command, "mark = 33", "--no-owners", "--json"]);
        let told = run.user(NOBODY).output().json();
        assert_eq!(told["complete"], false, "{told}");
        assert!(problem_codes(&told).contains(&"marks_hidden"), "{told}");
    }
}

/// A table of which the kernel gave a part before it failed: the rest comes from /proc/net.
#[test]
fn rows_of_two_sources_are_those_of_the_poorer() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established", "--count", "600"]);
    let run = |words: &[&str]| {
        let breaks = Fault::new(libc::SYS_recvmsg, libc::ENOBUFS)
            .when(|call| call.file(0).starts_with("socket:"))
            .after(4);
        let words = [&["conns", "-t", "--json", "--no-owners"], words].concat();
        Run::new(&words).fault(breaks).output().json()
    };
    let told = run(&[]);
    let cookies = sockets(&told)
        .iter()
        .filter(|socket| !socket["cookie"].is_null());
    let cookies = cookies.count();
    assert!(0 < cookies && cookies < sockets(&told).len(), "{cookies}");
    assert_eq!(told["collector"], "procfs");
    let problems = told["problems"].as_array().unwrap();
    let fallback = problems
        .iter()
        .find(|p| p["code"] == "table_fallback")
        .unwrap();
    let message = fallback["message"].as_str().unwrap();
    assert!(
        message.contains("the rest was read from /proc/net/tcp"),
        "{message}"
    );
    let chosen = run(&["rtt >= 0"]);
    assert_eq!(chosen["complete"], false, "{chosen}");
    assert!(
        problem_codes(&chosen).contains(&"details_unknown"),
        "{:?}",
        problem_codes(&chosen)
    );
}
